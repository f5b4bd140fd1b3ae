"""Simulated flash behind the storage interface; this must never be uploaded to a board.

It keeps named records as littlefs on an RP2040 does (a log of 256-byte pages in 4096-byte
sectors) and charges the virtual clock what that costs while everything stands still.
"""

ERASE_US = 45000
PAGE_US = 500
_PAGE = 256
_PAGES_A_SECTOR = 16


class PowerCut(Exception):
    """The supply is gone: everything in RAM is, too."""


class FakeFlash:
    def __init__(self, erase_us=ERASE_US, page_us=PAGE_US):
        self._erase_us = erase_us
        self._page_us = page_us
        self._clock = None
        self._pages_left = 0
        self._cut_in = None
        self._cut_tears = False
        self.records = {}
        self.erases = 0
        self.pages = 0
        self.busy_us = 0
        self.failing = False  # every write ends with an error

    def use(self, clock):
        """After a restart the same flash meets a new clock."""
        self._clock = clock

    def cut_power_in(self, operations, tears=False):
        """PowerCut at that many erases and page programs from now (0: the next).

        With `tears` the record half written is damaged, as on a filesystem without a log.
        """
        self._cut_in = operations
        self._cut_tears = tears

    def read(self, name):
        return self.records.get(name)

    def read_part(self, name, at, size):
        if name not in self.records:
            raise OSError(2)
        return self.records[name][at : at + size]

    def write(self, name, data):
        if self.failing:
            raise OSError(5)
        data = bytes(data)
        try:
            # Content and commit together: on littlefs 1.00 and 2.01 programs for the 48 bytes of
            # the state and the 448 of the journal's file, one erase in 16.
            for _ in range(len(data) // _PAGE + 1):
                self._program_page()
        except PowerCut:
            if self._cut_tears:
                self.records[name] = data[: len(data) // 2] + b"\xff" * (len(data) // 2)
            raise
        self.records[name] = data

    def _program_page(self):
        if not self._pages_left:
            self._operation(self._erase_us)
            self.erases += 1
            self._pages_left = _PAGES_A_SECTOR
        self._operation(self._page_us)
        self.pages += 1
        self._pages_left -= 1

    def _operation(self, us):
        if self._cut_in is not None:
            if self._cut_in == 0:
                self._cut_in = None
                raise PowerCut
            self._cut_in -= 1
        self.busy_us += us
        if self._clock is not None:
            self._clock.advance(us)
