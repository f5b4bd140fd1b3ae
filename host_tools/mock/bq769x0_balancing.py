"""Balancing of the BQ769x0 model: registers 1 to 3, most of each cycle, off while measuring.

A group rests from shortly before its own conversion to its end; nothing ends it but a write,
sleep, or a lost link.
"""

from host_tools.mock.bq769x0_inputs import GROUP

_ON_PERCENT = 70


class Balancing:
    def __init__(self, chip, registers):
        self.chip = chip
        self._first = registers
        # What a host should never ask for; counted, not refused.
        self.wrong_requests = 0
        self._on = [False] * chip.groups
        self._entries = [None] * chip.groups
        self._calls = [self._end_of(group) for group in range(chip.groups)]

    def forget(self):
        for group in range(self.chip.groups):
            self.chip.regs[self._first + group] = 0
            self._rest(group)
        self._show()

    def write(self, register, value):
        """Two neighbours in a group, and unused inputs, are the host's own responsibility."""
        group = register - self._first
        if group >= self.chip.groups:
            return
        value &= 0x1F
        self.chip.regs[register] = value
        places = self.chip.inputs.places
        for n in range(GROUP):
            if value >> n & 1 and places[GROUP * group + n] < 0:
                self.wrong_requests += 1
                break
        else:
            if value & value << 1:
                self.wrong_requests += 1
        self._show()

    def converted(self, group):
        """The group has just been measured; its switches may work again."""
        if not self.chip.regs[self._first + group]:
            return
        self._rest(group)
        self._on[group] = True
        clock = self.chip.clock
        on_us = self.chip.inputs.periods_us[group] * _ON_PERCENT // 100
        self._entries[group] = clock.call_at(clock.now_us + on_us, self._calls[group])
        self._show()

    def _end_of(self, group):
        def end():
            self._rest(group)
            self._show()

        return end

    def _rest(self, group):
        if self._entries[group] is not None:
            self.chip.clock.cancel(self._entries[group])
            self._entries[group] = None
        self._on[group] = False

    def _show(self):
        chip = self.chip
        places = chip.inputs.places
        cells = 0
        for at in range(len(places)):
            group = at // GROUP
            if self._on[group] and places[at] >= 0:
                if chip.regs[self._first + group] >> at % GROUP & 1:
                    cells |= 1 << places[at]
        chip.bench.set_bleed(chip.inputs.bled(cells))
