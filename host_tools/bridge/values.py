"""A pack's state as JSON carries it, from whatever protocol, and when it is worth a message."""

from host_tools.bridge import entities
from host_tools.client import coding
from host_tools.talk import overview

_MORE = (
    *("power_w", "remaining_mah", "capacity_mah", "cycles", "switches_allowed", "window_left_s"),
    *("trips", "starts"),
)
_KEYS = (*overview.KEYS, *_MORE)
_LONGEST_TEXT = 250  # Home Assistant takes no state above 255 characters


def read(bms, limits):
    """(state, cells): two dicts of what the two topics carry; None is not known."""
    if not bms.has_points:
        found = bms.overview()
        seen = overview.of_jbd(found)
        return _of_jbd(found, seen), _of_cells(seen)
    values = bms.read(*_KEYS)
    seen = overview.of_points(values, limits)
    return _of_points(values, seen), _of_cells(seen)


def _of_points(values, seen):
    allowed = values["switches_allowed"]
    return {
        **_common(seen),
        "power": values["power_w"],
        "remaining": _scaled(values["remaining_mah"], 1000, 1),
        "capacity": _scaled(values["capacity_mah"], 1000, 1),
        "cycles": values["cycles"],
        "charge_limit": _scaled(values["charge_limit_ma"], 1000, 1),
        "discharge_limit": _scaled(values["discharge_limit_ma"], 1000, 1),
        "state": coding.code_word(coding.point("state"), values["state"]),
        "heater": _on(values["heater_on"]),
        "fan": _on(values["fan_on"]),
        "trips": values["trips"],
        "starts": values["starts"],
        "uptime": values["uptime_s"],
        "charge_allowed": None if allowed is None else _on(allowed & 1),
        "discharge_allowed": None if allowed is None else _on(allowed & 2),
        "window": _on(values["window_left_s"]),
    }


def _of_jbd(found, seen):
    state = _common(seen)
    state["power"] = round(found["stack_mv"] * found["current_ma"] / 1e6)
    for key in ("remaining", "capacity"):
        state[key] = _scaled(found[f"{key}_mah"], 1000, 1)
    state["cycles"] = found["cycles"]
    return state


def _common(seen):
    cells = [mv for mv in seen["cells_mv"] if mv is not None]
    temps = [dc for dc in seen["temps_dc"] if dc is not None]
    trouble = "; ".join(seen["faults"] + seen["warnings"]) or "none"
    if len(trouble) > _LONGEST_TEXT:
        trouble = trouble[: _LONGEST_TEXT - 4] + " ..."
    return {
        "soc": seen["soc_pct"],
        "voltage": _scaled(seen["stack_mv"], 1000, 2),
        "current": _scaled(seen["current_ma"], 1000, 2),
        "cell_max": _scaled(max(cells, default=None), 1000, 3),
        "cell_min": _scaled(min(cells, default=None), 1000, 3),
        "cell_spread": max(cells) - min(cells) if cells else None,
        "temp_max": _scaled(max(temps, default=None), 10, 1),
        "temp_min": _scaled(min(temps, default=None), 10, 1),
        "charge": _on(seen["charge_on"]),
        "discharge": _on(seen["discharge_on"]),
        "balancing": _on(seen["balancing"]),
        "problem": _on(seen["faults"]),
        "trouble": trouble,
        "faults": seen["faults"],
        "warnings": seen["warnings"],
    }


def _of_cells(seen):
    cells = {f"cell_{at}": _scaled(mv, 1000, 3) for at, mv in enumerate(seen["cells_mv"], 1)}
    temps = {f"temp_{at}": _scaled(dc, 10, 1) for at, dc in enumerate(seen["temps_dc"], 1)}
    return {**cells, **temps}


def _scaled(value, by, decimals):
    return None if value is None else round(value / by, decimals)


def _on(value):
    return None if value is None else "ON" if value else "OFF"


class Gate:
    """When a topic gets a message: for news, but not more often than each `least_s`; at once for
    what cannot wait; and each `most_s`, so that nobody takes the pack for dead."""

    def __init__(self, least_s, most_s, shown):
        """shown: the entities whose keys the topic carries."""
        self._least_s, self._most_s = least_s, most_s
        self._news = {entity.key: entity.news for entity in shown}
        self._told = None
        self._told_at_s = 0

    def opens(self, now_s, values):
        """Whether to send these values now; they count as sent then."""
        if self._told is not None:
            passed_s = now_s - self._told_at_s
            weight = max((self._weight(key, values) for key in values), default=0)
            if not weight and passed_s < self._most_s:
                return False
            if weight == 1 and passed_s < self._least_s:
                return False
        self._told, self._told_at_s = dict(values), now_s
        return True

    def _weight(self, key, values):
        """0 no news, 1 news, 2 what cannot wait."""
        now, before = values[key], self._told.get(key)
        news = self._news.get(key, entities.BY_THE_WAY)
        if now == before or news is entities.BY_THE_WAY:
            return 0
        if news == entities.AT_ONCE:
            return 2
        if any(value is None or isinstance(value, str) for value in (now, before)):
            return 1
        # Tenths and hundredths are no exact floats.
        return int(abs(now - before) >= news - 1e-9)
