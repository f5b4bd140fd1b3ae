"""A cell that loses charge by itself: found between two looks, and nobody else is named."""

from array import array

from vigil.leak import LeakWatch
from vigil.sample import UNKNOWN

CAPACITY_MAH = 100000
CELLS = 16
UNIT_MAS = CAPACITY_MAH * 36 // 100
DAY_S = 86400
WORST = 6  # counted from 0
KNEE = 9800
# Share, sigma: how well a look tells, in 0.01 %.
AT_THE_KNEE = (9950, 7)
AT_REST = (9700, 12)


class Cells:
    """True charges, in 0.01 % of each cell's capacity, looked at with the errors of channels."""

    def __init__(self, leak_ma=0, look=AT_THE_KNEE, floor=0, sizes=None):
        self.share, self.sigma = look
        self.floor = floor
        self.sizes = sizes or [1000] * CELLS
        self.leaks_ma = [leak_ma if cell == WORST else 0 for cell in range(CELLS)]
        self.lost = [0.0] * CELLS
        self.dice = 4711
        self.watch = LeakWatch(CELLS, UNIT_MAS, CAPACITY_MAH)

    def error(self):
        """Between -1 and 1."""
        self.dice = (self.dice * 1103 + 12345) & 0xFFFF
        return self.dice / 32768 - 1

    def days(self, count, bled_ma=0):
        """Looked at once a day. bled_ma: out of every cell but the worst."""
        for _ in range(count):
            for cell in range(CELLS):
                bled_mas = 0 if cell == WORST else bled_ma * DAY_S
                self.watch.bled_mas[cell] += bled_mas
                gone_mas = self.leaks_ma[cell] * DAY_S + bled_mas
                self.lost[cell] += gone_mas / UNIT_MAS * 1000 / self.sizes[cell]
            self.watch.pass_ms(DAY_S * 1000)
            for _ in range(24):
                self.watch.forget()
            # The fullest ends the charge.
            top = self.share + min(self.lost)
            shares = array("i", [0] * CELLS)
            for cell in range(CELLS):
                seen = top - self.lost[cell] + self.sigma * self.error()
                shares[cell] = max(int(seen), self.floor)
            sigmas = array("i", [self.sigma] * CELLS)
            if self.watch.look(shares, sigmas, self.floor, self.sizes):
                while self.watch.step():
                    pass
        return self.watch


def test_a_cell_that_leaks_is_named_and_its_leak_is_what_it_is():
    for look in (AT_THE_KNEE, AT_REST):
        for leak_ma in (50, 100, 200):
            watch = Cells(leak_ma, look).days(6)
            assert watch.cell == WORST + 1
            assert abs(watch.leak_ma[WORST] - leak_ma) <= 3 * watch.sigma_ma[WORST] + 3


def test_in_sixty_days_no_cell_is_named_that_does_not_leak():
    for look in (AT_THE_KNEE, AT_REST, (9850, 70), (9000, 180)):
        cells = Cells(0, look)
        for _ in range(60):
            assert cells.days(1).cell == 0


def test_a_leak_that_ends_is_no_longer_told():
    cells = Cells(100)
    assert cells.days(4).cell == WORST + 1
    cells.leaks_ma[WORST] = 0
    assert cells.days(30).cell == 0


def test_what_was_bled_is_no_leak():
    watch = Cells(0).days(8, bled_ma=20)
    assert watch.cell == 0
    assert max(watch.leak_ma) <= 5


def test_a_cell_hidden_on_the_plateau_has_lost_at_least_so_much():
    # 1.2 % a day: hidden from the second day on, while the others are bled after it.
    watch = Cells(50, floor=KNEE).days(12, bled_ma=45)
    assert watch.cell == WORST + 1
    assert 30 <= watch.leak_ma[WORST] <= 52
    # Of the others nothing is told that is not seen together with it.
    assert all(
        [ma <= 5 or ma == UNKNOWN for cell, ma in enumerate(watch.leak_ma) if cell != WORST]
    )


def test_cells_of_measured_capacities_lose_the_same_charge_by_the_same_leak():
    sizes = [1000 - 100 * (cell % 2) for cell in range(CELLS)]
    watch = Cells(100, sizes=sizes).days(6)
    assert watch.cell == WORST + 1 and abs(watch.leak_ma[WORST] - 100) <= 10
