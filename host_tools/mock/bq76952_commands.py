"""Subcommands and data-memory transfers of the BQ76952 model (0x3E..0x61).

The chip class above it supplies `_respond`, `_execute`, `_control` and `_memory_written`.
"""

from host_tools.mock.bq76952_bus import RegisterPort

SET_CFGUPDATE = 0x0090
EXIT_CFGUPDATE = 0x0092
CB_ACTIVE_CELLS = 0x0083
CB_SET_LVL = 0x0084
FET_CONTROL = 0x0097
REG12_CONTROL = 0x0098

_LEGACY_HIGH = 0x01
_CODE_LOW = 0x3E
_CODE_HIGH = 0x3F
_BUFFER = 0x40
_BUFFER_END = 0x60
_CHECKSUM = 0x60
_LENGTH = 0x61
_ALARM_STATUS = 0x62
_ALARM_ENABLE = 0x66

_OTHER_US = 500
_TIMES_US = {0x04: 8500, 0x05: 450, 0x09: 650, 0x57: 605, 0x82: 600, 0x83: 560, 0x84: 480}
_TIMES_US.update({0x97: 495, 0x98: 450, SET_CFGUPDATE: 2000, EXIT_CFGUPDATE: 1000})
for _code in (0x01, 0x02, 0x03):
    _TIMES_US[_code] = 400
for _code in (0x85, 0x86, 0x87):
    _TIMES_US[_code] = 575
for _code in (0x93, 0x94, 0x95, 0x96, 0x22, 0x1C, 0x1E, 0x1F, 0x20):
    _TIMES_US[_code] = 550
for _code in (0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x80, 0x81):
    _TIMES_US[_code] = 660

_ANSWERED = (0x01, 0x02, 0x03, 0x04, 0x05, 0x09, 0x53, 0x57, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75)
_ANSWERED += (0x76, 0x77, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x97, 0x98, 0xA0)
# Subcommands that take data, and how many bytes.
_DATA_SIZES = {CB_ACTIVE_CELLS: 2, CB_SET_LVL: 2, FET_CONTROL: 1, REG12_CONTROL: 1}


def is_memory(code):
    return 0x9180 <= code < 0x9344


class CommandPort(RegisterPort):
    """The transfer window; effects come when a subcommand's time has passed."""

    def __init__(self, clock, address):
        super().__init__(clock, address)
        # The sheet leaves the time of a data-memory access between 200 us and 2 ms.
        self.data_memory_us = 200
        # A busy chip: the transfer window takes this much longer.
        self.busy_more_us = 0
        self.rejected_writes = 0
        # Codes written while a command before them was still at work.
        self.hurried_commands = 0
        self._era = 0
        self._read_entry = None
        self._finish_call = self._finish_read
        self._forget_transfers()

    def _forget_transfers(self):
        """Whatever was on its way is lost: reset and power-up."""
        self._era += 1
        if self._read_entry is not None:
            self.clock.cancel(self._read_entry)
            self._read_entry = None
        self._code = 0
        self._code_low = 0
        self._written = 0
        self._command_until_us = 0

    def _after(self, delay_us, function):
        """Run `function` later, unless the chip has been reset meanwhile."""
        era = self._era

        def run():
            if self._era == era:
                function()

        return self.clock.call_at(self.clock.now_us + delay_us, run)

    def _store(self, reg, payload):
        image = self.image
        checksum_given = False
        low_byte = None
        for value in payload:
            if reg == _LEGACY_HIGH:
                # An alias of the subcommand window from earlier gauges.
                if low_byte is not None:
                    self._begin_legacy_read()
                    self._begin(value << 8 | low_byte)
            elif reg == _CODE_LOW:
                # Kept apart: while the window is busy 0x3E reads FF.
                image[reg] = value
                self._code_low = value
            elif reg == _CODE_HIGH:
                self._begin(value << 8 | self._code_low)
            elif _BUFFER <= reg < _BUFFER_END:
                image[reg] = value
                self._written |= 1 << (reg - _BUFFER)
            elif reg == _CHECKSUM:
                image[reg] = value
                checksum_given = True
            elif reg == _LENGTH:
                # The two must arrive together; a length on its own commits nothing.
                if checksum_given:
                    self._commit(image[_CHECKSUM], value)
                else:
                    self.rejected_writes += 1
            elif reg == _ALARM_STATUS + 1:
                # Alarm words act as a whole, so only when both bytes come in one transfer.
                if low_byte is not None:
                    self._clear_alarms(value << 8 | low_byte)
            elif reg == _ALARM_ENABLE + 1:
                if low_byte is not None:
                    self._enable_alarms(value << 8 | low_byte)
            low_byte = value
            reg = (reg + 1) & 0x7F

    def _begin(self, code):
        now_us = self.clock.now_us
        if now_us < self._command_until_us:
            self.hurried_commands += 1
        if self._read_entry is not None:
            self.clock.cancel(self._read_entry)
            self._read_entry = None
        self._code = code
        self._written = 0
        image = self.image
        if is_memory(code) or code in _ANSWERED:
            image[_CODE_LOW] = 0xFF
            image[_CODE_HIGH] = 0xFF
            busy_us = self.data_memory_us if is_memory(code) else self._time_us(code)
            busy_us += self.busy_more_us
            self._read_entry = self.clock.call_at(now_us + busy_us, self._finish_call)
        else:
            # The echo of a pure command says nothing about whether it is done.
            image[_CODE_LOW] = code & 0xFF
            image[_CODE_HIGH] = code >> 8
            busy_us = self._time_us(code)
            self._command_until_us = now_us + busy_us
            self._accepted(code)
            self._after(busy_us, lambda: self._execute(code))

    def _time_us(self, code):
        return _TIMES_US.get(code, _OTHER_US)

    def _finish_read(self):
        self._read_entry = None
        code = self._code
        image = self.image
        data = self._respond(code)
        if data is None:
            data = b""
        at = 0
        total = (code & 0xFF) + (code >> 8)
        for value in data:
            total += value
            # What the host has put there since is not overwritten by the refill.
            if not self._written >> at & 1:
                image[_BUFFER + at] = value
            at += 1
        image[_CHECKSUM] = ~total & 0xFF
        image[_LENGTH] = len(data) + 4
        image[_CODE_LOW] = code & 0xFF
        image[_CODE_HIGH] = code >> 8

    def _commit(self, checksum, length):
        code = self._code
        count = length - 4
        if not 1 <= count <= 32:
            self.rejected_writes += 1
            return
        data = bytes(self.image[_BUFFER : _BUFFER + count])
        total = (code & 0xFF) + (code >> 8)
        for value in data:
            total += value
        if checksum != ~total & 0xFF:
            self.rejected_writes += 1
        elif is_memory(code):
            self._memory_written(code, data)
        elif _DATA_SIZES.get(code) == count:
            self._after(self._time_us(code), lambda: self._control(code, data))
        else:
            self.rejected_writes += 1
