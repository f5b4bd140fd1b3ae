"""docs/modbus.md: the port, the functions, the plain map and SunSpec's models, from the code."""

from host_tools.points import declared, sunspec
from host_tools.points.declared import POINTS

_HEAD = """# Modbus RTU

Written by `make docs`. A board speaks one protocol on its RS485 port: JBD, Modbus or
[Pylontech](pylontech.md). In the simulator `--rs485 modbus` chooses it; a board of yours says so
in its `board.py`:

```python
RS485_PROTOCOL = "modbus"
RS485_BAUD = 9600  # to 115200
RS485_STATION = 1  # the unit, 1 to 247
```

`make build` then brings Modbus and SunSpec along, and leaves the other protocols out. Whoever
wants no SunSpec calls `vigil.link.modbus.offer` himself.

Of the 120 KB that a board's files may have, Modbus with the points takes 14 KB more than JBD,
SunSpec 5 KB more.

9600 baud, 8N1, unit 1 by default; baud rates from 9600 to 115200 and units 1 to 247 work. The
bus is given back within 0.2 ms of the last stop bit, or if a cycle is running just then when that
is over, up to 6 ms later: for a master that is quicker take a transceiver that turns round by
itself. Between a request and its answer there is a silence of 3.5 characters at least, and at
most 20 ms. All this by the simulator's clock and its table of costs.

```sh
.venv/bin/vigil sim --rs485 modbus --speed 1
mbpoll -m rtu -a 1 -b 9600 -P none -0 -1 -t 4 -r 100 -c 16 /dev/pts/3    # all cells, in mV
```

| function | does |
|---|---|
| 3, 4 | read 1 to 125 registers; both see the same ones |
| 6 | write one register |
| 16 | write 1 to 123 registers: all of them or none |
| 100 | the native protocol ([`native-protocol.md`](native-protocol.md)), where a board offers it |
| others | exception 1 |

| exception | means |
|---|---|
| 1 | unknown function |
| 2 | a register of the range is nobody's, or nobody may write it |
| 3 | a count that does not fit, a value out of range, or the writer has not the role |
| 6 | too many writes wait |

A damaged request and one to another unit are met with silence; a broadcast (unit 0) is done and
never answered. Other stations' frames on the bus are passed over. Behind a stray byte a request
that reads is answered all the same; one that writes is not believed there. The exact reason of a
refused write is in register {result} ([`points.md`](points.md), which also tells who may write:
today nobody).

An answer begins within 20 ms of a request's end, long writes included: one request can write all
trips of a set (100 registers) and is checked, queued and answered within 15 ms. That holds for the
longest reads at 115200 baud, too, when they come while rubbish is collected.

Beside a cycle of 20 ms, whose own work takes 9 ms with two LTC6813, reads of more than 80
registers at 115200 baud may begin later: 22 ms, or 26 ms when rubbish is collected just then. No
cycle is late for them. Fewer registers at a time are answered sooner.

## Plain map

The addresses are those on the wire, counted from 0 ("40001" in some programs is address 0). A
whole block can be read at once, a gap between blocks is exception 2: {blocks}.

| register | point | registers | type | unit | means |
|---|---|---|---|---|---|
"""
_SUNSPEC = """
What may be written, and everything about it, is told in [`points.md`](points.md).

## SunSpec

From register {start} on: models {models}, one string, one module; 805 carries every cell.
Currents and powers are positive while charging. `A_SF` is -2, and -1 for packs that trip above
320 A, whose powers are in units of 10 W. Not known, or not there, is what SunSpec says for it.
`AlmRst` = 1 is the owner's reset, `SetOp` = 1 or 2 allows both switches or keeps both off; other
points that SunSpec would let one write are read only. `VMax` and `VMin` are where a charger and
a load should end, not where the limits trip. `EvtVnd1` and `EvtVnd2` have a bit for every row of
[`limits.md`](limits.md), the first row being bit 0.

| model | begins at | registers behind its head |
|---|---|---|
"""
_CELLS = "42 + 4 for each cell"


def text():
    """The whole page."""
    result = next(point.number for point in POINTS if point.key == "write_result")
    return "".join(
        [
            _HEAD.format(result=result, blocks=_blocks()),
            *(_line(point) for point in POINTS if not point.access),
            _SUNSPEC.format(start=sunspec.START, models=", ".join(map(str, sunspec.MODELS))),
            *_models(),
        ]
    )


def _line(point):
    symbol, scale = declared.UNITS[point.unit]
    unit = f"{symbol} x 10^{scale}" if scale else symbol
    each = "" if point.count == 1 else f", {point.count} elements"
    return (
        f"| {point.number} | `{point.key}` | {point.registers} |"
        f" {declared.NAMES[point.type]}{each} | {unit} | {point.meaning} |\n"
    )


def blocks():
    """(first, last) register of each run of points without a gap."""
    found = []
    for point in POINTS:
        end = point.number + point.registers
        if found and found[-1][1] == point.number:
            found[-1][1] = end
        else:
            found.append([point.number, end])
    return [(first, end - 1) for first, end in found]


def _blocks():
    return ", ".join(f"{first} to {last}" for first, last in blocks())


def _models():
    at = sunspec.START + 2
    for number, model in sunspec.MODELS.items():
        length = sunspec.registers(model)
        behind = _CELLS if number == 805 else str(length - 2)
        yield f"| {number} | {at} | {behind} |\n"
        at += length
