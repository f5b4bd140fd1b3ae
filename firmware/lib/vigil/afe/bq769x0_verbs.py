"""What is asked of a BQ769x0 now and then: SHIP, waking it, and what it can do.

Each verb takes less than 5 ms and raises AfeError; none belongs into read-judge-act.
"""

import time

from micropython import const

from vigil.afe.errors import AfeError

_SYS_CTRL1 = const(0x04)
_SHUT_B = const(0x01)
_SHUT_A = const(0x02)


class Verbs:
    """Part of Bq769x0, which brings the transfer, the options and the switches."""

    def shutdown(self):
        """SHIP: both switches off, everything forgotten, REGOUT dead, until the next boot pulse.

        Whatever powers the controller from the chip goes with it. Until wake() or a wake from
        outside, bring-up looks for the chip but does not wake it.
        """
        self.all_off()
        self.configured = False
        self._shut_down = True
        self._shut_down_ms = time.ticks_ms()
        transfer = self._transfer
        # Both bits off, one on, the other on: the chip ignores anything else.
        transfer.write_byte(_SYS_CTRL1, 0)
        transfer.write_byte(_SYS_CTRL1, _SHUT_B)
        try:
            transfer.write_byte(_SYS_CTRL1, _SHUT_A)
        except AfeError:
            # It went before it could confirm; if not, bring-up finds it awake.
            pass
        self.charge_is_on = False
        self.discharge_is_on = False

    def wake(self):
        """Let bring-up boot the chip again (it pulses TS1 if the board has wired that)."""
        self._shut_down = False

    def forget_faults(self):
        """The owner has looked; there is nothing here that only an owner can release."""

    def capabilities(self):
        """What the chip is and guards by itself, as configured (guards: backstop codes).

        Zeros are what it has not: a watchdog over the host or over its bleeding, a test of sense
        wires, latches.
        """
        options = self._options
        guards = []
        for backstop in self.applied:
            if backstop[0] not in guards:
                guards.append(backstop[0])
        return {
            "chip": options.chip,
            "inputs": 5 * options.groups,
            "cells": self.cell_count,
            "temps": self.temp_count,
            "cells_period_ms": self.cells_period_ms,
            "temps_period_ms": self.temps_period_ms,
            "current_period_ms": self.current_period_ms,
            "stack_period_ms": self.stack_period_ms,
            "bleeds_adjacent": self.bleeds_adjacent,
            "bleed_lapse_ms": self.bleed_lapse_ms,
            "bleed_alone_ms": 0,
            "guards": tuple(guards),
            "silence_ms": 0,
            "open_wire_ms": 0,
            "stack_apart": False,
            "latch_after": 0,
            "predischarge_ms": 0,
            "direct_line": self._both_off is not None,
            "load_detect": options.load_detect,
            "check_codes": self._transfer.check_codes,
        }
