"""Surroundings of a simulated board with an ISL94202. Never upload.

A board names this file as its TWIN; its pins and figures are the single source.
"""

import machine

from host_tools.mock.bench import Bench
from host_tools.mock.cells import Pack
from host_tools.mock.fake_flash import FakeFlash
from host_tools.mock.hands import Hands
from host_tools.mock.isl94202 import Isl94202Model
from host_tools.mock.isl94202_inputs import divider_mv


class Twin:
    """clock, bench, chip, panel and the RS485 line of one simulated board."""


def build(clock, board, seed, soc_pct, flash=None, worn_pct=0.0, ambient_c=25.0):
    """board: the imported board module. flash: what survived a restart; a blank one without it."""
    twin = Twin()
    pack = Pack(board.CELLS, board.CAPACITY_MAH, board.CHEMISTRY, seed, soc_pct, worn_pct)
    twin.bench = Bench(
        clock, pack, temps=board.TEMPS, shunt_uohm=board.SHUNT_UOHM, ambient_c=ambient_c
    )
    twin.chip = Isl94202Model(
        clock,
        twin.bench,
        cells=board.CELLS,
        shunt_uohm=board.SHUNT_UOHM,
        seed=seed,
        thermistor_mv=divider_mv,
    )
    machine.attach_i2c(0, twin.chip.address, twin.chip)
    _wire(board.BOTH_OFF_PIN, twin.chip.clamp_gates)
    twin.hands = Hands(clock, board)
    _follow(board, "HEATER_PIN", twin.bench.switch_heater)
    _follow(board, "FAN_PIN", twin.bench.switch_fan)
    twin.flash = flash or FakeFlash()
    twin.flash.use(clock)
    board.make_storage = lambda: twin.flash
    twin.rs485 = machine.uart_line(1)
    return twin


def _follow(board, name, switch):
    """What hangs on an output pin, if the board has it."""
    pin = getattr(board, name, None)
    if pin is not None:
        machine.pin_line(pin).listeners.append(switch)


def _wire(pin, take):
    line = machine.pin_line(pin)
    line.listeners.append(take)
    take(line.level)
