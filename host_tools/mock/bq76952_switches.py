"""FET control of the BQ76952 model: who may turn CHG, DSG, PCHG and PDSG on, and how fast.

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
_TEST_PCHG = 0x01
_TEST_CHG = 0x02
_TEST_DSG = 0x04
_TEST_PDSG = 0x20
_TEST_ALL = 0x27

_OWN_FUNCTION = 2
_BOTH_OFF = 0x40
_ACTIVE_LOW = 0x80


class Switches:
    def __init__(self, chip):
        self.chip = chip
        self._set_small_gates = getattr(chip.bench, "set_small_gates", None)
        # Levels an undriven pin shows against the weak pull-down.
        self._cfetoff_level = 0
        self._dfetoff_level = 0
        self._stage_entry = None
        self._stage_call = self._stage_over
        self.reset()

    def reset(self):
        """After power-up: not yet reported to the bench, the caller calls `update`."""
        self._cancel_stage()
        self.charge = False
        self.precharge = False
        self.discharge = False
        self.predischarge = False
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
        if self.precharge:
            value |= _PCHG
        if self.discharge or self.discharge_assist:
            value |= _DSG
        if self.predischarge:
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
        charge, precharge, discharge, predischarge = self._wanted(may_turn_on)
        if self.manufacturing & FET_EN:
            discharge, predischarge = self._staged(discharge, predischarge, may_turn_on)
        if not may_turn_on:
            charge = charge and self.charge
            precharge = precharge and self.precharge
            discharge = discharge and self.discharge
            predischarge = predischarge and self.predischarge
        charge_assist = self.charge_assist and (discharge or predischarge) and not charge
        discharge_assist = self.discharge_assist and (charge or precharge) and not discharge
        if not predischarge:
            self._cancel_stage()
        self._set(charge, precharge, discharge, predischarge, charge_assist, discharge_assist)

    # Predischarge: a small FET charges the load's capacitors before DSG turns on

    def _staged(self, discharge, predischarge, may_turn_on):
        """What of DSG and PDSG is due, given that both are permitted or not."""
        settings = self.chip.settings
        if not (settings.predischarge and discharge and predischarge) or self.discharge:
            return discharge, False
        if not self.predischarge:
            if may_turn_on and settings.predischarge_us:
                clock = self.chip.clock
                due_us = clock.now_us + settings.predischarge_us
                self._stage_entry = clock.call_at(due_us, self._stage_call)
            return False, may_turn_on
        done = may_turn_on and self._load_is_up()
        return done, not done

    def _load_is_up(self):
        """Looked at in each evaluation; a delta of 0 never ends it, nor does a timeout of 0."""
        delta_mv = self.chip.settings.predischarge_delta_mv
        return delta_mv > 0 and self.chip.bench.stack_mv - self.chip.ld_mv() <= delta_mv

    def _stage_over(self):
        self._stage_entry = None
        if self.predischarge and self.manufacturing & FET_EN and not self.chip.frozen:
            self._set(
                self.charge, self.precharge, True, False, self.charge_assist, self.discharge_assist
            )

    def _cancel_stage(self):
        if self._stage_entry is not None:
            self.chip.clock.cancel(self._stage_entry)
            self._stage_entry = None

    # Gates

    def assist(self, current_ma, may_release):
        """Body-diode protection of series FETs: the other FET helps while its diode carries."""
        settings = self.chip.settings
        charge_assist = discharge_assist = False
        if settings.series_fets:
            if (self.discharge or self.predischarge) and not self.charge:
                charge_assist = current_ma < -settings.body_diode_ma
                charge_assist = charge_assist or (self.charge_assist and not may_release)
            if (self.charge or self.precharge) and not self.discharge:
                discharge_assist = current_ma > settings.body_diode_ma
                discharge_assist = discharge_assist or (self.discharge_assist and not may_release)
        # The off pins hold their FET whatever flows.
        held_charge, held_discharge = self._pins()
        charge_assist = charge_assist and not held_charge
        discharge_assist = discharge_assist and not held_discharge
        self._set(
            self.charge,
            self.precharge,
            self.discharge,
            self.predischarge,
            charge_assist,
            discharge_assist,
        )

    def _set(self, charge, precharge, discharge, predischarge, charge_assist, discharge_assist):
        if (
            charge == self.charge
            and precharge == self.precharge
            and discharge == self.discharge
            and predischarge == self.predischarge
            and charge_assist == self.charge_assist
            and discharge_assist == self.discharge_assist
        ):
            return
        self.charge = charge
        self.precharge = precharge
        self.discharge = discharge
        self.predischarge = predischarge
        self.charge_assist = charge_assist
        self.discharge_assist = discharge_assist
        chip = self.chip
        chip.switches_changed()
        # A bench without the small FETs and their resistors has no such function.
        if self._set_small_gates is not None:
            self._set_small_gates(precharge, predischarge)
        # Last, because the bench calls the chip's comparators back.
        chip.bench.set_gates(
            charge or charge_assist, discharge or discharge_assist, charge_assist, discharge_assist
        )

    def _wanted(self, evaluation):
        chip = self.chip
        settings = chip.settings
        if not chip.running or chip.modes.shutting_down:
            return False, False, False, False
        if self.manufacturing & FET_EN:
            forced_off = self.forced_off
            charge = settings.autonomous and not forced_off & FORCE_CHG
            discharge = settings.autonomous and not forced_off & FORCE_DSG
            # CHG off implies PCHG off, DSG off implies PDSG off.
            precharge = charge and not forced_off & FORCE_PCHG
            predischarge = discharge and not forced_off & FORCE_PDSG
            if chip.precharging.active:
                charge = False
            else:
                precharge = False
        else:
            tests = self.manufacturing
            charge = bool(tests & _TEST_CHG)
            precharge = bool(tests & _TEST_PCHG)
            discharge = bool(tests & _TEST_DSG)
            predischarge = bool(tests & _TEST_PDSG)
        hold_charge, hold_discharge = self._pins()
        if chip.modes.sleeping and not settings.sleep_charge:
            hold_charge = True
        safety = chip.safety
        for bank in (0, 1, 2):
            if safety[bank] & settings.charge_holds[bank]:
                if bank or evaluation or settings.charge_off_at_once:
                    hold_charge = True
            if safety[bank] & settings.discharge_holds[bank]:
                if bank or evaluation or settings.discharge_off_at_once:
                    hold_discharge = True
        if hold_charge:
            charge = precharge = False
        if hold_discharge:
            discharge = predischarge = False
        return charge, precharge, discharge, predischarge

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
