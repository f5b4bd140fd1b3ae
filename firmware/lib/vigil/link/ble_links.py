"""Who is connected over Bluetooth, and what phones have written: what the radio's events touch.

They come between any two bytecodes of the firmware; the handler notes them and leaves. ble.py does
the rest. Where both write, each has counters of its own.
"""

from array import array

from micropython import const

# Events.
_CONNECTED = const(1)
_GONE = const(2)
_WRITTEN = const(3)
_MTU = const(21)
_PACED = const(27)
_ENCRYPTED = const(28)  # and above: pairing

NOBODY = const(0xFFFF)
DEEP = const(16)  # writes of a link that may wait
_MOST_WAITING = const(512)  # bytes of these, before one more
_PLAIN_MTU = const(23)
_MOST_MTU = const(247)
_PACE = const(12)  # between notifications of a link, in 1.25 ms, until its interval is known
_TURNS = const(0xFFF)
COUNTERS = const(0xFF)
_COUNTER_MASK = const(0xFFFFFFF)


class Links:
    """A slot for each link. What is told of a slot's writes: value, and turn x 16 + profile."""

    def __init__(self, radio, links, requests, bonds):
        """requests: handles that are asked in; bonds: None where nobody pairs."""
        self._radio = radio
        self._links = links
        self._requests = array("H", requests)
        self._bonds = bonds
        # Set by events.
        self._conns = array("H", [NOBODY] * links)
        self._turns = array("H", [0] * links)  # changes with whoever comes and goes
        self._mtus = array("H", [_PLAIN_MTU] * links)
        self._paces = array("H", [_PACE] * links)
        self._surplus = NOBODY  # who came when nobody was expected
        self._values = [None] * (links * DEEP)
        self._marks = array("H", [0] * (links * DEEP))
        self._heads = bytearray(links)
        self._in = array("H", [0] * links)  # bytes
        self._stirred = True  # there may be something to do
        self.dropped = 0  # writes that found no room
        # Set by whoever takes the writes out.
        self._tails = bytearray(links)
        self._out = array("H", [0] * links)
        radio.irq(self.event)

    @property
    def links_open(self):
        count = 0
        for slot in range(self._links):
            if self._conns[slot] != NOBODY:
                count += 1
        return count

    def event(self, event, data):
        """Note it and leave."""
        if event == _WRITTEN:
            self._note_write(data[0], data[1])
        elif event == _CONNECTED:
            slot = self._slot_of(NOBODY)
            if slot < 0:
                self._surplus = data[0]
            else:
                self._mtus[slot] = _PLAIN_MTU
                self._paces[slot] = _PACE
                self._conns[slot] = data[0]
                self._turns[slot] = (self._turns[slot] + 1) & _TURNS
            self._stirred = True
        elif event == _GONE:
            slot = self._slot_of(data[0])
            if slot >= 0:
                self._conns[slot] = NOBODY
                self._turns[slot] = (self._turns[slot] + 1) & _TURNS
            self._stirred = True
        elif event == _MTU:
            slot = self._slot_of(data[0])
            if slot >= 0:
                self._mtus[slot] = max(_PLAIN_MTU, min(data[1], _MOST_MTU))
        elif event == _PACED:
            slot = self._slot_of(data[0])
            if slot >= 0 and not data[4]:
                self._paces[slot] = data[1]
        elif event >= _ENCRYPTED and self._bonds is not None:
            return self._bonds.event(event, data)

    def _note_write(self, conn, handle):
        which = 0
        while which < len(self._requests) and self._requests[which] != handle:
            which += 1
        if which == len(self._requests):
            return
        slot = self._slot_of(conn)
        if slot >= 0:
            head = self._heads[slot]
            waiting = (self._in[slot] - self._out[slot]) & 0xFFFF
            if waiting > _MOST_WAITING or (head - self._tails[slot]) & COUNTERS >= DEEP:
                slot = -1
        if slot < 0:
            self.dropped = (self.dropped + 1) & _COUNTER_MASK
            # The next one is not to find it there; reading it would take memory.
            self._radio.gatts_write(handle, b"")
            return
        # At once: the value is that of the latest write, whoever it came from.
        value = self._radio.gatts_read(handle)
        place = slot * DEEP + head % DEEP
        self._values[place] = value
        self._marks[place] = self._turns[slot] << 4 | which
        self._in[slot] = (self._in[slot] + len(value)) & 0xFFFF
        self._heads[slot] = (head + 1) & COUNTERS
        self._stirred = True

    def _slot_of(self, conn):
        for slot in range(self._links):
            if self._conns[slot] == conn:
                return slot
        return -1
