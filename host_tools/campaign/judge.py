"""The independent oracle: looks at the simulated hardware every cycle and says what was wrong.

Kinds of finding: `missed` (a limit must have opened a switch, and it still lets current through a
second later), `late`, `false` (opened although nothing in the hardware justifies it), `forbidden`
(closed while a limit stands, closed too early, closed although latched), `unrecovered` (still open
long after everything has passed).
"""

from host_tools.campaign import meaning
from host_tools.campaign.bus_watch import BusWatch
from host_tools.campaign.case import CONTACTORS
from host_tools.campaign.charge_watch import ChargeWatch
from host_tools.campaign.chip_watch import ChipWatch
from host_tools.campaign.meaning import BY_OWNER, BY_VALUE, CHARGE, DISCHARGE
from host_tools.campaign.row_watch import RowWatch
from host_tools.campaign.signs import Runaway, Sign
from host_tools.campaign.sleep_watch import SleepWatch
from host_tools.campaign.switch_watch import SwitchWatch
from host_tools.campaign.truth import Truth

_MISSED_US = 1000000
_NEVER = 1 << 60
_SHORT_CIRCUIT_US = 1000
_STUCK_RELEASE_US = 4000000


class Judge:
    def __init__(self, clock, twin, lies, case, numbers):
        """numbers: {row id: (trip, release, trip delay ms, release delay ms)} of the limits."""
        bench = twin.bench
        chip = twin.chip
        self._pace = pace = meaning.Pace(case["chip"])
        self.clock = clock
        self.bench = bench
        self.chip = chip
        self._charge_watch = ChargeWatch(case, numbers[4][1])
        contactors = case["board"] == CONTACTORS
        self._close_us = meaning.CLOSE_CONTACTOR_US if contactors else 0
        self._open_us = meaning.OPEN_CONTACTOR_US if contactors else 0
        self.can_sleep = not contactors
        board_temps = 1 if contactors else 2
        self.truth = Truth(clock, bench, chip, lies, self._charge_watch, board_temps)
        self.bus = BusWatch(self.truth, pace)
        self.rows = [RowWatch(row, numbers[row[0]], pace) for row in meaning.LIMITS]
        self.signs = [Sign(sign) for sign in meaning.SIGNS]
        self._sign = {}
        for sign in self.signs:
            self._sign[sign.name] = sign
        self._runaway = Runaway(self._sign["runaway"], numbers[11][0])
        self._steady_ma = case["capacity_mah"] // meaning.STEADY_DIVISOR
        self._by_quantity = [
            [row for row in self.rows if row.quantity == quantity]
            for quantity in range(len(meaning.QUANTITIES))
        ]
        self.by_id = {}
        for row in self.rows:
            self.by_id[row.row_id] = row
        self.switches = (SwitchWatch(CHARGE, "charge"), SwitchWatch(DISCHARGE, "discharge"))
        self.findings = []
        self._overdue = []
        self._read = [0] * len(meaning.QUANTITIES)
        self._told = [0] * len(meaning.QUANTITIES)
        self._turn_us = clock.now_us
        self._chip = ChipWatch(self.truth, self.by_id, pace)
        self._short_since_us = -1
        self._frozen_dc = None  # temperatures when the front end stopped measuring
        self._stuck_us = -_NEVER  # last time that a switch was held closed by a fault
        self.cycles = 0
        self.trips = {}
        self.openings = 0
        self.either = 0
        self.demanded = 0
        self.sleeps = 0
        self.sleep_watch = SleepWatch(self)

    # What the campaign does to the hardware.

    def fault(self):
        """A fault has just been made or has ended."""
        if self.chip.frozen:
            # What stands still cuts no short circuit; old data opens the switches then.
            self._short_since_us = -1
        self._look_at_freeze()
        self.bus.changed()

    def _look_at_freeze(self):
        """The scan in which it stood still tells a temperature from before as a new one.

        If that has moved by more than a kelvin meanwhile, the next scan shows what no sensor does.
        """
        frozen = self.chip.frozen
        if frozen and self._frozen_dc is None:
            self._frozen_dc = self.truth.shown_temps_dc()
        elif self._frozen_dc is not None and not frozen:
            for at, temp_dc in enumerate(self.truth.shown_temps_dc()):
                before_dc = self._frozen_dc[at]
                if None in (temp_dc, before_dc) or abs(temp_dc - before_dc) >= meaning.FROZEN_DC:
                    self.lie("temp lie", -1 - at, False)
                    self.end("temp lie", -1 - at)
            self._frozen_dc = None

    def stick(self, switch):
        for watch in self.switches:
            if watch.bit & switch:
                watch.stuck = True
                self._stuck_us = _NEVER
                if not watch.closed:
                    # Current through a switch that is commanded off latches both.
                    self._may_latch()

    def unstick(self):
        # What has just opened was held closed by the fault.
        self._look_at_changes()
        for watch in self.switches:
            if watch.stuck:
                self._stuck_us = self.clock.now_us
            watch.stuck = False

    def begin(self, name, place=0):
        self._sign[name].begin(self.clock.now_us, place)

    def lie(self, name, place, clear):
        """clear: large enough to have to be found; another one may be."""
        self._sign[name].begin(self.clock.now_us, place, clear)

    def end_all(self):
        for sign in self.signs:
            if sign.name != "runaway":
                sign.end(self.clock.now_us)

    def end(self, name, place=None):
        """At this place, or everywhere."""
        self._sign[name].end(self.clock.now_us, place)

    @property
    def cells_may_be_doubted(self):
        for name in ("lead", "cell lie", "stack lie"):
            if self._sign[name].may:
                return True
        return False

    def owner_reset(self):
        now_us = self.clock.now_us
        stuck_lately = now_us - self._stuck_us < _STUCK_RELEASE_US
        for watch in self.switches:
            watch.surely_latched = False
            watch.maybe_latched = stuck_lately and watch.maybe_latched
            watch.same_count = 0
            watch.openings = min(watch.openings, 1)
            watch.earliest_us = 0
            watch.free_since_us = now_us

    def shorted(self):
        if not self.chip.frozen and self.truth.discharge and not self.switches[1].stuck:
            self._short_since_us = self.clock.now_us

    # Once a cycle.

    def look(self, cycle_us):
        """After each cycle; cycle_us: when it began to read."""
        now_us = self.clock.now_us
        self.cycles += 1
        bus = self.bus
        was_read = bus.surely_read
        demanded = bus.advance(now_us)
        well = was_read and bus.surely_read
        self._look_at_rows(cycle_us, now_us, well)
        self._look_at_signs(now_us, well)
        self._chip.look(now_us)
        self._look_at_changes()
        if well and self._chip.may & DISCHARGE and self._chip.tripped_by_current:
            discharge = self.switches[1]
            discharge.removal = meaning.LOAD_GONE
            discharge.removed = False
            discharge.may_wait = True
        for row in self.rows:
            if row.advance(now_us):
                self._must_trip(row)
        for sign in self.signs:
            if sign.advance(now_us, well):
                self._must_trip(sign)
        if demanded:
            for watch in self.switches:
                self._expect_open(watch, 13, bus.deadline_us)
        if self._short_since_us >= 0 and now_us - self._short_since_us > (
            _SHORT_CIRCUIT_US + self._open_us
        ):
            deadline_us = self._short_since_us + _SHORT_CIRCUIT_US
            self._expect_open(self.switches[1], 50, deadline_us)
            self._short_since_us = -1
        self._look_at_states(now_us)
        self._follow_up(now_us)
        self.sleep_watch.look(now_us, well)
        self._turn_us = now_us
        self.truth.forget_extremes()

    def _look_at_rows(self, cycle_us, now_us, well):
        conversions = self.truth.conversions
        passed_us = now_us - self._turn_us
        # A conversion that ends while the firmware reads may be read now or in the next cycle.
        torn = conversions[0].finished_us > cycle_us
        for quantity, rows in enumerate(self._by_quantity):
            conversion = conversions[quantity]
            fresh = conversion.count != self._told[quantity]
            unread = conversion.count != self._read[quantity]
            read_us = -1
            if unread and well and not torn:
                read_us = now_us
                self._read[quantity] = conversion.count
            self._told[quantity] = conversion.count
            for row in rows:
                if not well:
                    row.blind(passed_us)
                if fresh or read_us >= 0:
                    row.sample(conversion, read_us)

    def _look_at_signs(self, now_us, well):
        truth = self.truth
        if not well:
            # In a pause a sensor may move 5 K a second: such a lie may pass for it.
            self._sign["temp lie"].excuse(now_us)
        temps_dc = truth.shown_temps_dc()
        self._runaway.look(now_us, temps_dc, well)
        coldest_dc = None if None in temps_dc else min(temps_dc)
        lowest_mv = truth.conversions[meaning.CELL].lowest[0]
        self._charge_watch.look(now_us, coldest_dc, lowest_mv, truth.lowest_ma)
        if truth.highest_ma - truth.lowest_ma > self._steady_ma:
            for name in ("cell lie", "stack lie"):
                self._sign[name].wait(now_us)

    # Switches that have changed.

    def _look_at_changes(self):
        truth = self.truth
        changes = truth.changes
        if not changes:
            return
        for at_us, charge, discharge in changes:
            for watch, closed in zip(self.switches, (charge, discharge)):
                if closed != watch.closed:
                    self._changed(watch, closed, at_us)
        truth.changes = []

    def _changed(self, watch, closed, at_us):
        open_us = at_us - watch.since_us
        watch.closed = closed
        watch.since_us = at_us
        watch.told_unrecovered = False
        watch.told_forbidden = False
        if watch.stuck:
            return
        if closed:
            self._closed(watch, at_us, open_us)
        else:
            self._opened(watch, at_us, open_us)

    def _opened(self, watch, at_us, closed_us):
        self.openings += 1
        if closed_us > meaning.FORGET_US:
            watch.openings = watch.same_count = 0
        causes = [
            row for row in self.rows if row.opens & watch.bit and row.may_have_tripped(at_us)
        ]
        signs = [sign for sign in self.signs if sign.may_have_tripped(at_us)]
        for sign in signs:
            if not causes and len(signs) == 1:
                self.trips[sign.row_id] = self.trips.get(sign.row_id, 0) + 1
            if sign.recovery == BY_OWNER:
                self._may_latch()
        blind = self.bus.may
        other = signs or blind or self._chip.may & watch.bit or watch.maybe_latched
        if not causes and not other:
            self.find("false", watch, at_us, 0)
        watch.openings += 1
        if len(causes) == 1 and not other:
            # The only one that can have done it: so it has.
            self._blame(causes[0], watch, at_us)
        else:
            watch.same_row = 0
            watch.same_count = 0
        for row in causes:
            if row.recovery == BY_OWNER:
                self._may_latch()
            elif row.recovery in (meaning.LOAD_GONE, meaning.CHARGER_GONE):
                watch.may_wait = True
            if row.recovery == BY_OWNER:
                continue
            if row.recovery != BY_VALUE and watch.openings > 3:
                watch.maybe_latched = True
        if self._chip.may & watch.bit and watch.openings > 3:
            watch.maybe_latched = True

    def _blame(self, row, watch, at_us):
        row.blame(at_us)
        self.trips[row.row_id] = self.trips.get(row.row_id, 0) + 1
        if row.recovery in (meaning.LOAD_GONE, meaning.CHARGER_GONE):
            watch.removal = row.recovery
            watch.removed = False
        if watch.same_row == row.row_id:
            watch.same_count += 1
        else:
            watch.same_row = row.row_id
            watch.same_count = 1
        if row.recovery == BY_OWNER:
            self._latch(row, watch)
        elif row.recovery != BY_VALUE and watch.same_count > 3:
            watch.surely_latched = watch.maybe_latched = True

    def _latch(self, row, watch):
        watch.surely_latched = watch.maybe_latched = True

    def _may_latch(self):
        for watch in self.switches:
            watch.maybe_latched = True

    def _closed(self, watch, at_us, open_us):
        if watch.surely_latched:
            self.find("forbidden", watch, at_us, 1)
        elif not watch.closed_once:
            if not self.truth.conversions[meaning.TEMPERATURE].count:
                self.find("forbidden", watch, at_us, 2)
        else:
            if at_us < watch.earliest_us:
                self.find("forbidden", watch, at_us, 3)
            for row in self.rows + self.signs:
                if row.opens & watch.bit and not row.is_free(at_us):
                    self.find("forbidden", watch, at_us, row.row_id)
            waited = open_us >= meaning.REMOVAL_US
            if watch.removal and not watch.removed and not waited:
                self.find("forbidden", watch, at_us, 4)
        watch.closed_once = True
        watch.removal = BY_VALUE
        watch.may_wait = False

    # Switches that have not.

    def _must_trip(self, row):
        self.trips[row.row_id] = self.trips.get(row.row_id, 0) + 1
        self.demanded += 1
        for watch in self.switches:
            if row.opens & watch.bit:
                self._expect_open(watch, row.row_id, row.tripped_us)
                if row.recovery == BY_OWNER and watch.closed_once:
                    if row.quantity == meaning.CELL and self.cells_may_be_doubted:
                        # A reading that is not believed need not latch anything.
                        self._may_latch()
                    else:
                        self._latch(row, watch)

    def _expect_open(self, watch, row_id, deadline_us):
        if watch.stuck:
            return
        deadline_us += self._open_us
        if watch.closed:
            self._overdue.append((watch, row_id, deadline_us))
        elif watch.since_us > deadline_us:
            self.find("late", watch, watch.since_us, row_id, watch.since_us - deadline_us)

    def _follow_up(self, now_us):
        """Those that are overdue: late if they open within a second, else missed."""
        if not self._overdue:
            return
        waiting = []
        for watch, row_id, deadline_us in self._overdue:
            if not watch.closed or watch.stuck:
                if not watch.stuck:
                    late_us = watch.since_us - deadline_us
                    self.find("late", watch, watch.since_us, row_id, late_us)
            elif now_us - deadline_us > _MISSED_US:
                self.find("missed", watch, now_us, row_id)
            else:
                waiting.append((watch, row_id, deadline_us))
        self._overdue = waiting

    def _look_at_states(self, now_us):
        bus = self.bus
        blind = self.bus.may
        load = self.truth.load_attached
        charger = self.truth.charger_attached
        for watch in self.switches:
            must = watch.surely_latched or bus.must
            may = blind or watch.maybe_latched or bool(self._chip.may & watch.bit)
            for row in self.rows + self.signs:
                if row.opens & watch.bit:
                    if row.must:
                        must = True
                    if row.may:
                        may = True
                        if row.recovery in (meaning.LOAD_GONE, meaning.CHARGER_GONE):
                            if watch.stuck or not watch.closed:
                                watch.may_wait = True
                        elif row.recovery == BY_OWNER:
                            watch.maybe_latched = True
                    free_us = row.freed_us
                    if free_us and free_us + meaning.HOLD_US[0] > watch.earliest_us:
                        watch.earliest_us = (
                            free_us + meaning.HOLD_US[0] - meaning.TIME_TOLERANCE_US
                        )
            if bus.freed_us + meaning.HOLD_US[0] > watch.earliest_us and bus.freed_us:
                watch.earliest_us = bus.freed_us + meaning.HOLD_US[0] - meaning.TIME_TOLERANCE_US
            if watch.stuck and (may or must):
                self._may_latch()
            if watch.removal == meaning.LOAD_GONE and not load:
                watch.removed = True
            elif watch.removal == meaning.CHARGER_GONE and not charger:
                watch.removed = True
            if may or must or (watch.may_wait and (load or charger)):
                watch.free_since_us = now_us
                if not must:
                    self.either += 1
            elif not watch.closed and not watch.stuck:
                self._look_for_recovery(watch, now_us)

    def _look_for_recovery(self, watch, now_us):
        if watch.told_unrecovered:
            return
        if not watch.closed_once:
            allowed_us = meaning.START_US + self._close_us
        else:
            allowed_us = (
                self._close_us
                + meaning.HOLD_US[min(max(watch.openings - 1, 0), 3)]
                + meaning.TURN_ON_US
            )
            if watch.may_wait:
                allowed_us += meaning.REMOVAL_US
        if now_us - watch.free_since_us > allowed_us:
            watch.told_unrecovered = True
            self.find("unrecovered", watch, now_us, 0, now_us - watch.free_since_us)

    def find(self, kind, watch, at_us, row_id, by_us=0):
        self.findings.append(
            {
                "kind": kind,
                "switch": watch.words,
                "t_ms": at_us // 1000,
                "row": row_id,
                "by_us": by_us,
            }
        )
