"""Counting charge: nothing is rounded away; the start comes from the open-circuit voltage."""

from packs import Rig

from vigil import chemistry, soc


def counter(capacity_mah=100000, remaining_mah=0):
    made = soc.ChargeCounter(capacity_mah, chemistry.lfp().ocv_dmv)
    made._counter[0] = remaining_mah
    return made


def counted(charge):
    """mA*ms in the pack."""
    return charge._counter[0] * 3600000 + charge._counter[1]


def test_charge_is_counted_to_the_last_milliampere_millisecond():
    charge = counter(remaining_mah=50000)
    total = 50000 * 3600000
    seed = 12345
    for _ in range(5000):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        current_ma = seed % 400001 - 200000
        elapsed_ms = 1 + seed % 130
        charge.count(current_ma, elapsed_ms)
        total += current_ma * elapsed_ms
    assert counted(charge) == total


def test_a_long_gap_or_a_huge_current_is_counted_exactly_in_steps_that_fit():
    charge = counter(remaining_mah=50000)
    charge.count(-300000, 100000)
    assert counted(charge) == 50000 * 3600000 - 300000 * 100000
    charge = counter()
    charge.count(999999999, 3)
    assert counted(charge) == 999999999 * 3


def test_a_full_or_empty_pack_does_not_collect_what_lies_beyond():
    charge = counter(remaining_mah=99999)
    for _ in range(100):
        charge.count(100000, 60000)
    assert charge.remaining_mah == 100000
    charge.count(-100000, 36000)
    assert charge.remaining_mah == 99000
    for _ in range(100):
        charge.count(-100000, 60000)
    assert charge.remaining_mah == 0
    charge.count(100000, 36000)
    assert charge.remaining_mah == 1000


def test_unknown_current_counts_nothing():
    charge = counter()
    charge.count(0x1FFFFFFF, 1000)
    assert list(charge._counter) == [0, 0]


def test_start_value_is_read_off_the_mean_cell_voltage():
    rig = Rig()
    charge = counter()
    table = chemistry.lfp().ocv_dmv
    for percent in (0, 3, 20, 50, 97, 100):
        rig.cells_mv = [(table[percent] + 5) // 10] * 16
        rig.step()
        charge.start(rig.sample)
        # A millivolt is worth up to a few percent on the plateau.
        assert abs(charge.soc_permille - percent * 10) <= 60
    rig.cells_mv = [3600] * 16
    rig.step()
    charge.start(rig.sample)
    assert charge.soc_permille == 1000
    rig.cells_mv = [2000] * 16
    rig.step()
    charge.start(rig.sample)
    assert charge.soc_permille == 0


def test_start_waits_until_no_current_flows():
    rig = Rig()
    assert not soc.ready_to_start(rig.sample, 2000)
    rig.current_ma = 5000
    rig.step()
    assert not soc.ready_to_start(rig.sample, 2000)
    rig.current_ma = -500
    rig.step()
    assert soc.ready_to_start(rig.sample, 2000)


def test_full_equivalent_cycles_count_both_ways():
    charge = counter(10000)
    for _ in range(3600):
        charge.count(10000, 1000)
        charge.count(-10000, 1000)
    assert charge.cycles == 1
    assert charge.remaining_mah == 0
