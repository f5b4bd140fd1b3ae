"""The BQ76952 driver over SPI: frames, answers one frame late, disturbed and busy chips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from tests.unit.bq76952_spi_stand_in import SpiDesk, SpiStandIn
from tests.unit.bq76952_stand_in import (
    ALL_EQUAL,
    BOARD,
    CELLS,
    CURRENT,
    REQUESTS,
    STACK,
    TEMPS,
    StandIn,
)
from vigil.afe import errors
from vigil.afe.bq76952_spi import SpiTransfer, switch_to_spi
from vigil.afe.errors import AfeError


@pytest.fixture
def desk():
    return SpiDesk().configure()


class Bus:
    """A transfer over a bare stand-in."""

    def __init__(self, check_codes=True, gap_us=50):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.chip = SpiStandIn(self.clock, check_codes)
        self.transfer = SpiTransfer(self.chip, self.chip, gap_us)
        self.transfer.check_codes = check_codes

    def read(self, register, count):
        self.transfer.read(register, count)
        return bytes(self.transfer.data[:count])

    def write(self, register, data):
        self.transfer.payload[: len(data)] = data
        self.transfer.write(register, len(data))

    def block(self, code, data):
        self.transfer.payload[2 : 2 + len(data)] = data
        self.transfer.write_block(code, len(data))


# Frames.


@pytest.mark.parametrize("register, byte, crc", [(0x3E, 0x02, 0x97), (0x3E, 0x01, 0x9E)])
def test_writes_carry_the_check_codes_that_ti_prints(register, byte, crc):
    bus = Bus()
    bus.write(register, bytes([byte]))
    assert bus.chip.frames[0] == bytes([0x80 | register, byte, crc])


class FixedAnswer:
    """Answers every frame alike, as the chip does at the end of TI's example."""

    def __init__(self, answer):
        self.answer = answer

    def value(self, level):
        pass

    def write_readinto(self, tx, rx):
        rx[:] = self.answer[: len(rx)]


def test_an_answer_with_the_check_code_that_ti_prints_is_taken_and_any_other_is_not():
    fake_time.use(VirtualClock())
    chip = FixedAnswer(b"\x3e\xff\xdc")
    transfer = SpiTransfer(chip, chip)
    transfer.read(0x3E, 1)
    assert transfer.data[0] == 0xFF
    for crc in range(256):
        if crc != 0xDC:
            chip.answer = bytes([0x3E, 0xFF, crc])
            with pytest.raises(AfeError) as error:
                transfer.read(0x3E, 1)
            assert error.value.code == errors.CHECK_FAILED


def test_without_check_codes_frames_have_sixteen_clocks():
    bus = Bus(check_codes=False)
    bus.chip.put(0x14, 3300)
    assert bus.read(0x14, 2) == bytes([3300 & 0xFF, 3300 >> 8])
    bus.write(0x40, b"\x01\x02")
    assert {len(frame) for frame in bus.chip.frames} == {2}


def test_readings_take_one_frame_a_byte_and_one_more():
    bus = Bus()
    bus.chip.registers[0x14:0x34] = bytes(range(100, 132))
    assert bus.read(0x14, 32) == bytes(range(100, 132))
    # The very first frame finds no answer at all.
    assert len(bus.chip.frames) == 34
    assert (bus.transfer.retries, bus.transfer.no_answers) == (1, 0)
    del bus.chip.frames[:]
    assert bus.read(0x14, 32) == bytes(range(100, 132))
    assert len(bus.chip.frames) == 33


def test_an_old_answer_still_waiting_in_the_chip_is_not_taken_for_a_new_one():
    bus = Bus()
    for value in (1, 2, 3):
        bus.chip.registers[0x12] = value
        assert bus.read(0x12, 1) == bytes([value])


@given(st.binary(min_size=1, max_size=32), st.integers(0, 200), st.booleans())
def test_whatever_the_gap_readings_and_writings_are_right(data, gap_us, deaf):
    bus = Bus(gap_us=gap_us)
    bus.chip.deaf_while_busy = deaf
    # One frame at 2 MHz takes 12 us and the chip needs 50: shorter gaps meet a busy chip.
    try:
        bus.chip.registers[0x12] = 0x81
        bus.block(0x9234, data)
        written = bytes(bus.chip.memory.get(0x9234 + at, 0) for at in range(len(data)))
        assert written == data
        assert bus.transfer.read_block(0x9234) == 32
        assert bytes(bus.transfer.data[: len(data)]) == data
    except AfeError as error:
        # Patience ends; a wrong byte never passes.
        assert gap_us < 38 and error.code == errors.NO_ANSWER


