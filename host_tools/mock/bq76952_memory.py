"""Data memory of the BQ76952 model: power-up contents and their meaning (0x9180..0x9343).

Values are those of the chip's settings after a reset; `Settings` turns an image into plain
units (mV, mA, microseconds, degrees Celsius).
"""

import struct

BASE = 0x9180
END = 0x9344
# A read always hands out 32 bytes, also from the last address.
SIZE = 0x200

# (address, struct format, values)
_DEFAULTS = (
    (0x91A8, "ff", (7.4768, 2230042.463)),
    (0x91C6, "H", (64,)),
    (0x91D4, "HH", (0xFFFF, 0xFFFF)),
    (0x91E2, "4H", (0x632E, 0x0BD8, 0x3FFF, 0x18EB)),
    (0x91EA, "5H", (0xC35C, 0x6737, 0xA778, 0x70A2, 0x02A0)),
    (0x91F4, "4H", (0xFE8D, 0x02C4, 0xF256, 0x13BB)),
    (0x91FE, "H", (0x2DB7,)),
    (0x9200, "5H", (0xBB97, 0x649F, 0xA3D7, 0x7DAF, 0x082A)),
    (0x920A, "4H", (0xF7F9, 0x0B8B, 0xF29D, 0x1121)),
    (0x9214, "H", (0x435E,)),
    (0x922D, "B", (9,)),
    (0x9231, "HB", (500, 30)),
    (0x9234, "H", (0x2982,)),
    (0x923C, "B", (0x20,)),
    (0x9241, "HB", (600, 1)),
    (0x9244, "BB", (85, 5)),
    (0x9248, "hBHBHH", (20, 5, 500, 10, 2000, 200)),
    (0x9255, "B", (5,)),
    (0x9257, "HHHH", (0x0414, 0x3672, 0xFFFF, 0xFFFF)),
    (0x925F, "H", (0x0002,)),
    (0x9261, "BBB", (0x88, 0, 0)),
    (0x9265, "BBB", (0x98, 0xD5, 0x56)),
    (0x9269, "BBB", (0xE4, 0xE6, 0xE2)),
    (0x926D, "H", (0xF800,)),
    (0x926F, "BBB", (0xFC, 0xF7, 0xF4)),
    (0x9273, "H", (50,)),
    (0x9275, "BHBHBB", (50, 74, 86, 74, 2, 2)),
    (0x927D, "BBB", (0, 10, 15)),
    (0x9280, "BBBBBBBB", (2, 4, 4, 1, 3, 7, 0, 2)),
    (0x9288, "hhBh", (-200, -4000, 2, 200)),
    (0x928F, "BBBh", (0, 10, 15, 200)),
    (0x9294, "BBBBh", (5, 0, 10, 15, 200)),
    (0x929A, "bBb", (55, 2, 50)),
    (0x929D, "bBb", (60, 2, 55)),
    (0x92A0, "BBB", (80, 2, 65)),
    (0x92A3, "bBb", (85, 2, 80)),
    (0x92A6, "bBb", (0, 2, 5)),
    (0x92A9, "bBb", (0, 2, 5)),
    (0x92AC, "bBb", (-20, 2, -15)),
    (0x92AF, "BH", (3, 200)),
    (0x92B2, "H", (60,)),
    (0x92B4, "BBH", (0, 50, 1)),
    (0x92BA, "hHh", (250, 1800, 2)),
    (0x92C0, "8B", (0, 0, 7, 0, 0x5F, 0x9F, 0, 0)),
    (0x92C8, "hB", (1500, 2)),
    (0x92CB, "hB", (2200, 5)),
    (0x92CE, "hB", (4500, 5)),
    (0x92D1, "hB", (500, 5)),
    (0x92D4, "hB", (10000, 5)),
    (0x92D7, "hB", (-32000, 5)),
    (0x92DA, "BB", (65, 5)),
    (0x92DC, "BB", (85, 5)),
    (0x92DE, "hhhBH", (3500, 10, 500, 5, 100)),
    (0x92E7, "hhhB", (3700, 50, 200, 5)),
    (0x92EE, "hB", (20, 5)),
    (0x92F1, "hB", (-20, 5)),
    (0x92F4, "hBBBB", (100, 5, 5, 5, 5)),
    (0x92FD, "B", (0x07,)),
    (0x9303, "B", (0x05,)),
    (0x9307, "BBB", (80, 0x0D, 1)),
    (0x930E, "BB", (5, 50)),
    (0x9310, "hhB", (100, 50, 5)),
    (0x9336, "bbbBB", (-20, 60, 70, 20, 1)),
    (0x933B, "HBB", (3900, 40, 20)),
    (0x933F, "HBB", (3900, 40, 20)),
    (0x9343, "H", (0x0040,)),
)

