"""What is known of each cell chemistry: safe bounds, defaults, open-circuit voltage.

The cell's own datasheet always wins: these are common figures for a whole family of cells, and
where makers differ, the careful one. mV for a cell, 0.1 degC, percent of the capacity an hour.
"""

from vigil import ocv_tables

# Lithium plates out of a cold cell that is charged fast: (0.1 K above the chemistry's lowest
# temperature for charging, percent of the capacity an hour). Above the last step the over-current
# limit alone decides. Common to datasheets of large cells, and on the careful side.
_PLATES = ((0, 0), (50, 5), (100, 20), (150, 50))


class Chemistry:
    """Bounds are what no limit may exceed; the other figures fill the limit table.

    No methods: they would keep this whole module in memory.
    """


def _named(name, ocv_dmv):
    chemistry = Chemistry()
    chemistry.name = name
    chemistry.ocv_dmv = ocv_dmv
    chemistry.cold_charge = _PLATES
    # (full down to here, percent of the limit's current left at the lowest temperature for
    # discharging), falling evenly between: datasheets of power cells, from memory.
    chemistry.cold_discharge = (100, 30)
    # With the voltage held the charge current falls to 37 % in this time: from experience.
    chemistry.tail_s = 1200
    return chemistry


def lfp():
    chemistry = _named("LFP", ocv_tables.lfp())
    chemistry.tail_s = 480
    # A limit beyond these is refused whatever the owner says.
    chemistry.cell_maximum_mv = 3650
    chemistry.cell_minimum_mv = 2000
    chemistry.charge_temp_minimum_dc = 0
    chemistry.charge_temp_maximum_dc = 550  # many makers say 450
    chemistry.discharge_temp_minimum_dc = -200
    chemistry.discharge_temp_maximum_dc = 600
    # Cold cells are charged in steps from here on (charge_guard.py).
    chemistry.plating_dc = 0
    # (trip, release). A warning's release is where a charger ends and a load should have ended.
    chemistry.over_voltage_mv = (3650, 3450)
    chemistry.over_voltage_warning_mv = (3600, 3550)
    chemistry.under_voltage_mv = (2500, 2950)
    chemistry.under_voltage_warning_mv = (2800, 2900)
    # Beyond these a cell is damaged: both switches open until the owner has looked.
    chemistry.over_voltage_severe_mv = (3800, 3650)
    chemistry.under_voltage_severe_mv = (1800, 2500)
    chemistry.imbalance_mv = 300  # full cells stand far apart on the last percent
    chemistry.stack_over_cell_mv = (3600, 3450)
    chemistry.stack_under_cell_mv = (2600, 2950)
    chemistry.charge_over_temp_dc = (450, 400)
    # One kelvin above freezing: a sensor sits outside the cell.
    chemistry.charge_under_temp_dc = (10, 50)
    chemistry.discharge_over_temp_dc = (600, 550)
    chemistry.discharge_under_temp_dc = (-200, -150)
    # 0.5 C and 1 C continuous are common for large prismatic cells; over-current trips above.
    chemistry.charge_trip_percent = 60
    chemistry.discharge_trip_percent = 120
    chemistry.charge_severe_percent = 100
    chemistry.discharge_severe_percent = 200
    chemistry.short_circuit_percent = 300
    # Below the knee all charges look alike: below 98.00 % the curve is flat.
    chemistry.knee = 9800
    chemistry.balance_start_mv = 3400
    chemistry.balance_delta_mv = 10
    return chemistry


def nmc():
    chemistry = _named("NMC", ocv_tables.nmc())
    _layered_oxide_limits(chemistry)
    chemistry.under_voltage_mv = (2750, 3200)
    chemistry.under_voltage_warning_mv = (3000, 3100)
    chemistry.under_voltage_severe_mv = (2300, 2750)
    chemistry.stack_under_cell_mv = (2850, 3200)
    return chemistry


def nca():
    chemistry = _named("NCA", ocv_tables.nca())
    _layered_oxide_limits(chemistry)
    # Goes lower than NMC: 2.5 V is the end in the datasheets of common 18650 cells.
    chemistry.under_voltage_mv = (2600, 3150)
    chemistry.under_voltage_warning_mv = (2900, 3000)
    chemistry.under_voltage_severe_mv = (2200, 2600)
    chemistry.stack_under_cell_mv = (2700, 3150)
    return chemistry


