"""`vigil monitor`: how the BMS is, line by line."""

import contextlib
import json
import sys
import time

from host_tools.client.errors import PortError, Unanswered
from host_tools.talk import overview

_MOST_SILENCES = 5


def monitor(bms, interval_s, count, as_json, pause=time.sleep, say=print):
    """Until `count` lines are told (None: for ever); the exit code.

    A missing answer or two are told and waited out; more in a row end it. A lost radio link is
    told, too, and sought again.
    """
    if not 0.1 <= interval_s <= 25:
        raise ValueError("--interval must be 0.1 to 25 seconds")
    if count is not None and count < 1:
        raise ValueError("--count must be at least 1")
    limits = overview.running_limits(bms)
    told = []
    silences = 0
    left = count
    with contextlib.closing(_lasting(bms, limits, interval_s, pause)) as moments:
        for seen in moments:
            silences = silences + 1 if seen is None else 0
            if silences >= _MOST_SILENCES:
                raise Unanswered("the BMS answers no more")
            if seen is None:
                continue
            _tell(seen, told, as_json, say)
            if left is not None:
                left -= 1
                if not left:
                    break
    return 0


def _lasting(bms, limits, interval_s, pause):
    while True:
        try:
            with contextlib.closing(_moments(bms, limits, interval_s, pause)) as moments:
                yield from moments
        except PortError as error:
            # A cable that has gone does not come back by itself.
            if not hasattr(bms.line, "reconnect"):
                raise
            print(f"vigil monitor: {error}; sought again", file=sys.stderr, flush=True)
            bms.line.reconnect()


def _moments(bms, limits, interval_s, pause):
    if bms.has_points and bms.sends_by_itself(overview.KEYS):
        with contextlib.closing(bms.watch(overview.KEYS, interval_s)) as watched:
            for values in watched:
                yield values and overview.of_points(values, limits)
    while True:
        try:
            if bms.has_points:
                yield overview.of_points(bms.read(*overview.KEYS), limits)
            else:
                yield overview.of_jbd(bms.overview())
        except Unanswered:
            yield None
        pause(interval_s)


def _tell(seen, told, as_json, say):
    """told: the sentences of the line before; only new ones are written out."""
    if as_json:
        say(json.dumps(seen), flush=True)
        return
    say(overview.line(seen), flush=True)
    now = [f"  ! {text}" for text in seen["faults"]]
    now += [f"  - {text}" for text in seen["warnings"]]
    for text in now:
        if text not in told:
            say(text, flush=True)
    told[:] = now
