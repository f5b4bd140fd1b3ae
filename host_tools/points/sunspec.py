"""firmware/lib/vigil/link/sunspec_table.py: SunSpec models 1, 802, 803 and 805 over the points.

A template of all registers, and what goes into it of the running BMS. One string, one module.
"""

import struct
from typing import NamedTuple

from host_tools import firmware
from host_tools.points import pack
from host_tools.points.declared import POINTS
from host_tools.points.pack import in_bytes, in_names, literal

PATH = "firmware/lib/vigil/link/sunspec_table.py"
START = 40000
_HEAD = '''"""SunSpec's models: written by `make docs` from host_tools/points/sunspec.py."""

'''
# Kinds of registers: how a value is written, and what stands for one that is not known.
U16, S16, U32, TEXT, OWN = range(5)
_HELD = 0x80
_TABLES = 5  # holders up to this one are looked up anew each time
# Divisors by code; the last two depend on how large the pack's currents are.
DIVISORS = (1, 10, 100)
FINE_CURRENT, FINE_POWER = 3, 4
# What only this view knows, see sunspec.py.
OWN_VALUES = (
    "unit",
    "charge_status",
    "bank_state",
    "heartbeat",
    "events",
    "connected",
    "string_status",
    "why_open",
    "bleeding",
    "set_operation",
    "current_scale",
    "power_scale",
    "charge_power",
    "discharge_power",
    "depth",
    "model_length",
)


class Field(NamedTuple):
    """registers: how many; value: a number, a text, or what follows it: key, element, divisor."""

    name: str
    registers: int = 1
    value: object = None
    key: str = ""
    element: int = 0
    kind: int = U16
    divisor: int = 0


def _of(name, key, divisor=0, kind=U16, element=0, registers=1):
    return Field(name, registers, None, key, element, kind, divisor)


def _own(name, what, registers=1):
    return Field(name, registers, None, what, 0, OWN)


def _no(name, registers=1, value=0xFFFF):
    """Not implemented."""
    return Field(name, registers, value)


def _zeros(name, registers=2):
    return Field(name, registers, 0)


def _rows(name, first):
    """Two words of the limits' bits, the upper one first."""
    return (
        _of(name, "tripped", element=first + 1),
        _of(name + " low", "tripped", element=first),
    )


_NEGATIVE = 0x10000
_PAD = 0x8000

