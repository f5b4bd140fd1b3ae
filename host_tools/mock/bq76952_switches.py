"""FET control of the BQ76952 model: who may turn CHG and DSG on, and how fast.

Off takes effect at once, on only at the chip's quarter-second evaluation.
"""

from host_tools.mock.bq76952_memory import PIN_CFETOFF, PIN_DFETOFF

# FET_CONTROL bits force off; their order is not that of FET Status.
FORCE_DSG = 0x01
FORCE_PDSG = 0x02
FORCE_CHG = 0x04
FORCE_PCHG = 0x08
FORCE_ALL = 0x0F

_CHG = 0x01
_PCHG = 0x02
_DSG = 0x04
_PDSG = 0x08
# 0x0057 bits.
FET_EN = 0x10
PF_EN = 0x40
_TESTS = {0x1C: 0x20, 0x1E: 0x01, 0x1F: 0x02, 0x20: 0x04}
_TEST_CHG = 0x02
_TEST_DSG = 0x04
_TEST_ALL = 0x27

_OWN_FUNCTION = 2
_BOTH_OFF = 0x40
_ACTIVE_LOW = 0x80


class Switches:
    def __init__(self, chip):
        self.chip = chip
        # Levels an undriven pin shows against the weak pull-down.
        self._cfetoff_level = 0
        self._dfetoff_level = 0
        self.reset()

    def reset(self):
        """After power-up: not yet reported to the bench, the caller calls `update`."""
        self.charge = False
        self.discharge = False
        self.charge_assist = False
        self.discharge_assist = False
        self.forced_off = 0
        self.manufacturing = self.chip.settings.manufacturing
        self.restart()

    def restart(self):
        """Reset and leaving CONFIG_UPDATE; FET_EN survives the latter."""
        init_off = self.chip.settings.init_off and self.chip.init_off_after_config
        self.forced_off = FORCE_ALL if init_off else 0

    def status(self):
        value = 0
        if self.charge or self.charge_assist:
            value |= _CHG
        if self.discharge or self.discharge_assist:
            value |= _DSG
        tests = 0 if self.manufacturing & FET_EN else self.manufacturing
        if tests & 0x01 and self.charge:
            value |= _PCHG
        if tests & 0x20 and self.discharge:
            value |= _PDSG
        return value

    def command(self, code):
        if code == 0x22:
            self.manufacturing = (self.manufacturing ^ FET_EN) & ~_TEST_ALL
        elif code == 0x24:
            self.manufacturing ^= PF_EN
        elif code in _TESTS:
            if not self.manufacturing & FET_EN:
                self.manufacturing ^= _TESTS[code]
        elif not self.chip.settings.host_may_switch:
            return
        elif code == 0x93:
            self.forced_off |= FORCE_DSG | FORCE_PDSG
        elif code == 0x94:
            self.forced_off |= FORCE_CHG | FORCE_PCHG
        elif code == 0x95:
            self.forced_off = FORCE_ALL
        elif code == 0x96:
            self.forced_off = 0
        self.update()

    def force_off(self, bits):
        if self.chip.settings.host_may_switch:
            self.forced_off = bits & FORCE_ALL
            self.update()

    def cfetoff_pin(self, level):
        self._cfetoff_level = 1 if level else 0
        self.update()

    def dfetoff_pin(self, level):
        """1, 0, or None for undriven: the weak pull-down makes that low."""
        self._dfetoff_level = 1 if level else 0
        self.update()

    def update(self, may_turn_on=False):
        """Bring the gates to what is wanted; without `may_turn_on` only off or as they are."""
        charge, discharge = self._wanted(may_turn_on)
        if not may_turn_on:
            charge = charge and self.charge
            discharge = discharge and self.discharge
        charge_assist = self.charge_assist and discharge and not charge
        discharge_assist = self.discharge_assist and charge and not discharge
        self._set(charge, discharge, charge_assist, discharge_assist)

    def assist(self, current_ma, may_release):
        """Body-diode protection of series FETs: the other FET helps while its diode carries."""
        settings = self.chip.settings
        charge_assist = discharge_assist = False
        if settings.series_fets:
            if self.discharge and not self.charge:
                charge_assist = current_ma < -settings.body_diode_ma
                charge_assist = charge_assist or (self.charge_assist and not may_release)
            if self.charge and not self.discharge:
                discharge_assist = current_ma > settings.body_diode_ma
                discharge_assist = discharge_assist or (self.discharge_assist and not may_release)
        # The off pins hold their FET whatever flows.
        held_charge, held_discharge = self._pins()
        charge_assist = charge_assist and not held_charge
        discharge_assist = discharge_assist and not held_discharge
        self._set(self.charge, self.discharge, charge_assist, discharge_assist)

    def _set(self, charge, discharge, charge_assist, discharge_assist):
        now = (charge, discharge, charge_assist, discharge_assist)
        if now == (self.charge, self.discharge, self.charge_assist, self.discharge_assist):
            return
        self.charge, self.discharge, self.charge_assist, self.discharge_assist = now
        chip = self.chip
        chip.switches_changed()
        # Last, because the bench calls the chip's comparators back.
        chip.bench.set_gates(
            charge or charge_assist, discharge or discharge_assist, charge_assist, discharge_assist
        )

    def _wanted(self, evaluation):
        chip = self.chip
        settings = chip.settings
        if not chip.running or chip.modes.shutting_down:
            return False, False
        if self.manufacturing & FET_EN:
            charge = discharge = settings.autonomous
            charge = charge and not self.forced_off & FORCE_CHG
            discharge = discharge and not self.forced_off & FORCE_DSG
        else:
            charge = bool(self.manufacturing & _TEST_CHG)
            discharge = bool(self.manufacturing & _TEST_DSG)
        held_charge, held_discharge = self._pins()
        charge = charge and not held_charge
        discharge = discharge and not held_discharge
        if chip.modes.sleeping and not settings.sleep_charge:
            charge = False
        safety = chip.safety
        for bank in (0, 1, 2):
            if safety[bank] & settings.charge_holds[bank]:
                if bank or evaluation or settings.charge_off_at_once:
                    charge = False
            if safety[bank] & settings.discharge_holds[bank]:
                if bank or evaluation or settings.discharge_off_at_once:
                    discharge = False
        return charge, discharge

    def _pins(self):
        """(charge held off, discharge held off) by the CFETOFF and DFETOFF pins."""
        pins = self.chip.settings.pins
        held_charge = _asserted(pins[PIN_CFETOFF], self._cfetoff_level)
        held_discharge = _asserted(pins[PIN_DFETOFF], self._dfetoff_level)
        if held_discharge and pins[PIN_DFETOFF] & _BOTH_OFF:
            held_charge = True
        return held_charge, held_discharge


def _asserted(config, level):
    if config & 3 != _OWN_FUNCTION:
        return False
    return level == (0 if config & _ACTIVE_LOW else 1)
