"""Drives kernels.judge beside the independent oracle, on either interpreter."""

from array import array

from protection_oracle import Oracle

from vigil import kernels

UNKNOWN = 0x1FFFFFFF
NOTHING = 0 - (1 << 28)
TICKS = 0x3FFFFFFF
STALE_MS = 139
# Layout, as the docstring of kernels.judge has it.
FIRST_RECORD = 8
RECORD = 15
FIRST_VALUE = FIRST_RECORD + 4 * RECORD + 1
ROW = 10
GROUPS = (("cells", 0, 5), ("temps", 5, 2), ("current", 7, 1), ("stack", 8, 1))


class KernelRig:
    """rows: dicts as the oracle takes them, group one of GROUPS; one step is one cycle."""

    def __init__(self, rows):
        self.oracle = Oracle(rows)
        self.rows = array("i", [0] * (ROW * len(rows) + 1))
        self.ids = [row["row_id"] for row in rows]
        names = [group[0] for group in GROUPS]
        for at, row in enumerate(rows):
            record = FIRST_RECORD + names.index(row["group"]) * RECORD
            flip = -1 if row["direction"] == "below" else 0
            words = (
                record + (2 if row["direction"] == "below" else 1),
                row["trip"] ^ flip,
                0,
                0,
                row["trip"] ^ flip,
                row["release"] ^ flip,
                4 * (record + 5),
                row["trip_delay_ms"],
                row["release_delay_ms"],
                row["action"] | 32,
            )
            for offset, word in enumerate(words):
                self.rows[at * ROW + offset] = word
        self.words = array("i", [0] * FIRST_VALUE)
        for index, (_, _, count) in enumerate(GROUPS):
            record = FIRST_RECORD + index * RECORD
            self.words[record + 1] = self.words[record + 2] = NOTHING
            self.words[record + 13] = STALE_MS + 1
            self.words[record] = 4 * len(self.words)
            self.words[record + 14] = 4 * (len(self.words) + count)
            self.words.extend(array("i", [UNKNOWN] * (count + 1)))
        self.now_ms = 0
        self.read_ms = [None] * 4
        self.held = [[None] * count for _, _, count in GROUPS]
        self.before = set()

    def step(self, elapsed_ms, fresh):
        """fresh: {group name: values} of the groups with a new conversion. Asserts agreement."""
        self.now_ms += elapsed_ms
        told = {}
        for index, (name, _, _) in enumerate(GROUPS):
            fresh_ms = None
            if name in fresh:
                record = FIRST_RECORD + index * RECORD
                first = self.words[record] // 4
                self.held[index] = list(fresh[name])
                for offset, value in enumerate(fresh[name]):
                    self.words[first + offset] = UNKNOWN if value is None else value
                self.words[record + 8] += 1
                self.words[record + 10] = self.now_ms & TICKS
                self.words[record + 11] = self.now_ms & TICKS
                last = self.read_ms[index]
                if last is None:
                    self.words[record + 12] = self.now_ms & TICKS
                fresh_ms = 0 if last is None else min(self.now_ms - last, STALE_MS)
                self.read_ms[index] = self.now_ms
            told[name] = {"values": self.held[index], "fresh_ms": fresh_ms}
        result = kernels.judge(self.words, self.now_ms & TICKS, self.rows)
        tripped, changed, actions = self.oracle.step(told)
        seen = {row_id for at, row_id in enumerate(self.ids) if self.rows[at * ROW + 3]}
        assert seen == set(tripped), (seen, tripped)
        assert seen ^ self.before == set(changed), (seen, self.before, changed)
        assert bool(result & 16) == bool(changed)
        assert result & 15 == actions & 15
        assert bool(result & 32) == any(self.active(at) for at in range(len(self.ids)))
        self.before = seen
        return seen

    def active(self, at):
        """Row `at` is timing or tripped."""
        return self.rows[at * ROW + 2] != 0 or self.rows[at * ROW + 3] != 0
