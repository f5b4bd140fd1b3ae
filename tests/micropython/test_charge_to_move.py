"""What has to leave each cell: how it is learned and counted down, and when nobody bleeds."""

from desk import Desk
from packs import Rig

from vigil import chemistry
from vigil.active_balancer import ActiveBalancer
from vigil.balance import Balancer
from vigil.charge_to_move import ChargeToMove
from vigil.memory import Memory
from vigil.sample import CELLS_DOUBT, HEALTH_FIRST, UNKNOWN

CAPACITY_MAH = 100000
CELLS = 16


class Files:
    def __init__(self):
        self.files = {}

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self.files[name] = bytes(data)


class Board:
    capacity_mah = CAPACITY_MAH

    def __init__(self, kind, bleed_ohm):
        self.chemistry = kind
        if bleed_ohm:
            self.bleed_ohm = bleed_ohm


class Shelf(Rig):
    """Every call of run() feeds whole measurements; the slow tasks run as on a board."""

    def __init__(self, kind="LFP", bleed_ohm=66, memory=None):
        Rig.__init__(self)
        self.board = Board(kind, bleed_ohm)
        self.memory = memory or Memory(Files())
        figures = chemistry.by_name(kind)
        self.policy = ChargeToMove(self.board, figures, self.sample, self.memory)
        self.balancer = Balancer(self.policy, CELLS, False)
        self.bled_ms = [0] * CELLS
        self.history = []
        self.active = None

    def second(self):
        self.step()
        self.now_ms += 950  # one more cycle of 50 ms makes a second
        for half in (0, 1):
            before = self.now_ms + 500 * half
            if self.active:
                self.active.step(True, before)
            self.balancer.step(self.sample, True, before)
            for cell in range(CELLS):
                self.bled_ms[cell] += 500 if self.balancer.bleed[cell] else 0
        while self.policy.step(self.now_ms):
            pass
        self.history.append([i + 1 for i, on in enumerate(self.balancer.bleed) if on])
        if len(self.history) > 120:
            self.history.pop(0)

    def run(self, seconds):
        self.history = []
        for _ in range(seconds):
            self.second()
        return self.history[-1]

    def left_mah(self):
        return list(self.policy.to_move_mah)


def at_the_knee(**more):
    """Cell 7 is nearly full, the others are at 99.2 % or so, and hardly any current flows."""
    shelf = Shelf(**more)
    shelf.cells_mv = [3410] * CELLS
    shelf.cells_mv[6] = 3500
    shelf.current_ma = 500
    shelf.run(80)
    return shelf


def on_the_plateau(shelf):
    shelf.cells_mv = [3330] * CELLS
    shelf.cells_mv[6] = 3329
    shelf.current_ma = -20000
    return shelf


def test_nothing_is_known_and_nothing_bled_on_the_plateau():
    shelf = Shelf()
    shelf.cells_mv = [3300 + 3 * cell for cell in range(CELLS)]
    for current_ma in (0, 500, -20000, 20000):
        shelf.current_ma = current_ma
        shelf.run(120)
        assert not any(shelf.history)
    assert not shelf.policy.known
    assert shelf.left_mah() == [UNKNOWN] * CELLS
    assert shelf.policy.spread_permille == UNKNOWN


def test_at_the_knee_the_fuller_cell_is_found():
    shelf = at_the_knee()
    left = shelf.left_mah()
    # 90 mV on a curve that rises 169 mV in the last per cent, some of it doubted.
    assert 200 < left[6] < 540
    assert all([mah == 0 for cell, mah in enumerate(left) if cell != 6])


def test_what_was_learned_is_bled_on_the_plateau_while_discharging():
    shelf = on_the_plateau(at_the_knee())
    shelf.run(60)
    assert [7] in shelf.history
    assert [cells for cells in shelf.history if cells not in ([], [7])] == []


