"""docs/inputs-and-outputs.md: wiring of the board's contacts, lamp and buzzer, and their codes."""

from host_tools import firmware

_HEAD = """# Inputs and outputs

Written by `make docs`; the codes come from the table that the firmware plays
(`firmware/lib/vigil/panel.py`). Every pin is optional: a board that has it gives its object an
attribute of this name (`boards/sim16_lfp/board.py` has them all), one that has not leaves it out.

| attribute | pin | wired so | means |
|---|---|---|---|
"""

_WIRING = (
    (
        "interlock",
        "input with pull-down",
        "loop of plug and cover contacts from the supply to the pin",
        "1 = closed; open for more than 100 ms opens both switches, until it is closed again",
    ),
    (
        "emergency",
        "input with pull-up",
        "a contact that opens when pushed, from the pin to ground",
        "1 = stop asked; both switches open, until it is pulled out *and* the owner has looked",
    ),
    (
        "button",
        "input with pull-up",
        "a contact that closes when pressed, from the pin to ground",
        "0 = pressed; see below",
    ),
    ("led", "output", "through a resistor", "1 = lit"),
    ("buzzer", "output", "through a transistor", "1 = sounds"),
    ("heater", "output", "through a relay or a switch of its own", "1 = heats; see below"),
    ("fan", "output", "through a transistor", "1 = turns; see below"),
)

_CONTACTS = """
A broken wire of the interlock or the emergency stop asks for the safe state by itself. They are
read in every cycle (50 ms); the emergency stop counts when two cycles in a row have seen it. They
open the switches by software and the front end: a plant that needs a stop which works without a
computer has its contact in the coil supply of a contactor as well.

## The owner's button

| press | does |
|---|---|
"""

_LAMP = """
A button counts when it is let go. One that is held for more than {stuck} s is stuck and does
nothing, nor does its release. A press of another length does nothing either.

## What lamp and buzzer tell

The first state that holds is shown.

| state | lamp | buzzer |
|---|---|---|
"""

_HEAT = """
## Heater and fan

Figures for LFP; the heater's follow the lowest temperature at which the chemistry may be charged.

* The heater runs below {heat_below:g} degC of the coldest sensor until {heat_until:g} degC, while
  a charger is seen or charges. A board with `heat_without_charger = True` heats from the pack too,
  as long as no cell is near its warning.
* The fan runs above {cool_above:g} degC of the hottest sensor until {cool_until:g} degC, or above
  {board:g} degC of the board until {board_until:g} degC.
* Neither is switched again within {shortest_s} s. Both are off at once when a temperature, a cell
  or the current is unknown or stale, when the firmware ends and before the board sleeps; the
  heater also when a fault has latched or one sensor is warm. That the heater's own switch has
  stuck is seen, but only a thermal fuse in its supply ends it.

They are watched; a failure is a warning. The heater has to warm the coldest sensor by
{proof_k:g} K in {proof} min, else it rests for {rest} min. With the heater off and no current,
cells that are warmer than the board may not warm by {stuck_k:g} K in {stuck} min. The fan has to
take a quarter of what the cells are warmer than the board in {proof} min, at less than C/10.
"""

_STATES = {
    "LET_GO": "the button has been held long enough: let go now",
    "STOPPED": "the emergency stop is asked",
    "LATCHED_OPEN": "a switch is open for good: the owner has to look",
    "SAFE_MODE": "safe mode: three starts in a row have failed",
    "INTERLOCK_IS_OPEN": "the interlock is open",
    "LIMIT_ACTS": "a limit holds a switch open",
    "SLEEPS_SOON": "deep discharge: the board goes to sleep soon",
    "LIMIT_WARNS": "a limit warns",
    "NOT_READY": "starting, or waiting to close a switch",
    "RUNNING": "both switches on, nothing to tell",
}


def text():
    """The whole page."""
    panel, thermal, chemistry = firmware.load("panel", "thermal", "chemistry")
    return "".join(
        (
            _HEAD,
            *(f"| `{name}` | {' | '.join(words)} |\n" for name, *words in _WIRING),
            _CONTACTS,
            *_presses(panel),
            _LAMP.format(stuck=panel.STUCK_MS // 1000),
            *(_line(panel, code) for code in panel.CODES),
            _heat(thermal, chemistry),
        )
    )


def _heat(thermal, chemistry):
    lfp = chemistry.lfp()
    climate = thermal.Climate(_Nothing(), _Nothing(), None, lfp)
    return _HEAT.format(
        heat_below=climate._heat_below_dc / 10,
        heat_until=climate._heat_until_dc / 10,
        cool_above=climate._cool_above_dc / 10,
        cool_until=(climate._cool_above_dc - thermal.COOL_SPAN_DC) / 10,
        board=thermal.COOL_BOARD_DC / 10,
        board_until=thermal.COOL_BOARD_UNTIL_DC / 10,
        shortest_s=thermal.SHORTEST_ON_MS // 1000,
        proof=thermal.PROOF_MS // 60000,
        proof_k=thermal.HEATER_PROOF_DC / 10,
        rest=thermal.HEATER_REST_MS // 60000,
        stuck=thermal.STUCK_PROOF_MS // 60000,
        stuck_k=thermal.STUCK_PROOF_DC / 10,
    )


class _Nothing:
    """No pins, no cells: only the figures are wanted."""

    capacity_mah = 0


def _presses(panel):
    short_s = panel.SHORT_PRESS_MS / 1000
    flash_s = panel.CHARGE_FLASH_MS / 1000
    return (
        f"| shorter than {short_s:g} s | silences the buzzer and shows the charge: {flash_s:g} s"
        f" long flashes, one for every fifth (1 to {panel.CHARGE_FIFTHS});"
        f" {panel.UNKNOWN_FLASHES} quick ones if it is not known |\n",
        f"| {panel.HELD_MS // 1000} to {panel.STUCK_MS // 1000} s | the owner's reset: switches"
        " that are open for good may close again, if the limits let them; in safe mode the failed"
        " starts are forgotten. The journal notes it |\n",
        f"| from the board's start on, {panel.HELD_MS // 1000} to {panel.STUCK_MS // 1000} s |"
        " keys may be set for two minutes: [`keys.md`](keys.md). The journal notes it |\n",
    )


def _line(panel, code):
    names = {getattr(panel, name): meaning for name, meaning in _STATES.items()}
    state, flashes, lit_ms, dark_ms, pause_ms, sounded = code
    if not dark_ms and not pause_ms:
        lamp = "lit"
    elif not pause_ms:
        lamp = f"{lit_ms} ms lit, {dark_ms} ms dark, on and on"
    else:
        times = "1 flash" if flashes == 1 else f"{flashes} flashes"
        lamp = f"{times} of {lit_ms} ms, then {pause_ms / 1000:g} s dark"
    if sounded == panel.FOREVER:
        buzzer = "with the lamp, on and on"
    elif sounded:
        buzzer = f"with the lamp, {sounded} {'row' if sounded == 1 else 'rows'}"
    else:
        buzzer = "silent"
    return f"| {names[state]} | {lamp} | {buzzer} |\n"
