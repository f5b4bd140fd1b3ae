"""Open sense leads of an LTC681x chain: currents pull every input up, then down."""

from array import array

from micropython import const

from vigil.afe.ltc681x_chain import command
from vigil.afe.ltc681x_layout import ADOW_DOWN, ADOW_UP, ALL_CELLS_US, CLRCELL

# mV: a cell that reads this much less when pulled up has lost the lead below it.
_FALLS = const(-400)
# A cell at an end whose outer lead is open reads nothing; no living cell is as low as this.
_NOTHING = const(100)
# A tenth of all ones: cleared and not converted since.
_NEVER_MV = const(6554)


class Leads:
    """Two halves, so that no cycle becomes long.

    open_leads[k] = 1: the lead above cell k (1-based) is open; 0 is the lead below the first.
    """

    def __init__(self, chain, layout, read_cells_into):
        self._chain = chain
        self._devices = layout.devices
        self._read_cells_into = read_cells_into
        self._clear = command(CLRCELL)
        self._pull_up = command(ADOW_UP)
        self._pull_down = command(ADOW_DOWN)
        self._up = array("i", [0] * layout.cell_count)
        self._down = array("i", [0] * layout.cell_count)
        self.half_done = False
        self.open_leads = bytearray(layout.cell_count + 1)
        self.count = 0  # of them
        self.tests = 0

    def forget(self):
        self.half_done = False
        self.count = 0
        for lead in range(len(self.open_leads)):
            self.open_leads[lead] = 0

    def give_up(self):
        self.half_done = False

    def test_up(self):
        """Takes over 5 ms; overwrites the cells' results. Nothing may bleed meanwhile."""
        self.half_done = self._pull(self._pull_up, self._up)

    def test_down(self):
        """False if nothing was measured: the test has to begin anew."""
        self.half_done = False
        if not self._pull(self._pull_down, self._down):
            return False
        self._find()
        self.tests += 1
        return True

    def _pull(self, start, target):
        # Twice, for the current needs time to move the filters' capacitors.
        self._chain.send(self._clear)
        self._chain.convert(start, ALL_CELLS_US)
        self._chain.convert(start, ALL_CELLS_US)
        self._read_cells_into(target)
        for cell in range(len(target)):
            if target[cell] == _NEVER_MV:
                # That the cells are unknown is told by the cycle's own readings.
                return False
        return True

    def _find(self):
        self.forget()
        up = self._up
        down = self._down
        cell = 0
        for number in range(len(self._devices)):
            cells = self._devices[number].cells
            if up[cell] < _NOTHING:
                self._note(cell)
            for place in range(len(cells)):
                # Inputs that are not neighbours share no lead.
                if place and cells[place] == cells[place - 1] + 1:
                    if up[cell] - down[cell] < _FALLS:
                        self._note(cell)
                cell += 1
            if down[cell - 1] < _NOTHING:
                self._note(cell)

    def _note(self, lead):
        if not self.open_leads[lead]:
            self.open_leads[lead] = 1
            self.count += 1
