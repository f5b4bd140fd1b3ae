"""SPI port of the BQ76952 model: pipelined frames of two bytes, three with check code.

Every frame hands out the answer to the one before it. What the fact sheet leaves open is taken
the strict way: a frame that comes too early, or with a wrong number of clocks, does nothing.
"""

from host_tools.mock.bq76952_bus import CRC_TABLE

_WRITE = 0x80
_NOT_PROCESSED = 0x00
_OSCILLATOR_ASLEEP = 0xFF
_BAD_CHECK = 0xAA
# High bytes of what acts only as a pair: alarm words, and the length after the checksum.
_PAIRED = (0x61, 0x63, 0x67)
_SECOND_US = 1_000_000


class SpiPort:
    """`chip` supplies registers (`image`, `_store`), the clock and the fault hooks."""

    # A host repeats a frame until it sees its echo. The published way of doing so works with
    # commands that toggle, so a repeated write does not act again here; nobody promises it.
    repeats_act = False
    oscillator_us = 50
    process_us = 50

    def __init__(self, chip):
        self.chip = chip
        self.dropped_frames = 0
        self._process_call = self._process
        self._entry = None
        self.forget()

    def forget(self):
        """Reset: nothing in the pipeline, oscillator at rest."""
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None
        self._answer = None
        self._problem = _NOT_PROCESSED
        self._frame = None
        self._last_frame = None
        self._written = None
        self._selected_us = None
        self._awake_us = 0

    def exchange(self, sent):
        """One frame, from chip select to chip select; returns what came out meanwhile."""
        chip = self.chip
        now_us = chip.clock.now_us
        asleep = self._oscillator_asleep(now_us)
        self._selected_us = now_us
        size = 3 if chip.crc_mode else 2
        if asleep:
            answer = self._special(_OSCILLATOR_ASLEEP)
            self.dropped_frames += 1
        elif self._entry is not None:
            answer = self._special(_NOT_PROCESSED)
            self.dropped_frames += 1
        else:
            answer = self._handed_out()
            self._take(bytes(sent), size)
        if chip.corrupt_checks and size == 3:
            answer = answer[:2] + bytes([answer[2] ^ 0x5A])
        # Beyond the frame nobody drives the line.
        return (answer + b"\xff" * len(sent))[: len(sent)]

    def more_clocks(self):
        """Chip select stayed low after the frame: it had too many clocks after all."""
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None
        self._refuse()

    def _oscillator_asleep(self, now_us):
        idle_us = max(_SECOND_US, self.chip.settings.comm_idle_us)
        if self._selected_us is None or now_us - self._selected_us > idle_us:
            self._awake_us = now_us + self.oscillator_us
        return now_us < self._awake_us

    def _special(self, kind):
        return bytes([0xFF, 0xFF, kind]) if self.chip.crc_mode else b"\xff\xff"

    def _handed_out(self):
        answer = self._answer
        if answer is None:
            return self._special(self._problem)
        if self.chip.crc_mode:
            return answer + bytes([_check(answer)])
        return answer

    def _take(self, frame, size):
        if len(frame) != size:
            self._refuse()
        elif size == 3 and (self.chip.corrupt_checks or _check(frame) != frame[2]):
            self._refuse()
        else:
            self.chip._heard()
            self._frame = frame
            clock = self.chip.clock
            self._entry = clock.call_at(clock.now_us + self.process_us, self._process_call)

    def _refuse(self):
        self.dropped_frames += 1
        self._answer = None
        self._problem = _BAD_CHECK

    def _process(self):
        self._entry = None
        self._problem = _NOT_PROCESSED
        chip = self.chip
        frame = self._frame[:2]
        repeated = frame == self._last_frame
        self._last_frame = frame
        reg = frame[0] & 0x7F
        if not frame[0] & _WRITE:
            self._answer = bytes([reg, chip.image[reg]])
            return
        self._answer = frame
        if repeated and not self.repeats_act:
            return
        value = frame[1]
        before = self._written
        self._written = (reg, value)
        if reg in _PAIRED and before is not None and before[0] == reg - 1:
            chip._store(reg - 1, bytes([before[1], value]))
        else:
            chip._store(reg, bytes([value]))


def _check(frame):
    return CRC_TABLE[CRC_TABLE[frame[0]] ^ frame[1]]
