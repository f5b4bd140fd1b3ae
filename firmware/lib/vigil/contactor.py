"""One contactor: its coil and, if it has one, the auxiliary contact that follows its armature.

And the voltage behind the contactors, by a divider on an analogue input. No allocation.
"""

from micropython import const

from vigil.sample import UNKNOWN

_TICKS = const(0x3FFFFFFF)
_READINGS = const(4)
_STEPS = const(4096)
# Readings at the upper end of the input: the divider's lower resistor is open, or too much comes.
_RAIL = const(4080)


class Contactor:
    """coil: pin, value(1) = pull. feedback: pin that reads feedback_closed while it is closed.

    Wire the auxiliary contact so that a broken wire reads as open: then it never closes.
    """

    def __init__(self, coil, feedback=None, feedback_closed=0):
        self._coil = coil
        self._feedback = feedback
        self._feedback_closed = feedback_closed
        self.wanted = False
        self.disagrees = False  # the contact has said otherwise for longer than it may
        self._differs = False
        self._since_ms = 0

    @property
    def is_closed(self):
        """By its contact; without one, as commanded."""
        if self._feedback is None:
            return self.wanted
        return self._feedback.value() == self._feedback_closed

    def close(self):
        self.wanted = True
        self._coil.value(1)

    def open(self):
        """Works at any time and never raises."""
        self.wanted = False
        try:
            self._coil.value(0)
        except Exception:
            # The last resort must not fail its caller; the contact shows what it did.
            pass

    def look(self, now_ms, patience_ms):
        """Compare the contact with the command; while it moves it may differ, for patience_ms."""
        if self.is_closed == self.wanted:
            self._differs = False
            self.disagrees = False
        elif not self._differs:
            self._differs = True
            self._since_ms = now_ms
        elif (now_ms - self._since_ms) & _TICKS >= patience_ms:
            self.disagrees = True


class LinkVoltage:
    """adc: analogue input behind a divider; full_scale_mv: what the link has at its full scale.

    Up to 250 V a step fits; a higher link is given in full_scale_mv // scale, scale times.
    """

    def __init__(self, adc, full_scale_mv, scale=1):
        if not 0 < full_scale_mv < 1 << 18:
            raise ValueError("full_scale_mv must be below 262144: use scale")
        self._adc = adc
        self._full_scale_mv = full_scale_mv
        self._scale = scale

    def read_mv(self):
        """The mean of a few readings, or UNKNOWN."""
        total = 0
        for _ in range(_READINGS):
            reading = self._adc.read_u16() >> 4
            if reading >= _RAIL:
                return UNKNOWN
            total += reading
        # Twelve bits times eighteen: still a small int.
        return total // _READINGS * self._full_scale_mv // _STEPS * self._scale
