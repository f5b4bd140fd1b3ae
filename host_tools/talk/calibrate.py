"""`vigil calibrate`: correct what the BMS measures against what is known to be true."""

import json

from host_tools.client import calibrating as c
from host_tools.client.errors import Refused
from host_tools.talk import options

_POLL_S = 0.5
_TURNS = 60
KINDS = {"current-zero": c.ZERO, "current-gain": c.GAIN, "cell-voltage": c.CELL, "undo": c.UNDO}
_MOST_MA = 500_000
_MOST_MV = 6_000


def parse(what, true_ma, cell, true_mv, dry_run):
    """(kind, cell, true value); None to show. ValueError with a sentence."""
    if what != "show" and what not in KINDS:
        raise ValueError(f"calibrate what? {', '.join(KINDS)}, or show")
    needs = {"current-gain": ("--true-ma",), "cell-voltage": ("--cell", "--true-mv")}
    given = {"--true-ma": true_ma, "--cell": cell, "--true-mv": true_mv}
    for option, value in given.items():
        if (option in needs.get(what, ())) != (value is not None):
            verb = "needs" if value is None else "does not take"
            raise ValueError(f"calibrate {what} {verb} {option}")
    if what == "show":
        if dry_run:
            raise ValueError("calibrate show changes nothing: it does not take --dry-run")
        return None
    if true_ma is not None and not 0 < abs(true_ma) <= _MOST_MA:
        raise ValueError(f"--true-ma must be up to {_MOST_MA} either way, and not 0")
    if cell is not None and not 1 <= cell <= 255:
        raise ValueError("--cell is counted from 1")
    if true_mv is not None and not 0 < true_mv <= _MOST_MV:
        raise ValueError(f"--true-mv must be 1 to {_MOST_MV}")
    return KINDS[what] | (c.DRY if dry_run else 0), cell or 0, true_ma or true_mv or 0


def calibrate(bms, wanted, role, key_file, as_json, say=print):
    """wanted: of parse()."""
    native = bms.native
    if wanted is None:
        return _tell(native.calibration(), as_json, say)
    native.calibration()
    options.begin_session(bms, role, key_file)
    found = native.calibrate(*wanted)
    if found.result == c.AVERAGING and not as_json:
        say("measuring for ten seconds; let nothing change ...")
    for _ in range(_TURNS):
        if found.result != c.AVERAGING:
            break
        bms.line.read(_POLL_S)
        found = native.calibration()
    if found.result in c.REFUSED:
        raise Refused(f"not calibrated: {c.REFUSED[found.result]}{_measured(found)}")
    if found.result not in (c.TAKEN, c.WOULD_TAKE):
        raise Refused("the BMS does not come to an end with it")
    return _tell(found, as_json, say)


def _measured(found):
    if not found.mean:
        return ""
    unit = "mV" if found.kind == c.CELL else "mA"
    return f" (the front end showed {found.mean} {unit})"


def _tell(found, as_json, say):
    if as_json:
        told = found._asdict() | {"gain_percent": round(found.gain_percent, 3)}
        told["cells"] = {str(cell): mv for cell, mv in found.cells.items()}
        told["taken"] = found.result == c.TAKEN
        say(json.dumps(told))
        return 0
    if found.lost:
        say("what was corrected has been lost with the memory: calibrate anew")
    if found.result == c.WOULD_TAKE:
        words = c.taken(found.kind, found.cell, found.would)
        say(f"dry run, nothing is taken over; {words.replace('calibrated', 'it would be')}")
    elif found.result == c.TAKEN:
        say(c.taken(found.kind, found.cell, found.would))
    say(f"current: {found.offset_ma} mA taken off, then {found.gain_percent:+.2f} %")
    for cell, mv in found.cells.items():
        say(f"cell {cell}: {mv:+d} mV")
    if not found.cells:
        say("cells: none is corrected")
    if found.can_undo:
        say("what was before comes back with: vigil calibrate undo")
    return 0
