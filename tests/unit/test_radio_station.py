"""The supervisor and its radio: a hub only when a phone comes, and none left when it ends."""

import os
import signal
import socket
from pathlib import Path

import pytest
from sim_process import SimProcess, is_alive, wait_until

from host_tools.sim import settings


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "run"


def port_of(sim):
    kind, host, port = sim.run_json()["hci"].split(":")
    assert (kind, host) == ("tcp-client", "127.0.0.1")
    return int(port)


def hubs(sim):
    me = sim.process.pid
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    return [
        int(pid) for pid in children if b"radio.hub" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def call(sim):
    """A phone that says nothing, and the hub that came for it."""
    caller = socket.create_connection(("127.0.0.1", port_of(sim)))
    sim.wait_for("radio tell")
    (hub,) = hubs(sim)
    return caller, hub


def test_without_a_phone_there_is_no_hub_and_without_bluetooth_no_port(run_dir):
    with SimProcess(run_dir, "radio") as sim:
        port_of(sim)
        assert hubs(sim) == []
        assert sim.stop()[0] == 0
    with SimProcess(run_dir) as sim:
        assert "hci" not in sim.run_json()


def test_ctrl_c_ends_the_hub_too_while_a_phone_is_there(run_dir):
    with SimProcess(run_dir, "radio") as sim:
        caller, hub = call(sim)
        with caller:
            exit_code, _, errors = sim.stop()
            assert exit_code == 0 and "Traceback" not in errors
            assert not is_alive(hub)
            caller.settimeout(10)
            try:
                assert caller.recv(1) == b""
            except ConnectionResetError:
                pass


def test_a_killed_supervisor_takes_the_hub_with_it(run_dir):
    with SimProcess(run_dir, "radio") as sim:
        caller, hub = call(sim)
        with caller:
            sim.stop(signal.SIGKILL)
            wait_until(lambda: not is_alive(hub), "the end of the hub")


def test_a_phone_forces_real_time_and_rubbish_is_shown_the_door(run_dir):
    with SimProcess(run_dir, "radio", speed="5") as sim:
        caller, hub = call(sim)
        with caller:
            sim.wait_for("client attached: real time while it stays")
            caller.sendall(os.urandom(4096))
            sim.wait_for("client gone: back to the speed asked for")
        assert is_alive(hub)
        with socket.create_connection(("127.0.0.1", port_of(sim))):
            sim.wait_for("(?s)radio tell.*radio tell")
        assert sim.stop()[0] == 0


def test_a_hub_that_dies_does_not_end_the_simulation(run_dir):
    with SimProcess(run_dir, "radio") as sim:
        caller, hub = call(sim)
        with caller:
            os.kill(hub, signal.SIGKILL)
            sim.wait_for("no phone can attach: the virtual radio has ended")
        assert sim.stop()[0] == 0


def test_without_bumble_one_sentence_says_what_to_install(run_dir, tmp_path):
    missing = tmp_path / "modules"
    missing.mkdir()
    (missing / "bumble.py").write_text("raise ModuleNotFoundError(\"No module named 'bumble'\")\n")
    with SimProcess(run_dir, "radio", modules=missing) as sim:
        with socket.create_connection(("127.0.0.1", port_of(sim))):
            sim.wait_for("no phone can attach: the package bumble is missing")
        exit_code, _, errors = sim.stop()
        assert exit_code == 0 and "Traceback" not in errors


@pytest.mark.parametrize("loss", ["-1", "100", "much"])
def test_a_loss_that_cannot_be_is_refused(loss):
    with pytest.raises(ValueError, match="--radio-loss"):
        settings.check(
            *("sim16_lfp", "rest", "1", None, "7", "50", [], ".run", "jbd", "1", False),
            radio_loss=loss,
        )
