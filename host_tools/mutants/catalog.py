"""What is broken on purpose, one thing at a time: every row, every check, every safeguard.

A Mutation changes one place of the firmware; `tests` are asked first, in this order, and then
THEN. Texts are matched exactly and once, so that a change of the firmware is noticed here.
"""

from collections import namedtuple

from host_tools.mutants import balancing, keys, links, measuring, power_path

Mutation = namedtuple("Mutation", "name file old new tests")

_LIB = "firmware/lib/vigil/"
_M = "tests/micropython/"
_U = "tests/unit/"
EVERY_ROW = _M + "test_every_row.py"
PROTECTION = _M + "test_protection.py"
SWITCHES = _M + "test_switches.py"
CYCLE = _M + "test_cycle.py"
RESTART = _M + "test_restart.py"
DESK = _M + "test_firmware_on_desk.py"
FAILURES = _M + "test_known_failures.py"
WATCH = _M + "test_backstop_watch.py"
STORE = _M + "test_store.py"
LIMITS = _U + "test_limits.py"
# Of these two many more tests follow in the same file.
_NAMED = LIMITS + "::test_a_contradiction_is_named_with_its_row_and_what_it_contradicts"
_ASKED = LIMITS + "::test_the_front_end_is_asked_to_guard_all_that_it_can_and_nothing_else"
KERNELS = _U + "test_kernels_against_oracle.py"
BACKSTOP = _U + "test_bq76952_backstop.py"
DRIVER = _U + "test_bq76952_driver.py"
SWITCHING = _U + "test_bq76952_switching.py"
PERMISSION = _M + "test_permission.py"
LTC_MODEL = _U + "test_ltc681x_driver_on_model.py"
NEW_LIMITS = _M + "test_new_limits.py"
TERMINALS = _M + "test_terminals.py"
AGE = _M + "test_age_extension.py"
CAMPAIGN = _U + "test_campaign.py"
DOUBTED = _M + "test_doubted_cells.py"
PLAUSIBLE = _M + "test_plausible.py"
WARNING = _M + "test_early_warning.py"

# Asked of every mutation that its own tests have let pass.
THEN = (
    EVERY_ROW,
    PROTECTION,
    SWITCHES,
    LIMITS,
    KERNELS,
    CYCLE,
    WATCH,
    FAILURES,
    DESK,
    RESTART,
    NEW_LIMITS,
    TERMINALS,
    AGE,
    STORE,
    BACKSTOP,
    DRIVER,
    SWITCHING,
    CAMPAIGN,
)

_LAST_ROW = 50
_NAMES = {13: "cells", 14: "temperatures", 15: "current", 16: "stack", 33: "board"}


def mutations():
    made = [*_rows(), *_delays()]
    made += [*_freshness(), *_kernel(), *_switches(), *_cycle(), *_memory(), *_backstop()]
    made += [*_driver(), *_validator(), *_doubted(), *_quiet(), *_plausible(), *_parts()]
    names = [mutation.name for mutation in made]
    if len(set(names)) != len(names):
        raise ValueError("two mutations have one name")
    return made


def _rows():
    """Each row out of reach in the running table, where no page and no list can show it."""
    old = "        self._rows = table.compile()\n"
    for row_id in range(1, _LAST_ROW + 1):
        at = f"limits.position({row_id}) * limits.ROW_WORDS"
        new = old + f"        self._rows[{at} + 1] = self._rows[{at} + 4] = (1 << 28) - 1\n"
        yield Mutation(f"row {row_id} never trips", _LIB + "protect.py", old, new, (EVERY_ROW,))
    for row_id in (2, 4, 7, 8, 11, 13, 25, 28, 39, 45):
        at = f"limits.position({row_id}) * limits.ROW_WORDS + limits.ROW_ACTIONS"
        new = old + f"        self._rows[{at}] = limits.ACTIVE | limits.WARNING\n"
        yield Mutation(f"row {row_id} only warns", _LIB + "protect.py", old, new, (EVERY_ROW,))


