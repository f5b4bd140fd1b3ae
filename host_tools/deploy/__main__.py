"""`python -m host_tools.deploy BOARD PORT`: build, copy, verify, switch over, show that it runs.

Exit codes: 0 runs, 1 given up (the old version stays or is back), 2 refused or wrong arguments,
3 copied and on trial, but its first Sample was not seen.
"""

import sys

from host_tools.build import image
from host_tools.build.__main__ import build
from host_tools.deploy import fitness, steps, wire

RUNS, GIVEN_UP, REFUSED, SILENT = range(4)


def main(arguments, connect=wire.Wire):
    if len(arguments) != 2 or not all(arguments):
        names = ", ".join(image.real_boards())
        return _refuse(f"BOARD=<name> and PORT=<port> are needed; boards: {names}", REFUSED)
    board, port = arguments
    try:
        made = build(board)
    except ValueError as error:
        return _refuse(error, REFUSED)
    except OSError as error:
        return _refuse(f"cannot build: {error}", GIVEN_UP)
    return put(made, connect(port))


def put(made, line, first_sample_s=steps.FIRST_SAMPLE_S):
    """The exit code of bringing an Image onto the board at the end of the line."""
    try:
        shown = steps.deploy(line, made, _say, first_sample_s)
    except fitness.Refused as error:
        return _refuse(f"refused: {error}. The board runs on as before", REFUSED)
    except (steps.Differs, wire.Failed, wire.Unreachable) as error:
        return _refuse(f"given up: {error}. The old version, if there was one, stays", GIVEN_UP)
    except steps.Unsure as error:
        return _refuse(
            f"given up while switching over: {error}. Either version may run now; deploy again",
            GIVEN_UP,
        )
    except KeyboardInterrupt:
        return _refuse("interrupted. The old version, if there was one, stays", GIVEN_UP)
    finally:
        line.close()
    if shown == steps.FELL_BACK:
        return _refuse("the new version failed three starts; the old one is back", GIVEN_UP)
    if shown == steps.SILENT:
        return _refuse(
            f"no first sample within {first_sample_s} s; if there was an old version, the new one "
            "is on trial: after three starts that are not confirmed the old one comes back",
            SILENT,
        )
    _say("runs; it stays once it has run well for 30 s")
    return RUNS


def _say(text):
    print(f"deploy: {text}", flush=True)


def _refuse(text, code):
    print(f"deploy: {text}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
