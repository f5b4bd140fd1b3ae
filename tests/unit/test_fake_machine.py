"""The fake machine module: bit times, refusals and buffers like the strictest real port."""

import machine
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.clock import VirtualClock


@pytest.fixture
def clock():
    clock = VirtualClock()
    machine.use(clock)
    yield clock
    machine.forget()


class RegisterDevice:
    """A chip with 256 registers that acknowledges at most `takes` bytes of a write."""

    def __init__(self, clock):
        self.clock = clock
        self.registers = bytearray(range(256))
        self.pointer = 0
        self.present = True
        self.takes = 1000
        self.log = []

    def i2c_present(self):
        return self.present

    def i2c_write(self, data):
        self.log.append(("write", bytes(data), self.clock.now_us))
        if data:
            self.pointer = data[0]
        return min(len(data), self.takes)

    def i2c_read(self, count):
        self.log.append(("read", count, self.clock.now_us))
        return bytes(self.registers[self.pointer : self.pointer + count])


@pytest.fixture
def device(clock):
    device = RegisterDevice(clock)
    machine.attach_i2c(0, 8, device)
    return device


def make_i2c(freq=400000):
    return machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(2), freq=freq)


# I2C


def test_a_register_read_takes_its_bits_with_a_repeated_start_before_the_chip_is_asked(
    clock, device
):
    buffer = bytearray(4)
    make_i2c().readfrom_mem_into(8, 0x20, buffer)
    # start, 2 bytes, repeated start, 1 + 4 bytes, stop
    bits = 1 + 18 + 1 + 45 + 1
    assert clock.now_us == bits * 10 // 4
    assert bytes(buffer) == b"\x20\x21\x22\x23"
    assert device.log == [("write", b"\x20", clock.now_us), ("read", 4, clock.now_us)]


def test_a_write_takes_nine_bits_a_byte_plus_start_and_stop(clock, device):
    assert make_i2c(100000).writeto(8, b"\x3e\x01\x02") == 3
    assert clock.now_us == (1 + 9 * 4 + 1) * 10
    assert device.log[0][1] == b"\x3e\x01\x02"


def test_a_write_without_stop_saves_the_stop_bit(clock, device):
    make_i2c(100000).writeto(8, b"\x00", False)
    assert clock.now_us == (1 + 9 * 2) * 10


def test_all_ways_to_write_bring_the_same_bytes(clock, device):
    i2c = make_i2c()
    i2c.writeto(8, b"\x3e\x01\x02")
    i2c.writeto_mem(8, 0x3E, b"\x01\x02")
    i2c.writevto(8, (b"\x3e", b"\x01\x02"))
    i2c.writeto_mem(8, 0x3E01, b"\x02", addrsize=16)
    assert [entry[1] for entry in device.log] == [b"\x3e\x01\x02"] * 4


def test_reading_into_a_memoryview_fills_exactly_that_part(clock, device):
    buffer = bytearray(6)
    make_i2c().readfrom_mem_into(8, 0x10, memoryview(buffer)[2:4])
    assert buffer == b"\x00\x00\x10\x11\x00\x00"


def test_an_address_nobody_acknowledges_is_enodev_after_one_byte_time(clock, device):
    device.present = False
    for address in (8, 9):
        before = clock.now_us
        with pytest.raises(OSError) as caught:
            make_i2c(100000).readfrom_mem_into(address, 0, bytearray(32))
        assert caught.value.errno == 19
        assert clock.now_us - before == (1 + 9 + 1) * 10
    assert device.log == []


def test_a_data_byte_that_is_not_acknowledged_is_eio(clock, device):
    device.takes = 1
    with pytest.raises(OSError) as caught:
        make_i2c().writeto(8, b"\x3e\x01")
    assert caught.value.errno == 5


def test_a_chip_that_refuses_the_second_address_is_enodev(clock, device):
    device.i2c_read = lambda count: None
    with pytest.raises(OSError) as caught:
        make_i2c().readfrom_mem(8, 0, 1)
    assert caught.value.errno == 19


def test_scan_finds_what_answers(clock, device):
    machine.attach_i2c(0, 0x50, RegisterDevice(clock))
    machine.attach_i2c(1, 0x51, RegisterDevice(clock))
    assert make_i2c().scan() == [8, 0x50]


def test_i2c_refuses_a_clock_above_one_megahertz_and_pins_that_are_numbers(clock):
    with pytest.raises(ValueError):
        make_i2c(1000001)
    with pytest.raises(TypeError):
        machine.I2C(0, scl=1, sda=2)


