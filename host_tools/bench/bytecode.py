"""How much faster the protection is in viper than in bytecode: instructions under callgrind.

Counted on this computer's MicroPython; on ARMv6-M the ratio is somewhat lower, because there a
viper instruction does less.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from host_tools.bench import workloads
from host_tools.bench.cortex_m0plus import MissingTool

ROOT = Path(__file__).parents[2]
_FEW, _MANY = 100, 600


def instructions_per_pass():
    """{"bytecode": ..., "viper": ...} of one healthy pass, call included, loop excluded."""
    _, (words, _, table) = workloads.healthy()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, data in (("words", words), ("table", table)):
            path = Path(folder) / name
            path.write_bytes(data.tobytes())
            files.append(str(path))
        counted = {
            how: (_count(how, _MANY, files, folder) - _count(how, _FEW, files, folder))
            / (_MANY - _FEW)
            for how in ("bytecode", "viper", "nothing")
        }
    loop = counted.pop("nothing")
    return {how: round(count - loop) for how, count in counted.items()}


def _count(how, times, files, folder):
    if not shutil.which("valgrind"):
        raise MissingTool("valgrind is missing: apt-get install valgrind")
    micropython = str(Path(sys.executable).parent / "micropython")
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"),
            *(micropython, "host_tools/bench/plain_judge.py", how, str(times), *files),
        ],
        cwd=ROOT,
        env=dict(os.environ, MICROPYPATH="firmware/lib:.frozen"),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))
