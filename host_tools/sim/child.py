"""The process of one simulated board: JSON lines to and from it, and its certain end.

It lives in a session of its own, so that Ctrl-C reaches only the supervisor, and it ends by itself
when its standard input closes, so that it never outlives a supervisor that was killed.
"""

import collections
import json
import os
import select
import signal
import subprocess
import time

_CHUNK = 65536
# Messages to a board that does not read; more RS485 bytes are lost, as on a wire.
_BACKLOG = 65536
_FAREWELL_S = 1.5
_LAST_WORDS = 20


class Child:
    def __init__(self, command, directory, environment, pass_fds=()):
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self.stdin_fd = self._process.stdin.fileno()
        self.stdout_fd = self._process.stdout.fileno()
        self.stderr_fd = self._process.stderr.fileno()
        for fd in (self.stdin_fd, self.stdout_fd, self.stderr_fd):
            os.set_blocking(fd, False)
        self._partial = {self.stdout_fd: b"", self.stderr_fd: b""}
        self._unsent = b""
        self.closed = set()
        self.errors = collections.deque(maxlen=_LAST_WORDS)

    @property
    def pid(self):
        return self._process.pid

    @property
    def has_unsent(self):
        return bool(self._unsent)

    @property
    def ended(self):
        """It has closed its standard output: nothing more will come."""
        return self.stdout_fd in self.closed

    def tell(self, *message):
        if len(self._unsent) > _BACKLOG:
            return
        self._unsent += json.dumps(message).encode() + b"\n"
        self.send_unsent()

    def send_unsent(self):
        try:
            sent = os.write(self.stdin_fd, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            # It has gone; its output will say so.
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]

    def messages(self):
        """Complete lines of its standard output: lists as sent, or strings for anything else."""
        return [_message(line) for line in self._lines(self.stdout_fd)]

    def error_lines(self):
        """Complete lines of its standard error; the last ones are kept for an obituary."""
        lines = [_printable(line) for line in self._lines(self.stderr_fd)]
        self.errors.extend(lines)
        return lines

    def end(self):
        """Ask it to quit, wait a little, then make sure; returns its exit code."""
        self.tell("quit")
        self._process.stdin.close()
        deadline = time.monotonic() + _FAREWELL_S
        self._drain(deadline)
        try:
            self._process.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        # Also whatever it may have started; its group outlives it only then.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        code = self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()
        return code

    def _drain(self, deadline):
        """Read on, or it could not write its way to the end."""
        poll = select.poll()
        waiting = {self.stdout_fd, self.stderr_fd} - self.closed
        for fd in waiting:
            poll.register(fd, select.POLLIN)
        while waiting:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return
            for fd, _ in poll.poll(left_s * 1000):
                if fd == self.stderr_fd:
                    self.error_lines()
                else:
                    self._lines(fd)
                if fd in self.closed:
                    poll.unregister(fd)
                    waiting.discard(fd)

    def _lines(self, fd):
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return []
        lines = (self._partial[fd] + data).split(b"\n")
        self._partial[fd] = lines.pop()
        if not data:
            self.closed.add(fd)
            if self._partial[fd]:
                lines.append(self._partial[fd])
                self._partial[fd] = b""
        return lines


def _message(line):
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, list) and message else _printable(line)


def _printable(line):
    return line.decode("utf-8", "replace").rstrip("\r")
