"""The firmware's estimators, driven by a log of one cell instead of a board."""

import math
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
for _folder in ("host_tools/mock/fakes", "firmware/lib"):
    if str(ROOT / _folder) not in sys.path:
        sys.path.append(str(ROOT / _folder))

from vigil import cell_models  # noqa: E402
from vigil import chemistry as chemistries  # noqa: E402
from vigil.estimate.ageing import Ageing  # noqa: E402
from vigil.estimate.anchors import Anchors  # noqa: E402
from vigil.estimate.cell_model import CellModel  # noqa: E402
from vigil.estimate.charge import ChargeEstimate  # noqa: E402
from vigil.estimate.counter import ChargeCounter  # noqa: E402

SOURCES = ("unknown", "boot", "grid", "filter", "full", "empty", "rest")
NAMES = chemistries.NAMES
START_SIGMA = 0.005
_MOST_MAMS = 10**9 - 1
_SECOND_MS = 1000


def make(chemistry, capacity_mah, cell_count=1, sensor_offset_ma=None):
    """An estimate of a pack of such cells, as a board would make it that states this offset."""
    kinds = (CellModel, Anchors, ChargeCounter, ChargeEstimate, cell_models.figures)
    estimate = compose(*kinds, (chemistry, capacity_mah, cell_count))
    if sensor_offset_ma is not None:
        estimate.offset.state(sensor_offset_ma / capacity_mah)
    return estimate


def ageing(estimate):
    """What watches the cells of this estimate age."""
    return Ageing(estimate)


def compose(model, anchors, counter, charge, figures, pack, number=float):
    """The same of other makings of these."""
    chemistry, capacity_mah, cell_count = pack
    whole_mah = round(capacity_mah)
    ocv_dmv = chemistries.by_name(chemistry).ocv_dmv
    estimate = charge(
        model(figures(chemistry), ocv_dmv, number(capacity_mah)),
        anchors(figures(chemistry), whole_mah),
        counter(whole_mah),
        cell_count,
    )
    for cell in range(cell_count):
        estimate.capacities_mah[cell] = number(capacity_mah)
    return estimate


class Replay:
    """Feeds the rows of one cell; a row's current is taken to have flowed since the row before.

    Rows closer than a second are counted, and looked at once a second, as on a board.
    """

    def __init__(self, estimate, start_share=None, number=float):
        """number: what a measured value is turned into before the estimators see it."""
        self.estimate = estimate
        self._number = number
        self._carried = 0.0  # what is less than a whole mA * ms
        self._counted_mams = 0
        self._counted_ms = 0
        self._last_ms = None
        if start_share is not None:
            shares = [number(start_share)] * estimate.cell_count
            estimate.resume(shares, number(START_SIGMA))

    def row(self, time_s, current_ma, voltage_mv, temp_c=None):
        """True when the estimators have looked."""
        now_ms = round(time_s * 1000)
        if self._last_ms is None:
            # How long the first current has flowed is not known: nothing is counted.
            self._last_ms = now_ms
            self._second(current_ma, voltage_mv, temp_c, 0, _SECOND_MS)
            return True
        elapsed_ms = now_ms - self._last_ms
        self._last_ms = now_ms
        self._count(current_ma, elapsed_ms)
        if self._counted_ms < _SECOND_MS - 50:
            return False
        self._second(current_ma, voltage_mv, temp_c, self._counted_mams, self._counted_ms)
        self._counted_mams = self._counted_ms = 0
        return True

    def _count(self, current_ma, elapsed_ms):
        exact = self._carried + current_ma * elapsed_ms
        mams = round(exact)
        self._carried = exact - mams
        self._counted_mams += mams
        self._counted_ms += elapsed_ms
        whole = self.estimate.counter
        while mams:
            step = max(-_MOST_MAMS, min(mams, _MOST_MAMS))
            whole.add(step)
            mams -= step

    def _second(self, current_ma, voltage_mv, temp_c, mams, elapsed_ms):
        number = self._number
        estimate = self.estimate
        estimate.second(
            [number(voltage_mv)],
            number(current_ma),
            mams,
            elapsed_ms,
            None if temp_c is None else round(temp_c * 10),
        )
        while estimate.step():
            pass


def trace(estimate, log, start_share):
    """(t_s, share, sigma, source) a second; between rows farther apart what was counted."""
    replay = Replay(estimate, start_share)
    last_s = share = None
    temps = log.temp_c or [None] * len(log.time_s)
    rows = zip(log.time_s, log.current_ma, log.voltage_mv, temps, strict=True)
    for time_s, current_ma, voltage_mv, temp_c in rows:
        if last_s is not None and share is not None:
            for second in range(1, math.ceil(time_s - last_s - 0.001)):
                moved = current_ma * second / 3600 / estimate.counter.capacity_mah
                between = min(max(share + moved, 0.0), 1.0)
                yield _tidy(last_s + second), between, estimate.sigma, SOURCES[estimate.source]
        if replay.row(time_s, current_ma, voltage_mv, temp_c):
            last_s, share = time_s, estimate.share
            yield _tidy(time_s), share, estimate.sigma, SOURCES[estimate.source]


def _tidy(seconds):
    return int(seconds) if seconds == int(seconds) else round(seconds, 3)
