"""Fill the limit table for a pack: chemistry, cells in series, capacity, front-end periods."""

from vigil import limits
from vigil.sample import stale_limit_ms


def preset(chemistry, cell_count, capacity_mah, periods_ms, cycle_ms):
    """Limits of a pack of `cell_count` cells of `capacity_mah` each, ready to be validated.

    periods_ms: conversion period of (cells, temperatures, current, stack).
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
    trip, release = chemistry.stack_over_cell_mv
    put(limits.STACK_OVER_VOLTAGE, trip * cell_count, release * cell_count, 1000, 5000)
    trip, release = chemistry.stack_under_cell_mv
    put(limits.STACK_UNDER_VOLTAGE, trip * cell_count, release * cell_count, 2000, 10000)

    # The released value is reached as soon as the switch is open: the 30 s do the waiting.
    trip = capacity_mah * chemistry.charge_trip_percent // 100
    put(limits.CHARGE_OVER_CURRENT, trip, trip * 9 // 10, 2000, 30000)
    trip = capacity_mah * chemistry.discharge_trip_percent // 100
    put(limits.DISCHARGE_OVER_CURRENT, 0 - trip, 0 - trip * 9 // 10, 10000, 30000)
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

    stale = (limits.CELLS_STALE, limits.TEMPS_STALE, limits.CURRENT_STALE, limits.STACK_STALE)
    invalid = (
        limits.CELLS_INVALID,
        limits.TEMPS_INVALID,
        limits.CURRENT_INVALID,
        limits.STACK_INVALID,
    )
    for group in range(4):
        age_ms = stale_limit_ms(periods_ms[group], cycle_ms)
        put(stale[group], age_ms, age_ms, 0, 1000)
        # One odd conversion is not a fault, two are.
        put(invalid[group], 0, 0, periods_ms[group], 1000)
    silence_ms = stale_limit_ms(periods_ms[0], cycle_ms)
    put(limits.FRONT_END_SILENT, silence_ms, silence_ms, 0, 1000)
    put(limits.FRONT_END_FAULT, 0, 0, 0, 1000)
    put(limits.FRONT_END_CHARGE_TRIP, 0, 0, 0, 1000)
    put(limits.FRONT_END_DISCHARGE_TRIP, 0, 0, 0, 1000)
    return table
