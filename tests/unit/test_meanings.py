"""What the limit table's rows mean to a person, and the lines made of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools import meanings
from host_tools.meanings import Row, sentence
from host_tools.sim import present, schema
from vigil import limits, memory, power_path, switches

VALUE = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1), st.just(meanings.UNKNOWN))


def test_a_cell_over_voltage_says_where_how_much_how_long_what_was_done_and_what_to_do():
    row = Row(limits.CELL_OVER_VOLTAGE, 3650, 3450, 1000, 5000, limits.OPEN_CHARGE)
    assert sentence(row, 5, 3702, 3650) == (
        "Cell 5 over-voltage: 3.702 V is above 3.650 V for 1.0 s; charge switch opened. "
        "Stop charging, or lower the charger's voltage; discharging stays possible. "
        "It closes again at 3.450 V or below."
    )


def test_stale_cells_say_for_how_long_there_has_been_nothing_new():
    row = Row(limits.CELLS_STALE, 139, 139, 0, 1000, limits.OPEN_BOTH)
    assert sentence(row, 0, 150, 150).startswith(
        "Cell voltages are stale: no new reading for 150 ms (limit 139 ms); both switches opened. "
    )
    assert "no new reading for 20.1 s (limit 139 ms)" in sentence(row, 0, 150, 20100)
    assert "no new reading for 150 ms" in sentence(row, 0, 150, 20)


@pytest.mark.parametrize(
    "row, where, value, words",
    [
        (Row(3, 2900, 3000, 2000, 2000, 4), 2, 2850, "Cell 2 voltage low: 2.850 V is below 2.900"),
        (Row(3, 2900, 3000, 2000, 2000, 4), 2, 2850, "; no switch opened."),
        (Row(5, 58400, 56000, 0, 0, 1), 0, 58512, "Pack over-voltage: 58.51 V is above 58.40 V;"),
        (Row(7, 100000, 90000, 2000, 30000, 1), 0, 120040, "120.0 A charging is above 100.0 A"),
        (Row(8, -150000, -1, 10000, 30000, 2), 0, -163000, "163.0 A discharging is above 150.0 A"),
        (Row(8, -150000, -1, 10000, 30000, 2), 0, -163000, "It closes again after 30.0 s."),
        (
            Row(10, 0, 30, 2000, 5000, 1),
            2,
            -5,
            "Temperature sensor 2 too cold to charge: -0.5 degC is below 0.0 degC for 2.0 s",
        ),
        (Row(10, 0, 30, 2000, 5000, 1), 2, -5, "It closes again at 3.0 degC or above."),
        (Row(11, 600, 500, 2000, 5000, 3), 1, 611, "They close again at 50.0 degC or below."),
        (Row(17, 0, 0, 63, 1000, 3), 0, 2, "no usable value for 2 of them for 63 ms"),
        (Row(21, 139, 139, 0, 1000, 3), 0, 160, "no complete answer for 160 ms (limit 139 ms)"),
        (Row(22, 0, 0, 0, 1000, 3), 0, 3, "not configured, internal failure;"),
        (Row(23, 0, 0, 0, 1000, 1), 0, 2, "by itself: charge over-current;"),
        (Row(24, 0, 0, 0, 1000, 10), 0, 4, "short circuit; discharge switch opened for good."),
        (Row(24, 0, 0, 0, 1000, 10), 0, 4, "The owner has to release it."),
        (Row(24, 0, 0, 0, 1000, 2), 0, 16, "code 16"),
        (Row(2, 3650, 3450, 0, 0, 1), 0, None, "A cell over-voltage: an unknown voltage is above"),
        (Row(99, 5, 4, 0, 0, 1), 3, 7, "Limit 99: value 7, limit 5 (this host does not know"),
    ],
)
def test_sentences_carry_their_facts(row, where, value, words):
    assert words in sentence(row, where, value, value)


def test_every_row_of_the_firmware_has_words_of_its_own():
    keys = [meanings.meaning(row[limits.ID]).key for row in limits.TABLE]
    assert len(set(keys)) == len(keys)
    assert not any(key.startswith("limit ") for key in keys)


def test_bits_and_numbers_agree_with_the_firmware():
    from vigil import sample, switches

    for name in ("OPEN_CHARGE", "OPEN_DISCHARGE", "WARNING", "LATCH"):
        assert getattr(meanings, name) == getattr(limits, name)
    for name in ("OFF", "ON", "TRIPPED", "RECOVERING", "LATCHED", "WAITING"):
        assert getattr(meanings, name) == getattr(switches, name)
    for name in ("BY_VALUE", "BY_RETRIES", "BY_REMOVAL", "BY_OWNER"):
        assert getattr(meanings, name) == getattr(limits, name)
    for name in ("REASON_STARTING", "REASON_OWNER", "REASON_SELF_TEST"):
        assert getattr(meanings, name) == getattr(switches, name)
    assert meanings.UNKNOWN == sample.UNKNOWN
    for row_id, bit, word in (
        (22, sample.FAULT_NOT_CONFIGURED, "not configured"),
        (22, sample.FAULT_INTERNAL, "internal failure"),
        (23, sample.CHARGE_TRIP_OVER_VOLTAGE, "cell over-voltage"),
        (23, sample.CHARGE_TRIP_OVER_CURRENT, "charge over-current"),
        (23, sample.CHARGE_TRIP_TEMPERATURE, "temperature"),
        (24, sample.DISCHARGE_TRIP_UNDER_VOLTAGE, "cell under-voltage"),
        (24, sample.DISCHARGE_TRIP_OVER_CURRENT, "discharge over-current"),
        (24, sample.DISCHARGE_TRIP_SHORT_CIRCUIT, "short circuit"),
        (24, sample.DISCHARGE_TRIP_TEMPERATURE, "temperature"),
        (35, sample.DOUBT_SUM, "the cells do not add up to the stack"),
        (35, sample.DOUBT_JUMP, "a cell jumped and the stack did not"),
        (35, sample.DOUBT_RAIL, "a cell reads nothing or full scale"),
        (35, sample.DOUBT_LEAD, "two neighbours mirror each other, as with a broken sense lead"),
        (
            35,
            sample.DOUBT_LEAD_TEST,
            "the front end's own test found a broken sense lead",
        ),
        (36, sample.DOUBT_RATE, "faster than anything warms or cools"),
        (36, sample.DOUBT_APART, "far apart although the pack rests"),
        (37, sample.DOUBT_DIRECTION, "the cells move as if the current flowed the other way"),
        (38, sample.DOUBT_SUM, "the cells do not add up to it"),
        (45, sample.BACKSTOP_DIFFERS, "its settings have changed again after they were mended"),
        (45, sample.BACKSTOP_OVERDUE, "it could not be verified"),
    ):
        assert f": {word}; " in sentence(Row(row_id, 0, 0, 0, 0, 3), 0, bit, bit)


def test_the_host_knows_its_firmware_and_notices_another():
    assert schema.complaint(limits.schema()) is None
    assert "differs" in schema.complaint(limits.schema() ^ 1)


# Records.


def a_record(**changes):
    record = {
        "t_s": 12,
        "cells_mv": [3300] * 16,
        "temps_dc": [250, 251, 249],
        "stack_mv": 52800,
        "current_ma": -1500,
        "soc_pct": 50.0,
        "soc_sigma_pct": 1.5,
        "charge_on": True,
        "discharge_on": True,
        "true_charge_on": True,
        "true_discharge_on": True,
        "active": [],
        "state": [1, 1, 0, 0],
        "balancing": [],
        "cycle_us_max": 4000,
        "overruns": 0,
        "worst_period_us": 50000,
    }
    record.update(changes)
    return record


def test_warnings_and_faults_are_told_apart_by_what_a_row_does():
    rows = {1: Row(1, 3600, 3500, 0, 0, 4), 2: Row(2, 3650, 3450, 0, 0, 1)}
    active = [[1, 5, 3700, 3700], [2, 5, 3700, 3700], [77, 0, 1, 1]]
    faults, warnings = meanings.judge_record(rows, a_record(active=active))
    assert [text.split(":")[0] for text in faults] == ["Cell 5 over-voltage", "Limit 77"]
    assert [text.split(":")[0] for text in warnings] == ["Cell 5 voltage high"]


def test_a_latched_switch_stays_a_fault_when_its_limit_has_released():
    faults, _ = meanings.judge_record({}, a_record(state=[4, 1, 24, 0]))
    assert faults == [
        "Charge switch stays open after front end opened the discharge switch by itself: "
        "it is latched. Find the cause, then release it."
    ]


def test_a_failed_self_test_is_a_fault_and_starting_is_none():
    faults, _ = meanings.judge_record({}, a_record(state=[0, 0, 102, 102]))
    assert len(faults) == 2 and all("self-test failed" in text for text in faults)
    assert meanings.judge_record({}, a_record(state=[0, 0, 100, 100])) == ([], [])


def test_switch_states_are_told_with_their_reason():
    assert meanings.switch_state("charge", 2, 2) == "charge switch is open (cell over-voltage)"
    assert meanings.switch_state("discharge", 1, 0) == "discharge switch is on"
    assert meanings.switch_state("charge", 0, 100) == "charge switch is off (starting)"
    assert meanings.switch_state("charge", 9, 0) == "charge switch is in state 9"


@given(st.integers(0, 40), st.integers(0, 32), VALUE, VALUE, VALUE, st.integers(0, 15))
def test_no_numbers_leave_a_sentence_unsaid(row_id, where, at_trip, now, limit, action):
    row = Row(row_id, limit, limit, 1000, 1000, action)
    text = sentence(row, where, at_trip, now)
    assert text.endswith(".") and "{" not in text and "None" not in text


# Live lines.


def test_a_live_line_reads_at_a_glance():
    assert present.live_line(a_record()) == (
        "    12 s   52.80 V    -1.5 A  SoC  50.0 %  cells 3.300 V  25 degC"
        "  charge on  discharge on"
    )


def test_a_live_line_shortens_its_labels_before_it_leaves_balancing_out():
    record = a_record(cells_mv=[3299, 3301], balancing=[2, 11, 12])
    assert present.live_line(record) == (
        "    12 s   52.80 V    -1.5 A   50.0 %  3.299-3.301 V  25 degC  chg on  dis on  bal 3"
    )


def test_unknown_values_and_a_switch_that_does_not_obey_are_marked():
    line = present.live_line(
        a_record(
            cells_mv=[None, 3301, 3299],
            temps_dc=[None] * 3,
            stack_mv=None,
            charge_on=False,
            state=[2, 1, 2, 0],
        )
    )
    assert "     ? V" in line and "3.299-3.301? V" in line and "? degC" in line
    assert "charge open!" in line


@given(
    st.integers(1, 10**7),
    st.lists(st.one_of(st.none(), st.integers(0, 5500)), min_size=1, max_size=16),
    st.lists(st.one_of(st.none(), st.integers(-600, 1500)), min_size=1, max_size=3),
    st.integers(-2000000, 2000000),
    st.integers(0, 4),
    st.booleans(),
    st.sets(st.integers(1, 16)),
)
def test_a_live_line_has_at_most_100_columns(t_s, cells, temps, current, state, obeys, balancing):
    record = a_record(
        t_s=t_s,
        cells_mv=cells,
        temps_dc=temps,
        current_ma=current,
        state=[state, state, 2, 2],
        charge_on=obeys,
        discharge_on=obeys,
        balancing=sorted(balancing),
    )
    line = present.live_line(record)
    assert len(line) <= 100
    # Nothing was cut off: the last word is whole.
    last = line.split()[-1].rstrip("!")
    assert last in ("off", "on", "open", "waits", "latched") or last.replace(",", "").isdigit()


def test_safe_mode_and_a_lost_memory_say_what_to_do():
    state = [meanings.OFF, meanings.OFF, meanings.REASON_SAFE_MODE, meanings.REASON_SAFE_MODE]
    faults, _ = meanings.judge_record({}, {"active": [], "state": state})
    assert faults[0].startswith("Charge switch stays off: safe mode, because three starts")
    lost = meanings.REASON_MEMORY_LOST
    state = [meanings.LATCHED, meanings.LATCHED, lost, lost]
    faults, warnings = meanings.judge_record({}, {"active": [], "state": state, "memory": 2})
    assert faults[1].startswith("Discharge switch stays open after memory lost: it is latched.")
    assert warnings == ["The BMS has lost its memory: whether a limit had latched is not known."]


def test_every_flag_of_the_memory_has_a_sentence():
    flags = (
        memory.ONE_COPY,
        memory.MEMORY_LOST,
        memory.WRITE_FAILED,
        memory.JOURNAL_DAMAGED,
        memory.NO_STORAGE,
        memory.TOTALS_LOST,
    )
    assert tuple(bit for bit, _ in meanings.MEMORY_SENTENCES) == flags
    assert meanings.REASON_SAFE_MODE == switches.REASON_SAFE_MODE
    assert meanings.REASON_MEMORY_LOST == switches.REASON_MEMORY_LOST
    assert meanings.REASON_ASLEEP == switches.REASON_ASLEEP


def test_every_code_of_the_power_path_is_told_in_its_own_words():
    codes = [value for name, value in vars(power_path).items() if name.isupper() and value]
    words = meanings.CODE_WORDS[limits.POWER_PATH_FAULT]
    assert sorted(codes) == sorted(words)
    assert len(set(words.values())) == len(codes)
    row = meanings.Row(limits.POWER_PATH_FAULT, 0, 0, 0, 0, 11)
    assert words[power_path.LOAD_MISSING] in meanings.sentence(row, 0, power_path.LOAD_MISSING, 0)
    assert "code 99" in meanings.sentence(row, 0, 99, 99)
