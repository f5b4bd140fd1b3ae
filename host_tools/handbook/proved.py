"""The worst reaction times that the scenarios have shown, as `vigil prove` wrote them down."""

import json
from pathlib import Path

PATH = Path(__file__).parent / "proved.json"
HOW = " The last column is the slowest of the scenarios of `vigil prove`."


def worst(row_id):
    """The slowest reaction seen, in words; empty for a row that no scenario has timed."""
    known = json.loads(PATH.read_text()) if PATH.exists() else {}
    ms = known.get(str(row_id))
    return "" if ms is None else f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"
