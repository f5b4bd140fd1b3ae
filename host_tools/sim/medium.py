"""The RS485 line of the simulated BMS: a pseudo-terminal that a real client opens.

Nobody holds the client's side open here: what the BMS sends while no client listens is lost, as
on a wire, and does not wait to confuse the next client.
"""

import os
import select
import termios
import tty

# A line without a client reports "hung up" all the time, so it is looked at, not waited for.
LOOK_AGAIN_MS = 20
_CHUNK = 4096


class Line:
    def __init__(self):
        self.fd, slave = os.openpty()
        self.path = os.ttyname(slave)
        tty.setraw(slave)
        os.close(slave)
        os.set_blocking(self.fd, False)
        self._poll = select.poll()
        self._poll.register(self.fd, select.POLLIN)
        self.attached = False
        self.lost = 0

    def look(self):
        """What the client has sent (may be empty); brings `attached` up to date."""
        events = self._state()
        data = self._read() if events & select.POLLIN else b""
        hung_up = bool(events & select.POLLHUP)
        if hung_up and (self.attached or data):
            self._forget_client()
        self.attached = not hung_up
        return data

    def send(self, data):
        """Bytes from the BMS; lost when nobody listens or the client does not read."""
        if self._state() & select.POLLHUP:
            self.lost += len(data)
            return
        try:
            taken = os.write(self.fd, data)
        except OSError:
            # Full (the client does not read), or hung up just now.
            taken = 0
        self.lost += len(data) - taken

    def close(self):
        os.close(self.fd)

    def _state(self):
        events = self._poll.poll(0)
        return events[0][1] if events else 0

    def _read(self):
        data = b""
        try:
            while len(data) < 16 * _CHUNK:
                piece = os.read(self.fd, _CHUNK)
                if not piece:
                    break
                data += piece
        except OSError:
            # Nothing more, or the client has gone: both end the reading.
            pass
        return data

    def _forget_client(self):
        """The next client finds a raw line, without leftovers of this one."""
        try:
            slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return
        try:
            tty.setraw(slave)
            termios.tcflush(slave, termios.TCIFLUSH)
        except termios.error:
            pass
        finally:
            os.close(slave)
