"""Runs scenarios, several at once: each in a simulated board of its own, at full speed."""

import json
import os
import subprocess
import tempfile
import threading
from collections import namedtuple
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from host_tools.prove import judge
from host_tools.prove.live import NODE
from host_tools.prove.trace import Trace
from host_tools.sim import schema
from host_tools.sim.battery import environment
from host_tools.sim.settings import ROOT

_PATIENCE_S = 280

# refusal: sentences when the firmware refuses the scenario's limits, though it expects no refusal.
Result = namedtuple("Result", "scenario trace checks refusal")


def passed(result):
    return not result.refusal and all(check.passed for check in result.checks)


class Runs:
    """A context manager: whatever ends it also ends the boards that still run."""

    def __init__(self, scenarios, interpreter, at_once=None):
        self._scenarios = scenarios
        self._interpreter = interpreter
        self._at_once = at_once or os.cpu_count() or 1
        self._processes = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self):
        self._pool = ThreadPoolExecutor(self._at_once)
        return self

    def __exit__(self, *_):
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def results(self, progress=lambda done: None):
        """The Result of each scenario, in their order; progress(number done) as they finish."""
        waiting = {
            self._pool.submit(self._run, scenario): at
            for at, scenario in enumerate(self._scenarios)
        }
        done = {}
        told = 0
        while told < len(self._scenarios):
            if told in done:
                yield done.pop(told)
                told += 1
                continue
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                done[waiting.pop(future)] = future.result()
            progress(told + len(done))

    def _run(self, scenario):
        trace = self._watch(scenario)
        refusal = []
        if trace.problems and not scenario.expects_refusal:
            refusal = sentences(trace.problems)
        checks = [] if refusal else judge.judge(scenario, trace)
        return Result(scenario, trace, checks, refusal)

    def _watch(self, scenario):
        trace = Trace()
        with tempfile.TemporaryDirectory() as folder:
            profile = Path(folder) / "profile.bin"
            profile.write_bytes(scenario.profile.packed())
            config = Path(folder) / "node.json"
            config.write_text(json.dumps(scenario.node_config(str(profile))))
            process = self._start(scenario, [self._interpreter, NODE, str(config)])
            if process is None:
                return trace
            patience = threading.Timer(_PATIENCE_S, process.kill)
            patience.start()
            try:
                for line in process.stdout:
                    trace.take(_message(line))
            finally:
                patience.cancel()
                with self._lock:
                    self._processes.discard(process)
                process.kill()
                process.wait()
                process.stdin.close()
                process.stdout.close()
        if trace.schema is not None and schema.complaint(trace.schema):
            trace.ended_by = schema.complaint(trace.schema)
        return trace

    def _start(self, scenario, command):
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(scenario.board),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._processes.add(process)
        return process


def sentences(problems):
    """Why the firmware refuses a set of limits, one sentence a contradiction."""
    from host_tools.contradictions import problem_sentence

    return [problem_sentence(*problem) for problem in problems]


def _message(line):
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if isinstance(message, list) and message:
        return message
    return line.decode("utf-8", "replace").rstrip()
