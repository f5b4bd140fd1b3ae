"""`vigil doctor` without a board: finds the BMS at a port, and says in words why it cannot."""

import json
from pathlib import Path

from host_tools.client import connect, line
from host_tools.client.errors import (
    ClientError,
    EchoOnly,
    Garbage,
    OtherPoints,
    OtherVersion,
    PortError,
    Refused,
    Unanswered,
)
from host_tools.client.modbus import Modbus
from host_tools.talk import overview
from host_tools.talk.options import RUN_DIR, Where, which_run_dir

_QUICK_S = 0.2
_UNITS = range(2, 17)
_PROMPTS = (b">>>", b"MicroPython", b"Traceback")
_PRINTABLE = 0.9

_SILENT = (
    "nothing answers, at no baud rate: is the board on, are A and B the right way round, is the"
    " ground connected, is this the right port?"
)
_ECHO = (
    "only our own bytes come back: this adapter hears itself, or transmit and receive are joined;"
    " the BMS itself does not answer"
)
_NOISE = (
    "bytes come, but none that these tools understand, at any baud rate: another device, other"
    " traffic on the bus, A and B swapped, or no termination"
)
_CONSOLE = (
    "a MicroPython console answers here: this is the board's own USB port, or its firmware does"
    " not run (vigil doctor --board NAME --port DEV examines the board)"
)
_TEXT = "text comes here: another device, or the console of one"
_OTHER_MODBUS = (
    "a Modbus device answers at unit {unit}, but it has not the points of this BMS: {why}"
)


def command(port, run_dir, node, baudrate, unit, as_json, ble=None):
    """As the command line says it: one port, one simulator, or all there are."""
    if not 1 <= unit <= 247:
        raise ValueError("--unit must be 1 to 247")
    if baudrate is not None and not 300 <= baudrate <= 4_000_000:
        raise ValueError("--baud must be 300 to 4000000")
    if ble is not None:
        where = Where(port, run_dir, node, None, baudrate or 9600, unit, ble)
        return _conclude([examine_ble(ble, where)], as_json)
    if port is None and run_dir is None:
        ports = [path for path, _ in line.ports()]
        if (Path(RUN_DIR) / "run.json").exists():
            ports += _simulated(RUN_DIR, node)
    elif which_run_dir(port, run_dir) is None:
        ports = [port]
    else:
        ports = _simulated(run_dir, node)
    return doctor(ports, unit, baudrate, as_json)


def _simulated(run_dir, node):
    simulated = line.of_run_dir(run_dir, node)
    return [path for path in (simulated.native, simulated.rs485) if path]


def doctor(ports, unit=1, baudrate=None, as_json=False, say=print, open_line=None):
    """Look at each port; 0 if there is a BMS and all is well, else 1."""
    if not ports:
        found = [
            {"port": None, "problems": ["no serial port is plugged in: give --port or --run-dir"]}
        ]
    else:
        found = [examine(port, unit, baudrate, open_line) for port in ports]
    return _conclude(found, as_json, say)


def _conclude(found, as_json, say=print):
    if as_json:
        say(json.dumps({"ports": found}))
    else:
        for one in found:
            _tell(one, say)
    good = any("protocol" in one for one in found)
    return 0 if good and not any(one["problems"] for one in found if "protocol" in one) else 1


def examine(port, unit=1, baudrate=None, open_line=None):
    """One port: what is there, and `problems` as sentences."""
    open_line = open_line or line.SerialLine
    rates = (baudrate,) if baudrate else connect.BAUD_RATES
    try:
        opened = open_line(port, rates[0])
    except PortError as error:
        return {"port": port, "kind": error.kind, "problems": [str(error)]}
    try:
        return {"port": port, **_look(opened, unit, rates)}
    except PortError as error:
        return {"port": port, "kind": error.kind, "problems": [str(error)]}
    finally:
        opened.close()


def examine_ble(name, where):
    """The BMS of this name on Bluetooth; where: options.Where."""
    try:
        with where.open() as bms:
            return {"port": name, **_described(bms, None, 1)}
    except PortError as error:
        return {"port": name, "kind": error.kind, "problems": [str(error)]}
    except (OtherVersion, OtherPoints) as error:
        return {"port": name, "kind": "other version", "problems": [str(error)]}
    except (Unanswered, Refused) as error:
        return {"port": name, "kind": "silent", "problems": [f"it does not answer: {error}"]}


