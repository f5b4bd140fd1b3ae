"""BQ769x0 conversions: codes to mV, mA and 0.1 degC, and whether they are new at all.

Only the coulomb counter tells when it is ready; cells and pack follow the same beat of 250 ms.
That their converters live is seen by what must move: the temperatures, which are read in turn.
Runs in the cycle and allocates nothing.
"""

from array import array

from micropython import const

from vigil.afe.bq769x0_temperatures import Temperatures
from vigil.sample import BOARD, CELLS, CURRENT, STACK, TEMPS, UNKNOWN

_VC1 = const(0x0C)
_BAT = const(0x2A)
_CC = const(0x32)

_RAIL = const(0x3FFF)
_HIGHEST_MV = const(6000)
# Without check codes a cell that moves further than this (150 mV) is read twice.
_JUMP_CODES = const(400)
_SAME_CODES = const(50)
# Alternating temperatures move every group's codes in less time, whatever the cells do.
_STUCK_MS = const(7000)
_TICKS = const(0x3FFFFFFF)


class Conversions:
    """`cells_mv`: as last published, UNKNOWN if not believed; `current_ma`: as last read."""

    def __init__(self, transfer, options):
        groups = options.groups
        self._transfer = transfer
        self._options = options
        self._groups = groups
        self.temperatures = Temperatures(transfer, options)
        # Places of the used inputs, and how many bytes reach up to the highest.
        self._places = bytes([number - 1 for number in options.inputs])
        self._cell_bytes = 2 * options.inputs[options.cells - 1]
        self._shorted = bytes([n - 1 for n in options.shorted() if n <= options.inputs[-1]])
        # Codes of all inputs from the lowest: as accepted, and as just read.
        self._codes = array("H", [0] * (5 * groups))
        self._first = array("H", [0] * (5 * groups))
        self._second = array("H", [0] * (5 * groups))
        self.cells_mv = array("i", [UNKNOWN] * options.cells)
        self.current_ma = 0
        self._gain_uv = 0
        self._offset_mv = 0
        # When each group's converter last showed a new code.
        self._life_ms = array("i", [0] * groups)
        self._has_lived = False
        self.torn_reads = 0
        self.stuck = 0  # times that cells were not believed because nothing had moved for long

    def forget(self, gain_uv, offset_mv):
        """Whatever was measured with other settings is not a measurement."""
        self._gain_uv = gain_uv
        self._offset_mv = offset_mv
        self._forget_cells()
        self.current_ma = 0
        self._has_lived = False

    def _forget_cells(self):
        for cell in range(len(self.cells_mv)):
            self.cells_mv[cell] = UNKNOWN

    def read(self, sample, control, now_ms):
        """Everything that is new every 250 ms; False if the codes cannot be believed this time.

        control: SYS_CTRL1. First the bus, then the Sample: an error leaves nothing half-read.
        """
        if not self._read_codes():
            return False
        transfer = self._transfer
        data = transfer.data
        transfer.read(_CC, 2)
        current_code = ((data[0] << 8 | data[1]) ^ 0x8000) - 0x8000
        # Pack voltage, and behind it the temperature of each group.
        transfer.read(_BAT, 2 + 2 * self._groups)
        pack_code = data[0] << 8 | data[1]
        temperatures = self.temperatures
        alive = self._note_life(temperatures.take(data, 2), now_ms)
        finished = temperatures.finished(control, self._life_ms, now_ms)
        if finished:
            temperatures.turn(now_ms)
        self.current_ma = self._milliamperes(current_code)
        sample.values[sample.current_at] = self.current_ma
        sample.refresh(CURRENT, now_ms)
        if not alive:
            self.stuck += 1
            self._forget_cells()
            return True
        self._publish_cells(sample, pack_code, now_ms)
        if finished and temperatures.publish(sample.values, sample.temps_at, sample.board_at):
            sample.refresh(TEMPS if temperatures.were_of_cells else BOARD, now_ms)
        return True

    def _read_codes(self):
        """The cells' codes into _first; False if two readings of a jump disagree."""
        first = self._first
        self._read_codes_into(first)
        if self._transfer.check_codes or not self._has_lived:
            return True
        if self._differ(first, self._codes, _JUMP_CODES):
            second = self._second
            self._read_codes_into(second)
            if self._differ(second, first, _SAME_CODES):
                self.torn_reads += 1
                return False
        return True

    def _read_codes_into(self, codes):
        count = self._cell_bytes
        self._transfer.read(_VC1, count)
        data = self._transfer.data
        for place in range(count // 2):
            codes[place] = (data[2 * place] & 0x3F) << 8 | data[2 * place + 1]

    def _differ(self, some, others, by_codes):
        for place in self._places:
            if not 0 - by_codes <= some[place] - others[place] <= by_codes:
                return True
        return False

    def _note_life(self, moved, now_ms):
        """Accept the codes; False if some group's converter has shown no new code for long.

        moved: bit g set if group g's temperature has a new code.
        """
        codes = self._codes
        first = self._first
        for place in range(len(codes)):
            if codes[place] != first[place]:
                codes[place] = first[place]
                moved |= 1 << place // 5
        alive = True
        life_ms = self._life_ms
        for group in range(self._groups):
            if moved >> group & 1 or not self._has_lived:
                life_ms[group] = now_ms
            elif (now_ms - life_ms[group]) & _TICKS > _STUCK_MS:
                alive = False
        self._has_lived = True
        return alive

    def _milliamperes(self, code):
        options = self._options
        nanovolts = code * options.charge_sign * options.cc_nv
        return (nanovolts + options.shunt_uohm // 2) // options.shunt_uohm

    def _publish_cells(self, sample, pack_code, now_ms):
        values = sample.values
        codes = self._codes
        cells_mv = self.cells_mv
        gain_uv = self._gain_uv
        offset_mv = self._offset_mv
        cell = 0
        for place in self._places:
            code = codes[place]
            if code >= _RAIL or self._is_dead(place // 5):
                cell_mv = UNKNOWN
            else:
                cell_mv = (code * gain_uv + 500) // 1000 + offset_mv
                if cell_mv < 0:
                    # Reversed or dead; codes themselves end at 0.
                    cell_mv = 0
            cells_mv[cell] = cell_mv
            values[sample.cells_at + cell] = cell_mv
            cell += 1
        # The chip adds up all inputs, and the offset comes once for each cell: a shorted input has
        # been shown to add nothing, but with a negative offset it shows as much above nought.
        pack_code *= 4
        if offset_mv < 0:
            for place in self._shorted:
                pack_code -= codes[place]
        stack_mv = (gain_uv * pack_code + 500) // 1000 + cell * offset_mv
        # More than cells can add up to is no measurement.
        values[sample.stack_at] = UNKNOWN if stack_mv > cell * _HIGHEST_MV else stack_mv
        sample.refresh(CELLS, now_ms)
        sample.refresh(STACK, now_ms)

    def _is_dead(self, group):
        """A whole group that shows nothing has no supply, or has not been measured."""
        codes = self._codes
        for place in range(5 * group, 5 * group + 5):
            if codes[place]:
                return False
        return True
