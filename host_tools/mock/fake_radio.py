"""The air around the fake `bluetooth`: phones, and when the firmware hears of them.

Whatever a phone does waits for a random moment (seeded) at which firmware code uses a fake: a
transfer, a pause, a look at the time, the radio itself. Never upload to a board.
"""

import sys

from host_tools.mock import fake_time
from host_tools.mock.radio_link import Link, Refused
from host_tools.mock.seeded_random import SeededRandom

_CONNECTED = 1
_DISCONNECTED = 2
_GET_SECRET = 29
_SET_SECRET = 30

_LATEST_US = 5000
_NOT_ADVERTISING = 103  # ECONNABORTED: nobody answers
_GARBAGE = 0xEE


class Profile:
    def __init__(self, pairing, most_links, first_link, first_handle, table, telling, room):
        self.pairing = pairing
        self.most_links = most_links
        self.first_link = first_link
        self.first_handle = first_handle
        self.table_bytes, self.table_used = table
        self.tells_subscriptions = telling
        self.notify_room = room


PROFILES = {
    "esp32": Profile(True, 4, 0, 14, (None, 0), False, 8),
    # The services of GAP and GATT and the end mark are in its 512 bytes too.
    "rp2": Profile(False, 1, 64, 7, (512, 65), True, 4),
}


class Air:
    def __init__(self):
        self._clock = None
        self.begin(None, PROFILES["esp32"], 1, bytes(6))

    def begin(self, clock, profile, seed, mac):
        self.end()
        self.profile = profile
        self.mac = mac
        self.table = None
        self.handler = None
        self.preferred_mtu = 256
        self.pairing = {"bond": False, "mitm": False, "io": 3, "le_secure": True}
        self.links = {}
        self.advertised = None  # (interval_us, data, response, connectable)
        self.listener = None  # host_tools/sim/radio/bridge.py: hears what the board changes
        self.irq_errors = 0
        self._pending = []  # [due_us, function], first one first
        self._busy = False
        self._random = SeededRandom(seed)
        self._address = bytearray(6)
        self._clock = clock
        if clock is not None:
            self._advance = clock.advance
            clock.advance = self._advance_and_deliver
            fake_time.interrupt = self.poll

    def end(self):
        """Let go of the clock."""
        if self._clock is not None:
            # Its own method shows again.
            del self._clock.advance
            fake_time.interrupt = None
            self._clock = None

    def switch_off(self):
        """active(False): no link survives it, and nobody is told."""
        self.links.clear()
        self._pending.clear()
        self.advertised = None
        self.table = None
        if self.listener is not None:
            self.listener.switched_off()

    @property
    def now_us(self):
        return 0 if self._clock is None else self._clock.now_us

    def later(self, delay_us, function):
        """On the virtual clock; without one there is no later."""
        if self._clock is not None:
            self._clock.call_at(self._clock.now_us + delay_us, function)

    # What the firmware hears, and when.

    def queue(self, function):
        """Run function() at the next random moment, in order; without a clock now."""
        due_us = self.now_us
        if self._clock is not None:
            due_us += self._random.below(_LATEST_US)
            if self._pending and self._pending[-1][0] > due_us:
                due_us = self._pending[-1][0]
        self._pending.append((due_us, function))
        if self._clock is None:
            self.deliver()

    def deliver(self):
        """Everything that waits, now."""
        while self._pending and not self._busy:
            self._deliver_one()

    def poll(self):
        """Firmware code uses a fake: what is due comes in between."""
        while self._pending and not self._busy and self._pending[0][0] <= self.now_us:
            if self._clock is not None and self._clock._running:
                return
            self._deliver_one()

    def _deliver_one(self):
        _, function = self._pending.pop(0)
        self._busy = True
        try:
            function()
        finally:
            self._busy = False

    def _advance_and_deliver(self, us):
        """The clock's advance(): a handler may come in the middle of a transfer or pause."""
        clock = self._clock
        end_us = clock.now_us + us
        while self._pending and not self._busy and not clock._running:
            due_us = self._pending[0][0]
            if due_us > end_us:
                break
            if due_us > clock.now_us:
                self._advance(due_us - clock.now_us)
            before_us = clock.now_us
            self._deliver_one()
            # What the handler took is not taken off what it interrupted.
            end_us += clock.now_us - before_us
        self._advance(end_us - clock.now_us)
        if self._pending:
            self.poll()

    def tell(self, event, *data):
        """Call the firmware's handler; an address is valid only while it runs."""
        if self.handler is None:
            return None
        if event in (_CONNECTED, _DISCONNECTED):
            self._address[:] = data[2]
            data = (data[0], data[1], memoryview(self._address))
        elif event in (_GET_SECRET, _SET_SECRET):
            data = tuple([_lent(item) for item in data])
        try:
            return self.handler(event, data)
        except Exception as error:
            # As on the board: printed, and the program goes on.
            self.irq_errors += 1
            _print(error)
            return None
        finally:
            for item in data:
                if isinstance(item, memoryview):
                    item[:] = bytes([_GARBAGE]) * len(item)

    def settled(self):
        if self.listener is not None:
            self.listener.settled()

    def register(self, services):
        handles = self.table.register(services)
        if self.listener is not None:
            self.listener.registered()
        return handles

    # Being found.

    def advertise(self, what):
        self.advertised = what
        if self.listener is not None:
            self.listener.advertised()

    def connect(self, address=b"\xc0\x01\x02\x03\x04\x05", address_type=1, mtu=23):
        """A phone has found the board and connects; the firmware hears of it a little later."""
        if self.advertised is None or not self.advertised[3]:
            raise OSError(_NOT_ADVERTISING)
        number = self.profile.first_link
        while number in self.links:
            number += 1
        link = Link(self, number, bytes(address), address_type)
        self.links[number] = link
        self.advertise(None)
        self.queue(link.begun)
        if mtu != 23:
            link.mtu(mtu)
        return link


def _lent(item):
    return memoryview(bytearray(item)) if isinstance(item, (bytes, bytearray)) else item


def _print(error):
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error)


__all__ = ("PROFILES", "Air", "Refused")
