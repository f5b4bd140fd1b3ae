"""What each limit means, in the judge's own words: written from the design and the limits page.

Nothing here is taken from the firmware; only the numbers of the row ids are shared with it.
"""

# Quantities that the judge watches in the simulated hardware.
CELL = 0
STACK = 1
CURRENT = 2
TEMPERATURE = 3
BOARD = 4
EXCESS = 5  # of a charge current over what cold or empty cells bear
QUANTITIES = ("cell", "stack", "current", "temperature", "board", "excess")

# How a switch that a limit has opened may close again.
BY_VALUE = 0
BY_RETRIES = 1  # the third retry that fails latches it
LOAD_GONE = 2  # as by retries, and the load must have been taken away (or 30 s waited)
CHARGER_GONE = 3
BY_OWNER = 4  # not before the owner has said so

CHARGE = 1
DISCHARGE = 2
BOTH = 3

# (row id, words, quantity, whether it trips above, switches that it opens, how they close again)
LIMITS = (
    (1, "cell voltage high", CELL, True, 0, BY_VALUE),
    (2, "cell over-voltage", CELL, True, CHARGE, BY_VALUE),
    (3, "cell voltage low", CELL, False, 0, BY_VALUE),
    (4, "cell under-voltage", CELL, False, DISCHARGE, BY_VALUE),
    (5, "pack over-voltage", STACK, True, CHARGE, BY_VALUE),
    (6, "pack under-voltage", STACK, False, DISCHARGE, BY_VALUE),
    (7, "charge over-current", CURRENT, True, CHARGE, BY_RETRIES),
    (8, "discharge over-current", CURRENT, False, DISCHARGE, BY_RETRIES),
    (9, "too warm to charge", TEMPERATURE, True, CHARGE, BY_VALUE),
    (10, "too cold to charge", TEMPERATURE, False, CHARGE, BY_VALUE),
    (11, "too warm", TEMPERATURE, True, BOTH, BY_VALUE),
    (12, "too cold", TEMPERATURE, False, BOTH, BY_VALUE),
    (25, "cell over-voltage, dangerous", CELL, True, BOTH, BY_OWNER),
    (26, "cell under-voltage, dangerous", CELL, False, BOTH, BY_OWNER),
    (27, "charge over-current, severe", CURRENT, True, BOTH, CHARGER_GONE),
    (28, "discharge over-current, severe", CURRENT, False, BOTH, LOAD_GONE),
    (31, "electronics warm", BOARD, True, 0, BY_VALUE),
    (32, "electronics too hot", BOARD, True, BOTH, BY_VALUE),
    (44, "charged too fast for cold or empty cells", EXCESS, True, CHARGE, BY_RETRIES),
)

# What the front end's readings may be off, and then either verdict is right. mV, mA, 0.1 degC;
# of the current also so many parts in a thousand.
TOLERANCE = (1, 10, 15, 1, 2, 30)
CURRENT_PERMILLE = 2
# Milliseconds are cut off in two places on the way from a conversion to a delay.
TIME_TOLERANCE_US = 2000

CYCLE_US = 50000


class Pace:
    """How often a front end measures."""

    def __init__(self, chip):
        # One ADC loop; a full scan is three. Of what is quicker than the cycle no more can be had.
        loop_us = max({"BQ76952": 63000, "BQ76942": 45000}[chip], CYCLE_US)
        self.scan_us = scan_us = 3 * loop_us
        self.period_us = (loop_us, scan_us, loop_us, scan_us, scan_us, loop_us)
        # Nothing older than three conversions may hold a switch closed.
        self.stale_us = 3 * loop_us


# The severe current levels have a promise of their own.
SEVERE_CURRENT_US = 200000
# What is unknown, stale or silent holds the switches for a second after it has passed.
BLIND_RELEASE_US = 1000000
# From the last release to closing, longer every time that a switch opens again soon.
HOLD_US = (1000000, 5000000, 20000000, 60000000)
FORGET_US = 300000000
REMOVAL_US = 30000000
# The chip turns on at its quarter seconds, and is told again after a second.
TURN_ON_US = 1600000
# Contactors rest, wait for the load's capacitor to be drained, and charge it.
CLOSE_CONTACTOR_US = 9000000
OPEN_CONTACTOR_US = 9000
START_US = 5000000

# Charging a cold cell plates lithium: (warmer than the coldest at which it may be charged, 0.1 K;
# percent of the capacity an hour). A sensor sits a kelvin outside the cell. LTO knows no steps.
PLATING_STEPS = ((0, 0), (50, 5), (100, 20), (150, 50))
PLATING_MARGIN_DC = 10
PLATING_DC = {"LTO": -200, "Na-ion": -100}

# The board of an empty pack turns itself off; a cell near its severe level makes it hurry.
ASLEEP = 110
SLEEP_HASTE_US = 30000000
PERIOD_OF_TASKS_US = 1100000

# What is so or is not: (name, row id, switches, how they close again, whether it is seen over the
# bus; after this much it may have opened them, after this much it must have; how long it holds
# them after its end, and at most). A doubt stands for as many scans as take 10 s with three
# thermistors, of temperatures 60 s (with fewer a scan is up to a tenth shorter); its row for 2 s.
# A front end that trips by a broken thermistor itself takes three seconds more to release.
# An open lead shows when the chip's own check, every 5 s, has drained its input: the fourth time
# at the latest. Contacts are looked at once a cycle. A contactor that fails is open, or is told by
# a row that has its own time to find out; when is not judged.
_SECOND_US = 1000000
_LONG_US = 400 * _SECOND_US  # longer than any case
SIGNS = (
    ("interlock", 40, BOTH, BY_VALUE, False, 100000, 220000, _SECOND_US, 1300000),
    ("emergency", 41, BOTH, BY_OWNER, False, 0, 170000, 2 * _SECOND_US, 2400000),
    ("thermistor", 18, BOTH, BY_VALUE, True, 0, 1000000, _SECOND_US, 6 * _SECOND_US),
    ("switch thermistor", 34, BOTH, BY_VALUE, True, 0, 1000000, _SECOND_US, 6 * _SECOND_US),
    ("lead", 35, BOTH, BY_VALUE, True, 0, 21 * _SECOND_US, 11 * _SECOND_US, 15 * _SECOND_US),
    ("cell lie", 35, BOTH, BY_VALUE, True, 0, 2 * _SECOND_US, 11 * _SECOND_US, 15 * _SECOND_US),
    ("stack lie", 38, BOTH, BY_VALUE, True, 0, 2 * _SECOND_US, 11 * _SECOND_US, 15 * _SECOND_US),
    ("temp lie", 36, BOTH, BY_VALUE, True, 0, 1200000, 56 * _SECOND_US, 64 * _SECOND_US),
    ("contactor", 46, BOTH, BY_OWNER, False, 0, _LONG_US, _SECOND_US, 2400000),
    ("runaway", 43, BOTH, BY_OWNER, False, _LONG_US, 0, _LONG_US, _LONG_US),
)
# A lie smaller than this (mV of a cell, of a thousand of the stack, 0.1 K) need not be found.
CLEAR_LIES = {"cell lie": 800, "stack lie": 60, "temp lie": 100}
# A temperature that has moved by this while the front end stood still may look like a lie.
FROZEN_DC = 9
# Cells and stack are compared only while the current stands still: this share of the capacity.
STEADY_DIVISOR = 20
