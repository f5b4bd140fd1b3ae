"""`vigil time`: what the BMS takes the time to be, and telling it."""

import json
import time

from host_tools.talk.options import begin_session

_EARLIEST = 1_577_836_800  # 2020
_LATEST = 0xFFFFFFFF


def parse(text):
    """Unix seconds, or None for this computer's at the moment of writing."""
    if text == "now":
        return None
    if not (text.isascii() and text.isdigit() and _EARLIEST <= int(text[:20]) <= _LATEST):
        raise ValueError(f"--set must be now, or unix seconds from {_EARLIEST} on")
    return int(text)


def show(bms, as_json, say=print):
    _tell(*bms.native.time(), as_json, say)
    return 0


def put(bms, unix_s, role, key_file, as_json, say=print):
    begin_session(bms, role, key_file)
    bms.native.set_time(int(time.time()) if unix_s is None else unix_s)
    return show(bms, as_json, say)


def _tell(uptime_s, unix_s, as_json, say):
    if as_json:
        say(json.dumps({"uptime_s": uptime_s, "unix_s": unix_s}))
        return
    started = f"started {uptime_s} s ago"
    if unix_s is None:
        say(f"nobody has told it the time since it {started}: vigil time --set now")
        return
    there = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix_s))
    apart = unix_s - round(time.time())
    if abs(apart) < 2:
        how = "as this computer's"
    else:
        how = f"{abs(apart)} s {'ahead of' if apart > 0 else 'behind'} this computer's"
    say(f"{there}, {how}; {started}")
