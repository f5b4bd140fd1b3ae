"""What is broken on purpose between the front end's parts, and on the way to the load.

Each is (name, file below vigil/, old, new).
"""

PARTS = [
    (
        "the coils pull again once a cut by hardware has been read",
        "front_end.py",
        "            # Before its reading gives the coils' current back.\n"
        "            self._contactors.all_off()\n",
        "            pass\n",
    ),
    (
        "the contactors go on through a cut by hardware",
        "front_end.py",
        "if not self.configured or (self._current is not None and self._current.cut):",
        "if not self.configured:",
    ),
    (
        "the contactors stay closed beside a part that lost its settings",
        "front_end.py",
        "if not self.configured or (self._current is not None and self._current.cut):",
        "if self._current is not None and self._current.cut:",
    ),
    (
        "a current that stands still is known to the contactors",
        "front_end.py",
        "UNKNOWN if _is_stale(sample, CURRENT) else values[sample.current_at]",
        "values[sample.current_at]",
    ),
    (
        "a stack that stands still is known to the contactors",
        "front_end.py",
        "UNKNOWN if _is_stale(sample, STACK) else values[sample.stack_at]",
        "values[sample.stack_at]",
    ),
    (
        "the charge coil needs no leave of the gate",
        "front_end.py",
        "                self._charge_wanted and gate.charge_is_on,\n",
        "                self._charge_wanted,\n",
    ),
    (
        "the main coil needs no leave of the gate",
        "front_end.py",
        "                self._discharge_wanted and gate.discharge_is_on,\n",
        "                self._discharge_wanted,\n",
    ),
    (
        "all off leaves the coils",
        "front_end.py",
        "        self._contactors.all_off()\n        self._voltages.all_off()\n",
        "        self._voltages.all_off()\n",
    ),
    (
        "all off leaves the chip's switches",
        "front_end.py",
        "        self._contactors.all_off()\n        self._voltages.all_off()\n",
        "        self._contactors.all_off()\n",
    ),
    (
        "what the gate finds stuck is not told",
        "front_end.py",
        "        return stuck if self._gate is None else stuck | self._gate.switch_stuck\n",
        "        return stuck\n",
    ),
    (
        "the current part is not set up",
        "front_end.py",
        "            yield from self._current.configure(requests)\n",
        "            pass\n",
    ),
    (
        "the current part need not be set up",
        "front_end.py",
        "        return self._current is None or self._current.configured\n",
        "        return True\n",
    ),
    (
        "a silent current part is no error",
        "front_end.py",
        "                failed = failed or error\n",
        "                pass\n",
    ),
    (
        "silent voltages are no error",
        "front_end.py",
        "            failed = error\n        if current",
        "            pass\n        if current",
    ),
    (
        "a second part's settings may be as old as they like",
        "backstop_watch.py",
        "        for part in range(1, len(self._parts)):\n",
        "        for part in range(0):\n",
    ),
]

CONTACTORS = [
    (
        "a fault leaves the contactors closed",
        "contactors.py",
        "        if not self.power_path_fault:\n            self.power_path_fault = code\n"
        "        self.waits_for = OWNER\n        self.all_off()\n",
        "        if not self.power_path_fault:\n            self.power_path_fault = code\n"
        "        self.waits_for = OWNER\n",
    ),
    (
        "a fault is forgotten by itself",
        "contactors.py",
        "        if self.power_path_fault:\n            self.waits_for",
        "        if False:\n            self.waits_for",
    ),
    (
        "a link that stays up proves nothing",
        "contactors.py",
        "        if stays:\n",
        "        if False:\n",
    ),
    (
        "a stuck pre-charge relay is not told",
        "contactors.py",
        "        if self._precharge.disagrees and not self._precharge.wanted:\n",
        "        if False:\n",
    ),
    (
        "a welded charge contactor is not told",
        "contactors.py",
        "        if charge is not None and charge.disagrees and not charge.wanted:\n",
        "        if False:\n",
    ),
    (
        "a welded main contactor is not told",
        "contactors.py",
        "        if self._main.disagrees and not self._main.wanted:\n",
        "        if False:\n",
    ),
    (
        "current against the command is no fault",
        "contactors.py",
        "        fault = CURRENT_AGAINST_COMMAND if stuck else 0\n",
        "        fault = 0\n",
    ),
    (
        "no rest after an opening",
        "contactors.py",
        "        if self._main_resting:\n            self.waits_for",
        "        if False:\n            self.waits_for",
    ),
    (
        "pre-charge into a link that nothing proves open",
        "contactors.py",
        "        elif self._held[_LINK_IS_LOW] != 2:\n",
        "        elif False:\n",
    ),
    (
        "pre-charge into a link that rises by itself",
        "contactors.py",
        "all_open and low and not rises",
        "all_open and low",
    ),
    (
        "tries without end",
        "contactors.py",
        "        if self.failed_tries >= self._tries:\n",
        "        if False:\n",
    ),
    (
        "a main contactor that has opened by itself is not noticed",
        "contactors.py",
        "        if self._lasts(_LINK_IS_AWAY, away, now_ms, _AWAY_MS):\n",
        "        if False:\n",
    ),
    (
        "the enable line stands still",
        "contactors.py",
        "                self._enable.value(0)\n",
        "                pass\n",
    ),
    (
        "an opening leaves the pre-charge relay",
        "contactors.py",
        "        self._main.open()\n        self._precharge.open()\n",
        "        self._main.open()\n",
    ),
    (
        "one port opens for one direction alone",
        "contactors.py",
        "        if self.common:\n            charge = discharge = charge and discharge\n",
        "",
    ),
    (
        "an input at its end is a link voltage",
        "contactor.py",
        "            if reading >= _RAIL:\n",
        "            if False:\n",
    ),
    (
        "a pin that fails keeps the next coil on",
        "contactor.py",
        "        try:\n            self._coil.value(0)\n        except Exception:\n",
        "        try:\n            self._coil.value(0)\n        except ValueError:\n",
    ),
]

PRECHARGE = [
    (
        "a link that is not charged is ready",
        "precharge.py",
        "            and link_mv >= stack_mv * self._ready_permille // 1000\n",
        "",
    ),
    (
        "a link that rose at once is charged",
        "precharge.py",
        "        if passed_ms < self._too_fast_ms and gap_mv * 10 <= self._first_gap_mv:\n",
        "        if False:\n",
    ),
    (
        "a link above the pack is charged",
        "precharge.py",
        "        if self._aboves >= _LOOKS:\n",
        "        if False:\n",
    ),
    (
        "pre-charge into a short goes on",
        "precharge.py",
        "        if passed_ms >= self._no_rise_ms and gap_mv * 10 > self._first_gap_mv * 9:\n",
        "        if False:\n",
    ),
    (
        "pre-charge without end",
        "precharge.py",
        "        timed_out = passed_ms >= self._timeout_ms\n",
        "        timed_out = False\n",
    ),
    (
        "a stalled rise goes on",
        "precharge.py",
        "        return PRECHARGE_STALLED if self._stalls >= _LOOKS else RISING\n",
        "        return RISING\n",
    ),
    (
        "a load that draws is waited for by nobody",
        "precharge.py",
        "            if 0 - current_ma * 5 <= through_ma:\n",
        "            if True:\n",
    ),
]
