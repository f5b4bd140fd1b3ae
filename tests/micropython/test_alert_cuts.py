"""The alert of a shunt monitor opens contactors by itself, whatever the controller does."""

import machine
from desk import Desk, import_board

from host_tools.sim.twins import shunt_monitor
from vigil import limits
from vigil.front_end import FrontEnd
from vigil.sensor.ina226 import Ina226
from vigil.sensor.ina228 import Ina228

# Half a minute of waiting for the load to be taken away.
LONG_ON_CPYTHON = (
    "test_a_controller_that_comes_back_tells_the_cut_and_closes_by_pre_charge_only",
)

ALERT_PIN = 22
# Two averages at most, and a contactor's way. The chip beside it would take 300 ms.
WITHIN_MS = 2 * 11 + 10
BEYOND_MA = {-1: -260000, 1: 130000}


class CutDesk(Desk):
    """A board with contactors and a BQ76952, and a shunt monitor in the place of its current."""

    BOARD = "sim16_lfp_contactors"
    MONITOR = "INA228"
    MONITOR_ADDRESS = 0x41
    SHUNT_UOHM = 500
    COIL_ENABLE_PIN = 16

    def __init__(self, part=Ina228, wired=True, options=(), **scene):
        self.MONITOR = "INA228" if part is Ina228 else "INA226"
        self.ALERT_PIN = ALERT_PIN if wired else None
        self.SHUNT_UOHM = 500 if part is Ina228 else 250
        board = import_board(self.BOARD)
        build = board.build

        def build_with_monitor():
            hardware = build()
            self.monitor = shunt_monitor.attach(self.clock, self.bench, self)
            i2c = machine.I2C(0, scl=machine.Pin(5), sda=machine.Pin(4), freq=400000)
            self.driver = part(
                i2c,
                shunt_uohm=self.SHUNT_UOHM,
                address=self.MONITOR_ADDRESS,
                alert=machine.Pin(ALERT_PIN, machine.Pin.IN) if wired else None,
                alert_cuts=wired,
                **dict(options),
            )
            parts = hardware.front_end
            chip = parts._voltages
            hardware.front_end = FrontEnd(chip, parts._contactors, current=self.driver, gate=chip)
            return hardware

        board.build = build_with_monitor
        try:
            Desk.__init__(self, **scene)
        finally:
            board.build = build
        self.path = self.twin.path

    def hang_ms(self, ms):
        """The controller does nothing any more; its pins stay as they are."""
        self.clock.advance(ms * 1000)


def test_a_hanging_controller_does_not_keep_an_over_current_flowing():
    for part, direction, options in (
        (Ina228, -1, ()),
        (Ina228, 1, ()),
        (Ina226, -1, ()),
        (Ina226, 1, {"guard_charge": True}),
    ):
        desk = CutDesk(part, options=options, current_ma=direction * 20000)
        desk.bench.offer(BEYOND_MA[direction])
        assert abs(desk.bench.current_ma) > 100000
        desk.hang_ms(WITHIN_MS)
        assert desk.both_off() and not desk.path.precharge.conducts
        assert desk.bench.current_ma == 0
        # And nothing closes them while nobody looks.
        desk.hang_ms(1500)
        assert desk.both_off()


def test_without_the_wire_from_the_alert_to_the_coils_it_would():
    desk = CutDesk(wired=False, current_ma=-20000)
    desk.bench.offer(BEYOND_MA[-1])
    desk.hang_ms(200)
    assert desk.both_on() and desk.bench.current_ma < -200000


def test_a_current_at_the_severe_limit_is_left_to_the_software():
    desk = CutDesk(current_ma=-20000)
    desk.bench.offer(-201000)
    desk.hang_ms(200)
    assert desk.both_on()


def test_a_controller_that_comes_back_tells_the_cut_and_closes_by_pre_charge_only():
    desk = CutDesk(current_ma=-20000)
    desk.bench.offer(BEYOND_MA[-1])
    desk.hang_ms(WITHIN_MS)
    desk.bench.offer(-1000)
    desk.run_ms(100)
    assert desk.driver.alerts == 1
    assert limits.SHORT_CIRCUIT_SEEN in desk.tripped()
    assert limits.FRONT_END_DISCHARGE_TRIP in desk.tripped()
    assert desk.both_off()
    assert desk.path.main.closings == 1
    desk.run_until(desk.both_on, 60000)
    assert desk.path.main.closings == desk.path.precharge.closings == 2
    assert desk.path.worst_closing_gap_mv < 0.06 * desk.bench.stack_mv


def test_a_controller_that_runs_never_closes_onto_what_the_alert_has_cut():
    for direction in (-1, 1):
        desk = CutDesk(current_ma=direction * 20000)
        closings = desk.path.main.closings
        desk.bench.offer(BEYOND_MA[direction])
        opened_ms = desk.run_until(desk.both_off, WITHIN_MS + 50)
        assert opened_ms <= WITHIN_MS + 50
        desk.run_ms(900)
        assert desk.both_off() and desk.path.main.closings == closings
        # It begins again only with the alert's limits untouched.
        assert desk.driver.configured and desk.driver.alerts == 1


def test_limits_are_armed_in_the_part_that_guards_them_and_are_verified_there():
    desk = CutDesk(current_ma=-20000)
    front_end = desk.bms.front_end
    applied = front_end.applied
    assert applied[len(applied) - 2 :] == [
        (limits.BACKSTOP_CHARGE_CURRENT, 125000, 11),
        (limits.BACKSTOP_DISCHARGE_CURRENT, -250000, 11),
    ]
    assert front_end.plan_backstop(desk.bms.table.backstop_requests()) == applied
    assert desk.bms.backstop_is_good() and desk.bms.backstop_problems() == []
    desk.run_ms(2000)
    ages_s = desk.bms.backstop_watch.ages_s(desk.clock.now_us // 1000)
    assert len(ages_s) == len(applied) and 2 <= min(ages_s) <= max(ages_s) < 10
    assert desk.tripped() == [] and desk.bms.executive.overruns == 0


def test_a_monitor_that_is_reset_is_set_up_anew_and_comes_back():
    desk = CutDesk(current_ma=-20000)
    bring_ups = desk.bms.bring_ups
    desk.monitor.reset()
    desk.run_until(desk.both_off, 100)
    desk.run_until(desk.both_on, 10000)
    assert desk.bms.bring_ups == bring_ups + 1
    assert desk.driver.settings_lost == 1


def test_a_monitor_that_does_not_answer_opens_both_and_is_told():
    desk = CutDesk(current_ma=-20000)
    desk.monitor.answering = False
    desk.run_until(desk.both_off, 1000)
    assert limits.FRONT_END_SILENT in desk.tripped()
    desk.monitor.answering = True
    desk.run_until(desk.both_on, 20000)