def _delays():
    old = "                self.trip_delay_ms[at],\n                self.release_delay_ms[at],\n"
    doubled = old.replace("self.trip_delay_ms[at]", "2 * self.trip_delay_ms[at]")
    yield Mutation("delays doubled", _LIB + "limits.py", old, doubled, (PROTECTION, EVERY_ROW))
    none = old.replace("self.trip_delay_ms[at]", "0")
    yield Mutation("no delays", _LIB + "limits.py", old, none, (PROTECTION,))
    hasty = old.replace("self.release_delay_ms[at]", "0")
    yield Mutation("no release delays", _LIB + "limits.py", old, hasty, (PROTECTION,))


def _freshness():
    file = _LIB + "sample.py"
    yield Mutation(
        "a new conversion is not told",
        file,
        "        kernels.refresh(self._records[group], now_ms, self._answered_ms,"
        " self.periods_ms[group])\n",
        "        pass\n",
        (PROTECTION, EVERY_ROW),
    )
    old = "        for group in range(GROUPS):\n            self.words[record_at(group) + _STAMP]"
    yield Mutation(
        "ages do not begin at the start",
        file,
        old,
        "        for group in range(0):\n            self.words[record_at(group) + _STAMP]",
        (PROTECTION, _U + "test_driver_on_model.py", DESK),
    )
    # Each group's age, one after the other: its stamp follows the clock.
    old = "        sample.close(now_ms)\n"
    for group in range(5):
        row_id = (13, 14, 15, 16, 33)[group]
        new = old + f"        sample.words[8 + {group} * 15 + 10] = now_ms\n"
        yield Mutation(
            f"the {_NAMES[row_id]} never age", _LIB + "protect.py", old, new, (EVERY_ROW,)
        )
    yield Mutation(
        "silence is not counted",
        file,
        "        words[SILENCE_WORD] = (now_ms - self._answered_ms) & _TICKS\n",
        "        words[SILENCE_WORD] = 0\n",
        (EVERY_ROW,),
    )
    yield Mutation(
        "stale a period later",
        file,
        "    return 3 * max(period_ms, cycle_ms) - cycle_ms",
        "    return 4 * max(period_ms, cycle_ms) - cycle_ms",
        (PROTECTION, DESK),
    )
    yield Mutation(
        "two stalls in a row are excused",
        file,
        "            if self.sequence(group) == self._extended_at[group]:\n"
        "                return False\n",
        "            pass\n",
        (AGE,),
    )


def _kernel():
    file = _LIB + "kernels.py"
    yield Mutation(
        "an unknown value is not counted",
        file,
        "                else:\n                    unknown += 1\n                here",
        "                else:\n                    unknown += 0\n                here",
        (KERNELS, PROTECTION),
    )
    yield Mutation(
        "an unknown value lets a row release",
        file,
        "if told[0] or (here[_RELEASE] - held) & sign:",
        "if (here[_RELEASE] - held) & sign:",
        (KERNELS, PROTECTION),
    )
    yield Mutation(
        "an unknown value lets a row forget",
        file,
        "            elif told[0]:\n                active = _ACTIVE\n",
        "            elif 0:\n                active = _ACTIVE\n",
        (KERNELS, PROTECTION),
    )
    yield Mutation(
        "a row releases at its trip",
        file,
        "if told[0] or (here[_RELEASE] - held) & sign:",
        "if told[0] or (here[_TRIP] - held) & sign:",
        (KERNELS, PROTECTION),
    )
    yield Mutation(
        "one sample is counted in every cycle",
        file,
        "        else:\n            here[_FRESH] = 0\n",
        "        else:\n            here[_FRESH] = 51\n",
        (KERNELS, PROTECTION),
    )
    yield Mutation(
        "a trip on the limit itself",
        file,
        "            elif (here[_TRIP] - held) & sign:\n",
        "            elif (here[_TRIP] - held - 1) & sign:\n",
        (KERNELS, PROTECTION),
    )


