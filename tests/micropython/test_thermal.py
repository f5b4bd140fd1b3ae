"""Heater and fan: hysteresis, minimum times, safe states, and failures that are noticed."""

from desk import Desk
from packs import Rig

from host_tools.mock.heat import Heat
from vigil import chemistry, limits, thermal
from vigil.sample import CELLS, CLIMATE_FAULT, CURRENT, HEALTH_FIRST, TEMPS, UNKNOWN

# Minutes of simulated time.
LONG_ON_CPYTHON = ("test_the_boards_heater_warms_the_cells_and_is_off_when_the_firmware_ends",)

CAPACITY_MAH = 100000
WORD = CLIMATE_FAULT - HEALTH_FIRST
MINUTE = 60


class Pin:
    def __init__(self):
        self.changes = []
        self.level = 0

    def value(self, level):
        if level != self.level:
            self.changes.append(level)
        self.level = level


class Board:
    capacity_mah = CAPACITY_MAH
    heat_without_charger = False


class Room(Rig):
    """A pack with heater and fan in air of some temperature; one step is a second."""

    def __init__(self, ambient_c, start_c=None, current_ma=0):
        super().__init__()
        self.board = Board()
        self.board.heater = Pin()
        self.board.fan = Pin()
        self.chemistry = chemistry.lfp()
        self.climate = thermal.Climate(self.board, self.sample, self.protection, self.chemistry)
        self.heat = Heat(16, CAPACITY_MAH, 3, ambient_c, 19.0)
        if start_c is not None:
            self.heat.cell_c[:] = [start_c] * 16
            self.heat.place_c[:] = [start_c] * 3
        self.current_ma = current_ma
        self.heater_broken = self.heater_stuck = self.fan_broken = False
        self.sample.charger_seen = 1

    def seconds(self, seconds):
        for _ in range(seconds):
            heat = self.heat
            heat.heater_on = bool(self.board.heater.level) and not self.heater_broken
            heat.heater_on = heat.heater_on or self.heater_stuck
            heat.fan_on = bool(self.board.fan.level) and not self.fan_broken
            heat.step(1.0, (self.current_ma / 1000) ** 2, [0.0005] * 16, 0.001)
            self.temps_dc = [round(10 * place) for place in heat.place_c]
            self.board_dc = round(10 * heat.die_c)
            self.now_ms = (self.now_ms + 950) & 0x3FFFFFFF
            self.step()
            self.climate.step(self.now_ms)

    @property
    def faults(self):
        return self.sample.health[WORD]


def test_a_cold_pack_at_a_charger_is_warmed_to_where_it_may_be_charged_and_kept_there():
    room = Room(-5)
    room.seconds(2)
    assert room.board.heater.level == 1
    room.seconds(60 * MINUTE)
    lowest, highest = 999, -999
    for _ in range(120):
        room.seconds(MINUTE)
        lowest, highest = min(lowest, min(room.temps_dc)), max(highest, max(room.temps_dc))
    assert 60 <= lowest <= 80
    assert 115 <= highest <= 130
    assert room.faults == 0


def test_the_heater_waits_for_a_charger_and_for_the_cold():
    for start_c, charger, on in ((-5, 0, 0), (-5, -1, 0), (-5, 1, 1), (8, 1, 0)):
        room = Room(start_c)
        room.sample.charger_seen = charger
        room.seconds(10)
        assert room.board.heater.level == on, (start_c, charger)


def test_a_heater_that_needs_no_charger_does_not_empty_the_pack():
    room = Room(-5)
    room.sample.charger_seen = 0
    room.climate._without_charger = True
    room.seconds(5)
    assert room.board.heater.level == 1
    room.cells_mv[3] = room.chemistry.under_voltage_warning_mv[1] - 1
    room.seconds(int(thermal.SHORTEST_ON_MS / 1000) + 5)
    assert room.board.heater.level == 0


def test_a_charging_current_is_a_charger_too():
    room = Room(-5, current_ma=5000)
    room.sample.charger_seen = -1
    room.seconds(5)
    assert room.board.heater.level == 1


def test_both_are_off_at_once_when_anything_they_need_is_not_known():
    for group in (CELLS, TEMPS, CURRENT):
        for stale in (False, True):
            room = Room(-5)
            room.seconds(5)
            assert room.board.heater.level == 1
            if stale:
                room.stale = (group,)
            else:
                room.make_unknown(group, True)
            room.seconds(3)
            assert room.board.heater.level == 0, (group, stale)
            assert room.board.fan.level == 0


def test_a_latched_fault_ends_heating_at_once():
    room = Room(-5)
    room.seconds(5)
    room.cells_mv[0] = 3900
    for _ in range(20):
        room.step()
    room.climate.step(room.now_ms)
    assert room.protection.actions & limits.LATCH
    assert room.board.heater.level == 0


def test_one_warm_sensor_among_cold_ones_ends_heating_at_once():
    room = Room(-5)
    room.seconds(5)
    room.temps_dc[1] = room.chemistry.charge_over_temp_dc[1]
    room.step()
    room.climate.step(room.now_ms)
    assert room.board.heater.level == 0


