"""What a witness has told of one run: the pack's truth, the true switches, faults, the firmware.

Times in us on the virtual clock; mV, mA, 0.1 degC.
"""

from bisect import bisect_right
from collections import namedtuple

from host_tools.prove import rows

# Columns of the truth, in the order in which the witness tells them.
COLUMNS = (
    "t_us",
    "lowest_mv",
    "highest_mv",
    "stack_mv",
    "current_ma",
    "coldest_dc",
    "hottest_dc",
    "board_dc",
)
_COLUMN = {name: at for at, name in enumerate(COLUMNS)}

# The firmware says what it has done before the next cycle.
_SOON_US = 100000

# Events that take the sight from the firmware, and those that give it back.
_BLINDING = ("afe_nak", "afe_crc", "afe_frozen", "hang")
_SEEING = ("clear", "watchdog", "restart")
# After these the firmware begins anew and knows nothing of what had tripped without latching.
_BEGINNING = ("restart", "watchdog", "wake")

# active: [[row id, where, value at trip, value now]]; states: both switches, then both reasons.
Firmware = namedtuple("Firmware", "t_us active states")
Switching = namedtuple("Switching", "t_us on")


class Trace:
    def __init__(self):
        self.truth = [[] for _ in COLUMNS]
        self.switches = []  # (t_us, charge, discharge)
        self.events = []  # (t_us, what)
        self.firmware = []
        self.limits = {}  # row id: (trip, release, trip delay ms, release delay ms)
        self.capacity_mah = 0
        self.cells = 0
        self.temps = 0
        self.parts = ()
        self.front_end = {}
        self.sleeps = False
        self.schema = None
        self.periods_ms = ()
        self.cycle_ms = 0
        self.pre_charges = False
        self.requests = []
        self.problems = []
        self.applied = []
        self.ended_by = None
        self.end_us = 0
        self.words = []  # what the node printed besides

    def take(self, message):
        """One message of the witness."""
        if isinstance(message, str):
            self.words.append(message)
            return
        word = message[0]
        if word == "truth":
            width = len(COLUMNS)
            for at, column in enumerate(self.truth):
                column.extend(message[1][at::width])
        elif word == "switch":
            self.switches.append(tuple(message[1:]))
        elif word == "firmware":
            self.firmware.append(Firmware(*message[1:]))
        elif word == "event":
            self.events.append((message[1], message[2]))
        elif word == "ready":
            ready = message[1]
            self.limits = {row[0]: tuple(row[1:5]) for row in ready["rows"]}
            self.capacity_mah = ready["capacity_mah"]
            self.cells = ready["cells"]
            self.temps = ready.get("temps", 0)
            self.parts = ready.get("parts", ())
            self.schema = ready["schema"]
        elif word == "facts":
            for name, value in message[1].items():
                setattr(self, name, value)
        elif word == "backstop":
            if message[1]["applied"]:
                self.applied = message[1]["applied"]
        elif word == "end":
            self.ended_by = message[1]
            self.end_us = max(self.truth[0][-1] if self.truth[0] else 0, self.end_us)

    # The switches.

    def switchings(self, switch):
        """Every change of the switch (0 charge, 1 discharge) in the hardware, the first state
        left out: it is open before the firmware has started."""
        found = []
        on = False
        for change in self.switches:
            if change[1 + switch] != on:
                on = change[1 + switch]
                found.append(Switching(change[0], on))
        return found

    # The truth.

    def column(self, name):
        return self.truth[_COLUMN[name]]

    def value(self, row):
        """(times, values) of what a row with a quantity looks at."""
        times = self.column("t_us")
        if row.quantity == rows.CELL_SPREAD:
            return times, _differences(self.column("highest_mv"), self.column("lowest_mv"))
        if row.quantity == rows.TEMP_SPREAD:
            return times, _differences(self.column("hottest_dc"), self.column("coldest_dc"))
        name = {
            rows.CELLS: ("lowest_mv", "highest_mv")[row.above],
            rows.TEMPS: ("coldest_dc", "hottest_dc")[row.above],
            rows.STACK: "stack_mv",
            rows.CURRENT: "current_ma",
            rows.BOARD: "board_dc",
        }[row.quantity]
        return times, self.column(name)

    def beyond_since(self, row, threshold, at_us, above=None):
        """Since when, without a break, the value had been beyond the threshold at that time.

        None if it was not. Between two known points of a voltage or temperature it is a straight
        line; a current changes at once.
        """
        above = row.above if above is None else above
        times, values = self.value(row)
        sign = 1 if above else -1
        at = bisect_right(times, at_us) - 1
        if at < 0 or not (values[at] - threshold) * sign > 0:
            return None
        while at >= 0 and (values[at] - threshold) * sign > 0:
            at -= 1
        if at < 0:
            return times[0]
        if row.quantity == rows.CURRENT:
            return times[at + 1]
        before, after = values[at], values[at + 1]
        share = (threshold - before) / (after - before)
        return round(times[at] + share * (times[at + 1] - times[at]))

    def spans_beyond(self, row, threshold, from_us=0):
        """[(from, to)] of the unbroken times beyond the threshold."""
        times, values = self.value(row)
        sign = 1 if row.above else -1
        spans = []
        for at, time in enumerate(times):
            if time < from_us:
                continue
            if (values[at] - threshold) * sign > 0:
                if not spans or spans[-1][1] is not None:
                    spans.append([time, None])
            elif spans and spans[-1][1] is None:
                spans[-1][1] = time
        if spans and spans[-1][1] is None:
            spans[-1][1] = times[-1]
        return [tuple(span) for span in spans]

    # The firmware.

    def said_at(self, t_us, grace_us=0):
        """Ids of the rows that the firmware called tripped: in its first words soon after that
        time, and in all it said within the grace."""
        before = None
        found = None
        soon_us = max(_SOON_US, self.cycle_ms * 1100)
        for one in self.firmware:
            if one.t_us < t_us:
                before = one
            elif found is None and one.t_us <= t_us + max(grace_us, soon_us):
                found = {active[0] for active in one.active}
            elif one.t_us <= t_us + grace_us:
                found.update(active[0] for active in one.active)
            else:
                break
        if found is None:
            found = {active[0] for active in before.active} if before else set()
        return found

    def tripped(self, row_id):
        """(time, where, value) of each trip of the row."""
        found = []
        active = False
        for one in self.firmware:
            mine = next((entry for entry in one.active if entry[0] == row_id), None)
            if mine and not active:
                found.append((one.t_us, mine[1], mine[2]))
            active = mine is not None
        return found

    def seen_spans(self):
        """[(from, to)] of the times in which nothing kept the firmware from seeing the pack."""
        spans = []
        since = 0
        for t_us, what in self.events:
            if what in _BLINDING and since is not None:
                spans.append((since, t_us))
                since = None
            elif what in _SEEING and since is None:
                since = t_us
        if since is not None:
            spans.append((since, self.end_us))
        return spans

    def began_anew_us(self, from_us, to_us):
        """When the firmware began anew between these times, the last time; None if it did not."""
        times = [t for t, what in self.events if what in _BEGINNING and from_us < t <= to_us]
        return times[-1] if times else None

    def last_event_us(self, t_us):
        """When the last event before that time struck; 0 if there was none."""
        return max((time for time, _ in self.events if time <= t_us), default=0)


def _differences(upper, lower):
    return [high - low for high, low in zip(upper, lower, strict=True)]
