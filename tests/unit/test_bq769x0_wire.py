"""BQ769x0 bytes on the wire: framing with and without check codes, retries, finding out which."""

import pytest

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from tests.unit.bq769x0_stand_in import StandIn
from vigil.afe.bq769x0_transfer import Transfer
from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, AfeError


class Wire:
    """Records the bytes as they go out; answers reads with `reply`."""

    def __init__(self, reply=b""):
        self.reply = reply
        self.written = []
        self.asked = []

    def writeto_mem(self, address, register, buffer):
        self.written.append((address, register, bytes(buffer)))

    def readfrom_mem_into(self, address, register, buffer):
        self.asked.append((address, register))
        buffer[:] = self.reply


def transfer(i2c, address=8, check_codes=True):
    fake_time.use(VirtualClock())
    return Transfer(i2c, address, check_codes)


@pytest.mark.parametrize(
    "address, register, data, wire",
    [
        (0x08, 0x05, [0x40], [0x40, 0x24]),  # seen on a real chip
        (0x08, 0x0B, [0x19], [0x19, 0x7A]),
        (0x08, 0x04, [0x10], [0x10, 0x86]),
        (0x08, 0x04, [0x18], [0x18, 0xBE]),
        (0x08, 0x04, [0x01], [0x01, 0xF1]),
        (0x08, 0x04, [0x02], [0x02, 0xF8]),
        (0x08, 0x05, [0x03], [0x03, 0xEA]),
        (0x08, 0x00, [0x80], [0x80, 0x2B]),
        (0x08, 0x09, [0xAC, 0x97], [0xAC, 0x52, 0x97, 0xEC]),
        (0x18, 0x0B, [0x19], [0x19, 0x39]),
        (0x18, 0x04, [0x10], [0x10, 0xC5]),
    ],
)
def test_writes_carry_the_known_check_codes(address, register, data, wire):
    i2c = Wire()
    bus = transfer(i2c, address)
    for index, byte in enumerate(data):
        bus.payload[index] = byte
    bus.write(register, len(data))
    assert i2c.written == [(address, register, bytes(wire))]


@pytest.mark.parametrize(
    "address, wire, data",
    [
        (0x08, [0x40, 0x85], [0x40]),  # seen on a real chip
        (0x08, [0x18, 0x0A, 0x00, 0x00], [0x18, 0x00]),
        (0x08, [0x80, 0xCB], [0x80]),
        (0x18, [0x18, 0xA4], [0x18]),
    ],
)
def test_readings_with_the_known_check_codes_are_accepted(address, wire, data):
    bus = transfer(Wire(bytes(wire)), address)
    bus.read(0x04, len(data))
    assert list(bus.data[: len(data)]) == data


@pytest.mark.parametrize("spoilt", range(4))
def test_a_reading_with_any_byte_changed_is_refused_after_asking_for_the_register_again(spoilt):
    reply = bytearray([0x18, 0x0A, 0x00, 0x00])
    reply[spoilt] ^= 0x04
    i2c = Wire(bytes(reply))
    bus = transfer(i2c)
    with pytest.raises(AfeError) as error:
        bus.read(0x04, 2)
    assert error.value.code == CHECK_FAILED
    # The chip's own pointer has moved on, so the repetition names the register.
    assert i2c.asked == [(8, 4), (8, 4)]
    assert (bus.retries, bus.check_errors, bus.no_answers) == (1, 2, 0)


def test_a_part_without_check_codes_gets_none():
    i2c = Wire(b"\x18\x40")
    bus = transfer(i2c, check_codes=False)
    bus.write_byte(0x0B, 0x19)
    bus.read(0x04, 2)
    assert i2c.written == [(8, 0x0B, b"\x19")]
    assert list(bus.data[:2]) == [0x18, 0x40]


def test_one_lost_transfer_is_repeated_and_counted_and_two_are_an_error():
    chip = StandIn(VirtualClock())
    bus = transfer(chip)
    chip.lost = 1
    bus.write_byte(0x0B, 0x19)
    assert chip.registers[0x0B] == 0x19
    assert (bus.retries, bus.no_answers) == (1, 1)
    chip.lost = 2
    with pytest.raises(AfeError) as error:
        bus.read(0x0B, 1)
    assert error.value.code == NO_ANSWER


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("address", [0x08, 0x18])
def test_the_framing_is_found_out_without_writing(checked, address):
    chip = StandIn(VirtualClock(), checked, address=address)
    before = bytes(chip.registers)
    bus = transfer(chip, address, None)
    assert not bus.mode_known
    assert bus.find_mode() and bus.mode_known
    assert bus.check_codes == checked
    assert bytes(chip.registers) == before and chip.wire == []


def test_a_part_found_plain_by_a_disturbance_is_found_again():
    chip = StandIn(VirtualClock(), True)
    bus = transfer(chip, check_codes=None)
    chip.corrupt = 2
    assert bus.find_mode() and not bus.check_codes
    # A second look starts without the first one's verdict.
    assert bus.find_mode() and bus.check_codes


def test_a_known_part_keeps_its_framing_whatever_the_noise():
    chip = StandIn(VirtualClock(), True)
    bus = transfer(chip)
    chip.corrupt = 2
    with pytest.raises(AfeError) as error:
        bus.find_mode()
    assert error.value.code == CHECK_FAILED and bus.check_codes


def test_nobody_there_is_not_a_framing():
    bus = transfer(StandIn(VirtualClock(), address=0x18), check_codes=None)
    assert not bus.find_mode() and not bus.mode_known


def test_a_part_that_falls_silent_keeps_the_framing_that_it_had():
    chip = StandIn(VirtualClock(), False)
    bus = transfer(chip, check_codes=None)
    assert bus.find_mode() and not bus.check_codes
    chip.lost = 2
    # With check codes the next write would reach into the register behind.
    assert not bus.find_mode() and not bus.check_codes
