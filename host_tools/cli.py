"""The command `vigil`. Whatever is wrong with an argument ends with one line and exit code 2."""

import os
import sys
from typing import Annotated

import typer

from host_tools.client.errors import ClientError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Vigil: open battery management firmware, and the tools that prove it on a desk.",
)


@app.callback(invoke_without_command=True)
def vigil(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
):
    if version:
        from importlib.metadata import version as installed

        print(f"vigil {installed('vigil-bms')}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        print(context.get_help())


# Options arrive as text: settings.check() has better sentences than a generic parser.
@app.command(
    help="Run the firmware on a simulated battery, show it live, let real clients attach."
)
def sim(
    context: typer.Context,
    board: Annotated[str, typer.Option(metavar="NAME", help="Simulated board.")] = "sim16_lfp",
    profile: Annotated[
        str,
        typer.Option(
            metavar="FILE.csv|NAME",
            help="Current over time: a csv file with time_s and current_ma (+ = charging) or "
            "crate_x1000, or one of solar-home, rest, charge, discharge.",
        ),
    ] = "solar-home",
    speed: Annotated[
        str, typer.Option(metavar="N|max", help="Virtual seconds in a real one.")
    ] = "1",
    duration: Annotated[
        str | None, typer.Option(metavar="S", help="End after so many virtual seconds.")
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N", help="Same seed, same run.")] = "1",
    soc: Annotated[str, typer.Option(metavar="PERCENT", help="State of charge at start.")] = "40",
    ambient: Annotated[
        str, typer.Option(metavar="C", help="Temperature of the air and the pack at start, degC.")
    ] = "25",
    aged: Annotated[
        str,
        typer.Option(
            metavar="PERCENT", help="Capacity that ageing has taken on average, 0 to 50."
        ),
    ] = "0",
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help='As "t=20 cell 5 mv 3720"; may be given repeatedly.'),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.toml", help="Pack, limits, current and events from a scenario file."
        ),
    ] = None,
    rs485: Annotated[
        str, typer.Option(metavar="jbd|modbus|pylontech", help="Protocol on RS485.")
    ] = "jbd",
    baud: Annotated[
        str | None,
        typer.Option(metavar="N", help="9600 to 115200; else what is usual for the protocol."),
    ] = None,
    noise: Annotated[
        str,
        typer.Option(metavar="PERCENT", help="Bytes damaged on the RS485 wire, 0 to 20."),
    ] = "0",
    radio_loss: Annotated[
        str, typer.Option(metavar="PERCENT", help="Packets lost on the radio, 0 to 99.")
    ] = "0",
    no_radio: Annotated[
        bool, typer.Option("--no-radio", help="Boards without Bluetooth.")
    ] = False,
    nodes: Annotated[
        str,
        typer.Option(
            metavar="N", help="How many batteries, 1 to 8; on one wire unless it speaks JBD."
        ),
    ] = "1",
    run_dir: Annotated[
        str, typer.Option(metavar="DIR", help="Where run.json tells what runs.")
    ] = ".run",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a virtual second.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Plain lines, also on a terminal.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
):
    from host_tools.sim import interpreter, settings, supervisor

    wanted = settings.check(
        board,
        profile,
        speed,
        duration,
        seed,
        soc,
        fault or [],
        run_dir,
        rs485,
        nodes,
        as_json,
        plain,
        ambient,
        aged,
        baud,
        noise,
        not no_radio,
        radio_loss,
    )
    node = supervisor.NODE
    if scenario is not None:
        from host_tools.prove import live

        given = [name for name in live.SAID_BY_THE_FILE if _is_given(context, name)]
        wanted = live.play(wanted, scenario, given)
        node = live.NODE
    path, note = interpreter.find()
    if note:
        print(f"vigil sim: {note}", file=sys.stderr, flush=True)
    return supervisor.run(wanted, path, node)


@app.command(help="Run scenarios and judge what the simulated hardware did.")
def prove(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE...]", help="Scenario files; without any, the whole library."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
    report: Annotated[
        str | None, typer.Option(metavar="FILE.html", help="Write a page with a plot of each run.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Run on this board whatever is written for no board of its own."
        ),
    ] = None,
):
    from host_tools.prove import command

    return command.prove(files, as_json, report, board)


