"""Surroundings of a simulated board with a BQ76952 that measures and contactors that switch.

Never upload. CHG and DSG of the chip and the enable line are in series with the coils' drivers.
"""

import machine

from host_tools.mock.cell_figures import figures
from host_tools.mock.contactor_path import ContactorPath
from host_tools.mock.contactors import Coil, Contactor
from host_tools.sim.twins import bq76952


def build(clock, board, seed, soc_pct, flash=None, worn_pct=0.0, ambient_c=25.0):
    """As twins.bq76952; twin.path holds contactors and link."""
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

    def gates_changed(charge_allowed, discharge_allowed):
        for take in enables_charge:
            take(charge_allowed)
        for take in enables_discharge:
            take(discharge_allowed)

    path.gates_changed = gates_changed
    for contactor, pin, feedback_pin in (
        (main, board.MAIN_PIN, board.MAIN_FEEDBACK_PIN),
        (precharge, board.PRECHARGE_PIN, None),
        (charge, board.CHARGE_PIN, board.CHARGE_FEEDBACK_PIN),
    ):
        if contactor is None:
            continue
        coil = Coil(contactor)
        _wire(coil.input("pin"), machine.pin_line(pin))
        _wire(coil.input("enable"), machine.pin_line(board.COIL_ENABLE_PIN))
        if contactor is charge or board.COMMON_PORT:
            enables_charge.append(coil.input("charge gate"))
        if contactor is not charge:
            enables_discharge.append(coil.input("discharge gate"))
        if feedback_pin is not None:
            contactor.feedback_line = machine.pin_line(feedback_pin)
            contactor.feedback_line.outside(1)
    twin = bq76952.build(clock, board, seed, soc_pct, flash, worn_pct, path, ambient_c)
    twin.path = path

    def link_reading():
        twin.bench.update()
        return max(0, min(65535, round(path.link_mv * 65535 / board.LINK_FULL_SCALE_MV)))

    machine.adc_line(board.LINK_PIN).source = link_reading
    return twin


def _wire(take, line):
    line.listeners.append(take)
    take(line.level)
