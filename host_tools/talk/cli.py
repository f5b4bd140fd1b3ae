"""The commands that talk to a BMS, as typer sees them; what they do is in the files beside it."""

from typing import Annotated

import typer

from host_tools.talk import options as o


def add_to(app):
    app.command("monitor", help="How the BMS is, line by line.")(_monitor)
    app.command("points", help="What can be read from the BMS, with values and units.")(_points)
    app.command("totals", help="What the pack has been through.")(_totals)
    app.command("set", help="Write one point; needs a key.")(_set)
    app.command("log", help="The BMS's journal in words.")(_log)
    app.command("time", help="The BMS's clock: show it, set it.")(_time)
    app.command("calibrate", help="Correct what the BMS measures; needs a key.")(_calibrate)
    app.command("scan", help="Which BMSs the radio hears.")(_scan)
    app.add_typer(_limits, name="limits")
    app.add_typer(_key, name="key")


_limits = typer.Typer(
    help="The limits that run: show them, compare a file with them, apply a file.",
    no_args_is_help=True,
)
_key = typer.Typer(help="Keys: make, commission, change; the write window.", no_args_is_help=True)


def _monitor(
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    interval: Annotated[float, typer.Option(metavar="S", help="Seconds between two lines.")] = 1,
    count: Annotated[int | None, typer.Option(metavar="N", help="End after so many.")] = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import monitor

    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return monitor.monitor(bms, interval, count, as_json)


def _points(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[POINT...]", help="Which; else the usual ones.")
    ] = None,
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    meanings: Annotated[
        bool, typer.Option("--names", help="What points there are; needs no BMS.")
    ] = False,
    as_json: o.AsJson = False,
):
    from host_tools.client import coding
    from host_tools.talk import points

    if meanings:
        return points.names(as_json)
    for name in names or []:
        coding.point(name)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return points.points(bms, names or [], as_json)


def _totals(
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    as_json: o.AsJson = False,
):
    from host_tools.talk import totals

    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return totals.totals(bms, as_json)


def _set(
    point: Annotated[str, typer.Argument(metavar="POINT", help="As switches_allowed.")],
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help="A whole number in the point's unit; for switches_allowed also none, charge,"
            " discharge, both.",
        ),
    ],
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    role: o.Role = "owner",
    key_file: o.KeyFile = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import setting

    where, number = setting.parse(point, value)
    o.check_role(role)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return setting.set_point(bms, where, number, role, key_file, as_json)


def _log(
    event: Annotated[
        int | None, typer.Argument(metavar="[N]", help="Event of the black box.")
    ] = None,
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    last: Annotated[
        int | None, typer.Option(metavar="N", help="Only so many of the latest.")
    ] = None,
    from_box: Annotated[
        bool,
        typer.Option("--black-box", help="The latest trip of the black box, or that of number N."),
    ] = False,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the black box's values there.")
    ] = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import black_box, log

    if not from_box and (event is not None or csv is not None):
        raise ValueError("an event's number and --csv go with --black-box")
    if from_box:
        with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
            return black_box.show(bms, event, csv, as_json)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return log.log(bms, last, as_json)


def _time(
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    wanted: Annotated[
        str | None,
        typer.Option(
            "--set", metavar="now|UNIX", help="Tell it this computer's time, or another."
        ),
    ] = None,
    role: o.Role = "owner",
    key_file: o.KeyFile = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import clock

    unix_s = clock.parse(wanted) if wanted is not None else None
    o.check_role(role)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        if wanted is None:
            return clock.show(bms, as_json)
        return clock.put(bms, unix_s, role, key_file, as_json)


def _calibrate(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="current-zero, current-gain, cell-voltage, undo, or show."
        ),
    ],
    true_ma: Annotated[
        int | None, typer.Option(metavar="MA", help="The current that flows, + = charging.")
    ] = None,
    cell: Annotated[int | None, typer.Option(metavar="N", help="Which cell, from 1.")] = None,
    true_mv: Annotated[int | None, typer.Option(metavar="MV", help="The cell's voltage.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure and tell; take nothing over.")
    ] = False,
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    role: o.Role = "owner",
    key_file: o.KeyFile = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import calibrate

    wanted = calibrate.parse(what, true_ma, cell, true_mv, dry_run)
    o.check_role(role)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return calibrate.calibrate(bms, wanted, role, key_file, as_json)


