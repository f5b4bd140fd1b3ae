"""Contactors, link and their wires to a simulated board's pins, for twins that have them.

Never upload. In series with the coils' drivers are the enable line and what a chip has to say.
"""

import machine

from host_tools.mock.cell_figures import figures
from host_tools.mock.contactor_path import ContactorPath
from host_tools.mock.contactors import Coil, Contactor


def wire(clock, board):
    """(path, inputs of the coils that charge, of those that discharge); low until told."""
    main = Contactor(clock)
    precharge = Contactor(clock)
    charge = None if board.COMMON_PORT else Contactor(clock)
    path = ContactorPath(
        board.CELLS,
        board.SHUNT_UOHM,
        main,
        precharge,
        charge,
        resistor_ohm=board.PRECHARGE_OHM,
        link_uf=board.LINK_UF,
        bleeder_ohm=board.BLEEDER_OHM,
        charger_mv_per_cell=figures(board.CHEMISTRY).charger_mv,
    )
    enables_charge = []
    enables_discharge = []
    for contactor, pin, feedback_pin in (
        (main, board.MAIN_PIN, board.MAIN_FEEDBACK_PIN),
        (precharge, board.PRECHARGE_PIN, None),
        (charge, board.CHARGE_PIN, board.CHARGE_FEEDBACK_PIN),
    ):
        if contactor is None:
            continue
        coil = Coil(contactor)
        follow(machine.pin_line(pin), coil.input("pin"))
        follow(machine.pin_line(board.COIL_ENABLE_PIN), coil.input("enable"))
        if contactor is charge or board.COMMON_PORT:
            enables_charge.append(coil.input("charge gate"))
        if contactor is not charge:
            enables_discharge.append(coil.input("discharge gate"))
        if feedback_pin is not None:
            contactor.feedback_line = machine.pin_line(feedback_pin)
            contactor.feedback_line.outside(1)
    return path, enables_charge, enables_discharge


def show_link(board, bench, path):
    """What the analogue input behind the contactors reads."""

    def reading():
        bench.update()
        return max(0, min(65535, round(path.link_mv * 65535 / board.LINK_FULL_SCALE_MV)))

    machine.adc_line(board.LINK_PIN).source = reading


def follow(line, take):
    line.listeners.append(take)
    take(line.level)
