"""`make campaign`: random packs, limits and faults over the real driver and the chip model, judged
by an independent oracle, and kernel evaluations beside the plain one. Reproducible by its seed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from host_tools.campaign import page, tally
from host_tools.sim import interpreter

ROOT = Path(__file__).parents[2]
CASE_CYCLES = 900
_CASES_A_CHUNK = 10
_WALK_CYCLES = 1000
_WALKS_A_CHUNK = 50
_PATH = (
    "host_tools/mock/fakes",
    "tests/micropython",
    ".",
    "firmware/lib",
    "firmware",
)


def main():
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--cycles", type=int, default=300_000, help="cycles over driver and chip")
    parser.add_argument("--kernel", type=int, default=4_700_000, help="kernel evaluations")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", metavar="FILE", help="write the counts there")
    parser.add_argument("--page", metavar="FILE", help="write the last result into this page")
    parser.add_argument("--case", metavar="FILE", help="play one printed case again")
    options = parser.parse_args()
    if options.case:
        case = ("case", os.path.abspath(options.case))
        result = tally.add({}, _run("play.py", *case).splitlines())
    else:
        result = campaign(options.seed, options.cycles, options.kernel, options.jobs, _progress)
        _cut_down(result)
    print("\n".join(tally.report(result)))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    if options.page:
        page.write(Path(options.page), result)
    sys.exit(1 if result["findings"] or result.get("kernel_failures") else 0)


def campaign(seed, cycles, kernel, jobs, progress=None, root=ROOT):
    """The counts of a whole campaign; the same seed gives the same counts, whatever the jobs."""
    cases = -(-cycles // CASE_CYCLES)
    walks = -(-kernel // _WALK_CYCLES)
    work = [
        ("play.py", "seeds", first, min(_CASES_A_CHUNK, seed + cases - first), CASE_CYCLES)
        for first in range(seed, seed + cases, _CASES_A_CHUNK)
    ]
    work += [
        ("kernel_walks.py", first, min(_WALKS_A_CHUNK, seed + walks - first), _WALK_CYCLES)
        for first in range(seed, seed + walks, _WALKS_A_CHUNK)
    ]
    result = {"seed": seed}
    begun_s = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        outputs = pool.map(lambda arguments: _run(*arguments, root=root), work)
        for done, output in enumerate(outputs):
            tally.add(result, output.splitlines())
            if progress:
                progress(done + 1, len(work), result, time.monotonic() - begun_s)
    return result


def _run(script, *arguments, root=ROOT):
    program, _ = interpreter.find()
    environment = dict(os.environ, MICROPYPATH=":".join(_PATH) + ":.frozen")
    environment["PYTHONPATH"] = ":".join(_PATH)
    command = [program, f"host_tools/campaign/{script}", *map(str, arguments)]
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if ended.returncode:
        words = ended.stdout.splitlines()[-5:] + ended.stderr.splitlines()[-5:]
        raise RuntimeError(f"{script} {arguments} failed: " + " / ".join(words))
    return ended.stdout


def _progress(done, of, result, seconds):
    if not sys.stderr.isatty() and done % 50 and done != of:
        return
    text = (
        f"{done}/{of}: {result.get('cycles', 0):,} cycles, "
        f"{result.get('kernel_evaluations', 0):,} kernel evaluations, "
        f"{len(result['findings'])} findings, {seconds:.0f} s"
    )
    print(text, file=sys.stderr, end="\r" if sys.stderr.isatty() and done != of else "\n")


def _cut_down(result):
    """Each of the first failures once more, with as few events as still show it."""
    for finding in result["findings"][:3]:
        output = _run("play.py", "cut", finding["seed"], CASE_CYCLES)
        finding["case"] = json.loads(output)


if __name__ == "__main__":
    main()
