"""What the user of `vigil sim` sees: live lines for people, or JSON lines for programs."""

import collections
import importlib.util
import json
import shlex
import sys

from host_tools import meanings
from host_tools.sim.pace import in_words

# Keys and their order are a contract with users' scripts.
_BEFORE_SENTENCES = (
    "t_s cells_mv temps_dc stack_mv current_ma soc_pct soc_sigma_pct "
    "charge_on discharge_on true_charge_on true_discharge_on"
).split()
_AFTER_SENTENCES = ("balancing", "cycle_us_max", "overruns")
_ADDED = ("charge_limit_ma", "heater_on", "fan_on", "sleeping_in_s", "asleep")
_ADDED += ("soh_pct", "soh_sigma_pct", "bad_joints")
_ADDED += ("discharge_limit_ma", "limited_by", "time_to_empty_s", "time_to_full_s")
_ADDED += ("total_ah", "total_wh")
_ADDED += ("to_move_mah",)  # of each cell; empty while nothing has been learned
_COLUMNS = 100

# (what it needs, what to say) to Python, for each protocol.
_ASK = {
    "jbd": (
        "bmstools",
        "import serial; from bmstools.jbd import JBD; "
        "print(JBD(serial.Serial('{port}', {baud})).readBasicInfo())",
    ),
    "modbus": (
        "pymodbus",
        "from pymodbus.client import ModbusSerialClient as Client; "
        "client = Client('{port}', baudrate={baud}); client.connect(); "
        "print(client.read_holding_registers(100, count=16,"
        " device_id=1).registers)",
    ),
    "pylontech": (
        "pylontech",
        "from pylontech import Pylontech; print(Pylontech('{port}', {baud}).get_values_single(2))",
    ),
}
_NAMES = {"jbd": "JBD", "modbus": "Modbus RTU", "pylontech": "Pylontech"}
_PACKAGES = {"pylontech": "python-pylontech"}


class Presenter:
    """What the supervisor tells whoever shows it; a context manager around the whole run."""

    # Longest time between two calls of tend().
    patience_ms = 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def typed(self, data):
        """What the user has typed: pairs (battery it is meant for, command in words)."""
        return []

    def backstop(self, node, facts):
        """What the front end guards by itself."""

    def sent(self, node, data):
        """Bytes that have left on RS485."""

    def tend(self, pace, batteries):
        """Called again and again."""


class _Lines(Presenter):
    """Reads typed commands line by line."""

    _unfinished = b""

    def typed(self, data):
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        texts = (line.decode("utf-8", "replace").strip() for line in lines)
        return [(1, text) for text in texts if text]


class JsonPresenter(_Lines):
    """One object a virtual second on standard output; everything else on standard error.

    Of several batteries the same second of all comes out together, so that the same seed gives
    the same bytes whichever process was faster.
    """

    def __init__(self, say, note):
        """say, note: functions that write a line to standard output, standard error."""
        self._say = say
        self.note = note
        self._rows = {}
        self._waiting = [collections.deque()]

    def started(self, settings, batteries):
        self._rows = rows_of(batteries[0].ready)
        self._waiting = [collections.deque() for _ in batteries]
        ports = ", ".join(dict.fromkeys(battery.line.path for battery in batteries))
        self.note(f"vigil sim: {_what_runs(settings, batteries[0].ready)}; RS485 at {ports}")

    def record(self, node, record):
        self._waiting[node - 1].append(record)
        while all(self._waiting):
            for at, waiting in enumerate(self._waiting):
                self._show(at + 1, waiting.popleft())

    def _show(self, node, record):
        faults, warnings = meanings.judge_record(self._rows, record)
        shown = {"node": node} if len(self._waiting) > 1 else {}
        shown.update((key, record[key]) for key in _BEFORE_SENTENCES)
        shown["faults"] = faults
        shown["warnings"] = warnings
        for key in _AFTER_SENTENCES:
            shown[key] = record[key]
        shown.update((key, record.get(key)) for key in _ADDED)
        self._say(json.dumps(shown))

    def ended(self, why, t_s):
        pass


class LinePresenter(_Lines):
    """A banner, one line a virtual second, and a full sentence whenever something changes."""

    def __init__(self, say):
        self._say = say
        self.note = say
        self._changes = {}
        self._prefixes = {}

    def started(self, settings, batteries):
        rows = rows_of(batteries[0].ready)
        for battery in batteries:
            prefix = f"{battery.number}| " if len(batteries) > 1 else ""
            self._prefixes[battery.number] = prefix
            self._changes[battery.number] = Changes(rows)
        python = shlex.quote(sys.executable)
        client, words = _ASK[settings.rs485]
        words = words.format(port=batteries[0].line.path, baud=settings.baud)
        ask = f'{python} -c "{words}"'
        if importlib.util.find_spec(client) is None:
            ask = f"{python} -m pip install {_PACKAGES.get(client, client)} && {ask}"
        example = "node 2 cell 5 mv 3720" if len(batteries) > 1 else "cell 5 mv 3720"
        ports = ", ".join(dict.fromkeys(battery.line.path for battery in batteries))
        for line in (
            f"Vigil simulator: {_what_runs(settings, batteries[0].ready)}",
            f"RS485 ({_NAMES[settings.rs485]}, {settings.baud} 8N1) for your own client: {ports}",
            f"  ask it:  {ask}",
            *_radio_lines(settings, batteries),
            f"Faults: type one and press Enter, as  {example}  or  afe nak  or  clear;",
            f'  or plan them:  --fault "t=20 {example}"',
            "Time: pause, go, speed 10, speed max.  Ctrl-C ends everything.",
            "",
        ):
            self._say(line)

    def record(self, node, record):
        prefix = self._prefixes[node]
        # Changes first: the line after a sentence shows what came of it.
        for text in self._changes[node].since(record):
            self._say(f"{prefix}  >> {text}")
        self._say(prefix + live_line(record, _COLUMNS - len(prefix)))

    def ended(self, why, t_s):
        self._say(f"Ended after {t_s} s: {why}.")


