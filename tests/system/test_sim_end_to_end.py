"""The whole simulator from the command line: a drive cycle, faults, the same seed twice."""

import json

import pytest

from tests.system.simulator import constant_profile, drive_cycle, records, run

SETTLED_S = 5


@pytest.fixture
def charging(tmp_path):
    return constant_profile(tmp_path, 20000)


@pytest.fixture
def loaded(tmp_path):
    return constant_profile(tmp_path, -20000)


def at(seen, t_s):
    return seen[t_s - 1]


def first_second(seen, condition):
    return next(record["t_s"] for record in seen if condition(record))


def test_a_minute_of_udds_runs_without_fault_or_overrun():
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project are not there")
    seen = records("--duration", 60, "--profile", profile)
    assert [record["t_s"] for record in seen] == list(range(1, 61))
    for record in seen[SETTLED_S - 1 :]:
        assert record["faults"] == []
        assert record["charge_on"] and record["discharge_on"]
        assert record["true_charge_on"] and record["true_discharge_on"]
        assert abs(record["stack_mv"] - sum(record["cells_mv"])) < 0.01 * record["stack_mv"]
        assert record["overruns"] == 0
    assert len({record["current_ma"] for record in seen}) > 10


def test_the_default_day_of_a_solar_home_starts_without_fault():
    seen = records("--duration", 120)
    assert all(record["faults"] == [] for record in seen[SETTLED_S - 1 :])


def test_keys_and_their_order_are_as_documented():
    done = run("--duration", 1, "--speed", "max", "--json")
    assert list(json.loads(done.stdout)) == [
        "t_s",
        "cells_mv",
        "temps_dc",
        "stack_mv",
        "current_ma",
        "soc_pct",
        "soc_sigma_pct",
        "charge_on",
        "discharge_on",
        "true_charge_on",
        "true_discharge_on",
        "faults",
        "warnings",
        "balancing",
        "cycle_us_max",
        "overruns",
        "charge_limit_ma",
        "heater_on",
        "fan_on",
        "sleeping_in_s",
        "asleep",
        "to_move_mah",
    ]


def test_over_voltage_of_one_cell_opens_charge_only_and_says_so(charging):
    seen = records(
        "--duration", 40, "--profile", charging, "--fault", "t=20 cell 5 mv 3720", "--seed", 3
    )
    assert all(record["charge_on"] for record in seen[SETTLED_S - 1 : 20])
    opened = first_second(seen[SETTLED_S:], lambda record: not record["charge_on"])
    crossed = first_second(seen[20:], lambda record: record["cells_mv"][4] > 3650)
    # The delay is one second after the crossing, which lies up to a second before its record.
    assert crossed <= opened <= crossed + 2
    late = at(seen, 40)
    assert not late["true_charge_on"] and late["discharge_on"] and late["true_discharge_on"]
    assert late["current_ma"] == pytest.approx(0, abs=50)
    (sentence,) = [text for text in late["faults"] if "ell 5" in text]
    for part in ("3.650", "1.0 s", "charge"):
        assert part in sentence


def test_under_voltage_of_one_cell_opens_discharge_only_and_says_so(loaded):
    seen = records("--duration", 40, "--profile", loaded, "--fault", "t=20 cell 1 mv 2400")
    opened = first_second(seen[SETTLED_S:], lambda record: not record["discharge_on"])
    crossed = first_second(seen[20:], lambda record: record["cells_mv"][0] < 2500)
    assert crossed + 1 <= opened <= crossed + 3
    late = at(seen, 40)
    assert not late["true_discharge_on"] and late["charge_on"] and late["true_charge_on"]
    (sentence,) = [text for text in late["faults"] if "ell 1 " in text]
    for part in ("2.500", "2.0 s", "discharge"):
        assert part in sentence


