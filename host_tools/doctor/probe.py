"""Measures the board that it runs on: sent as text to its raw REPL, not stored there.

Each step tells one value, which the computer reads. Times in us. Both switches stay open: what
could close one is not run, and the front end is not told to.
"""

import binascii
import gc
import os
import sys
import time
from array import array

import machine

# On a desk the real time is brought along, for `time` there is the simulated board's.
ticks = globals().get("real_ticks") or time.ticks_us
_diff = time.ticks_diff
_PATIENCE_MS = 8000
# Groups of vigil/sample.py.
CELLS = 0
STACK = 3

bms = None
_dog = None
_clocks = {}
_brought = 0


def feed():
    """Pulled cable: the watchdog restarts the board as it was."""
    global _dog
    if _dog is None:
        try:
            _dog = machine.WDT(timeout=8000)
        except Exception:
            _dog = False
    if _dog:
        _dog.feed()


def tell(value):
    print(repr(value))


def identity():
    implementation = sys.implementation
    tell(
        {
            "interpreter": implementation.name,
            "micropython": list(implementation.version)[:3],
            "machine": str(getattr(implementation, "_machine", "")),
            "mpy": getattr(implementation, "_mpy", 0),
            "clock_hz": machine.freq(),
        }
    )


def build():
    """The firmware put together as at its start, with nothing to remember and no link."""
    global bms, _dog
    feed()
    gc.collect()
    free_before = _free()
    begun = ticks()
    import board
    from vigil import selftest
    from vigil.memory import Memory

    memory = Memory()
    hardware = board.build()
    if hardware.watchdog is not None:
        _dog = None
        # As patient as before, for the time between two steps.
        feed()
    main = __import__("main")
    bms = main.make_bms(hardware, memory)
    us = _diff(ticks(), begun)
    feed()
    refused = [list(problem) for problem in bms.problems or bms.backstop_problems()]
    failed = selftest.failures()
    del selftest
    if hasattr(main, "forget_start"):
        # What a start lets go of.
        main.forget_start()
    _hold_open()
    feed()
    gc.collect()
    tell(
        {
            "board": hardware.name,
            "us": us,
            "kernels_failed": failed,
            "refused": refused,
            "cells": bms.front_end.cell_count,
            "period_us": bms.executive.period_us,
            "free_before": free_before,
            "free_after": _free(),
        }
    )


def _hold_open():
    """Nobody may close a switch, bleed a cell, warm the pack or put the board to sleep.

    Only public names: a build may have shortened the others.
    """
    from vigil.cycle import Executive, SlowTask

    front_end = bms.front_end
    really = front_end.set_switches

    def never(charge, discharge):
        really(False, False)

    front_end.set_switches = never
    front_end.all_off()
    tasks = [
        SlowTask(bms.bring_up, 500),
        SlowTask(bms.early_warning.step, 1000),
        SlowTask(bms.charge_guard.step, 1000),
        SlowTask(bms.table_guard.step, 1000),
        SlowTask(bms.backstop_watch.step, 1000),
    ]
    # No links, no other tasks; and no watchdog: overruns are to be counted, not to end the test.
    bms.executive = Executive(_cycle, bms.executive.period_us, [], tasks)


def _cycle(now_ms):
    # Looked up each time: a stopwatch may have taken its place.
    return bms.cycle(now_ms)


def bring_up():
    """Set the front end up, read it back, and wait until everything has been measured."""
    front_end = bms.front_end
    bms.sample.start(time.ticks_ms())
    bms.executive.start()
    begun_ms = time.ticks_ms()
    complete_ms = -1
    while complete_ms < 0 and _diff(time.ticks_ms(), begun_ms) < _PATIENCE_MS:
        feed()
        bms.executive.turn()
        if front_end.configured and bms.sample.complete():
            complete_ms = _diff(time.ticks_ms(), begun_ms)
    verified = False
    error = bms.last_error
    if front_end.configured:
        try:
            for _ in front_end.verify():
                feed()
            verified = True
        except Exception as why:
            error = getattr(why, "code", error)
    tell(
        {
            "configured": front_end.configured,
            "complete_ms": complete_ms,
            "tries": bms.bring_ups,
            "verified": verified,
            "error": error,
            "applied": [list(applied) for applied in front_end.applied],
            "capabilities": front_end.capabilities(),
        }
    )