def _radio_lines(settings, batteries):
    """How to be its phone, where there is a radio."""
    if not settings.radio or not any(battery.ready.get("radio") for battery in batteries):
        return []
    ask = f"{shlex.quote(sys.executable)} -m host_tools.cli scan --run-dir "
    ask += shlex.quote(settings.run_dir)
    if importlib.util.find_spec("bleak") is None:
        ask = f"{shlex.quote(sys.executable)} -m pip install bleak && {ask}"
    return [f"Bluetooth:  {ask}"]


class Changes:
    """Sentences for what has begun and passed from one record to the next."""

    def __init__(self, rows):
        self._rows = rows
        self._active = {}
        self._switches = None

    def since(self, record):
        texts = []
        active = {}
        for row_id, where, value_at_trip, value_now in record["active"]:
            row = self._rows.get(row_id) or meanings.Row(row_id, None, None, 0, 0, 0)
            active[row_id, where] = meanings.sentence(row, where, value_at_trip, value_now)
        for key, text in active.items():
            if key not in self._active:
                texts.append(text)
        for key in self._active:
            if key not in active:
                texts.append(f"Passed: {meanings.name(*key)}.")
        self._active = active
        switches = _switch_sentences(record)
        if self._switches is not None:
            texts += [text for text in switches if text not in self._switches]
        self._switches = switches
        return texts


def rows_of(ready):
    return {row[0]: meanings.Row(*row) for row in ready["rows"]}


def live_line(record, columns=_COLUMNS):
    """One readable line, at most 100 columns."""
    cells = record["balancing"]
    full = _live_line(record, "cells ", "SoC ", "charge", "discharge")
    short = _live_line(record, "", "", "chg", "dis")
    if cells:
        full += "  balancing " + ",".join(map(str, cells))
    forms = (full, f"{short}  bal {len(cells)}" if cells else short, short)
    return next((line for line in forms if len(line) <= columns), short[:columns])


def _live_line(record, cells, soc, charge, discharge):
    return "  ".join(
        (
            f"{record['t_s']:>6} s",
            f"{_number(record['stack_mv'], 1000, 2):>6} V",
            f"{_number(record['current_ma'], 1000, 1, '+'):>6} A",
            f"{soc}{_number(record['soc_pct'], 1, 1):>5} %",
            f"{cells}{_span(record['cells_mv'], 1000, 3)} V",
            f"{_span(record['temps_dc'], 10, 0)} degC",
            f"{charge} {_switch(record, 'charge', 0)}",
            f"{discharge} {_switch(record, 'discharge', 1)}",
        )
    )


def _what_runs(settings, ready):
    several = f"{settings.nodes} times " if settings.nodes > 1 else ""
    return (
        f"{several}{ready['board']}, {ready['cells']}S {ready['chemistry']}"
        f" {ready['capacity_mah'] / 1000:g} Ah, profile {settings.profile.name},"
        f" seed {settings.seed}, {in_words(settings.speed)}"
    )


def _switch(record, name, at):
    state = record["state"][at]
    word = "waits" if state == meanings.RECOVERING else meanings.STATES.get(state, "?")
    # The firmware has opened it and yet current could flow: nobody may overlook that.
    if record[f"true_{name}_on"] and not record[f"{name}_on"]:
        word += "!"
    return word


def _switch_sentences(record):
    states = record["state"]
    sentences = []
    for at, name in enumerate(("charge", "discharge")):
        text = meanings.switch_state(name, states[at], states[at + 2])
        sentences.append(text[0].upper() + text[1:] + ".")
        if record[f"true_{name}_on"] and not record[f"{name}_on"]:
            sentences.append(
                f"The firmware has opened the {name} switch, yet {name} current can flow."
            )
    return sentences


def _number(value, scale, decimals, sign=""):
    return "?" if value is None else f"{value / scale:{sign}.{decimals}f}"


def _span(values, scale, decimals):
    """Lowest and highest of the known values; a question mark if any is not known."""
    known = [value for value in values if value is not None]
    if not known:
        return "?"
    lowest, highest = (_number(value, scale, decimals) for value in (min(known), max(known)))
    doubt = "?" if len(known) < len(values) else ""
    return (lowest if lowest == highest else f"{lowest}-{highest}") + doubt
