"""Balancing: what keeps it from bleeding where it must not, or more than it should."""

PARTS = [
    (
        "neighbours bleed together",
        "balance.py",
        "                if below or above:\n",
        "                if False:\n",
    ),
    (
        "doubted cells are bled",
        "balance.py",
        "            and not health[_CELLS_DOUBT]\n",
        "",
    ),
    (
        "stale cells are bled",
        "balance.py",
        "        return sample.age_ms(group) <= sample.stale_ms[group]\n",
        "        return True\n",
    ),
    (
        "an empty pack is bled",
        "balance.py",
        "            and sample.lowest(CELLS) >= self.policy.floor_mv\n",
        "",
    ),
    (
        "a hot board bleeds on",
        "balance.py",
        "        return most * room_dc // (_BOARD_HOT_DC - _BOARD_WARM_DC)\n",
        "        return most\n",
    ),
    (
        "the lowest of cells far apart is bled",
        "charge_to_move.py",
        "                and not (apart and cell_mv == lowest)\n",
        "",
    ),
    (
        "what was bled is not counted",
        "charge_to_move.py",
        "                left = self.left_mas[cell] - mas\n",
        "                left = self.left_mas[cell]\n",
    ),
    (
        "a discharge at the knee teaches",
        "charge_to_move.py",
        "            and ma * _STILL_DIVISOR < 0 - self.capacity_mah\n",
        "            and False\n",
    ),
    (
        "an active balancer runs in doubt",
        "active_balancer.py",
        " and self._balancer.may_bleed(policy.sample)):\n",
        "):\n",
    ),
]
