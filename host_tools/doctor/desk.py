"""A simulated board in the place of one at a port: the verbs of deploy.wire.Wire."""

import json
import subprocess
import tempfile
from pathlib import Path

from host_tools.deploy.wire import Failed, Unreachable
from host_tools.sim import interpreter, settings
from host_tools.sim.battery import environment

_NODE = Path(__file__).with_name("desk_node.py")
_END = "\x04"


class Desk:
    """note: a sentence if the interpreter is not the board's, else None."""

    simulated = True

    def __init__(self, board, faults=()):
        """ValueError if there is no such simulated board. faults: as `vigil sim --fault`."""
        self._settings = settings.check(
            *(board, "rest", "max", None, "1", "50", list(faults), ".run", "jbd", "1", True)
        )
        self._board = board
        self._process = None
        self._folder = None
        self._interpreter, self.note = interpreter.find()

    def open(self, soft_reset=False):
        """A board that has just started, with nothing running on it."""
        self.close()
        self._folder = tempfile.TemporaryDirectory()
        profile = Path(self._folder.name) / "profile"
        profile.write_bytes(self._settings.profile.packed())
        config = Path(self._folder.name) / "config.json"
        config.write_bytes(self._settings.node_config(str(profile)))
        self._process = subprocess.Popen(
            [self._interpreter, str(_NODE), str(config)],
            cwd=settings.ROOT,
            env=environment(self._board),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, code):
        try:
            self._process.stdin.write(json.dumps(code).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            # It has gone; its last words say why.
            pass
        said = []
        for line in self._process.stdout:
            line = line.decode("utf-8", "replace").rstrip("\r\n")
            if line.startswith(_END):
                wrong = json.loads(line[1:])
                if wrong:
                    raise Failed(wrong)
                return "\n".join(said)
            said.append(line)
        last = next((line for line in reversed(said) if line.strip()), "it said nothing")
        raise Unreachable(f"the simulated board ended: {last}")

    def restart(self):
        self.close()

    def close(self):
        process, self._process = self._process, None
        if process is not None:
            process.stdin.close()
            process.kill()
            process.wait()
            process.stdout.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()
