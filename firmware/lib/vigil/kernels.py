"""Viper kernels: the arithmetic of the protection loop, over arrays that the caller owns.

House rules for this file are in docs/kernels.md, and why the code is laid out as it is: values
move through pointers, the first two arguments have the registers, the usual branch comes first.
"""

import micropython
from micropython import const


@micropython.viper
def crc8(buffer: ptr8, table: ptr8, count: int, seed: int) -> int:
    """CRC-8 of `count` bytes by a 256-byte table, started from `seed`."""
    while count > 3:
        seed = table[table[table[table[seed ^ buffer[0]] ^ buffer[1]] ^ buffer[2]] ^ buffer[3]]
        buffer = ptr8(int(buffer) + 4)
        count -= 4
    while count:
        seed = table[seed ^ buffer[0]]
        buffer = ptr8(int(buffer) + 1)
        count -= 1
    return seed


@micropython.viper
def crc8_unpack(buffer: ptr8, table: ptr8, count: int, seed: int) -> int:
    """Check `count` (data, crc) byte pairs and pack the data to the front; 1 if all agree, else 0.

    The first CRC starts from `seed` (the header bytes folded in), every later one from 0.
    """
    if not count:
        return 1
    if table[seed ^ buffer[0]] ^ buffer[1]:
        return 0
    target = ptr8(int(buffer) + 1)
    buffer = ptr8(int(buffer) + 2)
    count -= 1
    while count > 3:
        if table[buffer[0]] ^ buffer[1]:
            return 0
        if table[buffer[2]] ^ buffer[3]:
            return 0
        if table[buffer[4]] ^ buffer[5]:
            return 0
        if table[buffer[6]] ^ buffer[7]:
            return 0
        target[0] = buffer[0]
        target[1] = buffer[2]
        target[2] = buffer[4]
        target[3] = buffer[6]
        target = ptr8(int(target) + 4)
        buffer = ptr8(int(buffer) + 8)
        count -= 4
    while count:
        if table[buffer[0]] ^ buffer[1]:
            return 0
        target[0] = buffer[0]
        target = ptr8(int(target) + 1)
        buffer = ptr8(int(buffer) + 2)
        count -= 1
    return 1


@micropython.viper
def pec15(buffer: ptr8, table: ptr16, count: int, seed: int) -> int:
    """PEC15 of `count` bytes as it goes on the wire (16 bits, the lowest 0), started from `seed`.

    Bits beyond the code are cut off once, at the end.
    """
    while count:
        seed = (seed << 8) ^ table[((seed >> 7) ^ buffer[0]) & 0xFF]
        buffer = ptr8(int(buffer) + 1)
        count -= 1
    return (seed << 1) & 0xFFFE


# Two's complement in 32 bits, right on 64-bit hosts too, where a loaded word is zero-extended.
_UNKNOWN = const(0x1FFFFFFF)
_NOTHING = const(0 - (1 << 28))  # below every trip
_ALWAYS = const(_NOTHING - 1)  # below every value
_TICKS = const(0x3FFFFFFF)
_CHANGED = const(16)
_ACTIVE = const(32)

# Words of the Sample: first what is known in every call, ...
_HEALTH_FRESH = const(1)
_CALLED = const(6)
_GROUPS_AT = const(8 * 4)
# ... then a record for each group, closed by a word 0, ...
_FIRST = const(0)
_HIGHEST = const(1)
_LOWEST = const(2)
_HIGHEST_AT = const(3)
_LOWEST_AT = const(4)
_UNKNOWNS = const(5)
_FRESH = const(6)
_AGE = const(7)
_SEQUENCE = const(8)
_JUDGED = const(9)
_STAMP = const(10)
_READ = const(11)
_READ_BEFORE = const(12)
_LONGEST = const(13)
_END = const(14)
_GROUP_BYTES = const(15 * 4)
# ... then the values, each group followed by one word _UNKNOWN. More than that is unknown too.

# Words of a row; a word 0 closes the table.
_SCALAR = const(0)
_LEVEL = const(1)
_ELAPSED = const(2)
_TRIPPED = const(3)
_TRIP = const(4)
_RELEASE = const(5)
_TOLD = const(6)
_TRIP_DELAY = const(7)
_RELEASE_DELAY = const(8)
_ACTIONS = const(9)
_ROW_BYTES = const(10 * 4)


