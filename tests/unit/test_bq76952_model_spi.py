"""BQ76952 model on SPI: the pipeline, its three kinds of "not yet", check codes, chip select."""

import machine
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.clock import VirtualClock
from tests.unit.bq76952_rig import MS, SECOND, ObedientBench, checksum, crc8

BETWEEN_FRAMES = 500


class SpiHost:
    """A host that talks by hand: one register a frame, frames 500 us apart."""

    def __init__(self, crc=True, awake=True, **options):
        self.clock = VirtualClock()
        self.bench = ObedientBench(options.get("cells", 16))
        self.chip = Bq76952Model(
            self.clock, self.bench, crc_at_power_up=crc, spi_at_power_up=True, **options
        )
        self.crc = crc
        self.clock.advance(300 * MS)
        if awake:
            self.frame(0x12, 0xFF)
            self.frame(0x12, 0xFF)

    def frame(self, first, second, wait_us=BETWEEN_FRAMES):
        out = bytes([first, second])
        if self.crc:
            out += bytes([crc8(out)])
        answer = self.chip.spi(out)
        assert len(answer) == len(out)
        self.clock.advance(wait_us)
        return answer

    def until_echoed(self, first, second):
        for _ in range(10):
            answer = self.frame(first, second)
            if answer[0] == first:
                if self.crc:
                    assert answer[2] == crc8(answer[:2])
                return answer[1]
        raise AssertionError("no echo")

    def read(self, reg):
        return self.until_echoed(reg, 0xFF)

    def write(self, reg, data):
        for at, value in enumerate(data):
            assert self.until_echoed(0x80 | (reg + at), value) == value

    def u16(self, reg):
        return self.read(reg) | self.read(reg + 1) << 8

    def ask(self, code):
        self.write(0x3E, [code & 0xFF, code >> 8])
        self.clock.advance(10 * MS)
        assert self.u16(0x3E) == code
        data = bytes(self.read(0x40 + at) for at in range(self.read(0x61) - 4))
        assert self.read(0x60) == checksum(code, data)
        return data


@pytest.mark.parametrize(
    "frame, check", [(b"\xbe\x02", 0x97), (b"\xbe\x01", 0x9E), (b"\x3e\xff", 0xDC)]
)
def test_frames_of_the_sheet_are_accepted_and_echoed(frame, check):
    host = SpiHost()
    host.chip.spi(frame + bytes([check]))
    host.clock.advance(BETWEEN_FRAMES)
    answer = host.chip.spi(b"\x12\xff" + bytes([crc8(b"\x12\xff")]))
    assert answer[0] == frame[0]
    assert answer[2] == crc8(answer[:2])
    if frame[0] & 0x80:
        assert answer == frame + bytes([check])


def test_each_frame_hands_out_the_answer_to_the_one_before():
    host = SpiHost()
    host.frame(0x14, 0xFF)
    assert host.frame(0x15, 0xFF)[:2] == bytes([0x14, 3300 & 0xFF])
    assert host.frame(0xBE, 0x01)[:2] == bytes([0x15, 3300 >> 8])
    assert host.frame(0x12, 0xFF)[:2] == b"\xbe\x01"


def test_frame_sent_too_early_is_not_taken_and_told_so():
    host = SpiHost()
    host.frame(0x14, 0xFF, wait_us=49)
    assert host.frame(0xBE, 0x55, wait_us=1) == b"\xff\xff\x00"
    assert host.frame(0x12, 0xFF)[:2] == bytes([0x14, 3300 & 0xFF])
    assert host.read(0x3E) != 0x55


def test_oscillator_wakes_within_50_us_after_a_second_of_silence():
    host = SpiHost()
    host.clock.advance(1 * SECOND - BETWEEN_FRAMES)
    assert host.frame(0x14, 0xFF)[0] != 0xFF
    host.clock.advance(1 * SECOND)
    assert host.frame(0x14, 0xFF, wait_us=49) == b"\xff\xff\xff"
    assert host.frame(0x14, 0xFF, wait_us=1) == b"\xff\xff\xff"
    assert host.frame(0x14, 0xFF)[0] != 0xFF
    assert host.frame(0x14, 0xFF)[0] == 0x14


