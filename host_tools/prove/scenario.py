"""A scenario file, read and checked; a ValueError carries one line for whoever wrote it.

The format is told in docs/proving.md.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from host_tools.prove import elsewhere, events, expectation, own_limits, rows
from host_tools.prove.expectation import CLOSES, OPENS, REFUSED, WARNS, nearest
from host_tools.sim import profiles, settings
from host_tools.sim.quantity import INT32_MAX, shown

LIBRARY = settings.ROOT / "host_tools" / "scenarios"

_KEYS = (
    "title",
    "why",
    "needs",
    "current_a",
    "profile",
    "events",
    "expect",
    "end_s",
    "pack",
    "limits",
)
_PACK = (
    "board",
    "chemistry",
    "cells",
    "temps",
    "capacity_ah",
    "soc",
    "seed",
    "worn_pct",
    "ambient_c",
)
_LONGEST_S = 100_000
# Time after the last event for whatever is expected of it, beside the limit's own delays.
_AFTERMATH_S = 10
_DEFAULT_SOC = 60


@dataclass(frozen=True)
class Scenario:
    name: str
    path: str
    title: str
    why: str
    board: str
    pack: dict  # the board's own numbers that differ
    soc_pct: float
    seed: int
    worn_pct: float
    ambient_c: float
    profile: profiles.Profile
    limits: list
    events: list
    spoken: list  # the events as they were written: (t_ms, text)
    expect: list
    end_ms: int
    needs: list  # of the front end, as elsewhere.NEEDS names it
    of_its_board: bool  # the file names the board, or how many cells it has
    moved: bool = False  # to another board than it was written for

    @property
    def expects_refusal(self):
        return any(one.kind == REFUSED for one in self.expect)

    def node_config(self, profile_path, witness=True):
        return {
            "board": self.board,
            "seed": self.seed,
            "soc_pct": self.soc_pct,
            "worn_pct": self.worn_pct,
            "ambient_c": self.ambient_c,
            "speed": None,
            "duration_ms": self.end_ms,
            "profile": profile_path,
            "profile_unit": self.profile.unit,
            "faults": self.events,
            "pack": self.pack,
            "limits": self.limits,
            "witness": witness,
        }


def library():
    """The scenario files of this project, in the order of their names."""
    return sorted(LIBRARY.glob("*.toml"))


def load(path):
    """The Scenario of one file."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {shown(str(path))}: {error.strerror}") from None
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not a text file (not UTF-8)") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None
    try:
        return parse(table, path.stem, str(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse(table, name, path=""):
    _only(table, _KEYS, "a scenario")
    title = _text(table, "title")
    why = _text(table, "why")
    pack = table.get("pack", {})
    board, numbers, soc_pct, seed, worn_pct, ambient_c = _pack(pack)
    cells, temps = settings.board_counts(board)
    struck, spoken = _events(table, numbers.get("CELLS", cells), numbers.get("TEMPS", temps))
    limits = own_limits.parse(table.get("limits", {}))
    expect = [expectation.parse(text) for text in _texts(table, "expect")]
    if not expect:
        raise ValueError("expects nothing; say what must happen in expect = [...]")
    return Scenario(
        name=name,
        path=path,
        title=title,
        why=why,
        board=board,
        pack=numbers,
        soc_pct=soc_pct,
        seed=seed,
        worn_pct=worn_pct,
        ambient_c=ambient_c,
        profile=_profile(table, seed),
        limits=limits,
        events=struck,
        spoken=spoken,
        expect=expect,
        end_ms=_end_ms(table, struck, expect, limits),
        needs=_needs(table),
        of_its_board=bool({"board", "cells", "temps", "capacity_ah"} & set(pack)),
    )


def _needs(table):
    needs = _texts(table, "needs")
    for need in needs:
        guarded = rows.by_key().get(need.removeprefix(elsewhere.GUARD_OF))
        if need not in elsewhere.NEEDS and not (guarded and guarded.backstop):
            raise ValueError(f"needs has no {shown(need)}; {nearest(need, elsewhere.NEEDS)}")
    return needs


def _pack(pack):
    if not isinstance(pack, dict):
        raise ValueError('pack must be a table, as [pack] and board = "sim4_lfp"')
    _only(pack, _PACK, "[pack]")
    board = pack.get("board", "sim16_lfp")
    known = settings.boards()
    if board not in known:
        raise ValueError(
            f"there is no simulated board {shown(str(board))}; {nearest(str(board), known)}"
        )
    numbers = {}
    if "chemistry" in pack:
        from host_tools import firmware

        (chemistry,) = firmware.load("chemistry")
        if pack["chemistry"] not in chemistry.NAMES:
            names = ", ".join(chemistry.NAMES)
            raise ValueError(f"chemistry {shown(str(pack['chemistry']))} is not one of: {names}")
        numbers["CHEMISTRY"] = pack["chemistry"]
    for key, name, lowest, highest, factor in (
        ("cells", "CELLS", 3, 16, 1),
        ("temps", "TEMPS", 1, 3, 1),
        ("capacity_ah", "CAPACITY_MAH", 0.5, 2000, 1000),
    ):
        if key in pack:
            numbers[name] = round(_number(pack, key, lowest, highest) * factor)
    soc_pct = _number(pack, "soc", 0, 100, _DEFAULT_SOC)
    seed = round(_number(pack, "seed", 0, INT32_MAX, 1))
    worn_pct = _number(pack, "worn_pct", 0, 50, 0)
    ambient_c = _number(pack, "ambient_c", -40, 70, 25)
    return board, numbers, soc_pct, seed, worn_pct, ambient_c


def _profile(table, seed):
    if "profile" in table and "current_a" in table:
        raise ValueError("give current_a or a profile, not both")
    if "profile" in table:
        return profiles.load(_text(table, "profile"), seed)
    ma = round(1000 * _number(table, "current_a", -2000, 2000, 0))
    return profiles.Profile(f"{ma / 1000:+g} A", "ma", [(0, ma), (3_600_000, ma)])


def _events(table, cells, temps):
    found = []
    for text in _texts(table, "events"):
        event = events.parse(text, cells, temps)
        spoken = " ".join(text.split()[1:])
        found.append((event["t_ms"], len(found), event, spoken))
    found.sort(key=lambda one: one[:2])
    return [one[2] for one in found], [(one[0], one[3]) for one in found]


def _end_ms(table, struck, expect, limits):
    last_ms = struck[-1]["t_ms"] if struck else 0
    if "end_s" in table:
        end_ms = round(1000 * _number(table, "end_s", 1, _LONGEST_S))
        if end_ms <= last_ms:
            raise ValueError(
                f"end_s is {end_ms / 1000:g}, but the last event comes at {last_ms / 1000:g}"
            )
        return end_ms
    wait_ms = _AFTERMATH_S * 1000
    presets = _preset_delays()
    own = {change[0]: change for change in limits}
    delays = [0]
    for one in expect:
        if one.kind in (OPENS, WARNS, CLOSES):
            delays.append((one.within_us or 0) // 1000)
        for cause in one.causes:
            row = rows.by_key().get(cause.key)
            if row:
                trip_ms, release_ms = presets.get(row.id, (0, 0))
                change = own.get(row.id, [None] * 5)
                trip_ms = trip_ms if change[3] is None else change[3]
                release_ms = release_ms if change[4] is None else change[4]
                delays.append(trip_ms if one.kind != OPENS else trip_ms + release_ms)
    return last_ms + max(delays) + wait_ms


def _preset_delays():
    """{row id: (trip delay ms, release delay ms)} of an LFP pack; good enough for a duration."""
    from host_tools import firmware

    presets, chemistry, limits = firmware.load("presets", "chemistry", "limits")
    table = presets.preset(chemistry.lfp(), 16, 100000, (63, 189, 63, 189, 189), 50)
    return {
        row[limits.ID]: (table.trip_delay_ms[at], table.release_delay_ms[at])
        for at, row in enumerate(limits.TABLE)
    }


# Small readers.


def _only(table, known, what):
    for key in table:
        if key not in known:
            raise ValueError(f"{what} has no {shown(key)}; {nearest(key, known)}")


def _text(table, key):
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'{key} is missing; write {key} = "..."')
    return " ".join(value.split())


def _texts(table, key):
    value = table.get(key, [])
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f'{key} must be a text or a list of texts, as {key} = ["..."]')
    return value


def _number(table, key, lowest, highest, default=None):
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{key} must be a number")
    if not lowest <= value <= highest:
        raise ValueError(f"{key} must be {lowest} to {highest}, not {value}")
    return value
