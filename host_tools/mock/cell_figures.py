"""What the simulated cells of each chemistry are like, besides their open-circuit voltage.

Figures for common cells at 25 degC. Where no source is named they are orders of magnitude: a
simulated cell behaves like one of its kind, not like yours.
"""


class Figures:
    """Resistances as shares of the immediate one; times in s; hysteresis as half its width."""

    def __init__(
        self, charger_mv, ohm_ah, fast, slow, hysteresis_mv, loss_pct_month, joule_per_k_ah
    ):
        self.charger_mv = charger_mv  # a cell's share of what a charger shows at an open switch
        self.ohm_ah = ohm_ah  # resistance at once, times the capacity
        self.warmth_k = 2000.0  # B in R(T) = R25 * exp(B * (1/T - 1/298.15 K)); 1500 to 3000
        self.fast_share, self.fast_s = fast
        self.slow_share, self.slow_s = slow
        self.hysteresis_mv = hysteresis_mv  # one number, or 21 at 0, 5, ... 100 % of charge
        self.gamma = 10.0  # a charge of the capacity / gamma mostly turns the hysteresis round
        self.loss_pct_month = loss_pct_month  # self-discharge
        self.joule_per_k_ah = joule_per_k_ah


# The Sony US26650 cell of the voltage table.
_LFP_HYSTERESIS_MV = (
    (30, 29, 25, 24, 25, 28, 29, 28, 23, 19, 19) + (19, 19, 20, 21, 22, 19, 17, 17, 18, 30)
)  # fmt: skip

_FIGURES = {
    # Large prismatic cells: 30 to 60 mOhm Ah.
    "LFP": Figures(3600.0, 0.040, (0.6, 30.0), (0.3, 300.0), _LFP_HYSTERESIS_MV, 2.0, 19.0),
    # RC parts of a 5 Ah LG M50 (11 mOhm, 26 s and 16 mOhm, 300 s beside 28 mOhm).
    "NMC": Figures(4200.0, 0.100, (0.39, 26.0), (0.57, 300.0), 3.0, 2.0, 16.0),
    # A Panasonic NCR18650PF, measured: 28 mOhm, 19 mOhm with 19 s, 19 mOhm with 370 s, 2.9 Ah.
    "NCA": Figures(4200.0, 0.082, (0.68, 19.0), (0.68, 370.0), 5.0, 2.0, 16.0),
    "LTO": Figures(2750.0, 0.012, (0.5, 20.0), (0.3, 200.0), 3.0, 2.0, 26.0),
    "Na-ion": Figures(4000.0, 0.060, (0.5, 30.0), (0.4, 300.0), 15.0, 4.0, 25.0),
}


def figures(chemistry):
    if chemistry not in _FIGURES:
        raise ValueError("no figures for cells of " + chemistry)
    return _FIGURES[chemistry]
