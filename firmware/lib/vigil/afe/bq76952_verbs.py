"""What is asked of a BQ76952 now and then: modes of rest, load detection, charge, extremes.

Each verb takes less than 5 ms and raises AfeError; none belongs into read-judge-act.
"""

from micropython import const

from vigil.afe.errors import CHECK_FAILED, NOT_CONFIGURED, AfeError, failure

# Bits of control_status().
LOAD_DETECTING = const(1)
LOAD_DETECT_OVER = const(2)
DEEP_ASLEEP = const(4)

_CONTROL_STATUS = const(0x00)
_EXIT_DEEPSLEEP = const(0x000E)
_DEEPSLEEP = const(0x000F)
_SHUTDOWN = const(0x0010)
_DASTATUS5 = const(0x0075)
_DASTATUS6 = const(0x0076)
_RESET_PASSED_CHARGE = const(0x0082)
_SLEEP_ENABLE = const(0x0099)
_SLEEP_DISABLE = const(0x009A)
_OCDL_RECOVER = const(0x009B)
_SCDL_RECOVER = const(0x009C)
_LOAD_DETECT_RESTART = const(0x009D)
_LOAD_DETECT_ON = const(0x009E)
_LOAD_DETECT_OFF = const(0x009F)

# The charge counter starts with half a step in its fraction.
_HALF_STEP = const(0x8000)
_MOST_MAH = const(1000000000)


class Verbs:
    """Part of Bq76952, which brings the transfer, the options and the switches."""

    # Modes of rest. The chip scans rarely or not at all in them: values go stale, and the limit
    # table opens the switches, unless the caller has arranged for it.

    def sleep(self, allowed):
        """Let the chip SLEEP when little current flows, or keep it awake as bring-up does."""
        self._command(_SLEEP_ENABLE if allowed else _SLEEP_DISABLE)
        self.sleep_allowed = bool(allowed)

    def deep_sleep(self):
        """Both switches off, no measurement, no protection, until wake() or a charger."""
        self._require_configured()
        self.set_switches(False, False)
        # Twice within four seconds, or nothing happens.
        self._command(_DEEPSLEEP)
        self._command(_DEEPSLEEP)

    def shutdown(self):
        """Everything off and forgotten; only a charger (or the chip's wake pin) starts it again.

        Whatever powers the controller from the chip goes with it.
        """
        self.all_off()
        self._transfer.command(_SHUTDOWN)
        self.configured = False
        try:
            # The second one skips the delays, and is needed where the chip is sealed.
            self._transfer.command(_SHUTDOWN)
        except AfeError:
            # Gone already.
            pass

    def wake(self):
        """Out of SLEEP or DEEPSLEEP, switches off, with everything to be measured anew."""
        self._require_configured()
        self.all_off()
        self._command(_EXIT_DEEPSLEEP)
        self._command(_SLEEP_DISABLE)
        self.sleep_allowed = False
        self._forget_measurements()

    def control_status(self):
        """DEEP_ASLEEP, LOAD_DETECT_OVER (it gave up looking) and LOAD_DETECTING."""
        self._transfer.read(_CONTROL_STATUS, 2)
        return self._transfer.data[0] & (LOAD_DETECTING | LOAD_DETECT_OVER | DEEP_ASLEEP)

    # Load detection: whether the load that tripped a latch has been taken away.

    def load_detect(self, on):
        self._command(_LOAD_DETECT_ON if on else _LOAD_DETECT_OFF)

    def load_detect_again(self):
        """Start the time anew after which the chip stops looking."""
        self._command(_LOAD_DETECT_RESTART)

    def recover_latches(self):
        """Release the second levels of over-current and short circuit."""
        self._command(_OCDL_RECOVER)
        self._command(_SCDL_RECOVER)

    def forget_faults(self):
        """The owner has looked: nothing of the kind is kept here."""

    # Counters and extremes that the chip keeps by itself.

    def read_charge(self, into):
        """Fill array('i') with passed charge: whole mAh (rounded down), 1/65536 mAh, seconds.

        Since the chip's last reset, end of CONFIG_UPDATE or reset_charge().
        """
        self._require_configured()
        if self._transfer.read_block(_DASTATUS6) < 12:
            raise failure(CHECK_FAILED)
        data = self._transfer.data
        high = ((data[2] | data[3] << 8) ^ 0x8000) - 0x8000
        steps = high * 65536 + (data[0] | data[1] << 8)
        part = (data[6] | data[7] << 8) - _HALF_STEP
        if part < 0:
            part += 0x10000
            steps -= 1
        most = _MOST_MAH // self._step_ma
        if not 0 - most < steps < most:
            raise failure(CHECK_FAILED)
        # A step is as many mAh as a step of current is mA.
        part *= self._step_ma
        into[0] = steps * self._step_ma + (part >> 16)
        into[1] = part & 0xFFFF
        # 34 years fit.
        into[2] = data[8] | data[9] << 8 | data[10] << 16 | (data[11] & 0x3F) << 24

    def reset_charge(self):
        """Passed charge and its time start from zero."""
        self._command(_RESET_PASSED_CHARGE)

    def read_extremes(self, into):
        """Fill array('i'): highest and lowest cell in mV, hottest, coldest, mean in 0.1 degC."""
        self._require_configured()
        if self._transfer.read_block(_DASTATUS5) < 20:
            raise failure(CHECK_FAILED)
        data = self._transfer.data
        for place, at in enumerate((4, 6, 14, 16, 18)):
            number = ((data[at] | data[at + 1] << 8) ^ 0x8000) - 0x8000
            into[place] = number if place < 2 else number - 2731

    # What the chip can do.

    def capabilities(self):
        """What the chip is and guards by itself, as configured (guards: backstop codes)."""
        options = self._options
        guards = []
        for backstop in self.applied:
            if backstop[0] not in guards:
                guards.append(backstop[0])
        return {
            "chip": options.variant,
            "inputs": options.inputs,
            "cells": self.cell_count,
            "temps": self.temp_count,
            "cells_period_ms": self.cells_period_ms,
            "temps_period_ms": self.temps_period_ms,
            "current_period_ms": self.current_period_ms,
            "stack_period_ms": self.stack_period_ms,
            "bleeds_adjacent": self.bleeds_adjacent,
            "bleed_lapse_ms": self.bleed_lapse_ms,
            "bleed_alone_ms": self.bleed_lapse_ms,
            "guards": tuple(guards),
            "silence_ms": options.watchdog_s * 1000,
            "open_wire_ms": options.open_wire_s * 1000,
            "latch_after": options.latch_after,
            "predischarge_ms": options.predischarge_ms,
        }

    def _command(self, code):
        self._require_configured()
        self._transfer.command(code)

    def _require_configured(self):
        if not self.configured:
            raise failure(NOT_CONFIGURED)
