"""One line on the console when every value has been measured for the first time (a slow task)."""

from micropython import const

from vigil.cycle import SlowTask

_PERIOD_MS = const(100)


class FirstSample:
    def __init__(self, bms):
        self._bms = bms
        self._told = False

    def task(self):
        return SlowTask(self.step, _PERIOD_MS)

    def step(self, now_ms):
        if not self._told and self._bms.sample.complete():
            self._told = True
            print(line(self._bms.sample))
        return False


def line(sample):
    """The Sample in one line, for people."""
    values = sample.values
    cells = [values[cell] for cell in range(sample.cell_count)]
    temps = [values[sample.temps_at + n] // 10 for n in range(sample.temp_count)]
    return "first sample: %d cells %d..%d mV, stack %d mV, current %d mA, temperatures %s degC" % (
        len(cells),
        min(cells),
        max(cells),
        values[sample.stack_at],
        values[sample.current_at],
        temps,
    )
