"""Two wires that several stations share: their pace, their noise, and who talks into whom.

Knows bytes and microseconds and nothing of ports; the same seed damages the same bytes. Station 0
is the client outside.
"""

import random

_BITS = 10  # of a character: 8N1
# Who writes more than this into a wire that is busy loses it.
_MOST_WAITING = 65536
_REMEMBERED_US = 1_000_000


class Bus:
    """noise: the share of bytes that arrive damaged. Every listener hears the same."""

    def __init__(self, baudrate, noise, seed):
        self.byte_us = _BITS * 1_000_000 / baudrate
        self._noise = noise
        self._seed = seed
        self._talkers = {}
        self.damaged = 0
        self.collided = 0
        self.lost = 0

    def send(self, station, data, now_us):
        """A station begins to talk, or talks on."""
        if station not in self._talkers:
            self._talkers[station] = _Talker(self._seed, station)
        talker = self._talkers[station]
        room = max(0, _MOST_WAITING - len(talker.waiting))
        self.lost += max(0, len(data) - room)
        talker.say(data[:room], now_us, self.byte_us)

    def heard(self, now_us):
        """[(station, bytes)] of what has completely passed by now, in the order of its end."""
        ended = []
        for station, talker in self._talkers.items():
            for begin_us, byte in talker.passed(now_us, self.byte_us):
                ended.append((begin_us, station, byte))
        found = []
        for begin_us, station, byte in sorted(ended, key=lambda each: each[:2]):
            byte = self._as_it_arrives(station, begin_us, byte)
            if found and found[-1][0] == station:
                found[-1][1].append(byte)
            else:
                found.append((station, bytearray([byte])))
        for talker in self._talkers.values():
            talker.forget(now_us - _REMEMBERED_US)
        return [(station, bytes(data)) for station, data in found]

    def talks(self, station):
        """It has begun something that has not passed completely."""
        return station in self._talkers and bool(self._talkers[station].waiting)

    def next_us(self):
        """When the next byte will have passed; None while the wire is silent."""
        return min(
            (
                talker.begun_us + self.byte_us
                for talker in self._talkers.values()
                if talker.waiting
            ),
            default=None,
        )

    def hush(self):
        """What has not been said yet is never said."""
        for talker in self._talkers.values():
            talker.stop()

    def _as_it_arrives(self, station, begin_us, byte):
        talker = self._talkers[station]
        noisy = talker.noise.random() < self._noise
        end_us = begin_us + self.byte_us
        if any(
            other.talks_between(begin_us, end_us)
            for name, other in self._talkers.items()
            if name != station
        ):
            self.collided += 1
            return talker.garble.randrange(256)
        if noisy:
            self.damaged += 1
            return byte ^ talker.noise.randrange(1, 256)
        return byte


class _Talker:
    def __init__(self, seed, station):
        self.noise = random.Random(f"{seed} noise {station}")
        self.garble = random.Random(f"{seed} garble {station}")
        self.waiting = bytearray()
        self.begun_us = 0  # when the first of these begins
        self._spans = []  # (begin, end) of what it says without a gap

    def say(self, data, now_us, byte_us):
        if not data:
            return
        if not self.waiting:
            end_us = self._spans[-1][1] if self._spans else now_us
            self.begun_us = max(now_us, end_us)
            self._spans.append([self.begun_us, self.begun_us])
        self.waiting += data
        self._spans[-1][1] = self.begun_us + len(self.waiting) * byte_us

    def passed(self, now_us, byte_us):
        """(begin, byte) of each that has ended."""
        count = min(len(self.waiting), int((now_us - self.begun_us) / byte_us))
        found = [(self.begun_us + at * byte_us, self.waiting[at]) for at in range(max(0, count))]
        del self.waiting[: len(found)]
        self.begun_us += len(found) * byte_us
        return found

    def talks_between(self, begin_us, end_us):
        return any(begin < end_us and begin_us < end for begin, end in self._spans)

    def stop(self):
        self.waiting.clear()
        if self._spans:
            self._spans[-1][1] = min(self._spans[-1][1], self.begun_us)

    def forget(self, before_us):
        self._spans = [span for span in self._spans if span[1] >= before_us]
