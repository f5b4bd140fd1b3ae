"""Broken sense leads of the BQ76952 model and the open-wire check that makes them show.

Lead n goes to the top of cell n (lead 0: below cell 1, where nothing shows, because the check
sinks to there anyway). In every check each input sinks 55 uA for 3 ms; a connected cell does not
notice, the capacitor of a broken lead loses `step_mv` for good (55 uA x 3 ms from twice 220 nF).
A bleed resistor beside a broken lead pulls it to its other end, but carries no current.
"""


class Leads:
    step_mv = 375.0

    def __init__(self, chip):
        self.chip = chip
        self.open = set()
        # mV a cell reads too high, by its place; None: all leads are whole.
        self.shift_mv = None
        self._fallen_mv = {}
        self._bled = 0
        self._checked_us = 0

    def restart(self):
        """The check has its rhythm from the chip's start."""
        self._checked_us = self.chip.clock.now_us

    def look(self):
        """At each scan: catch up with the checks since the last one; True if a reading moved."""
        fallen_mv = self._fallen_mv
        if not self.open and not fallen_mv:
            return False
        checks = self._checks()
        if not checks and not self._bled and len(fallen_mv) == len(self.open):
            return False
        cell_mv = self.chip.bench.cell_mv
        for lead in list(fallen_mv):
            if lead not in self.open:
                del fallen_mv[lead]
        for lead in sorted(self.open):
            if 1 <= lead <= len(cell_mv):
                # The input cannot fall below the one beneath it.
                most_mv = cell_mv[lead - 1] + fallen_mv.get(lead - 1, 0.0)
                fell_mv = 0.0
                if lead in fallen_mv:
                    # Checks from before it broke did nothing to it.
                    fell_mv = fallen_mv[lead] + checks * self.step_mv
                if self._bled:
                    fell_mv = self._pulled(lead, fell_mv, most_mv)
                fallen_mv[lead] = min(fell_mv, most_mv)
            else:
                fallen_mv[lead] = 0.0
        self.shift_mv = None
        if fallen_mv:
            self.shift_mv = [
                fallen_mv.get(cell, 0.0) - fallen_mv.get(cell + 1, 0.0)
                for cell in range(len(cell_mv))
            ]
        return True

    def _pulled(self, lead, fell_mv, most_mv):
        """How far below its cell's top the input is, with the bleed resistors beside it."""
        below = self._bled >> (lead - 1) & 1
        above = self._bled >> lead & 1
        if not below and not above:
            return fell_mv
        if not above:
            return most_mv
        cell_mv = self.chip.bench.cell_mv
        above_mv = self._fallen_mv.get(lead + 1, 0.0) - cell_mv[lead]
        return (most_mv + above_mv) / 2 if below else above_mv

    def bled(self, cells):
        """The cells that really lose charge when the chip bleeds these (masks by place)."""
        self._bled = cells
        last = len(self.chip.bench.cell_mv)
        lost = True
        while lost:
            lost = False
            for cell in range(last):
                if not cells >> cell & 1:
                    continue
                # Through a broken lead current can only go on to the next resistor.
                up = cell + 1 not in self.open or (cell + 1 < last and cells >> (cell + 1) & 1)
                down = cell not in self.open or (cell > 0 and cells >> (cell - 1) & 1)
                if not up or not down:
                    cells &= ~(1 << cell)
                    lost = True
        return cells

    def _checks(self):
        period_us = self.chip.settings.open_wire_us
        now_us = self.chip.clock.now_us
        if not period_us:
            self._checked_us = now_us
            return 0
        checks = (now_us - self._checked_us) // period_us
        self._checked_us += checks * period_us
        return checks

    def sensed_mv(self):
        """Cell voltages as they arrive at the chip."""
        cell_mv = self.chip.bench.cell_mv
        shift_mv = self.shift_mv
        if shift_mv is None:
            return cell_mv
        return [cell_mv[cell] + shift_mv[cell] for cell in range(len(cell_mv))]
