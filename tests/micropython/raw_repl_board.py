"""A board for the deploy tests: a littlefs in a file is its whole filesystem; boot.py and main.py
run as on a board, then a raw REPL on standard input and output. Never upload.

Arguments: the file of the flash; a file that gets every change of it, "-" for none.
"""

import io
import os
import select
import struct
import sys
import time as real_time

import vfs

SECTOR = 4096
PAGE = 256
SECTORS = 128
WINDOW = 128  # of raw-paste mode
CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
RESET = 0  # exit code that the test knows

_stdin = sys.stdin.buffer
_stdout = sys.stdout.buffer
_poll = select.poll()
_poll.register(sys.stdin, select.POLLIN)


class Flash:
    """Block device of a board's flash: what it is told is in the file when it returns."""

    def __init__(self, path, log):
        self._file = open(path, "r+b")
        self._log = None if log == "-" else open(log, "ab")

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * SECTOR + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        for first in range(0, len(buffer), PAGE):
            data = bytes(buffer[first : first + PAGE])
            self._change(block * SECTOR + offset + first, data)

    def ioctl(self, operation, argument):
        if operation == 4:
            return SECTORS
        if operation == 5:
            return SECTOR
        if operation == 6:
            self._change(argument * SECTOR, b"\xff" * SECTOR)
        return 0

    def _change(self, at, data):
        if self._log:
            self._log.write(struct.pack("<II", at, len(data)) + data)
            self._log.flush()
        self.write(at, data)

    def write(self, at, data):
        self._file.seek(at)
        self._file.write(data)
        self._file.flush()


class Watchdog:
    def __init__(self, id=0, timeout=5000):
        pass

    def feed(self):
        pass


class Machine:
    """What the loader and the small versions of the tests need."""

    WDT = Watchdog

    @staticmethod
    def reset():
        raise SystemExit(RESET)


class Time:
    """Sleeps quickly, and is where Ctrl-C arrives."""

    ticks_ms = real_time.ticks_ms

    @staticmethod
    def sleep_ms(ms):
        for _ in range(1 + ms // 10):
            if _poll.poll(1) and _stdin.read(1) == CTRL_C:
                raise KeyboardInterrupt

    @staticmethod
    def sleep(seconds):
        Time.sleep_ms(0)


def main(path, log):
    flash = Flash(path, log)
    if os.stat(path)[6] == 0:
        flash.write(SECTOR * SECTORS - 1, b"\xff")
        vfs.VfsLfs2.mkfs(flash)
    files = vfs.VfsLfs2(flash)
    vfs.umount("/")
    vfs.mount(files, "/")
    sys.path[:] = ["", ".frozen"]
    sys.modules["machine"] = Machine
    sys.modules["time"] = Time
    try:
        start("/boot.py")
        start("/main.py")
    except KeyboardInterrupt:
        _stdout.write(b"stopped\r\n")
    raw_repl()


def start(name):
    try:
        with open(name) as file:
            text = file.read()
    except OSError:
        return
    try:
        exec(text, {"__name__": "__main__"})
    except Exception as error:
        sys.print_exception(error)


def raw_repl():
    names = {}
    code = bytearray()
    while True:
        byte = _stdin.read(1)
        if not byte:
            return
        if byte == CTRL_A:
            code = bytearray()
            _stdout.write(b"raw REPL; CTRL-B to exit\r\n>")
        elif byte == CTRL_E and not code:
            _stdin.read(2)
            pasted = paste()
            _stdout.write(run(pasted, names) + CTRL_D + b">")
        elif byte in (CTRL_B, CTRL_C):
            code = bytearray()
        else:
            code += byte


def paste():
    """Raw-paste mode: the client sends as much as the window allows."""
    _stdout.write(b"R\x01" + struct.pack("<H", WINDOW))
    code = bytearray()
    while True:
        byte = _stdin.read(1)
        if byte == CTRL_D:
            _stdout.write(CTRL_D)
            return code
        code += byte
        if len(code) % WINDOW == 0:
            _stdout.write(CTRL_A)


def run(code, names):
    """Its output is on the line, then CTRL-D; returns what went wrong."""
    wrong = b""
    try:
        exec(bytes(code).decode(), names)
    except Exception as error:
        told = io.StringIO()
        sys.print_exception(error, told)
        wrong = told.getvalue().encode()
    _stdout.write(CTRL_D)
    return wrong


main(sys.argv[1], sys.argv[2])