def test_neither_is_switched_more_often_than_is_good_for_it():
    room = Room(-5)
    for pin, cold_dc, hot_dc in ((room.board.heater, 0, 300), (room.board.fan, 290, 420)):
        pin.changes.clear()
        begun_ms = room.now_ms
        for second in range(1200):
            room.temps_dc = [hot_dc if second // 3 % 2 else cold_dc] * 3
            room.now_ms = (room.now_ms + 950) & 0x3FFFFFFF
            room.step()
            room.climate.step(room.now_ms)
        minutes = (room.now_ms - begun_ms) / 60000
        assert 5 <= len(pin.changes) <= minutes + 1


def test_the_fan_cools_a_hot_pack_with_hysteresis():
    room = Room(25, start_c=37)
    room.seconds(2)
    assert room.board.fan.level == 1
    room.seconds(60 * MINUTE)
    assert room.board.fan.level == 0
    assert 280 <= max(room.temps_dc) <= 302
    assert room.board.fan.changes == [1, 0]
    assert room.faults == 0


def test_the_fan_cools_hot_electronics_too():
    room = Room(20)
    room.heat.die_c = 65.0
    room.seconds(2)
    assert room.board.fan.level == 1


def test_a_broken_heater_is_noticed_and_left_alone_for_an_hour():
    room = Room(-5)
    room.heater_broken = True
    room.seconds(14 * MINUTE)
    assert room.faults == 0
    room.seconds(2 * MINUTE)
    assert room.faults == thermal.HEATER_DOES_NOT_HEAT
    assert limits.CLIMATE_WARNING in room.tripped()
    assert room.board.heater.level == 0
    room.heater_broken = False
    room.seconds(58 * MINUTE)
    assert room.board.heater.level == 0
    room.seconds(20 * MINUTE)
    assert room.faults == 0


def test_a_heater_that_does_not_stop_is_noticed():
    room = Room(5, start_c=4)
    room.sample.charger_seen = 0
    room.heater_stuck = True
    room.seconds(50 * MINUTE)
    assert room.faults == thermal.HEATER_STUCK_ON
    room.heater_stuck = False
    room.seconds(40 * MINUTE)
    assert room.faults == 0


def test_a_cold_pack_in_a_warm_room_is_no_stuck_heater():
    for ambient_c, start_c in ((25, -10), (30, 15), (40, 0)):
        room = Room(ambient_c, start_c=start_c)
        room.sample.charger_seen = 0
        room.seconds(90 * MINUTE)
        assert room.faults == 0, (ambient_c, start_c)


def test_a_fan_that_stands_still_is_noticed_and_one_that_turns_is_not():
    for broken, faults in ((True, thermal.FAN_HAS_NO_EFFECT), (False, 0)):
        room = Room(20, start_c=42)
        room.fan_broken = broken
        room.seconds(16 * MINUTE)
        assert room.faults == faults


def test_a_fan_is_not_blamed_for_a_hot_room_or_a_heavy_load():
    room = Room(36, start_c=37)
    room.fan_broken = True
    room.seconds(60 * MINUTE)
    assert room.faults == 0
    room = Room(25, start_c=40, current_ma=-90000)
    room.seconds(30 * MINUTE)
    assert room.faults == 0


def test_outputs_that_a_board_does_not_have_are_never_on():
    room = Room(-5)
    room.climate = thermal.Climate(
        object_with_capacity(), room.sample, room.protection, room.chemistry
    )
    room.seconds(20 * MINUTE)
    assert not room.climate.heater.on
    assert room.faults == 0


def object_with_capacity():
    class Bare:
        capacity_mah = CAPACITY_MAH

    return Bare()


def test_unknown_is_never_read_as_a_temperature():
    assert UNKNOWN > chemistry.lfp().charge_over_temp_dc[0]


# On the whole desk.


def test_the_boards_heater_warms_the_cells_and_is_off_when_the_firmware_ends():
    desk = Desk(ambient_c=-8.0, settle=False)
    desk.bms.climate._without_charger = True
    desk.run_ms(3000)
    cold_c = desk.bench.temps_c[0]
    desk.run_ms(60000)
    assert desk.bench.temps_c[0] > cold_c + 0.2
    assert desk.bms.climate.heater.on

    def stop(now_ms):
        raise KeyboardInterrupt

    desk.bms.executive._work = stop
    try:
        desk.bms.run()
    except KeyboardInterrupt:
        pass
    assert not desk.bms.climate.heater.on
    assert not desk.bench._heat.heater_on


def test_a_dead_front_end_turns_heater_and_fan_off():
    desk = Desk(ambient_c=-8.0, settle=False)
    desk.bms.climate._without_charger = True
    desk.run_ms(5000)
    assert desk.bms.climate.heater.on
    desk.chip.answering = False
    desk.run_until(lambda: not desk.bms.climate.heater.on, 2500)
