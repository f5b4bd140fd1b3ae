"""The fault campaign: the firmware passes it; one that is broken on purpose does not."""

import pytest

from host_tools.campaign.__main__ import CASE_CYCLES, campaign
from host_tools.mutants.tree import Tree

LIB = "firmware/lib/vigil/"
# Cases from this seed on are judged in every test run.
SEED = 1
BROKEN_SEED = 6


def test_no_limit_is_missed_late_or_false_in_random_packs_with_random_faults():
    result = campaign(SEED, cycles=23 * CASE_CYCLES, kernel=0, jobs=1)
    assert result["findings"] == []
    assert result["cycles"] >= 20_000
    assert result["overruns"] == 0
    # A campaign in which nothing happens would prove nothing, ...
    assert result["refused"] <= 1
    assert result["openings"] >= 60
    assert len(result["trips"]) >= 10
    assert len(result["faults"]) >= 11
    # ... nor would a judge that takes every answer.
    assert result["band_looks"] < 0.02 * result["looks"]
    assert result["either"] < 0.6 * 2 * result["cycles"]


def test_kernel_and_oracle_agree_two_hundred_thousand_times():
    result = campaign(SEED, cycles=0, kernel=200_000, jobs=1)
    assert result["kernel_failures"] == []
    assert result["kernel_evaluations"] >= 200_000
    assert result["kernel_trips"] >= 100_000


def test_the_same_seed_gives_the_same_counts():
    first, again = [campaign(7, cycles=CASE_CYCLES, kernel=1000, jobs=1) for _ in range(2)]
    assert first == again


BROKEN = (
    (
        "a row out of reach",
        "protect.py",
        "        self._rows = table.compile()\n",
        "        self._rows = table.compile()\n"
        "        at = limits.position(limits.DISCHARGE_OVER_CURRENT) * limits.ROW_WORDS\n"
        "        self._rows[at + 1] = self._rows[at + 4] = 1 << 27\n",
    ),
    (
        "delays doubled",
        "limits.py",
        "                self.trip_delay_ms[at],\n",
        "                2 * self.trip_delay_ms[at],\n",
    ),
    (
        "old values that pass for new",
        "sample.py",
        "        words[SILENCE_WORD] = (now_ms - self._answered_ms) & _TICKS\n",
        "        for group in range(GROUPS):\n"
        "            words[GROUPS_AT + group * GROUP_WORDS + _STAMP] = now_ms\n"
        "        words[SILENCE_WORD] = 0\n",
    ),
    (
        "a current of the wrong sign",
        "afe/bq76952.py",
        "((data[0] | data[1] << 8) ^ 0x8000) - 0x8000)",
        "0x8000 - ((data[0] | data[1] << 8) ^ 0x8000))",
    ),
    (
        "a switch command that is dropped",
        "switches.py",
        "            front_end.set_switches(charge, discharge)\n",
        "            if self._commanded != 3:\n"
        "                front_end.set_switches(charge, discharge)\n",
    ),
    (
        "a release without its delay",
        "limits.py",
        "                self.release_delay_ms[at],\n",
        "                0,\n",
    ),
)


@pytest.mark.parametrize("name, file, old, new", BROKEN, ids=[broken[0] for broken in BROKEN])
def test_within_four_and_a_half_thousand_cycles_the_judge_finds(name, file, old, new, tmp_path):
    tree = Tree(tmp_path)
    tree.break_it(LIB + file, old, new)
    result = campaign(BROKEN_SEED, cycles=5 * CASE_CYCLES, kernel=0, jobs=1, root=tree.root)
    assert result["findings"], name
