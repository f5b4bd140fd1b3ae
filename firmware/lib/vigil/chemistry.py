"""What is known of each cell chemistry: safe bounds, defaults, open-circuit voltage.

The cell's own datasheet always wins. Defaults: LFP from common prismatic cells; OCV table from the
Sony US26650 LFP cell as published by SimSES lite (TU Munich), mean of charge and discharge.
"""

from array import array


class Chemistry:
    """Bounds are what no limit may exceed; the other figures fill the limit table."""

    def __init__(self, name):
        self.name = name


def lfp():
    chemistry = Chemistry("LFP")
    # A limit beyond these is refused whatever the owner says.
    chemistry.cell_maximum_mv = 3650
    chemistry.cell_minimum_mv = 2000
    chemistry.charge_temp_minimum_dc = 0
    chemistry.charge_temp_maximum_dc = 550
    chemistry.discharge_temp_minimum_dc = -200
    chemistry.discharge_temp_maximum_dc = 600
    # (trip, release)
    chemistry.over_voltage_mv = (3650, 3450)
    chemistry.over_voltage_warning_mv = (3600, 3550)
    chemistry.under_voltage_mv = (2500, 2950)
    chemistry.under_voltage_warning_mv = (2800, 2900)
    chemistry.stack_over_cell_mv = (3600, 3450)
    chemistry.stack_under_cell_mv = (2600, 2950)
    chemistry.charge_over_temp_dc = (450, 400)
    # One kelvin above freezing: a sensor sits outside the cell.
    chemistry.charge_under_temp_dc = (10, 50)
    chemistry.discharge_over_temp_dc = (600, 550)
    chemistry.discharge_under_temp_dc = (-200, -150)
    # Percent of capacity per hour, and when over-current trips.
    chemistry.charge_trip_percent = 60
    chemistry.discharge_trip_percent = 120
    chemistry.short_circuit_percent = 300
    chemistry.balance_start_mv = 3400
    chemistry.ocv_dmv = array(
        "H",
        (
            # fmt: off
            22862,
            27833,
            28952,
            29673,
            30213,
            30647,
            31008,
            31317,
            31583,
            31810,
            31967,
            32027,
            32056,
            32079,
            32099,
            32120,
            32147,
            32188,
            32241,
            32295,
            32343,
            32388,
            32429,
            32471,
            32509,
            32547,
            32581,
            32612,
            32643,
            32673,
            32703,
            32730,
            32756,
            32780,
            32802,
            32826,
            32848,
            32868,
            32887,
            32904,
            32921,
            32937,
            32950,
            32959,
            32967,
            32973,
            32978,
            32983,
            32986,
            32991,
            32995,
            32999,
            33001,
            33006,
            33010,
            33014,
            33018,
            33021,
            33025,
            33030,
            33035,
            33040,
            33044,
            33050,
            33056,
            33063,
            33069,
            33077,
            33086,
            33096,
            33108,
            33119,
            33133,
            33148,
            33165,
            33185,
            33211,
            33240,
            33275,
            33312,
            33345,
            33367,
            33381,
            33391,
            33398,
            33403,
            33408,
            33412,
            33416,
            33420,
            33425,
            33429,
            33432,
            33436,
            33442,
            33447,
            33453,
            33463,
            33487,
            33618,
            35305,
            # fmt: on
        ),
    )
    return chemistry


def by_name(name):
    """KeyError for an unknown chemistry."""
    return {"LFP": lfp}[name]()
