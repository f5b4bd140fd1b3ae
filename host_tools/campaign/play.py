"""Plays cases on the board's interpreter (or CPython): one JSON line for each case.

play.py seeds FIRST COUNT CYCLES        random cases
play.py case FILE                       one case, as printed before
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
        "either": judge.either,
        "looks": sum([row.looks for row in judge.rows]),
        "band_looks": sum([row.band_looks for row in judge.rows]),
        "overruns": rig.bms.executive.overruns,
    }
    return verdict


def main(arguments):
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
