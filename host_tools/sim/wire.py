"""One RS485 wire: the port that a client opens, the batteries on it, and the bus between them."""

import time

from host_tools.sim.bus import Bus
from host_tools.sim.medium import Line

_CLIENT = 0
_MOST_HELD = 300  # bytes; longer than any frame


class Wire:
    def __init__(self, baudrate, noise, seed):
        self.line = Line()
        self.bus = Bus(baudrate, noise, seed)
        self.batteries = []
        self._held = {}  # {station: what it has said of a burst so far}

    def carry(self):
        """Take what the client has sent; hand everybody what has passed on the wire by now."""
        was_attached = self.line.attached
        data = self.line.look()
        now_us = _now_us()
        if was_attached and not self.line.attached:
            # Nor does the next client hear what is left of an answer to this one.
            self.bus.hush()
        if data:
            self.bus.send(_CLIENT, data, now_us)
        for station, heard in self.bus.heard(now_us):
            if station != _CLIENT:
                self.line.send(heard)
            self._held.setdefault(station, bytearray()).extend(heard)
        for station, held in self._held.items():
            # Whole bursts only: when this computer is busy, a gap of its own making would cut a
            # frame in two.
            if held and (len(held) > _MOST_HELD or not self.bus.talks(station)):
                self._tell_batteries(station, held.hex())
                held.clear()

    def _tell_batteries(self, station, data):
        for battery in self.batteries:
            if battery.number != station and not battery.ended:
                battery.child.tell("rs485", data)

    def take(self, battery, data):
        """A battery begins to send."""
        self.bus.send(battery.number, data, _now_us())

    def patience_ms(self):
        """How long nothing will happen on the wire; None for ever."""
        next_us = self.bus.next_us()
        return None if next_us is None else max(1, int(next_us - _now_us()) // 1000 + 1)

    def close(self):
        self.line.close()


def _now_us():
    return time.monotonic_ns() // 1000
