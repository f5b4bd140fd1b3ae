"""Does the firmware in the node have the limit table that this host has words for?"""

from host_tools import firmware


def complaint(announced):
    """A sentence if the node's table (its schema number) is another one, else None."""
    (limits,) = firmware.load("limits")
    if limits.schema() == announced:
        return None
    return "the firmware's limit table differs from this host's: sentences may name wrong limits"
