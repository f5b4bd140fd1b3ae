"""LTC681x model: conversions and their times, results, self-tests, thermistors, open wires."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.mock.ltc681x_commands import conversion
from tests.unit.ltc681x_rig import (
    ADAX,
    ADCV,
    ADOW_DOWN,
    ADOW_UP,
    ADSTAT,
    AUX,
    CELLS,
    MS,
    PLADC,
    RDSTATA,
    RDSTATB,
    Rig,
    command,
)

CLRCELL, CLRAUX, CLRSTAT, DIAGN = 0x711, 0x712, 0x713, 0x715
CLEARED = 0xFFFF
PARTS = {"ltc6811": 12, "ltc6813": 18, "adbms1818": 18}

# Of the sheet's table, from references up: code, ADCOPT, us on the small part, us on the big one.
TIMES = [
    (0x2E0, 0, 1113, 1121),
    (0x2E0, 1, 1288, 1296),
    (0x360, 0, 2335, 2343),
    (0x360, 1, 3033, 3041),
    (0x3E0, 1, 4430, 4437),
    (0x260, 1, 7222, 7230),
    (0x260, 0, 12807, 12816),
    (0x3E0, 0, 201317, 201325),
    (0x361, 0, 405, 407),
    (0x2E2, 0, 201, 203),
    (0x327, 0, 2335, 2343),
    (0x368, 0, 2335, 2343),
    (0x3E8, 0, 201317, 201325),
    (0x560, 0, 2335, 3862),
    (0x4E0, 0, 1113, 1825),
    (0x561, 0, 405, 788),
    (0x4E1, 0, 201, 380),
    (0x565, 0, 405, 407),
    (0x568, 0, 1563, 1563),
    (0x4E8, 0, 748, 748),
    (0x5E8, 0, 134218, 134218),
    (0x56F, 0, 3133, 3141),
]


def busy(rig):
    """By the second byte of a poll: the first has the clocks that say nothing."""
    rig.ready()
    return rig.transfer(command(PLADC) + b"\xff\xff")[5] == 0


@pytest.mark.parametrize("part", ["ltc6811", "ltc6813"])
@pytest.mark.parametrize("code, adcopt, small_us, big_us", TIMES)
def test_conversions_take_the_time_of_the_sheet(part, code, adcopt, small_us, big_us):
    rig = Rig((part,), (PARTS[part],))
    rig.configure(adcopt=adcopt)
    rig.ready()
    start_us = rig.clock.now_us
    rig.transfer(command(code))
    us = big_us if part == "ltc6813" else small_us
    rig.wait(start_us + us - 20 - rig.clock.now_us)
    assert busy(rig)
    rig.wait(start_us + us + 20 - rig.clock.now_us)
    assert not busy(rig)


def test_read_too_early_the_old_words_are_there():
    rig = Rig()
    rig.configure()
    rig.measure()
    rig.bench.cell(1, 3500.0)
    rig.send(ADCV)
    rig.wait(2300)
    assert rig.cells()[0] == 33000
    rig.wait(100)
    assert rig.cells()[0] == 35000


def test_without_the_references_the_first_result_comes_later():
    rig = Rig()
    rig.measure(us=2343 + 3400)
    assert rig.cells() == [CLEARED] * 18
    rig.wait(100)
    assert rig.cells() == [33000] * 18


def test_references_are_waited_for_only_once():
    rig = Rig()
    rig.configure()
    rig.wait(4 * MS)
    for _ in range(3):
        rig.send(CLRCELL)
        rig.measure(us=2400)
        assert rig.cells() == [33000] * 18


def test_a_device_that_starts_anew_loses_what_it_was_measuring():
    rig = Rig()
    rig.configure()
    rig.send(ADCV)
    rig.wait(1 * MS)
    rig.measure(ADAX, us=10 * MS)
    assert rig.cells() == [CLEARED] * 18
    assert rig.devices[0].measuring.overlapped == 1


@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_cell_is_where_the_sheet_puts_it(part):
    count = PARTS[part]
    rig = Rig((part,), (count,))
    for n in range(1, count + 1):
        rig.bench.cell(n, 3000.0 + n)
    rig.configure()
    rig.measure()
    assert rig.cells() == [30000 + 10 * n for n in range(1, count + 1)]


@pytest.mark.parametrize("channel", range(1, 7))
def test_a_channel_of_its_own_measures_every_sixth_cell(channel):
    rig = Rig()
    rig.configure()
    rig.measure(ADCV | channel)
    seen = [n for n in range(1, 19) if rig.cells()[n - 1] != CLEARED]
    assert seen == [channel, channel + 6, channel + 12]


def test_a_chain_measures_the_pack_slice_by_slice_and_unused_inputs_show_nothing():
    rig = Rig(("ltc6813", "ltc6811"), (10, 6), wiring=(0b11_1111_1111, 0b111_000_111))
    for n in range(1, 17):
        rig.bench.cell(n, 3000.0 + n)
    rig.configure()
    rig.measure()
    assert rig.cells(0) == [30000 + 10 * n for n in range(1, 11)] + [0] * 8
    upper = [30000 + 10 * n for n in range(11, 17)]
    assert rig.cells(1) == upper[:3] + [0] * 3 + upper[3:] + [0] * 3


@pytest.mark.parametrize(
    "part, cells, sum_mv, die", [("ltc6811", 12, 43200, 22350), ("ltc6813", 18, 64800, 22876)]
)
def test_sum_and_die_are_scaled_as_in_the_sheet(part, cells, sum_mv, die):
    rig = Rig((part,), (cells,))
    rig.bench.die_c = 25.0
    for n in range(1, cells + 1):
        rig.bench.cell(n, sum_mv / cells)
    rig.configure()
    rig.measure(ADSTAT)
    sum_word, die_word, analog = rig.words(RDSTATA)
    assert (sum_word, die_word) == (21600, die)
    assert 45000 <= analog <= 55000
    digital = rig.read(RDSTATB)
    assert 27000 <= digital[0] | digital[1] << 8 <= 36000


def test_one_status_word_alone():
    rig = Rig()
    rig.configure()
    rig.measure(ADSTAT | 2)
    assert [word == CLEARED for word in rig.words(RDSTATA)] == [True, False, True]


def test_clears_leave_what_the_sheet_says():
    rig = Rig()
    rig.configure()
    for code in (ADCV, ADAX, ADSTAT):
        rig.measure(code, us=10 * MS)
    for code in (CLRCELL, CLRAUX, CLRSTAT):
        rig.send(code)
    assert rig.cells() == [CLEARED] * 18
    assert rig.words(AUX[0]) + rig.words(AUX[1]) + rig.words(AUX[2]) == [CLEARED] * 9
    assert rig.words(AUX[3])[0] == CLEARED
    assert rig.words(RDSTATA) == [CLEARED] * 3
    assert rig.read(RDSTATB) == b"\xff\xff\xff\xff\xff\x13"
    # A second read shows that there was no thermal shutdown.
    assert rig.read(RDSTATB)[5] == 0x12


def test_flags_compare_with_the_thresholds_that_were_written():
    rig = Rig()
    rig.configure(under=0x752, over=0xA41)
    rig.bench.cell(2, 2990.0)
    rig.bench.cell(5, 4210.0)
    rig.bench.cell(17, 4210.0)
    rig.measure()
    assert rig.read(RDSTATB)[2:5] == bytes([0b0100, 0b10, 0])
    assert rig.read(AUX[3])[4:6] == bytes([0, 0b10])


@given(st.integers(0, 57), st.integers(1, 18))
@settings(max_examples=25, deadline=None)
def test_voltages_come_in_tenths_of_a_millivolt(tenths, n):
    mv = 100.0 * tenths + 0.1 * n
    rig = Rig()
    rig.bench.cell(n, mv)
    rig.configure()
    rig.measure()
    assert rig.cells()[n - 1] == min(57000, 1000 * tenths + n)


def test_a_reversed_cell_reads_zero():
    rig = Rig()
    rig.bench.cell(3, -300.0)
    rig.configure()
    rig.measure()
    assert rig.cells()[2] == 0


def test_the_same_seed_gives_the_same_words_with_noise():
    def words(seed):
        rig = Rig(seed=seed)
        rig.devices[0].measuring.noise_counts = 5
        rig.configure()
        rig.measure()
        first = rig.cells()
        rig.measure(ADAX, us=10 * MS)
        return first + rig.words(AUX[1])

    assert words(3) == words(3)
    assert words(3) != words(4)


# Self-tests


@pytest.mark.parametrize(
    "md, adcopt, first, second",
    [
        (1, 0, 0x9565, 0x6A9A),
        (1, 1, 0x9553, 0x6AAC),
        (2, 0, 0x9555, 0x6AAA),
        (0, 0, 0x9555, 0x6AAA),
    ],
)
def test_self_tests_fill_every_register_with_their_pattern(md, adcopt, first, second):
    rig = Rig()
    rig.configure(adcopt=adcopt)
    for self_test, pattern in ((1, first), (2, second)):
        for base in (0x207, 0x407, 0x40F):
            rig.measure(base | md << 7 | self_test << 5, us=25 * MS)
        assert rig.cells() == [pattern] * 18
        assert rig.words(AUX[0]) + rig.words(AUX[1]) + rig.words(AUX[2]) == [pattern] * 9
        status = rig.read(RDSTATB)
        assert rig.words(RDSTATA) == [pattern] * 3
        assert status[0] | status[1] << 8 == pattern


def test_two_converters_measure_the_same_cell():
    rig = Rig()
    rig.bench.cell(7, 3600.0)
    rig.bench.cell(13, 3700.0)
    rig.configure()
    rig.measure(0x301)
    words = rig.cells()
    assert words[6:8] == [36000, 36000]
    assert words[12:14] == [37000, 37000]


def test_the_multiplexer_test_ends_after_its_time_and_tells():
    rig = Rig()
    rig.configure()
    rig.send(CLRSTAT)
    rig.measure(DIAGN, us=350)
    assert rig.read(RDSTATB)[5] & 2
    rig.wait(60)
    assert not rig.read(RDSTATB)[5] & 2
    rig.devices[0].measuring.mux_fails = True
    rig.measure(DIAGN, us=410)
    assert rig.read(RDSTATB)[5] & 2


def test_a_forced_mismatch_shows_in_the_digital_comparison():
    rig = Rig()
    rig.configure()
    rig.measure(0x500, us=10 * MS)
    assert rig.words(AUX[0])[0] < 0xFF00
    rig.write(0x024, bytes([0x0F, 0x40, 0, 0, 0, 0]))
    rig.measure(0x500, us=10 * MS)
    assert rig.words(AUX[0])[0] >= 0xFF00
    rig.measure(0x508)
    assert rig.words(RDSTATA)[0] >= 0xFF00


def test_codes_that_are_no_conversion_start_none():
    assert conversion(0x367) is None
    assert conversion(0x207 | 2 << 7) is None
    assert conversion(0x600) is None


# Thermistors


def test_dividers_against_the_reference_give_the_temperature_back():
    rig = Rig()
    rig.bench.temps_c = [25.0, 60.0, -20.0]
    rig.configure()
    rig.measure(ADAX, us=5 * MS)
    reference = rig.words(AUX[1])[2]
    assert 29850 <= reference <= 30150
    ohm = [10000 * word / (reference - word) for word in rig.words(AUX[0])]
    # The column B3435 of the table of thermistors.
    assert ohm == pytest.approx([10000, 2981, 77523], rel=0.002)


def test_broken_and_shorted_sensors_sit_at_the_rails_and_free_pins_at_ground():
    rig = Rig(thermistors=[(0, 1)])
    rig.bench.temps_c = [None, 1000.0]
    rig.configure()
    rig.measure(ADAX, us=5 * MS)
    broken, shorted, free = rig.words(AUX[0])
    assert broken == rig.words(AUX[1])[2]
    assert shorted < 50
    assert free == 0


def test_one_auxiliary_channel_of_the_big_part_brings_two_pins():
    rig = Rig(thermistors=[()])
    rig.devices[0].gpio.outside_mv = {4: 1000.0, 9: 2000.0}
    rig.configure()
    rig.measure(ADAX | 4)
    assert rig.words(AUX[1])[0] == 10000
    assert rig.words(AUX[3])[0] == 20000
    assert rig.words(AUX[2]) == [CLEARED] * 3
    assert rig.words(AUX[1])[2] == CLEARED


def test_cells_and_two_pins_or_the_sum_in_one_go():
    rig = Rig()
    rig.configure()
    rig.measure(0x56F)
    assert rig.cells() == [33000] * 18
    assert [word == CLEARED for word in rig.words(AUX[0])] == [False, False, True]
    rig.measure(0x567)
    assert rig.words(RDSTATA)[0] == 18 * 33000 // 30
    assert rig.words(RDSTATA)[1] == CLEARED


def test_a_test_current_moves_a_divider_and_takes_a_free_pin_to_its_rail():
    rig = Rig(thermistors=[(0,)])
    rig.configure()
    rig.measure(ADAX, us=5 * MS)
    plain = rig.words(AUX[0])
    rig.measure(0x510, us=5 * MS)
    down = rig.words(AUX[0])
    rig.measure(0x550, us=5 * MS)
    up = rig.words(AUX[0])
    assert plain[0] - down[0] == up[0] - plain[0] == 5000
    assert (down[1], up[1]) == (0, 50000)


# Open wires


def open_wire_test(rig, runs=2):
    """Which leads a host finds open by the method of the sheet, for a single device."""
    shown = []
    for code in (ADOW_UP, ADOW_DOWN):
        for _ in range(runs):
            rig.measure(code)
        shown.append(rig.cells())
    up, down = shown
    count = len(rig.bench.cell_mv)
    found = {n - 1 for n in range(2, count + 1) if up[n - 1] - down[n - 1] < -4000}
    if up[0] == 0:
        found.add(0)
    if down[count - 1] == 0:
        found.add(count)
    return found


@pytest.mark.parametrize("lead", range(13))
def test_every_broken_lead_is_found_by_the_method_of_the_sheet(lead):
    rig = Rig(("ltc6811",), (12,))
    rig.configure()
    assert open_wire_test(rig) == set()
    rig.chain.open_leads.add(lead)
    assert open_wire_test(rig) == {lead}
    rig.chain.open_leads.clear()
    assert open_wire_test(rig) == set()


def test_one_run_is_not_enough_and_large_capacitors_need_more():
    rig = Rig(("ltc6811",), (12,))
    rig.configure()
    rig.devices[0].leads.open.add(5)
    assert open_wire_test(rig, runs=1) == set()
    rig.devices[0].leads.capacitor_nf = 30.0
    assert open_wire_test(rig, runs=4) == set()
    assert open_wire_test(rig, runs=5) == {5}


def test_a_broken_lead_shows_on_its_own_device_only():
    rig = Rig(("ltc6811", "ltc6811"), (12, 12))
    rig.configure()
    rig.chain.open_leads.add(15)
    for _ in range(2):
        rig.measure(ADOW_DOWN)
    assert rig.cells(0) == [33000] * 12
    assert rig.cells(1)[2:4] == [0, 57000]
    assert rig.words(CELLS[0], 1)[:2] == [33000, 33000]
