"""A board for the deploy tests: a littlefs in a file is its whole filesystem; boot.py and main.py
run as on a board, then a raw REPL on standard input and output. Never upload.

Arguments: the file of the flash; a file that gets every change of it, "-" for none. For the whole
firmware also: the board whose simulated surroundings it has, the virtual second after its start
at which it stands still (and waits to be interrupted), and "old" for an old MicroPython.
"""

import gc
import io
import os
import select
import struct
import sys
import time as real_time

import vfs

SECTOR = 4096
PAGE = 256
SECTORS = 352  # the filesystem of a Pico
WINDOW = 1024  # of raw-paste mode
CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
WATCHDOG_S = 9  # longer than any
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
        self.write(at, data)

    def write(self, at, data):
        self._file.seek(at)
        self._file.write(data)


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


class OldSys:
    """The module sys of a MicroPython that compiles kernels wrongly."""

    class implementation:
        name = "micropython"
        version = (1, 28, 0, "")
        _mpy = sys.implementation._mpy

    path = sys.path
    modules = sys.modules
    print_exception = sys.print_exception


class Surroundings:
    """A simulated board's chip and lines; its clock stands still at `hold_s`.

    Everything is imported before the filesystem becomes the board's own.
    """

    def __init__(self, name, hold_s):
        import time

        import machine

        from host_tools.mock import fake_time
        from host_tools.mock.clock import VirtualClock

        self.machine, self.time = machine, time
        self._hold_us = hold_s * 1000000
        self._clock = clock = VirtualClock()
        fake_time.use(clock)
        machine.use(clock)
        machine.on_watchdog = machine.reset
        sys.path.insert(0, "boards/" + name)
        import board

        twin = "host_tools.sim.twins." + board.TWIN
        __import__(twin)
        self.twin = sys.modules[twin].build(clock, board, 1, 50)
        clock.on_sleep = self.tend

    def tend(self):
        interrupted = _poll.poll(0) and _stdin.read(1) == CTRL_C
        while not interrupted and self._clock.now_us >= self._hold_us:
            # Told again and again: whoever waits for it may have come late.
            _stdout.write(b"holds\r\n")
            interrupted = _poll.poll(50) and _stdin.read(1) == CTRL_C
        if interrupted:
            raise KeyboardInterrupt

    def at_rest(self):
        """At the REPL nothing watches the line but the REPL itself."""
        self._clock.on_sleep = None


def main(path, log, surroundings=None, hold_s="0", age=""):
    flash = Flash(path, log)
    around = surroundings and Surroundings(surroundings, int(hold_s))
    if os.stat(path)[6] == 0:
        flash.write(SECTOR * SECTORS - 1, b"\xff")
        vfs.VfsLfs2.mkfs(flash, progsize=PAGE)
    files = vfs.VfsLfs2(flash, progsize=PAGE)
    vfs.umount("/")
    vfs.mount(files, "/")
    if age == "old":
        sys.modules["sys"] = OldSys
    forget()
    sys.modules["machine"] = around.machine if around else Machine
    sys.modules["time"] = around.time if around else Time
    try:
        start("/boot.py")
        start("/main.py")
        if around:
            # At the prompt time goes on, and a watchdog that was started is fed no more.
            around.time.sleep(WATCHDOG_S)
    except KeyboardInterrupt:
        _stdout.write(b"stopped\r\n")
    if around:
        around.at_rest()
    raw_repl()


def forget():
    """As after a reset: nothing of the board's own is in memory."""
    sys.path[:] = ["", ".frozen"]
    for name in list(sys.modules):
        if name.split(".")[0] in ("boot", "board", "main", "slots", "vigil", "vigil_release"):
            del sys.modules[name]
    gc.collect()


def soft_reset():
    _stdout.write(b"OK\r\nMPY: soft reboot\r\n")
    forget()
    start("/boot.py")
    _stdout.write(b"raw REPL; CTRL-B to exit\r\n>")


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
        elif byte == CTRL_D and not code:
            names = {}
            soft_reset()
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


main(*sys.argv[1:])
