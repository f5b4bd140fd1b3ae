"""Drives kernels.reduce and kernels.judge beside the independent oracle, on either interpreter."""

from array import array

from protection_oracle import Oracle

from vigil import kernels

UNKNOWN = 0x1FFFFFFF
STALE_MS = 139
GROUPS = (("cells", 0, 5), ("temps", 5, 2), ("current", 7, 1), ("stack", 8, 1))


class KernelRig:
    """rows: dicts as the oracle takes them, group one of GROUPS; one step is one cycle."""

    def __init__(self, rows):
        self.oracle = Oracle(rows)
        self.rows = array("i", [0] * (8 * len(rows)))
        self.ids = [row["row_id"] for row in rows]
        names = [group[0] for group in GROUPS]
        for at, row in enumerate(rows):
            record = names.index(row["group"]) * 8
            flip = -1 if row["direction"] == "below" else 0
            words = (
                record + (0 if row["scalar"] == "lowest" else 1),
                record + 5,
                flip,
                row["trip"] ^ flip,
                row["release"] ^ flip,
                row["trip_delay_ms"],
                row["release_delay_ms"],
                row["action"],
            )
            for offset, word in enumerate(words):
                self.rows[at * 8 + offset] = word
        self.states = array("i", [0] * len(rows))
        self.values = array("i", [UNKNOWN] * 13)
        self.groups = array("i", [0] * 40)
        self.extremes = array("i", [0] * 128)
        for index, (_, first, count) in enumerate(GROUPS):
            self.groups[index * 8] = first
            self.groups[index * 8 + 1] = count
            self.groups[index * 8 + 6] = STALE_MS
            self.extremes[index * 8] = UNKNOWN
            self.extremes[index * 8 + 1] = UNKNOWN
            self.extremes[index * 8 + 5] = count
        self.groups[32] = 9
        self.now_ms = 0
        self.read_ms = [None] * 4
        self.held = [[None] * count for _, _, count in GROUPS]
        self.before = set()

    def step(self, elapsed_ms, fresh):
        """fresh: {group name: values} of the groups with a new conversion. Asserts agreement."""
        self.now_ms += elapsed_ms
        told = {}
        for index, (name, first, _) in enumerate(GROUPS):
            fresh_ms = None
            if name in fresh:
                self.held[index] = list(fresh[name])
                for offset, value in enumerate(fresh[name]):
                    self.values[first + offset] = UNKNOWN if value is None else value
                self.groups[index * 8 + 2] += 1
                self.groups[index * 8 + 4] = self.now_ms & 0x3FFFFFFF
                self.groups[index * 8 + 5] = self.now_ms & 0x3FFFFFFF
                last = self.read_ms[index]
                fresh_ms = 0 if last is None else min(self.now_ms - last, STALE_MS)
                self.read_ms[index] = self.now_ms
            told[name] = {"values": self.held[index], "fresh_ms": fresh_ms}
        kernels.reduce(self.values, self.groups, self.extremes, self.now_ms & 0x3FFFFFFF)
        result = kernels.judge(self.rows, self.states, self.extremes, len(self.ids))
        tripped, changed, actions = self.oracle.step(told)
        seen = {row_id for at, row_id in enumerate(self.ids) if self.states[at] >= 1 << 24}
        assert seen == set(tripped), (seen, tripped)
        assert seen ^ self.before == set(changed), (seen, self.before, changed)
        assert bool(result & 16) == bool(changed)
        assert result & 15 == actions & 15
        assert bool(result & 32) == any(self.states)
        self.before = seen
        return seen
