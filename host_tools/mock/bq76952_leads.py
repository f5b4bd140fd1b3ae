"""Broken sense leads of the BQ76952 model and the open-wire check that makes them show.

Lead n goes to the top of cell n (lead 0: below cell 1, where nothing shows, because the check
sinks to there anyway). In every check each input sinks 55 uA for 3 ms; a connected cell does not
notice, the capacitor of a broken lead loses `step_mv` for good (55 uA x 3 ms from twice 220 nF).
"""


class Leads:
    step_mv = 375.0

    def __init__(self, chip):
        self.chip = chip
        self.open = set()
        # mV a cell reads too high, by its place; None: all leads are whole.
        self.shift_mv = None
        self._fallen_mv = {}
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
        if not checks and len(fallen_mv) == len(self.open):
            return False
        cell_mv = self.chip.bench.cell_mv
        for lead in list(fallen_mv):
            if lead not in self.open:
                del fallen_mv[lead]
        for lead in sorted(self.open):
            if 1 <= lead <= len(cell_mv):
                # The input cannot fall below the one beneath it.
                most_mv = cell_mv[lead - 1] + fallen_mv.get(lead - 1, 0.0)
                fallen_mv[lead] = min(fallen_mv.get(lead, 0.0) + checks * self.step_mv, most_mv)
            else:
                fallen_mv[lead] = 0.0
        self.shift_mv = None
        if fallen_mv:
            self.shift_mv = [
                fallen_mv.get(cell, 0.0) - fallen_mv.get(cell + 1, 0.0)
                for cell in range(len(cell_mv))
            ]
        return True

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
