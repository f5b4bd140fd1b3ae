"""Compares measured figures with the committed ones: lower is better for all of them."""

import json
from pathlib import Path

COMMITTED = Path(__file__).parent / "figures.json"
ALLOWED = 1.03


def flat(figures, prefix=""):
    """{"a / b / c": number} of nested dicts."""
    found = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key} / "))
        else:
            found[prefix + key] = value
    return found


def worsened(measured, committed):
    """Sentences about figures that grew by more than 3 %, or are missing on one side."""
    measured, committed = flat(measured), flat(committed)
    found = []
    for name, before in committed.items():
        now = measured.get(name)
        if now is None:
            found.append(f"{name}: no longer measured (was {before})")
        elif now > before * ALLOWED:
            found.append(f"{name}: {now} is more than 3 % above {before}")
    found += [f"{name}: not in figures.json" for name in measured if name not in committed]
    return found


def committed():
    return json.loads(COMMITTED.read_text())


def write(measured):
    COMMITTED.write_text(json.dumps(measured, indent=1) + "\n")