def test_longer_idle_time_keeps_the_oscillator_awake():
    host = SpiHost()
    host.write(0x3E, [0x90, 0x00])
    host.clock.advance(3 * MS)
    host.write(0x3E, [0x3D, 0x92, 5])
    host.write(0x60, [checksum(0x923D, b"\x05"), 5])
    host.write(0x3E, [0x92, 0x00])
    host.clock.advance(4 * SECOND)
    assert host.frame(0x14, 0xFF)[0] != 0xFF


def test_wrong_check_drops_the_write_and_says_so():
    host = SpiHost()
    good = b"\xc0\x5a"
    host.chip.spi(good + bytes([crc8(good) ^ 0x10]))
    host.clock.advance(BETWEEN_FRAMES)
    assert host.frame(0x40, 0xFF) == b"\xff\xff\xaa"
    assert host.frame(0x40, 0xFF)[:2] == b"\x40\x00"


@pytest.mark.parametrize("frame", [b"\xc0", b"\xc0\x5a", b"\xc0\x5a\x00\x00"])
def test_wrong_number_of_clocks_does_nothing(frame):
    host = SpiHost()
    host.chip.spi(frame)
    host.clock.advance(BETWEEN_FRAMES)
    assert host.frame(0x40, 0xFF) == b"\xff\xff\xaa"
    assert host.read(0x40) == 0


def test_without_check_codes_frames_have_two_bytes():
    host = SpiHost(crc=False)
    assert host.ask(0x0001) == b"\x95\x76"
    host.clock.advance(2 * SECOND)
    assert host.frame(0x14, 0xFF) == b"\xff\xff"


@given(data=st.binary(min_size=1, max_size=32))
def test_any_block_goes_through_the_window_byte_by_byte(data):
    host = SpiHost()
    host.write(0x3E, [0x90, 0x00])
    host.clock.advance(3 * MS)
    host.write(0x3E, [0x80, 0x91])
    host.write(0x40, data)
    host.write(0x60, [checksum(0x9180, data), len(data) + 4])
    assert host.chip.rejected_writes == 0
    assert host.ask(0x9180)[: len(data)] == data


def test_length_without_the_checksum_right_before_it_commits_nothing():
    host = SpiHost()
    host.write(0x3E, [0x90, 0x00])
    host.clock.advance(3 * MS)
    host.write(0x3E, [0x61, 0x92, 0x8C])
    host.write(0x60, [0x80])
    host.write(0x40, [0x8C])
    host.write(0x61, [5])
    assert host.chip.rejected_writes == 1
    assert host.ask(0x9261)[0] == 0x88


def test_alarm_bits_clear_when_both_bytes_are_written_in_a_row():
    host = SpiHost()
    host.write(0x66, [0x82, 0xF8])
    host.clock.advance(6 * SECOND)
    assert host.u16(0x62) & 0x0002
    host.write(0x62, [0x82, 0x00])
    assert host.u16(0x62) & 0x0002 == 0


def test_spoilt_line_is_seen_both_ways():
    host = SpiHost()
    host.chip.corrupt_checks = True
    answer = host.frame(0xC0, 0x77)
    assert answer[2] != crc8(answer[:2])
    host.chip.corrupt_checks = False
    assert host.frame(0x40, 0xFF) == b"\xff\xff\xaa"
    assert host.read(0x40) == 0


@pytest.mark.parametrize("acts, left", [(False, 0x50), (True, 0x40)])
def test_whether_a_repeated_write_acts_again_can_be_chosen(acts, left):
    host = SpiHost()
    host.chip.spi_port.repeats_act = acts
    host.write(0x3E, [0x22, 0x00])
    host.clock.advance(3 * MS)
    assert host.ask(0x0057)[0] == left


def test_chip_that_does_not_answer_leaves_the_line_to_its_pull_up():
    host = SpiHost()
    host.chip.answering = False
    assert host.frame(0x12, 0xFF) == b"\xff\xff\xff"