def _scan(
    run_dir: o.RadioOf = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long to listen.")] = 5,
    everybody: Annotated[bool, typer.Option("--all", help="Others than BMSs, too.")] = False,
    as_json: o.AsJson = False,
):
    from host_tools.talk import scan

    return scan.scan(run_dir, seconds, everybody, as_json)


@_limits.command("show", help="The limits that run.")
def _show(
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    as_toml: Annotated[bool, typer.Option("--toml", help="As a file for diff and apply.")] = False,
    as_json: o.AsJson = False,
):
    from host_tools.talk import limits

    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return limits.show(bms, as_json, as_toml)


_File = Annotated[
    str,
    typer.Argument(
        metavar="FILE.toml", help="Limits by name, as [limits.cell_over_voltage] trip_mv = 3600."
    ),
]


@_limits.command("diff", help="What a file would change; exit code 1 if anything.")
def _diff(
    file: _File,
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    as_json: o.AsJson = False,
):
    from host_tools.talk import limits, limits_file

    wanted = limits_file.read(file)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return limits.diff(bms, wanted, as_json)


@_limits.command("apply", help="Bring a file's limits onto the BMS; needs the owner's key.")
def _apply(
    file: _File,
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge them and send nothing.")
    ] = False,
    undo: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Where the old limits are kept; an existing file stays as it is."
        ),
    ] = "limits-undo.toml",
    chemistry: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the cells: judge by its bounds here, too."),
    ] = None,
    key_file: o.KeyFile = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import limits, limits_file

    wanted = limits_file.read(file)
    limits.check_chemistry(chemistry)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return limits.apply(bms, wanted, ("owner", key_file), dry_run, undo, chemistry, as_json)


@_key.command("new", help="Make a random key in a new file.")
def _new(file: Annotated[str, typer.Argument(metavar="FILE")], as_json: o.AsJson = False):
    from host_tools.talk import key

    return key.new(file, as_json)


_NewKey = Annotated[
    str | None,
    typer.Option(
        "--new-key-file", metavar="FILE", help="File with the new key; else it is asked for."
    ),
]


@_key.command(
    "commission", help="Set a key without the old one: hold the board's button at start."
)
def _commission(
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    role: o.Role = "owner",
    new_key_file: _NewKey = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import key

    o.check_role(role)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return key.commission(bms, role, new_key_file, as_json)


@_key.command("set", help="Give a role another key; needs the owner's.")
def _change(
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    role: o.Role = "owner",
    key_file: o.KeyFile = None,
    new_key_file: _NewKey = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import key

    o.check_role(role)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return key.change(bms, role, key_file, new_key_file, as_json)


@_key.command("window", help="Let JBD and plain Modbus write for a while; needs the owner's key.")
def _window(
    seconds: Annotated[str, typer.Argument(metavar="SECONDS|close", help="1 to 3600, or close.")],
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    key_file: o.KeyFile = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import key

    seconds_open = key.seconds(seconds)
    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return key.window(bms, seconds_open, key_file, as_json)


@_key.command(
    "broadcast",
    help="Encrypt what the board tells everybody (BTHome); needs the owner's key. FILE has 32 hex"
    " digits, and is made if it is not there.",
)
def _broadcast(
    file: Annotated[str, typer.Argument(metavar="FILE|plain")],
    port: o.Port = None,
    ble: o.Ble = None,
    run_dir: o.RunDir = None,
    node: o.Node = 1,
    protocol: o.Protocol = None,
    baud: o.Baud = 9600,
    unit: o.Unit = 1,
    key_file: o.KeyFile = None,
    as_json: o.AsJson = False,
):
    from host_tools.talk import key

    with o.Where(port, run_dir, node, protocol, baud, unit, ble).open() as bms:
        return key.broadcast(bms, file, key_file, as_json)