def _look(opened, unit, rates):
    usual_s = opened.answer_s
    opened.answer_s = _QUICK_S
    failures = []
    for rate in rates:
        opened.set_baudrate(rate)
        try:
            bms = connect.search(opened, unit, 1)
        except (OtherVersion, OtherPoints) as error:
            return {"kind": "other version", "baud": rate, "unit": unit, "problems": [str(error)]}
        except (Unanswered, Refused) as error:
            failures.append(error)
            continue
        opened.answer_s = usual_s
        return _described(bms, rate, unit)
    if not any(isinstance(error, (Garbage, Refused)) for error in failures):
        for rate in rates[:2]:
            opened.set_baudrate(rate)
            other = _other_unit(opened)
            if other:
                opened.answer_s = usual_s
                return _described(connect.on(opened, None, other), rate, other)
    kind, text = _why(failures, unit)
    return {"kind": kind, "problems": [text]}


def _other_unit(opened):
    """A Modbus unit that answers; None if none of the usual ones does."""
    for unit in _UNITS:
        modbus = Modbus(opened, unit)
        modbus.tries = 1
        try:
            modbus.read_blocks([(0, 4)])
            return unit
        except Refused:
            return unit
        except Unanswered:
            continue
    return None


def _why(failures, unit):
    for error in failures:
        if isinstance(error, Refused):
            return "other device", _OTHER_MODBUS.format(unit=unit, why=error)
    heard = b"".join(error.heard for error in failures if isinstance(error, Garbage))
    if any(word in heard for word in _PROMPTS):
        return "console", _CONSOLE
    if heard:
        readable = sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in heard)
        if readable > _PRINTABLE * len(heard):
            return "other device", _TEXT
        return "garbage", _NOISE
    if any(isinstance(error, EchoOnly) for error in failures):
        return "echo", _ECHO
    return "silent", _SILENT


def _described(bms, rate, unit):
    found = {"kind": "bms", "protocol": bms.protocol, "baud": rate, "problems": [], "notes": []}
    if "Modbus" in bms.protocol:
        found["unit"] = unit
    if bms.identity:
        found["identity"] = {
            "name": bms.identity.name,
            "board": bms.identity.board,
            "firmware": bms.identity.firmware,
            "device_id": bms.identity.device_id.hex(),
            "keys_set": bms.identity.keys_set,
            "window_open": bms.identity.window_open,
        }
        _note_keys(bms.identity, found["notes"])
    try:
        seen = (
            overview.of_points(bms.read(*overview.KEYS), overview.running_limits(bms))
            if bms.has_points
            else overview.of_jbd(bms.overview())
        )
    except OtherPoints as error:
        found["problems"].append(str(error))
        return found
    except Refused as error:
        found["problems"].append(_OTHER_MODBUS.format(unit=unit, why=error))
        found["kind"] = "other device"
        return found
    except ClientError as error:
        found["problems"].append(f"it answers, but not reliably: {error}")
        return found
    found["problems"] += seen["faults"]
    found["notes"] += seen["warnings"]
    found["now"] = overview.line(seen)
    if bms.has_points and not bms.knows_limits:
        found["problems"].append(
            "its limits are not those that these tools have the names of:"
            " install the tools of its version"
        )
    return found


def _note_keys(identity, notes):
    if not identity.keys_set:
        notes.append("no key is set: nobody can write (vigil key commission)")
    if identity.window_open:
        notes.append("the write window is open: whoever is on the line may write")
    if identity.commissioning:
        notes.append("a key can be set just now without the old one")


def _tell(found, say):
    if "protocol" not in found:
        for problem in found["problems"]:
            say(f"{found['port'] or 'doctor'}: {problem}" if found["port"] else problem)
        return
    unit = f", unit {found['unit']}" if "unit" in found else ""
    way = "Bluetooth" if found["baud"] is None else f"{found['baud']} baud{unit}"
    say(f"{found['port']}: a BMS answers: {found['protocol']}, {way}")
    who = found.get("identity")
    if who:
        name, firmware = who["name"] or "without a name", who["firmware"] or "of no version"
        say(f"  it is {name}, {who['board']}, firmware {firmware}")
    if "now" in found:
        say(f"  {found['now'].strip()}")
    for text in found["problems"]:
        say(f"  ! {text}")
    for text in found["notes"]:
        say(f"  - {text}")
    if not found["problems"]:
        say("  all is well")
