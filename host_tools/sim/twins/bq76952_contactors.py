"""Surroundings of a simulated board with a BQ76952 that measures and contactors that switch.

Never upload. CHG and DSG of the chip and the enable line are in series with the coils' drivers.
"""

from host_tools.sim.twins import bq76952, contactors


def build(clock, board, seed, soc_pct, flash=None, worn_pct=0.0, ambient_c=25.0):
    """As twins.bq76952; twin.path holds contactors and link."""
    path, enables_charge, enables_discharge = contactors.wire(clock, board)

    def gates_changed(charge_allowed, discharge_allowed):
        for take in enables_charge:
            take(charge_allowed)
        for take in enables_discharge:
            take(discharge_allowed)

    path.gates_changed = gates_changed
    twin = bq76952.build(clock, board, seed, soc_pct, flash, worn_pct, path, ambient_c)
    twin.path = path
    contactors.show_link(board, twin.bench, path)
    return twin
