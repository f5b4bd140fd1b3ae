"""`vigil log`: the journal in words."""

import json

from host_tools.client import journal


def log(bms, count, as_json, say=print):
    """count: so many of the latest; None for all."""
    if count is not None and count < 1:
        raise ValueError("--last must be at least 1")
    records = bms.native.journal()
    entries = [journal.entry(record) for record in records[-(count or 0) :]]
    damaged = sum(entry is None for entry in entries)
    entries = [entry for entry in entries if entry]
    if as_json:
        whole = [entry._asdict() for entry in entries]
        say(json.dumps({"entries": whole, "damaged": damaged}))
        return 0
    for entry in entries:
        say(f"{entry.sequence:5d}  start {entry.start}, {_clock(entry.t_s)}  {entry.sentence}")
    if not entries:
        say("the journal is empty")
    if damaged:
        say(f"{damaged} records are damaged and left out")
    return 0


def _clock(t_s):
    return f"{t_s // 3600}:{t_s // 60 % 60:02d}:{t_s % 60:02d}"