def _switches():
    file = _LIB + "switches.py"

    def change(name, old, new, *tests):
        return Mutation(name, file, old, new, (SWITCHES, *tests))

    yield change(
        "no hold after a release",
        "_HOLD_MS = (1000, 5000, 20000, 60000)",
        "_HOLD_MS = (0, 5000, 20000, 60000)",
    )
    yield change(
        "a hold that does not grow",
        "_HOLD_MS = (1000, 5000, 20000, 60000)",
        "_HOLD_MS = (1000, 1000, 1000, 1000)",
    )
    yield change("one retry more", "_MOST_RETRIES = const(3)", "_MOST_RETRIES = const(4)")
    yield change(
        "retries never latch",
        "latches = spent and protection.owed[switch] & OWED_RETRIES",
        "latches = False",
    )
    yield change(
        "retries forgotten after a minute",
        "_FORGET_MS = const(300000)",
        "_FORGET_MS = const(60000)",
    )
    yield change(
        "retries never forgotten", "_FORGET_MS = const(300000)", "_FORGET_MS = const(0x3FFFFFFF)"
    )
    yield change(
        "a load need not go", "load = sample.load_seen if owed & OWED_NO_LOAD else 0", "load = 0"
    )
    yield change(
        "a charger need not go",
        "charger = sample.charger_seen if owed & OWED_NO_CHARGER else 0",
        "charger = 0",
    )
    yield change(
        "no waiting where no load can be seen",
        "_REMOVAL_MS = const(30000)",
        "_REMOVAL_MS = const(0)",
    )
    yield change(
        "a latched switch closes again",
        "        if state == LATCHED:\n            return\n        if demanded",
        "        if demanded",
    )
    yield change(
        "a latching row does not latch",
        "if latch and (self._allowed or state != OFF):",
        "if False:",
    )
    yield change(
        "no permission needed",
        "elif not self._permitted and self._is_kept_off(switch, state, now_ms):",
        "elif False:",
    )
    held = "tests/micropython/test_hold_off.py"
    yield change("nothing is held off", "if not self.held_off >> switch & 1:", "if True:", held)
    yield change(
        "who is held off waits for no load",
        "if state == TRIPPED or state == WAITING:",
        "if state == TRIPPED:",
        held,
    )
    yield change(
        "who is held off need not recover",
        "if state == RECOVERING and not self._has_recovered(switch, now_ms):",
        "if False:",
        held,
    )
    yield change(
        "the direct line is not used",
        "            # No bus needed, so no bus can prevent it.\n"
        "            front_end.all_off()\n",
        "            pass\n",
        DESK,
    )
    yield change(
        "a failed command is no reason for the direct line",
        "            # One switch cannot be opened alone over a dead bus: open both.\n"
        "            front_end.all_off()\n",
        "",
    )
    yield change(
        "a disobedient switch is not told again",
        "_REPEAT_MS = const(1000)",
        "_REPEAT_MS = const(0x3FFFFFFF)",
    )
    yield change(
        "what is owed is never forgiven",
        "        protection.owed[switch] = 0\n        self._closed_lately",
        "        self._closed_lately",
    )
    yield change(
        "charge and discharge exchanged",
        "front_end.set_switches(charge, discharge)",
        "front_end.set_switches(discharge, charge)",
    )
    yield change(
        "a planned opening does not come",
        "                self.forbid(self._plan_reason)\n",
        "                pass\n",
    )
    yield change(
        "what still stands after a reset is forgiven",
        "_FORGIVE_MS = const(5000)",
        "_FORGIVE_MS = const(0x3FFFFFFF)",
    )
    yield Mutation(
        "only the first row owes",
        _LIB + "protect.py",
        "                self._owe(row)\n",
        "",
        (SWITCHES,),
    )


