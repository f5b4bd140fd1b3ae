"""Does the firmware in the node have the limit table that this host has words for?"""

import binascii
import sys

from host_tools.sim.settings import ROOT


def expected():
    """CRC-32 of the shape of this host's vigil.limits.TABLE."""
    limits = _limits()
    if hasattr(limits, "schema"):
        return limits.schema()
    shape = bytes(number & 0xFF for row in limits.TABLE for number in row)
    return binascii.crc32(shape)


def complaint(announced):
    """A sentence if the node's table is another one, else None."""
    try:
        own = expected()
    except Exception as error:  # whatever a half-edited firmware file may raise
        return f"cannot read the firmware's limit table to compare it: {error}"
    if own != announced:
        return (
            "the firmware's limit table differs from this host's: sentences may name wrong limits"
        )
    return None


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