COMMON = (
    Field("Mn", 16, "Vigil"),
    _of("Md", "device_name", kind=TEXT, registers=16),
    Field("Opt", 8, ""),
    _of("Vr", "version", kind=TEXT, registers=8),
    Field("SN", 16, ""),
    _own("DA", "unit"),
    Field("Pad", 1, _PAD),
)
BASE = (
    _of("AHRtg", "capacity_mah", 2),
    _of("WHRtg", "energy_wh"),
    _own("WChaRteMax", "charge_power"),
    _own("WDisChaRteMax", "discharge_power"),
    _no("DisChaRte"),
    Field("SoCMax", 1, 1000),
    Field("SoCMin", 1, 0),
    _no("SocRsvMax"),
    _no("SoCRsvMin"),
    _of("SoC", "soc"),
    _own("DoD", "depth"),
    _of("SoH", "soh"),
    _of("NCyc", "cycles", kind=U32, registers=2),
    _own("ChaSt", "charge_status"),
    Field("LocRemCtl", 1, 1),
    _own("Hb", "heartbeat"),
    _no("CtrlHb"),
    Field("AlmRst", 1, 0),
    Field("Typ", 1, 4),
    _own("State", "bank_state"),
    _no("StateVnd"),
    Field("WarrDt", 2, 0xFFFFFFFF),
    _own("Evt1", "events", 2),
    _zeros("Evt2"),
    *_rows("EvtVnd1", 0),
    *_rows("EvtVnd2", 2),
    _of("V", "stack_mv", 1),
    _of("VMax", "charge_end_mv", 1),
    _of("VMin", "discharge_end_mv", 1),
    _of("CellVMax", "cell_max_mv"),
    Field("CellVMaxStr", 1, 1),
    Field("CellVMaxMod", 1, 1),
    _of("CellVMin", "cell_min_mv"),
    Field("CellVMinStr", 1, 1),
    Field("CellVMinMod", 1, 1),
    _of("CellVAvg", "cell_mean_mv"),
    _of("A", "current_ma", FINE_CURRENT, S16),
    _of("AChaMax", "charge_limit_ma", 2),
    _of("ADisChaMax", "discharge_limit_ma", 2),
    _of("W", "power_w", FINE_POWER, S16),
    _no("ReqInvState"),
    _no("ReqW", value=_PAD),
    _own("SetOp", "set_operation"),
    _no("SetInvState"),
    Field("AHRtg_SF", 1, _NEGATIVE - 1),
    Field("WHRtg_SF", 1, 0),
    _own("WChaDisChaMax_SF", "power_scale"),
    _no("DisChaRte_SF", value=_PAD),
    Field("SoC_SF", 1, _NEGATIVE - 1),
    Field("DoD_SF", 1, _NEGATIVE - 1),
    Field("SoH_SF", 1, _NEGATIVE - 1),
    Field("V_SF", 1, _NEGATIVE - 2),
    Field("CellV_SF", 1, _NEGATIVE - 3),
    _own("A_SF", "current_scale"),
    Field("AMax_SF", 1, _NEGATIVE - 1),
    _own("W_SF", "power_scale"),
)
_ONE = ("Str", "Mod")
BANK = (
    Field("NStr", 1, 1),
    _own("NStrCon", "connected"),
    _of("ModTmpMax", "temp_max_dc", kind=S16),
    *(Field("ModTmpMax" + where, 1, 1) for where in _ONE),
    _of("ModTmpMin", "temp_min_dc", kind=S16),
    *(Field("ModTmpMin" + where, 1, 1) for where in _ONE),
    _of("ModTmpAvg", "temp_mean_dc", kind=S16),
    _of("StrVMax", "stack_mv", 1),
    Field("StrVMaxStr", 1, 1),
    _of("StrVMin", "stack_mv", 1),
    Field("StrVMinStr", 1, 1),
    _of("StrVAvg", "stack_mv", 1),
    _of("StrAMax", "current_ma", FINE_CURRENT, S16),
    Field("StrAMaxStr", 1, 1),
    _of("StrAMin", "current_ma", FINE_CURRENT, S16),
    Field("StrAMinStr", 1, 1),
    _of("StrAAvg", "current_ma", FINE_CURRENT, S16),
    _own("NCellBal", "bleeding"),
    Field("CellV_SF", 1, _NEGATIVE - 3),
    Field("ModTmp_SF", 1, _NEGATIVE - 1),
    _own("A_SF", "current_scale"),
    Field("SoH_SF", 1, _NEGATIVE - 1),
    Field("SoC_SF", 1, _NEGATIVE - 1),
    Field("V_SF", 1, _NEGATIVE - 2),
    Field("StrNMod", 1, 1),
    _own("StrSt", "string_status", 2),
    _no("StrConFail"),
    _of("StrSoC", "soc"),
    _of("StrSoH", "soh"),
    _of("StrA", "current_ma", FINE_CURRENT, S16),
    _of("StrCellVMax", "cell_max_mv"),
    Field("StrCellVMaxMod", 1, 1),
    _of("StrCellVMin", "cell_min_mv"),
    Field("StrCellVMinMod", 1, 1),
    _of("StrCellVAvg", "cell_mean_mv"),
    _of("StrModTmpMax", "temp_max_dc", kind=S16),
    Field("StrModTmpMaxMod", 1, 1),
    _of("StrModTmpMin", "temp_min_dc", kind=S16),
    Field("StrModTmpMinMod", 1, 1),
    _of("StrModTmpAvg", "temp_mean_dc", kind=S16),
    _own("StrDisRsn", "why_open"),
    _zeros("StrConSt"),
    _own("StrEvt1", "events", 2),
    _zeros("StrEvt2"),
    *_rows("StrEvtVnd1", 0),
    *_rows("StrEvtVnd2", 2),
    _no("StrSetEna"),
    _no("StrSetCon"),
    Field("Pad1", 1, _PAD),
    Field("Pad2", 1, _PAD),
)
# Behind it follow four registers a cell, which the firmware makes.
MODULE = (
    Field("StrIdx", 1, 1),
    Field("ModIdx", 1, 1),
    _of("NCell", "cell_count"),
    _of("SoC", "soc"),
    _own("DoD", "depth"),
    _of("SoH", "soh"),
    _of("NCyc", "cycles", kind=U32, registers=2),
    _of("V", "stack_mv", 1),
    _of("CellVMax", "cell_max_mv"),
    _of("CellVMaxCell", "cell_max_at"),
    _of("CellVMin", "cell_min_mv"),
    _of("CellVMinCell", "cell_min_at"),
    _of("CellVAvg", "cell_mean_mv"),
    _of("CellTmpMax", "temp_max_dc", kind=S16),
    _no("CellTmpMaxCell"),
    _of("CellTmpMin", "temp_min_dc", kind=S16),
    _no("CellTmpMinCell"),
    _of("CellTmpAvg", "temp_mean_dc", kind=S16),
    _own("NCellBal", "bleeding"),
    Field("SN", 16, ""),
    Field("SoC_SF", 1, _NEGATIVE - 1),
    Field("SoH_SF", 1, _NEGATIVE - 1),
    Field("DoD_SF", 1, _NEGATIVE - 1),
    Field("V_SF", 1, _NEGATIVE - 2),
    Field("CellV_SF", 1, _NEGATIVE - 3),
    Field("Tmp_SF", 1, _NEGATIVE - 1),
)


