"""Faults that come together: one after the other, then all of them end. Both interpreters.

together.py FAULT,FAULT... FAULT,FAULT...     one JSON line for each group, in this order
"""

import gc
import json
import sys

from host_tools.campaign.case import FETS
from host_tools.campaign.rig import Rig
from vigil.switches import LATCHED

# name: the event. All of them act within a second and a half.
FAULTS = {
    "high": ("cell", 3, 3415),
    "far too high": ("cell", 3, 3470),
    "low": ("cell", 5, 3185),
    "far too low": ("cell", 5, 3130),
    "warm": ("temp", 1, 283),
    "cold": ("temp", 2, 217),
    "charging hard": ("current", 0, 60000),
    "loaded hard": ("current", 0, -60000),
    "short": ("short", 0, 0),
    "nak": ("nak", 1, 0),
    "crc": ("crc", 1, 0),
    "frozen": ("frozen", 1, 0),
    "reset": ("reset", 0, 0),
}
LATCHING = ("far too high", "far too low")
BLINDING = ("nak", "crc", "frozen", "reset")
FIRST_MS = 1500
CALM_MS = 1000
STEP_MS = 2000
# What the limits below promise: cells and sensors come back, the limits release, the hold ends,
# the front end is set up anew if it has to be.
RECOVERY_MS = 12000

# Near the working point, so that cells and sensors need not travel far.
_LIMITS = [
    [1, 3390, 3370, 300, 500],
    [2, 3400, 3370, 300, 500],
    [25, 3450, 3420, 200, 500],
    [3, 3210, 3230, 300, 500],
    [4, 3200, 3230, 300, 500],
    [26, 3150, 3180, 200, 500],
    [5, 8 * 3400, 8 * 3375, 500, 500],
    [6, 8 * 3200, 8 * 3225, 500, 500],
    [7, 50000, 40000, 300, 1000],
    [27, 90000, 80000, 40, 1000],
    [8, -50000, -40000, 300, 1000],
    [28, -90000, -80000, 40, 1000],
    [9, 280, 260, 200, 500],
    [10, 220, 240, 200, 500],
    [11, 320, 300, 200, 500],
    [12, -150, -120, 200, 500],
]


def case_of(names):
    events = [[0, "offer", 0, -5000]]
    at_ms = FIRST_MS
    for name in names:
        what, number, value = FAULTS[name]
        events.append([at_ms, what, number, value])
        at_ms += STEP_MS
    events.append([at_ms, "offer", 0, 0])
    events.append([at_ms, "clear", 0, 0])
    return {
        "seed": 1,
        "board": FETS,
        "chip": "BQ76952",
        "cells": 8,
        "temps": 2,
        "chemistry": "LFP",
        "capacity_mah": 100000,
        "shunt_uohm": 500,
        "soc_pct": 60,
        "limits": _LIMITS,
        "events": events,
        "cycles": (at_ms + RECOVERY_MS) // 50,
    }


def outcome(names):
    rig = Rig(case_of(names))
    end_ms = rig.case["events"][-1][0]
    judge = rig.run_cycles((end_ms + CALM_MS) // 50)
    for _ in range((RECOVERY_MS - CALM_MS) // CALM_MS):
        if rig.bench.true_charge and rig.bench.true_discharge:
            # What would still be wrong shows within a moment more.
            judge = rig.run_cycles(CALM_MS // 50)
            break
        judge = rig.run_cycles(CALM_MS // 50)
    return {
        "faults": names,
        "findings": judge.findings,
        "refused": rig.refused,
        "closed": [bool(rig.bench.true_charge), bool(rig.bench.true_discharge)],
        "latched": [state == LATCHED for state in rig.bms.switches.state],
        "may_latch": [watch.maybe_latched for watch in judge.switches],
    }


if __name__ == "__main__":
    for _group in sys.argv[1:]:
        print(json.dumps(outcome(_group.split(","))))
        gc.collect()
