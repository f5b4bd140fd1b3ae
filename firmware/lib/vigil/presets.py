"""Fill the limit table for a pack: chemistry, cells in series, capacity, front-end periods."""

from micropython import const

from vigil import limits
from vigil.sample import GROUPS, stale_limit_ms

_TWO_SAMPLES_MS = const(40)  # less than any front end takes for a sample


def preset(chemistry, cell_count, capacity_mah, periods_ms, cycle_ms):
    """Limits of a pack of `cell_count` cells of `capacity_mah` each, ready to be validated.

    periods_ms: conversion period of (cells, temperatures, current, stack, board).
    """
    table = limits.Limits()
    put = table.set
    # Delays: the cell's slow chemistry allows a second or two; a sag needs longer than a surge.
    trip, release = chemistry.over_voltage_warning_mv
    put(limits.CELL_OVER_VOLTAGE_WARNING, trip, release, 1000, 2000)
    trip, release = chemistry.over_voltage_mv
    put(limits.CELL_OVER_VOLTAGE, trip, release, 1000, 5000)
    trip, release = chemistry.under_voltage_warning_mv
    put(limits.CELL_UNDER_VOLTAGE_WARNING, trip, release, 2000, 2000)
    trip, release = chemistry.under_voltage_mv
    put(limits.CELL_UNDER_VOLTAGE, trip, release, 2000, 10000)
    trip, release = chemistry.over_voltage_severe_mv
    put(limits.CELL_OVER_VOLTAGE_SEVERE, trip, release, 500, 5000)
    trip, release = chemistry.under_voltage_severe_mv
    put(limits.CELL_UNDER_VOLTAGE_SEVERE, trip, release, 5000, 10000)
    trip = chemistry.imbalance_mv
    put(limits.CELL_IMBALANCE, trip, trip * 3 // 4, 10000, 10000)
    trip, release = chemistry.stack_over_cell_mv
    put(limits.STACK_OVER_VOLTAGE, trip * cell_count, release * cell_count, 1000, 5000)
    trip, release = chemistry.stack_under_cell_mv
    put(limits.STACK_UNDER_VOLTAGE, trip * cell_count, release * cell_count, 2000, 10000)

    # The released value is reached as soon as the switch is open: the 30 s do the waiting.
    trip = capacity_mah * chemistry.charge_trip_percent // 100
    put(limits.CHARGE_OVER_CURRENT, trip, trip * 9 // 10, 2000, 30000)
    trip = capacity_mah * chemistry.discharge_trip_percent // 100
    put(limits.DISCHARGE_OVER_CURRENT, 0 - trip, 0 - trip * 9 // 10, 10000, 30000)
    # Beyond these, two samples in a row are enough.
    trip = capacity_mah * chemistry.charge_severe_percent // 100
    put(limits.CHARGE_OVER_CURRENT_SEVERE, trip, trip * 9 // 10, _TWO_SAMPLES_MS, 5000)
    trip = capacity_mah * chemistry.discharge_severe_percent // 100
    put(limits.DISCHARGE_OVER_CURRENT_SEVERE, 0 - trip, 0 - trip * 9 // 10, _TWO_SAMPLES_MS, 5000)
    put(limits.SHORT_CIRCUIT_SEEN, 0, 0, 0, 5000)
    put(limits.CHARGE_TOO_FAST, 0, 0, 10000, 30000)
    table.short_circuit_ma = 0 - capacity_mah * chemistry.short_circuit_percent // 100
    table.short_circuit_delay_us = 100

    trip, release = chemistry.charge_over_temp_dc
    put(limits.CHARGE_OVER_TEMPERATURE, trip, release, 2000, 5000)
    trip, release = chemistry.charge_under_temp_dc
    put(limits.CHARGE_UNDER_TEMPERATURE, trip, release, 2000, 5000)
    trip, release = chemistry.discharge_over_temp_dc
    put(limits.DISCHARGE_OVER_TEMPERATURE, trip, release, 2000, 5000)
    trip, release = chemistry.discharge_under_temp_dc
    put(limits.DISCHARGE_UNDER_TEMPERATURE, trip, release, 2000, 5000)

    put(limits.TEMPERATURE_SPREAD, 150, 120, 10000, 10000)
    # What switches and chips bear, whatever the cells.
    put(limits.BOARD_OVER_TEMPERATURE, 850, 700, 2000, 5000)
    put(limits.BOARD_TEMPERATURE_WARNING, 750, 700, 2000, 5000)
    put(limits.RUNAWAY_WARNING, 0, 0, 0, 60000)
    put(limits.THERMAL_RUNAWAY, 1, 1, 0, 60000)

    stale = (
        limits.CELLS_STALE,
        limits.TEMPS_STALE,
        limits.CURRENT_STALE,
        limits.STACK_STALE,
        limits.BOARD_STALE,
    )
    invalid = (
        limits.CELLS_INVALID,
        limits.TEMPS_INVALID,
        limits.CURRENT_INVALID,
        limits.STACK_INVALID,
        limits.BOARD_INVALID,
    )
    for group in range(GROUPS):
        age_ms = stale_limit_ms(periods_ms[group], cycle_ms)
        put(stale[group], age_ms, age_ms, 0, 1000)
        # One odd conversion is not a fault, two are.
        put(invalid[group], 0, 0, periods_ms[group], 1000)
    silence_ms = stale_limit_ms(periods_ms[0], cycle_ms)
    put(limits.FRONT_END_SILENT, silence_ms, silence_ms, 0, 1000)
    put(limits.FRONT_END_FAULT, 0, 0, 0, 1000)
    put(limits.FRONT_END_CHARGE_TRIP, 0, 0, 0, 1000)
    put(limits.FRONT_END_DISCHARGE_TRIP, 0, 0, 0, 1000)
    # Of the last hundred reads: a bus that often needs a second try.
    put(limits.BUS_DISTURBED, 10, 3, 0, 10000)
    # Whatever finds these has looked more than once before it tells.
    for row_id in (
        limits.CELLS_DOUBTFUL,
        limits.TEMPS_DOUBTFUL,
        limits.CURRENT_DOUBTFUL,
        limits.STACK_DOUBTFUL,
        limits.SWITCH_STUCK_ON,
        limits.EMERGENCY_STOP,
        limits.POWER_PATH_FAULT,
        limits.BACKSTOP_LOST,
        limits.TABLE_DAMAGED,
        limits.CLIMATE_WARNING,
    ):
        put(row_id, 0, 0, 0, 2000)
    # A contact that is shaken for a moment is not an open interlock.
    put(limits.INTERLOCK_OPEN, 0, 0, 100, 1000)
    return table
