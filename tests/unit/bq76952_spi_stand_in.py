"""The recording stand-in behind SPI: frames of 24 or 16 clocks, answers one frame late."""

from tests.unit.bq76952_stand_in import Desk, StandIn, crc8
from vigil.afe.bq76952_spi import SpiTransfer

WORK_US = 50


class SpiStandIn(StandIn):
    """`spi` and chip select in one.

    work_us: time the chip needs for a frame. A frame that comes earlier is answered FFFF00, and
    lost if `deaf_while_busy`.
    """

    checked_comm_type = 0x10

    def __init__(self, clock, check_codes=True, hertz=2000000):
        super().__init__(clock, check_codes)
        self.hertz = hertz
        self.work_us = WORK_US
        self.deaf_while_busy = True
        self.waking = 0  # frames that will meet a sleeping oscillator
        self.spoil_sent = 0  # frames that will reach the chip with a flipped bit
        self.spoil_came = 0  # answers that will reach the driver with a flipped bit
        self.selected = False
        self.frames = []
        self._answer_frame = b"\xff\xff"
        self._ready_us = 0

    def value(self, level):
        self.selected = not level

    def write_readinto(self, tx, rx):
        assert self.selected and len(tx) == len(rx)
        self.clock.advance(8 * len(tx) * 1000000 // self.hertz)
        sent = bytes(tx)
        if self.lost > 0:
            self.lost -= 1
            rx[:] = b"\xff" * len(rx)
            return
        if len(sent) != (3 if self.check_codes else 2):
            # Any other number of clocks is an error.
            rx[:] = b"\x00" * len(rx)
            return
        self.frames.append(sent)
        came = self._reply(sent)
        if self.spoil_came and came[:2] != b"\xff\xff":
            self.spoil_came -= 1
            came = bytes([came[0] ^ 0x04]) + came[1:]
        rx[:] = came[: len(rx)]

    def _reply(self, sent):
        now_us = self.clock.now_us
        if self.waking:
            self.waking -= 1
            return b"\xff\xff\xff"
        busy = now_us < self._ready_us
        came = b"\xff\xff\x00" if busy else self._framed(self._answer_frame)
        if busy and self.deaf_while_busy:
            return came
        self._ready_us = now_us + self.work_us
        if self.spoil_sent:
            self.spoil_sent -= 1
            sent = bytes([sent[0], sent[1] ^ 0x10]) + sent[2:]
        if self.check_codes and crc8(sent[:2]) != sent[2]:
            self._answer_frame = None
            return came
        register = sent[0] & 0x7F
        if sent[0] & 0x80:
            self._written(register, sent[1])
            self._answer_frame = sent[:2]
        else:
            self._answer_frame = bytes([register, self.registers[register]])
        return came

    def _framed(self, answer):
        if answer is None:
            return b"\xff\xff\xaa"
        if answer == b"\xff\xff":
            return b"\xff\xff\x00"
        return answer + bytes([crc8(answer)])

    def _written(self, register, byte):
        if register == 0x62:
            self.registers[0x62] &= ~byte & 0xFF
            self.events.append(("clear", byte))
        elif register == 0x63:
            self.registers[0x63] &= ~byte & 0xFF
        else:
            self.registers[register] = byte
        if register == 0x3F:
            self._command(self.registers[0x3E] | byte << 8, b"")
        elif register == 0x61:
            code = self.registers[0x3E] | self.registers[0x3F] << 8
            self._pending = (code, bytes(self.registers[0x40 : 0x40 + byte - 4]))
            self._take_block(bytes(self.registers[0x60:0x62]))


class SpiDesk(Desk):
    def __init__(self, check_codes=True, gap_us=50, **options):
        super().__init__(
            check_codes,
            make_chip=SpiStandIn,
            make_bus=lambda chip: SpiTransfer(chip, chip, gap_us),
            **options,
        )
