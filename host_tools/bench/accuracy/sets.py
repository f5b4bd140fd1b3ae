"""The recorded and simulated cells, the sensors they are seen through, and their true charge.

The files are not part of the project: they lie in shared/data beside it (see DATA).
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

from host_tools.replay import log

DATA = Path(__file__).parents[4] / "shared" / "data"


@dataclass(frozen=True)
class DataSet:
    """temp_c: where the file does not tell; column: what tells the true charge."""

    name: str
    path: str
    chemistry: str
    capacity_mah: float
    column: str
    temp_c: float | None = None
    begin_share: float = 1.0

    @property
    def present(self):
        return (DATA / self.path).exists()

    def load(self):
        """(Log, [true share])."""
        read = log.read(DATA / self.path)
        told = read.others[self.column]
        if self.column == "soc_true_pct":
            true = [percent / 100 for percent in told]
        else:
            sign = -1 if self.column == "dis_mah" else 1
            true = [self.begin_share + sign * mah / self.capacity_mah for mah in told]
        return read, true


_NCA = "nca_panasonic18650pf/{}_25C_1hz.csv"
_LFP = "sim_lfp_own/drive_{}C_1s.csv.gz"
SETS = tuple(
    DataSet(f"NCA {name}", _NCA.format(name), "NCA", 2878.5, "ah_mah")
    for name in ("cycle1", "us06", "hwfet")
) + (
    DataSet(
        "NMC day", "sim_nmc_pybamm/dfn_chen2020_day_5s.csv", "NMC", 5149.5, "dis_mah", None, 0.95
    ),
    DataSet("LFP 25C", _LFP.format(25), "LFP", 3000, "soc_true_pct", 25.0),
    DataSet("LFP 10C", _LFP.format(10), "LFP", 3000, "soc_true_pct", 10.0),
)


@dataclass(frozen=True)
class Tier:
    """Sensor errors; the offset as a share of the capacity an hour."""

    name: str
    gain_pct: float
    offset_share: float
    voltage_mv: float


TIERS = (Tier("A", 0.5, 0.0002, 2), Tier("B", 1, 0.001, 5), Tier("C", 1, 0.005, 5))
CORNERS = tuple(itertools.product((1, -1), repeat=3))  # signs of gain, offset, voltage
NOISE_MV = 1.0
NOISE_SHARE = 0.001  # of the capacity an hour
QUANTUM_MV = 1


def missing():
    """A sentence if the data is not there, else an empty string."""
    absent = [one.path for one in SETS if not one.present]
    return f"not in shared/data beside the project: {', '.join(absent)}" if absent else ""
