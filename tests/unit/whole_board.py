"""The whole firmware on a stand-in of a board, its simulated chip around it."""

import ast

from host_tools.build import image
from host_tools.deploy import steps, wire
from host_tools.firmware import load
from tests.unit.board_stand_in import BoardStandIn, runs
from vigil.memory import Memory

BOARD = "pico_bq76952"
_keeper = load("keeper")[0]
# The board stands still at either second: before its start is confirmed, or after.
UNCONFIRMED_S = 10
CONFIRMED_S = _keeper.CONFIRM_AFTER_MS // 1000 + 10
FIRST_SAMPLE_S = 60


def made():
    """The firmware as it is, for this computer's MicroPython."""
    return image.make(BOARD, processor="x64")


def changed(made, version, instead, only=None):
    """Another version: files {path: source} in the place of others. only: of the old ones, these
    alone, for a version that does not get far enough to miss the rest."""
    gone = [path.replace(".py", ".mpy") for path in instead] + [image.RELEASE, image.MANIFEST]
    app = {path: data for path, data in made.app.items() if path not in gone}
    if only is not None:
        app = {path: data for path, data in app.items() if path in only}
    needed = made.manifest["micropython"]
    return image.Image(BOARD, "x64", made.loader, {**app, **instead}, version, needed)


def stand_in(flash, hold_s, log=None, age=""):
    return BoardStandIn(flash, log, (BOARD, hold_s, age))


def bring(made, board, said=None):
    """What steps.deploy() gives."""
    line = wire.Wire(board.port)
    try:
        return steps.deploy(line, made, (said if said is not None else []).append, FIRST_SAMPLE_S)
    finally:
        line.close()


def ask(board, code):
    line = wire.Wire(board.port)
    line.open()
    try:
        return line.run(code).strip()
    finally:
        line.close()


def kept(board):
    """(pointer, starts, the owner's file) that the board remembers."""
    pointer, settings, files = ast.literal_eval(
        ask(
            board,
            "import os\n"
            "print((open('/running').read().split(), open('/kept/settings').read(),"
            " {name: open('/kept/' + name, 'rb').read() for name in os.listdir('/kept')}))",
        )
    )
    # What reads it there may have been let go of after the start.
    return pointer, Memory(Files(files)).starts, settings


class Files:
    """A storage of what was found on a board; nothing is to be written to it."""

    def __init__(self, files):
        self.read = files.get

    def read_part(self, name, at, size):
        return self.read(name)[at : at + size]


def started(flash, hold_s=UNCONFIRMED_S):
    """Version and hash of what starts; its supply is cut soon after."""
    return runs(flash, (BOARD, hold_s), "sample of ").split(":")[0].removeprefix("sample of ")
