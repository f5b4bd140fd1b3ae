"""Names and ids that are safe in MQTT topics and in Home Assistant's entity ids."""

import re
import zlib

_LONGEST = 48
_LONGEST_TITLE = 60


def safe(text):
    """Small letters, digits and single underscores; may be empty."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST].rstrip("_")


def pack_id(identity, place):
    """The same for the same pack at every start: by its device id, else by where it is found."""
    if identity is not None:
        return "vigil_" + identity.device_id.hex()
    return f"vigil_{safe(place)}_{zlib.crc32(place.encode()):08x}"


def title(text, otherwise):
    """What people read: no control characters, not too long."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return clean[:_LONGEST_TITLE] or otherwise


def check_topic(text, option):
    """ValueError unless it can be the first part of a topic."""
    if (
        not text
        or len(text.encode()) > 100
        or text.startswith(("/", "$"))
        or text.endswith("/")
        or any(not c.isprintable() or c in "+# " for c in text)
    ):
        raise ValueError(f"{option} must be the beginning of a topic, without spaces, + and #")
    return text
