"""Surroundings of a simulated board with a BQ76952 or BQ76942: what hangs on its pins.

Never upload. A board names this file as its TWIN; its pins and figures are the single source.
"""

import machine

from host_tools.mock.bench import Bench
from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.cells import Pack
from host_tools.mock.fake_flash import FakeFlash
from host_tools.mock.hands import Hands


class Twin:
    """clock, bench, chip, panel and the RS485 line of one simulated board."""


def build(clock, board, seed, soc_pct, flash=None, worn_pct=0.0, path=None, ambient_c=25.0):
    """board: the imported board module. flash: what survived a restart; a blank one without it.

    path: what lies between cells and terminals, two FETs without it. ambient_c: temperature of the
    air, and of everything at the start.
    """
    twin = Twin()
    pack = Pack(board.CELLS, board.CAPACITY_MAH, board.CHEMISTRY, seed, soc_pct, worn_pct)
    twin.bench = Bench(
        clock,
        pack,
        temps=board.TEMPS,
        shunt_uohm=board.SHUNT_UOHM,
        ambient_c=ambient_c,
        path=path,
    )
    twin.chip = Bq76952Model(
        clock,
        twin.bench,
        cells=board.CELLS,
        shunt_uohm=board.SHUNT_UOHM,
        seed=seed,
        variant=board.CHIP.lower(),
    )
    twin.chip.pins.cell_pins = getattr(board, "TEMP_PINS", twin.chip.pins.cell_pins)
    machine.attach_i2c(0, 8, twin.chip)
    if getattr(board, "BOTH_OFF_PIN", None) is not None:
        line = machine.pin_line(board.BOTH_OFF_PIN)
        line.listeners.append(twin.chip.dfetoff_pin)
        twin.chip.dfetoff_pin(line.level)
    twin.hands = Hands(clock, board)
    if getattr(board, "BUTTON_PIN", None) is not None:
        # The button's second contact goes to LD.
        twin.hands.on_button = twin.bench.touch_ld
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
