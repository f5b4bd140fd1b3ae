"""Why the firmware refused a limit table: each problem as a sentence that says what to change.

Problem codes: vigil/validate.py. Numbers as the firmware has them, see host_tools/meanings.py.
"""

import re

from host_tools import meanings

# code: the sentence. {it}: the row's name; {number} and {bound} in the row's own unit.
_SENTENCES = {
    1: "{it} would be released at {number}, which is beyond its trip at {bound}, so it could never"
    " stay tripped. Set the release {inside} the trip.",
    2: "{it} trips at {number}, but this chemistry allows {bound} at the {most}. Set the trip to"
    " {bound} or {within}; check that the chemistry is the right one.",
    3: "{it} warns at {number}, not before the limit that opens a switch at {bound}. Set the"
    " warning {inside} {bound}.",
    4: "{it} has a delay of {ms}; {ms_bound} is the {ms_most} allowed. Choose a {ms_other} one.",
    5: "{it} is set to {signed}, which is the wrong direction: a current above zero charges, one"
    " below zero discharges. Change the sign.",
    6: "{it} is released at {number}, where the opposite limit still holds (released at {bound})."
    " One of the two would always be tripped. Move the two releases apart.",
    8: "{it} is set to {number}, which cannot be meant; {bound} is the {most} that makes sense."
    " Check the unit and the number.",
    9: "{it} stays open until the owner releases it, but opens only one switch. A limit that"
    " latches has to open both.",
    10: "{it} has only {gap} between trip and release; noise would make the switch chatter. Leave"
    " at least {gap_bound}.",
    11: "{it} trips at {number}, {beyond} the {bound} that the cell limits times the number of"
    " cells give. Check the number of cells, or bring the two limits together.",
    12: "{it} trips at {number}, outside the range for discharging, which ends at {bound}."
    " Charging wants the narrower range: set the trip to {bound} or {within}.",
    13: "{it} trips at {number}, and the short circuit limit at {bound_of_short} is not above it."
    " Set the short circuit to clearly more current than the over-current.",
    14: "The short circuit delay is {us}; it has to be 0 to {us_bound}. A short circuit destroys"
    " the switches if they wait longer.",
    15: "{it} has no numbers: the limit is missing from the table. Fill in its trip, release and"
    " delays; a pack without it is not protected.",
    16: "{it} is released after {ms}; with the switch open the current is gone at once, so only"
    " this delay keeps it from closing into the same fault. Choose at least {ms_bound}.",
    17: "{it} trips at {number}, not before its severe level at {bound}, which is for what should"
    " never be reached. Set the severe level clearly beyond.",
    19: "{it} trips at {signed}, but the front end with its shunt tells currents apart only up to"
    " {bound}: it would never be seen. Choose a smaller shunt, or a trip of {bound} or less.",
    20: "{it} trips at an age of {ms}, but between two readings of a healthy front end up to"
    " {ms_bound} pass, so the switches would never close. Choose at least {ms_bound}.",
}


def _volts(mv):
    return meanings.volts(mv, 3)


def _signed(ma):
    return "an unknown current" if ma is None else f"{ma / 1000:+g} A"


_BACKSTOP = 7
_BACKSTOP_IMPOSSIBLE = 18
_BACKSTOPS = {
    1: ("cell over-voltage", _volts),
    2: ("cell under-voltage", _volts),
    3: ("charge current", _signed),
    4: ("discharge current", _signed),
    5: ("short circuit", _signed),
    6: ("too high a temperature for charging", meanings.degrees),
    7: ("too low a temperature for charging", meanings.degrees),
    8: ("too high a temperature for discharging", meanings.degrees),
    9: ("too low a temperature for discharging", meanings.degrees),
    10: ("too high a temperature of its own or of the switches", meanings.degrees),
}


# As the firmware prints a problem at its start.
_PRINTED = re.compile(
    r"(limit table refused: )row (\d+) problem (\d+) value (-?\d+) of (-?\d+)\s*", re.ASCII
)


def sentence(row_id, code, number, bound=None):
    """A problem of either kind in words, as Bms.use_limits() returns them."""
    if code == _BACKSTOP:
        return backstop_sentence(row_id, code, number, bound)
    return problem_sentence(row_id, code, number, bound)


def explained(line):
    """What the board has printed; a refused limit with its sentence in place of the numbers."""
    match = _PRINTED.fullmatch(line)
    return match[1] + sentence(*map(int, match.groups()[1:])) if match else line


def problem_sentence(row_id, code, number, bound=None):
    """One problem of validate.problems() in words: what is wrong with which limit, what to do."""
    text = _SENTENCES.get(code)
    if code == _BACKSTOP_IMPOSSIBLE:
        return (
            "The front end cannot guard these limits by itself: one lies beyond its range, or"
            " there are more of a kind than it has comparators. Choose limits nearer to the usual."
        )
    if text is None:
        return (
            f"{_it(row_id)} is refused for reason {code} (number {number}), which this host does"
            " not know. Update the host tools to the firmware's version."
        )
    upper = meanings.is_upper(row_id)
    at_least = bound is not None and number < bound
    if code == 13:
        # The number at fault is the short circuit's, the bound the row's own.
        number, bound = bound, number
    return text.format(
        it=_it(row_id),
        number=_number(row_id, number),
        bound=_number(row_id, bound),
        bound_of_short=_number(row_id, bound),
        signed=_signed(number),
        gap=_gap(row_id, number),
        gap_bound=_gap(row_id, bound),
        ms=_delay(number),
        ms_bound=_delay(bound),
        us=f"{number} us",
        us_bound=f"{bound} us",
        inside="below" if upper else "above",
        within="below" if upper else "above",
        most="least" if at_least else "most",
        ms_most="shortest" if at_least else "longest",
        ms_other="longer" if at_least else "shorter",
        beyond="below" if at_least else "above",
    )


def backstop_sentence(backstop, code, number, bound=None):
    """One problem of backstop_check.backstop_problems() in words."""
    what, write = _BACKSTOPS.get(backstop, (f"limit {backstop}", _signed))
    applied, asked = write(number), write(bound)
    if code != _BACKSTOP:
        return f"The front end's own {what} limit is refused for reason {code} (at {applied})."
    return (
        f"The front end would act by itself on {what} at {applied}, not clearly later than the"
        f" software at {asked}. Choose a limit that the front end can back more widely."
    )


def _number(row_id, number):
    """A trip or release of this row, with its unit."""
    return meanings.limit(meanings.meaning(row_id).unit, number)


def _it(row_id):
    known = meanings.meaning(row_id)
    key = f"pack {known.key}" if known.about == "Pack" else known.key
    return f'Limit "{key}"'


def _delay(ms):
    if ms is None:
        return "an unknown time"
    return meanings.duration(ms) if ms >= 0 and ms % 100 == 0 else f"{ms} ms"


def _gap(row_id, difference):
    """A difference of two numbers of a row; of temperatures in K."""
    if difference is None:
        return "more"
    return _number(row_id, difference).replace("degC", "K")
