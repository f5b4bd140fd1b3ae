"""Random walks through random tables: the kernels agree with the oracle on this interpreter."""

from kernel_rig import GROUPS, KernelRig

from vigil import selftest


class Dice:
    def __init__(self, seed):
        self.state = seed

    def roll(self, sides):
        self.state = (self.state * 1103515245 + 12345) & 0x3FFFFFFF
        return (self.state >> 8) % sides


def random_rows(dice):
    rows = []
    for row_id in range(1, 9):
        trip = dice.roll(41) - 20
        step = dice.roll(6)
        below = dice.roll(2)
        rows.append(
            {
                "row_id": row_id,
                "group": GROUPS[dice.roll(4)][0],
                "scalar": "lowest" if below else "highest",
                "direction": "below" if below else "above",
                "trip": trip,
                "release": trip + step if below else trip - step,
                "trip_delay_ms": (0, 50, 100, 333)[dice.roll(4)],
                "release_delay_ms": (0, 50, 200)[dice.roll(3)],
                "action": 1 + dice.roll(15),
            }
        )
    return rows


def random_values(dice, count):
    return [None if dice.roll(20) == 0 else dice.roll(61) - 30 for _ in range(count)]


def walk(seed, cycles):
    dice = Dice(seed)
    rig = KernelRig(random_rows(dice))
    trips = 0
    for _ in range(cycles):
        fresh = {}
        for name, _, count in GROUPS:
            if dice.roll(3):
                fresh[name] = random_values(dice, count)
        trips += len(rig.step(30 + dice.roll(60), fresh))
    return trips


def test_every_kernel_gives_its_known_answer():
    assert selftest.failures() == []


def test_kernels_agree_with_the_oracle_on_random_walks():
    trips = 0
    for seed in range(1, 13):
        trips += walk(seed, 120)
    # A walk in which nothing trips would prove nothing.
    assert trips > 500
