"""BQ76952 settings image: every byte of data memory that Vigil gives the chip, and why.

Runs at bring-up only. mV, mA (+ = charging), s, shunt in uOhm; bytes are the chip's.
"""

import struct

from micropython import const

COMM_TYPE = const(0x9239)
FET_OPTIONS = const(0x9308)
# Blocked after a reset (0x20), controlled by chip and host together (0x0C), in series (0x01).
FETS_BLOCKED_AT_RESET = const(0x2D)
_SERIES = const(0x01)
_PREDISCHARGE = const(0x10)
_SLEEP_CHARGES = const(0x02)
BLEED_LAPSE_S = const(20)
# One step of stack voltage (DA config below).
USER_VOLT_MV = const(10)

# DA config by the step of the current.
_STEPS = {10: 0x06, 100: 0x07}

# The chip's capacity gain is its current gain times this, by definition.
_CAPACITY_PER_CURRENT_GAIN = 298261.6178

# Enabled Protections C.
_LATCHES = const(0x70)
_HWDF = const(0x02)


def shunt_ma(microvolts, shunt_uohm):
    """Current at which the shunt shows this voltage: small thresholds scale with the shunt."""
    return max(1, microvolts * 1000 // shunt_uohm)


def body_diode_ma(shunt_uohm):
    """Above this the chip turns on the switch whose body diode carries the current."""
    return shunt_ma(50, shunt_uohm)


def settings(backstop, options, comm_type, has_line=True):
    """The whole configuration as [(data memory address, bytes), ...] in rising order.

    has_line: DFETOFF is wired as the line that opens both switches.

    Each is one contiguous range of at most 32 bytes.
    """
    gain = options.cc_gain_uohm / options.shunt_uohm
    # Pull-up and curve of a 10k thermistor; of a cell, of a switch.
    thermistors = [0x07 if pin in options.temp_pins else 0 for pin in (1, 2, 3)]
    thermistors += [0x0F if pin in options.switch_temp_pins else 0 for pin in (1, 2, 3)]
    recovery_ma = shunt_ma(100, options.shunt_uohm)
    enabled_c = backstop.enabled_c
    if options.watchdog_s:
        enabled_c |= _HWDF
    if options.latch_after:
        enabled_c |= _LATCHES
    fet_options = FETS_BLOCKED_AT_RESET
    if options.predischarge_ms:
        fet_options |= _PREDISCHARGE
    if options.sleep_charges:
        fet_options |= _SLEEP_CHARGES
    if not options.series_fets:
        fet_options ^= _SERIES
    image = [
        (0x91A8, struct.pack("<ff", gain, gain * _CAPACITY_PER_CURRENT_GAIN)),
        # No SLEEP; a thermistor on TS2 must not be taken for the wake button (SHUT_TS2).
        (0x9234, struct.pack("<H", 0x3882 if 2 in options.temp_pins else 0x2882)),
        # Host watchdog leaves the regulators alone; interface type.
        (0x9238, struct.pack("<BB", 0, comm_type)),
        # SPI input filter, and the level of its answers.
        (0x923C, bytes([0x60 if options.miso_on_reg1 else 0x20])),
        # Never shut down for low voltage: a bench supply would not wake it again. For its own heat
        # after 5 s, well above the limit at which it only opens the switches.
        (0x923F, struct.pack("<hhBBB", 0, 0, 1, backstop.shutdown_c, 5)),
        # SLEEP, should it be allowed: hysteresis 10 s, no SLEEP when a charger shows (2 V).
        (
            0x9248,
            struct.pack(
                "<hBhBhh",
                options.sleep_below_ma,
                options.sleep_voltage_s,
                options.wake_above_ma,
                10,
                2000,
                200,
            ),
        ),
        # A permanent failure holds the switches off. Enabled Protections A, B, C.
        (
            0x925F,
            struct.pack(
                "<HBBB",
                0x0002,
                backstop.enabled_a,
                backstop.enabled_b,
                enabled_c,
            ),
        ),
        # What opens CHG, and DSG. Other masks of the first byte delay opening by up to 250 ms.
        # As in the limit table: either side's temperatures of discharging open both switches, a
        # short circuit (SCD, SCDL) only the discharge switch, for no charger feeds it.
        (0x9265, b"\x18\xf7\x16"),
        (0x9269, b"\xe4\xe6\xe2"),
        # Alarms: always with both ends of scan.
        (0x926D, struct.pack("<H", options.alarms)),
        (
            0x9273,
            struct.pack(
                "<hBHBHBBBBB",
                body_diode_ma(options.shunt_uohm),
                backstop.cuv[0],
                backstop.cuv[1],
                backstop.cov[0],
                backstop.cov[1],
                backstop.cuv_hysteresis,
                backstop.cov_hysteresis,
                options.latch_after,
                10,
                15,
            ),
        ),
        # Over-current clears once the current has stopped, charger or load still attached:
        # the firmware decides whether to try again.
        (
            0x9280,
            struct.pack(
                "<BBBBBBBBhhBhBBBhBBBBh",
                backstop.occ[0],
                backstop.occ[1],
                backstop.ocd1[0],
                backstop.ocd1[1],
                backstop.ocd2[0],
                backstop.ocd2[1],
                backstop.scd[0],
                backstop.scd[1],
                recovery_ma,
                backstop.ocd3[0],
                backstop.ocd3[1],
                -recovery_ma,
                options.latch_after,
                10,
                15,
                200,
                5,  # short circuit: s until the chip allows the switches again
                options.latch_after,
                10,
                15,
                200,
            ),
        ),
        # Temperatures: threshold, s, recovery.
        (
            0x929A,
            struct.pack(
                "<bBbbBbBBBBBBbBbbBbbBb",
                *backstop.otc,
                *backstop.otd,
                *backstop.otf,
                *backstop.otint,
                *backstop.utc,
                *backstop.utd,
                -20,
                2,
                -15,
            ),
        ),
        # Recovery time 3 s, charger seen by 2 V, host watchdog, load detection.
        (
            0x92AF,
            struct.pack(
                "<BhHBBH",
                3,
                200,
                options.watchdog_s or 60,
                options.load_detect_s,
                options.load_detect_every_s,
                options.load_detect_h,
            ),
        ),
        # DFETOFF: own function, both switches, active low, pulled down: no controller means off.
        # Then thermistors (18k pull-up), DA config (10 mV; step of the current), cells wired.
        (
            0x92FA,
            bytes(
                [0, 0xC6 if has_line else 0, options.alert_pin]
                + thermistors
                + [_STEPS[backstop.step_ma]]
            )
            + struct.pack("<H", options.channels),
        ),
        # Charge pump 11 V, no precharge, predischarge in steps of 10 ms and 10 mV.
        (
            FET_OPTIONS,
            struct.pack(
                "<BBhhBB",
                fet_options,
                1,
                0,
                0,
                options.predischarge_ms // 10,
                options.predischarge_delta_mv // 10,
            ),
        ),
        (0x9314, bytes([options.open_wire_s])),
        # Balancing by command only: -20..60 C, die below 70 C, lapse, as many cells as asked.
        (0x9335, struct.pack("<BbbbBB", 0, -20, 60, 70, BLEED_LAPSE_S, 16)),
    ]
    if options.reg12 is not None:
        # The pre-regulator feeds both.
        image.insert(2, (0x9236, bytes([options.reg12, 1 if options.reg12 & 0x11 else 0])))
    return image
