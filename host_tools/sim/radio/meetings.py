"""One Bluetooth connection of the virtual radio: two controllers meet once an interval.

bumble's own link hands everything over at once and never loses a connection; here packets wait
for the next meeting, meetings fail by chance, and after the supervision time-out both sides
hear of the loss.
"""

import asyncio
import collections

from bumble import controller, hci, ll

_PACKETS_A_MEETING = 4  # each way, as telephones do
_TIMED_OUT = 0x08
_ATT_CHANNEL = b"\x04\x00"
_TELLING = (0x1B, 0x1D)  # notification, indication
_SHORTEST_S = 0.0075
_UNIT_S = 0.00125


class End(controller.Connection):
    """A controller's side of a connection. meeting: set as soon as both are there."""

    meeting = None
    on_told = None  # a notification of this side has passed
    fragments = 0

    def on_hci_acl_data_packet(self, packet):
        self.fragments += 1
        self.assembler.feed_packet(packet)

    def on_acl_pdu(self, pdu):
        fragments, self.fragments = self.fragments, 0
        if self.meeting is not None:
            self.meeting.send(self, pdu, fragments)

    def send_ll_control_pdu(self, packet):
        if self.meeting is not None:
            self.meeting.send(self, packet, 0)

    @property
    def known(self):
        """Its controller still has it."""
        return self.controller.le_connections.get(self.peer_address) is self


class Meeting:
    """interval and timeout in the units of the protocol: 1.25 ms and 10 ms."""

    def __init__(self, central, peripheral, interval, timeout, misses):
        """misses: function that says whether this meeting fails."""
        self.ends = (central, peripheral)
        self._misses = misses
        self._loop = asyncio.get_running_loop()
        self._waiting = {id(end): collections.deque() for end in self.ends}
        self._timer = None
        self._begun_s = self._met_s = self._loop.time()
        self._away = False
        self.over = False
        self._agree(interval, timeout)
        central.meeting = peripheral.meeting = self
        self._arm()

    def _agree(self, interval, timeout):
        self.interval_s = max(_SHORTEST_S, interval * _UNIT_S)
        self.timeout_s = max(self.interval_s * 2, timeout / 100)

    def send(self, sender, item, fragments):
        if not self.over:
            self._waiting[id(sender)].append((item, fragments))
            self._arm()

    def vanish(self):
        """The central has gone without a word."""
        if not self.over:
            self._away = True
            self._arm()

    def _arm(self):
        if self._timer is None and not self.over:
            now_s = self._loop.time()
            passed = int((now_s - self._begun_s) / self.interval_s)
            next_s = self._begun_s + (passed + 1) * self.interval_s
            self._timer = self._loop.call_at(next_s, self._meet)

    def _meet(self):
        self._timer = None
        now_s = self._loop.time()
        missed = self._away or self._misses()
        if not missed:
            self._met_s = now_s
            first, second = self.ends
            self._carry(first, second)
            self._carry(second, first)
        elif now_s - self._met_s >= self.timeout_s:
            self._lose()
            return
        if missed or any(self._waiting.values()) or self._misses.possible:
            self._arm()
        else:
            # Nothing to say: they would meet and part.
            self._met_s = now_s

    def _carry(self, sender, receiver):
        waiting = self._waiting[id(sender)]
        for _ in range(_PACKETS_A_MEETING):
            if not waiting or self.over:
                return
            item, fragments = waiting.popleft()
            if isinstance(item, bytes):
                self._hand_over(receiver, item)
                self._completed(sender, item, fragments)
            else:
                self._control(sender, receiver, item)

    def _hand_over(self, receiver, pdu):
        if receiver.known:
            receiver.controller.send_hci_packet(
                hci.HCI_AclDataPacket(receiver.handle, 2, 0, len(pdu), pdu)
            )

    def _completed(self, sender, pdu, fragments):
        if not sender.known:
            return
        sender.controller.send_hci_packet(
            hci.HCI_Number_Of_Completed_Packets_Event(
                connection_handles=[sender.handle], num_completed_packets=[fragments]
            )
        )
        if sender.on_told is not None and pdu[2:4] == _ATT_CHANNEL and pdu[4] in _TELLING:
            sender.on_told()

    def _control(self, sender, receiver, packet):
        if isinstance(packet, ll.ConnectionUpdateInd):
            self._agree(packet.interval, packet.timeout)
            self._begun_s = self._loop.time()
        if receiver.known:
            receiver.controller.on_ll_control_pdu(sender.self_address, packet)
        if isinstance(packet, ll.TerminateInd):
            self.end()

    def _lose(self):
        self.end()
        for end in self.ends:
            if end.known:
                end.controller.on_le_disconnected(end, _TIMED_OUT)

    def end(self):
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for waiting in self._waiting.values():
            waiting.clear()


class Chance:
    """Whether a packet of this run is lost; `possible` if any ever is."""

    def __init__(self, share, random):
        self._share = share
        self._random = random

    @property
    def possible(self):
        return self._share > 0

    def __call__(self):
        return self._share > 0 and self._random.random() < self._share
