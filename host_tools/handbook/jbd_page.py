"""docs/jbd.md: the JBD registers and what stands behind each, from the code's own tables."""

from host_tools import firmware, meanings

_OUT_OF_TABLES = {
    0x10: "rated capacity, 10 mAh",
    0x11: "the same",
    0x15: "date as in register 03",
    0x17: "full equivalent cycles",
    0x2A: "balancing begins at, mV",
    0x2B: "balancing: so far above the lowest cell, mV",
    0x2C: "shunt, 0.1 mOhm; not a multiple of that: bit 15 and 0.01 mOhm",
    0x2D: "functions: load removal after a short circuit, balancing",
    0x2E: "temperature sensors at the cells, a bit each",
    0x2F: "cells in series",
    0x38: "short circuit, severe discharge over-current: nearest code, for the board's shunt",
    0x39: "delays of the severe cell limits: nearest code; release of a short circuit, s",
    0xA0: "`Vigil`",
    0xA1: "name of the board, as in register 05",
    0xA2: "empty",
}
_ZERO = "0: nothing here has it"
_UNITS = ("mV", "10 mV", "0.1 K", "s")
_CURRENT = "10 mA"
_FIELDS = ("trips", "releases", "trips after", "released after")

_HEAD = """# JBD

Written by `make docs`. JBD (Jiabaida, Xiaoxiang, Overkill, LLT) is what many apps, Venus OS, Home
Assistant and ESPHome understand: 9600 baud, 8N1, one device on a bus. How much of it a board
speaks its `board.py` says:

| `RS485_PROTOCOL` | answers | heap on a Pico, more than the first |
|---|---|---|
| `"jbd"` | 03, 04, 05 | |
| `"jbd_parameters"` | all that can be read, in factory mode too; no write | 4 KB |
| `"jbd_writing"` | all of that, and writing | 35 KB with points and keys behind it |

Most boards of the simulator have all of it; `pico_bq76952` has everything to read; other boards
for real hardware have the first.

## What is answered

| register | reads | writes |
|---|---|---|
| 03, 04, 05 | pack, cells, name: always | 81 |
| AA | error counters: always | 81 |
| 00 | 00 00 | 56 78 enters factory mode: everybody may |
| 01 | 80 | 00 00 leaves it and drops what was written, 28 28 saves: the owner may |
| 10 to 3F, 42 to 47, A0 to A2 | in factory mode, else 81 | the owner, in factory mode; else 81 |
| E1 | 80 | 00 XX: bit 0 keeps the charge switch off, bit 1 the discharge switch:\
 an operator may, in and out of factory mode |
| FB | 80 | YY XX, as E1: 00 discharge, 01 charge, 0A both; XX 1 off, 0 on |
| 06 | 80 | any password is right, as none is set |
| 07, 09, 0F | 80 | 81: no password can be set, and the factory's back door does nothing |
| others | 80 | 80 |

Factory mode ends 60 s after the last parameter was asked for; it is a way to read, not a
permission. Who may write is decided at the moment of the write, by the board's *authority*
([`points.md`](points.md)): the owner opens a window for a limited time. Outside it every write is
refused with 81, counted, and told to the journal; a register that is no point stands there as
65280 and its number. What is kept off by E1 is told by bit 12 of the
protection word; E1 never closes a switch against a limit, and a restart allows both again.

Register 03 tells the rated capacity, and in its newer tail as full charge capacity what the pack
holds now ([`health.md`](health.md)); that is the rated one until it has been measured. JBD has no
field for health itself.

## Writing parameters

The first parameter written begins a set of limits with those that run; each further one goes into
that set, and is read back from it. Saving has the whole set checked by the same validator as any
other, and taken over whole or not at all: 81 says that it contradicts itself or the chemistry, and
then nothing of it stays. The answer to saving a changed set comes with the verdict, in about a
tenth of a second (every other answer begins within 20 ms), and both switches open for about a
second while the front end is set up anew. An empty save clears the error counters.

* What is written back as it was read changes nothing, not even by rounding. So a client may write
  everything back with one number changed, as bmstools does.
* What is no limit cannot be changed here: 81, unless it is written as it was read.
* JBD has no register for a warning, for where a current releases, nor for where the severe limits
  release. They follow the limit that is written: warnings and severe releases keep their distance,
  a current's release becomes nine tenths of it.
* A stack limit does not follow the cells: write 20 to 23 as well, or saving is refused.

Rounded are voltages of the stack and currents to 10 mV and 10 mA, delays to whole seconds, 255 at
most; 38 and 39 to the nearest code that JBD has. Currents beyond 327.67 A and capacities beyond
655.35 Ah are shown as that.

A frame's sum cannot tell two errors that cancel each other, and does not cover the byte that says
read or write. So a write has to have exactly the length of its register, and to stand behind a
silence of 20 ms or a good frame: behind rubbish it is passed over, and the client asks again. A
host whose transceiver puts a stray byte before every frame reads, but cannot write.

## Parameters

| register | is | limit | unit |
|---|---|---|---|
"""
_COUNTERS = """
## Error counters

Register AA, 24 bytes: how often a limit of each kind has opened a switch since the start, or since
the owner saved; of warnings nothing is counted. They do not survive a restart (`trips` in
[`points.md`](points.md) does). The last one is the number of starts since the memory was new, and
is never cleared.

| counter | limits |
|---|---|
"""
_CLIENTS = """
## What was tried

| client | how | result |
|---|---|---|
| bmstools 1.2.0 | its library on a serial line with a running BMS,\
 and on the simulator's port | reads 03, 04, 05 and the whole EEPROM; inside the window it\
 writes the EEPROM as a whole and reads it back, switches, clears the counters; outside it is\
 refused; with 0.5 % of its bytes damaged it gets there at a later try, and nothing else is done |
| dbus-serialbattery (Venus OS) | the registers of its start, by hand | all are answered;\
 it enters factory mode and never leaves it, which does no harm |
| ESPHome, Home Assistant, batmon, phone apps | not tried;\
 the frames that their sources and tests show are among the tests | |

bmstools turns the two delays of register 39 round when it writes, and its 0.1 mOhm lose a unit;
both are accepted as unchanged.
"""