def _cycle():
    file = _LIB + "cycle.py"
    yield Mutation(
        "incomplete work feeds the watchdog",
        file,
        "elif done and self._watchdog is not None:",
        "elif self._watchdog is not None:",
        (CYCLE,),
    )
    yield Mutation(
        "the watchdog is never fed",
        file,
        "            self._watchdog.feed()\n",
        "            pass\n",
        (CYCLE,),
    )
    yield Mutation(
        "a late cycle feeds the watchdog",
        file,
        "        if late:\n            self.overruns += 1\n        elif done",
        "        if late:\n            self.overruns += 1\n        if done",
        (CYCLE,),
    )
    yield Mutation(
        "an overrun is not counted",
        file,
        "            self.overruns += 1\n",
        "            pass\n",
        (CYCLE,),
    )
    yield Mutation(
        "every stall is excused",
        file,
        "excused = late and late_us <= self._excused_us",
        "excused = late",
        (CYCLE,),
    )
    file = _LIB + "app.py"
    yield Mutation(
        "no second look at a failed bus",
        file,
        "if well_before and not self._looked_well and self.front_end.configured:",
        "if False:",
        (DESK,),
    )
    yield Mutation(
        "a failed read counts as an answer",
        file,
        "            self._looked_well = False\n",
        "            self._looked_well = False\n            self.sample.answered(now_ms)\n",
        (DESK, FAILURES),
    )
    yield Mutation(
        "a stuck switch is not passed on",
        file,
        "        sample.health[_SWITCH_STUCK] = self.front_end.switch_stuck\n",
        "",
        (PERMISSION,),
    )
    yield Mutation(
        "permitted without a self-test",
        file,
        "if self.self_test_passed and not self.problems and self._backstop_fits:",
        "if not self.problems and self._backstop_fits:",
        (PERMISSION,),
    )
    yield Mutation(
        "permitted with contradictory limits",
        file,
        "if self.self_test_passed and not self.problems and self._backstop_fits:",
        "if self.self_test_passed and self._backstop_fits:",
        (PERMISSION,),
    )
    yield Mutation(
        "permitted without a backstop that fits",
        file,
        "if self.self_test_passed and not self.problems and self._backstop_fits:",
        "if self.self_test_passed and not self.problems:",
        (PERMISSION,),
    )
    yield Mutation(
        "permitted before everything is measured",
        file,
        "if not self.front_end.configured or not self.sample.complete():",
        "if not self.front_end.configured:",
        (PERMISSION,),
    )
    yield Mutation(
        "the switches stay as they are when the firmware ends",
        file,
        "        finally:\n            self.front_end.all_off()\n",
        "        finally:\n            pass\n",
        (FAILURES,),
    )


def _memory():
    file = _LIB + "memory.py"
    anew = (_M + "test_new_limits.py",)
    yield Mutation(
        "a front end that does not come back from a new set of limits is no news",
        _LIB + "keeper.py",
        "_ANEW_MS = const(3000)",
        "_ANEW_MS = const(0x3FFFFFFF)",
        anew,
    )
    yield Mutation(
        "what is measured beside a new set of limits is no news",
        _LIB + "keeper.py",
        "return self._anew and _is_blindness(limits.TABLE[at][limits.GROUP])",
        "return self._anew",
        anew,
    )
    yield Mutation(
        "a latched switch is forgotten by a restart",
        file,
        "                switches.restore_latched(switch, self.latched_rows[switch])\n",
        "                pass\n",
        (RESTART,),
    )
    yield Mutation(
        "a lost memory latches nothing",
        file,
        "                self.latched_rows[0] = REASON_MEMORY_LOST\n"
        "                self.latched_rows[1] = REASON_MEMORY_LOST\n",
        "",
        (RESTART,),
    )
    yield Mutation(
        "failed starts are not counted",
        file,
        "        self.unconfirmed_starts = min(failed + 1, _LARGEST_BYTE)\n",
        "",
        (RESTART,),
    )
    yield Mutation(
        "a good start is not confirmed",
        file,
        '        """This start has run well: it no longer counts as failed."""\n'
        "        self.unconfirmed_starts = 0\n",
        "        pass\n",
        (RESTART,),
    )
    yield Mutation(
        "news of a latched switch is not kept",
        file,
        "                news = True\n",
        "                pass\n",
        (RESTART,),
    )
    yield Mutation(
        "the owner's reset is not remembered",
        file,
        "        self.latched_rows[0] = 0\n",
        "",
        (RESTART,),
    )


