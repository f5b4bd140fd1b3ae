"""Temperatures of the cells, the thermistor places between them and the chip, in degC.

Every cell is one lump: it warms by its losses and leaks to its neighbours and to the air.
"""

_TO_AIR_S = 7200.0
_TO_NEIGHBOUR_S = 1800.0
_THERMISTOR_LAG_S = 15.0
_FAN_FACTOR = 4.0
_HEATER_W_PER_AH = 0.125  # in each cell
_BOARD_LAG_S = 60.0
_BOARD_SELF_HEAT_K = 3.0
_BOARD_K_PER_W = 1.0
_SWITCH_LAG_S = 20.0
_SWITCH_K_PER_W = 2.0


class Heat:
    def __init__(self, cells, capacity_mah, places, ambient_c, joule_per_k_ah):
        self.ambient_c = ambient_c
        self.cell_c = [ambient_c] * cells
        self.place_c = [ambient_c] * places
        self.die_c = ambient_c + _BOARD_SELF_HEAT_K
        self.heater_on = False
        self.fan_on = False
        self._heater_w = _HEATER_W_PER_AH * capacity_mah / 1000.0
        self.switch_c = ambient_c
        self._kelvin_per_joule = 1000.0 / (joule_per_k_ah * capacity_mah)
        # 16 cells and 3 thermistors: cells 1-5, 6-11 and 12-16.
        self._edges = [(2 * cells * place + places) // (2 * places) for place in range(places + 1)]

    def step(self, seconds, square_a2s, ohm, path_ohm):
        """Let `seconds` pass, in which the integral of current squared was square_a2s."""
        cell_c = self.cell_c
        ambient_c = self.ambient_c
        last = len(cell_c) - 1
        to_air = seconds / _TO_AIR_S
        if self.fan_on:
            to_air *= _FAN_FACTOR
        to_neighbour = seconds / _TO_NEIGHBOUR_S
        warming = square_a2s * self._kelvin_per_joule
        heated_k = 0.0
        if self.heater_on:
            heated_k = self._heater_w * seconds * self._kelvin_per_joule
        left = cell_c[0]
        for cell in range(last + 1):
            here = cell_c[cell]
            right = cell_c[cell + 1] if cell < last else here
            cell_c[cell] = (
                here
                + warming * ohm[cell]
                + heated_k
                + (ambient_c - here) * to_air
                + (left - here + right - here) * to_neighbour
            )
            left = here
        self._follow(seconds, square_a2s * path_ohm)

    def heat_cell(self, cell, joule):
        """Heat that comes up in one cell alone."""
        self.cell_c[cell] += joule * self._kelvin_per_joule

    def _follow(self, seconds, path_joule):
        edges = self._edges
        place_c = self.place_c
        share = min(seconds / _THERMISTOR_LAG_S, 1.0)
        for place in range(len(place_c)):
            first = edges[place]
            end = edges[place + 1]
            total = 0.0
            for cell in range(first, end):
                total += self.cell_c[cell]
            place_c[place] += (total / (end - first) - place_c[place]) * share
        goal_c = self.ambient_c + _BOARD_SELF_HEAT_K + path_joule / seconds * _BOARD_K_PER_W
        self.die_c += (goal_c - self.die_c) * min(seconds / _BOARD_LAG_S, 1.0)
        goal_c = self.ambient_c + path_joule / seconds * _SWITCH_K_PER_W
        self.switch_c += (goal_c - self.switch_c) * min(seconds / _SWITCH_LAG_S, 1.0)
