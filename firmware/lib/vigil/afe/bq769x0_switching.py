"""BQ769x0 switches: commands that cannot undo a trip, read-back, stuck switches, the load.

The chip has no watchdog over the host and no input that opens both switches: a direct line is
the board's, if there is one. All of this runs in the cycle and allocates nothing.
"""

from micropython import const

from vigil.afe.errors import NOT_CONFIGURED, failure

_SYS_STAT = const(0x00)
_SYS_CTRL2 = const(0x05)
_LOAD_PRESENT = const(0x80)
_CC_EN = const(0x40)
_CHARGE_ON = const(0x01)
_DISCHARGE_ON = const(0x02)

_MISMATCH_MS = const(1000)
_MISMATCH_CONVERSIONS = const(5)
_LEAK_UV = const(200)
# How long what was seen of the load is remembered after the charge switch has closed.
_LOAD_KNOWN_MS = const(10000)
_TICKS = const(0x3FFFFFFF)


class Switching:
    """Part of Bq769x0, which brings the transfer, the options and the trips."""

    def _start_switching(self, both_off):
        self.charge_is_on = False
        self.discharge_is_on = False
        self.switch_stuck = 0  # 1 charge, 2 discharge: on against the command
        self._both_off = both_off
        self._charge_wanted = False
        self._discharge_wanted = False
        self._off_is_written = False
        # Since when a switch has been on against the command; _wrong: 1 charge, 2 discharge.
        self._wrong = 0
        self._charge_wrong_ms = 0
        self._discharge_wrong_ms = 0
        # Conversions in a row with current through a switch that is commanded off.
        self._leak_ma = max(1, _LEAK_UV * 1000 // self._options.shunt_uohm)
        self._charge_leaks = 0
        self._discharge_leaks = 0
        self._off_looks = 0
        self._load_seen = -1
        self._load_ms = 0

    def _forget_switching(self):
        """Bring-up has switched both off."""
        self.charge_is_on = False
        self.discharge_is_on = False
        self.switch_stuck = 0
        self._off_is_written = True
        self._wrong = 0
        self._charge_leaks = 0
        self._discharge_leaks = 0
        self._off_looks = 0
        self._load_seen = -1

    def set_switches(self, charge, discharge):
        """Turn each switch on or off; both off also pulls the direct line, before the bus.

        A switch that the chip has just opened is not closed again by a command that was late:
        what the chip says decides, before the write and after it.
        """
        if not charge and not discharge:
            self.all_off()
        if not self.configured:
            if charge or discharge:
                raise failure(NOT_CONFIGURED)
            return
        wanted = (_CHARGE_ON if charge else 0) | (_DISCHARGE_ON if discharge else 0)
        transfer = self._transfer
        data = transfer.data
        transfer.read(_SYS_STAT, 1)
        allowed = wanted & self._trips.allows(data[0])
        if allowed:
            self._off_is_written = False
        transfer.write_byte(_SYS_CTRL2, _CC_EN | allowed)
        transfer.read(_SYS_STAT, 1)
        still_allowed = allowed & self._trips.allows(data[0])
        if still_allowed != allowed:
            transfer.write_byte(_SYS_CTRL2, _CC_EN | still_allowed)
        transfer.read(_SYS_CTRL2, 1)
        self.charge_is_on = bool(data[0] & _CHARGE_ON)
        self.discharge_is_on = bool(data[0] & _DISCHARGE_ON)
        self._charge_wanted = bool(charge)
        self._discharge_wanted = bool(discharge)
        if wanted and self._both_off is not None:
            self._both_off.value(1)

    def all_off(self):
        """Both switches off by the direct line; on a board without one, by the bus if it lives."""
        self._charge_wanted = False
        self._discharge_wanted = False
        try:
            if self._both_off is not None:
                self._both_off.value(0)
            elif self._transfer.mode_known and self._may_be_on():
                self._transfer.write_byte(_SYS_CTRL2, _CC_EN if self.configured else 0)
                self._off_is_written = True
        except Exception:
            # The last resort must not fail its caller; the read-back shows what it did.
            pass

    def _may_be_on(self):
        return not self._off_is_written or self.charge_is_on or self.discharge_is_on

    def _watch_switches(self, now_ms):
        """Whether a switch is on against the command: by its bit for a second, or by current."""
        charge_wrong = self.charge_is_on and not self._charge_wanted
        discharge_wrong = self.discharge_is_on and not self._discharge_wanted
        if charge_wrong and not self._wrong & 1:
            self._charge_wrong_ms = now_ms
        if discharge_wrong and not self._wrong & 2:
            self._discharge_wrong_ms = now_ms
        self._wrong = (1 if charge_wrong else 0) | (2 if discharge_wrong else 0)
        stuck = 0
        if charge_wrong and (now_ms - self._charge_wrong_ms) & _TICKS > _MISMATCH_MS:
            stuck |= 1
        if discharge_wrong and (now_ms - self._discharge_wrong_ms) & _TICKS > _MISMATCH_MS:
            stuck |= 2
        if self._charge_leaks >= _MISMATCH_CONVERSIONS:
            stuck |= 1
        if self._discharge_leaks >= _MISMATCH_CONVERSIONS:
            stuck |= 2
        self.switch_stuck = stuck

    def _watch_leaks(self, current_ma):
        """Current through a switch that is commanded off: the bits show only its driver."""
        if current_ma >= self._leak_ma and not self._charge_wanted:
            self._charge_leaks = min(self._charge_leaks + 1, _MISMATCH_CONVERSIONS)
        else:
            self._charge_leaks = 0
        if current_ma <= 0 - self._leak_ma and not self._discharge_wanted:
            self._discharge_leaks = min(self._discharge_leaks + 1, _MISMATCH_CONVERSIONS)
        else:
            self._discharge_leaks = 0

    def _look_for_load(self, control, now_ms):
        """LOAD_PRESENT says something only while both are off, and a moment later.

        What it said is remembered for a while when the charge switch closes first.
        """
        if not self._options.load_detect:
            return
        if self.charge_is_on or self.discharge_is_on:
            self._off_looks = 0
            waited_ms = (now_ms - self._load_ms) & _TICKS
            if self.discharge_is_on or waited_ms > _LOAD_KNOWN_MS:
                self._load_seen = -1
        elif self._off_looks < 1:
            # The gate goes down through a megohm.
            self._off_looks += 1
        else:
            self._load_seen = 1 if control & _LOAD_PRESENT else 0
            self._load_ms = now_ms