@pytest.mark.parametrize("fault", ["afe frozen", "afe nak", "afe crc"])
def test_a_front_end_that_fails_opens_both_switches_for_real(loaded, fault):
    seen = records("--duration", 30, "--profile", loaded, "--fault", f"t=20 {fault}")
    assert at(seen, 20)["true_charge_on"] or at(seen, 20)["true_discharge_on"]
    for record in seen[20:]:
        assert not record["charge_on"] and not record["discharge_on"]
        assert not record["true_charge_on"] and not record["true_discharge_on"]
        assert record["faults"]


@pytest.mark.parametrize("fault", ["afe frozen", "afe nak", "afe crc"])
def test_a_front_end_that_comes_back_is_used_again_by_itself(loaded, fault):
    seen = records(
        "--duration", 40, "--profile", loaded, "--fault", f"t=15 {fault}", "--fault", "t=20 clear"
    )
    assert not at(seen, 19)["true_discharge_on"]
    late = at(seen, 40)
    assert late["faults"] == [] and late["true_charge_on"] and late["true_discharge_on"]


def test_a_front_end_that_loses_its_configuration_is_configured_again(loaded):
    seen = records("--duration", 40, "--profile", loaded, "--fault", "t=20 afe reset")
    assert any(record["faults"] for record in seen[19:25])
    late = at(seen, 40)
    assert late["faults"] == [] and late["true_charge_on"] and late["true_discharge_on"]
    assert late["overruns"] == 0


def test_a_front_end_that_never_answers_keeps_switches_open_until_it_does(loaded):
    seen = records(
        "--duration", 20, "--profile", loaded, "--fault", "t=0 afe nak", "--fault", "t=10 clear"
    )
    for record in seen[:9]:
        assert not record["true_charge_on"] and not record["true_discharge_on"]
        assert record["faults"]
    assert at(seen, 20)["true_discharge_on"] and at(seen, 20)["faults"] == []


def test_hot_and_cold_cells_open_what_they_must(charging):
    cold = records("--duration", 60, "--profile", charging, "--fault", "t=10 temp 2 c -5")
    assert at(cold, 60)["discharge_on"] and not at(cold, 60)["true_charge_on"]
    hot = records("--duration", 60, "--profile", charging, "--fault", "t=10 temp all c 70")
    assert not at(hot, 60)["true_discharge_on"] and not at(hot, 60)["true_charge_on"]


def test_over_current_of_charger_and_load_open_their_switch(charging):
    seen = records("--duration", 20, "--profile", charging, "--fault", "t=10 current a 65")
    assert not at(seen, 20)["true_charge_on"] and at(seen, 20)["discharge_on"]
    seen = records("--duration", 30, "--profile", charging, "--fault", "t=10 current a -125")
    assert not at(seen, 30)["true_discharge_on"] and at(seen, 30)["charge_on"]


def test_a_short_circuit_is_ended_by_the_chip_and_noticed(loaded):
    seen = records("--duration", 15, "--profile", loaded, "--fault", "t=10 short")
    assert not at(seen, 12)["true_discharge_on"]
    assert any("hort" in text for text in at(seen, 12)["faults"])


def test_high_cells_are_balanced_near_the_top(charging):
    seen = records(
        "--duration", 60, "--profile", charging, "--soc", 60, "--fault", "t=10 cell 7 mv 3450"
    )
    assert [7] in [record["balancing"] for record in seen]


@pytest.mark.parametrize("arguments", [[], ["--seed", "7", "--fault", "t=5 cell 2 mv 3700"]])
def test_the_same_seed_gives_the_same_bytes(arguments):
    runs = [run("--duration", 20, "--speed", "max", "--json", *arguments) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    other = run("--duration", 20, "--speed", "max", "--json", "--seed", 99)
    assert other.stdout != runs[0].stdout


def test_charge_is_counted(charging):
    seen = records("--duration", 120, "--profile", charging, "--soc", 50)
    # 20 A for 115 s or so of 100 Ah.
    assert at(seen, 120)["soc_pct"] - at(seen, 3)["soc_pct"] == pytest.approx(0.65, abs=0.15)
