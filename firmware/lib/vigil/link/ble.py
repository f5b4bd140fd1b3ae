"""Bluetooth: carries bytes between phones and protocol engines, one of each engine for a link.

The handler of the radio's events (ble_links.py) notes what came and leaves; poll() does everything
else, a bounded piece at a time. ble_offer.py registers the services and makes this.
"""

import time
from array import array

from micropython import const

from vigil.link.ble_links import COUNTERS, DEEP, NOBODY, Links

_PART = const(16)  # bytes handed to an engine in one poll: for the slowest of them 2 ms
_HEAD = const(3)  # of a notification
_COUNTER_MASK = const(0xFFFFFFF)

_BUSY_POLL_US = const(200)
_IDLE_POLL_US = const(5000)
_PACE_US = const(1250)
_GIVE_UP_US = const(5000000)  # for a link that takes nothing more
_HALF_MS = const(1000)  # a request may pause so long
_ROUND_US = const(100000)
# What is done in which of ten rounds.
_TELL = const(0)
_TELL_BATTERY = const(3)
_ADVERTISE = const(6)
_ROUNDS = const(10)


class Profile:
    """A service that is asked in one characteristic and answers in another."""

    def __init__(self, request, answer, engines, ticks):
        """ticks: its engines look at the time themselves, as vigil.link.serial_frames."""
        self.request = request
        self.answer = answer
        self.engines = engines
        self.ticks = ticks


