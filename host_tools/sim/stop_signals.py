"""SIGINT, SIGTERM and SIGHUP as a file descriptor: seen by whoever polls, interrupting nobody."""

import os
import signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Context manager; `fd` becomes, and stays, readable once a stop has been asked for."""

    def __enter__(self):
        self.fd, self._write_fd = os.pipe()
        os.set_blocking(self._write_fd, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        # A handler of our own even where a shell has told us to ignore the signal.
        self._before = {number: signal.signal(number, _nothing_more) for number in _SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.fd)
        os.close(self._write_fd)


def _nothing_more(number, frame):
    """The byte in the pipe says it all."""
