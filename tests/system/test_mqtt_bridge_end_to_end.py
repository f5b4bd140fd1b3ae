"""`vigil bridge mqtt` as a user starts it, between a whole simulator and a broker."""

import json
import signal
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit"))
import broker  # noqa: E402
import home_assistant  # noqa: E402

from tests.system.simulator import ROOT, VIGIL, running_simulator


def test_two_simulated_packs_are_shown_commanded_and_say_goodbye(tmp_path):
    with (
        broker.running() as mosquitto,
        broker.Onlooker(mosquitto.port) as onlooker,
        running_simulator("--seed", 3, "--soc", 60, "--nodes", 2) as simulator,
    ):
        keys = json.loads(simulator.run_json.read_text())["nodes"][0]["keys"]
        (tmp_path / "owner.key").write_text(keys["owner"])
        bridge = subprocess.Popen(
            [
                *(VIGIL, "bridge", "mqtt", "--broker", f"localhost:{mosquitto.port}"),
                *("--run-dir", simulator.run_dir, "--interval", "0.5"),
                *("--key-file", tmp_path / "owner.key"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            onlooker.until(lambda: len(_configs(onlooker)) == 2)
            for topic in _configs(onlooker):
                home_assistant.check(topic, onlooker.json(topic))
            states = [_state_topic(onlooker, topic) for topic in _configs(onlooker)]
            onlooker.until(lambda: all(_is(onlooker, each, "discharge", "ON") for each in states))
            commanded, other = sorted(
                states, key=lambda topic: "charge_allowed" not in _components(onlooker, topic)
            )
            allowed = _components(onlooker, commanded)["discharge_allowed"]["command_topic"]
            onlooker.say(allowed, "OFF")
            onlooker.until(lambda: _is(onlooker, commanded, "discharge", "OFF"))
            assert _is(onlooker, other, "discharge", "ON")
            onlooker.say(allowed, "ON")
            onlooker.until(lambda: _is(onlooker, commanded, "discharge", "ON"))
            assert len(onlooker.json(commanded.replace("/state", "/cells"))) >= 16
            bridge.send_signal(signal.SIGINT)
            said, _ = bridge.communicate(timeout=20)
        finally:
            bridge.kill()
            bridge.wait(10)
        onlooker.until(
            lambda: (
                {
                    payload
                    for topic, payload in onlooker.latest.items()
                    if topic.endswith("/availability")
                }
                == {b"offline"}
            )
        )
        assert bridge.returncode == 0, said
        assert "Traceback" not in said and "discharge_allowed OFF: done" in said
        assert simulator.records()[-1]["overruns"] == 0


def _configs(onlooker):
    return [topic for topic in onlooker.latest if topic.endswith("/config")]


def _state_topic(onlooker, topic):
    return onlooker.json(topic)["components"]["soc"]["state_topic"]


def _components(onlooker, state_topic):
    own = state_topic.split("/")[1]
    return onlooker.json(f"homeassistant/device/{own}/config")["components"]


def _is(onlooker, topic, key, value):
    state = onlooker.json(topic)
    return state is not None and state[key] == value