class Ble(Links):
    """As vigil.link.rs485.Rs485 towards the executive."""

    late_replies = 0

    def __init__(self, radio, links, profiles, adverts, interval_us, battery, telemetry, bonds):
        """battery, telemetry, bonds: None where there is none; adverts: of bthome.py."""
        super().__init__(radio, links, [profile.request for profile in profiles], bonds)
        self.profiles = profiles
        self.engines = [engine for profile in profiles for engine in profile.engines]
        self._engine = self.engines[0] if profiles else None
        self._adverts = adverts
        self._interval_us = interval_us
        self._battery = battery
        self._telemetry = telemetry
        self._taken = bytearray(links)  # of the oldest write
        self._seen = array("H", [0] * links)  # turns that have been tended to
        self._heard_ms = [time.ticks_ms()] * links
        self._sending = [None] * links  # profile whose answer is on its way
        self._sent = array("H", [0] * links)
        self._since_us = [0] * links
        self._ready_us = [0] * links  # the link may take a piece from then on
        self._next = 0
        self._part = bytearray(_PART)
        self._round = _ADVERTISE
        self._due_us = time.ticks_us()
        self._advertises = False
        self._choked = bytearray(links)  # it did not take the latest piece
        self.bytes_in = 0
        self.bytes_out = 0
        self.replies = 0
        self.abandoned = 0  # links ended because they took nothing more
        self.full = 0  # pieces that had to be sent again
        self.stale = 0  # telemetry that was not sent
        self.advert_errors = 0

    @property
    def reply_owed(self):
        return self._stirred

    def stalled(self, now_us):
        """There is nothing here that counts the time until an answer."""

    # In the slack of the cycle.

    def poll(self, now_us):
        """Do what is due; returns in how many microseconds it wants to be called again."""
        if time.ticks_diff(now_us, self._due_us) >= 0:
            self._go_round(now_us)
            return _BUSY_POLL_US
        return self._tend(now_us) if self._stirred else _IDLE_POLL_US

    def _tend(self, now_us):
        """A slice for one link, a piece for each; others have their turn in between."""
        self._stirred = False
        if self._surplus != NOBODY:
            self._end(self._surplus)
            self._surplus = NOBODY
        worked = False
        wait_us = _IDLE_POLL_US
        for _ in range(self._links):
            self._next = slot = (self._next + 1) % self._links
            if self._turns[slot] != self._seen[slot]:
                self._settle(slot)
                worked = True
                break
            sending_us = self._send(slot, now_us)
            if sending_us < wait_us:
                wait_us = sending_us
            if self._work(slot):
                worked = True
                break
        if worked or wait_us < _IDLE_POLL_US:
            # Perhaps there is more: where there is none, the next look finds that out.
            self._stirred = True
        return _BUSY_POLL_US if worked else wait_us

    def _settle(self, slot):
        """Somebody has come or gone: nothing of whoever was there before is kept."""
        turn = self._turns[slot]
        self._sending[slot] = None
        self._choked[slot] = 0
        for profile in self.profiles:
            engine = profile.engines[slot]
            if engine.unfinished:
                # What has begun, such as a sealed write, ends first.
                engine.go_on()
                return
        for profile in self.profiles:
            profile.engines[slot].caller_gone()
        self._taken[slot] = 0
        self._seen[slot] = turn
        # A connection ends the advertising.
        self._advertises = False
        self._round = _ADVERTISE
        self._due_us = time.ticks_us()

    def _work(self, slot):
        """One slice of what this link has asked for; false if there is nothing to do."""
        for profile in self.profiles:
            engine = profile.engines[slot]
            if engine.unfinished:
                engine.go_on()
                return True
        tail = self._tails[slot]
        if tail == self._heads[slot]:
            return False
        place = slot * DEEP + tail % DEEP
        value = self._values[place]
        mark = self._marks[place]
        at = self._taken[slot]
        if mark >> 4 == self._seen[slot]:
            engine = self.profiles[mark & 15].engines[slot]
            if engine.reply_length:
                # Every request is answered before the next one is read.
                return False
            part = self._part
            count = min(len(value) - at, _PART)
            for index in range(count):
                part[index] = value[at + index]
            self._heard_ms[slot] = time.ticks_ms()
            self.bytes_in = (self.bytes_in + count) & _COUNTER_MASK
            engine.receive(part, count)
            at += count
            if at < len(value):
                self._taken[slot] = at
                return True
        self._taken[slot] = 0
        self._values[place] = None
        self._out[slot] = (self._out[slot] + len(value)) & 0xFFFF
        self._tails[slot] = (tail + 1) & COUNTERS
        return True

    def _send(self, slot, now_us):
        """A piece of an answer, if the link may take one; returns when to look again."""
        profile = self._sending[slot]
        if profile is None:
            for profile in self.profiles:
                if profile.engines[slot].reply_length:
                    break
            else:
                return _IDLE_POLL_US
            self._sending[slot] = profile
            self._sent[slot] = 0
            self._since_us[slot] = now_us
        pace_us = self._paces[slot] * _PACE_US
        left_us = time.ticks_diff(self._ready_us[slot], now_us)
        if 0 < left_us <= pace_us:
            return min(left_us, _IDLE_POLL_US - 1)
        engine = profile.engines[slot]
        begin = self._sent[slot]
        end = min(begin + self._mtus[slot] - _HEAD, engine.reply_length)
        piece = memoryview(engine.reply)[begin:end]
        self._ready_us[slot] = time.ticks_add(now_us, pace_us)
        try:
            self._radio.gatts_notify(self._conns[slot], profile.answer, piece)
        except OSError:
            # The port has no room: the same piece again.
            self.full = (self.full + 1) & _COUNTER_MASK
            self._choked[slot] = 1
            if time.ticks_diff(now_us, self._since_us[slot]) > _GIVE_UP_US:
                self.abandoned = (self.abandoned + 1) & _COUNTER_MASK
                self._since_us[slot] = now_us
                self._end(self._conns[slot])
            return _IDLE_POLL_US - 1
        self._choked[slot] = 0
        if not begin:
            self.replies = (self.replies + 1) & _COUNTER_MASK
        self.bytes_out = (self.bytes_out + end - begin) & _COUNTER_MASK
        self._sent[slot] = end
        if end == engine.reply_length:
            self._sending[slot] = None
            engine.reply_sent()
        return _BUSY_POLL_US

    def _end(self, conn):
        try:
            self._radio.gap_disconnect(conn)
        except OSError:
            # It has ended by itself.
            pass

    # From time to time.

    def _go_round(self, now_us):
        self._due_us = time.ticks_add(now_us, _ROUND_US)
        at = self._round
        self._round = (at + 1) % _ROUNDS
        now_ms = time.ticks_ms()
        connected = False
        for slot in range(self._links):
            if self._conns[slot] != NOBODY:
                connected = True
                self._look_at_the_time(slot, now_ms)
        if at == _TELL and self._telemetry is not None and connected:
            self._tell(now_us)
        elif at == _TELL_BATTERY and self._battery is not None:
            self._battery.tell(self._radio)
        elif at == _ADVERTISE:
            if self._bonds is not None:
                self._bonds.step()
            self._advertise()

    def _look_at_the_time(self, slot, now_ms):
        """What has begun may be too old, or something is to be told that nobody asked for."""
        for profile in self.profiles:
            engine = profile.engines[slot]
            if profile.ticks:
                engine.tick(now_ms)
                if engine.unfinished or engine.reply_length:
                    self._stirred = True
            elif engine.pending:
                if time.ticks_diff(now_ms, self._heard_ms[slot]) > _HALF_MS:
                    engine.silence()
                    if engine.reply_length:
                        self._stirred = True
            else:
                engine.silence()

    def _tell(self, now_us):
        """The telemetry to whoever has subscribed; too late is too late, nothing of it waits."""
        if max(self._choked) or not self._telemetry.tell(self._radio):
            self.stale = (self.stale + 1) & _COUNTER_MASK
            return
        for slot in range(self._links):
            self._ready_us[slot] = time.ticks_add(now_us, self._paces[slot] * _PACE_US)

    def _advertise(self):
        """Anew if there is something new; for others to read only, while no link is free."""
        adverts = self._adverts
        if not adverts.refresh() and self._advertises:
            return
        free = self._slot_of(NOBODY) >= 0
        try:
            self._radio.gap_advertise(
                self._interval_us, adverts.data, resp_data=adverts.response, connectable=free
            )
            self._advertises = True
        except OSError:
            self._advertises = False
            self.advert_errors = (self.advert_errors + 1) & _COUNTER_MASK
