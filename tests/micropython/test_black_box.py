"""The black box of a running BMS: what is read back is what was measured, and it survives."""

from native_desk import NativeDesk

from host_tools.mock.fake_flash import PowerCut
from host_tools.mock.seeded_random import SeededRandom
from vigil import blackbox, limits

BLACK_BOX = 5
MALFORMED, NOTHING = 3, 7
UNKNOWN = 0x1FFFFFFF
RING = 6
SLOW = 10


def word(data, at):
    return data[2 * at] | data[2 * at + 1] << 8


def wide(data, at):
    value = word(data, at + 1) << 16 | word(data, at)
    return value - (1 << 32) if value >> 31 else value


def short(data, at):
    """A 16-bit value with its sign; UNKNOWN as the Sample has it."""
    value = word(data, at)
    if value == 0x8000:
        return UNKNOWN
    return value - 0x10000 if value & 0x8000 else value


def events(desk):
    """{number: (bytes, row, start, uptime)} by the protocol."""
    status, told = desk.ask(BLACK_BOX)
    assert status == 0 and (len(told) - 3) % 16 == 0
    found = {}
    for at in range(3, len(told), 16):
        number = int.from_bytes(told[at : at + 4], "big")
        found[number] = (
            int.from_bytes(told[at + 4 : at + 6], "big"),
            int.from_bytes(told[at + 6 : at + 8], "big"),
            int.from_bytes(told[at + 8 : at + 12], "big"),
            int.from_bytes(told[at + 12 : at + 16], "big"),
        )
    return found


def fetch(desk, number):
    """The whole record of an event, piece by piece."""
    size = events(desk)[number][0]
    data = b""
    while len(data) < size:
        asked = number.to_bytes(4, "big") + len(data).to_bytes(2, "big")
        status, told = desk.ask(BLACK_BOX, asked)
        assert status == 0 and told[:6] == asked
        data += told[6:]
    assert len(data) == size
    return data


def ring(data, first, width, count, at, filled):
    """Where its records begin, the oldest first."""
    return [first + (at - filled + turn) % count * width for turn in range(filled)]


def everything(data):
    """Where the records of everything begin."""
    width = RING + word(data, 12) + word(data, 13) + word(data, 14)
    slow = word(data, 31)
    return ring(data, 64 + slow * SLOW, width, word(data, 34), word(data, 32), word(data, 33))


def extremes(data):
    return ring(data, 64, SLOW, word(data, 31), word(data, 29), word(data, 30))


class Watch:
    """What the Sample held whenever it was looked at, by the time: kept beside the box."""

    def __init__(self, desk):
        self.desk = desk
        self.seen = {}
        step = desk.bms.black_box.step
        task = [task for task in desk.bms.executive._tasks if task.step == step][0]

        def watched(now_ms):
            sample = desk.bms.sample
            self.seen[now_ms & 0xFFFF] = (
                list(sample.cell_values),
                list(sample.temp_values),
                [sample.values[sample.board_at + at] for at in range(sample.board_temp_count)],
                sample.values[sample.current_at],
                sample.values[sample.stack_at],
            )
            return step(now_ms)

        task.step = watched


def trip(desk, mv=3900, cell=5):
    desk.bench.set_cell_mv(cell, mv)
    desk.run_until(lambda: desk.bms.black_box.state == blackbox.AFTER, 20000)


def until_written(desk):
    desk.run_until(lambda: desk.bms.black_box.state == blackbox.WAITS, 6000)
    desk.run_until(lambda: not desk.bms.black_box.copies_owed, 8000)


def desk_with_box(**options):
    return NativeDesk(code_time=False, keys=False, **options)


def test_what_is_read_back_is_what_was_measured():
    desk = desk_with_box(current_ma=-20000)
    watch = Watch(desk)
    random = SeededRandom(5)
    for _ in range(30):
        desk.bench.offer(random.below(60000) - 30000)
        desk.run_ms(400)
    assert events(desk) == {}
    trip(desk)
    until_written(desk)
    assert list(events(desk)) == [1]
    data = fetch(desk, 1)
    assert word(data, 0) == 0x4256 and word(data, 1) == 1
    sample = desk.bms.sample
    shape = (sample.cell_count, sample.temp_count, sample.board_temp_count)
    assert (word(data, 12), word(data, 13), word(data, 14)) == shape
    places = everything(data)
    assert len(places) == 32
    for at in places:
        cells, temps, board, current, stack = watch.seen[word(data, at)]
        assert wide(data, at + 2) == current and wide(data, at + 4) == stack
        values = [short(data, at + RING + place) for place in range(sum(shape))]
        assert values == cells + temps + board
    # The first ones are older than the watch.
    slow = [at for at in extremes(data) if word(data, at) in watch.seen]
    assert len(slow) > 12
    for at in slow:
        cells, temps, _, current, stack = watch.seen[word(data, at)]
        assert wide(data, at + 2) == current and wide(data, at + 4) == stack
        told = [short(data, at + RING + place) for place in range(4)]
        assert told == [min(cells), max(cells), min(temps), max(temps)]
    assert len(set([str(watch.seen[word(data, at)]) for at in places])) > 10