def text():
    """The whole page."""
    parameters, limits = firmware.load("link.jbd_parameters", "limits")
    return "".join(
        [
            _HEAD,
            *(f"| {_hex(register)} | {line}\n" for register, line in sorted(_lines(parameters))),
            _COUNTERS,
            *_counters(parameters, limits),
            _CLIENTS,
        ]
    )


def registers():
    """Every parameter that the page explains."""
    (parameters,) = firmware.load("link.jbd_parameters")
    return sorted({register for register, _ in _lines(parameters)})


def _hex(register):
    return f"{register:02X}"


def _lines(parameters):
    table = parameters.LIMITS
    halves = {}
    for at in range(0, len(table), parameters.LIMIT):
        register, field, row, unit = table[at : at + parameters.LIMIT]
        name = meanings.name(row)
        if unit == parameters.SECONDS:
            halves.setdefault(register, []).append(f"{name} {_FIELDS[field]}")
        else:
            symbol = _CURRENT if parameters.is_current(register) else _UNITS[unit]
            yield register, f"{_FIELDS[field]} | {name} | {symbol} |"
    for register, (high, low) in halves.items():
        yield register, f"upper byte: {high}; lower byte: {low} | | s |"
    for at in range(0, len(parameters.PERCENTS), 2):
        register, percent = parameters.PERCENTS[at : at + 2]
        yield register, f"cell at rest, {percent} % full | | mV |"
    for register in parameters.ZEROS:
        yield register, f"{_ZERO} | | |"
    for register, means in _OUT_OF_TABLES.items():
        yield register, f"{means} | | |"


def _counters(parameters, limits):
    for place, bit in enumerate(parameters.COUNTED):
        names = [
            meanings.name(row[limits.ID])
            for row in limits.TABLE
            if row[limits.JBD_BIT] == bit and row[limits.ACTION] != limits.WARNING
        ]
        yield f"| {place + 1} | {', '.join(names)} |\n"
    yield f"| {len(parameters.COUNTED) + 1} | starts |\n"
