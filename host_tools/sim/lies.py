"""A front end that measures wrong: sensors that lie at once, noise on its bus.

Only scenarios ask for it. Never upload to a board.
"""

# No multiple of any cycle, so that bursts and readings meet at random.
_QUIET_US, _NOISY_US = 53000, 8000


class Lies:
    """What the simulated front end shall show instead of the truth, until clear().

    Its model has after_measuring, show_cell(place, mv), show_stack(mv), show_current(ma) and
    corrupt_checks; where another part measures the current, that is twin.current_chip.
    """

    def __init__(self, twin, clock):
        self._bench = twin.bench
        self._chip = twin.chip
        self._current_chip = getattr(twin, "current_chip", twin.chip)
        self._clock = clock
        self._cells_mv = {}
        self._stack_mv = None
        self._current_reversed = False
        self._noisy = None
        # Where these are two, neither overwrites what the other has measured.
        self._current_chip.after_measuring = self._overwrite_current
        self._chip.after_measuring = self._overwrite

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

    def _overwrite(self):
        for place in self._cells_mv:
            self._chip.show_cell(place, self._cells_mv[place])
        if self._stack_mv is not None:
            self._chip.show_stack(self._stack_mv)
        if self._current_chip is self._chip:
            self._overwrite_current()

    def _overwrite_current(self):
        if self._current_reversed:
            self._current_chip.show_current(-self._bench.current_ma)

    def _make_noise(self):
        """Bursts so short that a second try succeeds."""
        chip = self._chip
        chip.corrupt_checks = not chip.corrupt_checks
        next_us = _NOISY_US if chip.corrupt_checks else _QUIET_US
        self._noisy = self._clock.call_at(self._clock.now_us + next_us, self._make_noise)
