"""A simulated quantity that a fault takes away from its natural value, at a limited rate."""


class Ramp:
    def __init__(self, index, value, target, rate_per_s, now_us):
        self.index = index
        self.value = value
        self.target = target  # None: on the way back to the natural value
        self.ended = False
        self._rate_per_us = rate_per_s / 1000000.0
        self._now_us = now_us

    def move(self, now_us, natural):
        """The value now; once it has found back to the natural one, `ended`."""
        reach = self._rate_per_us * (now_us - self._now_us)
        self._now_us = now_us
        goal = natural if self.target is None else self.target
        if goal > self.value + reach:
            self.value += reach
        elif goal < self.value - reach:
            self.value -= reach
        else:
            self.value = goal
            self.ended = self.target is None
        return self.value


def aim(ramps, index, value, target, rate_per_s, now_us):
    """Send quantity `index`, now at `value`, to target; a ramp already under way only turns."""
    for ramp in ramps:
        if ramp.index == index:
            ramp.target = target
            return
    ramps.append(Ramp(index, value, target, rate_per_s, now_us))


def follow(ramps, values, now_us):
    """Put the ramps' values over the natural ones; those that have found back end."""
    for position in range(len(ramps) - 1, -1, -1):
        ramp = ramps[position]
        values[ramp.index] = ramp.move(now_us, values[ramp.index])
        if ramp.ended:
            del ramps[position]


def put(ramps, values):
    """Put the ramps' values over the natural ones without moving them."""
    for ramp in ramps:
        values[ramp.index] = ramp.value


def let_go(ramps):
    """All turn back towards their natural values."""
    for ramp in ramps:
        ramp.target = None
