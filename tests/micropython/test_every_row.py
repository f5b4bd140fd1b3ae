"""Every row of the limit table, one after the other: what trips it opens what the docs promise.

What each row opens is written down here once more, not read from the table.
"""

from packs import CYCLE_MS, Rig

from vigil import limits
from vigil.sample import HEALTH_FIRST, UNKNOWN

CHARGE = 1
DISCHARGE = 2
BOTH = 3
NOTHING = 0
GOOD = 8  # stays open for good

# (row, what happens to a 16S LFP pack of 100 Ah, what the row opens, within ms)
MEASURED = (
    (1, "cells_mv", 3610, NOTHING, 1000),
    (2, "cells_mv", 3655, CHARGE, 1000),
    (3, "cells_mv", 2790, NOTHING, 2000),
    (4, "cells_mv", 2490, DISCHARGE, 2000),
    (5, "stack_mv", 57700, CHARGE, 1000),
    (6, "stack_mv", 41500, DISCHARGE, 2000),
    (7, "current_ma", 61000, CHARGE, 2000),
    (8, "current_ma", -121000, DISCHARGE, 10000),
    (9, "temps_dc", 451, CHARGE, 2000),
    (10, "temps_dc", 9, CHARGE, 2000),
    (11, "temps_dc", 601, BOTH, 2000),
    (12, "temps_dc", -201, BOTH, 2000),
    (25, "cells_mv", 3805, BOTH | GOOD, 500),
    (26, "cells_mv", 1790, BOTH | GOOD, 5000),
    (27, "current_ma", 101000, BOTH, 50),
    (28, "current_ma", -201000, BOTH, 50),
    (31, "board_dc", 751, NOTHING, 2000),
    (32, "board_dc", 851, BOTH, 2000),
)
# (row, word of health, value, what the row opens, within ms)
CONCLUDED = (
    (29, 42, 301, NOTHING, 10000),
    (30, 43, 151, NOTHING, 10000),
    (35, 28, 1, BOTH, 0),
    (36, 29, 1, BOTH, 0),
    (37, 30, 1, BOTH, 0),
    (38, 31, 1, BOTH, 0),
    (39, 32, 1, BOTH | GOOD, 0),
    (40, 33, 1, BOTH, 100),
    (41, 34, 1, BOTH | GOOD, 0),
    (42, 35, 1, NOTHING, 0),
    (43, 35, 2, BOTH | GOOD, 0),
    (44, 36, 1, CHARGE, 10000),
    (45, 37, 1, BOTH | GOOD, 0),
    (46, 38, 1, BOTH | GOOD, 0),
    (47, 39, 1, NOTHING, 0),
    (48, 40, 11, NOTHING, 0),
    (49, 41, 1, BOTH | GOOD, 0),
)
# (row, group without new conversions, within ms)
STALE = ((13, 0, 189), (14, 1, 567), (15, 2, 189), (16, 3, 567), (33, 4, 567))
INVALID = ((17, 0, 63), (18, 1, 189), (19, 2, 63), (20, 3, 189), (34, 4, 189))
FRONT_END = (
    (22, "front_end_fault", 1, BOTH),
    (23, "front_end_charge_trip", 1, CHARGE),
    (24, "front_end_discharge_trip", 1, DISCHARGE),
    (50, "front_end_discharge_trip", 4, DISCHARGE),
)


def rig_that_runs():
    rig = Rig()
    rig.step(4)
    assert rig.tripped() == []
    return rig


def check(rig, row_id, opens, within_ms):
    """The row trips within so long, not in the first cycle if it has a delay, and opens that."""
    most = within_ms // CYCLE_MS + 2
    cycles = 0
    while row_id not in rig.tripped():
        assert cycles < most, "row %d has not tripped within %d ms" % (row_id, within_ms)
        actions = rig.step()
        cycles += 1
    assert actions & opens == opens & BOTH, "row %d opens too little" % row_id
    # What remains of it once the rest is well again: exactly its own.
    own = [row[limits.ACTION] for row in limits.TABLE if row[limits.ID] == row_id][0]
    assert own & (BOTH | GOOD) == opens, "row %d opens the wrong switch" % row_id


def test_every_row_is_tried_here():
    tried = [entry[0] for table in (MEASURED, CONCLUDED, STALE, INVALID) for entry in table]
    tried += [entry[0] for entry in FRONT_END] + [21]
    assert sorted(tried) == list(range(1, limits.LAST_ROW + 1))


def test_every_measured_value_beyond_its_limit_trips_its_row():
    for row_id, name, value, opens, within_ms in MEASURED:
        rig = rig_that_runs()
        values = getattr(rig, name)
        if isinstance(values, list):
            values[len(values) - 1] = value
            # The stack alone is another row's.
            rig.stack_mv = 16 * 3300
        else:
            setattr(rig, name, value)
        check(rig, row_id, opens, within_ms)


def test_every_concluded_fault_trips_its_row():
    for row_id, word, value, opens, within_ms in CONCLUDED:
        rig = rig_that_runs()
        rig.sample.health[word - HEALTH_FIRST] = value
        check(rig, row_id, opens, within_ms)


def test_every_group_that_stands_still_trips_its_row():
    for row_id, group, within_ms in STALE:
        rig = rig_that_runs()
        rig.stale = (group,)
        check(rig, row_id, BOTH, within_ms)


def test_every_group_with_an_unknown_value_trips_its_row():
    for row_id, group, within_ms in INVALID:
        rig = rig_that_runs()
        rig.make_unknown(group, True)
        rig.step()
        check(rig, row_id, BOTH, within_ms)
        assert UNKNOWN in list(rig.sample.values)


def test_whatever_the_front_end_says_of_itself_trips_its_row():
    for row_id, name, value, opens in FRONT_END:
        rig = rig_that_runs()
        setattr(rig.sample, name, value)
        check(rig, row_id, opens, 0)


def test_a_silent_front_end_trips_its_row():
    rig = rig_that_runs()
    rig.silent = True
    check(rig, 21, BOTH, 189)
