"""What a display may say: no jumps, and 100 % and 0 % only when the cells have shown it.

Permille. The estimate itself jumps when it learns something; a figure that people read does not.
"""

from micropython import const

from vigil.estimate.charge import AT_EMPTY, AT_FULL

_MOST = const(994)  # shows as 99 %
_LEAST = const(6)
_FASTEST = const(2)  # permille a second: more than any current moves
_NEAR_EMPTY_MV = const(100)
_NEAR_EMPTY = const(50)


def next_permille(estimate, before):
    """Once a second, of an estimate that is known; before: what was shown, if anything."""
    wanted = estimate.soc_permille
    # Less is left than counted where a cell comes near its end.
    above_mv = estimate.lowest_mv - estimate.anchors.empty_mv
    if above_mv < _NEAR_EMPTY_MV:
        wanted = min(wanted, max(above_mv, 0) * _NEAR_EMPTY // _NEAR_EMPTY_MV)
    if estimate.source == AT_FULL:
        wanted = 1000
    elif estimate.source == AT_EMPTY:
        wanted = 0
    elif before != 1000 or wanted < _MOST:
        # A hundred that was reached stays until some of it is used.
        wanted = min(max(wanted, _LEAST), _MOST)
    else:
        wanted = 1000
    if before > 1000:
        return wanted
    return min(max(wanted, before - _FASTEST), before + _FASTEST)
