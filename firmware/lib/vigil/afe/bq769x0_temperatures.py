"""BQ769x0 temperatures: thermistors and dies in turn, for the chip measures one kind at a time.

Every 2 s the chip converts the kind that is selected. When the codes have followed a change of
kind, the conversion is known to be new, is published, and the other kind is selected: each kind
is new every 4 to 5 s. A converter that stands still cannot follow. Runs in the cycle.
"""

import time
from array import array

from micropython import const

from vigil.sample import UNKNOWN
from vigil.sensor.thermistor import code_table, temp_dc

# Two turns, at worst.
PERIOD_MS = const(5000)

_SYS_CTRL1 = const(0x04)
_TS1 = const(0x2C)
_ADC_EN = const(0x10)
_TEMP_SEL = const(0x08)
# What ends sooner after a change of kind was under way: it may be of the other one, or of both.
_UNDER_WAY_MS = const(300)
# From there 2 s by a clock that may be 3.5 % slow, less what the one under way took.
_SETTLED_MS = const(2350)
# The two kinds lie thousands of codes apart as a rule; noise moves one by less than this.
_CHANGE_CODES = const(8)
# Beyond these a thermistor is torn off or shorted.
_OPEN_CODE = const(8200)
_SHORT_CODE = const(400)
_CODE_UV = const(382)
# Die: 1.2 V at 25 degC, 4.2 mV less for each degree more.
_DIE_UV = const(1200000)
_DIE_DC = const(250)
_DIE_UV_PER_DC = const(420)
_COLDEST_DIE_DC = const(-600)
_HOTTEST_DIE_DC = const(1500)
_TICKS = const(0x3FFFFFFF)


class Temperatures:
    """`were_of_cells`: what the latest finished turn measured: thermistors, or dies."""

    def __init__(self, transfer, options):
        self._transfer = transfer
        groups = options.groups
        self._groups = groups
        self._thermistors = options.thermistors
        self._table = code_table(options.ohms, options.pull_up_ohm, options.open_code_milli)
        self._codes = array("H", [0] * groups)
        self._before = array("H", [0] * groups)
        # Groups whose code a turn waits for: of the cells, of the dies.
        self._needed_of_cells = 0
        for number in options.thermistors:
            self._needed_of_cells |= 1 << number - 1
        self._needed_of_dies = (1 << groups) - 1
        self._of_cells = True
        self._since_ms = 0
        self._proven = False
        self.were_of_cells = True
        self._were_proven = False

    def begin(self, of_cells):
        """Select this kind, for bring-up; the chip's converters run from here on."""
        self._transfer.read(_TS1, 2 * self._groups)
        self.take(self._transfer.data, 0)
        self._of_cells = of_cells
        self._select()
        self._restart(time.ticks_ms())

    def _select(self):
        control = _ADC_EN | _TEMP_SEL if self._of_cells else _ADC_EN
        self._transfer.write_byte(_SYS_CTRL1, control)

    def take(self, data, first):
        """The codes of all groups as just read; bit g of the result: that of group g is new."""
        changed = 0
        codes = self._codes
        for group in range(self._groups):
            at = first + 2 * group
            code = (data[at] & 0x3F) << 8 | data[at + 1]
            if code != codes[group]:
                codes[group] = code
                changed |= 1 << group
        return changed

    def finished(self, control, life_ms, now_ms):
        """Whether this turn's conversions are all there, or their time is over.

        control: SYS_CTRL1. life_ms: when each group's converter last showed anything new.
        """
        if bool(control & _TEMP_SEL) != self._of_cells:
            # A change that was reported as failed and was not, or was never asked for.
            self._of_cells = not self._of_cells
            self._restart(now_ms)
            return False
        waited_ms = (now_ms - self._since_ms) & _TICKS
        if waited_ms <= _UNDER_WAY_MS:
            self._take_as_before()
            return False
        settled = waited_ms >= _SETTLED_MS
        arrived = 0
        proven = 0
        for group in range(self._groups):
            before = self._before[group]
            moved = self._codes[group] - before
            # After a boot the first conversion may still be of the other kind.
            if before and not 0 - _CHANGE_CODES <= moved <= _CHANGE_CODES:
                arrived |= 1 << group
            elif settled:
                # Both kinds may read alike; then any sign of life of this group has to do.
                if (life_ms[group] - self._since_ms) & _TICKS <= _TICKS >> 1:
                    proven |= 1 << group
        needed = self._needed_of_cells if self._of_cells else self._needed_of_dies
        self._proven = (arrived | proven) & needed == needed
        return settled or arrived & needed == needed

    def turn(self, now_ms):
        """Select the other kind; raises AfeError, and the next look shows which one it is."""
        self.were_of_cells = self._of_cells
        self._were_proven = self._proven
        self._of_cells = not self._of_cells
        self._select()
        self._restart(now_ms)

    def _restart(self, now_ms):
        self._since_ms = now_ms
        self._take_as_before()

    def _take_as_before(self):
        for group in range(self._groups):
            self._before[group] = self._codes[group]

    def publish(self, values, temps_at, board_at):
        """Write the finished turn's temperatures; False if nothing proves that they are new."""
        if not self._were_proven:
            return False
        codes = self._codes
        if self.were_of_cells:
            place = 0
            for number in self._thermistors:
                values[temps_at + place] = self._thermistor_dc(codes[number - 1])
                place += 1
        else:
            # The hottest die; an unknown one is above them all.
            hottest_dc = _COLDEST_DIE_DC
            for group in range(self._groups):
                die_dc = _die_dc(codes[group])
                if die_dc > hottest_dc:
                    hottest_dc = die_dc
            values[board_at] = hottest_dc
        return True

    def _thermistor_dc(self, code):
        if _SHORT_CODE <= code <= _OPEN_CODE:
            return temp_dc(self._table, code)
        return UNKNOWN


def _die_dc(code):
    die_dc = _DIE_DC - (code * _CODE_UV - _DIE_UV + _DIE_UV_PER_DC // 2) // _DIE_UV_PER_DC
    return die_dc if _COLDEST_DIE_DC <= die_dc <= _HOTTEST_DIE_DC else UNKNOWN
