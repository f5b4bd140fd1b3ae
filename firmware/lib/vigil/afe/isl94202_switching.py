"""ISL94202 switches and bleeding: commands, read-back, a switch that is on against the command.

The chip closes and opens both by itself while they are handed over to it; otherwise the host says
which is on. All of this runs in the cycle and allocates nothing.
"""

from array import array

from micropython import const

from vigil.afe.errors import NOT_CONFIGURED, READ_BACK_DIFFERS, UNSUPPORTED, failure

_STAT0 = const(0x80)
_STAT1 = const(0x81)
_CBFC = const(0x84)
_CTRL1 = const(0x86)
_CTRL2 = const(0x87)

_CHARGE_ON = const(0x02)
_DISCHARGE_ON = const(0x01)
_UCFET = const(0x40)
_UCCBAL = const(0x20)
_CBAL_ON = const(0x01)
# What speaks against each switch, in STAT0 and STAT1.
_NO_CHARGE = (0xC3, 0x33)
_NO_DISCHARGE = (0x3C, 0x3D)

BLEED_LAPSE_MS = const(20000)
# A switch that is on against the command for so long, or leaks in so many scans, is stuck.
_MISMATCH_MS = const(1000)
_MISMATCH_SCANS = const(5)
_LEAK_UV = const(200)
_TICKS = const(0x3FFFFFFF)


class Switching:
    """Part of Isl94202, which brings the bus, the options and the inputs."""

    def _start_switching(self, both_off):
        self.charge_is_on = False
        self.discharge_is_on = False
        self.switch_stuck = 0  # 1 charge, 2 discharge: on against the command
        self._both_off = both_off
        self._bleeding = 0
        self._bleed_begins = False
        self._bleed_ms = 0
        self._handed_over = False
        self._off_is_written = False
        self._wanted = 0
        self._wrong = 0
        self._wrong_ms = array("i", [0, 0])
        self._leaks = array("i", [0, 0])
        self._leak_ma = max(1, _LEAK_UV * 1000 // self._options.shunt_uohm)

    def _forget_switching(self):
        """Bring-up has switched both off, and the bleeding."""
        self.charge_is_on = False
        self.discharge_is_on = False
        self.switch_stuck = 0
        self._bleeding = 0
        self._handed_over = False
        self._off_is_written = True
        self._wrong = 0
        self._leaks[0] = self._leaks[1] = 0

    def _control(self):
        """CTRL2 as last told."""
        return (0 if self._handed_over else _UCFET) | _UCCBAL | (_CBAL_ON if self._bleeding else 0)

    def set_switches(self, charge, discharge):
        """Turn each switch on or off; both off also pulls the direct line, before the bus.

        Both on: the chip is left to close them, and to open them by itself. One on: the host
        commands both, and not against what the chip says before and after it.
        """
        if not charge and not discharge:
            self.all_off()
        if not self.configured:
            if charge or discharge:
                raise failure(NOT_CONFIGURED)
            return
        wanted = (_CHARGE_ON if charge else 0) | (_DISCHARGE_ON if discharge else 0)
        bus = self._bus
        if wanted:
            self._off_is_written = False
        self._wanted = wanted
        self._handed_over = wanted == _CHARGE_ON | _DISCHARGE_ON and self._options.hands_over
        bus.write_byte(_CTRL2, self._control())
        if not self._handed_over:
            allowed = wanted & (self._trips() ^ 3)
            bus.write_byte(_CTRL1, allowed)
            still_allowed = allowed & (self._trips() ^ 3)
            if still_allowed != allowed:
                bus.write_byte(_CTRL1, still_allowed)
        if (bus.read_byte(_CTRL2) ^ self._control()) & (_UCFET | _UCCBAL):
            raise failure(READ_BACK_DIFFERS)
        switches = bus.read_byte(_CTRL1)
        self.charge_is_on = bool(switches & _CHARGE_ON)
        self.discharge_is_on = bool(switches & _DISCHARGE_ON)
        if wanted and self._both_off is not None:
            self._both_off.value(1)

    def _trips(self):
        """Bits of CTRL1 that the chip's status speaks against."""
        voltages = self._bus.read_byte(_STAT0)
        others = self._bus.read_byte(_STAT1)
        trips = 0
        if voltages & _NO_CHARGE[0] or others & _NO_CHARGE[1]:
            trips = _CHARGE_ON
        if voltages & _NO_DISCHARGE[0] or others & _NO_DISCHARGE[1]:
            trips |= _DISCHARGE_ON
        return trips

    def all_off(self):
        """Both switches off: by the direct line where there is one, and by the bus if it lives."""
        self._wanted = 0
        try:
            if self._both_off is not None:
                self._both_off.value(0)
            if not self._off_is_written or self.charge_is_on or self.discharge_is_on:
                self._write_off()
        except Exception:
            # The last resort must not fail its caller; the read-back shows what it did.
            pass

    def _write_off(self):
        self._off_is_written = False
        self._bus.write_byte(_CTRL2, self._control() | _UCFET)
        self._handed_over = False
        self._bus.write_byte(_CTRL1, 0)
        self._off_is_written = True

    def _watch_switches(self, now_ms):
        """Whether a switch is on against the command: by its bit for a second, or by current."""
        wrong = 1 if self.charge_is_on and not self._wanted & _CHARGE_ON else 0
        if self.discharge_is_on and not self._wanted & _DISCHARGE_ON:
            wrong |= 2
        stuck = 0
        for switch in range(2):
            bit = 1 << switch
            if wrong & bit and not self._wrong & bit:
                self._wrong_ms[switch] = now_ms
            if wrong & bit and (now_ms - self._wrong_ms[switch]) & _TICKS > _MISMATCH_MS:
                stuck |= bit
            if self._leaks[switch] >= _MISMATCH_SCANS:
                stuck |= bit
        self._wrong = wrong
        self.switch_stuck = stuck

    def _watch_leak(self, switch, bit, flows):
        if flows and not self._wanted & bit:
            self._leaks[switch] = min(self._leaks[switch] + 1, _MISMATCH_SCANS)
        else:
            self._leaks[switch] = 0

    # Balancing.

    def balance(self, bleed):
        """Bleed the cells whose byte in `bleed` is not zero; ends by itself after 20 s of cycles.

        Two neighbouring inputs at a time are refused: nothing is known of how they share.
        """
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        mask = 0
        cell = 0
        for number in self._options.inputs:
            if bleed[cell]:
                mask |= 1 << number - 1
            cell += 1
        if mask & mask >> 1:
            if self._bleeding:
                self._bleed(0)
            raise failure(UNSUPPORTED)
        self._bleed(mask)
        self._bleed_begins = True

    def _bleed(self, mask):
        self._bus.write_byte(_CBFC, mask)
        self._bleeding = mask
        self._bus.write_byte(_CTRL2, self._control())

    def _end_bleeding(self, now_ms):
        if self._bleed_begins:
            self._bleed_begins = False
            self._bleed_ms = now_ms
        elif self._bleeding and (now_ms - self._bleed_ms) & _TICKS >= BLEED_LAPSE_MS:
            self._bleed(0)
