"""The estimators as a slow task of a running BMS: a second's measurements, then slice by slice."""

from micropython import const

from vigil.estimate import kept
from vigil.estimate.anchors import Anchors
from vigil.estimate.cell_model import CellModel
from vigil.estimate.charge import ChargeEstimate
from vigil.estimate.shown import Shown
from vigil.sample import CELLS, CURRENT, TEMPS, UNKNOWN

PERIOD_MS = const(1000)
_MAMS_PER_MAH = const(3600000)


class EstimateTask:
    """A board may have own_ua (drawn past the current sensor), bleed_ohm (of a balancing resistor)
    and sensor_offset_ma (one sigma, of a sensor that was never looked at)."""

    def __init__(self, board, chemistry, sample, counter, balancer, front_end, memory):
        self._sample = sample
        self._counter = counter
        self._balancer = balancer
        self._front_end = front_end
        self._memory = memory
        capacity_mah = board.capacity_mah
        model = CellModel(board.chemistry, chemistry.ocv_dmv, capacity_mah)
        anchors = Anchors(board.chemistry, capacity_mah)
        estimate = ChargeEstimate(model, anchors, counter, sample.cell_count)
        self.estimate = estimate
        self.shown = Shown(estimate)
        estimate.own_ua = getattr(board, "own_ua", 0)
        self._bleed_ohm = getattr(board, "bleed_ohm", 0)
        offset_ma = getattr(board, "sensor_offset_ma", None)
        if offset_ma is not None:
            estimate.offset.state(offset_ma / capacity_mah)
        self._watch = kept.Watch()
        self._busy = False
        self._bled = False
        self._mah = counter.moved[0]
        self._rest = counter.moved[1]
        record = memory.charge_record(kept.SCHEMA, kept.length(sample.cell_count))
        if record is not None:
            kept.restore(estimate, record)

    def step(self, now_ms):
        if self._busy:
            self._busy = self.estimate.step()
            if not self._busy:
                self._after()
            return self._busy
        self._busy = self._measure()
        return self._busy

    def _measure(self):
        sample = self._sample
        counter = self._counter
        current_ma = sample.values[sample.current_at]
        elapsed_ms = counter.elapsed_ms
        if (
            elapsed_ms <= 0
            or current_ma == UNKNOWN
            or not sample.sequence(CELLS)
            or not sample.sequence(CURRENT)
        ):
            return False
        counter.elapsed_ms = 0
        moved = counter.moved
        mams = (moved[0] - self._mah) * _MAMS_PER_MAH + moved[1] - self._rest
        front_end = self._front_end
        bleeds = self._balancer.active
        # While bleeding, and until the filters have forgotten it, the voltages are not the cells'.
        steady = not bleeds and not self._bled
        self._bled = bleeds
        if bleeds:
            self._count_bleed(elapsed_ms)
        self.estimate.second(
            None if sample.unknown(CELLS) else sample.cell_values,
            current_ma,
            mams,
            elapsed_ms,
            self._temp_dc(),
            not front_end.charge_is_on and not front_end.discharge_is_on,
            steady,
        )
        self._mah = moved[0]
        self._rest = moved[1]
        return True

    def _temp_dc(self):
        """The mean of the sensors; None without one."""
        sample = self._sample
        if not sample.sequence(TEMPS):
            return None
        total_dc = known = 0
        for temp_dc in sample.temp_values:
            if temp_dc != UNKNOWN:
                total_dc += temp_dc
                known += 1
        return total_dc // known if known else None

    def _count_bleed(self, elapsed_ms):
        if not self._bleed_ohm:
            return
        bleed = self._balancer.bleed
        values = self._sample.cell_values
        for cell in range(len(bleed)):
            if bleed[cell] and values[cell] != UNKNOWN:
                mas = values[cell] * elapsed_ms // (1000 * self._bleed_ohm)
                self.estimate.bled(cell, mas)

    def _after(self):
        self.shown.step()
        if self._watch.is_due(self.estimate):
            self.keep()

    def keep(self):
        """What is known now is to be written."""
        if self.estimate.settled:
            self._memory.stage_charge(kept.pack(self.estimate))
