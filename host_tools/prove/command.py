"""`vigil prove`: every scenario run and judged. Exit code 1 if one failed, 2 for a bad file."""

import signal
import sys

from host_tools.prove import elsewhere, present, run, scenario
from host_tools.sim import interpreter

_INTERRUPTED = 130


def prove(files, as_json=False, report=None, board=None):
    """ValueError carries the sentence for the user, before anything has run.

    board: name of the board to take for the one that the files speak of.
    """
    scenarios = [scenario.load(path) for path in (files or scenario.library())]
    if not scenarios:
        raise ValueError("there are no scenarios")
    path, note = interpreter.find()
    if note:
        print(f"vigil prove: {note}", file=sys.stderr, flush=True)
    left_out = []
    if board:
        scenarios, left_out = elsewhere.move_all(scenarios, board, path)
    page = None
    if report:
        try:
            page = open(report, "w", encoding="utf-8")
        except OSError as error:
            raise ValueError(f"cannot write {report}: {error.strerror}") from None
    # A shell that starts something in the background has it ignore this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    results = []
    try:
        with run.Runs(scenarios, path) as runs, present.choose(scenarios, as_json) as shown:
            for result in runs.results(shown.progress):
                results.append(result)
                shown.show(result)
            shown.end(results, left_out)
        if as_json:
            print(present.as_json(results, left_out))
        if page:
            from host_tools.prove.report import html

            page.write(html(results))
    except KeyboardInterrupt:
        # Half a proof is none.
        print("vigil prove: interrupted", file=sys.stderr)
        return _INTERRUPTED
    finally:
        if page:
            page.close()
    refused = [result for result in results if result.refusal]
    for result in refused:
        path = result.scenario.path
        print(f"vigil prove: {path}: the firmware refuses its limits", file=sys.stderr)
    if refused:
        return 2
    return 0 if all(run.passed(result) for result in results) else 1
