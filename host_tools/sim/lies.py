"""A front end that measures wrong: sensors that lie at once, noise on its bus.

Only scenarios ask for it. Never upload to a board.
"""

_STACK = 0x34
_CC2 = 0x3A
# No multiple of any cycle, so that bursts and readings meet at random.
_QUIET_US, _NOISY_US = 53000, 8000


class Lies:
    """What the simulated chip shall read instead of the truth, until clear()."""

    def __init__(self, twin, clock):
        self._bench = twin.bench
        self._chip = chip = twin.chip
        self._clock = clock
        self._cells_mv = {}
        self._stack_mv = None
        self._current_reversed = False
        self._noisy = None
        self._measure = chip._measure
        chip._measure = self._measure_wrong

    def tell(self, what, n, value):
        if what == "reads_cell":
            self._cells_mv[n - 1] = value
        elif what == "reads_stack":
            self._stack_mv = value
        elif what == "reads_temp":
            self._bench._broken[n - 1] = value / 10
            self._bench._show_temps()
        elif what == "reads_reversed":
            self._current_reversed = True
        elif what == "bus_noisy":
            self._make_noise()
        else:
            return False
        return True

    def clear(self):
        self._cells_mv.clear()
        self._stack_mv = None
        self._current_reversed = False
        if self._noisy is not None:
            self._clock.cancel(self._noisy)
            self._noisy = None
            self._chip.corrupt_checks = False

    def _measure_wrong(self):
        scans = self._measure()
        chip = self._chip
        for register, place, _ in chip.channels:
            if place in self._cells_mv:
                chip._put_signed(register, self._cells_mv[place])
        if self._stack_mv is not None:
            chip._put_signed(_STACK, self._stack_mv / chip.settings.user_mv)
        if self._current_reversed:
            chip._put_signed(_CC2, -chip.measured_ma() / chip.settings.user_ma)
        return scans

    def _make_noise(self):
        """Bursts so short that a second try succeeds."""
        chip = self._chip
        chip.corrupt_checks = not chip.corrupt_checks
        next_us = _NOISY_US if chip.corrupt_checks else _QUIET_US
        self._noisy = self._clock.call_at(self._clock.now_us + next_us, self._make_noise)
