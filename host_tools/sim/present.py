"""What the user of `vigil sim` sees: live lines for people, or JSON lines for programs."""

import importlib.util
import json
import shlex
import sys

from host_tools import meanings

# Keys and their order are a contract with users' scripts.
_BEFORE_SENTENCES = (
    "t_s cells_mv temps_dc stack_mv current_ma soc_pct "
    "charge_on discharge_on true_charge_on true_discharge_on"
).split()
_AFTER_SENTENCES = ("balancing", "cycle_us_max", "overruns")
_COLUMNS = 100

_ASK_JBD = (
    "import serial; from bmstools.jbd import JBD; "
    "print(JBD(serial.Serial('{}', 9600)).readBasicInfo())"
)


class JsonPresenter:
    """One object a virtual second on standard output; everything else on standard error."""

    def __init__(self, say, note):
        """say, note: functions that write a line to standard output, standard error."""
        self._say = say
        self.note = note
        self._rows = {}

    def started(self, settings, ready, rs485):
        self._rows = rows_of(ready)
        self.note(f"vigil sim: {_what_runs(settings, ready)}; RS485 at {rs485}")

    def record(self, record):
        faults, warnings = meanings.judge_record(self._rows, record)
        shown = {key: record[key] for key in _BEFORE_SENTENCES}
        shown["faults"] = faults
        shown["warnings"] = warnings
        for key in _AFTER_SENTENCES:
            shown[key] = record[key]
        self._say(json.dumps(shown))

    def ended(self, why, t_s):
        pass


class LinePresenter:
    """A banner, one line a virtual second, and a full sentence whenever something changes."""

    def __init__(self, say, note):
        self._say = say
        self.note = say
        self._rows = {}
        self._active = {}
        self._switches = None

    def started(self, settings, ready, rs485):
        self._rows = rows_of(ready)
        python = shlex.quote(sys.executable)
        ask = f'{python} -c "{_ASK_JBD.format(rs485)}"'
        if importlib.util.find_spec("bmstools") is None:
            ask = f"{python} -m pip install bmstools && {ask}"
        for line in (
            f"Vigil simulator: {_what_runs(settings, ready)}",
            f"RS485 (JBD, 9600 8N1) for your own client: {rs485}",
            f"  ask it:  {ask}",
            "Faults: type one and press Enter, as  cell 5 mv 3720  or  afe nak  or  clear;",
            '  or plan them:  --fault "t=20 cell 5 mv 3720"',
            "Ctrl-C ends everything.",
            "",
        ):
            self._say(line)

    def record(self, record):
        # Changes first: the line after a sentence shows what came of it.
        self._tell_changes(record)
        self._say(live_line(record))

    def ended(self, why, t_s):
        self._say(f"Ended after {t_s} s: {why}.")

    def _tell_changes(self, record):
        active = {}
        for row_id, where, value_at_trip, value_now in record["active"]:
            row = self._rows.get(row_id) or meanings.Row(row_id, None, None, 0, 0, 0)
            active[row_id, where] = meanings.sentence(row, where, value_at_trip, value_now)
        for key, text in active.items():
            if key not in self._active:
                self._say(f"  >> {text}")
        for key in self._active:
            if key not in active:
                self._say(f"  >> Passed: {meanings.name(*key)}.")
        self._active = active
        switches = _switch_sentences(record)
        if self._switches is not None:
            for text in switches:
                if text not in self._switches:
                    self._say(f"  >> {text}")
        self._switches = switches


def rows_of(ready):
    return {row[0]: meanings.Row(*row) for row in ready["rows"]}


def live_line(record):
    """One readable line, at most 100 columns."""
    cells = record["balancing"]
    full = _live_line(record, "cells ", "SoC ", "charge", "discharge")
    short = _live_line(record, "", "", "chg", "dis")
    if cells:
        full += "  balancing " + ",".join(map(str, cells))
    forms = (full, f"{short}  bal {len(cells)}" if cells else short, short)
    return next((line for line in forms if len(line) <= _COLUMNS), short[:_COLUMNS])


def _live_line(record, cells, soc, charge, discharge):
    return "  ".join(
        (
            f"{record['t_s']:>6} s",
            f"{_number(record['stack_mv'], 1000, 2):>6} V",
            f"{_number(record['current_ma'], 1000, 1, '+'):>6} A",
            f"{soc}{record['soc_pct']:5.1f} %",
            f"{cells}{_span(record['cells_mv'], 1000, 3)} V",
            f"{_span(record['temps_dc'], 10, 0)} degC",
            f"{charge} {_switch(record, 'charge', 0)}",
            f"{discharge} {_switch(record, 'discharge', 1)}",
        )
    )


def _what_runs(settings, ready):
    speed = "as fast as it goes" if settings.speed is None else f"speed {settings.speed:g}"
    return (
        f"{ready['board']}, {ready['cells']}S {ready['chemistry']}"
        f" {ready['capacity_mah'] / 1000:g} Ah, profile {settings.profile.name},"
        f" seed {settings.seed}, {speed}"
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
