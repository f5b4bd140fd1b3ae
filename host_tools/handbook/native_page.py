"""docs/native-protocol.md: messages, operations and example frames; numbers come from the code."""

from host_tools import firmware
from host_tools.campaign.rubbish import with_sum

_HEAD = """# The native protocol

Written by `make docs`. Request and answer over everything that a board shows: the points
([`points.md`](points.md)), staged sets of limits, the journal, the time, and the keys
([`keys.md`](keys.md)). Everybody may read; every write needs a session that was opened with a key,
and is then sealed. `vigil points`, `vigil set` and their kin speak it.

## Carriers

| carrier | frame |
|---|---|
| Modbus RTU, function {function} | unit, {function}, message, CRC-16 (low byte first), as every \
Modbus frame ([`modbus.md`](modbus.md)) |
| USB or any UART of its own, 115200 8N1 | `A6`, message, CRC-16 of the message (as Modbus \
computes it, low byte first) |
| Bluetooth, service `76690001-...` ([`bluetooth.md`](bluetooth.md)) | the same as on a UART, in \
any pieces |

On a serial line whatever is between frames, such as text of the REPL, is passed over by both
sides. Who finds a wrong length or check code looks for the next `A6`; a frame that has not ended
after {longest_ms} ms is dropped. Damaged frames, frames to another unit, and function {function}
to all (unit 0) are met with silence. The answer begins within 20 ms, by the simulator's clock and
its table of costs. A request that comes before the answer to the one before takes its place. Text
that a board prints may fall into a frame on USB: its check code tells, ask again.

A board takes it by what its `board.py` offers:

```python
from vigil.link import modbus, serial_frames
from vigil.link.native import Native
from vigil.link.usb import Usb

modbus.offer(board, uart, driver_enable, RS485_BAUD, native=Native)  # in function 100
serial_frames.offer(board, UART(0, 115200))  # a UART of its own
serial_frames.offer(board, Usb(), breaks=True)  # USB, beside the REPL
```

With `breaks`, Ctrl-C between two frames ends the firmware, as it does without this protocol: so
`make deploy` still works. The port `Usb` has not been tried on a board yet. In the simulator every
board has such a serial port: `native` in `run.json` is its path, `keys` are the keys of this
simulated board.

## Messages

All numbers high byte first. A message has {least} to {most} bytes.

| message | bytes |
|---|---|
| plain request | `10`, n, tag, op, payload |
| plain answer | `10`, n, tag, op + `80`, status, payload |
| sealed request | `11`, n, session, counter (4), sealed: tag, op, payload; 8 bytes of proof |
| sealed answer | `11`, n, session, counter of the request (4), sealed: tag, op + `80`, status, \
payload; 8 bytes of proof |

n counts the bytes behind it. The tag is the client's own and comes back. The high half of the
first byte is the version, {version}: what begins with another version's number is answered in this
one, with status 1 and the lowest and highest version that the board speaks. A sealed request that
cannot be opened is answered plainly with tag 0 and op `80`, for nobody knows what it was.
[`keys.md`](keys.md) says how a session is opened and how a message is sealed.

| status | means |
|---|---|
"""
_STATUS = (
    ("0", "done"),
    ("1", "this version is not spoken; payload: lowest, highest version"),
    ("2", "no such operation, on this carrier or at all"),
    ("3", "the payload is not as it has to be"),
    ("4", "not in a session, or the session has ended: begin anew"),
    ("5", "wrong proof, or a message that was not newer than the one before"),
    ("6", "too early after a wrong proof; payload: seconds to wait (2)"),
    ("7", "nothing there: end of the list, no such record any more, no such key"),
    (
        "16 + r",
        "r as *Writing* in [`points.md`](points.md) says; 20: not allowed",
    ),
    ("30", "keys are set at the board only while its button has just been held at the start"),
)
_OPS = (
    (
        "IDENTIFY",
        "-",
        "version, 0, flags (1 keys are set, 2 the owner's window is open, 4 keys may be set at "
        "the board, 8 writes must be sealed), points_schema (4), limits_schema (4), "
        "device id (8), then version of the firmware, board, device name, each with its length "
        "(1) in front",
    ),
    (
        "LIST",
        "first place (2)",
        "next place (2; FFFF: that was all), then for each point number (2), type, role, declared "
        "and real elements; at most 36 points",
    ),
    (
        "READ",
        "number (2), registers (1), for 1 to 16 ranges; at most 110 registers",
        "the registers in this order, as on Modbus. Status 17: one is nobody's; payload: the "
        "number that its range begins with (2)",
    ),
    (
        "WRITE",
        "number (2), words (1 or 2), value (2 or 4), for 1 to {writes} points",
        "all are checked before any is taken. Refused: which is the first bad one, from 0 (1)",
    ),
    (
        "BLACK_BOX",
        "- for what there is; or number of an event (4), place in its record (2)",
        "0 recording, 1 after a trip, 2 waits to be written (1), trips that found it waiting (2), "
        "then for each event, the latest first, number (4), bytes (2), row (2), start (4), "
        "seconds since it (4); or number, place, and at most 200 bytes of the record from there "
        "([`black-box.md`](black-box.md)). Status 2: the board has none; 7: not there",
    ),
    (
        "SUBSCRIBE",
        "period in 0.1 s (1; 0: no more), ranges as of READ",
        "then, each period, a message as of READ with tag 0 and op `86`, plain or sealed as the "
        "request was; ends after 60 s or with the session. Not on Modbus",
    ),
    (
        "JOURNAL",
        "first sequence (4; FFFFFFFF: only the bounds)",
        "oldest sequence (4), next one (4), then at most 6 records of 32 bytes as they are stored "
        "([`storage.md`](storage.md))",
    ),
    ("TIME", "- or unix seconds (4; operator)", "uptime in s (4), unix seconds (4; 0: not known)"),
    (
        "CALIBRATE",
        "- for how it stands; or what (1: 1 the current is 0, 2 gain, 3 cell, 4 undo; + `80` to "
        "measure only), cell from 1 (1; else 0), true mA or mV (4); operator",
        "offset in mA (4), gain in 1/16384 (2), what was asked for last (1), what became of it "
        "(1: 0 nothing, 1 is measured, 2 taken, 3 would be taken, from 10 on refused), cell (1), "
        "what the front end showed (4), new correction (4), seconds left (1), flags (1: 1 undo is "
        "possible, 2 what was kept is lost), then for each corrected cell number (1), mV (1) "
        "([`calibration.md`](calibration.md)). Status 2: the board has none",
    ),
    ("CHALLENGE", "role (1), client's nonce (16)", "session (1), nonce (16), proof (16)"),
    ("PROVE", "session (1), client's proof (16)", "-; the session is open"),
    ("END", "-", "-; sealed only, and the last message of its session"),
    (
        "SET_KEY",
        "role (1), key (32); the owner, sealed. Role 3: the key of broadcasts "
        "([`bluetooth.md`](bluetooth.md)), 16 bytes and 16 zeros",
        "-",
    ),
    (
        "COMMISSION",
        "role (1), key (32); plain, at the board. Over a wire the key can be read by whoever "
        "listens: on the desk, over USB",
        "-",
    ),
    (
        "OPEN_WINDOW",
        "seconds (2; 0 closes, at most 3600); the owner, sealed",
        "seconds left (2)",
    ),
)
_MIDDLE = """
Writes (WRITE, TIME with a time, CALIBRATE with a value, SET_KEY, OPEN_WINDOW) are taken only in
sealed messages of a session with the role; others get status 20, change nothing and are recorded.
Commands and sets of limits are points: [`points.md`](points.md) says how a set is begun,
put, checked, taken over and read back. Each WRITE is whole: if one of its points is refused, none
is written.

## Example frames

| what | request on a serial line | answer |
|---|---|---|
"""
_ON_MODBUS = """
The first one as function {function} of unit 1: `{request}`, answered by `{answer}`.
"""
# What, request, answer: messages.
EXAMPLES = (
    (
        "READ limits_state (1603): no set is being made",
        "10 05 07 03 06 43 01",
        "10 05 07 83 00 00 00",
    ),
    ("READ register 99, which is nobody's", "10 05 03 03 00 63 01", "10 05 03 83 11 00 63"),
    (
        "WRITE switches_allowed (1609) without a session",
        "10 07 02 04 06 49 01 00 00",
        "10 04 02 84 14 00",
    ),
    ("BLACK_BOX: no event yet", "10 02 01 05", "10 06 01 85 00 00 00 00"),
    ("an IDENTIFY of version 2", "20 02 01 01", "10 05 01 81 01 01 01"),
    (
        "sealed, of a session that there is not",
        "11 11 01 00 00 00 01 AA AA 00 00 00 00 00 00 00 00 00 00",
        "10 03 00 80 04",
    ),
)