@micropython.viper
def judge(here: ptr32, held: int, table: ptr32) -> int:
    """The whole protection: summarise what is new in the Sample, then interpret the limit table.

    Call it with (the Sample, now in ms, the table). The first two arguments live in registers, so
    afterwards `here` is the place that is looked at and `held` the number in hand.

    The Sample: words 0 and 1 are the health scalars' unknown count (always 0) and fresh; 2 to 5
    the health scalars silence and the front end's three masks; 6 the time of the last call. Then
    records of 15 words, one a group: where its values begin; highest, lowest ^ -1, where they lie,
    unknown values, fresh, age ms; its sequence, judged sequence, stamp, read and read before ms;
    the longest fresh; where its values end. Places are in bytes from the Sample's start.
    fresh is 0 without a new sample, else 1 + milliseconds since the one before, up to the longest.
    A group without new data keeps its extremes; if none of its values is known they are below
    every trip.

    A row: its scalar (a word of the Sample), level, elapsed, tripped, trip, release, where its
    unknown count and fresh lie (in bytes), trip delay ms, release delay ms, actions. A lower limit
    looks at lowest ^ -1 and holds its limits so inverted, so that every row reads "above". An idle
    row's level is its trip and it is passed by below it; any other's is below everything. elapsed
    is 0 or 1 + ms of fresh samples beyond the trip, of a tripped row within the release.

    Returns the actions of all tripped rows, CHANGED if any row tripped or released, ACTIVE if
    any row is not idle (the actions of a tripped row include it).
    """
    sample = ptr32(int(here))
    now_ms = held
    sign = 1
    sign = sign << 31
    nothing = _UNKNOWN
    here[_HEALTH_FRESH] = ((now_ms - here[_CALLED]) & _TICKS) + 1
    here[_CALLED] = now_ms
    here = ptr32(int(here) + _GROUPS_AT)
    held = here[_FIRST]
    while held:
        here[_AGE] = (now_ms - here[_STAMP]) & _TICKS
        if here[_SEQUENCE] - here[_JUDGED]:
            group = ptr32(int(here))
            here = ptr32(int(sample) + held)
            end = int(sample) + group[_END]
            held = here[0]
            unknown = 0
            lowest = held
            beyond = held + 1
            if not (held - nothing) & sign:
                while int(here) != end and not (held - nothing) & sign:
                    unknown += 1
                    here = ptr32(int(here) + 4)
                    held = here[0]
                if int(here) == end:
                    lowest = _NOTHING ^ -1
                    beyond = _NOTHING + 1
                else:
                    lowest = held
                    beyond = held + 1
            lowest_at = int(here)
            highest_at = lowest_at
            while 1:
                # Most values lie within the extremes so far; the word at the end does not.
                while ((held - lowest) ^ (held - beyond)) & sign:
                    here = ptr32(int(here) + 4)
                    held = here[0]
                if (held - lowest) & sign:
                    lowest = held
                    lowest_at = int(here)
                elif (held - nothing) & sign:
                    beyond = held + 1
                    highest_at = int(here)
                elif int(here) == end:
                    break
                else:
                    unknown += 1
                here = ptr32(int(here) + 4)
                held = here[0]
            here = ptr32(int(group))
            here[_HIGHEST] = beyond - 1
            here[_LOWEST] = lowest ^ -1
            here[_HIGHEST_AT] = highest_at - int(sample)
            here[_LOWEST_AT] = lowest_at - int(sample)
            here[_UNKNOWNS] = unknown
            held = ((here[_READ] - here[_READ_BEFORE]) & _TICKS) + 1
            if held > here[_LONGEST]:
                held = here[_LONGEST]
            here[_FRESH] = held
            here[_READ_BEFORE] = here[_READ]
            here[_JUDGED] = here[_SEQUENCE]
        else:
            here[_FRESH] = 0
        here = ptr32(int(here) + _GROUP_BYTES)
        held = here[_FIRST]

    actions = 0
    changed = 0
    active = 0
    here = ptr32(int(table))
    held = here[_SCALAR]
    while held:
        held = sample[held]
        if (here[_LEVEL] - held) & sign:
            told = ptr32(int(sample) + here[_TOLD])
            if here[_TRIPPED]:
                if told[1]:
                    if told[0] or (here[_RELEASE] - held) & sign:
                        held = 0
                    else:
                        held = here[_ELAPSED]
                        if held:
                            held += told[1] - 1
                        else:
                            held = 1
                        if (here[_RELEASE_DELAY] - held) & sign:
                            held = 0
                            changed = _CHANGED
                            here[_TRIPPED] = 0
                            here[_LEVEL] = here[_TRIP]
                    here[_ELAPSED] = held
                if here[_TRIPPED]:
                    held = here[_ACTIONS]
                    actions |= held
            elif not told[1]:
                if here[_ELAPSED]:
                    active = _ACTIVE
            elif (here[_TRIP] - held) & sign:
                held = here[_ELAPSED]
                if held:
                    held += told[1] - 1
                else:
                    held = 1
                    here[_LEVEL] = _ALWAYS
                if (here[_TRIP_DELAY] - held) & sign:
                    here[_ELAPSED] = 0
                    here[_TRIPPED] = 1
                    changed = _CHANGED
                    held = here[_ACTIONS]
                    actions |= held
                else:
                    here[_ELAPSED] = held
                    active = _ACTIVE
            elif told[0]:
                active = _ACTIVE
            else:
                here[_ELAPSED] = 0
                here[_LEVEL] = here[_TRIP]
        here = ptr32(int(here) + _ROW_BYTES)
        held = here[_SCALAR]
    return actions | changed | active


