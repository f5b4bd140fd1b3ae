"""Two and three faults in every order, over the real driver and chip: what remains of them.

Whatever came when: nothing else than a dangerous cell leaves a switch open, and that always does,
unless the front end could not be read while it lasted.
"""

import itertools
import json
import random

import pytest

from tests.interpreter import ROOT, run_micropython

SCRIPT = ROOT / "host_tools" / "campaign" / "together.py"
NAMES = (
    "high",
    "far too high",
    "low",
    "far too low",
    "warm",
    "cold",
    "charging hard",
    "loaded hard",
    "short",
    "nak",
    "crc",
    "frozen",
    "reset",
)
DANGEROUS = {"far too high", "far too low"}
BLINDING = {"nak", "crc", "frozen", "reset"}
PAIRS = list(itertools.permutations(NAMES, 2))


def outcomes(groups):
    """In slices, so that no process runs for long."""
    told = []
    for at in range(0, len(groups), 40):
        words = [",".join(group) for group in groups[at : at + 40]]
        ended = run_micropython(SCRIPT, *words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told += [json.loads(line) for line in ended.stdout.splitlines()]
    assert [tuple(outcome["faults"]) for outcome in told] == [tuple(group) for group in groups]
    return told


def must_latch(faults):
    """A dangerous cell that could be read for its two seconds."""
    blind = False
    for fault in faults:
        if fault in DANGEROUS and not blind:
            return True
        blind = blind or fault in BLINDING
    return False


def check(outcome):
    faults = outcome["faults"]
    assert outcome["findings"] == [], faults
    if must_latch(faults):
        assert outcome["latched"] == [True, True], faults
    if outcome["latched"] == [False, False]:
        assert outcome["closed"] == [True, True], faults
    else:
        assert DANGEROUS & set(faults), faults
        assert outcome["latched"] == [True, True], faults
        assert outcome["closed"] == [False, False], faults


@pytest.mark.parametrize("first", NAMES)
def test_after_two_faults_in_this_order_only_what_is_dangerous_stays_open(first):
    for outcome in outcomes([pair for pair in PAIRS if pair[0] == first]):
        check(outcome)


def test_after_three_faults_in_any_order_only_what_is_dangerous_stays_open():
    every = list(itertools.permutations(NAMES, 3))
    for outcome in outcomes(random.Random(11).sample(every, 40)):
        check(outcome)


def test_an_over_voltage_a_silent_bus_a_reset_and_all_clear_leave_a_pack_that_works():
    for outcome in outcomes([("high", "nak", "reset"), ("high", "short", "nak", "warm", "low")]):
        check(outcome)
        assert outcome["closed"] == [True, True]