def test_a_sleeping_oscillator_is_waited_for():
    bus = Bus()
    bus.chip.registers[0x12] = 0x88
    for frames in range(1, 9):
        bus.chip.waking = frames
        assert bus.read(0x12, 1) == b"\x88"


@given(st.integers(0, 40), st.integers(1, 3), st.booleans())
def test_a_frame_spoilt_on_either_way_is_repeated(at, frames, towards_chip):
    bus = Bus()
    bus.chip.registers[0x14:0x34] = bytes(range(32))
    original = bus.chip.write_readinto
    seen = [0]

    def spoiling(tx, rx):
        seen[0] += 1
        if seen[0] == at + 1:
            if towards_chip:
                bus.chip.spoil_sent = frames
            else:
                bus.chip.spoil_came = frames
        original(tx, rx)

    bus.chip.write_readinto = spoiling
    assert bus.read(0x14, 32) == bytes(range(32))


@given(st.integers(0, 60), st.integers(1, 2), st.booleans(), st.binary(min_size=1, max_size=32))
def test_a_block_arrives_whole_or_not_at_all(at, frames, towards_chip, data):
    bus = Bus()
    bus.chip.registers[0x12] = 0x81
    original = bus.chip.write_readinto
    seen = [0]

    def spoiling(tx, rx):
        seen[0] += 1
        if seen[0] == at + 1:
            if towards_chip:
                bus.chip.spoil_sent = frames
            else:
                bus.chip.spoil_came = frames
        original(tx, rx)

    bus.chip.write_readinto = spoiling
    bus.block(0x9280, data)
    blocks = {event for event in bus.chip.events if event[0] == "memory"}
    assert blocks == {("memory", 0x9280, data)}


def test_an_undisturbed_command_is_given_exactly_once():
    # A command that toggles must not come twice.
    bus = Bus()
    for code in (0x0022, 0x0090, 0x000F):
        bus.transfer.command(code)
    assert [event for event in bus.chip.events if event[0] == "command"] == [
        ("command", 0x0022),
        ("command", 0x0090),
        ("command", 0x000F),
    ]


@given(st.integers(0, 8), st.integers(1, 3))
def test_a_dropped_byte_never_makes_another_command(at, frames):
    bus = Bus()
    bus.transfer.command(0x0096)
    del bus.chip.events[:]
    original = bus.chip.write_readinto
    seen = [0]

    def spoiling(tx, rx):
        seen[0] += 1
        if seen[0] == at + 1:
            bus.chip.spoil_sent = frames
        original(tx, rx)

    bus.chip.write_readinto = spoiling
    bus.transfer.command(0x0022)
    assert set(bus.chip.events) == {("command", 0x0022)}


@pytest.mark.parametrize("answer", [b"\xff\xff\xff", b"\x00\x00\x00", b"\xff\xff\x00"])
def test_a_silent_line_is_given_up_soon_and_in_bounds(answer):
    clock = VirtualClock()
    fake_time.use(clock)
    chip = FixedAnswer(answer)
    transfer = SpiTransfer(chip, chip)
    for job in (lambda: transfer.read(0x12, 2), lambda: transfer.write(0x40, 4)):
        begun_us = clock.now_us
        with pytest.raises(AfeError) as error:
            job()
        assert error.value.code == errors.NO_ANSWER
        assert clock.now_us - begun_us < 2500
    assert not transfer.find_mode()


def test_chip_select_is_released_when_the_port_fails():
    class Failing(FixedAnswer):
        level = None

        def value(self, level):
            self.level = level

        def write_readinto(self, tx, rx):
            raise OSError(5)

    fake_time.use(VirtualClock())
    chip = Failing(b"")
    with pytest.raises(AfeError):
        SpiTransfer(chip, chip).read(0x12, 2)
    assert chip.level == 1


