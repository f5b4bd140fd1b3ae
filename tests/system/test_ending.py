"""However it ends, the simulator leaves no process, no run.json and no link behind."""

import json
import os
import signal

import pytest

from tests.system.simulator import is_alive, running_simulator, wait_for


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_cleanly(signal_number):
    with running_simulator() as simulator:
        wait_for(simulator.records)
        nodes = children(simulator.process.pid)
        assert nodes
        assert simulator.stop(signal_number) == 0
        wait_for(lambda: not any(is_alive(node) for node in nodes))
        left = [path.name for path in simulator.run_dir.iterdir()]
        assert left == []


def test_a_killed_supervisor_takes_its_node_with_it():
    with running_simulator("--speed", 5) as simulator:
        wait_for(simulator.records)
        nodes = children(simulator.process.pid)
        simulator.stop(signal.SIGKILL)
        wait_for(lambda: not any(is_alive(node) for node in nodes))
        # The next start is not held up by what was left.
        assert json.loads(simulator.run_json.read_text())["pid"] == simulator.process.pid


def test_a_node_that_dies_ends_the_simulator_with_one_line():
    with running_simulator() as simulator:
        wait_for(simulator.records)
        (node,) = children(simulator.process.pid)
        os.kill(node, signal.SIGKILL)
        assert simulator.process.wait(10) == 1
        assert not simulator.run_json.exists()
