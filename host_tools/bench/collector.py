"""What gc.collect() costs on an RP2040: instructions of this computer's MicroPython, scaled.

Blocks are what counts: 16 bytes on a board, 32 here. Marking goes with the live blocks, sweeping
with all up to the last one in use, taken as the whole heap.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from host_tools.bench.cortex_m0plus import MissingTool

ROOT = Path(__file__).parents[2]
SCRIPT = "host_tools/bench/fill_heap.py"
# A loop took 2.16 units of WebAssembly fuel (bytecode_cycles.py) for each instruction here, and
# 0.71 cycles of a Cortex-M0+ a unit.
CYCLES_PER_INSTRUCTION = 1.55
HEAP_BLOCKS = 200 * 1024 // 16
LIVE_BLOCKS = 60 * 1024 // 16
_FEW, _MANY = 5, 25
_OBJECTS = 1000


def collection_cycles():
    live = _per_collection("live")
    swept = _per_collection("swept")
    per_swept = swept["instructions"] / swept["heap_blocks"]
    per_live = (live["instructions"] - per_swept * live["live_blocks"]) / live["live_blocks"]
    return CYCLES_PER_INSTRUCTION * (per_live * LIVE_BLOCKS + per_swept * HEAP_BLOCKS)


def _per_collection(how):
    few, blocks = _count(how, _FEW)
    many, _ = _count(how, _MANY)
    return {"instructions": (many - few) / (_MANY - _FEW)} | blocks


def _count(how, times):
    if not shutil.which("valgrind"):
        raise MissingTool("valgrind is missing: apt-get install valgrind")
    micropython = str(Path(sys.executable).parent / "micropython")
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *(micropython, "-X", "heapsize=400k", SCRIPT, how, str(times), str(_OBJECTS)),
        ],
        cwd=ROOT,
        env=dict(os.environ, MICROPYPATH=".frozen"),
        capture_output=True,
        text=True,
        check=True,
    )
    live, heap = (int(word) // 32 for word in done.stdout.split())
    blocks = {"live_blocks": live, "heap_blocks": heap}
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)), blocks
