"""`vigil sim` as a process of its own, with the stand-in node; every wait has a deadline."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAKE_NODE = str(Path(__file__).with_name("fake_node.py"))
PATIENCE_S = 30
_RUN = """
import sys
from host_tools.sim import settings, supervisor
run_dir, speed, duration, form, nodes = sys.argv[1:]
wanted = settings.check("sim16_lfp", "rest", speed, duration or None, "7", "50", [], run_dir,
                        "jbd", nodes, form == "json", form == "plain")
try:
    sys.exit(supervisor.run(wanted, sys.executable, node={node!r}))
except ValueError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def command(run_dir, speed="1", duration="", form="json", nodes="1"):
    """form: json, plain, or view (lines where there is no terminal)."""
    program = [sys.executable, "-c", _RUN.format(node=FAKE_NODE)]
    return [*program, str(run_dir), speed, duration, form, nodes]


def environment(how, modules=None):
    """modules: a folder whose files are imported before what is installed."""
    path = os.pathsep.join(str(each) for each in (modules, ROOT) if each)
    return dict(os.environ, FAKE_NODE=how, PYTHONPATH=path)


class SimProcess:
    """Context manager; ends what it started whatever the test did."""

    def __init__(self, run_dir, how="", modules=None, **arguments):
        self.run_dir = Path(run_dir)
        self.process = subprocess.Popen(
            command(run_dir, **arguments),
            cwd=ROOT,
            env=environment(how, modules),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._text = {"stdout": b"", "stderr": b""}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def wait_for(self, pattern, stream="stderr"):
        """The match, as soon as `pattern` has appeared in what it has printed."""
        pipe = getattr(self.process, stream)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            match = re.search(pattern, self._text[stream].decode(), re.MULTILINE)
            if match:
                return match
            assert time.monotonic() < deadline, f"no {pattern} in {self._text}"
            if select.select([pipe], [], [], 0.1)[0]:
                data = os.read(pipe.fileno(), 65536)
                assert data, f"it ended without {pattern}: {self._text}"
                self._text[stream] += data

    def node_pid(self):
        return int(self.wait_for(r"pid (\d+)$").group(1))

    def run_json(self):
        """Contents of run.json, once it is there."""
        path = self.run_dir / "run.json"
        wait_until(path.exists, "run.json")
        return json.loads(path.read_text())

    def send(self, number):
        self.process.send_signal(number)

    def finish(self):
        """Wait for its end: (exit code, all of standard output, all of standard error)."""
        output, errors = self.process.communicate(timeout=PATIENCE_S)
        return (
            self.process.returncode,
            (self._text["stdout"] + (output or b"")).decode(),
            (self._text["stderr"] + errors).decode(),
        )

    def stop(self, number=signal.SIGINT):
        self.send(number)
        return self.finish()


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def is_alive(pid):
    """A process that has ended but that nobody has reaped yet does not count."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return (
            not stat.parents[1].exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except (ProcessLookupError, FileNotFoundError):
        return False
