"""LTC681x model on the bus: PEC, frames through a chain, waking, watchdog, faults."""

import machine
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.ltc681x import Ltc681xChain
from host_tools.mock.ltc681x_pec import is_framed, pec15
from tests.unit.bq76952_rig import ObedientBench
from tests.unit.ltc681x_rig import (
    ADCV,
    MS,
    PLADC,
    RDCFGA,
    RDCFGB,
    RDSTATB,
    SECOND,
    WRCFGA,
    WRCFGB,
    Rig,
    command,
    framed,
    pec_bit_by_bit,
)

NOTHING = b"\xff" * 8
CFGA_DEFAULT = bytes.fromhex("f80000000000")

COMMAND_PECS = """
0001 3D6E 000C EFCC 0024 B19E 0002 2B0A 000E 729A 0026 2CC8 0004 07C2 000D 64FE 0010 ED72
0006 9A94 000F F9A8 0012 7024 0008 5E52 0721 24B2 0711 C9C0 000A C304 0722 32D6 0712 DFA4
0009 D560 0723 B9E4 0713 5496 000B 4836 0028 E80E 0714 F36C 0360 F46C 0029 633C 0715 785E
0370 AF42 0020 0000 0560 D3A0 02E0 3806 0014 5CEC 0568 3BAE 03E0 B04A 0016 C1BA 056F 9C54
0368 1C62 0328 FBE8 0567 745A 03E8 5844 03A8 BFCE 0301 2E88 0327 B41C 0347 E5CA 0527 93D0
052F 7BDE 001C B4E2 0022 9D56 9801 D24A 8004 77D6 FB60 FADE
""".split()
DATA_PECS = """
FFFFFFFFFFFF 664C 000000000000 C212 F80000000000 BEE2 FC0000000000 4F82 0F0000000000 1E68
FC5217A40000 07A0 800C810C820C D2DE 559555955595 02CA AA6AAA6AAA6A A694
""".split()


