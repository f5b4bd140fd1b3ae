"""One switch as the judge sees it: since when it blocks, and what was decided of it."""


class SwitchWatch:
    def __init__(self, bit, words):
        self.bit = bit
        self.words = words
        self.closed = False
        self.since_us = 0
        self.closed_once = False
        self.stuck = False
        self.openings = 0  # in a chain, each soon after a closing
        self.surely_latched = False
        self.maybe_latched = False
        self.free_since_us = 0  # nothing has held it open since
        self.earliest_us = 0  # before this it must not close
        self.removal = 0  # BY_VALUE, LOAD_GONE or CHARGER_GONE: what surely has to be seen
        self.removed = False
        self.may_wait = False  # it may be waiting for something to be taken away
        self.same_row = 0  # the one row that surely opened it the last times
        self.same_count = 0
        self.told_unrecovered = False
        self.told_forbidden = False
