"""A link's engine on one end of a pty, for real clients on the other."""

import contextlib
import fcntl
import os
import struct
import termios
import threading
import time
import tty

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.link.rs485 import Rs485


class PtyPort:
    """The board's end of a pty as a UART."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def any(self):
        waiting = fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
        return struct.unpack("i", waiting)[0]

    def readinto(self, buffer, count):
        data = os.read(self.descriptor, count)
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        return os.write(self.descriptor, data)

    def txdone(self):
        return True


@contextlib.contextmanager
def serving(engine, turn=None):
    """Serves the engine on a pty; gives the path of the client's end and the link.

    turn: what else the board does in between.
    """
    if turn is None:
        # The board's ticks_diff; the moments come from this computer.
        fake_time.use(VirtualClock())
    board_end, client_end = os.openpty()
    tty.setraw(client_end)
    link = Rs485(PtyPort(board_end), engine, None, 9600)
    done = threading.Event()

    def serve():
        while not done.is_set():
            wait_us = link.poll(time.monotonic_ns() // 1000 % (1 << 30))
            if turn is not None:
                turn()
            done.wait(wait_us / 1e6)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(client_end), link
    finally:
        done.set()
        thread.join(5)
        os.close(board_end)
        os.close(client_end)
    assert not thread.is_alive()
