"""What can go wrong on the way from cells to load, as `power_path_fault` says it.

0 is well. The numbers are wire and journal identity: never reuse one.
"""

from micropython import const

NO_FAULT = const(0)
# Pre-charge, each after all its tries:
PRECHARGE_SHORT = const(1)  # the link stays low and the resistor carries all it can: a short
PRECHARGE_NO_RISE = const(2)  # the link stays low without current: relay, resistor, wire open
PRECHARGE_STALLED = const(3)  # the link stops rising below the pack: a load or a leak draws
PRECHARGE_TIMED_OUT = const(4)  # still rising at the end: more capacitance than the board allows
LOAD_MISSING = const(5)  # the link rose at once: no capacitor, so no load is connected
LINK_UNKNOWN = const(6)  # the link's voltage cannot be measured, so nothing may close
LINK_ABOVE_PACK = const(7)  # something else lifted the link above the pack meanwhile
CURRENT_STAYS = const(8)  # the link is up, but current goes on flowing: a load is not waiting
# Contactors:
MAIN_NOT_CLOSED = const(9)  # told to close, but the contact or the link says it has not
CHARGE_NOT_CLOSED = const(10)
MAIN_STUCK = const(11)  # told to open, but its contact says it is closed: welded
CHARGE_STUCK = const(12)
PRECHARGE_STUCK = const(13)
LINK_HELD = const(14)  # all open, but the link stays at the pack's voltage: welded or fed
CURRENT_AGAINST_COMMAND = const(15)  # current flows in a direction that is commanded off
