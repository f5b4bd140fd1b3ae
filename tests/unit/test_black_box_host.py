"""The black box's record on the host: what was put in comes out, and nothing else is believed."""

import binascii
import csv
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools import firmware
from host_tools.client import black_box as box
from host_tools.talk import black_box as talk

SHORT = st.one_of(st.none(), st.integers(-32767, 32767))
WIDE = st.one_of(st.none(), st.integers(-(2**29), 2**29 - 1).filter(lambda v: v != box.UNKNOWN))


@st.composite
def histories(draw):
    """(cells, temps, board temps, [(step in ms, flags, current, stack, extremes or values)])."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2)))

    def moments(values, most, longest_ms):
        record = st.tuples(
            st.integers(1, longest_ms),
            st.integers(0, 0xFFFF),
            WIDE,
            WIDE,
            st.lists(SHORT, min_size=values, max_size=values),
        )
        return draw(st.lists(record, max_size=most))

    return shape, moments(4, 9, 5000), moments(sum(shape), 6, 400), draw(st.integers(0, 0xFFFF))


def short(value):
    return 0x8000 if value is None else value & 0xFFFF


def words_of(record, t_ms):
    _, flags, current, stack, values = record
    halves = []
    for value in (current, stack):
        value = box.UNKNOWN if value is None else value & 0xFFFFFFFF
        halves += [value & 0xFFFF, value >> 16]
    return [t_ms & 0xFFFF, flags, *halves, *map(short, values)]


def ring_of(records, count, turned, end_ms):
    """The words of a ring that holds these, the latest at end_ms; and where the next would be."""
    width = len(words_of(records[0], 0)) if records else 6
    times, t_ms = [], end_ms
    for record in reversed(records):
        times.insert(0, t_ms)
        t_ms -= record[0]
    places = [(turned + at) % count for at in range(len(records))]
    words = [[0xAAAA] * width for _ in range(count)]
    for place, record, at_ms in zip(places, records, times, strict=True):
        words[place] = words_of(record, at_ms)
    return [word for record in words for word in record], (turned + len(records)) % count, times


def record_of(history, turned=0, schema=None, told=1):
    (cells, temps, boards), slow, every, trip_ms = history
    head = [0] * box.HEAD
    head[0:2] = 0x4256, 1
    head[2], head[4], head[6] = 7, 3, 99
    if schema is None:
        schema = firmware.load("limits")[0].schema()
    head[10:12] = schema & 0xFFFF, schema >> 16
    head[12:15] = cells, temps, boards
    head[17] = trip_ms
    head[19] = 1
    head[20] = 3650
    head[36:39] = 2, 5, 3662
    slow_count, all_count = 9, 6
    slow_words, slow_at, slow_times = ring_of(slow, slow_count, turned % 9, trip_ms + 900)
    all_words, all_at, all_times = ring_of(every, all_count, turned % 6, trip_ms + 1000)
    if not slow:
        slow_words = [0] * (slow_count * box.SLOW)
    if not every:
        all_words = [0] * (all_count * (6 + cells + temps + boards))
    head[28:35] = told, slow_at, len(slow), slow_count, all_at, len(every), all_count
    head[56:59] = [ord("1") | ord(".") << 8, ord("2"), 0]
    body = struct.pack(
        f"<{len(head) + len(slow_words) + len(all_words)}H", *head, *slow_words, *all_words
    )
    data = body + struct.pack("<I", binascii.crc32(body))
    return data, slow_times, all_times


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(0, 50))
def test_what_was_recorded_is_what_is_read(history, turned):
    data, slow_times, all_times = record_of(history, turned)
    event = box.event(data)
    (cells, temps, _), slow, every, trip_ms = history
    told = {moment.t_ms: moment for moment in event.moments}
    for record, at_ms in zip(every, all_times, strict=True):
        moment = told.pop(at_ms - trip_ms)
        values = moment.cells_mv + moment.temps_dc + moment.board_temps_dc
        assert (moment.flags, moment.current_ma, moment.stack_mv, values) == record[1:]
        assert len(moment.cells_mv) == cells and len(moment.temps_dc) == temps
        known = [value for value in record[4][:cells] if value is not None]
        assert moment.cell_max_mv == max(known, default=None)
        assert moment.cell_min_mv == min(known, default=None)
    for record, at_ms in zip(slow, slow_times, strict=True):
        if at_ms in all_times:
            continue
        moment = told.pop(at_ms - trip_ms)
        assert (moment.flags, moment.current_ma, moment.stack_mv) == record[1:4]
        assert [*moment[4:8]] == record[4] and moment.cells_mv == []
    assert not told
    assert (event.number, event.start, event.uptime_s, event.firmware) == (7, 3, 99, "1.2")
    assert event.sentence.startswith("Cell 5 over-voltage: 3.662 V is above 3.650 V")


SOME = ((2, 1, 1), [(1000, 0xF0, -1500, 52000, [3290, 3300, 250, 250])] * 3, [], 500)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_record_with_a_wrong_byte_is_refused(place, change):
    data = bytearray(record_of(SOME)[0])
    data[place % len(data)] ^= change
    with pytest.raises(ValueError):
        box.event(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_with_a_sentence(data):
    for head in (b"", record_of(SOME)[0][:128]):
        with pytest.raises(ValueError, match="black box"):
            box.event(head + data)


def test_a_record_that_contradicts_itself_is_refused_though_its_sum_is_right():
    whole, _, _ = record_of(SOME)
    for word, value in ((12, 900), (28, 0), (28, 5), (29, 60), (30, 60), (31, 3), (34, 7), (1, 2)):
        data = bytearray(whole[:-4])
        struct.pack_into("<H", data, 2 * word, value)
        data += struct.pack("<I", binascii.crc32(data))
        with pytest.raises(ValueError):
            box.event(bytes(data))


def test_limits_of_another_firmware_are_told_as_numbers():
    event = box.event(record_of(SOME, schema=12345)[0])
    assert "limit 2 tripped at 3662, place 5" in event.sentence


class Desk:
    """A BMS of which only the black box is asked."""

    def __init__(self, records):
        self.native = self
        self.records = records

    def black_box(self):
        held = [box.Held(n, len(self.records[n]), 2, 3, 99) for n in sorted(self.records)[::-1]]
        return box.RECORDING, 1, held

    def black_box_record(self, number):
        return self.records[number]


def test_the_table_and_the_csv_hold_every_moment(tmp_path):
    every = [(120, 0xF0, None, 6500, [3290, None, 251, -50]), (130, 0x1010, 7, None, [1, 2, 3, 4])]
    data, _, _ = record_of((SOME[0], SOME[1], every, 500))
    said = []
    path = tmp_path / "box.csv"
    assert talk.show(Desk({7: data}), None, str(path), False, said.append) == 0
    assert "Cell 5 over-voltage: 3.662 V" in said[4]
    assert len([line for line in said if line.startswith(" ") and " to " in line]) == 5
    rows = list(csv.DictReader(path.open()))
    assert len(rows) == 5
    last = rows[-1]
    assert last["time_s"] == "1.000" and last["current_ma"] == "7" and last["stack_mv"] == ""
    assert (last["cell_1_mv"], last["cell_2_mv"], last["temp_1_dc"]) == ("1", "2", "3")
    assert last["front_end_fault"] == "1" and last["charge_commanded"] == "1"
    assert rows[-3]["cell_2_mv"] == "" and rows[-3]["board_temp_1_dc"] == "-50"
    assert rows[0]["cell_1_mv"] == "" and rows[0]["cell_min_mv"] == "3290"
    said.clear()
    talk.show(Desk({7: data}), 7, None, True, said.append)
    told = json.loads(said[0])
    assert told["missed"] == 1 and told["events"][0]["number"] == 7
    assert told["event"]["moments"][-1]["flags"] == ["charge_commanded", "front_end_fault"]


def test_an_empty_box_and_a_number_that_it_does_not_hold_are_told():
    said = []
    assert talk.show(Desk({}), None, None, False, said.append) == 0
    assert said == ["black box: recording", "no limit has opened a switch since it records"]
    with pytest.raises(ValueError, match="holds no event 3"):
        talk.show(Desk({}), 3, None, False)
    broken = record_of(SOME)[0][:-1] + b"\0"
    with pytest.raises(ValueError, match="event 7: the black box's record"):
        talk.show(Desk({7: broken}), None, None, False)
