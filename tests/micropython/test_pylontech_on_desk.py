"""The running BMS asked by an inverter: what Pylontech tells, when it forbids, how soon."""

from pylontech_desk import Everybody, Inverter, frame, opened

from host_tools.mock.seeded_random import SeededRandom
from vigil import door, journal, limits

REPLY_US = 20000
CYCLE_TAKES_US = 8000
OTHER = 0xF0


def trip(inverter, row):
    return inverter.bms.table.trip[limits.position(row)]


def release(inverter, row):
    return inverter.bms.table.release[limits.position(row)]


def test_what_is_told_is_what_has_been_measured():
    inverter = Inverter(current_ma=-10000)
    inverter.run_until(lambda: inverter.bms.charge.known, 10000)
    sample = inverter.bms.sample
    told = inverter.analog()
    assert (told["flag"], told["number"]) == (0, 2)
    assert told["cells_mv"] == list(sample.cell_values)
    assert told["temps_dk"][1:] == [temp_dc + 2731 for temp_dc in sample.temp_values]
    assert abs(told["temps_dk"][0] - 3000) < 100
    assert told["current_ma"] == -10000
    assert abs(told["stack_mv"] - sum(told["cells_mv"])) < 200
    # More than two bytes of mAh can hold.
    assert told["small"] == [0xFFFF, 0xFFFF]
    assert told["capacity_mah"] == 100000
    assert abs(told["remaining_mah"] - inverter.bms.charge.remaining_mah) < 10
    group = inverter.analog(b"FF")
    assert group["number"] == 1 and group["cells_mv"] == told["cells_mv"]


def test_a_small_pack_tells_its_charge_in_two_bytes():
    inverter = Inverter(CELLS=8, CAPACITY_MAH=50000, current_ma=0)
    inverter.run_until(lambda: inverter.bms.charge.known, 10000)
    told = inverter.analog()
    assert len(told["cells_mv"]) == 8
    assert told["small"] == [inverter.bms.charge.remaining_mah, 50000]


def test_an_inverter_is_given_the_limits_of_the_table_and_of_this_moment():
    inverter = Inverter(current_ma=-10000)
    permitted = inverter.permitted()
    assert permitted == {
        "charge_mv": 16 * release(inverter, limits.CELL_OVER_VOLTAGE_WARNING),
        "discharge_mv": 16 * release(inverter, limits.CELL_UNDER_VOLTAGE_WARNING),
        "charge_ma": inverter.bms.charge_guard.limit_ma,
        "discharge_ma": release(inverter, limits.DISCHARGE_OVER_CURRENT),
        "status": 0xC0,
    }
    words = inverter.words(0x47)
    assert len(words) == 12
    kelvin = 2731
    assert [word & 0xFFFF for word in words] == [
        trip(inverter, limits.CELL_OVER_VOLTAGE),
        trip(inverter, limits.CELL_UNDER_VOLTAGE_WARNING),
        trip(inverter, limits.CELL_UNDER_VOLTAGE),
        trip(inverter, limits.CHARGE_OVER_TEMPERATURE) + kelvin,
        trip(inverter, limits.CHARGE_UNDER_TEMPERATURE) + kelvin,
        release(inverter, limits.CHARGE_OVER_CURRENT) // 100,
        trip(inverter, limits.STACK_OVER_VOLTAGE),
        permitted["discharge_mv"],
        trip(inverter, limits.STACK_UNDER_VOLTAGE),
        trip(inverter, limits.DISCHARGE_OVER_TEMPERATURE) + kelvin,
        trip(inverter, limits.DISCHARGE_UNDER_TEMPERATURE) + kelvin,
        release(inverter, limits.DISCHARGE_OVER_CURRENT) // 100 & 0xFFFF,
    ]


def test_in_the_cold_an_inverter_is_told_to_charge_slowly_or_not_at_all():
    cool = Inverter(ambient_c=7.0)
    assert cool.permitted()["charge_ma"] == 20000
    cold = Inverter(ambient_c=-5.0, settle=False)
    cold.run_until(lambda: cold.bench.true_discharge, 6000)
    permitted = cold.permitted()
    assert (permitted["charge_ma"], permitted["status"]) == (0, 0x40)
    assert cold.states()["sensors"][1:] == [1, 1, 1]


def test_charging_is_forbidden_at_the_warning_before_the_switch_has_to_open():
    inverter = Inverter(current_ma=10000)
    inverter.bench.set_cell_mv(5, 3630)
    inverter.run_until(lambda: limits.CELL_OVER_VOLTAGE_WARNING in inverter.tripped(), 6000)
    permitted = inverter.permitted()
    assert inverter.bench.true_charge
    assert (permitted["charge_ma"], permitted["status"]) == (0, 0x40)
    assert permitted["discharge_ma"] < 0
    states = inverter.states()
    assert states["cells"] == [0, 0, 0, 0, 2] + [0] * 11
    assert states["status"][0] == 0
    inverter.bench.set_cell_mv(5, 3700)
    inverter.run_until(lambda: not inverter.bench.true_charge, 6000)
    assert inverter.states()["status"][:2] == [1, 12]


def test_an_empty_pack_asks_for_charge_and_gives_none():
    inverter = Inverter(current_ma=-5000)
    inverter.bench.set_cell_mv(5, 2700)
    inverter.run_until(lambda: limits.CELL_UNDER_VOLTAGE_WARNING in inverter.tripped(), 8000)
    permitted = inverter.permitted()
    assert (permitted["discharge_ma"], permitted["status"]) == (0, 0x90)
    assert permitted["charge_ma"] > 0
    inverter.bench.set_cell_mv(5, 2400)
    inverter.run_until(lambda: not inverter.bench.true_discharge, 8000)
    assert inverter.permitted()["status"] == 0xA0
    states = inverter.states()
    assert states["cells"][4] == 1
    assert states["status"][:2] == [2, 2]


