"""BQ76952 model: predischarge before DSG, precharge in the place of CHG, precharge timeout."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq76952_rig import CHG, DSG, MS, SECOND, Rig, enabled, gain

PCHG = 0x02
PDSG = 0x08
PCHG_MODE = 0x0002
PTO = 0x04
PTOS = 0x08
EVALUATION = 250 * MS


def staged(timeout, delta):
    """FET_EN on and DSG just permitted: the next evaluation begins the stage."""
    rig = Rig()
    rig.configure((0x9308, b"\x1d"), (0x930E, bytes([timeout, delta])))
    rig.command(0x009A)
    rig.command(0x0095)
    rig.command(0x0022)
    rig.wait(500 * MS)
    assert rig.fets == 0
    rig.command(0x0096)
    while rig.fets == 0:
        rig.wait(1 * MS)
    return rig


@given(timeout=st.integers(1, 255))
def test_predischarge_ends_exactly_at_its_timeout(timeout):
    rig = staged(timeout, 0)
    assert rig.fets == CHG | PDSG
    rig.wait(timeout * 10 * MS - 1 * MS - 1)
    assert rig.fets == CHG | PDSG
    rig.wait(1 * MS + 1)
    assert rig.fets == CHG | DSG


def test_predischarge_ends_at_the_next_evaluation_once_the_load_is_up():
    rig = staged(0, 50)
    rig.wait(2 * SECOND)
    assert rig.fets == CHG | PDSG
    rig.bench.ld_mv = rig.bench.stack_mv - 501
    rig.wait(EVALUATION)
    assert rig.fets == CHG | PDSG
    rig.bench.ld_mv = rig.bench.stack_mv - 500
    rig.wait(EVALUATION)
    assert rig.fets == CHG | DSG


def test_predischarge_without_either_criterion_never_ends():
    rig = staged(0, 0)
    rig.bench.ld_mv = rig.bench.stack_mv
    rig.wait(60 * SECOND)
    assert rig.fets == CHG | PDSG


def test_predischarge_is_repeated_each_time_dsg_comes_back():
    rig = staged(5, 0)
    rig.wait(1 * SECOND)
    assert rig.fets == CHG | DSG
    rig.command(0x0093)
    assert rig.fets == CHG
    rig.command(0x0096)
    seen = set()
    for _ in range(400):
        rig.wait(1 * MS)
        seen.add(rig.fets)
    assert seen >= {CHG | PDSG, CHG | DSG}


@pytest.mark.parametrize("code", [0x0093, 0x0095])
def test_dsg_off_within_the_stage_turns_pdsg_off_and_dsg_does_not_follow(code):
    rig = staged(200, 0)
    rig.command(code)
    assert not rig.fets & (PDSG | DSG)
    rig.wait(3 * SECOND)
    assert not rig.fets & (PDSG | DSG)


def test_without_pdsg_en_dsg_turns_on_directly():
    rig = Rig()
    rig.configure((0x930E, b"\xff\x00"))
    rig.switch_on()
    assert rig.fets == CHG | DSG


# Precharge


def precharging(*blocks):
    rig = Rig()
    rig.configure(gain(0.5), (0x9308, b"\x0c"), (0x930A, struct.pack("<hh", 2500, 2600)), *blocks)
    rig.bench.cell(3, 2400)
    rig.switch_on()
    return rig


def test_low_cell_is_precharged_until_it_has_its_stop_voltage():
    rig = precharging()
    assert rig.fets == PCHG | DSG
    assert rig.status & PCHG_MODE
    rig.bench.cell(3, 2599)
    rig.wait(1 * SECOND)
    assert rig.fets == PCHG | DSG
    rig.bench.cell(3, 2600)
    rig.wait(1 * SECOND)
    assert rig.fets == CHG | DSG
    assert not rig.status & PCHG_MODE
    rig.bench.cell(3, 2501)
    rig.wait(1 * SECOND)
    assert rig.fets == CHG | DSG


def test_precharge_voltage_of_zero_means_no_precharge():
    rig = Rig()
    rig.bench.cell(3, 100)
    rig.switch_on()
    assert rig.fets == CHG | DSG


@pytest.mark.parametrize(
    "bits, left_on", [(0x08, DSG), (0x04, DSG), (0x01, PCHG), (0x02, PCHG | DSG)]
)
def test_host_blocks_of_the_small_fets(bits, left_on):
    rig = precharging()
    rig.send(0x0097, bytes([bits]))
    rig.wait(1 * SECOND)
    assert rig.fets == left_on


def timed(*blocks):
    rig = precharging(enabled(0, 0, PTO), (0x92BA, struct.pack("<hHh", 250, 60, 2)), *blocks)
    return rig


def test_precharge_times_out_and_only_its_command_recovers():
    rig = timed()
    rig.bench.current(300)
    rig.wait(59 * SECOND)
    assert rig.u8(0x07) == 0
    rig.wait(2 * SECOND)
    assert (rig.u8(0x06), rig.u8(0x07)) == (0, PTO)
    assert rig.fets == DSG
    rig.bench.current(0)
    rig.wait(600 * SECOND)
    assert rig.u8(0x07) == PTO
    rig.command(0x008A)
    assert rig.u8(0x07) == 0
    rig.wait(1 * SECOND)
    assert rig.fets == PCHG | DSG


def test_precharge_timer_is_suspended_while_little_current_flows():
    rig = timed()
    rig.bench.current(200)
    rig.wait(120 * SECOND)
    assert (rig.u8(0x06), rig.u8(0x07)) == (PTOS, 0)
    rig.bench.current(300)
    rig.wait(1 * SECOND)
    assert rig.u8(0x06) == 0
    rig.wait(61 * SECOND)
    assert rig.u8(0x07) == PTO


def test_enough_discharge_starts_the_timer_anew():
    rig = timed()
    rig.bench.current(300)
    rig.wait(50 * SECOND)
    # 2 mAh and a little.
    rig.bench.current(-3600)
    rig.wait(3 * SECOND)
    rig.bench.current(300)
    rig.wait(50 * SECOND)
    assert rig.u8(0x07) == 0
    rig.wait(12 * SECOND)
    assert rig.u8(0x07) == PTO


def test_small_fets_have_test_commands_of_their_own():
    rig = Rig()
    rig.command(0x009A)
    rig.command(0x001E)
    rig.command(0x001C)
    rig.wait(500 * MS)
    assert rig.fets == PCHG | PDSG
    assert rig.bench.gates[:2] == (False, False)
