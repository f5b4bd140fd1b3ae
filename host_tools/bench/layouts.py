"""Code counted in several layouts of the interpreter's names, side by side: the mean stands.

MicroPython remembers where it found a name in a small table, whose place is taken from the name's
number: which names are in each other's way depends on how many came before. That moves whole
counts by 1 to 2 % and single rows by more, on a board as here, and nobody chooses it.
"""

import json
import os
import subprocess
import sys

from host_tools.bench.collector import ROOT
from host_tools.bench.cortex_m0plus import MissingTool

# Names that were there before the firmware's.
LAYOUTS = (0, 5, 17)


def count(module, layouts=LAYOUTS):
    """[(rows, tasks, port)] of host_tools.bench.`module`, each layout in a child process.

    The WebAssembly runtime's threads do not always survive the end of the process they are in.
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "host_tools.bench." + module, "--json", str(layout)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for layout in layouts
    ]
    said = [child.communicate() for child in children]
    for answer, complaint in said:
        if not answer:
            raise MissingTool(complaint.strip().splitlines()[-1])
    return [
        (counted["rows"], counted["tasks"], counted["port"])
        for counted in (json.loads(answer) for answer, _ in said)
    ]


def mean(counted):
    """(rows, tasks, port) of several layouts; a row that depends on none is in the first only."""
    rows = {
        name: _mean([rows[name] for rows, _, _ in counted if name in rows])
        for name in counted[0][0]
    }
    tasks = {
        name: tuple(_mean([tasks[name][at] for _, tasks, _ in counted]) for at in (0, 1))
        for name in counted[0][1]
    }
    return rows, tasks, _mean([port for _, _, port in counted])


def _mean(numbers):
    return round(sum(numbers) / len(numbers))


def spread(counted, parts):
    """(lowest, highest) sum of parts(rows) -> [(part, cycles)] over the layouts."""
    sums = [sum(cycles for _, cycles in parts(rows)) for rows, _, _ in counted]
    return min(sums), max(sums)


def child(make_counter):
    """What count() starts: one layout, as JSON; does not return."""
    layout = int(sys.argv[2])
    try:
        counter = make_counter(layout)
        rows = counter.rows()
        found = {"rows": rows, "tasks": counter.tasks(rows), "port": round(counter.port)}
    except MissingTool as error:
        sys.exit(str(error))
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)


def is_child():
    return sys.argv[1:2] == ["--json"]