def sample():
    """What is measured, and which limits it has tripped."""
    made, protection = bms.sample, bms.protection
    values = made.values
    temps, board = made.temps_at, made.board_at
    tell(
        {
            "cells_mv": list(values[: made.cell_count]),
            "temps_dc": list(values[temps : temps + made.temp_count]),
            "board_dc": list(values[board : board + made.board_temp_count]),
            "stack_mv": values[made.stack_at],
            "current_ma": values[made.current_at],
            "switches": [bms.front_end.charge_is_on, bms.front_end.discharge_is_on],
            "rows": protection.row_count,
            "tripped": [
                [at, protection.trip_at[at], protection.trip_value[at], bms.table.trip[at]]
                for at in range(protection.row_count)
                if protection.is_tripped(at)
            ],
        }
    )


# The cycle.


class Stopwatch:
    """Times owner.name() from now on; `mark(stopwatch)` says which kind a call was."""

    def __init__(self, owner, name, kind=None):
        self.spent = {}
        self._owner = owner
        self._name = name
        self._work = getattr(owner, name)
        work = self._work
        kind = kind or _plain

        def timed(*arguments):
            before = kind(None)
            begun = ticks()
            try:
                return work(*arguments)
            finally:
                us = _diff(ticks(), begun)
                spent = self.spent
                key = kind(before)
                if key not in spent:
                    spent[key] = [0, 0, 0]
                entry = spent[key]
                entry[0] += 1
                entry[1] += us
                entry[2] = max(entry[2], us)

        setattr(owner, name, timed)

    def stop(self):
        setattr(self._owner, self._name, self._work)


def _plain(before):
    return 0


def _news(before):
    """Whether new cells (1) and a new slow scan (2) came with this reading."""
    global _brought
    now = bms.sample.sequence(CELLS), bms.sample.sequence(STACK)
    if before is None:
        return now
    _brought = (1 if now[0] != before[0] else 0) + (2 if now[1] != before[1] else 0)
    return _brought


def _as_read(before):
    """What the reading before has brought."""
    return _brought


class _Idle:
    def work(self):
        pass


def clock_cycles():
    _clocks["cycle"] = Stopwatch(bms, "cycle")


def clock_parts():
    """The parts of the cycle, without the cycle as a whole: stopwatches take time too."""
    _stop()
    _clocks.clear()
    front_end = bms.front_end
    for name, owner, verb, kind in (
        ("read", front_end, "read", _news),
        ("judge", bms.protection, "judge", _as_read),
        ("act", bms.switches, "act", None),
        ("plausibility", bms.plausibility, "look", _as_read),
        ("panel", bms.panel, "look", None),
        ("charge guard", bms.charge_guard, "look", None),
    ):
        _clocks[name] = Stopwatch(owner, verb, kind)


def _stop():
    for name in _clocks:
        _clocks[name].stop()


def run(ms):
    """The executive for so long; what its stopwatches have seen altogether, and the counters."""
    executive = bms.executive
    executive.worst_period_us = 0
    executive.cycles = 0
    executive.overruns = 0
    executive.start()
    begun_ms = time.ticks_ms()
    while _diff(time.ticks_ms(), begun_ms) < ms:
        feed()
        executive.turn()
    tell(
        {
            "cycles": executive.cycles,
            "overruns": executive.overruns,
            "worst_period_us": executive.worst_period_us,
            "read_errors": bms.read_errors,
            "last_error": bms.last_error,
            "stopwatches": {name: _clocks[name].spent for name in _clocks},
        }
    )


