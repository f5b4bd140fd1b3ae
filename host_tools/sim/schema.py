"""Does the firmware in the node have the tables that this host has words for?"""

from host_tools import firmware
from host_tools.points import pack


def complaint(announced):
    """A sentence if the node's table (its schema number) is another one, else None."""
    (limits,) = firmware.load("limits")
    if limits.schema() == announced:
        return None
    return "the firmware's limit table differs from this host's: sentences may name wrong limits"


def points_complaint(announced):
    """The same for the points' table (both halves of its hash; None where there is none)."""
    if announced is None or announced[0] << 16 | announced[1] == pack.schema():
        return None
    return "the firmware's points differ from this host's: their names may be wrong"
