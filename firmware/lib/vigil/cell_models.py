"""What the estimators know of a cell beside its open-circuit voltage: one set a chemistry.

mV, ohm * Ah (so that a cell of any size has its own), s; at 25 degC. A cell's own figures are
better: a board may name them.
"""

# For each chemistry, and where it comes from:
#   OHM_AH: resistance within a second; FAST, SLOW: (ohm * Ah, s) of two RC parts
#   WARMTH_K: B in R(T) = R25 * exp(B * (1/T - 1/298.15 K))
#   HYSTERESIS: half its width in mV at 0, 5, ... 100 %; (one figure,) if the same everywhere
#   OCV_MV: one sigma of what table and sensor may be wrong by together
#   FULL_MV: above it with a small charge current a cell is full; EMPTY_MV: below it empty
#   REST_S: after so long without current the voltage is the open-circuit voltage
#   GRID_S: looks at the voltage so far apart count as independent
_FIGURES = {
    # Resistances and B: an A123 26650, measured 5 to 45 degC (9.8 and 15 mOhm, 29 s, 2.03 Ah), and
    # a slow part as large as the immediate one; hysteresis: the Sony cell of the voltage table.
    "LFP": (
        0.020,
        (0.030, 29.0),
        (0.020, 600.0),
        2570.0,
        b"\x1e\x1d\x19\x18\x19\x1c\x1d\x1c\x17\x13\x13\x13\x13\x14\x15\x16\x13\x11\x11\x12\x1e",
        8.0,
        3450,
        2800,
        7200,
        1800,
    ),
    # LG M50, 5 Ah: 28 mOhm, 11 mOhm with 26 s, 16 mOhm with 300 s.
    "NMC": (0.141, (0.055, 26.0), (0.080, 300.0), 2500.0, b"\x03", 6.0, 4150, 3000, 1800, 900),
    # Panasonic NCR18650PF, 2.9 Ah, from its pulses: 28 mOhm, 19 mOhm each with 19 and 370 s.
    "NCA": (0.082, (0.055, 19.0), (0.055, 370.0), 2500.0, b"\x05", 6.0, 4150, 2900, 1800, 900),
    # From experience, not measured.
    "LTO": (0.014, (0.007, 20.0), (0.004, 200.0), 2000.0, b"\x03", 10.0, 2650, 1900, 1800, 900),
    # A guess, as its table is.
    "Na-ion": (0.060, (0.030, 30.0), (0.024, 300.0), 2500.0, b"\x0f", 25.0, 3900, 2000, 3600, 900),
}


def figures(chemistry):
    """KeyError for an unknown chemistry."""
    return _FIGURES[chemistry]


def let_go():
    """Of this module and of what recalls: the start needs them, and nobody else."""
    import sys

    for package, name in (("vigil", "cell_models"), ("vigil.estimate", "recalled")):
        if sys.modules.pop(package + "." + name, None) and hasattr(sys.modules[package], name):
            delattr(sys.modules[package], name)
