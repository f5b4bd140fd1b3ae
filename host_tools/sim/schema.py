"""Does the firmware in the node have the limit table that this host has words for?"""

import sys

from host_tools.sim.settings import ROOT


def complaint(announced):
    """A sentence if the node's table (its schema number) is another one, else None."""
    if _limits().schema() == announced:
        return None
    return "the firmware's limit table differs from this host's: sentences may name wrong limits"


def _limits():
    # Only for this import: the fakes must not shadow anything for anybody else.
    paths = [str(ROOT / "firmware" / "lib"), str(ROOT / "host_tools" / "mock" / "fakes")]
    sys.path[:0] = paths
    try:
        from vigil import limits
    finally:
        for path in paths:
            sys.path.remove(path)
    return limits
