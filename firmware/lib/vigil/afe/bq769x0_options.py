"""BQ769x0 options: what a board says about its chip, checked at once.

Inputs are numbered as on the chip: input n (VCn) carries the cell between VCn-1 and VCn.
"""

from micropython import const

from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.sensor.thermistor import OHMS_103

# Groups of five inputs, ms from boot to the first valid cells.
_VARIANTS = {"BQ76920": (1, 250), "BQ76930": (2, 400), "BQ76940": (3, 800)}
_PULL_UP_OHM = const(10000)
# 3.3 V in thousandths of the thermistors' steps of 382 uV.
_OPEN_CODE_MILLI = const(8638743)
# A step of the coulomb counter; calibrate it where the shunt is not exact.
_CC_NV = const(8440)
# The product with any code stays a small integer.
_MOST_CC_NV = const(16000)


class Options:
    """chip: "BQ76920" (3-5 cells), "BQ76930" (6-10) or "BQ76940" (9-15).

    inputs: the chip's input of each cell, lowest first; None = as the data sheet wires so many
    cells. Unused inputs are shorted to the one below.
    thermistors: which of TS1, TS2, TS3 carry a thermistor on the cells; None = all that there are.
    ohms: the thermistors' resistance from -40 to 130 degC in steps of 5 K.
    check_codes: whether the part has them (BQ769x001, 03, 07: yes); None = find out.
    charge_sign: 1 where the coulomb counter counts up while charging, -1 where it counts down:
    sources disagree, so look at the first charge.
    cc_nv: a step of the coulomb counter in nV.
    load_detect: the CHG pin sees the load through the open switches, as in TI's circuits.
    """

    def __init__(
        self,
        *,
        chip="BQ76940",
        cells=None,
        inputs=None,
        shunt_uohm=1000,
        thermistors=None,
        ohms=OHMS_103,
        check_codes=None,
        charge_sign=1,
        cc_nv=_CC_NV,
        load_detect=True,
    ):
        if chip not in _VARIANTS:
            raise AfeError(UNSUPPORTED)
        self.chip = chip
        self.groups, self.first_cells_ms = _VARIANTS[chip]
        most = 5 * self.groups
        self.cells = cells or most
        if not 3 * self.groups <= self.cells <= most:
            raise AfeError(UNSUPPORTED)
        self.inputs = bytes(inputs or usual_inputs(self.groups, self.cells))
        self.thermistors = bytes(thermistors or range(1, self.groups + 1))
        self.ohms = ohms
        self.pull_up_ohm = _PULL_UP_OHM
        self.open_code_milli = _OPEN_CODE_MILLI
        self.shunt_uohm = shunt_uohm
        self.check_codes = check_codes
        self.charge_sign = charge_sign
        self.cc_nv = cc_nv
        self.load_detect = load_detect
        if not (
            len(self.inputs) == self.cells
            and _rises(self.inputs, most)
            and _rises(self.thermistors, self.groups)
            and len(ohms) == 35
            and shunt_uohm > 0
            and charge_sign in (1, -1)
            and 0 < cc_nv <= _MOST_CC_NV
        ):
            raise AfeError(UNSUPPORTED)

    def shorted(self):
        """Inputs without a cell, each to be shorted to the input below it."""
        return tuple([n for n in range(1, 5 * self.groups + 1) if n not in self.inputs])


def usual_inputs(groups, cells):
    """The data sheet's wiring: groups filled evenly, the top input of each always used."""
    inputs = []
    for group in range(groups):
        count = (cells + groups - 1 - group) // groups
        for place in range(1, count):
            inputs.append(5 * group + place)
        inputs.append(5 * group + 5)
    return inputs


def _rises(numbers, most):
    last = 0
    for number in numbers:
        if not last < number <= most:
            return False
        last = number
    return True
