"""Command codes (11 bits) of the LTC681x family and what the codes of conversions mean."""

WRCFGA = 0x001
RDCFGA = 0x002
WRCFGB = 0x024
RDCFGB = 0x026
CELL_GROUPS = (0x004, 0x006, 0x008, 0x00A, 0x009, 0x00B)
AUX_GROUPS = (0x00C, 0x00E, 0x00D, 0x00F)
RDSTATA = 0x010
RDSTATB = 0x012
WRSCTRL = 0x014
RDSCTRL = 0x016
CLRSCTRL = 0x018
STSCTRL = 0x019
WRPSB = 0x01C
RDPSB = 0x01E
WRPWM = 0x020
RDPWM = 0x022
MUTE = 0x028
UNMUTE = 0x029
CLRCELL = 0x711
CLRAUX = 0x712
CLRSTAT = 0x713
PLADC = 0x714
DIAGN = 0x715
WRCOMM = 0x721
RDCOMM = 0x722
STCOMM = 0x723

WRITES = (WRCFGA, WRCFGB, WRSCTRL, WRPSB, WRPWM, WRCOMM)
ONLY_BIG = (WRCFGB, RDCFGB, 0x009, 0x00B, 0x00D, 0x00F, WRPSB, RDPSB, MUTE, UNMUTE)

ADCV = 1
ADOW = 2
CVST = 3
ADOL = 4
ADAX = 5
ADAXD = 6
AXOW = 7
AXST = 8
ADSTAT = 9
ADSTATD = 10
STATST = 11
ADCVAX = 12
ADCVSC = 13

# Bits that are fixed, their value, which conversion. The first that fits counts.
_CONVERSIONS = (
    (0x66F, 0x46F, ADCVAX),
    (0x66F, 0x467, ADCVSC),
    (0x66F, 0x201, ADOL),
    (0x61F, 0x207, CVST),
    (0x61F, 0x407, AXST),
    (0x61F, 0x40F, STATST),
    (0x668, 0x260, ADCV),
    (0x628, 0x228, ADOW),
    (0x678, 0x460, ADAX),
    (0x678, 0x400, ADAXD),
    (0x638, 0x410, AXOW),
    (0x678, 0x468, ADSTAT),
    (0x678, 0x408, ADSTATD),
)
_SELF_TESTS = (CVST, AXST, STATST)
_FIXED = (ADOL, ADCVAX, ADCVSC)


class Conversion:
    """A start command taken apart: kind, speed, channel selection, switches while measuring."""

    def __init__(self, kind, code):
        self.kind = kind
        self.md = code >> 7 & 3
        self.self_test = code >> 5 & 3 if kind in _SELF_TESTS else 0
        self.pull_up = bool(code & 0x40)
        self.keep_discharge = bool(code & 0x10) and kind in (ADCV, ADOW, ADOL, ADCVAX, ADCVSC)
        self.select = 0 if self.self_test or kind in _FIXED else code & 7


def conversion(code):
    """The conversion that a code starts, or None."""
    for mask, value, kind in _CONVERSIONS:
        if code & mask != value:
            continue
        found = Conversion(kind, code)
        if kind in _SELF_TESTS:
            return found if found.self_test in (1, 2) else None
        return found if found.select < 7 else None
    return None