def _layered_oxide_limits(chemistry):
    """What NMC and NCA share: both end at 4.20 V in nearly every datasheet."""
    # A trip needs 50 mV of room above 4.20 V for the error of chip and charger.
    chemistry.cell_maximum_mv = 4250
    chemistry.cell_minimum_mv = 2500
    chemistry.charge_temp_minimum_dc = 0
    chemistry.charge_temp_maximum_dc = 450
    chemistry.discharge_temp_minimum_dc = -200
    chemistry.discharge_temp_maximum_dc = 600
    chemistry.plating_dc = 0
    chemistry.over_voltage_mv = (4250, 4100)
    chemistry.over_voltage_warning_mv = (4220, 4180)
    chemistry.over_voltage_severe_mv = (4320, 4250)
    chemistry.imbalance_mv = 200
    chemistry.stack_over_cell_mv = (4230, 4100)
    chemistry.charge_over_temp_dc = (450, 400)
    chemistry.charge_under_temp_dc = (10, 50)
    chemistry.discharge_over_temp_dc = (600, 550)
    chemistry.discharge_under_temp_dc = (-200, -150)
    # 0.5 C and 1 C; power cells do several times as much, their datasheet says so.
    chemistry.charge_trip_percent = 60
    chemistry.discharge_trip_percent = 120
    chemistry.charge_severe_percent = 100
    chemistry.discharge_severe_percent = 200
    chemistry.short_circuit_percent = 300
    # Voltage tells the charge nearly everywhere, but bleeding at the top costs no range.
    chemistry.balance_start_mv = 4000
    chemistry.balance_delta_mv = 10


def lto():
    chemistry = _named("LTO", ocv_tables.lto())
    # Titanate does not plate: below its lowest temperature nothing, above it no steps.
    chemistry.cold_charge = _PLATES[:1]
    chemistry.cold_discharge = (0, 50)
    chemistry.tail_s = 300
    chemistry.cell_maximum_mv = 2850
    chemistry.cell_minimum_mv = 1500
    # No lithium plates at 1.55 V: charging in the cold is allowed.
    chemistry.charge_temp_minimum_dc = -200
    chemistry.charge_temp_maximum_dc = 550
    chemistry.discharge_temp_minimum_dc = -300
    chemistry.discharge_temp_maximum_dc = 600
    chemistry.plating_dc = -200
    chemistry.over_voltage_mv = (2850, 2650)
    chemistry.over_voltage_warning_mv = (2780, 2700)
    chemistry.under_voltage_mv = (1600, 2050)
    chemistry.under_voltage_warning_mv = (1900, 1980)
    chemistry.over_voltage_severe_mv = (2950, 2850)
    chemistry.under_voltage_severe_mv = (1300, 1600)
    chemistry.imbalance_mv = 150
    chemistry.stack_over_cell_mv = (2800, 2650)
    chemistry.stack_under_cell_mv = (1700, 2050)
    chemistry.charge_over_temp_dc = (550, 500)
    chemistry.charge_under_temp_dc = (-190, -150)
    chemistry.discharge_over_temp_dc = (600, 550)
    chemistry.discharge_under_temp_dc = (-300, -250)
    # 3 C and 5 C continuous.
    chemistry.charge_trip_percent = 360
    chemistry.discharge_trip_percent = 600
    chemistry.charge_severe_percent = 600
    chemistry.discharge_severe_percent = 1000
    chemistry.short_circuit_percent = 1500
    chemistry.balance_start_mv = 2550
    chemistry.balance_delta_mv = 10
    return chemistry


def na_ion():
    """Layered oxide against hard carbon; makers differ more than in any other family."""
    chemistry = _named("Na-ion", ocv_tables.na_ion())
    chemistry.cold_discharge = (0, 50)
    # Some datasheets allow 4.1 V.
    chemistry.cell_maximum_mv = 4050
    chemistry.cell_minimum_mv = 1500
    chemistry.charge_temp_minimum_dc = -100
    chemistry.charge_temp_maximum_dc = 450
    chemistry.discharge_temp_minimum_dc = -300
    chemistry.discharge_temp_maximum_dc = 600
    chemistry.plating_dc = -100
    chemistry.over_voltage_mv = (4050, 3850)
    chemistry.over_voltage_warning_mv = (4000, 3950)
    chemistry.under_voltage_mv = (1500, 2300)
    chemistry.under_voltage_warning_mv = (2000, 2200)
    chemistry.over_voltage_severe_mv = (4200, 4050)
    chemistry.under_voltage_severe_mv = (1200, 1500)
    chemistry.imbalance_mv = 250
    chemistry.stack_over_cell_mv = (4000, 3850)
    chemistry.stack_under_cell_mv = (1600, 2300)
    chemistry.charge_over_temp_dc = (450, 400)
    chemistry.charge_under_temp_dc = (-90, -50)
    chemistry.discharge_over_temp_dc = (600, 550)
    chemistry.discharge_under_temp_dc = (-300, -250)
    # 0.5 C and 1 C; a cell that does 3 C has it in its datasheet.
    chemistry.charge_trip_percent = 60
    chemistry.discharge_trip_percent = 120
    chemistry.charge_severe_percent = 100
    chemistry.discharge_severe_percent = 200
    chemistry.short_circuit_percent = 300
    chemistry.balance_start_mv = 3700
    # Its hysteresis of 10 to 20 mV must not be taken for a difference of charge.
    chemistry.balance_delta_mv = 20
    return chemistry


NAMES = ("LFP", "NMC", "NCA", "LTO", "Na-ion")


def by_name(name):
    """KeyError for an unknown chemistry."""
    return {"LFP": lfp, "NMC": nmc, "NCA": nca, "LTO": lto, "Na-ion": na_ion}[name]()
