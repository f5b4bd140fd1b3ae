"""The points' table: each number once, the board's table and the host's the same, small enough."""

import importlib
import re

import pytest
from modbus_desk import Master

from host_tools.handbook import modbus_page, points_page
from host_tools.points import declared, pack, ram, sunspec
from host_tools.points.declared import POINTS
from host_tools.sim import schema
from vigil import door, limits, points, points_table


@pytest.fixture(scope="module")
def master():
    return Master(current_ma=-5000)


def test_every_key_is_there_once_and_no_two_points_share_a_register():
    assert len({point.key for point in POINTS}) == len(POINTS)
    for before, after in zip(POINTS, POINTS[1:], strict=False):
        assert before.number + before.registers <= after.number, after.key


def test_no_point_lies_where_a_probe_for_another_make_would_write():
    # 0x1000 to 0x1626 belong to JK, 40000 on to SunSpec.
    assert max(point.number + point.registers for point in POINTS) <= 0x1000


def test_what_may_be_written_has_a_role_and_a_range_and_nothing_else_has():
    for point in POINTS:
        assert (point.access != declared.READ_ONLY) == (point.range is not None), point.key
        if point.range:
            assert -declared.BIG <= point.range[0] <= point.range[1] <= declared.BIG
            assert point.source.split()[0] in ("staged", "door"), point.key


def test_the_boards_table_says_what_was_declared(master):
    board = master.points
    assert board.count == len(POINTS)
    for at, point in enumerate(POINTS):
        assert (board.number(at), board.type(at), board.role(at)) == (
            point.number,
            point.type,
            point.access,
        )
        assert board.registers(at) == point.registers
        for register in (point.number, point.number + point.registers - 1):
            assert board.find(register) == at
        if point.range:
            span = board.range_at(at) * 8
            assert (door._signed(span), door._signed(span + 4)) == point.range


def test_both_sides_have_the_same_hash_and_any_change_is_another_one(master):
    high, low = master.points.schema
    assert high << 16 | low == pack.schema() == points_table.SCHEMA
    high, low = master.points.limits_schema
    assert high << 16 | low == limits.schema()
    for at in (0, 40, len(POINTS) - 1):
        for change in ({"unit": 9}, {"type": 3}, {"number": 5000}, {"access": 1}, {"count": 5}):
            if all(getattr(POINTS[at], name) == value for name, value in change.items()):
                continue
            changed = list(POINTS)
            changed[at] = POINTS[at]._replace(**change)
            assert pack.schema(changed) != pack.schema(), (at, change)
    writable = next(at for at, point in enumerate(POINTS) if point.range)
    changed = list(POINTS)
    changed[writable] = POINTS[writable]._replace(range=(-1, 1))
    assert pack.schema(changed) != pack.schema()


def test_a_host_with_other_points_says_so():
    high, low = pack.schema() >> 16, pack.schema() & 0xFFFF
    assert schema.points_complaint(None) is None
    assert schema.points_complaint([high, low]) is None
    assert "points differ" in schema.points_complaint([high, low ^ 1])


def test_every_point_can_be_read_and_fits_its_type(master):
    lowest = (0, -0x8000, 0, -(1 << 31), 0)
    highest = (0xFFFF, 0x7FFF, 0xFFFFFFFF, (1 << 31) - 1, 0xFFFF)
    known = 0
    for at, point in enumerate(POINTS):
        for index in range(point.count):
            value = master.points.value(at, index)
            assert isinstance(value, int)
            if value == master.points.UNKNOWN:
                continue
            known += 1
            assert lowest[point.type] <= value <= highest[point.type], (point.key, value)
    assert known > 300


def test_a_number_that_is_nobodys_is_not_found(master):
    taken = {register for point in POINTS for register in registers(point)}
    for number in (*range(0, 1700), 4095, 39999, 40000, 65535):
        assert (master.points.find(number) >= 0) == (number in taken), number


def registers(point):
    return range(point.number, point.number + point.registers)


