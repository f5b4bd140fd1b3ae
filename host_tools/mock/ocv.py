"""Open-circuit voltage of a cell over its state of charge, as straight lines between 1 % points.

Positions are state of charge in % plus GUARD_PCT, so that indexes start at 0 below empty too.
"""

GUARD_PCT = 10
POSITION_LIMIT = 100 + 2 * GUARD_PCT

# 0.1 mV at 0, 1, ... 100 %. LFP: a Sony US26650 cell, mean of charge and discharge.
_TABLES = {
    "LFP": (
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
}


def lines(chemistry):
    """(intercept_mv, slope_mv): between positions k and k + 1, ocv = intercept[k] + slope[k] * p.

    Beyond full and empty the steep last line goes on: an overcharged cell shows it, nothing fails.
    """
    if chemistry not in _TABLES:
        raise ValueError("no open-circuit voltage table for " + chemistry)
    table = _TABLES[chemistry]
    intercept_mv = []
    slope_mv = []
    for position in range(POSITION_LIMIT):
        k = min(max(position - GUARD_PCT, 0), 99)
        slope = (table[k + 1] - table[k]) / 10.0
        slope_mv.append(slope)
        intercept_mv.append(table[k] / 10.0 - slope * (k + GUARD_PCT))
    return intercept_mv, slope_mv
