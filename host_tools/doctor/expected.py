"""What the cost table says of what the doctor has timed: an RP2040, its clock as given, in us."""

from array import array

from host_tools.bench import figures
from host_tools.mock import costs

# How a reading of a BQ76952 is made up: (data bytes of its transfers, rows beside them).
_ALWAYS = ((2, 2, 6, 1), ("front end read",))
_NEW_CELLS, _NEW_SCAN = "front end read, new cells", "front end read, new slow scan"
_BUS_HZ = 400000
_CLEARING_BYTES = 2
_CHIPS = ("BQ76952", "BQ76942")
# Kernel: where host_tools/bench/figures.json has its cycles with the call.
_KERNELS = {
    "judge": ("protection", "every row, healthy"),
    "look": ("plausibility", "believable, all new"),
    "unpack_words": ("readings of 16 cells", "unpack_words"),
    "scatter_tenths": ("readings of 16 cells", "scatter_tenths"),
    "pec15_blocks": ("readings of 16 cells", "pec15_blocks of 2 devices"),
    "differ": ("readings of 16 cells", "differ"),
    "publish": ("readings of 16 cells", "publish"),
    "refresh": ("readings of 16 cells", "refresh"),
    "correct": ("readings of 16 cells", "correct"),
}
# Per byte, so that the call does not count.
_CHECK_CODES = ("crc8", "crc8_unpack", "pec15", "crc16")
_EVERYTHING_NEW = 3


def clock_mhz(processor, clock_hz):
    """The table counts cycles of an RP2040; for other processors it is a yardstick only."""
    return clock_hz / 1000000 if processor == "armv6m" else costs.MHZ


def part_us(name, kind, capabilities, mhz):
    """Of a part of the cycle, None where the table has none. kind: what was new (1 | 2)."""
    rows = costs.ROWS
    if name == "read":
        return _read_us(kind, capabilities, mhz)
    if name in ("judge", "plausibility"):
        return rows[name] / mhz if kind == _EVERYTHING_NEW else None
    # Both switches stay open during the test.
    row = {"act": "act, busy", "inputs": "inputs"}.get(name, name)
    return rows[row] / mhz if row in rows else None


def _read_us(kind, capabilities, mhz):
    if capabilities.get("chip") not in _CHIPS:
        return None
    rows = costs.ROWS
    readings, names = map(list, _ALWAYS)
    cycles = 0
    if kind & 1:
        readings += [2 * capabilities["cells"], 2]
        names.append(_NEW_CELLS)
    if kind & 2:
        readings += [6, 2, 2 * _thermistors(capabilities)]
        names.append(_NEW_SCAN)
        # While the switches are open the chip is asked for a load, too, by an unprepared reading.
        readings.append(2)
        cycles += rows["read"] - rows["take"]
    cycles += sum(rows[name] for name in names)
    cycles += len(readings) * rows["take"] + sum(readings) * rows["byte read"]
    # With check codes; nine bits a byte, start, repeated start and stop.
    bits = sum(30 + 18 * count for count in readings)
    if kind:
        cycles += rows["send"]
        bits += 20 + 18 * _CLEARING_BYTES
    return cycles / mhz + bits * 1000000 / _BUS_HZ


def _thermistors(capabilities):
    """Those of the switches lie behind all three pins of the cells."""
    switches = capabilities["switch_temps"]
    return 3 + switches if switches else capabilities["temps"]


def kernel_us(name, mhz):
    known = figures.committed()
    if name in _CHECK_CODES:
        return known["check codes, per byte"][name]["viper_cycles"] / mhz
    if name not in _KERNELS:
        return None
    table, row = _KERNELS[name]
    return known[table][row]["call_cycles"] / mhz


def kernel_calls():
    """{kernel: [(arguments, bytes)]}: one call, or two whose difference is that of the bytes."""
    from host_tools.bench import workloads

    cells = workloads.CELLS
    calls = {
        "judge": workloads.healthy(whole=True),
        "look": workloads.believable(),
        "unpack_words": workloads.unpack_words(cells),
        "scatter_tenths": workloads.scatter_tenths(cells),
        "pec15_blocks": workloads.pec15_blocks(2),
        "differ": workloads.differ(cells),
        "publish": workloads.publish(cells),
        "refresh": workloads.refresh(),
        "correct": _ever_new(workloads.correct(cells)),
    }
    found = {name: [(arguments, 0)] for name, (_, arguments) in calls.items()}
    found["count_charge"] = [((array("i", [10, 5]), -20000, 63), 0)]
    for name in _CHECK_CODES:
        make = getattr(workloads, name)
        found[name] = [(make(count)[1], count) for count in (64, 32)]
    return found


def _ever_new(correct):
    """What the call changes stands where it looks for something new: each one has all to do."""
    name, (words, cells, state) = correct
    state[0], state[6] = state[2], state[8]
    state[4] = 0  # or the current would grow beyond all bounds
    return name, (words, cells, state)