def test_both_rings_hold_the_seconds_before_and_after():
    desk = desk_with_box()
    desk.run_ms(62000)
    trip(desk)
    until_written(desk)
    data = fetch(desk, 1)
    trip_ms = word(data, 17)

    def ages(places):
        return [((word(data, at) - trip_ms + 0x8000) & 0xFFFF) - 0x8000 for at in places]

    fast = ages(everything(data))
    assert fast == sorted(fast)
    assert -3000 < fast[0] < -2000 and 900 < fast[-1] <= 1600
    assert max([later - sooner for sooner, later in zip(fast, fast[1:])]) <= 200
    # The times of the extremes go round once a minute: from one to the next.
    slow = [word(data, at) for at in extremes(data)]
    apart = [(later - sooner) & 0xFFFF for sooner, later in zip(slow, slow[1:])]
    assert len(slow) == 60 and 900 <= min(apart) and max(apart) <= 1300
    assert 2000 <= ages(extremes(data))[-1] <= 4000


def test_the_head_tells_the_trip_and_its_limit():
    desk = desk_with_box()
    trip(desk)
    until_written(desk)
    data = fetch(desk, 1)
    bms = desk.bms
    at = limits.position(word(data, 36))
    assert word(data, 36) in (limits.CELL_OVER_VOLTAGE, limits.CELL_OVER_VOLTAGE_SEVERE)
    assert word(data, 37) == 5 and wide(data, 38) == bms.protection.trip_value[at]
    assert wide(data, 20) == bms.table.trip[at] and wide(data, 24) == bms.table.trip_delay_ms[at]
    assert word(data, 19) & 3 & limits.OPEN_CHARGE
    assert wide(data, 2) == 1 and wide(data, 4) == bms.memory.starts
    assert 0 <= bms.keeper.uptime_s - wide(data, 6) < 15
    assert events(desk)[1] == (len(data), word(data, 36), wide(data, 4), wide(data, 6))
    # Commanded on before, off after.
    flags = [word(data, place + 1) for place in everything(data)]
    assert flags[0] & 0x30 == 0x30 and not flags[-1] & 0x10


