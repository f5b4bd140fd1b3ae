"""Everything that is asked of a board, in order; what cannot be measured is named, not guessed.

The link is a board at a port (deploy.wire.Wire) or a simulated one (desk.Desk).
"""

import ast
import base64
from array import array
from pathlib import Path

from host_tools.deploy import fitness
from host_tools.deploy.wire import Failed, Unreachable
from host_tools.doctor import expected, files

_PROBE = Path(__file__).with_name("probe.py")
_OLDEST = (1, 29, 0)
# The wire gives up after ten seconds of silence.
_RUN_MS = 3000
_CYCLE_RUNS, _PART_RUNS = 3, 2
_KERNEL_CALLS = {"micropython": 1000, "cpython": 20}
_ALONE_CALLS = 20
_FLASH_WRITES, _FLASH_BYTES = 40, 512
NOT_ON_A_DESK = "the board is simulated"


class Examination:
    """`found`: {subject: what was found}; `not_measured`: [(what, why)]."""

    def __init__(self, link, board, say, run_ms=_RUN_MS):
        self._link = link
        self._board = board
        self._say = say
        self._run_ms = run_ms
        self.simulated = getattr(link, "simulated", False)
        self.found = {}
        self.not_measured = []
        self._gone = None

    def run(self):
        """fitness.Refused and wire.Unreachable if it cannot begin."""
        if self.simulated:
            self._without("files and hashes", NOT_ON_A_DESK)
        else:
            self._say("stops the firmware; both switches open until it is started again")
            self._link.open()
            self._say("files")
            identity, self.found["version"] = files.examine(self._link, self._board)
            self.found["identity"] = identity
        self._link.open(soft_reset=True)
        self._link.run(program())
        self._identify()
        if self._may_start() and self._start():
            self._measure()

    def _identify(self):
        told = self._ask("identity", "identity()", "who the board is") or {}
        processor = fitness.Facts("", (), told.pop("mpy", 0), 0, "", []).processor
        self.found["identity"] = {**told, "processor": processor} | self.found.get("identity", {})

    def _may_start(self):
        identity = self.found["identity"]
        if self.simulated or tuple(identity["micropython"]) >= _OLDEST:
            return True
        self._without("everything else", "this MicroPython is too old for the firmware")
        return False

    def _start(self):
        self._say("start and self-tests")
        started = self._ask("start", "build()", "everything that needs the firmware")
        if started is None:
            return False
        self.found["start"] = started
        return True

    def _measure(self):
        self._say("front end")
        front_end = self._take("front end", "bring_up()", "the front end")
        if front_end and not front_end["configured"]:
            self._without("readings, and judging what is new", "the front end is not set up")
        self._take("sample", "sample()", "the first Sample")
        if self._take("bus before", "counters()", "counts of bus errors") == {}:
            self._without("counts of bus errors", "this front end keeps none")
        self._say("cycles")
        self._ask("", "clock_cycles()\ntell(0)")
        self._take_runs("cycle", _CYCLE_RUNS, "the cycle's time")
        self._take("sample", "sample()", "the first Sample")
        self._ask("", "clock_parts()\ntell(0)")
        self._say("read, judge, act")
        self._take_runs("parts", _PART_RUNS, "the parts of the cycle")
        self._take("bus after", "counters()", "counts of bus errors")
        self._take("alone", f"alone({_ALONE_CALLS})", "the collector")
        self._say("kernels")
        self._time_kernels()
        self._say("heap and flash")
        if self.simulated:
            self._without("heap", "it holds the simulator too, and its objects are larger")
            self._without("stall of a flash write", NOT_ON_A_DESK)
            self._without("overruns and the period of cycles", "its clock is a simulated one")
        else:
            self._take("heap", "heap()", "heap")
            flash = f"flash({_FLASH_WRITES}, {_FLASH_BYTES})"
            self._take("flash", flash, "stall of a flash write")
        self._without("links (RS485)", "nobody may give orders during the examination")
        self._without(
            "balancing, heater, fan, lamp, buzzer and sleep",
            "nothing but measuring happens during the examination",
        )

    def _take_runs(self, subject, count, what):
        """Several runs, for the wire's patience; stopwatches go on, counts of a run add up."""
        runs = []
        for _ in range(count):
            told = self._ask(subject, f"run({self._run_ms})", what)
            if told is None:
                return
            runs.append(told)
        self.found[subject] = {
            **runs[-1],
            "cycles": sum(run["cycles"] for run in runs),
            "overruns": sum(run["overruns"] for run in runs),
            "worst_period_us": max(run["worst_period_us"] for run in runs),
        }

    def _time_kernels(self):
        calls = expected.kernel_calls()
        names = self._ask("kernels", "known_kernels()", "the kernels")
        times = _KERNEL_CALLS[self.found["identity"]["interpreter"]]
        timed = {}
        for name in names or []:
            if name not in calls:
                self._without(f"kernel {name}", "there is no call to time it with")
                continue
            took = [
                self._ask(name, _kernel_call(name, arguments, times), f"kernel {name}")
                for arguments, _ in calls[name]
            ]
            if None in took:
                continue
            if len(took) == 1:
                timed[name] = {"ns": max(took[0], 0), "of": "call"}
            else:
                (_, long), (_, short) = calls[name]
                timed[name] = {"ns": max((took[0] - took[1]) // (long - short), 0), "of": "byte"}
        self.found["kernels"] = timed

    # Asking.

    def _take(self, subject, code, what):
        told = self._ask(subject, code, what)
        if told is not None:
            self.found[subject] = told
        return told

    def _ask(self, subject, code, what=None):
        """What the code told, None if it did not; then `what` is named as not measured."""
        why = self._gone
        if why is None:
            try:
                return ast.literal_eval(self._link.run(code).strip().splitlines()[-1])
            except Failed as error:
                why = str(error)
            except Unreachable as error:
                why = self._gone = str(error)
            except (ValueError, SyntaxError, IndexError):
                why = "its answer was not understood"
        self._without(what or subject, why)
        return None

    def _without(self, what, why):
        if what and (what, why) not in self.not_measured:
            self.not_measured.append((what, why))


def program():
    """The probe without its remarks: what goes over the wire and into the board's memory."""
    tree = ast.parse(_PROBE.read_text("utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and isinstance(body[0], ast.Expr):
            if isinstance(getattr(body[0].value, "value", None), str):
                del body[0]
    return ast.unparse(tree).replace("    ", " ")


def _kernel_call(name, arguments, times):
    written = ", ".join(map(_written, arguments))
    return f"kernel({name!r}, ({written},), {times})"


def _written(argument):
    if isinstance(argument, int):
        return str(argument)
    kind = argument.typecode if isinstance(argument, array) else "raw"
    return f"buffer({kind!r}, {base64.b64encode(bytes(argument))!r})"
