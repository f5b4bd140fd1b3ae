"""The counter with what the sensor does not see, and without what it adds: once a second."""

from micropython import const

from vigil import counter, kernels

_MAMS_PER_MAH = const(3600000)


class ChargeCounter(counter.ChargeCounter):
    owed = 0  # uA * ms that make no mA * ms yet

    def add_ua(self, current_ua, elapsed_ms):
        """A small current, by the microampere; in a slow task, where a big number may come up."""
        self.owed += current_ua * elapsed_ms
        carried = self.owed // 1000
        self.owed -= carried * 1000
        self.add(carried)

    def add(self, mams):
        """So many mA * ms, not seen by the sensor; less than 10**9."""
        kernels.count_charge(self.moved, mams, 1)

    def mah(self):
        """A float, for one difference at a time: never to be added up."""
        return self.moved[0] + self.moved[1] / _MAMS_PER_MAH
