"""I2C and SPI for the fake `machine`, at true bit time. Never upload to a board.

A transfer takes its time on the virtual clock first and then reaches the device.
"""

from host_tools.mock.fake_pins import Pin, pin_line

_NO_DEVICE = 19  # ENODEV: the address was not acknowledged
_IO_ERROR = 5  # EIO: a data byte was not acknowledged
_START_BITS = 1
_STOP_BITS = 1
_BYTE_BITS = 9

_clock = None
_i2c_devices = {}
_spi_devices = {}


class I2C:
    def __init__(self, id, *, scl, sda, freq=400000, timeout=50000):
        if not isinstance(scl, Pin) or not isinstance(sda, Pin):
            raise TypeError("expecting a Pin")
        if not 0 < freq <= 1000000:
            raise ValueError("I2C frequency out of range")
        self._id = id
        self._freq = freq

    def scan(self):
        found = []
        for address in range(0x08, 0x78):
            self._spend(_START_BITS + _BYTE_BITS + _STOP_BITS)
            device = _i2c_devices.get((self._id, address))
            if device is not None and device.i2c_present():
                found.append(address)
        return found

    def writeto(self, addr, buf, stop=True):
        data = bytes(buf)
        device = self._device(addr)
        bits = _START_BITS + _BYTE_BITS * (1 + len(data))
        self._spend(bits + _STOP_BITS if stop else bits)
        return self._write(device, data)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join([bytes(part) for part in vector]), stop)

    def readfrom_into(self, addr, buf, stop=True):
        device = self._device(addr)
        bits = _START_BITS + _BYTE_BITS * (1 + len(buf))
        self._spend(bits + _STOP_BITS if stop else bits)
        self._read(device, buf)

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf, stop)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, _register_bytes(memaddr, addrsize) + bytes(buf))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        register = _register_bytes(memaddr, addrsize)
        device = self._device(addr)
        # Address and register, repeated start, address again and data.
        sent = _START_BITS + _BYTE_BITS * (1 + len(register))
        self._spend(sent + _START_BITS + _BYTE_BITS * (1 + len(buf)) + _STOP_BITS)
        self._write(device, register)
        self._read(device, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def _spend(self, bits):
        _clock.advance((bits * 1000000 + self._freq - 1) // self._freq)

    def _device(self, addr):
        device = _i2c_devices.get((self._id, addr))
        if device is None or not device.i2c_present():
            # The controller gives up after the address byte and always sends a stop.
            self._spend(_START_BITS + _BYTE_BITS + _STOP_BITS)
            raise OSError(_NO_DEVICE, "ENODEV")
        return device

    def _write(self, device, data):
        acknowledged = device.i2c_write(data)
        if acknowledged < len(data):
            raise OSError(_IO_ERROR, "EIO")
        return acknowledged

    def _read(self, device, buf):
        data = device.i2c_read(len(buf))
        if data is None:
            raise OSError(_NO_DEVICE, "ENODEV")
        buf[:] = data


class SPI:
    MSB = 0

    def __init__(
        self,
        id,
        baudrate=1000000,
        *,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=0,
        sck=None,
        mosi=None,
        miso=None,
    ):
        if bits != 8 or firstbit != SPI.MSB:
            raise ValueError("only whole bytes, most significant bit first, work on every port")
        self._id = id
        self._baudrate = baudrate
        self._mode = 2 * (polarity & 1) + (phase & 1)

    def write(self, buf):
        self._transfer(bytes(buf))

    def read(self, nbytes, write=0):
        return self._transfer(bytes([write]) * nbytes)

    def readinto(self, buf, write=0):
        buf[:] = self._transfer(bytes([write]) * len(buf))

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        read_buf[:] = self._transfer(bytes(write_buf))

    def _transfer(self, sent):
        _clock.advance((len(sent) * 8 * 1000000 + self._baudrate - 1) // self._baudrate)
        received = b"\xff" * len(sent)  # nobody drives the line; its pull-up shows
        for place in _spi_devices.get(self._id, ()):
            answer = place.exchange(sent, self._baudrate, self._mode)
            if answer is not None:
                received = answer
        return received


class _SpiPlace:
    """A device on an SPI bus and its select line; without one it is always selected.

    The device says how fast it is (`spi_hz_limit`) and in which mode (`spi_mode`): what
    comes otherwise is noise to it. Where it has `spi_more`, transfers after the first while
    the select line stays low go there, else each one counts as a frame of its own. Where it has
    `spi_select`, it hears of every change of the select line.
    """

    def __init__(self, device, select):
        self._device = device
        self._line = None
        self._frames = 0
        if select is not None:
            self._line = pin_line(select)
            self._line.listeners.append(self._on_select)

    def _on_select(self, level):
        self._frames = 0
        if hasattr(self._device, "spi_select"):
            self._device.spi_select(level)

    def exchange(self, sent, baudrate, mode):
        device = self._device
        if self._line is not None and self._line.level:
            return None
        if baudrate > getattr(device, "spi_hz_limit", baudrate):
            return None
        if mode != getattr(device, "spi_mode", mode):
            return None
        self._frames += 1
        if self._line is not None and self._frames > 1 and hasattr(device, "spi_more"):
            return device.spi_more(sent)
        return device.spi(sent)


def _register_bytes(memaddr, addrsize):
    if addrsize == 8:
        return bytes([memaddr])
    if addrsize == 16:
        return bytes([memaddr >> 8, memaddr & 0xFF])
    raise ValueError("register addresses are 8 or 16 bits")


def use(clock):
    global _clock
    _clock = clock


def attach_i2c(bus_id, address, device):
    _i2c_devices[(bus_id, address)] = device


def attach_spi(bus_id, device, select=None):
    """`select`: id of the pin whose low level selects the device; several may share a bus."""
    _spi_devices.setdefault(bus_id, []).append(_SpiPlace(device, select))


def forget():
    _i2c_devices.clear()
    _spi_devices.clear()