def _backstop():
    for code in range(1, 11):
        old = "            if row[BACKSTOP] != BACKSTOP_NONE:\n"
        new = f"            if row[BACKSTOP] not in (BACKSTOP_NONE, {code}):\n"
        if code == 5:
            continue
        yield Mutation(
            f"backstop {code} is not asked for",
            _LIB + "limits.py",
            old,
            new,
            (_ASKED, LIMITS),
        )
    old = (
        "            (BACKSTOP_SHORT_CIRCUIT, self.short_circuit_ma,"
        " self.short_circuit_delay_us, 0)\n"
    )
    yield Mutation(
        "no short circuit is asked for",
        _LIB + "limits.py",
        "        requests.append(\n" + old + "        )\n",
        "",
        (DESK, LIMITS),
    )
    file = _LIB + "backstop_watch.py"
    yield Mutation(
        "a difference is not mended",
        file,
        "        self._front_end.configured = False\n",
        "        pass\n",
        (WATCH,),
    )
    yield Mutation(
        "a second difference is no fault",
        file,
        "            self._health[_WORD] |= BACKSTOP_DIFFERS\n",
        "            pass\n",
        (WATCH,),
    )
    yield Mutation(
        "an overdue verification is no fault",
        file,
        "            self._health[_WORD] |= BACKSTOP_OVERDUE\n",
        "            pass\n",
        (WATCH,),
    )
    yield Mutation(
        "the backstop is never verified again",
        file,
        "            self._verifying = self._parts[self._part].verify()\n",
        "            return False\n",
        (WATCH,),
    )


def _quiet():
    yield Mutation(
        "a switch that does not open is waited for without end",
        _LIB + "quiet.py",
        "        return (now_ms - self._awaited_ms) & _TICKS < _LONGEST_OPENING_MS\n",
        "        return True\n",
        (_M + "test_quiet.py",),
    )


def _doubted():
    file = _LIB + "protect.py"
    yield Mutation(
        "cells in doubt latch",
        file,
        "            if sample.health[_CELLS_DOUBT] & _LATCHES_NOTHING:\n",
        "            if False:\n",
        (DOUBTED,),
    )
    yield Mutation(
        "a doubted cell's time begins anew when it is believed",
        file,
        "ROW_ELAPSED] = self.table.trip_delay_ms[at] + 1\n",
        "ROW_ELAPSED] = 1\n",
        (DOUBTED,),
    )
    yield Mutation(
        "no stack bears a doubted cell out",
        file,
        "if not self.is_tripped(sign_at) and not self.is_tripped(_HEAT_SIGN):",
        "if not self.is_tripped(_HEAT_SIGN):",
        (DOUBTED,),
    )
    yield Mutation(
        "no sign of heat bears a doubted cell out",
        file,
        "if not self.is_tripped(sign_at) and not self.is_tripped(_HEAT_SIGN):",
        "if not self.is_tripped(sign_at):",
        (DOUBTED,),
    )
    yield Mutation(
        "a doubt lets go of what has latched",
        file,
        "if rows[row + limits.ROW_TRIPPED] and not self._was_tripped[at]:",
        "if rows[row + limits.ROW_TRIPPED]:",
        (DOUBTED,),
    )


