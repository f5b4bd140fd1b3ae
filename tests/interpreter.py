"""Start the board's interpreter (MicroPython's unix port) as the tests need it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORT_PATH = ("host_tools/mock/fakes", "tests/micropython", ".", "firmware/lib", "firmware")


def micropython():
    """Path of the interpreter installed with the tests; a missing one is an error, not a skip."""
    path = Path(sys.executable).parent / "micropython"
    assert path.exists(), "micropython is not installed beside " + sys.executable
    return str(path)


def run_micropython(script, *arguments, timeout_s=120):
    environment = dict(os.environ, MICROPYPATH=":".join(IMPORT_PATH) + ":.frozen")
    return subprocess.run(
        [micropython(), str(script), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
