"""What charger and load do over time: steps of current, repeated for ever.

`pairs` is an array of t_ms, value, t_ms, value, ...; a value holds until the next time. The first
time is shifted to 0, and the last value holds as long as the one before it.
"""


class Profile:
    def __init__(self, bench, pairs, scale=1):
        """Begins at once on the bench's clock; value * scale is a current in mA."""
        count = len(pairs) // 2
        if count == 0 or len(pairs) % 2:
            raise ValueError("a profile needs pairs of time and value")
        for step in range(1, count):
            if pairs[2 * step] <= pairs[2 * step - 2]:
                raise ValueError("profile times must rise")
        self.period_ms = 0
        if count > 1:
            last_ms = pairs[2 * count - 2]
            self.period_ms = (last_ms - pairs[0]) + (last_ms - pairs[2 * count - 4])
        self._bench = bench
        self._pairs = pairs
        self._scale = scale
        self._count = count
        self._step = 0
        self._round_us = bench.clock.now_us
        self._take_step()

    def _take_step(self):
        pairs = self._pairs
        step = self._step
        value = pairs[2 * step + 1]
        self._bench.offer(value * self._scale)
        # Only a change of the value becomes an event; a constant profile needs no more of them.
        for _ in range(self._count - 1):
            step += 1
            if step == self._count:
                step = 0
                self._round_us += self.period_ms * 1000
            if pairs[2 * step + 1] != value:
                self._step = step
                begins_us = self._round_us + (pairs[2 * step] - pairs[0]) * 1000
                self._bench.clock.call_at(begins_us, self._take_step)
                return
