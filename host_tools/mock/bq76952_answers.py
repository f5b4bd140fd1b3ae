"""What the BQ76952 model answers to subcommands that read: identity, summaries, counters."""

import struct

from host_tools.mock.bq76952_commands import (
    CB_ACTIVE_CELLS,
    CB_SET_LVL,
    FET_CONTROL,
    REG12_CONTROL,
)

_CELL_1 = 0x14
# Microvolts a count of the raw int32 values.
_VOLTAGE_COUNT_UV = 0.722
_CURRENT_COUNT_UV = 0.02956


def answer(chip, code):
    """Data of a subcommand, or None: it has none."""
    if code == 0x01:
        return struct.pack("<H", chip.variant.device_number)
    if code == 0x02:
        # The one big-endian answer: device, version, build.
        return struct.pack(">HHH", chip.variant.device_number, 0x0036, 0x0065)
    if code == 0x03:
        return b"\x00\x00"
    if code in (0x04, 0x05, 0x09):
        return struct.pack("<H", 0x1000 + code)
    if code == 0x53:
        return bytes(5)
    if code == 0x57:
        return struct.pack("<H", chip.switches.manufacturing)
    if code == 0x70:
        return bytes(32)
    if 0x71 <= code <= 0x74:
        return _raw_counts(chip, 4 * (code - 0x71))
    if code == 0x75:
        return _status_5(chip)
    if code == 0x76:
        return _status_6(chip)
    if code == 0x77:
        return _status_7(chip)
    if code in (0x80, 0x81):
        return chip.snapshots[code - 0x80]
    if code == CB_ACTIVE_CELLS:
        return struct.pack("<H", chip.balancing.active)
    if code == CB_SET_LVL:
        return struct.pack("<H", chip.balancing.level_mv)
    if code == 0x85:
        return struct.pack("<H", chip.balancing.total_s & 0xFFFF)
    if code in (0x86, 0x87):
        first = 0 if code == 0x86 else 8
        return struct.pack("<8I", *chip.balancing.cell_s[first : first + 8])
    if code == FET_CONTROL:
        return bytes([chip.switches.forced_off])
    if code == REG12_CONTROL:
        return bytes([chip.regulators.value])
    return None


def _raw_counts(chip, first):
    counts = b""
    current = _current_counts(chip, chip.bench.sensed_ma)
    for channel in range(first, first + 4):
        mv = struct.unpack_from("<h", chip.image, _CELL_1 + 2 * channel)[0]
        counts += struct.pack("<ii", int(mv * 1000 / _VOLTAGE_COUNT_UV), current)
    return counts


def _status_5(chip):
    cells = [struct.unpack_from("<h", chip.image, reg)[0] for reg, _, _ in chip.channels]
    pins = chip.pins
    hottest = chip.temperature_c("hottest")
    coldest = chip.temperature_c("coldest")
    mean = pins.mean_cell_c()
    user_ma = chip.settings.user_ma
    cc3_ma = chip.coulombs.cc3_ma()
    words = (
        # VREG18 and VSS: their counts are not known.
        0,
        0,
        max(cells),
        min(cells),
        min(sum(cells) // 10, 32767),
        _decikelvin(mean),
        _decikelvin(chip.temperature_c("fet_hottest")),
        _decikelvin(hottest),
        _decikelvin(coldest),
        _decikelvin(mean),
        _word(cc3_ma * chip.current_ratio / user_ma),
        _word(chip.coulombs.cc1_ma / user_ma),
    )
    cc2 = _current_counts(chip, chip.bench.sensed_ma)
    cc3 = _current_counts(chip, cc3_ma)
    return struct.pack("<12hii", *(words + (cc2, cc3)))


def _status_6(chip):
    # Starts at half a unit, so that cutting off the fraction rounds.
    charge = chip.coulombs.charge_user_as / 3600 + 0.5
    whole = int(charge // 1)
    fraction = int((charge - whole) * 4294967296)
    seconds = chip.coulombs.quarters // 4
    counts = [chip.pins.counts(number) for number in range(5)]
    return struct.pack("<iII5i", whole, fraction & 0xFFFFFFFF, seconds, *counts)


def _status_7(chip):
    return struct.pack("<4i", *[chip.pins.counts(number) for number in range(5, 9)])


def _current_counts(chip, ma):
    return int(ma * chip.shunt_uohm / 1000 / _CURRENT_COUNT_UV)


def _word(value):
    return max(-32768, min(32767, int(value)))


def _decikelvin(degrees):
    return 0 if degrees is None else int(degrees * 10 + 2732)