def test_what_is_not_known_stops_an_inverter():
    inverter = Inverter(current_ma=-5000)
    inverter.chip.answering = False
    inverter.run_ms(1500)
    assert inverter.both_off()
    told = inverter.analog()
    assert told["cells_mv"] == [0] * 16 and told["stack_mv"] == 0
    assert told["temps_dk"] == [0] * 4
    assert told["current_ma"] == 0
    permitted = inverter.permitted()
    assert permitted["charge_ma"] == permitted["discharge_ma"] == permitted["status"] == 0
    states = inverter.states()
    assert states["cells"] == [OTHER] * 16 and states["sensors"] == [OTHER] * 4
    assert states["flows"] == [OTHER] * 3
    assert states["status"][1:] == [0, 0, 0xFF, 0xFF]
    inverter.chip.answering = True
    inverter.run_until(inverter.both_on, 20000)
    assert min(inverter.analog()["cells_mv"]) > 3200
    assert inverter.permitted()["status"] == 0xC0


def test_a_fault_that_has_no_word_of_its_own_is_told_as_another_one():
    inverter = Inverter(current_ma=-5000)
    inverter.twin.hands.open_interlock()
    inverter.run_until(inverter.both_off, 3000)
    states = inverter.states()
    assert states["flows"] == [OTHER] * 3
    assert states["status"][0] == 0
    assert inverter.permitted()["status"] == 0


def test_an_over_current_and_a_hot_pack_have_their_bits():
    inverter = Inverter(current_ma=-130000)
    inverter.run_until(lambda: not inverter.bench.true_discharge, 15000)
    states = inverter.states()
    assert states["status"][0] & 0x10 and states["flows"] == [0, 0, 2]
    inverter.bench.set_temp_dc(1, 480)
    inverter.run_until(lambda: not inverter.bench.true_charge, 30000)
    states = inverter.states()
    assert states["status"][0] & 0x40 and states["sensors"][1] == 2


def test_who_it_is():
    inverter = Inverter(settle=False)
    inverter.run_ms(200)
    assert inverter.ask(0x4F, b"") == b""
    assert inverter.ask(0x4F, b"", 0) == b""
    name = inverter.ask(0x51, b"", 0)
    assert name[:10] == b"Vigil sim1" and name[12:] == b"Vigil" + b" " * 15
    assert inverter.ask(0x93) == b"\x02Vigil sim16_l-02"
    assert len(inverter.ask(0x96)) == 6
    third = Inverter(settle=False, RS485_STATION=4)
    third.run_ms(200)
    assert third.ask(0x93, b"04", 4) == b"\x04Vigil sim16_l-04"
    assert third.send(frame(0x51, b"", 0)) == b""
    assert third.send(frame(0x93, b"02", 2)) == b""


def test_nobody_can_write_and_every_try_is_recorded():
    inverter = Inverter(current_ma=-10000)
    inverter.door.authority = Everybody()
    table = inverter.bms.table
    dice = SeededRandom(3)
    for turn in range(200):
        data = b"".join([b"%02X" % dice.below(256) for _ in range(8)])
        command = 0x95 if turn % 2 else 0x94
        request = frame(command, b"02" + data if command == 0x94 else b"02")
        inverter.engine.receive(request, len(request))
        assert opened(bytes(inverter.engine.reply[: inverter.engine.reply_length]))[1] == 4
        inverter.engine.reply_sent()
    inverter.run_ms(2500)
    assert inverter.both_on() and inverter.bms.table is table
    assert not inverter.door.taken and not inverter.bms.switches.held_off
    assert inverter.door.refused == 200 and inverter.door.result == door.NOT_ALLOWED
    kinds = [entry.kind for entry in inverter.bms.memory.journal.newest_first()]
    assert kinds.count(journal.WRITE_REFUSED) == 1


def test_whenever_a_request_comes_its_answer_begins_within_twenty_milliseconds():
    for baudrate, info, ms in ((115200, b"02", 60), (9600, b"FF", 250)):
        inverter = Inverter(current_ma=-10000, RS485_BAUD=baudrate)
        inverter.bms.executive.worst_period_us = 0
        for command in (0x42, 0x92) if baudrate == 115200 else (0x42,):
            shortest, longest, late = inverter.waits_us(frame(command, info), 20, ms)
            assert longest <= REPLY_US, (baudrate, command, longest)
            # Whoever asked has the time to give the bus back; and gets it back himself, unless a
            # cycle is running, at once.
            assert shortest >= 1600
            assert late <= CYCLE_TAKES_US
        assert inverter.bms.executive.overruns == 0
        assert inverter.bms.executive.worst_period_us <= 60000


def test_no_part_of_an_answer_takes_as_long_as_a_slice_may():
    inverter = Inverter(current_ma=-10000)
    engine = inverter.engine
    for command in (0x42, 0x44, 0x47, 0x92, 0x93, 0x96, 0x51, 0x4F):
        request = frame(command, b"02")
        step = None
        while step is None or engine.unfinished:
            begun_us = inverter.clock.now_us
            if step is None:
                step = engine.receive(request, len(request)) or 0
                # The bytes came one by one, not in this slice.
                begun_us += len(request) * 2900 // 125
            else:
                engine.go_on()
            assert inverter.clock.now_us - begun_us < 5000, command
        engine.reply_sent()
