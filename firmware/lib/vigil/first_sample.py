"""Says on the console what was measured, a few times after a start (a slow task).

Whoever has just brought a version onto the board sees which one runs, even if USB returns late.
"""

from micropython import const

from vigil.cycle import SlowTask

_PERIOD_MS = const(2000)
_TIMES = const(5)


class FirstSample:
    def __init__(self, sample, release):
        """release: how this version calls itself."""
        self._sample = sample
        self._release = release
        self._left = _TIMES

    def task(self):
        return SlowTask(self.step, _PERIOD_MS)

    def step(self, now_ms):
        if self._left and self._sample.complete():
            self._left -= 1
            print(line(self._sample, self._release))
        return False


def line(sample, release):
    """The Sample in one line, for people and for the deploy tool."""
    values = sample.values
    cells = [values[cell] for cell in range(sample.cell_count)]
    temps = [values[sample.temps_at + n] // 10 for n in range(sample.temp_count)]
    return "sample of %s: %d cells %d..%d mV, stack %d mV, current %d mA, temperatures %s degC" % (
        release,
        len(cells),
        min(cells),
        max(cells),
        values[sample.stack_at],
        values[sample.current_at],
        temps,
    )