# The whole driver.


@pytest.mark.parametrize("check_codes", [True, False])
def test_bring_up_ends_with_check_codes_and_the_interface_in_the_settings(check_codes):
    desk = SpiDesk(check_codes=check_codes).configure()
    assert desk.front_end.configured and desk.chip.check_codes
    assert desk.chip.memory[0x9239] == 0x10
    assert desk.chip.fets_enabled
    commands = [event[1] for event in desk.chip.events if event[0] == "command"]
    switched = [] if check_codes else [0x90, 0x92, 0x29BC]
    assert [code for code in commands if code < 0x9180 and code not in (0x97, 0x83)] == [
        *switched,
        0x90,
        0x92,
        0x9A,
        0x22,
    ]


def test_a_full_scan_fills_the_sample(desk):
    cells = [3300 + cell for cell in range(16)]
    refreshed = desk.read_scan(cells, current=-1234, stack=5292, temps=(2981, 2731, 2482))
    assert refreshed == [CELLS, CURRENT, BOARD, TEMPS, STACK]
    values = desk.readings.values
    assert list(values[:16]) == cells
    assert list(values[16:19]) == [250, 0, -249]
    assert values[desk.readings.current_at] == -12340
    assert values[desk.readings.stack_at] == 52920
    assert desk.read() == []


def test_a_value_caught_between_its_two_bytes_is_not_taken(desk):
    desk.read_scan()
    chip = desk.chip
    original = chip.write_readinto

    def tearing(tx, rx):
        # 0x0D00 is changing to 0x0CFF between the reading of its low and its high byte.
        original(tx, rx)
        if tx[0] == 0x20 and tearing.armed:
            tearing.armed = False
            chip.put(0x20, 0x0CFF)

    tearing.armed = True
    cells = list(ALL_EQUAL)
    cells[6] = 0x0D00
    desk.read_scan(cells, alarm=0x02)
    chip.write_readinto = tearing
    chip.scan(cells, alarm=0x02)
    tearing.armed = True
    desk.read()
    assert desk.cells_mv()[6] != 0x0C00


def test_switches_and_balancing_arrive(desk):
    desk.front_end.set_switches(True, False)
    assert desk.chip.events[-2:] == [("data", 0x0097, b"\x03"), ("line", 1)]
    desk.front_end.balance(bytearray([1, 0, 1] + [0] * 12 + [1]))
    assert desk.chip.events[-1] == ("data", 0x0083, b"\x05\x80")


def test_a_chip_that_reset_is_noticed_and_brought_up_again(desk):
    desk.read_scan()
    desk.chip.set_status(0x0188)
    desk.read()
    assert not desk.front_end.configured
    desk.configure()
    assert desk.read_scan() == [CELLS, CURRENT, BOARD, TEMPS, STACK]


@pytest.mark.parametrize("hertz", [1000000, 2000000])
def test_slices_of_bring_up_stay_below_five_milliseconds(hertz):
    desk = SpiDesk(check_codes=False)
    desk.chip.hertz = hertz
    longest_us = 0
    for generator in (desk.front_end.configure(REQUESTS), desk.front_end.verify()):
        begun_us = desk.clock.now_us
        for _ in generator:
            longest_us = max(longest_us, desk.clock.now_us - begun_us)
            begun_us = desk.clock.now_us
    assert 2000 < longest_us < 5000


def test_a_whole_reading_takes_less_than_six_milliseconds(desk):
    desk.read_scan()
    begun_us = desk.clock.now_us
    desk.read_scan()
    assert 2000 < desk.clock.now_us - begun_us < 6000


def test_a_chip_on_i2c_is_told_to_change_once_it_answers():
    for check_codes in (True, False):
        clock = VirtualClock()
        fake_time.use(clock)
        chip = StandIn(clock, check_codes)
        chip.lost = 5
        assert switch_to_spi(chip)
        assert chip.events == [("command", 0x7C35)]


def test_a_chip_that_has_left_i2c_is_not_waited_for_long():
    clock = VirtualClock()
    fake_time.use(clock)
    chip = StandIn(clock)
    chip.lost = 10**6
    assert not switch_to_spi(chip)
    assert clock.now_us < 250000
