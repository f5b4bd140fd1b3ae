"""The kernels' cost on a Cortex-M0+: viper beside C, with glue, and their sizes."""

import copy

from host_tools.bench import workloads
from host_tools.bench.on_arm import C, Viper, compile_kernels, viper_code_sizes

PROCESSORS = ("armv6m", "xtensawin", "rv32imc")
MHZ = 125  # RP2040 as MicroPython clocks it
_CANDIDATES = 90
_LONG, _SHORT = 64, 32


def run(machine, workload):
    """(result, Cost) of one workload on its own copy of the buffers."""
    name, arguments = workload
    return machine.call(name, *(copy.copy(argument) for argument in arguments))


def _pair(viper, c, workload):
    own, other = run(viper, workload), run(c, workload)
    if own[0] != other[0]:
        raise AssertionError(f"{workload[0]}: viper gives {own[0]}, C gives {other[0]}")
    return {
        "viper_cycles": own[1].body,
        "c_cycles": other[1].body,
        "viper_to_c": round(own[1].body / other[1].body, 3),
        "call_cycles": own[1].call,
        "call_us": round(own[1].call / MHZ, 1),
    }


def protection(viper, c):
    return {
        "healthy": _pair(viper, c, workloads.healthy()),
        "one over": _pair(viper, c, workloads.one_over()),
        "worst found": _worst(viper, c, whole=False),
        "every row, healthy": _pair(viper, c, workloads.healthy(whole=True)),
        "every row, worst found": _worst(viper, c, whole=True),
    }


def _worst(viper, c, whole):
    return max(
        (_pair(viper, c, tried) for tried in workloads.worst_candidates(_CANDIDATES, whole=whole)),
        key=lambda pair: pair["call_cycles"],
    )


def plausibility(viper, c):
    return {
        "nothing new": _pair(viper, c, workloads.believable(new=())),
        "believable cells": _pair(viper, c, workloads.believable(new=(0, 2))),
        "believable, all new": _pair(viper, c, workloads.believable()),
        "everything moves": _pair(viper, c, workloads.wild_cells()),
    }


def check_codes(viper, c):
    """Cycles for each further byte of data."""
    found = {}
    for make in (workloads.crc8, workloads.crc8_unpack, workloads.pec15, workloads.crc16):
        long, short = _pair(viper, c, make(_LONG)), _pair(viper, c, make(_SHORT))
        per_byte = {
            key: (long[key] - short[key]) / (_LONG - _SHORT)
            for key in ("viper_cycles", "c_cycles")
        }
        per_byte["viper_to_c"] = round(per_byte["viper_cycles"] / per_byte["c_cycles"], 3)
        found[make.__name__] = per_byte
    return found


def readings(viper, c):
    """A whole call for 16 cells."""
    makers = (
        workloads.unpack_words,
        workloads.scatter_tenths,
        workloads.differ,
        workloads.publish,
    )
    found = {make.__name__: _pair(viper, c, make(workloads.CELLS)) for make in makers}
    return found | {
        "pec15_blocks of 2 devices": _pair(viper, c, workloads.pec15_blocks(2)),
        "refresh": _pair(viper, c, workloads.refresh()),
        "correct": _pair(viper, c, workloads.correct(workloads.CELLS)),
    }


def sizes():
    """Bytes of the .mpy file and of each kernel's machine code, by processor."""
    return {
        "mpy": {processor: len(compile_kernels(processor)) for processor in PROCESSORS},
        "code": {processor: viper_code_sizes(processor) for processor in PROCESSORS},
    }


def measure():
    viper, c = Viper(), C()
    return {
        "protection": protection(viper, c),
        "plausibility": plausibility(viper, c),
        "check codes, per byte": check_codes(viper, c),
        "readings of 16 cells": readings(viper, c),
        "bytes": sizes(),
    }


def tell(measured):
    print(
        "Kernels, Cortex-M0+ cycles (16 cells, 4 temperatures, current, stack; the 24 rows of the"
        f" first table, then all {len(workloads.limits.TABLE)} and the board's temperatures):"
    )
    print(f"  {'':22} {'viper':>7} {'C -O2':>7} {'ratio':>6} {'call':>7} {'at 125 MHz':>11}")
    tables = ("protection", "plausibility", "readings of 16 cells")
    for name, pair in (row for table in tables for row in measured[table].items()):
        print(
            f"  {name:22} {pair['viper_cycles']:7d} {pair['c_cycles']:7d}"
            f" {pair['viper_to_c']:6.2f} {pair['call_cycles']:7d} {pair['call_us']:8.1f} us"
        )
    for name, pair in measured["check codes, per byte"].items():
        print(
            f"  {name:22} {pair['viper_cycles']:7.1f} {pair['c_cycles']:7.1f}"
            f" {pair['viper_to_c']:6.2f}    a byte"
        )
    print("Kernels, bytes:")
    for processor in PROCESSORS:
        code = ", ".join(
            f"{name} {size}" for name, size in measured["bytes"]["code"][processor].items()
        )
        print(f"  {processor:10} .mpy {measured['bytes']['mpy'][processor]:5d}   code: {code}")