# SPI


class Inverter:
    def spi(self, sent):
        return bytes(byte ^ 0xFF for byte in sent)


def test_spi_takes_eight_bits_a_byte_and_exchanges(clock):
    machine.attach_spi(0, Inverter())
    spi = machine.SPI(0, 1000000)
    received = bytearray(3)
    spi.write_readinto(b"\x01\x02\x03", received)
    assert received == b"\xfe\xfd\xfc"
    assert clock.now_us == 24
    assert spi.read(2, 0x0F) == b"\xf0\xf0"


def test_spi_without_a_device_reads_ones_and_unequal_buffers_are_refused(clock):
    spi = machine.SPI(1)
    assert spi.read(2) == b"\xff\xff"
    with pytest.raises(ValueError):
        spi.write_readinto(b"\x00", bytearray(2))


# Pins


def test_pins_with_the_same_id_share_one_line_and_listeners_hear_each_change_once(clock):
    heard = []
    machine.pin_line(5).listeners.append(heard.append)
    pin = machine.Pin(5, machine.Pin.OUT, value=1)
    same = machine.Pin(5)
    assert same.value() == 1
    same.off()
    same.off()
    pin.on()
    pin(0)
    assert heard == [1, 0, 1, 0]


def test_an_output_begins_with_its_value_and_never_shows_another(clock):
    heard = []
    machine.Pin(5, machine.Pin.IN, machine.Pin.PULL_UP)
    machine.pin_line(5).listeners.append(heard.append)
    machine.Pin(5, machine.Pin.OUT, value=1)
    assert heard == []
    assert machine.pin_line(5).driven


def test_an_undriven_line_reads_its_pull_or_zero(clock):
    assert machine.Pin(1, machine.Pin.IN).value() == 0
    assert machine.Pin(2, machine.Pin.IN, machine.Pin.PULL_UP).value() == 1
    assert machine.Pin(3, machine.Pin.IN, machine.Pin.PULL_DOWN).value() == 0
    assert not machine.pin_line(2).driven


def test_writing_to_an_input_only_sets_what_it_will_drive_later(clock):
    pin = machine.Pin(4, machine.Pin.IN)
    pin.value(1)
    assert pin.value() == 0
    pin.init(machine.Pin.OUT)
    assert pin.value() == 1


def test_an_open_drain_pin_pulls_down_or_lets_go(clock):
    pin = machine.Pin(6, machine.Pin.OPEN_DRAIN, machine.Pin.PULL_UP, value=0)
    line = machine.pin_line(6)
    assert (line.level, line.driven) == (0, True)
    pin.on()
    assert (line.level, line.driven) == (1, False)
    line.outside(0)
    assert pin.value() == 0


def test_what_drives_from_outside_is_read_but_does_not_win_over_the_output(clock):
    pin = machine.Pin(7, machine.Pin.IN)
    line = machine.pin_line(7)
    line.outside(1)
    assert pin.value() == 1
    pin.init(machine.Pin.OUT, value=0)
    assert line.level == 0
    pin.init(machine.Pin.IN)
    assert line.level == 1


def test_the_analogue_input_reads_what_the_test_sets(clock):
    adc = machine.ADC(machine.Pin(26))
    machine.adc_line(26).value = 12345
    assert adc.read_u16() == 12345


# UART


def test_received_bytes_become_readable_a_byte_time_apart(clock):
    uart = machine.UART(1, 10000)
    machine.uart_line(1).receive(b"abc")
    clock.advance(999)
    assert uart.any() == 0
    assert uart.read(10) is None
    clock.advance(1)
    assert uart.read(10) == b"a"
    clock.advance(1500)
    assert uart.any() == 1
    clock.advance(500)
    assert uart.read() == b"bc"


def test_bytes_that_follow_wait_for_those_still_arriving(clock):
    uart = machine.UART(1, 10000)
    line = machine.uart_line(1)
    line.receive(b"ab")
    clock.advance(500)
    line.receive(b"c")
    clock.advance(2499)
    assert uart.any() == 2
    clock.advance(1)
    assert uart.any() == 3


def test_a_full_receive_buffer_loses_the_newest_bytes_and_counts_them(clock):
    uart = machine.UART(1, 10000, rxbuf=4)
    machine.uart_line(1).receive(b"abcdef")
    clock.advance(10000)
    assert uart.read() == b"abcd"
    assert machine.uart_line(1).overruns == 2


