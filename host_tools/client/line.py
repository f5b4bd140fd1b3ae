"""A serial line of this computer: real, USB, or the pty of a simulator.

Whatever has its methods (write, read, forget, now, close), `baudrate` and `answer_s` can carry a
protocol; tests have one without wires. pyserial is imported here and nowhere else.
"""

import errno
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from host_tools.client.errors import NotSpoken, PortError

_WRITE_S = 2
_BUSY = (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK)


class SerialLine:
    """PortError if the port cannot be opened; ValueError if there is none of this name."""

    answer_s = 0.6  # a BMS begins within 20 ms; the rest is for adapters

    def __init__(self, path, baudrate=9600):
        serial = pyserial()
        self.path = str(path)
        if not os.path.exists(self.path):
            raise ValueError(f"there is no port {self.path}")
        self.baudrate = baudrate
        try:
            self._serial = serial.Serial(
                self.path, baudrate, timeout=0, write_timeout=_WRITE_S, exclusive=True
            )
        except serial.SerialException as error:
            raise _unusable(self.path, error) from None
        except (OSError, ValueError) as error:
            raise PortError("broken", f"{self.path} is no serial port: {error}") from None
        self._failures = (serial.SerialException, OSError)

    def write(self, data):
        try:
            self._serial.write(data)
        except self._failures:
            raise self._gone() from None

    def read(self, timeout_s):
        """What has come; waits for the first byte, b"" when the time is over."""
        try:
            self._serial.timeout = timeout_s
            data = self._serial.read(1)
            return data + self._serial.read(self._serial.in_waiting) if data else data
        except self._failures:
            raise self._gone() from None

    def forget(self):
        """What waits to be read is of no interest any more."""
        try:
            self._serial.reset_input_buffer()
        except self._failures:
            raise self._gone() from None

    @staticmethod
    def now():
        return time.monotonic()

    def set_baudrate(self, baudrate):
        self.baudrate = baudrate
        self._serial.baudrate = baudrate

    def close(self):
        self._serial.close()

    def _gone(self):
        return PortError("gone", f"{self.path} has gone: unplugged, or the simulator has ended")


class Simulated(NamedTuple):
    """What a run directory tells of one battery: paths of its ports, and its keys as text."""

    rs485: str
    native: str | None
    keys: dict


def of_run_dir(folder, node=1):
    """The Simulated battery; ValueError where nothing runs."""
    nodes = _all_of(folder)
    if node not in nodes:
        raise ValueError(f"there is no node {node}: {folder} has {len(nodes)}")
    return nodes[node]


def nodes_of_run_dir(folder):
    """The numbers of its batteries; ValueError where nothing runs."""
    return sorted(_all_of(folder))


def radio_of_run_dir(folder):
    """Where a phone finds the simulator's radio, as bumble writes transports."""
    hci = _facts(folder).get("hci")
    if not isinstance(hci, str):
        raise ValueError(f"the simulator in {folder} has no radio: its board has no Bluetooth")
    return hci


def _all_of(folder):
    facts = _facts(folder)
    try:
        return {
            entry["node"]: Simulated(entry["rs485"], entry.get("native"), entry.get("keys", {}))
            for entry in facts["nodes"]
        }
    except (KeyError, TypeError):
        raise ValueError(f"cannot read {folder}/run.json") from None


def _facts(folder):
    try:
        facts = json.loads((Path(folder) / "run.json").read_text())
    except FileNotFoundError:
        raise ValueError(f"no simulator runs in {folder}: there is no run.json") from None
    except (OSError, ValueError):
        raise ValueError(f"cannot read {folder}/run.json") from None
    if not isinstance(facts, dict):
        raise ValueError(f"cannot read {folder}/run.json")
    return facts


def ports():
    """Serial ports of this computer that something is plugged into: [(path, what it is)]."""
    pyserial()
    from serial.tools import list_ports

    return sorted(
        (port.device, port.description)
        for port in list_ports.comports()
        # Those of a mainboard are listed whether or not they exist.
        if port.vid is not None or not port.device.startswith("/dev/ttyS")
    )


def pyserial():
    try:
        import serial
    except ImportError:
        raise NotSpoken(
            "serial ports need the package pyserial: pip install -e '.[client]'"
        ) from None
    return serial


def _unusable(path, error):
    code = error.errno
    if code in (errno.EACCES, errno.EPERM):
        return PortError(
            "permission",
            f"you may not open {path}: on Linux, add yourself to the group dialout"
            " (sudo usermod -a -G dialout $USER) and log in again",
        )
    if code in _BUSY or "lock" in str(error):
        return PortError("busy", f"{path} is in use by another program: end it, or wait")
    if code == errno.ENOTTY or "Inappropriate ioctl" in str(error):
        return PortError("broken", f"{path} is no serial port")
    reason = os.strerror(code) if code else str(error)
    return PortError("broken", f"{path} cannot be opened: {reason}")
