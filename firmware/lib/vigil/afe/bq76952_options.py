"""BQ76952 options: what a board may choose about the chip, checked at once.

mV, ms, s as the names say, shunt in uOhm. Bytes of pins and alarms are the chip's own.
"""

from vigil.afe.errors import UNSUPPORTED, AfeError

# Device number, cell inputs, ms for all cells and current, ms for stack and temperatures.
_VARIANTS = {
    "BQ76952": (0x7695, 16, 63, 189),
    "BQ76942": (0x7694, 10, 45, 135),
}


class Options:
    """What is not said stays at a value that suits a pack with a charge and a discharge switch.

    variant: "BQ76952" (16 inputs) or "BQ76942" (10).
    channels: bit n-1 = chip input n carries a cell; 0 = the lowest `cells` inputs.
    cc_gain_uohm: the chip's current gain times the shunt. TI prints 7568.4 in newer manuals and
    7476.8 in older ones, and the chip itself starts with the latter; they differ by 1.2 %, so
    calibrate it on the board.
    watchdog_s: the chip opens the switches by itself after this silence; 0 = never. Longer than
    the controller's own watchdog, so that its restart comes first.
    open_wire_s: pause between checks for broken sense wires; 0 = no checks.
    latch_after: trips after which over-voltage, over-current and short circuit stay until
    recover_latches(); 0 = never. Load detection then looks for load_detect_s every
    load_detect_every_s, for load_detect_h.
    alert_pin: the chip's byte for its ALERT pin, 0 = unused, 0x2A = high on alarm, from REG1.
    alarms: Alarm Enable, which is what raises ALERT; ends of scan are always among them.
    temp_pins: which of TS1, TS2, TS3 carry the thermistors of the cells; None = the first ones.
    switch_temps: thermistors at the switches; switch_temp_pins: on which of HDQ (1), DCHG (2) and
    DDSG (3), None = the first ones.
    predischarge_ms: 0 = none; the PDSG switch comes first, until this time has passed (at most
    2550) or the load is within predischarge_delta_mv of the stack (at most 2550, 0 = time only).
    sleep_charges: the charge switch stays on in SLEEP; sleep_voltage_s: its scan period, 1 or
    4n+1; sleep_below_ma, wake_above_ma: currents between which it is awake.
    reg12: byte for REG1 and REG2, None = as they are (0x0D = REG1 3.3 V, REG2 off).
    miso_on_reg1: SPI answers at REG1's level instead of 1.8 V.
    series_fets: False where CHG and DSG enable contactors, which have no body diode to spare.
    """

    def __init__(
        self,
        *,
        variant="BQ76952",
        cells=16,
        temps=3,
        temp_pins=None,
        switch_temps=0,
        switch_temp_pins=None,
        shunt_uohm=500,
        channels=0,
        cc_gain_uohm=7476.8,
        watchdog_s=5,
        open_wire_s=5,
        latch_after=0,
        load_detect_s=0,
        load_detect_every_s=50,
        load_detect_h=1,
        alert_pin=0,
        alarms=0xF882,
        predischarge_ms=0,
        predischarge_delta_mv=500,
        sleep_charges=False,
        sleep_voltage_s=5,
        sleep_below_ma=20,
        wake_above_ma=500,
        reg12=None,
        miso_on_reg1=False,
        series_fets=True,
    ):
        if variant not in _VARIANTS:
            raise AfeError(UNSUPPORTED)
        number, inputs, quick_ms, slow_ms = _VARIANTS[variant]
        self.variant = variant
        self.device_number = number
        self.inputs = inputs
        self.quick_period_ms = quick_ms
        self.slow_period_ms = slow_ms
        self.cells = cells
        self.temps = temps
        self.switch_temps = switch_temps
        self.temp_pins = bytes(temp_pins or range(1, temps + 1))
        self.switch_temp_pins = bytes(switch_temp_pins or range(1, switch_temps + 1))
        self.shunt_uohm = shunt_uohm
        self.channels = channels or (1 << cells) - 1
        # Position of each cell among the chip's inputs, lowest first.
        self.used = bytes([place for place in range(16) if self.channels >> place & 1])
        self.cc_gain_uohm = cc_gain_uohm
        self.watchdog_s = watchdog_s
        self.open_wire_s = open_wire_s
        self.latch_after = latch_after
        self.load_detect_s = load_detect_s
        self.load_detect_every_s = load_detect_every_s
        self.load_detect_h = load_detect_h
        self.alert_pin = alert_pin
        self.alarms = alarms | 0x82
        self.predischarge_ms = predischarge_ms
        self.predischarge_delta_mv = predischarge_delta_mv
        self.sleep_charges = sleep_charges
        self.sleep_voltage_s = sleep_voltage_s
        self.sleep_below_ma = sleep_below_ma
        self.wake_above_ma = wake_above_ma
        self.reg12 = reg12
        self.miso_on_reg1 = miso_on_reg1
        self.series_fets = series_fets
        if not (
            3 <= cells <= inputs
            and len(self.used) == cells
            and self.channels >> inputs == 0
            and 0 <= temps <= 3
            and 0 <= switch_temps <= 3
            and len(self.temp_pins) == temps
            and len(self.switch_temp_pins) == switch_temps
            and _rises(self.temp_pins)
            and _rises(self.switch_temp_pins)
            and shunt_uohm > 0
            and 0 <= watchdog_s <= 0xFFFF
            and 0 <= predischarge_ms <= 2550
            and 0 <= predischarge_delta_mv <= 2550
            and (sleep_voltage_s == 1 or 5 <= sleep_voltage_s <= 255 and sleep_voltage_s % 4 == 1)
            and 0 <= sleep_below_ma < wake_above_ma <= 32767
            and wake_above_ma >= 500
            and 0 <= load_detect_h <= 0xFFFF
            and 0 <= self.alarms <= 0xFFFF
            and (reg12 is None or 0 <= reg12 <= 255)
        ):
            raise AfeError(UNSUPPORTED)
        for byte in (open_wire_s, latch_after, load_detect_s, load_detect_every_s, alert_pin):
            if not 0 <= byte <= 255:
                raise AfeError(UNSUPPORTED)


def _rises(pins):
    last = 0
    for pin in pins:
        if not last < pin <= 3:
            return False
        last = pin
    return True
