"""Points that no object has ready as an attribute: each function takes (Points, element).

UNKNOWN is what is not known. Allocates nothing, apart from what the clock gives.
"""

import time

from micropython import const

from vigil import limits
from vigil.sample import CELLS, HIGHEST_AT, LOWEST_AT, TEMPS, UNKNOWN

_ACTIONS = const(15)

# Who holds a value, in the order of the table's codes: first those that are not the BMS's own
# attributes, then its attributes by name.
HOLDERS = (
    "computed",
    "limits",
    "staged",
    "points",
    "bms",
    "table",
    "journal",
    "port",
    "engine",
    "door",
    "stage",
    "sample",
    "protection",
    "switches",
    "counter",
    "memory",
    "keeper",
    "executive",
    "backstop_watch",
    "front_end",
    "deep_discharge",
    "charge",
    "estimator",
    "authority",
    "ageing",
    "allowed",
    "totals",
    "to_move",
    "leak",
)


def state(points, index):
    return points.bms.panel.state(time.ticks_ms())


def actions(points, index):
    return points.bms.protection.actions & _ACTIONS


def tripped(points, index):
    protection = points.bms.protection
    bits = 0
    if protection.actions:
        first = index * 16
        for row in range(first, min(first + 16, limits.LAST_ROW)):
            if protection.is_tripped(points.row_at[row]):
                bits |= 1 << (row - first)
    return bits


def stack_mv(points, index):
    sample = points.bms.sample
    return sample.values[sample.stack_at]


def current_ma(points, index):
    sample = points.bms.sample
    return sample.values[sample.current_at]


def power_w(points, index):
    volts = stack_mv(points, 0)
    amperes = current_ma(points, 0)
    if volts == UNKNOWN or amperes == UNKNOWN:
        return UNKNOWN
    # In 0.1 V the product stays off the heap up to a kiloampere.
    watts = (volts + 50) // 100 * abs(amperes) // 10000
    return watts if amperes >= 0 else 0 - watts


def energy_wh(points, index):
    """Half-charged cells at rest times their capacity."""
    bms = points.bms
    pack_mv = bms.chemistry.ocv_dmv[50] // 10 * bms.sample.cell_count
    return pack_mv // 10 * (bms.counter.capacity_mah // 10) // 10000


def cell_max_mv(points, index):
    return points.bms.sample.highest(CELLS)


def cell_max_at(points, index):
    return _place(points.bms.sample, CELLS, HIGHEST_AT)


def cell_min_mv(points, index):
    return points.bms.sample.lowest(CELLS)


def cell_min_at(points, index):
    return _place(points.bms.sample, CELLS, LOWEST_AT)


def cell_mean_mv(points, index):
    sample = points.bms.sample
    return _mean(sample.values, sample.cells_at, sample.cell_count)


def temp_max_dc(points, index):
    return points.bms.sample.highest(TEMPS)


def temp_max_at(points, index):
    return _place(points.bms.sample, TEMPS, HIGHEST_AT)


def temp_min_dc(points, index):
    return points.bms.sample.lowest(TEMPS)


def temp_min_at(points, index):
    return _place(points.bms.sample, TEMPS, LOWEST_AT)


def temp_mean_dc(points, index):
    sample = points.bms.sample
    return _mean(sample.values, sample.temps_at, sample.temp_count)


def board_temp_dc(points, index):
    sample = points.bms.sample
    return sample.values[sample.board_at + index]


def age_ms(points, index):
    return points.bms.sample.age_ms(index)


def backstop_age_s(points, index):
    age_s = points.bms.backstop_watch.age_s(time.ticks_ms())
    return UNKNOWN if age_s < 0 else age_s


def backstop_row_age_s(points, index):
    guard = limits.TABLE[points.row_at[index]][limits.BACKSTOP]
    if guard != limits.BACKSTOP_NONE:
        for applied in points.bms.front_end.applied:
            if applied[0] == guard:
                return backstop_age_s(points, 0)
    return UNKNOWN


def balancing(points, index):
    bleed = points.bms.balancer.bleed
    first = index * 16
    cell = len(bleed)
    if cell > first + 16:
        cell = first + 16
    bits = 0
    while cell > first:
        cell -= 1
        bits += bits
        if bleed[cell]:
            bits += 1
    return bits


def heater_on(points, index):
    return points.bms.climate.heater.on


def fan_on(points, index):
    return points.bms.climate.fan.on


def device_name(points, index):
    return _characters(points.bms.board.device_name, index)


def version(points, index):
    return _characters(points.version, index)


def _place(sample, group, extreme_at):
    """Counted from 1."""
    if sample.highest(group) == UNKNOWN:
        return UNKNOWN
    return sample.place(group, extreme_at) + 1


def _mean(values, first, count):
    total = 0
    for at in range(first, first + count):
        if values[at] == UNKNOWN:
            return UNKNOWN
        total += values[at]
    return (total + count // 2) // count if count else UNKNOWN


def _characters(text, index):
    """Two of them, the first one in the upper byte; 0 behind the end."""
    at = 2 * index
    first = text[at] if at < len(text) else 0
    return first << 8 | (text[at + 1] if at + 1 < len(text) else 0)
