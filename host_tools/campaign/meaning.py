"""What each limit means, in the judge's own words: written from the design and the limits page.

Nothing here is taken from the firmware; only the numbers of the row ids are shared with it.
"""

# Quantities that the judge watches in the simulated hardware.
CELL = 0
STACK = 1
CURRENT = 2
TEMPERATURE = 3
BOARD = 4
QUANTITIES = ("cell", "stack", "current", "temperature", "board")

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
)

# What the front end's readings may be off, and then either verdict is right. mV, mA, 0.1 degC;
# of the current also so many parts in a thousand.
TOLERANCE = (1, 10, 15, 1, 2)
CURRENT_PERMILLE = 2
# Milliseconds are cut off in two places on the way from a conversion to a delay.
TIME_TOLERANCE_US = 2000

# One ADC loop of a BQ76952, and one full scan of three loops.
LOOP_US = 63000
SCAN_US = 189000
PERIOD_US = (LOOP_US, SCAN_US, LOOP_US, SCAN_US, SCAN_US)
CYCLE_US = 50000
# Nothing older than three conversions may hold a switch closed; the firmware acts a cycle before.
STALE_US = 3 * LOOP_US
STALE_EARLIEST_US = STALE_US - CYCLE_US
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
START_US = 5000000