SCD_MV = (10, 20, 40, 60, 80, 100, 125, 150, 175, 200, 250, 300, 350, 400, 450, 500)
CELL_STEP_MV = 50.6
NOMINAL_CELL_GAIN = 12120
SECOND_US = 1_000_000

# Positions in `pins` and in the temperature offsets (which start with the die).
PIN_CFETOFF = 0
PIN_DFETOFF = 1
PIN_ALERT = 2
PIN_NAMES = ("CFETOFF", "DFETOFF", "ALERT", "TS1", "TS2", "TS3", "HDQ", "DCHG", "DDSG")


def power_up_image():
    image = bytearray(SIZE)
    for address, form, values in _DEFAULTS:
        struct.pack_into("<" + form, image, address - BASE, *values)
    return image


def _finite(value):
    """An ill-written float must show as a wrong reading, not end the simulation."""
    return value if -1e12 < value < 1e12 else 0.0


class Settings:
    """What an image of the data memory tells the chip to do.

    Numbers outside the permitted range are clamped and their addresses noted in `out_of_range`.
    """

    def __init__(self, image):
        self._image = image
        self.out_of_range = []
        self._measurement()
        self._power()
        self._switches()
        self._voltage_limits()
        self._current_limits()
        self._latches()
        self._temperature_limits()
        self._balancing()
        self._image = None

    def _get(self, form, address):
        return struct.unpack_from("<" + form, self._image, address - BASE)[0]

    def _bytes(self, address, count):
        at = address - BASE
        return tuple(self._image[at : at + count])

    def _ranged(self, form, address, low, high):
        value = self._get(form, address)
        if low <= value <= high:
            return value
        self.out_of_range.append(address)
        return low if value < low else high

    def _measurement(self):
        self.cc_gain = _finite(self._get("f", 0x91A8))
        self.capacity_gain = _finite(self._get("f", 0x91AC))
        self.cell_gains = tuple(
            (self._get("h", 0x9180 + 2 * n) or NOMINAL_CELL_GAIN) / NOMINAL_CELL_GAIN
            for n in range(16)
        )
        self.die_offset_dk = self._get("b", 0x91CA)
        self.pin_offsets_dk = tuple(self._get("b", 0x91CB + n) for n in range(9))
        self.dead_band_uv = self._get("B", 0x922D) * 0.234
        self.pins = self._bytes(0x92FA, 9)
        config = self._get("B", 0x9303)
        self.die_is_fet = bool(config & 0x10)
        self.die_is_cell = bool(config & 0x08)
        self.user_mv = 10 if config & 0x04 else 1
        self.user_ma = (0.1, 1, 10, 100)[config & 0x03]
        self.cc3_samples = self._ranged("B", 0x9307, 2, 255)
        self.cell_mask = self._get("H", 0x9304) or 0xFFFF

    def _power(self):
        power = self._get("H", 0x9234)
        self.sleep_enabled = bool(power & 0x0100)
        self.slot_us = 1500 if power & 0x40 else 3000
        self.loop_slow = 1 << ((power >> 2) & 3)
        self.balancing_loop_slow = 1 << ((power >> 4) & 3)
        self.comm_type = self._get("B", 0x9239)
        self.reg12 = self._get("B", 0x9236)
        self.reg0 = bool(self._get("B", 0x9237) & 0x01)
        watchdog = self._get("B", 0x9238)
        self.silence_regulators = watchdog >> 4 & 3
        self.silence_regulators_us = (watchdog & 0x0F) * SECOND_US
        self.ldo_in_deep_sleep = bool(power & 0x0400)
        self.miso_on_reg1 = self._get("B", 0x923C) & 0x60 == 0x60
        self.comm_idle_us = self._get("B", 0x923D) * SECOND_US
        self.shut_by_ld_only = bool(power & 0x1000)
        self.wake_period_us = (48000, 24000, 12000, 6000)[power & 3]
        self.shutdown_cell_mv = self._get("h", 0x923F)
        self.shutdown_stack_mv = self._get("H", 0x9241) * 10
        self.shutdown_delay_us = self._get("B", 0x9243) * SECOND_US
        self.shutdown_c = self._get("B", 0x9244)
        self.shutdown_hot_us = self._get("B", 0x9245) * SECOND_US
        self.shutdown_fets_us = self._get("B", 0x9252) * SECOND_US // 4
        self.shutdown_command_us = self._get("B", 0x9253) * SECOND_US // 4
        self.sleep_ma = self._get("h", 0x9248)
        self.sleep_period_us = (self._get("B", 0x924A) or 1) * SECOND_US
        self.wake_ma = self._ranged("H", 0x924B, 500, 65535)
        self.wake_hold_us = self._get("B", 0x924D) * SECOND_US
        self.charger_stack_mv = self._get("H", 0x924E) * 10
        self.charger_delta_mv = self._get("H", 0x9250) * 10
        self.config_locked = bool(self._get("B", 0x9256) & 0x02)
        self.unseal_keys = (self._get("H", 0x9257), self._get("H", 0x9259))
        self.full_access_keys = (self._get("H", 0x925B), self._get("H", 0x925D))
        self.open_wire_us = self._get("B", 0x9314) * SECOND_US

    def _switches(self):
        self.charge_holds = self._bytes(0x9265, 3)
        self.discharge_holds = self._bytes(0x9269, 3)
        # With other masks the firmware, not the comparator, turns the FET off.
        self.charge_off_at_once = self.charge_holds[0] in (0x98, 0x18)
        self.discharge_off_at_once = self.discharge_holds[0] in (0x80, 0xE4)
        self.alarm_enable = self._get("H", 0x926D)
        self.alert_masks = self._bytes(0x926F, 3)
        self.body_diode_ma = self._get("H", 0x9273)
        options = self._get("B", 0x9308)
        self.init_off = bool(options & 0x20)
        self.predischarge = bool(options & 0x10)
        self.predischarge_us = self._get("B", 0x930E) * 10_000
        self.predischarge_delta_mv = self._get("B", 0x930F) * 10
        self.precharge_start_mv = self._get("h", 0x930A)
        self.precharge_stop_mv = self._get("h", 0x930C)
        self.autonomous = bool(options & 0x08)
        self.host_may_switch = bool(options & 0x04)
        self.sleep_charge = bool(options & 0x02)
        self.series_fets = bool(options & 0x01)
        self.manufacturing = self._get("H", 0x9343)

    def _comparator_us(self, form, address, highest):
        """Delay of a comparator in microseconds; None: switched off."""
        steps = self._ranged(form, address, 0, highest)
        return (steps + 2) * 3300 if steps else None

    def _voltage_limits(self):
        self.enabled = self._bytes(0x9261, 3)
        self.recovery_us = self._get("B", 0x92AF) * SECOND_US
        steps = self._ranged("B", 0x9275, 20, 90)
        self.cuv_mv = steps * CELL_STEP_MV
        self.cuv_release_mv = (steps + self._ranged("B", 0x927B, 2, 20)) * CELL_STEP_MV
        self.cuv_delay_us = self._comparator_us("H", 0x9276, 2047)
        steps = self._ranged("B", 0x9278, 20, 110)
        self.cov_mv = steps * CELL_STEP_MV
        self.cov_release_mv = (steps - self._ranged("B", 0x927C, 2, 20)) * CELL_STEP_MV
        self.cov_delay_us = self._comparator_us("H", 0x9279, 2047)

    def _current_limits(self):
        # Thresholds of comparators are shunt millivolts.
        self.occ_mv = self._ranged("B", 0x9280, 1, 31) * 2
        self.occ_delay_us = self._comparator_us("B", 0x9281, 127)
        self.occ_release_ma = self._get("h", 0x9288)
        self.occ_pack_delta_mv = self._get("H", 0x92B0) * 10
        self.ocd1_mv = self._ranged("B", 0x9282, 1, 50) * 2
        self.ocd1_delay_us = self._comparator_us("B", 0x9283, 127)
        self.ocd2_mv = self._ranged("B", 0x9284, 1, 50) * 2
        self.ocd2_delay_us = self._comparator_us("B", 0x9285, 127)
        self.ocd3_ma = self._get("h", 0x928A) * self.user_ma
        self.ocd3_delay_us = self._get("B", 0x928C) * SECOND_US
        self.ocd_release_ma = self._get("h", 0x928D)
        self.scd_mv = SCD_MV[self._ranged("B", 0x9286, 0, 15)]
        steps = self._ranged("B", 0x9287, 0, 31)
        self.scd_delay_us = (steps - 1) * 15 if steps else None
        self.scd_recovery_us = self._get("B", 0x9294) * SECOND_US
        self.pto_ma = self._get("h", 0x92BA)
        self.pto_us = self._get("H", 0x92BC) * SECOND_US
        self.pto_reset_user_as = self._get("h", 0x92BE) * 3600
        self.host_silence_us = self._get("H", 0x92B2) * SECOND_US

    def _latches(self):
        # Each: limit, decrement delay, recovery time; of currents also the recovery current
        # and whether it counts.
        config = self._get("H", 0x925F)

        def head(address):
            limit, down, recovery = self._bytes(address, 3)
            return limit, down * SECOND_US, recovery * SECOND_US

        self.covl = head(0x927D)
        self.ocdl = head(0x928F) + (self._get("h", 0x9292), bool(config & 0x0200))
        self.scdl = head(0x9295) + (self._get("h", 0x9298), bool(config & 0x0400))
        self.load_detect_us = self._get("B", 0x92B4) * SECOND_US
        self.load_detect_retry_us = self._get("B", 0x92B5) * SECOND_US
        self.load_detect_timeout_h = self._get("H", 0x92B6)

    def _temperature_limits(self):
        def triple(form, address):
            return (
                self._get(form, address),
                self._get("B", address + 1) * SECOND_US,
                self._get(form, address + 2),
            )

        # Each: trip in degrees Celsius, delay, recovery in degrees Celsius.
        self.otc = triple("b", 0x929A)
        self.otd = triple("b", 0x929D)
        self.otf = triple("B", 0x92A0)
        self.otint = triple("b", 0x92A3)
        self.utc = triple("b", 0x92A6)
        self.utd = triple("b", 0x92A9)
        self.utint = triple("b", 0x92AC)

    def _balancing(self):
        config = self._get("B", 0x9335)
        self.balance_charging = bool(config & 0x01)
        self.balance_relaxed = bool(config & 0x02)
        # Each: lowest cell from which on, start and stop of the spread.
        self.balance_charge_mv = (
            self._get("h", 0x933B),
            self._get("B", 0x933D),
            self._get("B", 0x933E),
        )
        self.balance_relax_mv = (
            self._get("h", 0x933F),
            self._get("B", 0x9341),
            self._get("B", 0x9342),
        )
        self.balance_most = self._get("B", 0x933A)
        self.discharging_ma = self._get("h", 0x9310) * self.user_ma
        self.charging_ma = self._get("h", 0x9312) * self.user_ma
        self.balance_no_command = bool(config & 0x10)
        self.balance_keeps_awake = config & 0x0C == 0x0C
        self.balance_in_sleep = bool(config & 0x04)
        self.balance_min_c = self._get("b", 0x9336)
        self.balance_max_c = self._get("b", 0x9337)
        self.balance_max_die_c = self._get("b", 0x9338)
        self.balance_lapse_us = self._ranged("B", 0x9339, 1, 255) * SECOND_US