def test_two_trips_soon_after_each_other_are_in_one_event_and_later_ones_in_another():
    desk = desk_with_box(current_ma=-5000)
    trip(desk)
    desk.bench.set_temp_dc(1, 900)
    desk.bms.black_box._left = desk.bms.black_box._steps_after
    desk.run_until(lambda: desk.bms.black_box._told == 2, 60000 // 20)
    until_written(desk)
    data = fetch(desk, 1)
    assert word(data, 28) == 2 and word(data, 41) != word(data, 36)
    assert 0 < word(data, 45) < 6000


def test_a_trip_while_the_box_waits_is_counted_and_told_with_the_next_event():
    desk = desk_with_box(current_ma=-5000)
    desk.bms.window.is_quiet = lambda: False
    trip(desk, 3680)
    desk.run_until(lambda: desk.bms.black_box.state == blackbox.WAITS, 6000)
    before = bytes(desk.bms.black_box._image)
    desk.twin.hands.push_emergency()
    desk.run_ms(2000)
    box = desk.bms.black_box
    assert box.missed >= 1 and bytes(box._image) == before
    assert desk.ask(BLACK_BOX)[1][:3] == bytes([blackbox.WAITS, 0, box.missed])
    missed = box.missed
    desk.bms.window.is_quiet = lambda: True
    desk.run_until(lambda: not box.copies_owed, 3000)
    assert word(fetch(desk, 1), 18) == 0
    desk.bench.clear()
    desk.twin.hands.clear()
    desk.bench.set_cell_mv(5, 3300)
    desk.bms.owner_reset()
    desk.run_until(desk.both_on, 60000)
    desk.twin.hands.push_emergency()
    desk.run_until(lambda: box.state == blackbox.AFTER, 3000)
    until_written(desk)
    assert word(fetch(desk, 2), 18) == missed


def again(desk, times):
    """So many events of the emergency stop."""
    for _ in range(times):
        desk.twin.hands.clear()
        desk.bms.owner_reset()
        desk.run_until(desk.both_on, 60000)
        desk.twin.hands.push_emergency()
        desk.run_until(lambda: desk.bms.black_box.state == blackbox.AFTER, 3000)
        until_written(desk)


def test_the_latest_three_events_are_kept_over_a_restart():
    desk = desk_with_box()
    again(desk, 5)
    held = events(desk)
    assert sorted(held) == [3, 4, 5]
    records = [fetch(desk, number) for number in (3, 4, 5)]
    other = desk_with_box(flash=desk.flash, settle=False)
    assert events(other) == held
    assert [fetch(other, number) for number in (3, 4, 5)] == records
    again(other, 1)
    assert sorted(events(other)) == [4, 5, 6]
    assert events(other)[6][2] == held[5][2] + 1


def test_a_power_cut_at_every_operation_of_writing_leaves_the_latest_two():
    for tears in (False, True):
        desk = desk_with_box()
        again(desk, 3)
        kept = dict(desk.flash.records)
        box = desk.bms.black_box
        cuts = 0
        while True:
            desk.flash.records = dict(kept)
            box.copies_owed = 1
            box.number = 4
            box._put32(2, 4)
            import binascii

            box._put32(len(box._image) - 2, binascii.crc32(box._body))
            for slot in range(blackbox.SLOTS):
                box._look(slot)
            desk.flash.cut_power_in(cuts, tears)
            try:
                box.commit()
            except PowerCut:
                cuts += 1
                found = blackbox.BlackBox(desk.bms)
                desk.bms.memory._others.pop()
                numbers = sorted(found._known[at] for at in range(0, 15, 5))
                assert numbers[1:] == [2, 3]
                assert numbers[0] == (0 if tears else 1)
                continue
            assert sorted(box._known[at] for at in range(0, 15, 5)) == [2, 3, 4]
            break
        assert cuts >= 12


def test_what_is_damaged_in_flash_is_no_event():
    desk = desk_with_box()
    again(desk, 1)
    whole = desk.flash.records["box.0"]
    box = desk.bms.black_box
    for damaged in (
        b"",
        whole[:-1],
        whole[:100],
        whole[:50] + b"\x55" + whole[51:],
        whole + b"\0",
    ):
        desk.flash.records["box.0"] = damaged
        box._look(0)
        assert events(desk) == {}, len(damaged)
    desk.flash.records["box.0"] = whole
    box._look(0)
    assert list(events(desk)) == [1]


def test_a_flash_that_fails_is_tried_again_and_loses_nothing():
    desk = desk_with_box()
    again(desk, 1)
    desk.twin.hands.clear()
    desk.bms.owner_reset()
    desk.run_until(desk.both_on, 60000)
    desk.flash.failing = True
    desk.twin.hands.push_emergency()
    desk.run_until(lambda: desk.bms.black_box.state == blackbox.WAITS, 6000)
    desk.run_ms(5000)
    assert desk.bms.black_box.copies_owed and list(events(desk)) == [1]
    desk.flash.failing = False
    until_written(desk)
    assert sorted(events(desk)) == [1, 2]


def test_it_refuses_what_is_not_there_and_what_makes_no_sense():
    desk = desk_with_box()
    assert desk.ask(BLACK_BOX) == (0, bytes(3))
    assert desk.ask(BLACK_BOX, bytes(6))[0] == NOTHING
    again(desk, 1)
    size = events(desk)[1][0]
    for number, at in ((0, 0), (2, 0), (1, size), (1, 65535), (0xFFFFFFFF, 0), (0x40000001, 0)):
        asked = number.to_bytes(4, "big") + at.to_bytes(2, "big")
        assert desk.ask(BLACK_BOX, asked) == (NOTHING, b""), (number, at)
    for count in (1, 5, 7, 20):
        assert desk.ask(BLACK_BOX, bytes(count))[0] == MALFORMED


def test_new_limits_and_a_warning_are_no_event():
    desk = desk_with_box()
    desk.bms.take_limits(desk.bms.table)
    desk.run_ms(8000)
    assert desk.bms.black_box.state == blackbox.RECORDING
    warning = limits.position(limits.CELL_OVER_VOLTAGE_WARNING)
    over = limits.position(limits.CELL_OVER_VOLTAGE)
    table = desk.bms.table
    desk.bench.set_cell_mv(3, (table.trip[warning] + table.trip[over]) // 2)
    desk.run_until(lambda: desk.bms.protection.is_tripped(warning), 60000)
    desk.run_ms(5000)
    assert desk.bms.black_box.state == blackbox.RECORDING and desk.bms.black_box.number == 0


def test_every_reply_begins_within_20_ms_and_the_cycle_keeps_its_period():
    desk = NativeDesk(keys=False)
    again(desk, 1)
    desk.run_ms(2000)
    overruns = desk.bms.executive.overruns
    worst_us = 0
    for at in range(0, events_size(desk), 200):
        asked = b"\x00\x00\x00\x01" + at.to_bytes(2, "big")
        message = bytes([0x10, 8, 7, BLACK_BOX]) + asked
        heard = desk.send(desk.framed(message), 45)
        assert desk.unframed(heard)[4] == 0
        worst_us = max(worst_us, desk.heard_us - desk.asked_us)
    assert worst_us < 20000
    assert desk.bms.executive.overruns == overruns


def events_size(desk):
    return len(desk.flash.records["box.0"])