def test_filling_in_and_single_values_agree(master):
    out = bytearray(600)
    for at, point in enumerate(POINTS):
        done = master.points.fill(point.number, point.registers, out, 7)
        assert done == point.registers
        for index in range(point.count):
            value = master.points.value(at, index)
            if point.type in (declared.U32, declared.S32):
                told = int.from_bytes(out[7 + 4 * index : 11 + 4 * index], "big")
                unknown = 0x80000000 if point.type == declared.S32 else 0xFFFFFFFF
                expected = value & 0xFFFFFFFF
            else:
                told = int.from_bytes(out[7 + 2 * index : 9 + 2 * index], "big")
                unknown = 0x8000 if point.type == declared.S16 else 0xFFFF
                expected = value & 0xFFFF
            assert told == (unknown if value == master.points.UNKNOWN else expected), point.key


def test_the_pages_name_every_point_and_the_blocks_are_those_of_the_table():
    points_text, modbus_text = points_page.text(), modbus_page.text()
    for point in POINTS:
        assert f"| `{point.key}`" in points_text
        assert (f"| {point.number} | `{point.key}` |" in modbus_text) == (not point.access)
    covered = {at for first, last in modbus_page.blocks() for at in range(first, last + 1)}
    assert covered == {register for point in POINTS for register in registers(point)}


def test_the_results_of_a_write_are_those_that_the_page_lists():
    results = points_page.text().split("| result | means |")[1].split("\n\n")[0]
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", results, re.MULTILINE)]
    assert listed == list(range(door.REFUSED + 1))


def test_every_model_of_sunspec_is_as_long_as_its_book_says():
    lengths = {number: sunspec.registers(model) - 2 for number, model in sunspec.MODELS.items()}
    assert lengths == {1: 66, 802: 62, 803: 58, 805: 42}
    assert sorted(sunspec.EVENTS) == list(range(1, limits.LAST_ROW + 1))


def test_the_places_of_sunspecs_points_are_those_of_its_published_models():
    """By the files of the reference client, which come from the SunSpec alliance."""
    import json
    from pathlib import Path

    import sunspec2

    folder = Path(sunspec2.__file__).parent / "models" / "json"
    for number, model in sunspec.MODELS.items():
        group = json.loads((folder / f"model_{number}.json").read_text())["group"]
        published = []
        for point in group["points"]:
            published.append((point["name"], point["size"]))
        if number == 803:
            published += [(point["name"], point["size"]) for point in group["groups"][0]["points"]]
        ours = [(field.name, field.registers) for field in model]
        merged = [(name, 2 if (name + " low", 1) in ours else size) for name, size in ours]
        assert [one for one in merged if not one[0].endswith(" low")] == published, number


def test_the_points_take_less_of_a_picos_heap_than_they_may():
    found = ram.measure()
    assert sum(found[name] for name in ram.TABLE) <= ram.LIMIT_BYTES


def test_the_boards_modules_do_not_carry_the_words():
    for name in ("points", "points_table", "points_values", "door"):
        source = importlib.import_module("vigil." + name).__file__
        with open(source) as file:
            text = file.read()
        assert "since the front end's own" not in text
    assert points.U32 == declared.U32 and points.S32 == declared.S32
    assert (points.U16, points.S16, points.TEXT) == (declared.U16, declared.S16, declared.TEXT)
    assert (door.OPERATOR, door.OWNER) == (declared.OPERATOR, declared.OWNER)


def test_every_simulated_boards_cells_and_their_balancing_bits_can_all_be_seen():
    from host_tools.sim import settings

    point = declared.by_key()
    bits = 16 * point["balancing"].count
    chains = [(board, settings.board_counts(board)[0]) for board in settings.boards()]
    assert len(chains) > 10
    # The longest chain that the driver of two devices takes.
    for board, cells in [*chains, ("two LTC6813", 36)]:
        assert cells <= point["cell_mv"].count, board
        assert cells <= bits, board
