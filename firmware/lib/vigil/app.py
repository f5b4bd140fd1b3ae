"""Compose a board into a running BMS.

A board is an object with: name, chemistry (name), capacity_mah, front_end, links (functions that
make a link from a Status), watchdog (or None), and pins as docs/inputs-and-outputs.md names them.
`estimator` is the class vigil.estimate.task.EstimateTask; without it the charge is only counted.
`black_box` is the class vigil.blackbox.BlackBox, where trips shall be kept with what led to them.
`calibration` is the class vigil.calibration.Calibration, where its owner may correct it.
With it `allowed` may be vigil.estimate.allow.AllowedAhead. `totals` may be vigil.totals.Totals.
`balancing` is vigil.charge_to_move.ChargeToMove; without it cells are bled by voltage, at the top.
A board whose links show points has `points`, the class vigil.points.Points, and perhaps an
`authority` of its own (see vigil.door); else it gets a vigil.auth.Authority.
What survives a restart is in the Memory.
"""

import time

from micropython import const

from vigil import backstop_check, journal, limits, panel
from vigil.afe.errors import AfeError
from vigil.allowed import Allowed
from vigil.backstop_watch import STEP_MS as BACKSTOP_STEP_MS
from vigil.backstop_watch import BackstopWatch
from vigil.balance import Balancer, TopVoltage
from vigil.charge_guard import PERIOD_MS as GUARD_PERIOD_MS
from vigil.charge_guard import ChargeGuard
from vigil.cycle import Executive, SlowTask
from vigil.deep_discharge import PERIOD_MS as DEEP_DISCHARGE_PERIOD_MS
from vigil.deep_discharge import DeepDischarge
from vigil.early_warning import PERIOD_MS as EARLY_WARNING_PERIOD_MS
from vigil.early_warning import EarlyWarning
from vigil.keeper import PERIOD_MS as KEEPER_PERIOD_MS
from vigil.keeper import Keeper
from vigil.memory import Memory
from vigil.plausible import Plausibility
from vigil.protect import Protection
from vigil.quiet import QuietWindow
from vigil.sample import (
    BACKSTOP_FAULT,
    CURRENT,
    FAULT_NOT_CONFIGURED,
    HEALTH_FIRST,
    POWER_PATH,
    SWITCH_STUCK,
    Sample,
)
from vigil.status import Status
from vigil.switches import REASON_SAFE_MODE, REASON_SELF_TEST, Switches
from vigil.table_guard import PERIOD_MS as TABLE_GUARD_PERIOD_MS
from vigil.table_guard import TableGuard
from vigil.thermal import PERIOD_MS as CLIMATE_PERIOD_MS
from vigil.thermal import Climate

_BRING_UP_RETRY_MS = const(500)
_COMMISSION_PERIOD_MS = const(250)
_BALANCE_PERIOD_MS = const(500)
_ESTIMATE_PERIOD_MS = const(1000)
_SECOND_LOOK_US = const(10000)
# A current below this may be the sensor's own; so many looks in a row, COMMISSION_PERIOD apart.
_STILL_MA = const(100)
_STILL_DIVISOR = const(500)
_OPEN_LOOKS = const(2)
_TICKS = const(0x3FFFFFFF)
_SWITCH_STUCK = SWITCH_STUCK - HEALTH_FIRST
_BACKSTOP_FAULT = BACKSTOP_FAULT - HEALTH_FIRST
_POWER_PATH = POWER_PATH - HEALTH_FIRST


