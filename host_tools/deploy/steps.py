"""The way of a version onto a board. Until the pointer is written the old one is what starts."""

import ast
import base64
import hashlib
from pathlib import Path

from host_tools.deploy import fitness
from host_tools.deploy.wire import Unreachable

FIRST_SAMPLE_S = 30
_PIECE = 768
_HELPER = Path(__file__).with_name("helper.py")
# What the firmware prints (vigil/first_sample.py).
_SAMPLE = "sample of "
RUNS, FELL_BACK, SILENT = range(3)


class Differs(Exception):
    """A file on the board is not what was sent; one sentence."""


class Unsure(Exception):
    """The order to switch over was sent, its answer never came; one sentence."""


def deploy(wire, image, say, first_sample_s=FIRST_SAMPLE_S):
    """RUNS if the new version has shown its first Sample, FELL_BACK if another one did.

    Whatever goes wrong before the switch leaves the old version, which is started again if the
    board can still be reached.
    """
    wire.open()
    try:
        _prepare(wire, image, say)
    except BaseException:
        _restart_quietly(wire)
        raise
    say("switched over; restarting")
    try:
        wire.restart()
    except Unreachable:
        # It may have gone before its last answer; that it comes back is looked for below.
        pass
    for line in wire.lines(first_sample_s):
        if line:
            say(f"board: {line}")
        if line.startswith(_SAMPLE):
            return RUNS if image.release in line.partition(":")[0] else FELL_BACK
    return SILENT


def helper():
    """The program that goes to the board for the time of a deploy."""
    return _HELPER.read_text("utf-8")


def _prepare(wire, image, say):
    wire.run(helper())
    facts = fitness.Facts(*ast.literal_eval(wire.run("facts()").strip()))
    fitness.check(facts, image)
    target, stays = fitness.folders(facts)
    if stays is not None:
        # Also ends a trial: what is on trial lies where the new version goes.
        if fitness.loader().parse(facts.pointer) != (stays, 0, None):
            wire.run(f"point({stays!r})")
        say(f"{stays} stays as it is; the new version goes to {target}")
    else:
        say(f"first version of this board, in {target}")
    wire.run(f"remove('/{target}')")
    room = fitness.Facts(*ast.literal_eval(wire.run("facts()").strip())).free_bytes
    fitness.check_room(room, image)
    # The manifest makes it a whole version: last.
    order = sorted(image.app, key=lambda path: (path == "manifest.json", path))
    for number, path in enumerate(order, 1):
        say(f"{number}/{len(order)} {path}")
        _copy(wire, f"/{target}/{path}", image.app[path])
    for name in ("slots.py", "boot.py", "main.py"):
        _update(wire, f"/{name}", image.loader[name])
    pointer = target if stays is None else f"{target} 0 {stays}"
    try:
        wire.run(f"point({pointer!r})")
    except Unreachable as error:
        raise Unsure(str(error)) from None


def _copy(wire, path, data):
    for at in range(0, len(data) or 1, _PIECE):
        piece = base64.b64encode(data[at : at + _PIECE])
        wire.run(f"put({path!r}, {piece!r}, {at == 0})")
    if _hash_there(wire, path) != hashlib.sha256(data).hexdigest():
        raise Differs(f"{path} on the board is not what was sent")


def _update(wire, path, data):
    if _hash_there(wire, path) == hashlib.sha256(data).hexdigest():
        return
    _copy(wire, path + ".new", data)
    wire.run(f"replace({path!r}, {path + '.new'!r})")


def _hash_there(wire, path):
    return wire.run(f"sha256({path!r})").strip()


def _restart_quietly(wire):
    try:
        wire.restart()
    except Exception:
        # Gone: its watchdog restarts it.
        wire.close()
