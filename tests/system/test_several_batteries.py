"""Several simulated batteries at once: `vigil sim --nodes N`."""

import json

from tests.system.simulator import run


def test_of_several_batteries_every_second_comes_out_once_for_each_in_order():
    done = run("--nodes", 3, "--duration", 6, "--speed", "max", "--json")
    assert done.returncode == 0
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(record["t_s"], record["node"]) for record in seen] == [
        (t_s, node) for t_s in range(1, 7) for node in (1, 2, 3)
    ]
    assert all(list(record)[0] == "node" for record in seen)
    last = [record["cells_mv"] for record in seen[-3:]]
    assert last[0] != last[1] != last[2]


def test_each_battery_is_the_one_that_its_own_seed_would_give():
    both = run("--nodes", 2, "--duration", 6, "--speed", "max", "--json", "--profile", "rest")
    alone = run("--seed", 2, "--duration", 6, "--speed", "max", "--json", "--profile", "rest")
    second = [json.loads(line) for line in both.stdout.splitlines()][1::2]
    for record in second:
        assert record.pop("node") == 2
    assert second == [json.loads(line) for line in alone.stdout.splitlines()]


def test_the_same_seed_gives_the_same_bytes_of_several_batteries_too():
    arguments = ["--nodes", 2, "--duration", 10, "--speed", "max", "--json"]
    arguments += ["--fault", "t=4 node 2 cell 3 mv 3700"]
    first, second = run(*arguments), run(*arguments)
    assert first.stdout == second.stdout != ""
    late = [json.loads(line) for line in first.stdout.splitlines()][-2:]
    assert late[0]["faults"] == [] and "Cell 3 over-voltage" in late[1]["faults"][0]