def test_bleeding_ends_when_the_charge_has_left_by_a_count_of_ones_own():
    shelf = at_the_knee()
    owed_mah = 40
    shelf.policy.left_mas[6] = owed_mah * 3600
    on_the_plateau(shelf)
    shelf.bled_ms = [0] * CELLS
    hours = owed_mah / 50
    shelf.run(int(hours * 3600 * 1.2))
    assert not any(shelf.history[-60:])
    bled_mah = 3329 / 66 * shelf.bled_ms[6] / 3600000
    assert abs(bled_mah - owed_mah) < 0.03 * owed_mah
    assert shelf.left_mah()[6] == 0


def test_where_the_board_says_nothing_rather_too_little_is_bled():
    stated, unstated = at_the_knee(bleed_ohm=66), at_the_knee(bleed_ohm=None)
    assert unstated.policy.bleed_ohm < stated.policy.bleed_ohm
    for shelf in (stated, unstated):
        on_the_plateau(shelf).run(600)
    assert unstated.left_mah()[6] < stated.left_mah()[6]


def test_a_discharge_a_large_current_or_a_short_look_teaches_nothing():
    for current_ma, seconds in ((-2000, 200), (20000, 200), (UNKNOWN, 200), (500, 40)):
        shelf = Shelf()
        shelf.cells_mv = [3410] * CELLS
        shelf.cells_mv[6] = 3500
        shelf.current_ma = current_ma
        shelf.run(seconds)
        assert not shelf.policy.known


def test_as_long_as_nothing_is_known_cells_are_bled_by_voltage():
    shelf = Shelf()
    shelf.cells_mv = [3410] * CELLS
    shelf.cells_mv[6] = 3500
    shelf.current_ma = 20000
    shelf.run(20)
    assert [7] in shelf.history


def test_a_later_look_takes_back_what_an_earlier_one_said():
    shelf = at_the_knee()
    shelf.cells_mv[6] = 3410
    shelf.run(200)
    assert shelf.left_mah()[6] < 20


def test_cells_hidden_on_the_plateau_only_tell_that_others_have_more():
    shelf = Shelf()
    shelf.cells_mv = [3350] * CELLS
    shelf.cells_mv[6] = 3560
    shelf.current_ma = 500
    shelf.run(75)
    before = shelf.left_mah()[6]
    # Nearly full, and the others below 98 %.
    assert 1500 < before < 2000
    shelf.cells_mv[6] = 3410
    shelf.cells_mv[5] = 3420
    shelf.run(60)
    # At 99.3 % it has not less to lose; and that of its neighbour was not known.
    assert before - 10 < shelf.left_mah()[6] <= before
    assert 700 < shelf.left_mah()[5] < 1300


def test_cells_of_nmc_are_compared_at_rest_for_half_an_hour_and_not_before():
    shelf = Shelf("NMC")
    shelf.cells_mv = [3900] * CELLS
    shelf.cells_mv[3] = 3960
    shelf.run(1790)
    assert not shelf.policy.known
    shelf.run(30)
    # 60 mV at some 11 mV a per cent, less what channels may differ by.
    assert 3500 < shelf.left_mah()[3] < 6500
    assert [4] in shelf.history


def test_nothing_is_bled_below_the_floor_and_never_the_lowest_of_cells_far_apart():
    shelf = on_the_plateau(at_the_knee())
    shelf.cells_mv[6] = 3300
    assert not any([shelf.run(60)] + shelf.history[30:])
    shelf.cells_mv[6] = 3330
    shelf.run(40)
    assert any(shelf.history)
    shelf.cells_mv[0] = 2940
    assert not any([shelf.run(5)])
    assert not any(shelf.history[1:])


def test_unknown_and_doubted_cells_are_not_bled():
    shelf = on_the_plateau(at_the_knee())
    shelf.run(40)
    assert any(shelf.history)
    shelf.cells_mv[2] = UNKNOWN
    shelf.run(2)
    assert not any(shelf.history[1:])
    shelf.cells_mv[2] = 3330
    shelf.run(20)
    assert any(shelf.history)
    shelf.sample.health[CELLS_DOUBT - HEALTH_FIRST] = 1
    shelf.run(2)
    assert not any(shelf.history[1:])