def test_reading_in_time_loses_nothing(clock):
    uart = machine.UART(1, 10000, rxbuf=4)
    machine.uart_line(1).receive(b"abcdef")
    clock.advance(3000)
    buffer = bytearray(8)
    assert uart.readinto(buffer, 2) == 2
    clock.advance(3000)
    assert uart.read() == b"cdef"
    assert bytes(buffer[:2]) == b"ab"
    assert uart.readinto(buffer) is None
    assert machine.uart_line(1).overruns == 0


def test_written_bytes_leave_at_baud_pace_in_chunks_of_at_most_sixteen(clock):
    left = []
    machine.uart_line(1).on_transmit = lambda data: left.append((clock.now_us, data))
    uart = machine.UART(1, 9600)
    frame = bytes(range(40))
    assert uart.write(frame) == 40
    assert not uart.txdone()
    clock.advance(100000)
    assert uart.txdone()
    # 10 bits at 9600 baud, rounded up to whole microseconds but never accumulating.
    assert left == [(16667, frame[:16]), (33334, frame[16:32]), (41667, frame[32:])]


def test_writing_more_than_the_buffer_holds_takes_a_part_and_then_none(clock):
    uart = machine.UART(1, 10000, txbuf=8)
    assert uart.write(b"0123456789") == 8
    assert uart.write(b"89") is None
    clock.advance(1000)
    assert uart.write(b"89") == 1


def test_flush_waits_until_the_last_stop_bit(clock):
    uart = machine.UART(1, 10000)
    uart.flush()
    assert clock.now_us == 0
    uart.write(b"0123456789")
    uart.flush()
    assert clock.now_us == 10000
    assert uart.txdone()


def test_parity_and_stop_bits_lengthen_the_byte(clock):
    uart = machine.UART(1, 10000, 8, 0, 2)
    uart.write(b"0")
    uart.flush()
    assert clock.now_us == 1200


def test_a_uart_that_would_block_is_refused(clock):
    with pytest.raises(ValueError):
        machine.UART(1, timeout=10)


@given(
    pieces=st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 30000)), max_size=8),
    baudrate=st.sampled_from([1200, 9600, 115200]),
)
def test_everything_taken_leaves_once_in_order_and_not_faster_than_the_wire(pieces, baudrate):
    clock = VirtualClock()
    machine.use(clock)
    machine.forget()
    left = []
    machine.uart_line(1).on_transmit = lambda data: left.append((clock.now_us, data))
    uart = machine.UART(1, baudrate, txbuf=64)
    taken = b""
    for data, pause_us in pieces:
        taken += data[: uart.write(data) or 0]
        clock.advance(pause_us)
    uart.flush()
    assert b"".join(data for _, data in left) == taken
    assert uart.txdone()
    total = 0
    for t_us, data in left:
        total += len(data)
        assert 1 <= len(data) <= 16
        assert t_us * baudrate >= total * 10 * 1000000
    machine.forget()


# Watchdog and the rest


def test_a_fed_watchdog_is_quiet_and_an_unfed_one_bites_at_its_time(clock):
    bites = []
    machine.on_watchdog = lambda: bites.append(clock.now_us)
    watchdog = machine.WDT(timeout=100)
    for _ in range(5):
        clock.advance(99000)
        watchdog.feed()
    clock.advance(99999)
    assert bites == []
    clock.advance(1)
    assert bites == [5 * 99000 + 100000]


def test_an_unfed_watchdog_nobody_watches_is_an_error(clock):
    machine.WDT(timeout=10)
    with pytest.raises(RuntimeError):
        clock.advance(10000)


@pytest.mark.parametrize("timeout", [0, 8389])
def test_a_watchdog_timeout_the_rp2040_cannot_hold_is_refused(clock, timeout):
    with pytest.raises(ValueError):
        machine.WDT(timeout=timeout)


def test_forget_drops_lines_devices_and_the_watchdog(clock, device):
    machine.Pin(5, machine.Pin.OUT, value=1)
    machine.WDT(timeout=10)
    machine.forget()
    clock.advance(20000)
    assert machine.pin_line(5).level == 0
    assert make_i2c().scan() == []


def test_reset_ends_the_program_and_the_cause_is_what_the_simulator_says(clock):
    assert machine.reset_cause() == machine.PWRON_RESET
    machine.use(clock, reset_cause=machine.WDT_RESET, unique_id=b"12345678")
    assert machine.reset_cause() == machine.WDT_RESET
    assert machine.unique_id() == b"12345678"
    with pytest.raises(SystemExit):
        machine.reset()


def test_idle_waits_a_little_so_that_waiting_loops_end(clock):
    machine.idle()
    assert clock.now_us > 0