def counters():
    """{bus: [retries, check errors, no answers]}, wherever the front end's parts keep them."""
    found = []
    _find_buses(bms.front_end, found, 3)
    told = {}
    for bus in found:
        name = type(bus).__name__
        if name in told:
            name += " %d" % (len(told) + 1)
        told[name] = [bus.retries, bus.check_errors, bus.no_answers]
    tell(told)


def _find_buses(owner, found, depth):
    for name in dir(owner):
        if name.startswith("__"):
            continue
        part = getattr(owner, name)
        if hasattr(part, "check_errors") and hasattr(part, "retries"):
            if part not in found:
                found.append(part)
        elif depth and hasattr(part, "configured") and part is not owner:
            _find_buses(part, found, depth - 1)


# What can be timed alone.


def buffer(kind, text):
    """kind: of an array, or "raw"."""
    data = binascii.a2b_base64(text)
    return bytearray(data) if kind == "raw" else array(kind, data)


def kernel(name, arguments, times):
    """ns of a call; what it changes is put back before each one, and that is not timed."""
    from vigil import kernels

    feed()
    names = "abcdeghijk"[: len(arguments)]
    saved = [argument if isinstance(argument, int) else argument[:] for argument in arguments]
    loads = ", ".join(names)
    restore = "".join(
        "  {0}[:] = _{0}\n".format(letter)
        for letter, argument in zip(names, arguments)
        if not isinstance(argument, int)
    )
    took = []
    for call in ("f; " + "; ".join(names), "f(" + loads + ")"):
        text = "def trial(f, times, ticks, {}, {}):\n begun = ticks()\n for at in range(times):\n"
        text = text.format(loads, ", ".join("_" + letter for letter in names)) + restore
        text += "  " + call + "\n return begun, ticks()\n"
        space = {}
        exec(text, space)
        trial = space["trial"]
        trial(getattr(kernels, name), 1, ticks, *arguments, *saved)
        gc.collect()
        begun, ended = trial(getattr(kernels, name), times, ticks, *arguments, *saved)
        took.append(_diff(ended, begun))
    tell((took[1] - took[0]) * 1000 // times)


def known_kernels():
    from vigil import kernels

    names = [name for name in dir(kernels) if name[0] != "_" and name != "const"]
    tell(sorted(name for name in names if callable(getattr(kernels, name))))


def alone(times):
    """[times, us, worst us] of what does not happen in every cycle, and of a stopwatch itself."""
    counter = bms.counter
    found = {}
    for name, owner, verb, arguments in (
        ("gc.collect", gc, None, ()),
        ("count charge", counter, "count", (-20000, 50)),
        ("stopwatch", _Idle(), "work", ()),
    ):
        call = gc.collect if verb is None else getattr(owner, verb)
        total = worst = 0
        for _ in range(times):
            feed()
            begun = ticks()
            call(*arguments)
            us = _diff(ticks(), begun)
            total += us
            worst = max(worst, us)
        found[name] = [times, total, worst]
    tell(found)


# Heap and flash.


def heap():
    feed()
    gc.collect()
    free = _free()
    if free is None:
        return tell(None)
    smallest, largest = 0, 1 << 24
    while largest - smallest > 64:
        middle = (smallest + largest) // 2
        feed()
        try:
            bytearray(middle)
            smallest = middle
        except MemoryError:
            largest = middle
        gc.collect()
    tell({"free": free, "used": gc.mem_alloc(), "largest_block": smallest})


def _free():
    return gc.mem_free() if hasattr(gc, "mem_free") else None


def flash(times, size):
    """[times, us, worst us] of writing a small file anew, as the journal is written."""
    path = "/doctor.tmp"
    record = bytearray(size)
    total = worst = 0
    for _ in range(times):
        feed()
        begun = ticks()
        with open(path, "wb") as file:
            file.write(record)
        us = _diff(ticks(), begun)
        total += us
        worst = max(worst, us)
    os.remove(path)
    tell([times, total, worst])


feed()