def test_the_list_survives_a_power_cut_but_is_less_sure():
    shelf = at_the_knee()
    left = shelf.left_mah()
    shelf.policy.keep()
    while shelf.memory.state_waits:
        assert shelf.memory.commit()
    files = shelf.memory.store._storage
    again = Shelf(memory=Memory(files))
    assert again.policy.known
    assert all([abs(a - b) <= 1 for a, b in zip(again.left_mah(), left)])
    assert again.policy.variance[6] > shelf.policy.variance[6]
    for name in ("balance.0", "balance.1"):
        files.files[name] = files.files[name][:-1] + b"?"
    assert not Shelf(memory=Memory(files)).policy.known


def test_no_evidence_makes_the_list_grow_wild():
    shelf = Shelf()
    shelf.current_ma = 500
    shelf.cells_mv = [3300] * (CELLS - 1) + [4000]
    shelf.run(200)
    assert 0 < shelf.left_mah()[CELLS - 1] <= CAPACITY_MAH // 5


class Pin:
    def __init__(self):
        self.level = 0

    def value(self, level):
        self.level = level


def with_active_balancer(spread_mv=150):
    shelf = Shelf()
    shelf.cells_mv = [3350] * CELLS
    shelf.cells_mv[6] = 3400 + spread_mv
    shelf.current_ma = 500
    shelf.board.active_balancer = Pin()
    shelf.board.active_balancer_ma = 1000
    shelf.active = ActiveBalancer(shelf.board, shelf.policy, shelf.balancer)
    return shelf


def test_an_active_balancer_runs_by_the_list_and_pauses_for_the_looks():
    shelf = with_active_balancer()
    pin = shelf.board.active_balancer
    shelf.run(60)
    assert pin.level == 0
    levels = []
    for _ in range(1200):
        shelf.second()
        levels.append(pin.level)
    assert 0 in levels[200:] and sum(levels) > 600
    # Never longer than five minutes at a stretch.
    longest = run = 0
    for level in levels:
        run = run + 1 if level else 0
        longest = max(longest, run)
    assert longest <= 301
    # Nothing is bled meanwhile.
    assert not [cells for cells, level in zip(shelf.history, levels[-1:]) if level and cells]


def test_an_active_balancer_is_off_on_the_plateau_in_doubt_and_without_evidence():
    shelf = with_active_balancer()
    pin = shelf.board.active_balancer
    shelf.run(300)
    assert pin.level == 1
    shelf.sample.health[CELLS_DOUBT - HEALTH_FIRST] = 1
    shelf.run(1)
    assert pin.level == 0
    shelf.sample.health[CELLS_DOUBT - HEALTH_FIRST] = 0
    on_the_plateau(shelf)
    shelf.run(400)
    assert pin.level == 0
    even = with_active_balancer()
    even.cells_mv = [3410] * CELLS
    even.run(400)
    assert even.policy.known and even.board.active_balancer.level == 0


class Weighed:
    """Stands in for what measures the cells' capacities."""

    def __init__(self, capacities_mah):
        self.capacities_mah = capacities_mah
        self.all_sure = True


def open_mv(kind, share):
    """The voltage at a share of 0 to 1, straight between the table's points."""
    table = chemistry.by_name(kind).ocv_dmv
    at = min(int(100 * share), 99)
    return (table[at] + (table[at + 1] - table[at]) * (100 * share - at)) / 10


