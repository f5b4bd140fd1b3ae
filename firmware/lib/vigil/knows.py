"""What a board finds out about its pack: the parts that KNOWS in its board.py names.

The others need not be on the board: `make build` brings along what is named, by PARTS.
"""

# The name, the board's attribute, module and class, and the part that it needs.
PARTS = (
    ("charge", "estimator", "vigil.estimate.task", "EstimateTask", ""),
    ("balancing", "balancing", "vigil.charge_to_move", "ChargeToMove", ""),
    ("allowed", "allowed", "vigil.estimate.allow", "AllowedAhead", "charge"),
    ("totals", "totals", "vigil.totals", "Totals", ""),
    ("age", "ageing", "vigil.estimate.ageing", "Ageing", "charge"),
)


def refused(names):
    """A sentence that says what is wrong with them, or None."""
    if not isinstance(names, (tuple, list)):
        return "KNOWS is a tuple of names; one alone has a comma behind it: (%r,)" % (names,)
    known = [part[0] for part in PARTS]
    for name in names:
        if name not in known:
            return "KNOWS names %r; known are: %s" % (name, ", ".join(known))
        needed = PARTS[known.index(name)][4]
        if needed and needed not in names:
            return "KNOWS names %r, which needs %r" % (name, needed)
    return None


def offer(board, names, bleed_ohm=None, most_bleeding=None, own_ua=None, sensor_offset_ma=None):
    """Give a board what it asks for; a figure that is None is not known."""
    problem = refused(names)
    if problem:
        raise ValueError(problem)
    for name, attribute, module, wanted, _ in PARTS:
        if name in names:
            setattr(board, attribute, getattr(__import__(module, None, None, (wanted,)), wanted))
    if bleed_ohm is not None:
        board.bleed_ohm = bleed_ohm
    if most_bleeding is not None:
        board.most_bleeding = most_bleeding
    if own_ua is not None:
        board.own_ua = own_ua
    if sensor_offset_ma is not None:
        board.sensor_offset_ma = sensor_offset_ma