def _driver():
    file = _LIB + "afe/bq76952.py"
    yield Mutation(
        "the current has the wrong sign",
        file,
        "current_ma = (((data[0] | data[1] << 8) ^ 0x8000) - 0x8000) * self._step_ma",
        "current_ma = (0x8000 - ((data[0] | data[1] << 8) ^ 0x8000)) * self._step_ma",
        (DESK, DRIVER),
    )
    yield Mutation(
        "a short circuit opens the charge switch too",
        _LIB + "afe/bq76952_config.py",
        'b"\\x18\\xf7\\x16"',
        'b"\\x98\\xf7\\x56"',
        (DRIVER,),
    )
    yield Mutation(
        "large currents stop at the end of the fine scale",
        _LIB + "afe/bq76952_backstop.py",
        "                return _COARSE_STEP_MA\n",
        "                return _FINE_STEP_MA\n",
        (_U + "test_bq76952_large_currents.py",),
    )
    yield Mutation(
        "the chip counts coarse steps and the driver fine ones",
        file,
        "        self._step_ma = backstop.step_ma\n",
        "        pass\n",
        (_U + "test_bq76952_large_currents.py",),
    )
    yield Mutation(
        "a reset of the chip is not noticed",
        file,
        "if data[0] & (_POR | _WD | _CFGUPDATE):",
        "if data[0] & _CFGUPDATE:",
        (DESK, DRIVER),
    )
    yield Mutation(
        "frozen scans pass for new",
        file,
        "        scans = data[0] & (_ADSCAN | _FULLSCAN)\n",
        "        scans = _ADSCAN | _FULLSCAN\n",
        (DESK, DRIVER),
    )
    yield Mutation(
        "the chip's own trips are not read",
        file,
        "        sample.front_end_charge_trip = charge\n"
        "        sample.front_end_discharge_trip = discharge\n",
        "        pass\n",
        (FAILURES, DESK, DRIVER),
    )
    yield Mutation(
        "the direct line stands still",
        file,
        "            self._both_off.value(0)\n",
        "            pass\n",
        (DESK, DRIVER),
    )
    yield Mutation(
        "impossible cells are believed",
        file,
        "sample.cell_values, self._accepted_mv, self.cell_count, 0, 0, _HIGHEST_CELL_MV",
        "sample.cell_values, self._accepted_mv, self.cell_count, 0, -99999, 99999",
        (DRIVER, FAILURES),
    )
    yield Mutation(
        "a leak through an open switch is not seen",
        file,
        "        if self._charge_leaks >= _MISMATCH_SCANS:\n            stuck |= 1\n",
        "",
        (SWITCHING, DRIVER, CAMPAIGN),
    )
    yield Mutation(
        "a switch that reports closed is not believed",
        file,
        "_MISMATCH_MS:\n            stuck |= 1\n",
        "_MISMATCH_MS:\n            stuck |= 0\n",
        (SWITCHING, DRIVER),
    )


