"""GPIO pins of one LTC681x model: thermistor dividers against VREF2, levels, pull-downs.

A pin in `thermistors` has a 10k NTC to ground and a 10k resistor to VREF2.
"""

from math import exp

SWITCHES = -1  # in `thermistors`: the one at the switches

_WARM_OHM = 10000.0
_WARM_K = 298.15
_PULL_MA = 0.1
_HIGHEST_MV = 5000.0


class Gpio:
    b_k = 3435.0
    pull_up_ohm = 10000.0
    # Not in the sheet: from here on a pin reads as high.
    high_mv = 1500.0

    def __init__(self, device, thermistors, vref2_mv):
        self.device = device
        self.vref2_mv = vref2_mv
        self.ohm_at = self._ohm_by_beta
        # Place on the bench (0, 1, ...; SWITCHES; None: nothing there) of GPIO1, GPIO2, ...
        self.places = list(thermistors)
        self.places += [None] * (device.part.gpios - len(self.places))
        self.outside_mv = {}  # by GPIO number: a voltage from elsewhere
        self.forget()

    def forget(self):
        """Power-up: no pull-down is on."""
        self.pulled_down = 0

    def level_mask(self):
        mask = 0
        for at in range(self.device.part.gpios):
            if self.mv(at + 1) >= self.high_mv:
                mask |= 1 << at
        return mask

    def mv(self, number, test_current=0):
        """test_current: 1 up to the supply, -1 down to ground."""
        if self.pulled_down >> (number - 1) & 1:
            return 0.0
        outside_mv = self.outside_mv.get(number)
        if outside_mv is not None:
            return outside_mv
        ohm = self._thermistor_ohm(number)
        if ohm is None:
            # Nothing is connected: a test current takes the pin to its rail.
            return _HIGHEST_MV if test_current > 0 else 0.0
        if ohm < 0:
            mv = self.vref2_mv
            source_ohm = self.pull_up_ohm
        else:
            mv = self.vref2_mv * ohm / (ohm + self.pull_up_ohm)
            source_ohm = ohm * self.pull_up_ohm / (ohm + self.pull_up_ohm)
        mv += test_current * _PULL_MA * source_ohm
        return max(0.0, min(_HIGHEST_MV, mv))

    def _thermistor_ohm(self, number):
        """None: no divider at this pin; below zero: the thermistor is broken."""
        place = self.places[number - 1]
        bench = self.device.bench
        if place is None:
            return None
        if place == SWITCHES:
            degrees = bench.switch_c
        elif place < len(bench.temps_c):
            degrees = bench.temps_c[place]
        else:
            return None
        if degrees is None:
            return -1.0
        return self.ohm_at(degrees)

    def _ohm_by_beta(self, degrees):
        return thermistor_ohm(degrees, self.b_k)


def thermistor_ohm(degrees, b_k):
    return _WARM_OHM * exp(b_k * (1.0 / (degrees + 273.15) - 1.0 / _WARM_K))