@micropython.viper
def count_charge(counter: ptr32, current_ma: int, elapsed_ms: int) -> int:
    """Add current x time to counter: [0] whole mAh, [1] the remainder in mA*ms (0..3,599,999).

    The caller keeps |current_ma * elapsed_ms| below 10**9. Returns the mAh carried (signed).
    """
    total = counter[1] + current_ma * elapsed_ms
    carried = total // 3600000
    counter[1] = total - carried * 3600000
    counter[0] = counter[0] + carried
    return carried


# What look_at_cells is told and tells: a head, then three words for each cell.
_CELL_COUNT = const(0)
_KNOWN = const(1)
_SUM = const(2)
_LEAST = const(3)
_MOST = const(4)
_RISE = const(5)
_FALL = const(6)
_MOVED = const(7)
_SHIFTED = const(8)
_SWING = const(9)
_SWING_AT = const(10)
_KEEP = const(11)
_JUMP_MV = const(12)
_SWING_MV = const(13)
_MOVE_MV = const(14)
_LOW_RAIL_MV = const(15)
_HIGH_RAIL_MV = const(16)
_HEAD_BYTES = const(17 * 4)
_BEFORE = const(0)
_REFERENCE = const(1)
_NEXT = const(2)
_CELL_BYTES = const(3 * 4)
# Further than a voltage can move: one of the two was not known.
_FAR = const(0 - (1 << 24))

_SOME_UNKNOWN = const(1)
_AT_RAIL = const(2)
_JUMPED = const(4)
_SWUNG = const(8)
_STEPPED = const(16)


@micropython.viper
def look_at_cells(cells: ptr32, here: ptr32) -> int:
    """What is remarkable about a new scan of the cells, beside the last one and an older one.

    here: count of cells; told: cells known, their sum, lowest, highest, furthest up and furthest
    down since the last scan, all moves added, all moves since the reference added, the widest
    difference of two neighbours' moves since the reference and the upper one's place; keep: 1
    first of all the reference to come becomes the reference, and this scan the one to come, 2 only
    the latter; cleared; limits in mV of jump, swing, step, low and high rail. Then,
    a cell each: last known value, reference, the reference to come. Voltages are not negative.

    Returns bits: 1 some cell is unknown; 2 a cell is at a rail; 4 a cell moved further from the
    mean move than `jump`; 8 two neighbours moved apart by more than `swing` since the reference;
    16 the mean moved by more than `step`.
    """
    state = ptr32(int(here))
    left = here[_CELL_COUNT]
    keep = here[_KEEP]
    known = 0
    total = 0
    least = _UNKNOWN
    most = 0
    rise = _FAR
    fall = 0 - rise
    moved = 0
    shifted = 0
    widest = 0
    widest_at = 0
    shift_below = _FAR
    here = ptr32(int(here) + _HEAD_BYTES)
    while left:
        value = cells[0]
        if keep:
            if keep == 1:
                here[_REFERENCE] = here[_NEXT]
            here[_NEXT] = value
        if value < _UNKNOWN:
            known += 1
            total += value
            if value < least:
                least = value
            if value > most:
                most = value
            move = value - here[_BEFORE]
            if move < _FAR:
                move = 0
            here[_BEFORE] = value
            moved += move
            if move > rise:
                rise = move
            if move < fall:
                fall = move
            move = value - here[_REFERENCE]
            if move > _FAR:
                shifted += move
                if shift_below > _FAR:
                    shift_below -= move
                    if shift_below < 0:
                        shift_below = 0 - shift_below
                    if shift_below > widest:
                        widest = shift_below
                        widest_at = left
            shift_below = move
        else:
            shift_below = _FAR
        cells = ptr32(int(cells) + 4)
        here = ptr32(int(here) + _CELL_BYTES)
        left -= 1
    here = ptr32(int(state))
    here[_KEEP] = 0
    here[_KNOWN] = known
    here[_SUM] = total
    here[_LEAST] = least
    here[_MOST] = most
    here[_RISE] = rise
    here[_FALL] = fall
    here[_MOVED] = moved
    here[_SHIFTED] = shifted
    here[_SWING] = widest
    here[_SWING_AT] = here[_CELL_COUNT] - widest_at
    told = 0
    if known != here[_CELL_COUNT]:
        told = _SOME_UNKNOWN
    if known:
        if least <= here[_LOW_RAIL_MV] or most >= here[_HIGH_RAIL_MV]:
            told |= _AT_RAIL
        value = known * here[_JUMP_MV]
        if known * rise - moved > value or moved - known * fall > value:
            told |= _JUMPED
        if widest > here[_SWING_MV]:
            told |= _SWUNG
        value = known * here[_MOVE_MV]
        if moved > value or 0 - moved > value:
            told |= _STEPPED
    return told
