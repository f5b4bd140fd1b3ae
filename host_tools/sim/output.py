"""Standard output and error: no line waits in a buffer, no reader keeps a stop request waiting."""

import os
import select

_PIECE = 4096


class Stopped(Exception):
    """SIGINT or SIGTERM came while the reader of our output did not read."""


class Output:
    def __init__(self, fd, wake_fd=None):
        """wake_fd becomes readable when the simulator shall stop."""
        self._fd = fd
        self._wake_fd = wake_fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        if wake_fd is not None:
            self._poll.register(wake_fd, select.POLLIN)

    def line(self, text):
        self.send(text + "\n")

    def send(self, text):
        data = text.encode("utf-8", "backslashreplace")
        while data:
            ready = {fd for fd, _ in self._poll.poll()}
            # A stop request waits for the text in hand, as long as somebody takes it.
            if self._fd not in ready:
                raise Stopped
            data = data[os.write(self._fd, data[:_PIECE]) :]

    def line_if_possible(self, text):
        """For standard error: a closed one is no reason to end."""
        try:
            self.line(text)
        except OSError:
            pass
