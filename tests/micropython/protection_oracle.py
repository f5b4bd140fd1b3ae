"""What the protection has to decide, said once more in plain Python, independently of the kernels.

One object a row, None for an unknown value and for "no time yet". Times in ms."""


class Row:
    def __init__(self, definition):
        self.row_id = definition["row_id"]
        self.group = definition["group"]
        self.lowest = {"lowest": True, "highest": False}[definition["scalar"]]
        self.above = {"above": True, "below": False}[definition["direction"]]
        self.trip = definition["trip"]
        self.release = definition["release"]
        self.trip_delay_ms = definition["trip_delay_ms"]
        self.release_delay_ms = definition["release_delay_ms"]
        self.action = definition["action"]
        self.tripped = False
        self.beyond_ms = None
        self.recovered_ms = None

    @property
    def idle(self):
        return not self.tripped and self.beyond_ms is None

    def is_beyond(self, value, threshold):
        if value is None:
            return False
        return value > threshold if self.above else value < threshold

    def look(self, value, complete, fresh_ms):
        """One fresh sample; True when the row trips or releases with it."""
        if self.tripped:
            return self._look_for_release(value, complete, fresh_ms)
        return self._look_for_trip(value, complete, fresh_ms)

    def _look_for_trip(self, value, complete, fresh_ms):
        if not self.is_beyond(value, self.trip):
            if complete:
                self.beyond_ms = None
            return False
        self.beyond_ms = 0 if self.beyond_ms is None else self.beyond_ms + fresh_ms
        if self.beyond_ms < self.trip_delay_ms:
            return False
        self.tripped = True
        self.recovered_ms = None
        return True

    def _look_for_release(self, value, complete, fresh_ms):
        if not complete or self.is_beyond(value, self.release):
            self.recovered_ms = None
            return False
        self.recovered_ms = 0 if self.recovered_ms is None else self.recovered_ms + fresh_ms
        if self.recovered_ms < self.release_delay_ms:
            return False
        self.tripped = False
        self.beyond_ms = None
        return True


class Oracle:
    """step() once a cycle. `trips`: {row_id: (row_id, where, value)} of each row's latest trip;
    `where` counts from 0 and names the first of equal values."""

    def __init__(self, rows):
        self.rows = [Row(definition) for definition in rows]
        self.trips = {}

    @property
    def active(self):
        """Some row counts time or is tripped."""
        return any(not row.idle for row in self.rows)

    def step(self, groups):
        """groups = {group: {"values": [int or None], "fresh_ms": int or None}}.

        Returns (ids of tripped rows, ids that tripped or released now, OR of tripped actions)."""
        changed = set()
        for row in self.rows:
            group = groups.get(row.group)
            if group is None or group["fresh_ms"] is None:
                continue
            values = group["values"]
            known = [value for value in values if value is not None]
            value = (min(known) if row.lowest else max(known)) if known else None
            complete = bool(known) and len(known) == len(values)
            if row.look(value, complete, group["fresh_ms"]):
                changed.add(row.row_id)
                if row.tripped:
                    self.trips[row.row_id] = (row.row_id, values.index(value), value)
        action = 0
        for row in self.rows:
            if row.tripped:
                action |= row.action
        return {row.row_id for row in self.rows if row.tripped}, changed, action