def pairs(words):
    return list(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("data, pec", pairs(COMMAND_PECS))
def test_pecs_of_commands_are_those_of_the_sheet(data, pec):
    assert pec15(bytes.fromhex(data)) == int(pec, 16)


@pytest.mark.parametrize("data, pec", pairs(DATA_PECS))
def test_pecs_of_data_are_those_of_the_sheet(data, pec):
    assert pec15(bytes.fromhex(data)) == int(pec, 16)


@given(st.binary(max_size=40))
def test_the_table_computes_what_the_bits_do(data):
    assert pec15(data) == pec_bit_by_bit(data)


@given(st.binary(min_size=1, max_size=8), st.data())
def test_one_flipped_bit_is_always_seen(data, more):
    block = bytearray(framed(data))
    bit = more.draw(st.integers(0, 8 * len(block) - 1))
    block[bit // 8] ^= 1 << bit % 8
    assert not is_framed(bytes(block))


# Frames


def test_after_waking_the_configuration_is_the_default_one():
    rig = Rig(thermistors=[()])
    for number in range(1, 10):
        rig.devices[0].gpio.outside_mv[number] = 3000.0
    assert rig.read(RDCFGA) == CFGA_DEFAULT
    assert rig.read(RDCFGB) == bytes.fromhex("0f0000000000")


def test_pins_read_back_as_levels_and_a_zero_pulls_them_down():
    rig = Rig(thermistors=[()])
    gpio = rig.devices[0].gpio
    gpio.outside_mv = {1: 3000.0, 5: 3000.0, 6: 3000.0}
    assert rig.read(RDCFGA)[0] == 0x88
    assert rig.read(RDCFGB)[0] == 0x01
    rig.write(WRCFGA, bytes([0x78, 0, 0, 0, 0, 0]))
    assert rig.read(RDCFGA)[0] == 0x08


@pytest.mark.parametrize("bit", range(32))
def test_a_command_with_one_wrong_bit_is_ignored(bit):
    rig = Rig()
    sent = bytearray(command(RDCFGA))
    sent[bit // 8] ^= 1 << bit % 8
    assert rig.transfer(bytes(sent) + NOTHING)[4:] == NOTHING
    assert rig.devices[0].refused_commands == 1


def test_each_device_gets_the_block_meant_for_it():
    rig = Rig(("ltc6813", "ltc6811", "adbms1818"), (12, 12, 12))
    blocks = [bytes([0xF8, n, 0, 0, 0, 0]) for n in (1, 2, 3)]
    rig.write(WRCFGA, *blocks)
    assert [rig.read(RDCFGA, n)[1] for n in range(3)] == [1, 2, 3]


def test_with_too_few_blocks_only_the_nearest_devices_are_written():
    rig = Rig(("ltc6811",) * 3, (12,) * 3)
    rig.write(WRCFGA, bytes([0xF8, 1, 0, 0, 0, 0]), bytes([0xF8, 2, 0, 0, 0, 0]))
    assert [rig.read(RDCFGA, n)[1] for n in range(3)] == [1, 2, 0]


def test_a_bad_block_is_dropped_by_its_device_alone():
    rig = Rig(("ltc6811",) * 3, (12,) * 3)
    rig.devices[1].lost_blocks = 1
    rig.write(WRCFGA, *[bytes([0xF8, n, 0, 0, 0, 0]) for n in (1, 2, 3)])
    assert [rig.read(RDCFGA, n)[1] for n in range(3)] == [1, 0, 3]


def test_half_a_block_is_no_block():
    rig = Rig()
    rig.transfer(command(WRCFGA) + framed(bytes([0xF8, 7, 0, 0, 0, 0]))[:7])
    assert rig.read(RDCFGA)[1] == 0


def test_the_small_part_stays_silent_where_it_has_no_group():
    rig = Rig(("ltc6811", "ltc6813"), (12, 12))
    small, big = rig.raw(RDCFGB)
    assert small == NOTHING
    assert framed(big[:6]) == big


def test_addressed_commands_are_not_for_a_chain():
    rig = Rig()
    assert rig.transfer(framed([0x80, RDCFGA]) + NOTHING)[4:] == NOTHING


def test_through_the_fake_bus_a_frame_may_come_in_two_transfers():
    rig = Rig()
    machine.use(rig.clock)
    machine.attach_spi(1, rig.chain, 17)
    try:
        select = machine.Pin(17, machine.Pin.OUT, value=1)
        spi = machine.SPI(1, 1_000_000, polarity=1, phase=1)
        select(0)
        spi.write(command(RDCFGA))
        block = spi.read(8, 0xFF)
        select(1)
        assert framed(block[:6]) == block
        select(0)
        assert machine.SPI(1, 1_000_000).read(12, 0xFF) == b"\xff" * 12
        select(1)
    finally:
        machine.forget()


def test_a_chain_has_to_measure_all_cells_and_no_more_than_its_inputs():
    bench = ObedientBench(24)
    clock = Rig().clock
    for parts, cells in ((("ltc6811",), (12,)), (("ltc6811", "ltc6813"), (13, 11)), ((), ())):
        with pytest.raises(ValueError):
            Ltc681xChain(clock, bench, parts=parts, cells=cells)


# Waking


def test_a_sleeping_chain_answers_with_ones_and_the_first_edge_only_wakes_it():
    rig = Rig(awake=False)
    assert rig.transfer(command(RDCFGA) + NOTHING)[4:] == NOTHING
    rig.wait(390)
    assert rig.transfer(command(RDCFGA) + NOTHING)[4:] == NOTHING
    rig.wait(10)
    assert rig.transfer(command(RDCFGA) + NOTHING)[4:] != NOTHING


def test_one_pulse_climbs_a_sleeping_chain_a_device_each_400_us():
    rig = Rig(("ltc6811",) * 3, (12,) * 3, awake=False)
    rig.pulse(high_us=0)
    awake = []
    for _ in range(3):
        rig.wait(400)
        received = rig.transfer(command(RDCFGA) + NOTHING * 3)[4:]
        awake.append([received[at : at + 8] != NOTHING for at in (0, 8, 16)])
    assert awake == [[True, False, False], [True, True, False], [True, True, True]]


def test_out_of_idle_every_device_needs_a_pulse_of_its_own():
    rig = Rig(("ltc6811",) * 2, (12,) * 2)
    rig.wait(5600)
    rig.pulse()
    received = rig.transfer(command(RDCFGA) + NOTHING * 2)[4:]
    assert received[:8] != NOTHING and received[8:] == NOTHING
    rig.wait(10)
    assert rig.transfer(command(RDCFGA) + NOTHING * 2)[12:] != NOTHING


def test_a_pause_shorter_than_the_idle_time_needs_no_pulse():
    rig = Rig()
    rig.wait(5400)
    assert rig.transfer(command(RDCFGA) + NOTHING)[4:] != NOTHING


# Watchdog


def test_two_seconds_of_silence_reset_the_configuration_and_put_it_to_sleep():
    rig = Rig()
    rig.configure(under=0x752, over=0xA41)
    rig.wait(2 * SECOND - 5 * MS)
    assert rig.read(RDCFGA)[1:4] == bytes.fromhex("5217a4")
    rig.wait(2 * SECOND)
    assert rig.devices[0].asleep
    rig.wake()
    assert rig.read(RDCFGA)[1:] == CFGA_DEFAULT[1:]


def test_pulses_and_wrong_pecs_do_not_keep_it_alive():
    rig = Rig()
    rig.configure(under=5)
    for _ in range(21):
        rig.wait(100 * MS)
        rig.pulse()
        rig.transfer(b"\x00\x02\x00\x00")
    assert rig.read(RDCFGA)[1] == 0


def test_if_so_set_pulses_do_keep_it_alive():
    rig = Rig()
    rig.devices[0].wake_up_feeds_watchdog = True
    rig.configure(under=5)
    for _ in range(21):
        rig.wait(100 * MS)
        rig.pulse()
    assert rig.read(RDCFGA)[1] == 5


# Faults


def test_beyond_a_missing_device_nothing_answers_or_listens():
    rig = Rig(("ltc6811",) * 4, (12,) * 4)
    rig.devices[2].missing = True
    rig.configure(under=9)
    answers = rig.raw(RDCFGA)
    assert [answer == NOTHING for answer in answers] == [False, False, True, True]
    rig.devices[2].missing = False
    rig.wake()
    # The four blocks went by it: the two that arrived were those sent last.
    assert [rig.read(RDCFGA, n)[1] for n in range(4)] == [9, 9, 0, 0]


@pytest.mark.parametrize("broken", range(3))
def test_a_wrong_pec_of_one_device_leaves_the_others_right(broken):
    rig = Rig(("ltc6811",) * 3, (12,) * 3)
    rig.devices[broken].bad_pecs = 1
    good = [framed(block[:6]) == block for block in rig.raw(RDCFGA)]
    assert good == [n != broken for n in range(3)]
    assert all(framed(block[:6]) == block for block in rig.raw(RDCFGA))


def test_a_command_disturbed_on_its_way_misses_the_devices_above():
    rig = Rig(("ltc6811",) * 3, (12,) * 3)
    rig.devices[1].lost_commands = 1
    assert [block == NOTHING for block in rig.raw(RDCFGA)] == [False, True, True]
    assert [block == NOTHING for block in rig.raw(RDCFGA)] == [False, False, False]


def test_a_stuck_data_line_never_shows_a_right_pec():
    rig = Rig()
    for level in (0x00, 0xFF):
        rig.chain.miso_stuck = level
        block = rig.raw(RDCFGA)[0]
        assert block == bytes([level]) * 8
        assert framed(block[:6]) != block


def test_after_a_brown_out_it_sleeps_with_nothing_left():
    rig = Rig()
    rig.configure(under=5)
    rig.measure()
    rig.devices[0].brown_out(20 * MS)
    rig.wake()
    assert rig.raw(RDCFGA)[0] == NOTHING
    rig.wait(20 * MS)
    rig.wake()
    assert rig.read(RDCFGA)[1] == 0
    assert rig.cells() == [0xFFFF] * 18


def test_a_stuck_conversion_never_ends_and_changes_nothing():
    rig = Rig()
    rig.configure()
    rig.devices[0].stuck = True
    rig.send(0x711)
    rig.measure(us=100 * MS)
    rig.ready()
    assert rig.transfer(command(PLADC) + NOTHING)[6:] == bytes(6)
    assert rig.cells() == [0xFFFF] * 18


def test_a_dead_chain_polls_as_done():
    rig = Rig()
    rig.chain.answering = False
    rig.measure(ADCV)
    assert rig.transfer(command(PLADC) + NOTHING)[4:] == NOTHING


def test_too_hot_a_die_takes_the_configuration_and_says_so_once():
    rig = Rig()
    rig.configure(dcc=5)
    assert rig.bench.bleed == 5
    rig.bench.die_c = 151.0
    assert rig.read(RDCFGA)[4] == 0
    assert rig.bench.bleed == 0
    rig.bench.die_c = 100.0
    assert rig.read(RDSTATB)[5] & 1
    assert not rig.read(RDSTATB)[5] & 1


def test_muted_reads_back_and_keeps_the_switches_in_mind():
    rig = Rig()
    rig.write(WRCFGB, bytes([0x0F, 0x03, 0, 0, 0, 0]))
    assert rig.bench.bleed == 3 << 16
    rig.send(0x028)
    assert rig.bench.bleed == 0
    assert rig.read(RDCFGB)[1] == 0x83
    rig.send(0x029)
    assert rig.bench.bleed == 3 << 16
    assert rig.read(RDCFGB)[1] == 0x03
