"""Runs the version that boot.py has found; its start counts until it is confirmed."""

import sys
import time

import machine

import slots

PATIENCE_MS = 8000  # near the most that an RP2040 has


def run():
    folder = "/" + slots.begin()
    if sys.path[0] != folder:
        sys.path.insert(0, folder)
        sys.modules.pop("board", None)
    on_trial = slots.on_trial()
    if on_trial:
        # A version that hangs before it has started a watchdog is to fall back as well.
        slots.watch(machine.WDT(timeout=PATIENCE_MS))
    # Not this file, which runs as __main__: the one of the version.
    version = __import__("main")
    if on_trial:
        version.trial = slots
    version.run()


try:
    run()
except Exception as _error:
    sys.print_exception(_error)
if slots.on_trial():
    # It ended: before a watchdog runs nothing else would try again, or fall back.
    time.sleep(1)
    machine.reset()
