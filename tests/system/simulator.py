"""Start `vigil sim` as a user would, and read what it says."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
VIGIL = str(Path(sys.executable).parent / "vigil")


def drive_cycle(name):
    """A recorded drive cycle of the test data beside the project; None where it is not there."""
    path = ROOT.parent / "shared" / "data" / "drive_cycles" / name
    return path if path.exists() else None


def constant_profile(folder, current_ma):
    """A profile of one current for ever."""
    path = Path(folder) / "constant.csv"
    path.write_text(f"time_s,current_ma\n0,{current_ma}\n60,{current_ma}\n")
    return path


def run(*arguments, timeout_s=120):
    """Run to the end in a run directory of its own; returns the finished process."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [VIGIL, "sim", "--run-dir", folder + "/run", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )


def records(*arguments, timeout_s=120):
    """The records of a run at full speed, one dict a virtual second."""
    done = run("--speed", "max", "--json", *arguments, timeout_s=timeout_s)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class RunningSimulator:
    def __init__(self, process, folder):
        self.process = process
        self.run_dir = folder / "run"
        self.run_json = self.run_dir / "run.json"
        self._said = folder / "stdout"

    @property
    def rs485(self):
        """Path of the pty that a client opens."""
        return json.loads(self.run_json.read_text())["rs485"]

    def records(self):
        """The complete records so far."""
        return [
            json.loads(line)
            for line in self._said.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def soc_pct(self, truth_pct):
        """What the firmware says of its charge, as soon as it does; within two of its sigmas."""
        wait_for(lambda: any(record["soc_pct"] is not None for record in self.records()))
        latest = self.records()[-1]
        assert abs(latest["soc_pct"] - truth_pct) <= 2 * latest["soc_sigma_pct"]
        return latest["soc_pct"]

    def stop(self, signal_number=signal.SIGINT, timeout_s=10):
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.process.wait(timeout_s)


@contextlib.contextmanager
def running_simulator(*arguments):
    """A simulator in the background, its run.json written; ended when the block ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open(folder / "stdout", "w") as said, open(folder / "stderr", "w") as complained:
            process = subprocess.Popen(
                [VIGIL, "sim", "--run-dir", folder / "run", "--json", *map(str, arguments)],
                cwd=ROOT,
                stdout=said,
                stderr=complained,
                stdin=subprocess.DEVNULL,
            )
            simulator = RunningSimulator(process, folder)
            try:
                wait_for(lambda: simulator.run_json.exists() or process.poll() is not None)
                assert process.poll() is None, (folder / "stderr").read_text()
                yield simulator
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait(10)


def wait_for(condition, timeout_s=30):
    """Poll until condition() is true; an AssertionError after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.02)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
