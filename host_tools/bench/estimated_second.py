"""`python -m host_tools.bench.estimated_second`: what a second of all estimates costs an RP2040.

Whole seconds of 16 cells, each with the dearest things that one second may hold: charge, ageing,
allowed currents and times, what there is to balance. Floats of a 32-bit build of the interpreter,
counted as in host_tools/mock/costs.py, +-25 %.
"""

from host_tools.bench.bytecode_cycles import CYCLES_PER_FLOAT_FUEL, CountingInterpreter
from host_tools.mock import costs

GOAL_MS = 15
# Pieces of estimate_passes.py; those of a group share an interpreter, whose memory floats fill.
_GROUPS = (
    {
        "watched": "two cells look, both sides' currents; and the grid looks at two guesses",
        "stepped": "or a step of the current tells what resists in all cells",
        "after_step": "or, a second later, what in each",
        "of_resistances": "or those are told",
    },
    {
        "fitted": "or a cell's capacity is fitted",
        "figured": "or all capacities are told",
        "at_rest": "or the voltages of two cells tell their charge",
    },
    {"begun": "after a start: no cell looks, the grid at six guesses"},
)


def measure():
    """[(what a second holds, ms)]."""
    found = []
    for group in _GROUPS:
        counting = CountingInterpreter("estimate_passes")
        counting.run("def nothing():\n    pass\n")
        for name, holds in group.items():
            # The first pass makes what the others find made.
            counting.run(f"pieces.second_{name}()")
            fuel = _fuel(counting, f"pieces.second_{name}") - _fuel(counting, "nothing")
            found.append((holds, fuel * CYCLES_PER_FLOAT_FUEL / costs.MHZ / 1000))
    return found


def _fuel(counting, call):
    said = counting.run(f"begun = fuel_used()\n{call}()\nprint(fuel_used() - begun)")
    return float(said)


def as_lines(found):
    yield f"A second of all estimates of 16 cells on an RP2040 (goal: below {GOAL_MS} ms):"
    for holds, ms in found:
        yield f"  {ms:5.1f} ms  {holds}"


def main():
    for line in as_lines(measure()):
        print(line)


if __name__ == "__main__":
    main()
