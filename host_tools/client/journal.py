"""The BMS's journal in words: records of 32 bytes to sentences."""

from typing import NamedTuple

from host_tools import firmware, meanings
from host_tools.client import coding, messages

_LINKS = {1: "Modbus", 2: "JBD", 3: "the native protocol"}
_SWITCHES = {1: "charge switch", 2: "discharge switch", 3: "both switches"}


class Entry(NamedTuple):
    sequence: int
    start: int  # which start of the board
    t_s: int  # since that start
    kind: str
    sentence: str


def entry(record):
    """The Entry of a record; None where it is damaged."""
    (journal,) = firmware.load("journal")
    held = journal.parse(bytes(record))
    if held is None:
        return None
    for name, words in KINDS.items():
        if getattr(journal, name, None) == held.kind:
            return Entry(held.sequence, held.start, held.t_s, name.lower(), words(held))
    unknown = f"something these tools do not know (kind {held.kind}, {held.code}, {held.value})"
    return Entry(held.sequence, held.start, held.t_s, f"kind {held.kind}", unknown)


def _trip(held):
    known = meanings.meaning(held.code)
    value = meanings.limit(known.unit, held.value)
    return f"{meanings.name(held.code, held.where)}: tripped at {value}"


def _latched(held):
    which = _SWITCHES.get(held.value, "a switch")
    return f"{meanings.name(held.code)}: latched, {which} open until the owner has looked"


def _memory(held):
    told = [text for bit, text in meanings.MEMORY_SENTENCES if held.code & bit]
    return " ".join(told) or "the memory is well again"


def _backstop(held):
    return {
        1: "the front end's own settings had changed; they were mended",
        2: "the front end's own protection could not be verified in time",
    }.get(held.code, "something about the front end's own protection")


def _limits(held):
    if not held.code:
        return "a new set of limits was taken over"
    return f"a new set of limits was refused ({held.code} contradictions)"


def _button(held):
    return {
        1: "the button was held: the owner has looked",
        2: "the button was held at the start: keys may be set for two minutes",
    }.get(held.code, "the button was held")


def _point(number):
    for point in coding.declared.POINTS:
        if 0 <= number - point.number < point.registers:
            return point.key
    return f"point {number}"


def _write(held):
    link = _LINKS.get(held.where, f"link {held.where}")
    return f"{_point(held.code)} set to {held.value} over {link}"


def _write_refused(held):
    why = messages.sentence(messages.DOOR + held.where)
    more = f" (and {held.value - 1} before)" if held.value > 1 else ""
    return f"a write to {_point(held.code)} refused: {why}{more}"


def _session(held):
    more = f" ({held.value} since the entry before)" if held.value > 1 else ""
    return f"a session was opened with the {_whose(held.code)}'s key{more}"


def _proof_refused(held):
    what = {
        messages.NO_SESSION: "a message of no open session",
        messages.BAD_PROOF: "a wrong key, or a changed or repeated message",
    }.get(held.code, "somebody without the key")
    times = f" ({held.value} times since the entry before)" if held.value > 1 else ""
    return f"not believed: {what}{times}"


def _key(held):
    if not held.where:
        return "the keys were lost with the memory: they have to be set anew"
    how = "at the board" if held.where == 1 else "by the owner"
    return f"the {_whose(held.code)}'s key was set {how}"


def _window(held):
    if not held.code:
        return "the owner has closed the window for writes without a key"
    return f"the owner lets protocols without keys write for {held.code} s"


def _whose(role):
    names = {3: "broadcast", **{number: name for name, number in messages.ROLES.items()}}
    return names.get(role, "somebody")


def _sleep(word):
    return lambda held: (
        f"{word}: {meanings.meaning(held.code).key}, lowest cell {held.value / 1000:.3f} V"
    )


KINDS = {
    "START": lambda held: f"start {held.value} (reset cause {held.code})",
    "TRIP": _trip,
    "LATCHED": _latched,
    "OWNER_RESET": lambda held: "the owner has looked: latched switches may close again",
    "CONFIRMED": lambda held: f"runs well since {held.value} s: this start counts as good",
    "SAFE_MODE": lambda held: f"safe mode after {held.value} failed starts in a row",
    "MEMORY": _memory,
    "SLEEPS_SOON": _sleep("the board will sleep soon"),
    "SLEEPING": _sleep("the board sleeps"),
    "BUTTON": _button,
    "BACKSTOP": _backstop,
    "LIMITS": _limits,
    "WRITE": _write,
    "WRITE_REFUSED": _write_refused,
    "SESSION": _session,
    "PROOF_REFUSED": _proof_refused,
    "KEY": _key,
    "WINDOW": _window,
}