class Bms:
    """Everything that runs on one board; cycle() is the whole way from chip to switch."""

    def __init__(self, board, cycle_ms=50, memory=None):
        # Only for the start: main.py lets go of them.
        from vigil import chemistry as chemistries
        from vigil import presets, validate

        self.board = board
        self.cycle_ms = cycle_ms
        self.memory = memory = memory or Memory()
        front_end = self.front_end = board.front_end
        self.chemistry = chemistries.by_name(board.chemistry)
        periods_ms = (
            front_end.cells_period_ms,
            front_end.temps_period_ms,
            front_end.current_period_ms,
            front_end.stack_period_ms,
            front_end.board_period_ms,
        )
        self.table = presets.preset(
            self.chemistry, front_end.cell_count, board.capacity_mah, periods_ms, cycle_ms
        )
        self.problems = validate.problems(self.table, self.chemistry, front_end.cell_count)
        self.sample = Sample(
            front_end.cell_count,
            front_end.temp_count,
            periods_ms,
            cycle_ms,
            front_end.board_temp_count,
        )
        self.plausibility = Plausibility(self.sample, front_end, board.capacity_mah, cycle_ms)
        self.protection = Protection(self.table)
        self.switches = Switches(front_end, self.sample)
        memory.restore(self.switches)
        if memory.safe_mode:
            self.switches.forbid(REASON_SAFE_MODE)
        make_policy = getattr(board, "balancing", None)
        about = (board, self.chemistry, self.sample, memory)
        policy = make_policy(*about) if make_policy else TopVoltage(*about)
        self.to_move = policy if policy.period_ms else None
        self.leak = policy.leak
        self.balancer = Balancer(
            policy,
            front_end.cell_count,
            front_end.bleeds_adjacent,
            getattr(board, "most_bleeding", 255),
        )
        self.active_balancer = None
        if getattr(board, "active_balancer", None):
            from vigil.active_balancer import ActiveBalancer

            self.active_balancer = ActiveBalancer(board, policy, self.balancer)
        self.early_warning = EarlyWarning(
            self.sample,
            self.protection,
            board.capacity_mah,
            self.chemistry.under_voltage_warning_mv[1],
            self.balancer.bleed,
            getattr(board, "gas", None),
        )
        make_estimator = getattr(board, "estimator", None)
        if make_estimator:
            self.estimator = make_estimator(self)
        else:
            from vigil.plain_charge import PlainCharge

            self.estimator = PlainCharge(self)
        self.counter = self.estimator.counter
        self.charge = self.estimator.estimate
        self.ageing = getattr(self.estimator, "ageing", None)
        if self.to_move:
            self.to_move.ageing = self.ageing
            self.to_move.estimate = self.charge
        self.charge_guard = ChargeGuard(
            self.sample, self.table, self.chemistry, board.capacity_mah
        )
        self.climate = Climate(board, self.sample, self.protection, self.chemistry)
        make_allowed = getattr(board, "allowed", None)
        self.allowed = make_allowed(self) if make_allowed else Allowed(self)
        make_totals = getattr(board, "totals", None)
        self.totals = make_totals and make_totals(self)
        self.status = Status(
            self.sample,
            self.protection,
            self.switches,
            self.balancer,
            self.estimator,
            self.allowed,
            board.device_name,
        )
        self.panel = panel.Panel(
            board, self.sample, self.switches, self.protection, self.charge, memory.safe_mode
        )
        self.status.bms = self
        make_points = getattr(board, "points", None)
        self.points = self.status.points = make_points and make_points(self)
        self.door = self.points and self.points.door
        links = [make_link(self.status) for make_link in board.links]
        window = self.window = QuietWindow(
            self.sample,
            self.protection,
            front_end,
            links,
            self.backstop_is_good,
            self._quiet_ma(),
        )
        self.keeper = Keeper(
            memory, self.protection, self.switches, window, self.announce_stall, self.runs_well
        )
        self.authority = self.points and self.points.give_authority()
        self.table_guard = TableGuard(self.protection._rows, self.sample)
        self.deep_discharge = DeepDischarge(self)
        self.status.sleep_of(self.deep_discharge)
        self.backstop_watch = BackstopWatch(front_end, self.sample, self.keeper.note)
        tasks = [
            SlowTask(self.bring_up, _BRING_UP_RETRY_MS),
            SlowTask(self.commission, _COMMISSION_PERIOD_MS),
            SlowTask(self.balance, _BALANCE_PERIOD_MS),
            SlowTask(self.early_warning.step, EARLY_WARNING_PERIOD_MS),
            SlowTask(self.keeper.step, KEEPER_PERIOD_MS),
            SlowTask(self.tend_panel, panel.PERIOD_MS),
            SlowTask(self.charge_guard.step, GUARD_PERIOD_MS),
            SlowTask(self.tend_climate, CLIMATE_PERIOD_MS),
            SlowTask(self.deep_discharge.step, DEEP_DISCHARGE_PERIOD_MS),
            SlowTask(self.table_guard.step, TABLE_GUARD_PERIOD_MS),
            SlowTask(self.backstop_watch.step, BACKSTOP_STEP_MS),
            SlowTask(self.estimator.step, _ESTIMATE_PERIOD_MS),
        ]
        make_box = getattr(board, "black_box", None)
        box = self.black_box = make_box and make_box(self)
        if box:
            tasks.append(SlowTask(box.step, box.period_ms))
        # Whose read() is the cycle's: the front end, or what corrects it.
        self.reader = front_end
        make_calibration = getattr(board, "calibration", None)
        calibration = self.calibration = make_calibration and make_calibration(self)
        if calibration:
            tasks.append(SlowTask(calibration.step, calibration.period_ms))
        if self.to_move:
            tasks.append(SlowTask(policy.step, policy.period_ms))
        if self.door:
            self.door.task = SlowTask(self.door.step, self.door.period_ms)
            tasks.append(self.door.task)
        for task in (make_allowed and self.allowed, self.totals):
            if task:
                tasks.append(SlowTask(task.step, task.period_ms))
        if memory.safe_mode:
            # Links answer; the front end is left as it is, protecting itself if it is set up.
            tasks = [SlowTask(self.tend_panel, panel.PERIOD_MS)]
        if self.authority:
            tasks.append(SlowTask(self.authority.step, self.authority.period_ms))
        self.executive = Executive(self.cycle, cycle_ms * 1000, links, tasks, board.watchdog)
        self._requests = self.table.backstop_requests()
        self._bringing_up = None
        self.bring_up_tried = False
        self._backstop_fits = False
        self._looked_well = False
        self._counted_ms = 0
        self._counted_sequence = 0
        self._seen_open = False
        self._open_looks = 0
        self._still_ma = _STILL_MA + board.capacity_mah // _STILL_DIVISOR
        self.self_test_passed = False
        self.read_errors = 0
        self.last_error = 0  # code of the latest AfeError
        self.bring_ups = 0
        if self.points:
            self.points.begin()

    def run(self):
        """Until an exception ends it; the switches are open whenever this returns."""
        try:
            self.sample.start(time.ticks_ms())
            self.executive.run()
        finally:
            self.front_end.all_off()
            self.panel.dark()
            self.climate.off(time.ticks_ms())
            if self.active_balancer:
                self.active_balancer.off(time.ticks_ms())

    def use_limits(self, table):
        """Take over a whole set of limits, or refuse it whole: every problem, [] when accepted.

        table: limits.Limits. The front end is set up anew for it, which opens both switches for
        about a second. A refused set changes nothing.
        """
        from vigil import validate

        problems = validate.problems(table, self.chemistry, self.front_end.cell_count)
        problems = problems or self.backstop_problems(table)
        self.keeper.note(journal.LIMITS, min(len(problems), 0xFFFF))
        if not problems:
            self.take_limits(table)
        return problems

    def take_limits(self, table):
        """Limits that have just been found good, without looking at them once more."""
        self.table = table
        self.problems = []
        self.protection.replace(table)
        self.charge_guard.use_limits(table)
        self.deep_discharge.use_limits(table)
        self.window.quiet_ma = self._quiet_ma()
        if self.self_test_passed:
            self.table_guard.take()
        self._requests = table.backstop_requests()
        self._bringing_up = None
        self.front_end.configured = False
        self.keeper.expect_blindness(time.ticks_ms())

    def backstop_problems(self, table=None):
        """What the front end cannot back or see of a table (of the running one): as above."""
        found = []
        for _ in self.check_backstop(table or self.table, found):
            pass
        return found

    def check_backstop(self, table, found):
        """The same in slices, as validate.check()."""
        requests = table.backstop_requests()
        found += self._unmeasurable(table, requests)
        yield
        found += backstop_check.too_soon_stale(table, self.sample.periods_ms, self.cycle_ms)
        yield
        try:
            applied = self.front_end.plan_backstop(requests)
        except AfeError:
            found.append((0, backstop_check.BACKSTOP_IMPOSSIBLE, 0, 0))
            return
        found += backstop_check.backstop_problems(requests, applied)

    def _unmeasurable(self, table, requests):
        if not hasattr(self.front_end, "highest_ma"):
            return []
        highest_ma = self.front_end.highest_ma(requests)
        if self.calibration:
            highest_ma = self.calibration.seen_ma(highest_ma)
        return backstop_check.unmeasurable(table, highest_ma)

    def unmeasurable(self):
        """Limits of the running table that lie beyond what can be seen, as now calibrated."""
        return self._unmeasurable(self.table, self._requests)

    def owner_reset(self):
        """The owner has looked: latched switches are released, failed starts forgotten.

        The limits still decide; safe mode ends with the next start.
        """
        self.switches.reset()
        self.backstop_watch.reset()
        self.front_end.forget_faults()
        if self.memory.safe_mode:
            self.memory.forget()

    def keep_everything(self):
        """Write at once what has to be remembered: the power is about to go. Switches are open."""
        memory = self.memory
        if memory.take_latched(self.switches):
            memory.stage()
        self.estimator.keep()
        if self.totals is not None:
            self.totals.keep()
        if self.to_move:
            self.to_move.keep()
        watchdog = self.board.watchdog
        while (memory.state_waits and memory.commit()) or (
            memory.journal_waits and memory.flush()
        ):
            if watchdog is not None:
                watchdog.feed()

    def runs_well(self):
        """Nothing speaks against this start; a fault of the pack does not."""
        return self.self_test_passed and not self.problems

    def backstop_is_good(self):
        """The front end answers and guards by itself what the table asks."""
        if self.sample.health[_BACKSTOP_FAULT]:
            return False
        return self.front_end.configured and self._backstop_fits and self._looked_well

    def _quiet_ma(self):
        """Half of the smaller current at which a limit would act."""
        trip = self.table.trip
        charge_ma = trip[limits.position(limits.CHARGE_OVER_CURRENT)]
        discharge_ma = 0 - trip[limits.position(limits.DISCHARGE_OVER_CURRENT)]
        return min(charge_ma, discharge_ma) // 2

    def announce_stall(self, most_ms):
        """False if nothing has been measured anew since the stall before."""
        if not self.sample.extend_once(most_ms, time.ticks_ms()):
            return False
        self.executive.excuse(most_ms * 1000)
        return True

    # The cycle: read, judge, act, record.

    def cycle(self, now_ms):
        """One period; allocates nothing."""
        sample = self.sample
        if not self.bring_up_tried:
            # Nothing has been asked of the front end yet, so there is nothing to judge; the
            # switches are held off.
            self.switches.act(self.protection, now_ms)
            return True
        if self.front_end.configured:
            well_before = self._looked_well
            self._look(now_ms)
            if well_before and not self._looked_well and self.front_end.configured:
                # A burst of noise is shorter than this; a dead bus pays for it only once.
                time.sleep_us(_SECOND_LOOK_US)
                now_ms = time.ticks_ms()
                self._look(now_ms)
        if not self.front_end.configured:
            sample.front_end_fault = sample.front_end_fault | FAULT_NOT_CONFIGURED
        sample.health[_SWITCH_STUCK] = self.front_end.switch_stuck
        self.panel.look()
        self.charge_guard.look()
        sample.health[_POWER_PATH] = self.front_end.power_path_fault
        self.plausibility.look(now_ms)
        self.protection.judge(sample, now_ms)
        self.switches.act(self.protection, now_ms)
        self._count_charge()
        return True

    def _look(self, now_ms):
        try:
            self.reader.read(self.sample, now_ms)
            self.sample.answered(now_ms)
            self._looked_well = True
            self.plausibility.note_read(0)
        except AfeError as error:
            # Nothing was refreshed: ages grow, and the table judges ages.
            self._looked_well = False
            self.read_errors += 1
            self.last_error = error.code
            self.plausibility.note_read(1)

    def _count_charge(self):
        sample = self.sample
        sequence = sample.sequence(CURRENT)
        if sequence == self._counted_sequence:
            return
        read_ms = sample.read_ms(CURRENT)
        if self._counted_sequence:
            self.counter.count(
                sample.values[sample.current_at], (read_ms - self._counted_ms) & _TICKS
            )
        self._counted_sequence = sequence
        self._counted_ms = read_ms

    # Slow tasks.

    def bring_up(self, now_ms):
        """Configure the front end, a step a slice, again and again until it stands."""
        if self.front_end.configured:
            return False
        if self._bringing_up is None:
            self._bringing_up = self.front_end.configure(self._requests)
            self.bring_ups += 1
        try:
            next(self._bringing_up)
            return True
        except StopIteration:
            self._bringing_up = None
            self._brought_up(now_ms)
        except AfeError as error:
            self._bringing_up = None
            self.last_error = error.code
        if not self.bring_up_tried:
            self.bring_up_tried = True
            self.sample.start(now_ms)
        return False

    def _brought_up(self, now_ms):
        self.backstop_watch.brought_up(now_ms)
        self.sample.front_end_fault = 0
        self._backstop_fits = not (
            self._unmeasurable(self.table, self._requests)
            or backstop_check.backstop_problems(self._requests, self.front_end.applied)
        )

    def commission(self, now_ms):
        """Permit the switches once the tests have passed and every value has been measured."""
        if not self.front_end.configured or not self.sample.complete():
            return False
        if not self._seen_open and not self._switches_are_open():
            return False
        if self.self_test_passed and not self.problems and self._backstop_fits:
            self.switches.permit()
        else:
            self.switches.forbid(REASON_SELF_TEST)
        return False

    def _switches_are_open(self):
        """Before they may close for the first time: they really are open, and nothing is about to
        trip. What finds a switch stuck is a row of the table."""
        sample = self.sample
        front_end = self.front_end
        current_ma = sample.values[sample.current_at]
        still = 0 - self._still_ma < current_ma < self._still_ma
        if front_end.charge_is_on or front_end.discharge_is_on or not still:
            self._open_looks = 0
        elif self.protection.is_counting():
            # It would close for as long as the delay lasts.
            return False
        else:
            self._open_looks += 1
        self._seen_open = self._open_looks >= _OPEN_LOOKS
        return self._seen_open

    def tend_climate(self, now_ms):
        """Heater and fan; cells that are warmed on purpose are no sign of a runaway."""
        self.climate.step(now_ms)
        self.early_warning.heated = self.climate.heater.on
        return False

    def balance(self, now_ms):
        """Tend the balancing."""
        sample = self.sample
        if not self.front_end.configured:
            return False
        # A pack that may not charge because a cell is high needs its bleeding all the more.
        fault_free = not self.protection.actions & limits.OPEN_DISCHARGE
        if self.active_balancer:
            self.active_balancer.step(fault_free, now_ms)
        if self.balancer.step(sample, fault_free, now_ms):
            try:
                self.front_end.balance(self.balancer.bleed)
            except AfeError as error:
                self.last_error = error.code
        return False

    def tend_panel(self, now_ms):
        """Show the state and obey the owner's button."""
        press = self.panel.step(now_ms)
        if press == panel.LONG_PRESS:
            self.memory.note(self.keeper.uptime_s, journal.BUTTON, journal.BUTTON_RESET)
            self.owner_reset()
        elif press == panel.HELD_AT_START and self.authority:
            self.memory.note(self.keeper.uptime_s, journal.BUTTON, journal.BUTTON_KEYS)
            self.authority.open_commissioning(now_ms)
        return False
