"""`make mutants`: breaks the firmware on purpose, one thing at a time, and looks who notices.

Exit 1 if a mutation survives the tests. Writes docs/mutations.md after a whole run.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

from host_tools.mutants import catalog, table
from host_tools.mutants.tree import ROOT, Tree
from host_tools.sim import interpreter

_CACHE = ROOT / "build" / "mutants.json"
_LONGEST_S = 900
_IMPORT_PATH = (
    "host_tools/mock/fakes",
    "tests/micropython",
    ".",
    "firmware/lib",
    "firmware",
)


def main():
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutations whose name holds this word")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    parser.add_argument("--known", action="store_true", help="only write what is known already")
    parser.add_argument("--page", default=str(ROOT / "docs" / "mutations.md"))
    options = parser.parse_args()
    chosen = [one for one in catalog.mutations() if options.only in one.name]
    if options.fresh:
        _CACHE.unlink(missing_ok=True)
    if options.known:
        cache = _Cache()
        known = {one.name: cache.get(one) for one in chosen if cache.get(one)}
        table.write(Path(options.page), chosen, known)
        return
    begun_s = time.monotonic()
    results = run(chosen, options.jobs, _Cache())
    survivors = [name for name, caught in results.items() if caught is None]
    print(f"{len(results)} mutations, {len(survivors)} survived, in", end=" ")
    print(f"{time.monotonic() - begun_s:.0f} s")
    for name in survivors:
        print("SURVIVED:", name)
    if not options.only:
        table.write(Path(options.page), chosen, results)
    sys.exit(1 if survivors else 0)


def run(chosen, jobs, cache):
    """{name: id of the test that caught it, or None}."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        trees = SimpleQueue()
        for job in range(jobs):
            trees.put(Tree(Path(folder) / str(job)))
        healthy = _Healthy(Tree(Path(folder) / "healthy"))

        def one(mutation):
            known = cache.get(mutation)
            if known is None:
                tree = trees.get()
                last = cache.last(mutation)
                try:
                    known = _try(tree, mutation, last)
                    healthy.check(known, alone=known == last)
                finally:
                    trees.put(tree)
                cache.put(mutation, known)
            return known

        with ThreadPoolExecutor(jobs) as pool:
            for mutation, caught in zip(chosen, pool.map(one, chosen), strict=True):
                results[mutation.name] = caught
                print(f"{mutation.name}: {caught or 'SURVIVED'}", flush=True)
    return results


def _try(tree, mutation, last):
    """Whoever noticed the last time is asked first, and nothing else of its file."""
    tree.break_it(mutation.file, mutation.old, mutation.new)
    try:
        for tests in ((last,) if last else (), mutation.tests, catalog.THEN):
            caught = ask(tree, tests)
            if caught:
                return caught
        return None
    finally:
        tree.mend(mutation.file)


def ask(tree, tests):
    """Id of the first test that fails, or None: in this order, the board's interpreter first.

    It runs its suites without pytest, in a fraction of the time.
    """
    for test in tests:
        if "::" not in test and test.startswith("tests/micropython/"):
            caught = _ask_micropython(tree, test)
        else:
            caught = _ask_pytest(tree, test)
        if caught:
            return caught
    return None


def _ask_micropython(tree, test):
    path = ":".join((*_IMPORT_PATH, ".frozen"))
    command = [interpreter.find()[0], "tests/micropython/runner.py", Path(test).stem]
    ended = _run(tree, command, MICROPYPATH=path, PYTHONPATH=path)
    if ended is None:
        return f"{test} (no end)"
    if ended.returncode == 0:
        return None
    for line in ended.stdout.splitlines():
        if line.startswith("FAILED "):
            return f"{test}::{line.split()[1]}"
    # It cannot even be loaded.
    return f"{test}::import"


def _ask_pytest(tree, test):
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:xdist"]
    command += ["-p", "no:cacheprovider", "--no-header", "-rfE", "--tb=no", test]
    ended = _run(tree, command, PYTHONPATH=str(tree.root))
    if ended is None:
        return f"{test} (no end)"
    if ended.returncode == 0:
        return None
    for line in ended.stdout.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split()[1]
    raise RuntimeError(ended.stdout[-2000:] + ended.stderr[-2000:])


def _run(tree, command, **environment):
    """What has ended, or None if it would not."""
    try:
        return subprocess.run(
            command,
            cwd=tree.root,
            env=dict(os.environ, **environment),
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return None


class _Healthy:
    """Nothing is proved by a test that fails anyway."""

    def __init__(self, tree):
        self._tree = tree
        self._passed = set()
        self._lock = Lock()

    def check(self, test, alone):
        if not test:
            return
        file = test.split("::")[0].split(" ")[0]
        # A suite of the board's interpreter is one piece.
        whole = file.startswith("tests/micropython/") and not alone
        wanted = file if whole else test.split(" ")[0]
        with self._lock:
            if wanted not in self._passed:
                if ask(self._tree, (wanted,)):
                    raise SystemExit(f"{wanted} fails without any mutation")
                self._passed.add(wanted)


class _Cache:
    """What is known of this change of this file, as long as the test that noticed is the same."""

    def __init__(self):
        self._known = json.loads(_CACHE.read_text()) if _CACHE.exists() else {}

    def get(self, mutation):
        caught, key = self._known.get(mutation.name, (None, None))
        return caught if caught and key == _key(mutation, caught) else None

    def last(self, mutation):
        """The test that noticed an earlier form of it, if there still is that test; or None.

        It will be asked on CPython: not if it takes long there, and stands in LONG_ON_CPYTHON.
        """
        caught = self._known.get(mutation.name, ("", None))[0].split("[")[0]
        file, _, test = caught.partition("::")
        path = ROOT / file
        text = path.read_text() if test and path.is_file() else ""
        return caught if f"def {test}(" in text and f'"{test}"' not in text else None

    def put(self, mutation, caught):
        if caught:
            self._known[mutation.name] = (caught, _key(mutation, caught))
            _CACHE.parent.mkdir(exist_ok=True)
            _CACHE.write_text(json.dumps(self._known))


def _key(mutation, caught):
    whole = hashlib.sha256(f"{mutation.old}\0{mutation.new}".encode())
    for file in (mutation.file, re.split("::| ", caught)[0]):
        path = ROOT / file
        whole.update(path.read_bytes() if path.exists() else b"")
    return whole.hexdigest()


if __name__ == "__main__":
    main()