def registers(fields):
    return sum(field.registers for field in fields)


def _with_head(number, fields):
    return (Field("ID", 1, number), Field("L", 1, registers(fields)), *fields)


MODELS = {
    1: _with_head(1, COMMON),
    802: _with_head(802, BASE),
    803: _with_head(803, BANK),
    805: (Field("ID", 1, 805), _own("L", "model_length"), *MODULE),
}

# Bit of Evt1 for each limit row.
EVENTS = {
    1: 10,
    2: 9,
    3: 12,
    4: 11,
    5: 9,
    6: 11,
    7: 5,
    8: 7,
    9: 1,
    10: 3,
    11: 1,
    12: 3,
    13: 0,
    14: 0,
    15: 0,
    16: 0,
    17: 0,
    18: 0,
    19: 0,
    20: 0,
    21: 0,
    22: 25,
    23: 25,
    24: 25,
    25: 9,
    26: 11,
    27: 5,
    28: 7,
    29: 17,
    30: 19,
    31: 2,
    32: 1,
    33: 0,
    34: 0,
    35: 25,
    36: 25,
    37: 25,
    38: 25,
    39: 20,
    40: 23,
    41: 25,
    42: 2,
    43: 1,
    44: 5,
    45: 25,
    46: 20,
    47: 26,
    48: 26,
    49: 28,
    50: 7,
}


def fields():
    """(first register counted from START, Field) of all models, the marker before them."""
    for at, _, field in _fields():
        yield at, field


def _fields():
    at = 2
    for number, model in MODELS.items():
        for field in model:
            yield at, number, field
            at += field.registers


def begins():
    """Registers at which a model begins, the first one apart."""
    return tuple(at for at, field in fields() if field.name == "ID")[1:]


def template():
    """All registers up to the first cell, what is dynamic being 0."""
    words = b"SunS"
    for _, field in fields():
        if isinstance(field.value, str):
            words += field.value.encode().ljust(2 * field.registers, b"\0")
        elif field.registers == 2 and field.value is not None:
            words += struct.pack(">I", field.value)
        else:
            words += struct.pack(">H", field.value or 0) * field.registers
    return words


def entries(number):
    """What is filled in of a model, each value once: what it is (2 bytes), how (kind x 16 +
    divisor), registers of it, number of places, the places (2 each, rising).

    What it is: name and holder, as the table of the points has them, where the kind has _HELD;
    else function and element; the point's place, 0 for texts; one of OWN_VALUES, 0."""
    places = {}
    for at, model, field in _fields():
        if field.key and model == number:
            source, flag = _source(field)
            how = field.kind << 4 | field.divisor | flag
            places.setdefault((*source, how, field.registers), []).append(at)
    packed = b""
    for head, found in places.items():
        packed += bytes([*head, len(found)]) + struct.pack(f"<{len(found)}H", *found)
    return packed


def _source(field):
    if field.kind == OWN:
        return (OWN_VALUES.index(field.key), 0), 0
    place = [point.key for point in POINTS].index(field.key)
    if field.kind == TEXT:
        return (place, 0), 0
    record = pack.records()[0][8 * place : 8 * place + 8]
    count, holder, name = record[4], record[5] & 31, record[6]
    if not holder:
        return (name, field.element), 0
    if count > 1 or holder <= _TABLES:
        raise ValueError(f"{field.key} is not held as one value")
    return (name, holder), _HELD


def text():
    """The whole file."""
    (limits,) = firmware.load("limits")
    events = bytes(EVENTS[row] for row in range(1, limits.LAST_ROW + 1))
    return "".join(
        [
            _HEAD,
            f"REGISTERS = {len(template()) // 2}\n",
            f"MODELS = {begins()}  # where each begins, behind the first\n",
            "# In pieces of 14 registers, which are copied whole.\n",
            in_bytes("TEMPLATE", template(), 28, ","),
            "ENTRIES = (\n",
            *("    " + literal(entries(number)) + ",\n" for number in MODELS),
            ")\n",
            in_bytes("EVENTS", events, 16),
            in_names("OWN_VALUES", OWN_VALUES),
        ]
    )
