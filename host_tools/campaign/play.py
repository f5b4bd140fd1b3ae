"""Plays cases on the board's interpreter (or CPython): one JSON line for each case.

play.py seeds FIRST COUNT CYCLES        random cases
play.py case FILE                       one case, as printed before
play.py cut SEED CYCLES                 a case with a finding, cut down to what shows it: as JSON
"""

import gc
import json
import sys

from host_tools.campaign.case import random_case
from host_tools.campaign.rig import Rig


def play(case):
    """The verdict of one case, as plain data."""
    rig = Rig(case)
    judge = rig.run()
    verdict = {
        "seed": case["seed"],
        "cycles": judge.cycles,
        "refused": rig.refused,
        "findings": judge.findings,
        "faults": rig.counts,
        "trips": judge.trips,
        "openings": judge.openings,
        "demanded": judge.demanded,
        "sleeps": judge.sleeps,
        "either": judge.either,
        "looks": sum([row.looks for row in judge.rows]),
        "band_looks": sum([row.band_looks for row in judge.rows]),
        "overruns": rig.bms.executive.overruns,
    }
    return verdict


def cut(case):
    """Leave out limits, events and time as long as the first finding stays the same."""
    first = play(case)["findings"][0]
    case["cycles"] = min(case["cycles"], first["t_ms"] // 50 + 30)
    at = len(case["events"]) - 1
    while at >= 0:
        fewer = dict(case)
        fewer["events"] = case["events"][:at] + case["events"][at + 1 :]
        gc.collect()
        if _shows(fewer, first):
            case = fewer
        at -= 1
    return case


def _shows(case, wanted):
    for found in play(case)["findings"]:
        if found["kind"] == wanted["kind"] and found["switch"] == wanted["switch"]:
            return True
    return False


def main(arguments):
    if arguments[0] == "cut":
        seed, cycles = [int(word) for word in arguments[1:3]]
        print(json.dumps(cut(random_case(seed, cycles))))
        return
    if arguments[0] == "case":
        with open(arguments[1]) as file:
            print(json.dumps(play(json.load(file))))
        return
    first, count, cycles = [int(word) for word in arguments[1:4]]
    for seed in range(first, first + count):
        print(json.dumps(play(random_case(seed, cycles))))
        gc.collect()


if __name__ == "__main__":
    main(sys.argv[1:])
