"""A pack of given size and chemistry drives: prints one line of what a drive cycle did to it.

Arguments: cells, chemistry, csv with time_s and crate_x1000, seconds, chip; then, if wanted,
charge at the start in % and temperature of the cells in degC.
"""

import json
import sys
from array import array

from desk import Desk

from host_tools.mock.profile import Profile
from vigil import limits

_CAPACITY_MAH = 20000
# Switches and short circuit of an LTO pack need a smaller shunt for the chip's thresholds.
_SHUNT_UOHM = 500
# The family with a cycle of 250 ms: thermistors, and how long it is until both switches are on.
_SLOW_CHIPS = {"BQ76920": 1, "BQ76930": 2, "BQ76940": 3}
_QUICK_CHIPS = ("LTC6813", "ADBMS1818")
_SLOW_START_MS = 12000


class SlowDesk(Desk):
    BOARD = "sim15_bq76940"

    def __init__(self, **options):
        options["TEMPS"] = _SLOW_CHIPS[options["CHIP"]]
        super().__init__(settle=False, **options)
        self.run_until(self.both_on, _SLOW_START_MS)


class QuickDesk(Desk):
    BOARD = "pico_ltc6813_contactors"


def profile_from(path, seconds):
    """Pairs of ms and millionths of the capacity an hour."""
    pairs = array("i")
    with open(path) as file:
        names = file.readline().strip().split(",")
        time_at, value_at = names.index("time_s"), names.index("crate_x1000")
        for line in file:
            words = line.split(",")
            if int(words[time_at]) > seconds:
                break
            pairs.append(int(words[time_at]) * 1000)
            pairs.append(int(float(words[value_at]) * 1000))
    return pairs


def drive(cells, chemistry, path, seconds, chip, soc_pct=60, temp_c=25):
    kind = SlowDesk if chip in _SLOW_CHIPS else QuickDesk if chip in _QUICK_CHIPS else Desk
    desk = kind(
        soc_pct=soc_pct,
        CHIP=chip,
        CELLS=cells,
        CHEMISTRY=chemistry,
        CAPACITY_MAH=_CAPACITY_MAH,
        SHUNT_UOHM=_SHUNT_UOHM,
    )
    bench = desk.bench
    if temp_c != 25:
        bench.set_temp_dc(0, 10 * temp_c)
        desk.run_ms(30000)
    Profile(bench, profile_from(path, seconds), _CAPACITY_MAH / 1000000)
    tripped = []
    off_ms = 0
    currents = set()
    stack_error_mv = 0
    for _ in range(seconds * 20):
        desk.run_ms(50)
        for row_id in desk.tripped():
            if row_id not in tripped:
                tripped.append(row_id)
        if not desk.both_on():
            off_ms += 50
        sample = desk.bms.sample
        currents.add(sample.values[sample.current_at])
        error_mv = abs(sample.values[sample.stack_at] - bench.stack_mv)
        stack_error_mv = max(stack_error_mv, error_mv)
    executive = desk.bms.executive
    return {
        "chip": desk.bms.front_end.capabilities()["chip"],
        "cells": desk.bms.sample.cell_count,
        "rows": len(limits.TABLE),
        "tripped": tripped,
        "off_ms": off_ms,
        "problems": desk.bms.problems,
        "overruns": executive.overruns,
        "currents": len(currents),
        "lowest_ma": min(currents),
        "highest_ma": max(currents),
        "stack_error_mv": stack_error_mv,
    }


if __name__ == "__main__":
    _cells, _chemistry, _path, _seconds, _chip = sys.argv[1:6]
    _more = [int(word) for word in sys.argv[6:]]
    print(json.dumps(drive(int(_cells), _chemistry, _path, int(_seconds), _chip, *_more)))
