"""How fast virtual time runs: what the user wants, a pause, and real time for outside clients."""

PAUSED = 0
REAL_TIME = 1
SLOWEST, FASTEST = 0.01, 1_000_000
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, None)


class Pace:
    def __init__(self, speed):
        """speed: virtual seconds a real second, None for as fast as it goes."""
        self.wanted = speed
        self.paused = False
        self.attached = False

    @property
    def speed(self):
        """What the boards are told. A client cannot be served in any time but real time."""
        if self.paused:
            return PAUSED
        return REAL_TIME if self.attached else self.wanted

    def step(self, by):
        """The next faster (+1) or slower (-1) of the usual speeds."""
        if by > 0:
            faster = (step for step in _STEPS if _rank(step) > _rank(self.wanted))
            return next(faster, self.wanted)
        slower = (step for step in reversed(_STEPS) if _rank(step) < _rank(self.wanted))
        return next(slower, self.wanted)


def in_words(speed):
    return "as fast as it goes" if speed is None else f"speed {speed:g}"


def _rank(speed):
    return float("inf") if speed is None else speed
