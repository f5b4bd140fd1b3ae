"""What a person at the board has: interlock and emergency stop, a button, a lamp and a buzzer.

look() runs in the cycle and allocates nothing; step() is a slow task. Times in ms. Contacts are
wired so that a broken wire asks for the safe state: see docs/inputs-and-outputs.md.
"""

from micropython import const

from vigil import limits
from vigil.sample import EMERGENCY, HEALTH_FIRST, INTERLOCK
from vigil.switches import CHARGE, DISCHARGE, LATCHED, ON

PERIOD_MS = const(50)

# What the lamp tells; the first that holds is shown.
LET_GO = const(1)  # the button has been held long enough
STOPPED = const(2)
LATCHED_OPEN = const(3)
SAFE_MODE = const(4)
INTERLOCK_IS_OPEN = const(5)
LIMIT_ACTS = const(6)
SLEEPS_SOON = const(7)
LIMIT_WARNS = const(8)
NOT_READY = const(9)
RUNNING = const(10)

FOREVER = const(255)
# State, flashes in a row, lit for, dark for, dark after the row, rows that the buzzer sounds too.
CODES = (
    (LET_GO, 1, 1000, 0, 0, 0),
    (STOPPED, 1, 100, 100, 0, FOREVER),
    (LATCHED_OPEN, 6, 150, 200, 1200, 5),
    (SAFE_MODE, 5, 150, 200, 1200, 0),
    (INTERLOCK_IS_OPEN, 4, 150, 200, 1200, 2),
    (LIMIT_ACTS, 3, 150, 200, 1200, 2),
    (SLEEPS_SOON, 2, 700, 300, 1200, 1),
    (LIMIT_WARNS, 2, 150, 200, 2400, 0),
    (NOT_READY, 1, 500, 500, 0, 0),
    (RUNNING, 1, 150, 0, 4850, 0),
)
# Asked by a short press: a flash for every fifth of the charge, a flicker if it is not known.
CHARGE_FIFTHS = const(5)
CHARGE_FLASH_MS = const(600)
CHARGE_DARK_MS = const(400)
CHARGE_PAUSE_MS = const(1000)
UNKNOWN_FLASHES = const(10)
UNKNOWN_FLASH_MS = const(100)

# The button. Longer than any person holds it, it is stuck.
SHORT_PRESS_MS = const(2000)
HELD_MS = const(5000)
STUCK_MS = const(20000)

NO_PRESS = const(0)
SHORT_PRESS = const(1)
LONG_PRESS = const(2)
HELD_AT_START = const(3)

_TICKS = const(0x3FFFFFFF)
_INTERLOCK = INTERLOCK - HEALTH_FIRST
_EMERGENCY = EMERGENCY - HEALTH_FIRST


class Button:
    """A press counts when it ends; one that has been there from the start counts apart."""

    def __init__(self, pin):
        """pin: 0 while pressed."""
        self._pin = pin
        self._pressed = False
        self._looked = False  # pressed at the latest look, perhaps a bounce
        self._trusted = False
        self._since_ms = 0
        self.stuck = False

    def look(self, now_ms):
        """NO_PRESS, SHORT_PRESS, LONG_PRESS or HELD_AT_START."""
        down = not self._pin.value()
        steady = down == self._looked
        self._looked = down
        if steady and down != self._pressed:
            self._pressed = down
            if down:
                self._since_ms = now_ms
            else:
                return self._released((now_ms - self._since_ms) & _TICKS)
        if not self._pressed:
            self._trusted = self._trusted or steady
        elif (now_ms - self._since_ms) & _TICKS >= STUCK_MS:
            self.stuck = True
        return NO_PRESS

    def is_held(self, now_ms):
        """Long enough for a long press, should it end now."""
        if not self._pressed or self.stuck:
            return False
        return (now_ms - self._since_ms) & _TICKS >= HELD_MS

    def _released(self, pressed_ms):
        stuck = self.stuck
        trusted = self._trusted
        self.stuck = False
        self._trusted = True
        if stuck:
            return NO_PRESS
        if pressed_ms >= HELD_MS:
            return LONG_PRESS if trusted else HELD_AT_START
        return SHORT_PRESS if trusted and pressed_ms < SHORT_PRESS_MS else NO_PRESS


