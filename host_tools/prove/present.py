"""What `vigil prove` prints: a line a scenario, what went wrong in full, and a summary."""

import json
import sys

from host_tools.prove.run import passed


def headline(result):
    """The check that stands for the whole scenario: what failed, or else the slowest reaction."""
    for check in result.checks:
        if not check.passed:
            return check
    for word in (" because of ", "warns", "does not trip", "nothing trips"):
        found = [check for check in result.checks if word in check.expected]
        if found:
            return max(found, key=_share)
    return result.checks[-1]


def _share(check):
    return check.reaction_us / check.allowed_us if check.allowed_us else 0


def reaction(check):
    if check.reaction_us is None:
        return ""
    took = seconds(check.reaction_us)
    return f"{took} of {seconds(check.allowed_us)}" if check.allowed_us is not None else took


def seconds(us):
    return f"{us / 1e3:.1f} ms" if abs(us) < 10_000 else f"{us / 1e6:.3f} s"


def line(result, width):
    """One line: verdict, name, expected, observed, reaction against allowed."""
    word = "ok  " if passed(result) else "FAIL"
    if result.refusal:
        return f"{word}  {result.scenario.name:{width}}  its limits are refused by the firmware"
    check = headline(result)
    text = f"{word}  {result.scenario.name:{width}}  {check.expected}: {check.observed}"
    took = reaction(check)
    return f"{text}  [{took}]" if took else text


def particulars(result):
    """Lines below a scenario that did not pass."""
    lines = [f"        {text}" for text in result.refusal]
    for check in result.checks:
        if not check.passed:
            lines.append(f"        expected: {check.expected}; observed: {check.observed}")
    return lines


def summary(results):
    failed = sum(not passed(result) for result in results)
    virtual_s = sum(result.scenario.end_ms for result in results) / 1000
    checks = sum(len(result.checks) for result in results)
    verdict = f"{failed} FAILED" if failed else "all passed"
    minutes = f"{virtual_s / 60:.0f} minutes of battery time"
    return f"{len(results)} scenarios, {checks} checks, {minutes}: {verdict}"


def as_json(results, left_out=()):
    """Deterministic: the same files and firmware give the same bytes."""
    return json.dumps(
        {
            "passed": sum(passed(result) for result in results),
            "failed": sum(not passed(result) for result in results),
            "left_out": [{"name": name, "because": why} for name, why in left_out],
            "scenarios": [_record(result) for result in results],
        },
        indent=1,
    )


def _record(result):
    scenario = result.scenario
    return {
        "name": scenario.name,
        "title": scenario.title,
        "why": scenario.why,
        "passed": passed(result),
        "refused": result.refusal,
        "duration_s": scenario.end_ms / 1000,
        "checks": [
            {
                "expected": check.expected,
                "observed": check.observed,
                "passed": check.passed,
                "reaction_ms": _ms(check.reaction_us),
                "allowed_ms": _ms(check.allowed_us),
            }
            for check in result.checks
        ],
    }


def _ms(us):
    return None if us is None else us / 1000


class Lines:
    """Plain lines, as the scenarios finish."""

    def __init__(self, scenarios, out=None):
        self._out = out or sys.stdout
        self._width = max((len(one.name) for one in scenarios), default=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def progress(self, done):
        pass

    def show(self, result):
        self._print(line(result, self._width), passed(result))
        for text in particulars(result):
            self._print(text, False)

    def end(self, results, left_out=()):
        """left_out: [(name, why it does not apply to this board)]"""
        for name, why in left_out:
            self._print(f"--    {name:{self._width}}  does not apply: {why}", True)
        self._print(summary(results), all(passed(result) for result in results))

    def _print(self, text, good):
        print(text, file=self._out, flush=True)


class Terminal(Lines):
    """The same lines in colour, above a bar that shows how far it has come."""

    def __init__(self, scenarios):
        super().__init__(scenarios)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        self._console = Console(highlight=False)
        columns = ("[bold]proving", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("", total=len(scenarios))

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    def progress(self, done):
        self._bar.update(self._task, completed=done)

    def _print(self, text, good):
        from rich.text import Text

        styled = Text(text)
        word = text[:4]
        if word in ("ok  ", "FAIL"):
            styled.stylize("bold green" if good else "bold red", 0, 4)
        elif not good:
            styled.stylize("red")
        self._console.print(styled, soft_wrap=True)


class Silence(Lines):
    """For --json: nothing but the object at the end."""

    def _print(self, text, good):
        pass


def choose(scenarios, as_json):
    if as_json:
        return Silence(scenarios)
    if sys.stdout.isatty():
        try:
            return Terminal(scenarios)
        except ImportError:
            pass
    return Lines(scenarios)
