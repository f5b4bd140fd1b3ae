"""A board at the end of a serial line, at its raw REPL (mpremote speaks it)."""

import contextlib
import io
import time

REOPEN_S = 15
_ANSWER_S = 10
_PAUSE_S = 0.1


class Unreachable(Exception):
    """The board does not answer, or no longer; one sentence."""


class Failed(Exception):
    """What was run on the board ended with an exception there."""


class Wire:
    def __init__(self, port):
        self._port = port
        self._transport = None

    def open(self, soft_reset=False):
        """Stops whatever runs on the board; its switches open by that.

        soft_reset: also empties its memory; boot.py runs then, main.py does not.
        """
        transport = self._transport or self._connect()
        self._guarded(lambda: transport.enter_raw_repl(soft_reset=soft_reset))

    def run(self, code):
        """What the code printed on the board."""
        return self._guarded(lambda: self._transport.exec(code)).decode()

    def restart(self):
        """The board goes away; nothing is awaited."""
        if self._transport is None:
            raise Unreachable(f"the board at {self._port} was not reached")
        # The pause lets the board's last words out before its USB port goes.
        code = "import machine, time\ntime.sleep_ms(100)\nmachine.reset()"
        try:
            self._guarded(lambda: self._transport.exec_raw_no_follow(code))
        finally:
            self.close()

    def lines(self, seconds):
        """Lines that the board prints from now on; the port may have to come back first."""
        deadline = time.monotonic() + seconds
        serial = self._reopened(deadline)
        serial.timeout = _PAUSE_S
        partial = b""
        while time.monotonic() < deadline:
            try:
                partial += serial.read(1) + serial.read(serial.in_waiting)
            except OSError:
                # A USB port that goes once more: the board starts again.
                self.close()
                serial = self._reopened(deadline)
                serial.timeout = _PAUSE_S
            *whole, partial = partial.split(b"\n")
            for line in whole:
                # The last words before the restart may be the raw REPL's.
                yield line.decode("utf-8", "replace").strip("\x04 \r")

    def close(self):
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(OSError):
                transport.close()

    def _reopened(self, deadline):
        while self._transport is None:
            try:
                self._connect()
            except Unreachable:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE_S)
        return self._transport.serial

    def _connect(self):
        transport_serial = _mpremote()
        try:
            self._transport = transport_serial.SerialTransport(self._port, timeout=_ANSWER_S)
        except (OSError, transport_serial.TransportError) as error:
            raise Unreachable(f"no board at {self._port}: {error}") from None
        return self._transport

    def _guarded(self, action):
        transport_serial = _mpremote()
        try:
            # mpremote prints what it did not understand.
            with contextlib.redirect_stdout(io.StringIO()):
                return action()
        except transport_serial.TransportExecError as error:
            raise Failed(error.error_output.strip().splitlines()[-1]) from None
        except (OSError, transport_serial.TransportError) as error:
            raise Unreachable(f"the board at {self._port} does not answer: {error}") from None


def _mpremote():
    try:
        from mpremote import transport_serial
    except ImportError:
        raise Unreachable("mpremote is not installed: pip install -e '.[deploy]'") from None
    return transport_serial
