"""How messages and Modbus frames travel over a line: write, wait, pick the answer out."""

from host_tools.client import frames
from host_tools.client.errors import EchoOnly, Garbage, Silent
from host_tools.client.messages import MOST

_BITS = 10  # of a byte on the line
_MOST_HEARD = 4096
_QUIET_CHARACTERS = 4


class _Carrier:
    """`exchange(message, wanted)`: send it, and give the first answer that wanted() takes."""

    def __init__(self, line):
        self.line = line
        self._heard = b""

    def exchange(self, message, wanted):
        """wanted(message) returns None for what is no answer to this request.

        Silent, EchoOnly or Garbage where none comes in time.
        """
        frame = self._framed(message)
        line = self.line
        line.forget()
        self._heard = b""
        self._quiet()
        line.write(frame)
        everything = b""
        sent_s = len(frame) * _BITS / line.baudrate
        begins_by = line.now() + line.answer_s + sent_s
        ends_by = begins_by + MOST * _BITS / line.baudrate
        while True:
            left_s = (ends_by if everything else begins_by) - line.now()
            data = line.read(left_s) if left_s > 0 else b""
            if not data:
                raise _nothing(frame, everything)
            everything = (everything + data)[-_MOST_HEARD:]
            self._heard = (self._heard + data)[-_MOST_HEARD:]
            self._drop_echo(frame)
            for found in self._messages():
                result = wanted(found)
                if result is not None:
                    return result

    def _messages(self):
        while True:
            found, self._heard = self._take(self._heard)
            if found is None:
                return
            yield found

    def _drop_echo(self, frame):
        """An adapter that hears itself gives our own bytes first."""
        at = self._heard.find(frame)
        if at >= 0:
            self._heard = self._heard[:at] + self._heard[at + len(frame) :]

    def _quiet(self):
        pass


class SerialCarrier(_Carrier):
    """Native messages over a serial line of their own."""

    may_subscribe = True

    def _framed(self, message):
        return frames.serial(message)

    def _take(self, heard):
        return frames.take_serial(heard)

    def listen(self, wanted, timeout_s):
        """The first unasked message that wanted() takes; None when the time is over."""
        deadline = self.line.now() + timeout_s
        while True:
            for found in self._messages():
                result = wanted(found)
                if result is not None:
                    return result
            left_s = deadline - self.line.now()
            data = self.line.read(left_s) if left_s > 0 else b""
            if not data:
                return None
            self._heard = (self._heard + data)[-_MOST_HEARD:]


class _Rtu(_Carrier):
    may_subscribe = False

    def __init__(self, line, unit=1):
        super().__init__(line)
        self.unit = unit

    def _quiet(self):
        """Modbus wants a silence before a request; what comes meanwhile is not for us."""
        self.line.read(_QUIET_CHARACTERS * _BITS / self.line.baudrate)


class ModbusCarrier(_Rtu):
    """Native messages inside Modbus's function 100; an exception comes as one byte."""

    def _framed(self, message):
        return frames.native_rtu(self.unit, message)

    def _take(self, heard):
        frame, left = frames.take_rtu(heard, self.unit, frames.NATIVE)
        return (frame[2:] if frame else None), left


class ModbusFrames(_Rtu):
    """Modbus itself: messages are frames without their check sum, of one function."""

    def __init__(self, line, unit=1, function=3):
        super().__init__(line, unit)
        self.function = function

    def _framed(self, message):
        return frames.with_crc(message)

    def _take(self, heard):
        return frames.take_rtu(heard, self.unit, self.function)


def _nothing(frame, everything):
    if not everything:
        return Silent("nothing answers")
    if everything.replace(frame, b"") == b"":
        return EchoOnly("only our own bytes come back")
    return Garbage(
        f"{len(everything)} bytes came, but no answer among them", everything.replace(frame, b"")
    )
