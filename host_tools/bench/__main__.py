"""`make bench`: what the code costs on a board; how fast a simulated hour runs, what limits it;
how far off the estimates are (ten minutes or more of it); how well the cells are balanced.

Prints tables, writes build/bench.json; exit code 1 if a kernel is dearer than figures.json says,
or other code no longer costs what host_tools/mock/costs.py says.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from host_tools.bench import (
    balancing,
    bytecode,
    code_costs,
    estimated_second,
    figures,
    heap,
    kernels,
)
from host_tools.bench.accuracy import __main__ as accuracy
from host_tools.bench.cortex_m0plus import MissingTool
from host_tools.bench.health import __main__ as health
from host_tools.build import image
from host_tools.sim import interpreter

ROOT = Path(__file__).parents[2]
BOARD = "sim16_lfp"
HOUR_S = 3600
# As the supervisor gives it to a node.
_IMPORT_PATH = ("host_tools/mock/fakes", "firmware", "firmware/lib", ".")


def simulated_hour():
    """Real seconds for an hour of the default day, records and supervisor included."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "vigil"),
                *("sim", "--duration", str(HOUR_S), "--speed", "max", "--json"),
                *("--run-dir", folder + "/run"),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        elapsed_s = time.perf_counter() - begun
    records = done.stdout.splitlines()
    assert len(records) == HOUR_S, "the hour is not complete"
    last = json.loads(records[-1])
    return {
        "real_s": elapsed_s,
        "times_real_time": HOUR_S / elapsed_s,
        "overruns": last["overruns"],
        "cycle_us_max": last["cycle_us_max"],
    }


def parts():
    """Share of the node's time by part, from a minute of each (see parts.py)."""
    program, _ = interpreter.find()
    path = ":".join(_IMPORT_PATH)
    environment = dict(os.environ, MICROPYPATH=path + ":.frozen", PYTHONPATH=path)
    done = subprocess.run(
        [program, "host_tools/bench/parts.py", BOARD],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    cells = measured["cells_s"]
    chip = measured["cells_and_chip_s"] - cells
    firmware = measured["everything_s"] - measured["cells_and_chip_s"]
    return {"cells": cells, "chip": chip, "firmware and bus": firmware}


def main():
    try:
        counted = kernels.measure()
        passes = bytecode.instructions_per_pass()
        rows, tasks, port = code_costs.measure()
    except MissingTool as error:
        sys.exit(f"make bench: {error}")
    if "--accept" in sys.argv[1:]:
        figures.write(counted)
    hour = simulated_hour()
    shares = parts()
    kernels.tell(counted)
    code_costs.tell(rows, tasks, port)
    for line in estimated_second.as_lines(estimated_second.measure()):
        print(line)
    times = passes["bytecode"] / passes["viper"]
    print(
        f"Protection in bytecode: {times:.0f} times the instructions of the kernel, call included"
    )
    print(f"  on this computer {passes['bytecode']:8d} : {passes['viper']} instructions")
    print(f"Simulated hour     {hour['real_s']:8.1f} s real, {hour['times_real_time']:.0f} x real")
    print(f"  overruns         {hour['overruns']:8d}")
    print(f"  longest cycle    {hour['cycle_us_max']:8d} us of 50000")
    print("What a virtual second costs the node:")
    total = sum(shares.values())
    for name, seconds in shares.items():
        print(f"  {name:16} {seconds / 60 * 1000:8.2f} ms   {seconds / total:4.0%}")
    heaps = heap.report(image.real_boards())
    far_off = accuracy.run()
    aged = health.run()
    balanced = balancing.run()
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(
        json.dumps(
            {
                "hour": hour,
                "minute_by_part_s": shares,
                "kernels": counted,
                "x64": passes,
                "code_cycles": rows,
                "slow_task_cycles": tasks,
                "heap": heaps,
                "accuracy": far_off,
                "health": aged,
                "balancing": balanced,
            },
            indent=1,
        )
    )
    problems = figures.worsened(counted, figures.committed())
    for problem in problems:
        print(f"Worse than the committed figures: {problem}", file=sys.stderr)
    differences = code_costs.differences(rows, tasks)
    for difference in differences:
        print(f"host_tools/mock/costs.py is old: {difference}", file=sys.stderr)
    if problems:
        print("`python -m host_tools.bench --accept` commits to the new ones.", file=sys.stderr)
    if problems or differences:
        sys.exit(1)


if __name__ == "__main__":
    main()