def text():
    """The whole page."""
    native, answers = firmware.load("link.native", "link.native_answers")
    frames, modbus = firmware.load("link.serial_frames", "link.modbus")
    head = _HEAD.format(
        function=modbus._NATIVE,
        longest_ms=frames._LONGEST_MS,
        least=frames._LEAST + 2,
        most=native.MOST_MESSAGE,
        version=answers.VERSION,
    )
    ops = [
        f"| `{getattr(answers, name):02X}` | {name} | {asked} | {answered} |\n".replace(
            "{writes}", str(answers.MOST_WRITES)
        )
        for name, asked, answered in _OPS
    ]
    first = [
        with_sum(bytes([1, modbus._NATIVE]) + bytes.fromhex(part)) for part in EXAMPLES[0][1:]
    ]
    return "".join(
        [
            head,
            *(f"| {status} | {means} |\n" for status, means in _STATUS),
            "\n## Operations\n\n| op | name | payload of the request | of the answer |\n",
            "|---|---|---|---|\n",
            *ops,
            _MIDDLE,
            *(
                f"| {what} | `{serial(asked)}` | `{serial(told)}` |\n"
                for what, asked, told in EXAMPLES
            ),
            _ON_MODBUS.format(
                function=modbus._NATIVE,
                request=first[0].hex(" ").upper(),
                answer=first[1].hex(" ").upper(),
            ),
        ]
    )


def serial(message):
    """The frame around a message given in hexadecimal, likewise."""
    return (b"\xa6" + with_sum(bytes.fromhex(message))).hex(" ").upper()
