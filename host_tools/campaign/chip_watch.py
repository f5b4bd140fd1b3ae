"""What the front end has opened by itself, and whether it was right to: the judge's third eye."""

from host_tools.campaign import meaning
from host_tools.campaign.meaning import BOTH, CHARGE, DISCHARGE

_NEVER = 1 << 60
# The front end's own protection is wider than the software's: 5 % of a current.
_CHIP_CURRENT_PERCENT = 104
_RECENT_US = 6000000
# Front-end protections by bank and bit, and the limits that each one backs.
_CHIP_CURRENTS = 0xE0
_SHORT_CIRCUIT = 0x80
_CHIP_BACKS = (
    (0, 0x08, CHARGE, (2, 25)),
    (0, 0x04, DISCHARGE, (4, 26)),
    (1, 0x10, CHARGE, (9, 11)),
    (1, 0x01, CHARGE, (10, 12)),
    (1, 0x20, BOTH, (11,)),
    (1, 0x02, BOTH, (12,)),
    (1, 0xC0, BOTH, (32,)),
)


class ChipWatch:
    def __init__(self, truth, by_id, pace):
        """by_id: {row id: RowWatch}."""
        self._truth = truth
        self._by_id = by_id
        self._scan_us = pace.scan_us
        self.may = 0  # switches that it may hold open
        self._free_us = 0
        self._beyond_us = [-_NEVER, -_NEVER]  # charge, discharge: last time beyond

    @property
    def tripped_by_current(self):
        return self._truth.chip.safety[0] & _CHIP_CURRENTS

    def look(self, now_us):
        """What the front end has opened by itself, and whether it was right to."""
        truth = self._truth
        over = self._by_id[7]
        if truth.highest_ma * 100 >= over.trip * _CHIP_CURRENT_PERCENT:
            self._beyond_us[0] = now_us
        under = min(self._by_id[8].trip, self._by_id[28].trip)
        if 0 - truth.lowest_ma * 100 >= under * _CHIP_CURRENT_PERCENT:
            self._beyond_us[1] = now_us
        held = 0
        safety = truth.chip.safety
        for bank, bit, opens, backed in _CHIP_BACKS:
            if safety[bank] & bit:
                for row_id in backed:
                    row = self._by_id[row_id]
                    if row.beyond or row.may or now_us - row.latest_may_us < _RECENT_US:
                        held |= opens
        if safety[0] & 0x10 and now_us - self._beyond_us[0] < _RECENT_US:
            held |= CHARGE
        if now_us - self._beyond_us[1] < _RECENT_US:
            if safety[0] & 0xE0 or safety[2] & 0x80:
                held |= DISCHARGE
            if safety[0] & _SHORT_CIRCUIT:
                # The chip turns the charge FET off with it.
                held |= CHARGE
        if held:
            self.may = held
            self._free_us = now_us
        elif now_us - self._free_us > meaning.BLIND_RELEASE_US + 2 * self._scan_us:
            self.may = 0