def with_rooms(kind, capacities_mah, rooms_mah, measured):
    """Cells of these capacities that still take so much each, at rest or held near full."""
    shelf = Shelf(kind)
    if measured:
        shelf.policy.ageing = Weighed(capacities_mah)
    lift_mv = 9 if kind == "LFP" else 0
    shelf.cells_mv = [
        round(open_mv(kind, 1 - room_mah / capacity_mah)) + lift_mv
        for room_mah, capacity_mah in zip(rooms_mah, capacities_mah)
    ]
    shelf.current_ma = 0
    shelf.run(80 if kind == "LFP" else 1820)
    return shelf


UNEQUAL_MAH = [100000 - 10000 * (cell % 3) // 2 for cell in range(CELLS)]


def test_cells_of_measured_capacities_are_full_together_and_not_alike_before():
    # Half full, and every cell takes 45 Ah more: there is nothing to balance.
    rooms_mah = [45000] * CELLS
    assert max(with_rooms("NMC", UNEQUAL_MAH, rooms_mah, True).left_mah()) < 300
    # Who believes them all alike would bleed cells of 100 Ah by as much as they hold more.
    assert max(with_rooms("NMC", UNEQUAL_MAH, rooms_mah, False).left_mah()) > 3500


def test_what_has_to_leave_cells_of_measured_capacities_is_what_makes_their_rooms_equal():
    for kind, least_mah, steps_mah in (("NMC", 20000, 400), ("NMC", 45000, 250), ("LFP", 120, 40)):
        rooms_mah = [least_mah + steps_mah * (7 * cell % CELLS) for cell in range(CELLS)]
        left = with_rooms(kind, UNEQUAL_MAH, rooms_mah, True).left_mah()
        # Never more than it is, and no less than channels and table may be wrong.
        slack_mah = 900 if kind == "NMC" else 350
        for room_mah, mah in zip(rooms_mah, left):
            over_mah = max(rooms_mah) - room_mah
            assert over_mah - slack_mah <= mah <= over_mah + 60, (kind, room_mah, mah)


def test_some_measured_and_some_not_count_as_none():
    shelf = Shelf("NMC")
    shelf.policy.ageing = Weighed([UNKNOWN] * CELLS)
    shelf.policy.ageing.all_sure = False
    shelf.cells_mv = [3900] * CELLS
    shelf.run(1820)
    assert shelf.left_mah() == [0] * CELLS


class Followed:
    """Stands in for the estimators: every cell at this share, within so much."""

    def __init__(self, share, sigma):
        self.settled = True
        self.share = share
        self.filters = self
        self.variances = [sigma * sigma] * CELLS

    def cell_share(self, cell):
        return self.share


def hidden_but_one(estimate=None):
    shelf = Shelf()
    shelf.policy.estimate = estimate
    shelf.cells_mv = [3350] * CELLS
    shelf.cells_mv[6] = 3540
    shelf.current_ma = 500
    shelf.run(200)
    return shelf


def test_a_hidden_cell_is_no_fuller_than_the_estimators_surely_say():
    alone = hidden_but_one().left_mah()[6]
    assert hidden_but_one(Followed(0.99, 0.02)).left_mah()[6] == alone
    deeper = hidden_but_one(Followed(0.90, 0.01)).left_mah()
    # Full, and the others at 92 % at most.
    assert alone < 2000 and 7000 < deeper[6] <= 8100
    assert max(deeper[:6] + deeper[7:]) == 0


def test_a_cell_that_only_looks_as_if_it_were_at_the_knee_makes_nobody_bleed_less():
    shelf = hidden_but_one()
    before = shelf.left_mah()[6]
    # What a cell at 95 % may look like after a long charge.
    shelf.cells_mv = [3377] * CELLS
    shelf.cells_mv[6] = 3420
    shelf.run(100)
    bled_mah = 3420 / 66 * shelf.bled_ms[6] / 3600000
    assert before - bled_mah - 3 <= shelf.left_mah()[6]


def test_on_a_board_it_knows_what_is_measured_there():
    bms = Desk().bms
    assert bms.to_move.ageing is bms.ageing and bms.to_move.estimate is bms.charge
    assert not bms.ageing.all_sure
