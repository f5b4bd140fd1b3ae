"""Top balancing: who is bled, in what rhythm, and when not at all."""

from packs import Rig

from vigil import chemistry
from vigil.balance import Balancer, TopVoltage
from vigil.sample import CELLS, CELLS_DOUBT, HEALTH_FIRST, TEMPS


class Shelf(Rig):
    def __init__(self, adjacent=False, most=255):
        Rig.__init__(self)
        policy = TopVoltage(None, chemistry.lfp(), self.sample, None)
        self.balancer = Balancer(policy, 16, adjacent, most)
        self.history = []

    def run(self, seconds, fault_free=True):
        for _ in range(seconds * 20):
            self.step()
            self.balancer.step(self.sample, fault_free, self.now_ms)
            cells = [i + 1 for i, on in enumerate(self.balancer.bleed) if on]
            self.history.append(cells)
        return cells


def test_even_cells_are_left_alone():
    shelf = Shelf()
    shelf.cells_mv = [3450] * 16
    shelf.run(30)
    assert not any(shelf.history)


def test_high_cell_is_bled_only_above_the_start_voltage():
    shelf = Shelf()
    shelf.cells_mv = [3350] * 16
    shelf.cells_mv[6] = 3395
    shelf.run(30)
    assert not any(shelf.history)
    shelf.cells_mv[6] = 3420
    shelf.run(30)
    assert [7] in shelf.history


def test_bleeding_pauses_for_every_measurement():
    shelf = Shelf()
    shelf.cells_mv = [3410] * 16
    shelf.cells_mv[6] = 3450
    shelf.run(60)
    bleeding = [bool(cells) for cells in shelf.history]
    pauses = 0
    longest = 0
    run = 0
    for now, then in zip(bleeding[1:], bleeding):
        run = run + 1 if now else 0
        longest = max(longest, run)
        pauses += then and not now
    assert pauses >= 4
    # Bled at most ten seconds at a stretch, mostly bleeding.
    assert longest <= 201
    assert sum(bleeding) > len(bleeding) // 2


def test_no_neighbours_bleed_together_and_both_get_their_turn():
    shelf = Shelf()
    shelf.cells_mv = [3410] * 16
    for cell in (2, 3, 4, 5, 15):
        shelf.cells_mv[cell] = 3450
    shelf.run(60)
    bled = set()
    for cells in shelf.history:
        for first, second in zip(cells, cells[1:]):
            assert second - first > 1
        bled.update(cells)
    assert bled == {3, 4, 5, 6, 16}


def test_neighbours_may_bleed_together_where_the_front_end_allows_it():
    shelf = Shelf(adjacent=True)
    shelf.cells_mv = [3410] * 16
    shelf.cells_mv[2] = shelf.cells_mv[3] = 3450
    shelf.run(5)
    assert [3, 4] in shelf.history


def test_hysteresis_keeps_bleeding_below_the_start():
    shelf = Shelf()
    shelf.cells_mv = [3390] * 16
    shelf.cells_mv[6] = 3401
    shelf.run(5)
    assert shelf.history[-1] == [7]
    shelf.cells_mv[6] = 3396
    shelf.run(12)
    assert shelf.history[-1] == [7]
    shelf.cells_mv[6] = 3394
    shelf.run(20)
    assert shelf.history[-1] == []


def test_faults_and_cold_stop_bleeding_at_once():
    for spoil in ("fault", "cold", "unknown", "doubted", "stale", "hot board"):
        shelf = Shelf()
        shelf.cells_mv = [3410] * 16
        shelf.cells_mv[6] = 3450
        assert shelf.run(5) == [7]
        if spoil == "cold":
            shelf.temps_dc[0] = -1
        elif spoil == "unknown":
            shelf.temps_dc[0] = 0x1FFFFFFF
        elif spoil == "doubted":
            shelf.sample.health[CELLS_DOUBT - HEALTH_FIRST] = 1
        elif spoil == "stale":
            shelf.stale = (CELLS, TEMPS)
            shelf.step(3)
        elif spoil == "hot board":
            shelf.board_dc = 850
        shelf.step()
        changed = shelf.balancer.step(shelf.sample, spoil != "fault", shelf.now_ms)
        assert changed and not any(shelf.balancer.bleed)


def test_the_warmer_the_board_the_fewer_cells_bleed_at_once_and_each_has_its_turn():
    for board_dc, most in ((300, 6), (600, 6), (725, 3), (808, 1), (840, 0)):
        shelf = Shelf(adjacent=True, most=6)
        shelf.board_dc = board_dc
        shelf.cells_mv = [3450] * 15 + [3410]
        bled = set()
        at_once = 0
        for _ in range(20):
            shelf.run(10)
            for cells in shelf.history:
                bled.update(cells)
                at_once = max(at_once, len(cells))
            shelf.history = []
        assert at_once == most
        assert len(bled) == (15 if most else 0)
