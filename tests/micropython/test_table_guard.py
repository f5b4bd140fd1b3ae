"""Any changed word of the limit table in RAM is found within about ten seconds and latches."""

from desk import Desk
from packs import Rig

from vigil import limits, table_guard
from vigil.afe.check_codes import CRC8_TABLE
from vigil.sample import HEALTH_FIRST, SELF_CHECK
from vigil.switches import LATCHED

WORD = SELF_CHECK - HEALTH_FIRST
STATE_WORDS = (1, 2, 3)


def guarded():
    rig = Rig()
    guard = table_guard.TableGuard(rig.protection._rows, rig.sample)
    guard.take()
    return rig, guard


def look_everywhere(guard):
    for _ in range(guard.slices):
        guard.step(0)


def test_every_constant_word_of_every_row_is_watched_and_no_word_of_its_state():
    rig, guard = guarded()
    rows = rig.protection._rows
    for at in range(len(rows)):
        is_state = at % limits.ROW_WORDS in STATE_WORDS and at < len(rows) - 1
        for bit in (0, 7, 29):
            kept = rows[at]
            rows[at] = kept ^ 1 << bit
            look_everywhere(guard)
            assert rig.sample.health[WORD] == (0 if is_state else 1), (at, bit)
            rows[at] = kept
            rig.sample.health[WORD] = 0


def test_trips_and_releases_change_nothing_that_is_watched():
    rig, guard = guarded()
    for cell_mv, current_ma in ((3300, 0), (3720, 70000), (2400, -150000), (3300, 0)):
        rig.cells_mv[2] = cell_mv
        rig.current_ma = current_ma
        rig.step(300)
        look_everywhere(guard)
    assert rig.protection.trips > 4
    assert rig.sample.health[WORD] == 0


def test_tables_of_check_codes_are_watched_too():
    rig = Rig()
    table = bytearray(CRC8_TABLE)
    guard = table_guard.TableGuard(rig.protection._rows, rig.sample, (table,))
    guard.take()
    look_everywhere(guard)
    assert rig.sample.health[WORD] == 0
    table[200] ^= 4
    look_everywhere(guard)
    assert rig.sample.health[WORD] == 1


def test_nothing_is_told_before_the_sums_are_taken():
    rig = Rig()
    guard = table_guard.TableGuard(rig.protection._rows, rig.sample)
    guard.step(0)
    assert rig.sample.health[WORD] == 0


def test_a_limit_that_changes_in_ram_opens_both_switches_for_good():
    desk = Desk(current_ma=-10000)
    at = limits.position(limits.CELL_OVER_VOLTAGE) * limits.ROW_WORDS
    # A flipped bit that would have let cells reach 4.7 V.
    desk.bms.protection._rows[at + 4] ^= 1 << 10
    desk.run_until(desk.both_off, 12000)
    assert list(desk.bms.switches.state) == [LATCHED, LATCHED]
    assert list(desk.bms.switches.reason) == [limits.TABLE_DAMAGED] * 2


def test_switches_that_cannot_be_seen_open_are_never_permitted():
    desk = Desk(settle=False, current_ma=-20000)
    desk.bench.stick_fet(1)
    desk.bench.stick_fet(2)
    commanded = []
    desk.run_ms(300)
    for _ in range(100):
        desk.run_ms(50)
        commanded.append(desk.bms.switches.charge_on or desk.bms.switches.discharge_on)
    assert not any(commanded)
    assert not desk.bms._seen_open
    assert limits.SWITCH_STUCK_ON in desk.tripped()