def _validator():
    file = _LIB + "validate.py"

    def drop(name, old, new="            pass\n", file=file):
        return Mutation("not refused: " + name, file, old, new, (_NAMED, LIMITS, NEW_LIMITS))

    yield drop(
        "a latch that does not open both",
        "        found.append((row_id, LATCH_MUST_OPEN_BOTH, action, limits.OPEN_BOTH))\n",
        "        pass\n",
    )
    yield drop(
        "too low a number",
        "            found.append((row_id, NUMBER_OUT_OF_RANGE, number, lowest))\n",
    )
    yield drop(
        "too high a number",
        "            found.append((row_id, NUMBER_OUT_OF_RANGE, number, highest))\n",
    )
    yield drop(
        "a release beyond its trip",
        "        found.append((row_id, RELEASE_BEYOND_TRIP, release, trip))\n",
        "        pass\n",
    )
    yield drop(
        "too small a hysteresis",
        "            found.append((row_id, HYSTERESIS_TOO_SMALL, distance, least))\n",
    )
    yield drop(
        "a negative delay", "            found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms, 0))\n"
    )
    yield drop(
        "too long a delay",
        "            found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms, most_ms))\n",
    )
    yield drop("too short a release delay", "        found.append(problem)\n", "        pass\n")
    yield drop(
        "a limit beyond the chemistry",
        "            found.append((row_id, BEYOND_CHEMISTRY, trip, bound))\n",
    )
    yield drop(
        "limits in the wrong order",
        "            found.append((first_id, code, first, later))\n    yield\n"
        "    for first_id, later_id, code in _INSIDE:",
        "            pass\n    yield\n    for first_id, later_id, code in _INSIDE:",
    )
    yield drop(
        "a charging window wider than the other",
        "            found.append((first_id, code, first, later))\n"
        "    for upper_id, lower_id in _PAIRS:",
        "            pass\n    for upper_id, lower_id in _PAIRS:",
    )
    yield drop(
        "an upper limit below the lower one",
        "            found.append((upper_id, OVER_UNDER_CROSSED, upper, lower))\n",
    )
    yield drop(
        "a stack limit above the cells'",
        "            found.append((stack_id, STACK_CONTRADICTS_CELLS, trip, max(ends)))\n",
    )
    yield drop(
        "a stack limit below the cells'",
        "            found.append((stack_id, STACK_CONTRADICTS_CELLS, trip, min(ends)))\n",
    )
    yield drop(
        "a current of the wrong sign",
        "            found.append((row_id, WRONG_SIGN, table.trip[at], 0))\n",
    )
    yield drop(
        "a released current of the wrong sign",
        "            found.append((row_id, WRONG_SIGN, table.release[at], 0))\n",
    )
    yield drop(
        "a slow severe current",
        "            found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms,"
        " _LONGEST_SEVERE_CURRENT_MS))\n",
    )
    yield drop(
        "a short circuit within the over-current",
        "            found.append((row_id, SHORT_CIRCUIT_TOO_LOW,"
        " table.short_circuit_ma, over_current))\n",
    )
    yield drop(
        "a slow short circuit",
        "        found.append((row_id, SHORT_CIRCUIT_TOO_SLOW, delay_us,"
        " _SLOWEST_SHORT_CIRCUIT_US))\n",
        "        pass\n",
    )
    yield drop(
        "a backstop tighter than the software",
        "            found.append((backstop, BACKSTOP_TIGHTER, trip, asked[len(asked) - 1][1]))\n",
        file=_LIB + "backstop_check.py",
    )
    yield drop(
        "a backstop on the limit itself",
        "    return wider > 0 and (delay",
        "    return wider >= 0 and (delay",
        file=_LIB + "backstop_check.py",
    )
    yield drop(
        "a hasty backstop that is hardly wider",
        "(delay >= request[2] or wider >= untimed)",
        "True",
        file=_LIB + "backstop_check.py",
    )
    yield drop(
        "a limit that the current cannot be seen to reach",
        "            found.append((row[limits.ID], BEYOND_MEASUREMENT, trip, bound))\n",
        file=_LIB + "backstop_check.py",
    )
    yield drop(
        "data that are stale before they come",
        "            found.append((row[limits.ID], STALE_TOO_SOON, table.trip[at], least_ms))\n",
        file=_LIB + "backstop_check.py",
    )
    yield drop("a missing row", "            found.append((row_id, MISSING_ROW, 0, 0))\n")
    yield drop(
        "a row that nobody has filled in",
        "            found.append((row[limits.ID], MISSING_ROW, 0, 0))\n",
    )


