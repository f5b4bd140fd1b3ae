"""The supervisor's end of the virtual radio: a port for phones, and a hub once there is one.

Without a phone it is one listening socket; bumble is loaded, in a process of its own, when the
first phone knocks.
"""

import os
import select
import socket
import sys

from host_tools.sim.child import Child
from host_tools.sim.settings import ROOT

_HUB = "host_tools.sim.radio.hub"
_BACKLOG = 16


class Station:
    """tell(board, word, ...): a message to a board; note(text): a sentence for the user."""

    def __init__(self, boards, loss, seed, tell, note):
        self._arguments = [str(boards), str(loss), str(seed)]
        self._tell = tell
        self._note = note
        self._hub = None
        self._phones = 0
        self._failed = False
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._listening.bind(("127.0.0.1", 0))
            self._listening.listen(_BACKLOG)
        except OSError:
            self._listening.close()
            raise
        self._fd = self._listening.fileno()
        self.hci = f"tcp-client:127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def attached(self):
        """A phone is there, or on its way in."""
        return self._phones > 0

    def watch(self, watch):
        """watch(fd, event, wanted), as the supervisor's poll needs it."""
        hub = self._hub
        watch(self._fd, select.POLLIN, hub is None and not self._failed)
        if self._failed:
            # Not before: its number might have been given to somebody else.
            self._listening.close()
        if hub is not None:
            for fd in (hub.stdout_fd, hub.stderr_fd):
                watch(fd, select.POLLIN, fd not in hub.closed)
            watch(hub.stdin_fd, select.POLLOUT, hub.has_unsent and not hub.ended)

    def serve(self, woken):
        hub = self._hub
        if hub is None:
            if self._fd in woken and not self._failed:
                self._start()
            return
        if hub.stderr_fd in woken:
            hub.error_lines()
        if hub.stdout_fd in woken:
            for message in hub.messages():
                self._obey(message)
            if hub.ended and not self._failed:
                self._give_up()
        if hub.stdin_fd in woken and not hub.ended:
            hub.send_unsent()

    def _start(self):
        command = [sys.executable, "-m", _HUB, str(self._fd), *self._arguments]
        try:
            self._hub = Child(command, ROOT, dict(os.environ), pass_fds=(self._fd,))
        except OSError as error:
            self._failed = True
            self._note(f"no phone can attach: {error.strerror}")
            return
        self._phones = 1

    def _obey(self, message):
        if message[0] == "phones":
            self._phones = message[1]
        elif message[0] == "board":
            self._tell(*message[1:])

    def _give_up(self):
        """The radio is an extra: the simulation goes on without it."""
        self._failed = True
        self._phones = 0
        self._hub.error_lines()
        words = [word for word in self._hub.errors if word.strip()]
        if any("No module named 'bumble'" in word for word in words):
            why = "the package bumble is missing (pip install 'vigil-bms[sim]')"
        else:
            why = words[-1] if words else "the virtual radio has ended"
        self._note(f"no phone can attach: {why}")

    def from_board(self, number, message):
        if self._hub is not None and not self._hub.ended:
            self._hub.tell("board", number, *message)

    def close(self):
        self._listening.close()
        if self._hub is not None:
            self._hub.end()
