"""LTC681x model: discharge switches, their pauses, watchdog, timer, PWM and its monitor."""

import pytest

from host_tools.mock.bench import Bench
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock
from host_tools.mock.ltc681x import Ltc681xChain
from tests.unit.ltc681x_rig import ADCV, MS, RDCFGA, SECOND, WRCFGA, WRCFGB, Rig, command, framed

MINUTE = 60 * SECOND
HALF_MINUTES = (1, 2, 4, 6, 8, 10, 20, 30, 40, 60, 80, 120, 150, 180, 240)


def keep_alive(rig, seconds):
    for _ in range(seconds):
        rig.read(RDCFGA)
        rig.wait(SECOND)


@pytest.mark.parametrize("n", range(1, 19))
def test_every_switch_has_its_bit(n):
    rig = Rig()
    dcc = 1 << (n - 1)
    rig.write(WRCFGA, bytes([0xFC, 0, 0, 0, dcc & 0xFF, dcc >> 8 & 0xF]))
    rig.write(WRCFGB, bytes([0x0F | (dcc >> 12 & 0xF) << 4, dcc >> 16, 0, 0, 0, 0]))
    assert rig.bench.bleed == dcc


def test_the_devices_discharge_their_own_slices_of_the_pack():
    rig = Rig(("ltc6811", "ltc6813"), (8, 10), wiring=(0b1111_0000_1111, 0b11_1111_1111))
    rig.write(WRCFGA, bytes([0xFC, 0, 0, 0, 0x01, 0x08]), bytes([0xFC, 0, 0, 0, 0x01, 0x02]))
    assert rig.bench.bleed == 1 | 1 << 7 | 1 << 8 | 1 << 17


def test_two_seconds_without_a_command_end_the_discharge():
    rig = Rig()
    rig.configure(dcc=5)
    keep_alive(rig, 4)
    assert rig.bench.bleed == 5
    rig.wait(SECOND - 1 * MS)
    assert rig.bench.bleed == 5
    rig.wait(2 * MS)
    assert rig.bench.bleed == 0


def test_while_measuring_switches_pause_unless_told_to_stay():
    rig = Rig()
    rig.configure(dcc=0b101)
    rig.send(ADCV)
    assert rig.bench.bleed == 0
    rig.wait(3 * MS)
    assert rig.bench.bleed == 0b101
    rig.send(ADCV | 0x10)
    assert rig.bench.bleed == 0b101


def test_a_single_channel_pauses_itself_and_its_neighbours_only():
    rig = Rig(("ltc6811",), (12,))
    rig.configure(dcc=0xFFF)
    rig.send(ADCV | 3)
    assert rig.bench.bleed == 0xFFF & ~(0b1110 | 0b1110 << 6)
    rig.wait(3 * MS)
    rig.send(ADCV | 1)
    assert rig.bench.bleed == 0xFFF & ~(0b11 | 0b111 << 5)


def test_a_broken_lead_carries_no_discharge_current():
    rig = Rig(("ltc6811",), (12,))
    rig.chain.open_leads.add(3)
    rig.configure(dcc=0b100)
    assert rig.bench.bleed == 0
    rig.configure(dcc=0b1100)
    assert rig.bench.bleed == 0b1100


def test_on_the_bench_a_discharge_that_stays_shows_in_the_words():
    clock = VirtualClock()
    bench = Bench(clock, Pack(12), sense_ohm=2.0)
    chain = Ltc681xChain(clock, bench, parts=("ltc6811",), cells=(12,))

    def frame(code, data=b""):
        chain.spi_select(0)
        received = chain.spi(command(code) + data)
        chain.spi_select(1)
        return received[4:]

    def fifth():
        clock.advance(3 * MS)
        block = frame(0x006, b"\xff" * 8)
        return block[2] | block[3] << 8

    frame(0x714)
    clock.advance(400)
    frame(WRCFGA, framed(bytes([0xFC, 0, 0, 0, 0x10, 0])))
    clock.advance(4 * MS)
    frame(ADCV)
    still = fifth()
    frame(ADCV | 0x10)
    # 3.3 V over 68 ohm, through two leads of 2 ohm.
    assert 1500 < still - fifth() < 2500


# Timer


def with_timer(dcto, dcc=5, **options):
    rig = Rig(**options)
    rig.devices[0].dten = True
    rig.configure(dcc=dcc, dcto=dcto)
    return rig


def test_without_its_pin_there_is_no_timer():
    rig = Rig()
    rig.configure(dcc=5, dcto=3)
    rig.wait(2 * SECOND)
    assert rig.bench.bleed == 0


@pytest.mark.parametrize("dcto", range(1, 16))
def test_a_hung_host_keeps_discharging_until_the_timer_ends(dcto):
    rig = with_timer(dcto)
    us = HALF_MINUTES[dcto - 1] * MINUTE // 2
    rig.wait(us - 5 * MS)
    assert rig.bench.bleed == 5
    assert rig.devices[0].watchdog_resets == 1
    rig.wait(5 * MS)
    assert rig.bench.bleed == 0
    assert rig.devices[0].asleep


def test_the_time_left_reads_back_rounded_up():
    rig = with_timer(3)
    for seconds, left in ((0, 3), (59, 3), (2, 2), (30, 1), (28, 1), (2, 0)):
        keep_alive(rig, seconds)
        assert rig.read(RDCFGA)[5] >> 4 == left
    assert rig.read(RDCFGA)[4] == 0


def test_the_watchdog_takes_references_and_thresholds_but_not_the_discharge():
    rig = with_timer(3)
    rig.configure(dcc=5, dcto=3, under=0x752)
    rig.wait(3 * SECOND)
    data = rig.read(RDCFGA)
    assert not data[0] & 0x04
    assert data[1:5] == bytes([0, 0, 0, 5])


def test_each_write_of_the_configuration_starts_the_timer_anew():
    rig = with_timer(1)
    for _ in range(4):
        rig.wait(20 * SECOND)
        assert rig.bench.bleed == 5
        rig.configure(dcc=5, dcto=1)
    rig.wait(30 * SECOND)
    assert rig.bench.bleed == 0


def test_pulse_width_counts_once_the_watchdog_is_out():
    rig = with_timer(4, dcc=0b11)
    rig.write(0x020, bytes([0x0F | 3 << 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]))
    assert rig.read(0x022)[0] == 0x3F
    assert rig.bench.bleed == 0b11
    rig.wait(2 * SECOND + 1 * MS)
    pattern = []
    for _ in range(15):
        pattern.append(rig.bench.bleed)
        rig.wait(2 * SECOND)
    assert pattern == [0b11] * 3 + [0b01] * 12


def test_the_monitor_stops_cells_below_the_threshold_every_half_minute():
    rig = with_timer(4, dcc=0b11)
    rig.configure(dcc=0b11, dcto=4, under=0x752)
    rig.write(WRCFGB, bytes([0x0F, 0x08, 0, 0, 0, 0]))
    rig.wait(10 * SECOND)
    rig.bench.cell(1, 2990.0)
    assert rig.bench.bleed == 0b11
    rig.wait(30 * SECOND)
    assert rig.bench.bleed == 0b10


def test_heat_ends_the_discharge_even_with_nobody_there():
    rig = with_timer(15)
    rig.wait(10 * SECOND)
    rig.bench.die_c = 160.0
    rig.wait(2 * SECOND)
    assert rig.bench.bleed == 0
    assert rig.devices[0].asleep