# Each check by which a doubt or a sign is found: file, method with its arguments.
_CHECKS = (
    ("plausible_cells.py", "_stays_at_rail(self, found)"),
    ("plausible_cells.py", "_lead_is_open(self, found)"),
    ("plausible_cells.py", "_test_has_failed(self)"),
    ("plausible_stack.py", "_sum_is_off(self, found)"),
    ("plausible_stack.py", "_jump_is_unconfirmed(self)"),
    ("plausible_stack.py", "_stack_is_elsewhere(self)"),
    ("plausible_stack.py", "_jumps_again(self)"),
    ("plausible_stack.py", "_end_is_open(self, shift_mv)"),
    ("plausible_temps.py", "_is_impossible(self, found)"),
    ("plausible_temps.py", "_are_apart_at_rest(self, found)"),
    ("plausible_current.py", "_is_inverted(self, step_ma, size_ma)"),
    ("plausible_current.py", "_is_stuck(self, size_ma)"),
    ("plausible_current.py", "_is_invented(self, size_ma)"),
    ("plausible.py", "note_read(self, failed)"),
    ("early_warning.py", "_warms_at_rest(self)"),
    ("early_warning.py", "_shows_hot_spot(self)"),
    ("early_warning.py", "_races(self, now_ms)"),
    ("early_warning.py", "_a_cell_has_fallen(self, minute)"),
    ("early_warning.py", "_gas_is_seen(self)"),
)


def _plausible():
    for file, method in _CHECKS:
        name = method.split("(")[0]
        old = f"    def {method}:\n"
        test = WARNING if file == "early_warning.py" else PLAUSIBLE
        new = old + "        return False\n"
        yield Mutation(f"{name.strip('_')} finds nothing", _LIB + file, old, new, (test,))


_BQ769X0_DRIVER = _U + "test_bq769x0_driver.py"
_BQ769X0_SWITCHING = _U + "test_bq769x0_switching.py"
_BQ769X0_STILL = _U + "test_bq769x0_stands_still.py"
# What is broken in parts of other front ends: whose, in what, and the tests that are asked first.
_PARTS = (
    (
        "LTC681x",
        measuring.LTC681X,
        (_M + "test_ltc681x.py", _M + "test_ltc681x_old_answers.py", LTC_MODEL),
    ),
    ("BQ769x0", measuring.BQ769X0, (_BQ769X0_STILL, _BQ769X0_DRIVER, _BQ769X0_SWITCHING)),
    ("BQ769x0", measuring.BQ769X0_BACKSTOP, (_U + "test_bq769x0_backstop.py", _BQ769X0_DRIVER)),
    ("BQ769x0", measuring.BQ769X0_SWITCHES, (_BQ769X0_SWITCHING, _BQ769X0_DRIVER)),
    (
        "shunt",
        measuring.SHUNT,
        (_M + "test_shunt_monitors.py", _U + "test_shunt_monitors_on_models.py"),
    ),
    ("thermistor", measuring.THERMISTOR, (_U + "test_thermistor.py", _M + "test_ltc681x.py")),
    ("keys", keys.PARTS, (_M + "test_keys.py", _M + "test_panel.py", _M + "test_keys_on_desk.py")),
    ("parts", power_path.PARTS, (_M + "test_front_end.py", WATCH, _U + "test_contactors.py")),
    (
        "contactors",
        power_path.CONTACTORS,
        (_U + "test_contactors.py", _M + "test_contactors_on_desk.py"),
    ),
    (
        "balancing",
        balancing.PARTS,
        (_M + "test_balance.py", _M + "test_charge_to_move.py"),
    ),
    ("JBD", links.JBD, (_U + "test_jbd_parameters.py", _M + "test_jbd_on_desk.py")),
    (
        "pre-charge",
        power_path.PRECHARGE,
        (_U + "test_precharge.py", _U + "test_contactors.py"),
    ),
)


def _parts():
    for part, changes, tests in _PARTS:
        for name, file, old, new in changes:
            yield Mutation(f"{part}: {name}", _LIB + file, old, new, tests)
