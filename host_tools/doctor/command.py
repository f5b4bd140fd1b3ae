"""`vigil doctor`: examine a board at a port, or a simulated one, and leave a report to share."""

import json
import os
import sys
from pathlib import Path

from host_tools.build import image
from host_tools.deploy import fitness, wire
from host_tools.doctor import desk, report
from host_tools.doctor.examination import Examination

WELL, PROBLEMS = 0, 1


def doctor(board, port, path, as_json, connect=wire.Wire):
    """The exit code; ValueError with one sentence where nothing could be examined."""
    link = _link(board, port, connect)
    files = _writable(path or f"doctor-{board}")
    examination = Examination(link, board, _say)
    try:
        examination.run()
    except (fitness.Refused, wire.Failed, wire.Unreachable) as error:
        where = f"the board at {port}" if port else f"the simulated board {board}"
        raise ValueError(f"{where} cannot be examined: {error}") from None
    finally:
        _let_go(link)
    whole = report.make(examination)
    readable = report.text(whole)
    files[0].write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    files[1].write_text(readable, "utf-8")
    print(json.dumps(whole) if as_json else readable, end="\n" if as_json else "")
    _say(f"report to share: {files[0]} and {files[1]}")
    return PROBLEMS if whole["problems"] else WELL


def _link(board, port, connect):
    if not board:
        raise ValueError("--board NAME is needed")
    if port is None:
        link = desk.Desk(board)
        if link.note:
            _say(link.note)
        return link
    if not port:
        raise ValueError("--port must not be empty")
    known = image.real_boards()
    if board not in known:
        raise ValueError(
            f"there is no board {board!r} to be examined at a port; known are: {', '.join(known)}"
        )
    return connect(port)


def _writable(path):
    """(JSON file, text file); refused before the board is stopped for nothing."""
    files = Path(f"{path}.json"), Path(f"{path}.txt")
    folder = files[0].parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or any(map(Path.is_dir, files)):
        raise ValueError(f"--report: cannot write {files[0]}")
    return files


def _let_go(link):
    """The firmware starts again, whatever has happened."""
    try:
        link.restart()
    except (wire.Failed, wire.Unreachable):
        # Gone: its watchdog restarts it.
        link.close()


def _say(text):
    print(f"doctor: {text}", file=sys.stderr, flush=True)
