"""Whether a load or a charger hangs at the terminals, as the driver tells it."""

from desk import Desk

SEEN = 1
NOT_SEEN = 0
CANNOT_TELL = -1
# Two full scans of the chip, and what a cycle adds.
SOON_MS = 500


def seen(desk):
    return desk.bms.sample.load_seen, desk.bms.sample.charger_seen


def told(desk, load, charger):
    return lambda: seen(desk) == (load, charger)


def with_discharge_open(**options):
    desk = Desk(**options)
    desk.bench.set_cell_mv(2, 2000)
    desk.run_until(lambda: not desk.bench.true_discharge, 15000)
    return desk


def with_charge_open(**options):
    desk = Desk(**options)
    desk.bench.set_temp_dc(0, -100)
    desk.run_until(lambda: not desk.bench.true_charge, 60000)
    assert desk.bench.true_discharge
    return desk


def test_before_anything_is_measured_nothing_is_told():
    desk = Desk(settle=False)
    assert seen(desk) == (CANNOT_TELL, CANNOT_TELL)


def test_a_pack_at_rest_has_neither():
    desk = Desk()
    desk.run_until(told(desk, NOT_SEEN, NOT_SEEN), SOON_MS)
    for _ in range(40):
        desk.run_ms(50)
        assert seen(desk) == (NOT_SEEN, NOT_SEEN)


def test_through_closed_switches_the_current_tells():
    desk = Desk()
    for current_ma, load, charger in (
        (5000, NOT_SEEN, SEEN),
        (-5000, SEEN, NOT_SEEN),
        (0, NOT_SEEN, NOT_SEEN),
    ):
        desk.bench.offer(current_ma)
        desk.run_until(told(desk, load, charger), SOON_MS)


def test_a_short_circuit_is_a_load_until_it_is_gone():
    desk = Desk()
    desk.bench.set_short()
    desk.run_until(told(desk, SEEN, NOT_SEEN), 2 * SOON_MS)
    assert not desk.bench.true_discharge
    for _ in range(300):
        # Longer than the chip itself holds the switch open: nobody tries again.
        desk.run_ms(50)
        assert desk.bms.sample.load_seen == SEEN
        assert not desk.bench.true_discharge
    desk.bench.clear()
    desk.run_until(lambda: desk.bms.sample.load_seen == NOT_SEEN, 2 * SOON_MS)
    desk.run_until(desk.both_on, 60000)


def test_a_load_at_an_open_switch_is_seen_and_its_removal_too():
    desk = with_discharge_open(current_ma=-10000)
    desk.run_until(told(desk, SEEN, NOT_SEEN), SOON_MS)
    desk.bench.offer(0)
    desk.run_until(told(desk, NOT_SEEN, NOT_SEEN), SOON_MS)
    desk.bench.offer(-10000)
    desk.run_until(told(desk, SEEN, NOT_SEEN), SOON_MS)


def test_a_resistor_is_a_load_where_it_would_draw_a_current_worth_the_name():
    for ohm, load in ((0.5, SEEN), (1000, SEEN), (1000000, NOT_SEEN)):
        desk = with_discharge_open()
        desk.bench.attach_load(ohm)
        desk.run_until(told(desk, load, NOT_SEEN), SOON_MS)
        desk.run_ms(1000)
        assert seen(desk) == (load, NOT_SEEN)


def test_a_charger_at_an_open_charge_switch_is_seen_and_its_removal_too():
    for chip, cells in (("BQ76952", 16), ("BQ76942", 4)):
        desk = with_charge_open(current_ma=10000, CHIP=chip, CELLS=cells)
        assert desk.bench.current_ma == 0
        desk.run_until(told(desk, NOT_SEEN, SEEN), SOON_MS)
        desk.bench.offer(0)
        desk.run_until(told(desk, NOT_SEEN, NOT_SEEN), SOON_MS)
        # Behind a body diode the terminal is not far below the stack: no charger all the same.
        desk.run_ms(1000)
        assert seen(desk) == (NOT_SEEN, NOT_SEEN)


def test_a_charger_at_two_open_switches_is_seen_and_is_no_load():
    desk = Desk(current_ma=10000)
    desk.bench.set_temp_dc(0, 700)
    desk.run_until(desk.both_off, 60000)
    desk.run_until(told(desk, NOT_SEEN, SEEN), SOON_MS)
    desk.bench.offer(0)
    desk.run_until(told(desk, NOT_SEEN, NOT_SEEN), SOON_MS)


def test_the_current_source_runs_only_while_discharge_is_open():
    desk = with_discharge_open()
    source = desk.chip.load_detect
    desk.run_until(lambda: source.source_on, SOON_MS)
    desk.bench.clear()
    desk.run_until(desk.both_on, 60000)
    desk.run_until(lambda: not source.source_on, SOON_MS)


def test_without_the_source_an_open_terminal_tells_nothing():
    desk = with_discharge_open()
    desk.run_until(told(desk, NOT_SEEN, NOT_SEEN), SOON_MS)
    desk.chip.load_detect.command(False)
    desk.run_until(lambda: desk.bms.sample.load_seen == CANNOT_TELL, SOON_MS)
    desk.run_until(told(desk, NOT_SEEN, NOT_SEEN), SOON_MS)


def silence(chip):
    chip.answering = False


def freeze(chip):
    chip.frozen = True


def test_what_was_seen_long_ago_is_not_known_any_more():
    for spoil in (silence, freeze):
        desk = Desk(current_ma=-5000)
        desk.run_until(told(desk, SEEN, NOT_SEEN), SOON_MS)
        spoil(desk.chip)
        desk.run_until(told(desk, CANNOT_TELL, CANNOT_TELL), 3 * 189 + 100)
