"""Numbers as people write them: plain decimals, finite, ASCII; anything else is a ValueError."""

import math
import re

# float() alone would also take 1_000, inf, nan and digits of other scripts.
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

INT32_MAX = 2**31 - 1


def number(text):
    """The float in `text`; ValueError with a sentence if there is none."""
    text = text.strip()
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise ValueError(f"{text} is not a finite number")
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is too large")
    return value


def whole(text):
    """The int in `text`; ValueError with a sentence if there is none."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise ValueError(f"{shown(text)} is not a whole number")
    return int(text)


def shown(text):
    """Somebody's text inside a sentence: quoted, printable, not endless."""
    quoted = ascii(text)
    return quoted if len(quoted) <= 60 else quoted[:56] + "...'"
