"""I2C port and register file of the BQ76952 model: plain framing, CRC framing, torn reads.

Direct registers live ready-made in `image`; whoever changes a value changes it there.
"""

_POLYNOMIAL = 0x07


def _build_table():
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc << 1) ^ _POLYNOMIAL if crc & 0x80 else crc << 1
            crc &= 0xFF
        table[value] = crc
    return bytes(table)


CRC_TABLE = _build_table()
_WITH_CHECK = [bytes([value, CRC_TABLE[value]]) for value in range(256)]
_FIRST_MEASURED = 0x14
_END_MEASURED = 0x7C
# Not measurements: subcommand window and alarms lie between current and temperatures.
_FIRST_UNMEASURED = 0x3C
_END_UNMEASURED = 0x68


class RegisterPort:
    """Bytes on the bus to and from a register file of 128 bytes with auto-increment."""

    def __init__(self, clock, address):
        self.clock = clock
        self.image = bytearray(128)
        self._before_scan = bytearray(128)
        self.answering = True
        self.corrupt_checks = False
        self.crc_mode = False
        self.heard_us = 0
        self.torn_reads = 0
        self._tears_left = 0
        self._legacy_read = False
        self._pointer = 0
        write_header = CRC_TABLE[address << 1]
        self._write_seeds = bytes([CRC_TABLE[write_header ^ reg] for reg in range(128)])
        self._read_seeds = bytes(
            [CRC_TABLE[seed ^ (address << 1 | 1)] for seed in self._write_seeds]
        )

    def tear_next_reads(self, count):
        """The next `count` reads in which a value moved show old low, new high bytes."""
        self._tears_left = count

    def i2c_present(self):
        return self.answering

    def i2c_write(self, data):
        if not self.i2c_present():
            return 0
        length = len(data)
        if length == 0:
            return 0
        reg = data[0] & 0x7F
        taken = length
        if length == 1:
            payload = b""
        elif self.crc_mode:
            payload, taken = self._checked(reg, data)
        else:
            payload = bytes(data[1:])
        if taken == length:
            self._heard()
        self._pointer = (reg + len(payload)) & 0x7F
        if payload:
            self._store(reg, payload)
        return taken

    def i2c_read(self, count):
        if not self.i2c_present():
            return None
        self._heard()
        reg = self._pointer
        crc_mode = self.crc_mode
        needed = (count + 1) >> 1 if crc_mode else count
        end = reg + needed
        if end <= 128:
            data = self.image[reg:end]
        else:
            data = bytearray(self.image[(reg + at) & 0x7F] for at in range(needed))
        self._pointer = end & 0x7F
        if self._legacy_read and reg == 0:
            self._end_legacy_read()
        if self._tears_left:
            self._tear(reg, data)
        if not crc_mode:
            return bytes(data)
        pairs = _WITH_CHECK
        framed = bytearray(b"".join([pairs[value] for value in data]))
        if needed:
            framed[1] = CRC_TABLE[self._read_seeds[reg] ^ data[0]]
        if self.corrupt_checks:
            for at in range(1, needed + needed, 2):
                framed[at] ^= 0x5A
        return bytes(framed) if count == needed + needed else bytes(framed[:count])

    def _checked(self, reg, data):
        """Data bytes whose check is right, and the number of bytes acknowledged.

        A wrong check is not acknowledged and drops its byte and all that follow; bytes
        before it carried a check of their own and stand.
        """
        payload = bytearray()
        seed = self._write_seeds[reg]
        at = 1
        length = len(data)
        while at + 1 < length:
            value = data[at]
            if self.corrupt_checks or data[at + 1] != CRC_TABLE[seed ^ value]:
                return payload, at + 1
            payload.append(value)
            seed = 0
            at += 2
        # A last byte without its check never counts.
        return payload, length

    def _tear(self, reg, data):
        torn = False
        for at in range(reg & 1, len(data) - 1, 2):
            low = reg + at
            if low < _FIRST_MEASURED or low >= _END_MEASURED:
                continue
            if _FIRST_UNMEASURED <= low < _END_UNMEASURED:
                continue
            old = self._before_scan
            if old[low] != data[at] or old[low + 1] != data[at + 1]:
                data[at] = old[low]
                torn = True
        if torn:
            self._tears_left -= 1
            self.torn_reads += 1

    def _heard(self):
        self.heard_us = self.clock.now_us

    def _store(self, reg, payload):
        raise NotImplementedError
