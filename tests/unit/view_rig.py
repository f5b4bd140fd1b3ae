"""A battery as the live view sees it, without any process."""

from host_tools.sim.pace import Pace
from host_tools.sim.view.latest import Latest

ROWS = [
    [1, 3600, 3500, 1000, 2000, 4],
    [2, 3650, 3450, 1000, 5000, 1, 0, 1],
    [3, 2800, 2900, 2000, 2000, 4],
    [4, 2500, 3000, 2000, 10000, 2, 0, 2],
    [7, 60000, 54000, 2000, 30000, 1, 1, 3],
    [9, 550, 500, 2000, 5000, 1, 0, 6],
    [23, 0, 0, 0, 1000, 1],
]
BACKSTOP = {
    "configured": True,
    "bring_ups": 1,
    "verified_s": 71,
    "differences": 0,
    "applied": [
        [1, 3694, 1500],
        [2, 2479, 2750],
        [3, 76000, 425],
        [4, -126000, 13000],
        [4, -152000, 425],
        [5, -350000, 135],
    ],
    # The currents are another part's.
    "limits_verified_s": [71, 71, 80, 80, 80, 80],
}


def record(cells=16, **changes):
    known = {
        "t_s": 83,
        "cells_mv": [3290 + n for n in range(cells)],
        "temps_dc": [251, 252, 253],
        "stack_mv": 52660,
        "current_ma": -1500,
        "soc_pct": 39.9,
        "soc_sigma_pct": 1.5,
        "charge_on": True,
        "discharge_on": True,
        "true_charge_on": True,
        "true_discharge_on": True,
        "active": [],
        "state": [1, 1, 0, 0],
        "opening_in_ms": [-1, -1],
        "balancing": [],
        "cycle_us_max": 4100,
        "overruns": 0,
        "worst_period_us": 50100,
    }
    return dict(known, **changes)


def over_voltage(**changes):
    """Cell 5 has opened the charge switch."""
    cells_mv = [3290 + n for n in range(16)]
    cells_mv[4] = 3720
    return record(
        cells_mv=cells_mv,
        active=[[1, 5, 3720, 3720], [2, 5, 3720, 3720], [23, 0, 1, 1]],
        state=[2, 1, 2, 0],
        charge_on=False,
        true_charge_on=False,
        balancing=[5],
        **changes,
    )


def latest(*records, cells=16, rows=ROWS):
    ready = {
        "board": "sim16_lfp",
        "cells": cells,
        "temps": 3,
        "capacity_mah": 100000,
        "chemistry": "LFP",
        "schema": 0,
        "rows": rows,
    }
    battery = Latest(1, 7, ready, "/dev/pts/3")
    battery.backstop = BACKSTOP
    for one in records:
        battery.take(one)
    return battery


def pace(speed=1, paused=False):
    result = Pace(speed)
    result.paused = paused
    return result


def text(lines):
    return "\n".join(line.plain for line in lines)