def test_i2c_is_deaf_in_spi_mode_and_back_after_29e7():
    host = SpiHost()
    assert not host.chip.i2c_present()
    host.write(0x3E, [0xE7])
    host.frame(0xBF, 0x29)
    host.clock.advance(1 * MS)
    assert host.chip.i2c_present()
    assert host.frame(0x12, 0xFF) == b"\xff\xff\xff"


@pytest.mark.parametrize("kind, crc", [(0x0F, False), (0x10, True)])
def test_comm_type_leads_from_i2c_to_spi(kind, crc):
    clock = VirtualClock()
    chip = Bq76952Model(clock, ObedientBench())
    for message in (b"\x3e\x90\x00", b"\x3e\x39\x92" + bytes([kind])):
        chip.i2c_write(message)
        clock.advance(3 * MS)
    chip.i2c_write(b"\x60" + bytes([checksum(0x9239, [kind]), 5]))
    for message in (b"\x3e\x92\x00", b"\x3e\xbc\x29"):
        chip.i2c_write(message)
        clock.advance(3 * MS)
    assert chip.on_spi
    assert chip.crc_mode == crc


# On the fake bus


@pytest.fixture
def bus():
    clock = VirtualClock()
    machine.use(clock)
    yield clock
    machine.forget()


def test_transfer_without_chip_select_reaches_nobody(bus):
    chip = Bq76952Model(bus, ObedientBench(), spi_at_power_up=True)
    machine.attach_spi(0, chip, select=17)
    select = machine.Pin(17, machine.Pin.OUT, value=1)
    spi = machine.SPI(0, 1000000)
    received = bytearray(2)

    def exchange(frame):
        select(0)
        spi.write_readinto(frame, received)
        select(1)
        bus.advance(BETWEEN_FRAMES)
        return bytes(received)

    exchange(b"\x14\xff")
    exchange(b"\x12\xff")
    spi.write_readinto(b"\xc0\x55", received)
    assert received == b"\xff\xff"
    assert exchange(b"\x40\xff") == b"\x12\x8c"
    assert exchange(b"\x40\xff") == b"\x40\x00"


def test_a_second_transfer_under_the_same_select_is_too_many_clocks(bus):
    chip = Bq76952Model(bus, ObedientBench(), spi_at_power_up=True)
    machine.attach_spi(0, chip, select=17)
    select = machine.Pin(17, machine.Pin.OUT, value=1)
    spi = machine.SPI(0, 1000000)
    for _ in range(2):
        select(0)
        spi.write(b"\x12\xff")
        select(1)
        bus.advance(BETWEEN_FRAMES)
    select(0)
    spi.write(b"\xc0\x55")
    spi.write(b"\xc1\x55")
    select(1)
    bus.advance(BETWEEN_FRAMES)
    assert chip.image[0x40:0x42] == b"\x00\x00"


@pytest.mark.parametrize(
    "variant, hz, understood",
    [
        ("bq76952", 2000000, True),
        ("bq76952", 2000001, False),
        ("bq76942", 1800000, True),
        ("bq76942", 1900000, False),
    ],
)
def test_faster_than_the_chip_is_not_understood(bus, variant, hz, understood):
    chip = Bq76952Model(bus, ObedientBench(10), cells=10, variant=variant, spi_at_power_up=True)
    machine.attach_spi(0, chip)
    spi = machine.SPI(0, hz)
    received = bytearray(2)
    for _ in range(3):
        spi.write_readinto(b"\x12\xff", received)
        bus.advance(BETWEEN_FRAMES)
    assert (received == b"\x12\x8c") == understood


def test_only_mode_0_is_understood(bus):
    chip = Bq76952Model(bus, ObedientBench(), spi_at_power_up=True)
    machine.attach_spi(0, chip)
    spi = machine.SPI(0, polarity=1, phase=1)
    received = bytearray(2)
    for _ in range(3):
        spi.write_readinto(b"\x12\xff", received)
        bus.advance(BETWEEN_FRAMES)
    assert received == b"\xff\xff"