class Panel:
    """Any of the board's pins may be missing: interlock, emergency, button, led, buzzer."""

    def __init__(self, board, sample, switches, protection, counter, safe_mode=False):
        self._health = sample.health
        self._switches = switches
        self._protection = protection
        self._counter = counter
        self._safe_mode = safe_mode
        self._interlock = getattr(board, "interlock", None)
        self._emergency = getattr(board, "emergency", None)
        self._led = getattr(board, "led", None)
        self._buzzer = getattr(board, "buzzer", None)
        button = getattr(board, "button", None)
        self.button = None if button is None else Button(button)
        self.sleeps_soon = False  # the whole board is about to go to sleep
        self._asked_before = 0
        self._shown = 0
        self._shown_since_ms = 0
        self._silenced = False
        self._charge_flashes = 0  # more than 0 while the charge is shown
        self._charge_since_ms = 0

    def look(self):
        """In the cycle: what the contacts say."""
        if self._interlock is not None:
            self._health[_INTERLOCK] = 0 if self._interlock.value() else 1
        if self._emergency is not None:
            asked = self._emergency.value()
            # Latches at once, so a single odd look does not count.
            self._health[_EMERGENCY] = 1 if asked and self._asked_before else 0
            self._asked_before = asked

    def step(self, now_ms):
        """Serve the button, show the state; returns what the button asks."""
        press = NO_PRESS
        if self.button is not None:
            press = self.button.look(now_ms)
            if press == SHORT_PRESS:
                self._silenced = True
                self._show_charge(now_ms)
        self._show(self.state(now_ms), now_ms)
        return press

    def state(self, now_ms):
        """The first state of CODES that holds."""
        switches = self._switches.state
        actions = self._protection.actions
        if self.button is not None and self.button.is_held(now_ms):
            return LET_GO
        if self._health[_EMERGENCY]:
            return STOPPED
        if switches[CHARGE] == LATCHED or switches[DISCHARGE] == LATCHED:
            return LATCHED_OPEN
        if self._safe_mode:
            return SAFE_MODE
        if self._health[_INTERLOCK]:
            return INTERLOCK_IS_OPEN
        if self.sleeps_soon:
            return SLEEPS_SOON
        if actions & limits.OPEN_BOTH:
            return LIMIT_ACTS
        if actions & limits.WARNING:
            return LIMIT_WARNS
        if switches[CHARGE] != ON or switches[DISCHARGE] != ON:
            return NOT_READY
        return RUNNING

    def dark(self):
        """Lamp and buzzer off, before the board sleeps or the firmware ends."""
        _put(self._led, 0)
        _put(self._buzzer, 0)

    def _show(self, state, now_ms):
        if state != self._shown:
            self._shown = state
            self._shown_since_ms = now_ms
            self._silenced = False
        _, flashes, lit_ms, dark_ms, pause_ms, sounded = CODES[state - 1]
        elapsed_ms = (now_ms - self._shown_since_ms) & _TICKS
        row_ms = flashes * (lit_ms + dark_ms) + pause_ms
        lit = is_lit(elapsed_ms % row_ms, flashes, lit_ms, dark_ms)
        sounds = sounded == FOREVER or elapsed_ms < sounded * row_ms
        _put(self._buzzer, 1 if lit and sounds and not self._silenced else 0)
        # A fault is not hidden by the charge, except for whom asks at its place.
        if self._charge_flashes and state != LET_GO:
            lit = self._charge_is_lit(now_ms)
        _put(self._led, 1 if lit else 0)

    def _show_charge(self, now_ms):
        self._charge_since_ms = now_ms
        self._charge_flashes = UNKNOWN_FLASHES
        if self._counter.known:
            fifths = (self._counter.soc_permille * CHARGE_FIFTHS + 999) // 1000
            self._charge_flashes = min(max(fifths, 1), CHARGE_FIFTHS)

    def _charge_is_lit(self, now_ms):
        lit_ms, dark_ms = CHARGE_FLASH_MS, CHARGE_DARK_MS
        if self._charge_flashes == UNKNOWN_FLASHES:
            lit_ms = dark_ms = UNKNOWN_FLASH_MS
        # A pause before and after sets it apart.
        at_ms = ((now_ms - self._charge_since_ms) & _TICKS) - CHARGE_PAUSE_MS
        if at_ms >= self._charge_flashes * (lit_ms + dark_ms) + CHARGE_PAUSE_MS:
            self._charge_flashes = 0
        return at_ms >= 0 and is_lit(at_ms, self._charge_flashes, lit_ms, dark_ms)


def is_lit(at_ms, flashes, lit_ms, dark_ms):
    """Whether the lamp is lit so long after the beginning of its row of flashes."""
    flash_ms = lit_ms + dark_ms
    return at_ms < flashes * flash_ms and at_ms % flash_ms < lit_ms


def _put(pin, level):
    if pin is not None:
        pin.value(level)
