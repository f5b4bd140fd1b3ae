"""docs/pylontech.md: what each answer holds, from the engine's own layouts."""

from host_tools import meanings
from host_tools.firmware import load
from host_tools.points.declared import POINTS

_HEAD = """# Pylontech RS485

Written by `make docs`. With this protocol an inverter takes the pack for one low-voltage battery
module of that make and follows the voltages and currents that it is allowed. In the simulator
`--rs485 pylontech` chooses it; a board of yours says so in its `board.py`:

```python
RS485_PROTOCOL = "pylontech"
RS485_BAUD = 115200  # 9600 to 115200; many inverters talk 9600
RS485_STATION = 2  # 2 to 15; in group m 16 x m more
```

```sh
.venv/bin/vigil sim --rs485 pylontech --speed 1
.venv/bin/python -c "import pylontech; print(pylontech.Pylontech('/dev/pts/3').get_values())"
```

`make build` then brings Pylontech and the points along and leaves the other protocols out: 14 KB
of the 120 KB that a board's files may have, and 25 KB of a Pico's heap, more than JBD.

115200 baud, 8N1, address 2 by default. Nothing can be written: the commands that set values (94)
and switch off (95) are refused, counted and told to the journal. Reading needs no key.

## Settings of an inverter

| setting | choose |
|---|---|
| battery | lithium, Pylontech (also PYL, PYLON, US2000 or US3000), by RS485 and not by CAN |
| baud rate | that of the board; 9600 or 115200, as the inverter's manual says |
| address | that of the board, 2 for the first or only one |
| battery's capacity | its own, where the inverter asks for it |
| charge voltage, currents | what the cells stand: it falls back on that when it hears nothing |

Several packs on one wire have the addresses 2, 3 and so on, each answers for itself; a question to
the whole group (INFO FF) is answered by each as a group of one module, so ask them one by one.

**Never tried:** any real inverter, any real module beside it, the newer commands 60 to 63, which
some inverters insist on (they are refused with code 4; only 61 has a health). It was tried with
python-pylontech 0.3.3 and with frames that are published. Before you rely on it see the inverter
stop when you open the interlock, and when you pull out the RS485 plug.

## Frames

`~`, version 20, address, 46, command, length with its sum, INFO, sum, carriage return: all hex
characters in upper case. The version of a request makes no difference. Between a request and its
answer lie 3.5 characters, 1.75 ms at least, and at most 20 ms; the bus is given back as
[Modbus](modbus.md) does it.

| code of an answer | when |
|---|---|
| 00 | all is well |
| 02 | the sum is wrong |
| 03 | the sum of the length is wrong |
| 04 | no such command, or one that sets something |
| 05 | the length is not that of the frame, or INFO is no number |
| 06 | INFO names another module |

Requests to another address or another make (not 46), half frames, and answers, its own too, are
met with silence. 4F and 51 are answered at address 0 too, by a module whose address ends with 2.

## Answers

What is not known, or is too old, is told so that an inverter stops rather than guesses, as the
last column says. Besides, both switches are open then, and 92 allows nothing.
"""
_COMMANDS = {
    0x42: "analog values",
    0x44: "alarms and states",
    0x47: "limits",
    0x4F: "version of the protocol",
    0x51: "maker",
    0x92: "what is allowed now",
    0x93: "serial number",
    0x96: "version of the firmware",
}
_UNITS = {
    0: (1, ""),
    1: (2, "mV"),
    2: (2, "0.1 K"),
    3: (2, "0.1 A, + = charging"),
    4: (2, "0.1 A, towards zero"),
    5: (2, "0.1 A, negative, towards zero"),
    6: (2, ""),
    7: (2, "mAh; FFFF above 65 Ah"),
    8: (3, "mAh; only above 65 Ah"),
}
# Own fields: what, and how it is told while it is not known.
_OWN = {
    0: ("flag, always 0", ""),
    1: ("address; in answer to FF 42 and 44 tell the number of modules, 1", ""),
    2: ("how many cells", ""),
    3: ("how many sensors, the board's own first", ""),
    4: ("hottest sensor of the board (without one: of the cells), then each sensor", "0 K"),
    5: ("2 up to 65 Ah, else 4", ""),
    6: ("each cell: 0 normal, 1 below its lower warning, 2 above its upper one", "F0"),
    7: ("each sensor: 1 too cold to charge, 2 too warm (the board's: 2 warm)", "F0"),
    8: (
        "charge current, pack voltage, discharge current: 1 low, 2 high, F0 while a switch is open"
        " for a reason that has no bit in status 1",
        "F0",
    ),
    9: ("status 1, see below", ""),
    10: ("status 2: 8 and 4 discharge switch closed, 2 charge switch closed", ""),
    11: ("status 3: 80 charging, 40 discharging, 20 heater on, 8 full", "0"),
    12: ("status 4 and 5: a bit for each cell that is not known", ""),
    13: ("characters, or the numbers of the version", ""),
    14: ("what a charger may deliver; 0 from the warning of a high cell on", "0"),
    15: ("what a load may draw; 0 from the warning of a low cell on", "0"),
    16: (
        "80 charging allowed, 40 discharging allowed; with the first 20 charge at once (a cell is"
        " below its limit) or 10 charge soon (it is below its warning); 8, a full charge, is never"
        " asked for",
        "0",
    ),
    17: ("each cell", "0 V"),
}
_LIMIT = {"limit_trip": "trips", "limit_release": "releases"}


def text():
    """The whole page."""
    engine, limits = load("link.pylontech", "limits")
    return "".join([_HEAD, *_answers(engine), *_alarms(engine, limits)])


def _answers(engine):
    points = {point.number: point for point in POINTS}
    for command, layout in engine._LAYOUTS.items():
        yield f"\n### {command:02X}: {_COMMANDS[command]}\n\n"
        if not layout:
            yield "No values.\n"
            continue
        yield "| bytes | unit | what | not known |\n|---|---|---|---|\n"
        for at in range(0, len(layout), 4):
            source = layout[at] | layout[at + 1] << 8
            size, unit = _UNITS[layout[at + 3] & 0x3F]
            many = layout[at + 3] >> 6
            if source >= 0xFF00:
                what, unknown = _OWN[source & 0xFF]
            else:
                what, unknown = _of_point(points[source], layout[at + 2], unit)
            each = " each" if many else ""
            yield f"| {size}{each} | {unit} | {what} | {unknown} |\n"


def _of_point(point, element, unit):
    if point.key in _LIMIT:
        return f"{meanings.name(element + 1, 0)} {_LIMIT[point.key]}", ""
    unknown = "" if point.key in ("charge_end_mv", "discharge_end_mv", "capacity_mah") else "0"
    return f"`{point.key}`: {point.meaning}" if point.meaning else f"`{point.key}`", unknown


def _alarms(engine, limits):
    yield "\n## Status 1\n\nAny of these limits that has tripped sets its bit.\n\n"
    yield "| bit | limits |\n|---|---|\n"
    for bit in range(7, -1, -1):
        rows = [
            meanings.name(row, 0)
            for row in range(1, limits.LAST_ROW + 1)
            if engine._ALARM_BITS[row - 1] >> bit & 1
        ]
        yield f"| {bit} | {'; '.join(rows) or 'never'} |\n"
