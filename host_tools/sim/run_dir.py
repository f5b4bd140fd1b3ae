"""The run directory: who runs here (run.json), where a client attaches, the node's files.

A lock on the directory itself tells a living simulator from the leavings of a killed one.
"""

import fcntl
import json
import os
from pathlib import Path

from host_tools.sim.quantity import shown

_LINES = ("rs485", "native")


class RunDir:
    def __init__(self, path):
        """ValueError with a sentence if the directory cannot be used."""
        self.path = Path(path).absolute()
        self.run_json = self.path / "run.json"
        self._made = []
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The lock goes with this process, however it ends; a node does not inherit it.
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            self._claim(path)
        except (OSError, ValueError) as error:
            os.close(self._lock)
            raise error if isinstance(error, ValueError) else _unusable(path, error) from None

    def _claim(self, path):
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"run directory {shown(str(path))} is in use by a simulator{self._owner()};"
                " choose another with --run-dir"
            ) from None
        # Leavings of a simulator that was killed; what cannot be removed cannot be replaced.
        self.run_json.unlink(missing_ok=True)
        for line in _LINES:
            for link in self.path.glob(f"{line}*"):
                if link.is_symlink():
                    link.unlink(missing_ok=True)
        self.write("node.json", b"{}")

    def _owner(self):
        try:
            return f" (pid {int(json.loads(self.run_json.read_text())['pid'])})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def write(self, name, data):
        """A file that lasts as long as the simulator; returns its path."""
        path = self.path / name
        path.write_bytes(data)
        self._made.append(path)
        return str(path)

    def announce(self, facts):
        """run.json, whole or not at all, and for each line a name that does not change."""
        for node in facts["nodes"]:
            for line in _LINES:
                name = line if node["node"] == 1 else f"{line}-{node['node']}"
                try:
                    (self.path / name).symlink_to(node[line])
                    self._made.append(self.path / name)
                except OSError:
                    # Not every file system has symbolic links; the path itself is in run.json.
                    pass
        draft = self.path / "run.json.new"
        draft.write_text(json.dumps(facts) + "\n")
        self._made.append(self.run_json)
        os.replace(draft, self.run_json)

    def close(self):
        for path in (*self._made, self.path / "run.json.new"):
            self._remove(path)
        os.close(self._lock)

    @staticmethod
    def _remove(path):
        try:
            path.unlink(missing_ok=True)
        except OSError:
            pass


def _unusable(path, error):
    return ValueError(f"cannot use run directory {shown(str(path))}: {error.strerror}")
