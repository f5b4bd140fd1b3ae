"""A board at a pseudo-terminal: MicroPython with a littlefs that survives its restarts."""

import os
import pty
import select
import subprocess
import threading
import time
import tty

from host_tools.build import image
from tests.interpreter import IMPORT_PATH, ROOT, micropython

_SCRIPT = ROOT / "tests" / "micropython" / "raw_repl_board.py"
_PATIENCE_S = 60
_RESET = 0

MAIN = """
trial = None

def run():
    import time
    import vigil_release
    print("version {version} runs")
    {then}
    print("sample of", vigil_release.CONTENT + ": version {version}")
    while True:
        time.sleep_ms(10)
"""
CONFIRM = "trial and trial.confirm()"
FAIL = "import machine; machine.reset()"
RAISE = "raise ValueError('broken')"
UNCONFIRMED = "pass"  # neither fails nor lives long enough


def version(number, then=CONFIRM, processor="x64", micropython=(1, 29, 0)):
    """A small version of a firmware, with the real loader."""
    app = {
        "boot.py": b"import board\n",
        "board.py": b"SAFE_PINS = ()\n",
        "main.py": MAIN.format(version=number, then=then).encode(),
        "vigil/large.mpy": bytes(range(256)) * 7,
    }
    folder = ROOT / "firmware" / "loader"
    loader = {name: (folder / name).read_bytes() for name in ("boot.py", "main.py", "slots.py")}
    return image.Image("test", processor, loader, app, f"{number}.0", list(micropython))


class BoardStandIn:
    """`port`: where a client finds it. It is restarted when it resets, until it is closed."""

    def __init__(self, flash, log=None, surroundings=()):
        """surroundings: of raw_repl_board.py, for the whole firmware."""
        self._surroundings = list(map(str, surroundings))
        self._flash = flash
        if not flash.exists():
            flash.touch()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._log = log or "-"
        self._closing = False
        self._process = None
        self._start()
        self._keeper = threading.Thread(target=self._keep_running, daemon=True)
        self._keeper.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        # Room for the simulated surroundings beside the firmware.
        command = [micropython(), "-X", "heapsize=8M", str(_SCRIPT), str(self._flash)]
        self._process = subprocess.Popen(
            [*command, str(self._log), *self._surroundings],
            cwd=ROOT,
            env=dict(os.environ, MICROPYPATH=":".join(IMPORT_PATH) + ":.frozen"),
            stdin=self._master,
            stdout=self._master,
            stderr=subprocess.STDOUT,
        )

    def _keep_running(self):
        while True:
            code = self._process.wait()
            if self._closing or code != _RESET:
                return
            self._start()

    def close(self):
        """As if the supply were cut."""
        self._closing = True
        self._process.kill()
        self._keeper.join()
        os.close(self._master)
        os.close(self._slave)

    def says(self, wanted):
        """The first line that begins with one of the texts; what the board prints on its own."""
        heard = b""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if select.select([self._slave], [], [], 0.1)[0]:
                heard += os.read(self._slave, 4096)
            for line in heard.decode().splitlines(keepends=True):
                if line.startswith(wanted) and line.endswith("\n"):
                    return line.strip()
        raise AssertionError(f"the board never said {wanted}: {heard!r}")


def runs(flash, surroundings=(), word="version "):
    """Which version a board with this flash starts."""
    with BoardStandIn(flash, surroundings=surroundings) as board:
        return board.says(word)
