"""Plain counting, where no estimator runs: begins at rest, ends at empty and full."""

from packs import Rig

from vigil import chemistry
from vigil.plain_charge import PlainCharge, hundredths_at
from vigil.sample import UNKNOWN

OCV_DMV = chemistry.lfp().ocv_dmv


class Bms:
    capacity_mah = 100000

    def __init__(self):
        self.rig = Rig()
        self.board = self
        self.sample = self.rig.sample
        self.chemistry = chemistry.lfp()

    def begun(self, remaining_mah):
        self.rig.current_ma = 0
        self.rig.step()
        charge = PlainCharge(self)
        charge.step(0)
        charge.moved[0] = remaining_mah
        charge.moved[1] = 0
        charge.step(0)
        return charge


def test_a_full_or_empty_pack_does_not_collect_what_lies_beyond():
    bms = Bms()
    charge = bms.begun(99999)

    def count(current_ma, seconds, times=1):
        for _ in range(times):
            charge.count(current_ma, seconds * 1000)
            charge.step(0)
        return charge.remaining_mah

    assert count(100000, 60, 100) == 100000
    assert charge.soc_permille == 1000
    assert count(-100000, 36) == 99000
    assert count(-100000, 60, 100) == 0
    assert count(100000, 36) == 1000
    assert charge.soc_permille == 10


def test_the_start_is_read_off_the_mean_cell_voltage():
    for mv, permille in ((3600, 1000), (2000, 0)):
        bms = Bms()
        bms.rig.cells_mv = [mv] * 16
        bms.rig.current_ma = 0
        bms.rig.step()
        charge = PlainCharge(bms)
        charge.step(0)
        assert charge.known and charge.soc_permille == permille
    for percent in (0, 3, 20, 50, 97, 100):
        assert abs(hundredths_at(OCV_DMV, OCV_DMV[percent]) - percent * 100) <= 100


def test_the_start_waits_until_next_to_no_current_flows():
    bms = Bms()
    charge = PlainCharge(bms)
    charge.step(0)
    assert not charge.known and charge.soc_permille == UNKNOWN
    bms.rig.current_ma = 5000
    bms.rig.step()
    charge.step(0)
    assert not charge.known and charge.shown_permille == UNKNOWN
    bms.rig.current_ma = -500
    bms.rig.step()
    charge.step(0)
    assert charge.known and charge.shown_permille == charge.soc_permille
    assert charge.sigma_permille == UNKNOWN and charge.since_s == -1
