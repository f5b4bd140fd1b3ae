"""`vigil bridge mqtt`, as typer sees it."""

from typing import Annotated

import typer

from host_tools.talk import options as o

bridge = typer.Typer(
    help="Show packs elsewhere: in Home Assistant, by MQTT.", no_args_is_help=True
)


# With only one command typer would leave its name out.
@bridge.callback()
def _bridge():
    pass


@bridge.command("mqtt", help="Home Assistant finds the packs by itself; runs until Ctrl-C.")
def _mqtt(
    broker: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="The MQTT broker.")
    ] = "localhost",
    port: Annotated[
        list[str] | None, typer.Option(metavar="DEV", help="Serial port of a BMS; repeatable.")
    ] = None,
    run_dir: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="All batteries of a simulator; repeatable; .run if no BMS is named.",
        ),
    ] = None,
    ble: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name or address on Bluetooth; repeatable; with one --run-dir on that simulator's"
            " radio.",
        ),
    ] = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    interval: Annotated[
        float,
        typer.Option(
            metavar="S", help="At least so long between two messages, but for what is urgent."
        ),
    ] = 5,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Of the broker.")] = None,
    password_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its first line is the password.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypted to the broker.")] = False,
    ca_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Who vouches for the broker; means --tls."),
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="TOPIC", help="Where Home Assistant looks for devices.")
    ] = "homeassistant",
    base: Annotated[
        str, typer.Option(metavar="TOPIC", help="What our own topics begin with.")
    ] = "vigil",
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this bridge among others at the same broker."),
    ] = None,
    key_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="File with a key: only with it commands are taken."),
    ] = None,
    role: o.Role = "owner",
    once: Annotated[bool, typer.Option("--once", help="Tell everything once, and end.")] = False,
):
    from host_tools.bridge import command

    return command.mqtt(
        broker=(broker, user, password_file, tls, ca_file),
        packs=(port or [], run_dir or [], ble or [], baud, unit),
        topics=(prefix, base, name),
        key=(key_file, role),
        interval=interval,
        once=once,
    )
