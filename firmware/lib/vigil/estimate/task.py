"""The estimators as a slow task of a running BMS: a second's measurements, then slice by slice."""

from micropython import const

from vigil.estimate import kept
from vigil.estimate.anchors import Anchors
from vigil.estimate.cell_model import CellModel
from vigil.estimate.charge import ChargeEstimate
from vigil.estimate.counter import ChargeCounter
from vigil.estimate.shown import next_permille
from vigil.sample import CELLS, CURRENT, TEMPS, UNKNOWN

_MAMS_PER_MAH = const(3600000)
# Written at each per cent, and every ten minutes if anything moved.
_STEP = const(0.01)
_MOVED = const(0.001)
_PATIENCE_S = const(600)
# Cells and current read no further apart are of one moment.
_AT_ONCE_MS = const(60)


class EstimateTask:
    """A board may have own_ua (drawn past the current sensor), bleed_ohm (of a bleed resistor),
    sensor_offset_ma (one sigma, of a sensor that was never looked at), and ageing, the class
    vigil.estimate.ageing.Ageing."""

    def __init__(self, bms):
        # Only for the start.
        from vigil import cell_models
        from vigil.estimate import recalled

        self._bms = bms
        board = bms.board
        capacity_mah = board.capacity_mah
        self.counter = counter = ChargeCounter(capacity_mah)
        figures = cell_models.figures(board.chemistry)
        self.estimate = estimate = ChargeEstimate(
            CellModel(figures, bms.chemistry.ocv_dmv, capacity_mah),
            Anchors(figures, capacity_mah),
            counter,
            bms.sample.cell_count,
        )
        self.shown_permille = UNKNOWN
        estimate.own_ua = getattr(board, "own_ua", 0)
        self._bleed_ohm = getattr(board, "bleed_ohm", 0)
        offset_ma = getattr(board, "sensor_offset_ma", None)
        if offset_ma is not None:
            estimate.offset.state(offset_ma / capacity_mah)
        self._busy = self._ages = False
        self._seen = None  # what ageing has still to be told of this second
        self._bled = False
        self._mah = counter.moved[0]
        self._rest = counter.moved[1]
        self._kept_share = -1.0
        self._kept_s = 0
        self.store = recalled.recall(estimate, bms.memory)
        make_ageing = getattr(board, "ageing", None)
        self.ageing = make_ageing and make_ageing(estimate, bms.memory)
        cell_models.let_go()

    def step(self, now_ms):
        if not self._busy:
            self._ages = False
            self._busy = self._measure()
        elif self._seen and self.ageing:
            self.ageing.second(*self._seen)
            self._seen = None
        elif not self._ages:
            self._busy = self.estimate.step()
            if not self._busy and self.ageing:
                self._ages = self._busy = True
        elif self.ageing:
            self._busy = self.ageing.step()
        if not self._busy:
            self._after()
        return self._busy

    def _measure(self):
        bms = self._bms
        sample = bms.sample
        counter = self.counter
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
        # While bleeding, and until the filters have forgotten it, the voltages are not the cells'.
        bleeds = bms.balancer.active
        steady = not bleeds and not self._bled
        self._bled = bleeds
        estimate = self.estimate
        ageing = self.ageing
        values = sample.cell_values
        if bleeds and self._bleed_ohm:
            bleed = bms.balancer.bleed
            for cell in range(len(bleed)):
                if bleed[cell] and values[cell] != UNKNOWN:
                    mas = values[cell] * elapsed_ms // (1000 * self._bleed_ohm)
                    estimate.bled_mas[cell] += mas
                    if ageing:
                        ageing.capacity.bled_mas[cell] += mas
        temp_dc = None
        if sample.sequence(TEMPS):
            total_dc = known = 0
            for each_dc in sample.temp_values:
                if each_dc != UNKNOWN:
                    total_dc += each_dc
                    known += 1
            temp_dc = total_dc // known if known else None
        front_end = bms.front_end
        if sample.unknown(CELLS):
            values = None
        estimate.second(
            values,
            current_ma,
            mams,
            elapsed_ms,
            temp_dc,
            not front_end.charge_is_on and not front_end.discharge_is_on,
            steady,
        )
        if ageing:
            at_once = abs(sample.read_ms(CELLS) - sample.read_ms(CURRENT)) <= _AT_ONCE_MS
            if values is not None:
                # As they were at this moment.
                values = estimate.cells_mv
            self._seen = (values, current_ma, mams, elapsed_ms, temp_dc, steady, at_once)
        self._mah = moved[0]
        self._rest = moved[1]
        return True

    def _after(self):
        estimate = self.estimate
        if estimate.known:
            self.shown_permille = next_permille(estimate, self.shown_permille)
        self._kept_s += 1
        apart = abs(estimate.share - self._kept_share)
        if apart >= _STEP or (self._kept_s >= _PATIENCE_S and apart >= _MOVED):
            self.keep()

    def keep(self):
        """What is known now is to be written."""
        estimate = self.estimate
        if estimate.settled:
            self._kept_share = estimate.share
            self._kept_s = 0
            self.store.stage(kept.pack(estimate))