@app.command(
    help="Find a BMS at a port and say what is wrong; with --board examine the board itself, or a "
    "simulated one, and write a report to share."
)
def doctor(
    board: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the board is set up as.")
    ] = None,
    port: Annotated[
        str | None,
        typer.Option(
            metavar="DEV",
            help="Serial port; without it every port is looked at. With --board: of a real board, "
            "whose firmware is stopped meanwhile; without it the simulated board is examined.",
        ),
    ] = None,
    run_dir: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Look at what the simulator in this directory runs."),
    ] = None,
    ble: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Look at the BMS of this name on Bluetooth; with --run-dir on that simulator's "
            "radio.",
        ),
    ] = None,
    node: Annotated[int, typer.Option(metavar="N", help="Which of its batteries.")] = 1,
    baud: Annotated[
        int | None, typer.Option(metavar="N", help="Only this baud rate; else the usual ones.")
    ] = None,
    unit: Annotated[int, typer.Option(metavar="N", help="Modbus unit to begin with.")] = 1,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Writes FILE.json and FILE.txt; doctor-NAME without it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
):
    if board is None and report is None:
        from host_tools.talk import search

        return search.command(port, run_dir, node, baud, unit, as_json, ble)
    if run_dir is not None or baud is not None or ble is not None:
        raise ValueError("--run-dir, --ble and --baud look for a BMS and go without --board")
    from host_tools.doctor import command

    return command.doctor(board, port, report, as_json)


@app.command(help="Run the firmware's estimators over a recorded log of one cell.")
def replay(
    path: Annotated[
        str,
        typer.Argument(
            metavar="LOG.csv",
            help="Columns time_s, current_ma (+ = charging), voltage_mv and, if known, temp_c.",
        ),
    ],
    chemistry: Annotated[str, typer.Option(metavar="NAME", help="LFP, NMC, NCA, LTO or Na-ion.")],
    capacity_mah: Annotated[str, typer.Option(metavar="Q", help="Capacity of the cell.")],
    start_soc: Annotated[
        str, typer.Option(metavar="PERCENT|unknown", help="Charge at the first row.")
    ] = "unknown",
    offset_ma: Annotated[str, typer.Option(metavar="X", help="Added to the log's current.")] = "0",
    gain_pct: Annotated[
        str, typer.Option(metavar="Y", help="The log's current is made so much larger.")
    ] = "0",
    voltage_offset_mv: Annotated[
        str, typer.Option(metavar="Z", help="Added to the log's voltage.")
    ] = "0",
    sensor_offset_ma: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="What the current sensor may be off by, one sigma; 1 mA for each Ah if not told.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a second, in the place of a table.")
    ] = False,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Draw the trace (.svg, .png, .pdf) instead of printing it."
        ),
    ] = None,
):
    from host_tools.replay import command

    return command.replay(
        path,
        chemistry,
        capacity_mah,
        start_soc,
        offset_ma,
        gain_pct,
        voltage_offset_mv,
        sensor_offset_ma,
        as_json,
        plot,
    )


def _add_talk():
    from host_tools.bridge.cli import bridge
    from host_tools.talk import cli as talk

    talk.add_to(app)
    app.add_typer(bridge, name="bridge")


_add_talk()


def main(arguments=None):
    """Run the command; returns the exit code."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="vigil", standalone_mode=False) or 0
        sys.stdout.flush()
        return code
    except (typer.Abort, KeyboardInterrupt):
        return 0
    except _usage_error() as error:
        return _refuse("vigil", error.format_message())
    except ValueError as error:
        return _refuse(f"vigil {_subcommand(arguments)}", str(error))
    except ClientError as error:
        _refuse(f"vigil {_subcommand(arguments)}", str(error))
        return 1
    except BrokenPipeError:
        # Whoever read our output has seen enough; as typer ends where it notices first.
        _say_no_more()
        return 1
    except OSError as error:
        _refuse(f"vigil {_subcommand(arguments)}", f"cannot go on: {error.strerror or error}")
        _say_no_more()
        return 1


def _say_no_more():
    """What is still in the buffer would only fail again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage_error():
    # typer has no public name for what every error of a command line descends from.
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _is_given(context, option):
    return context.get_parameter_source(option).name == "COMMANDLINE"


def _subcommand(arguments):
    words = sys.argv[1:] if arguments is None else arguments
    return next((word for word in words if not word.startswith("-")), "sim")


def _refuse(who, text):
    print(f"{who}: {' '.join(text.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
