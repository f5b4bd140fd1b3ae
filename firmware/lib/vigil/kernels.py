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


@micropython.viper
def pec15_blocks(buffer: ptr8, table: ptr16, count: int, seed: int) -> int:
    """Of `count` blocks of six bytes and their PEC15, one after the other, those that are whole.

    Bit k of the result stands for block k.
    """
    whole = 0
    bit = 1
    while count:
        end = int(buffer) + 6
        code = seed
        while int(buffer) < end:
            code = (code << 8) ^ table[((code >> 7) ^ buffer[0]) & 0xFF]
            buffer = ptr8(int(buffer) + 1)
        if not ((code << 1) ^ (buffer[0] << 8) ^ buffer[1]) & 0xFFFF:
            whole |= bit
        buffer = ptr8(int(buffer) + 2)
        bit += bit
        count -= 1
    return whole


@micropython.viper
def scatter_tenths(target: ptr32, data: ptr8, places: ptr8, count: int) -> int:
    """target[places[0]] = a tenth, rounded, of the unsigned word at data[places[1]]; returns 0.

    Words have 16 bits, the low byte first; `count` pairs of places. A fifth is 52429 / 2**18.
    """
    while count:
        at = places[1]
        half = ((data[at] | (data[at + 1] << 8)) + 5) >> 1
        target[places[0]] = (half * 52429) >> 18
        places = ptr8(int(places) + 2)
        count -= 1
    return 0


@micropython.viper
def crc16(buffer: ptr8, total: int, at: int, end: int) -> int:
    """Run Modbus's CRC-16 on from `total` over the bytes at..end, or to where it becomes 0.

    The place behind the last byte taken x 65536 + the total; without a table.
    """
    buffer = ptr8(int(buffer) + at)
    while at < end:
        total = total ^ buffer[0]
        buffer = ptr8(int(buffer) + 1)
        at += 1
        bits = 8
        while bits:
            if total & 1:
                total = (total >> 1) ^ 0xA001
            else:
                total = total >> 1
            bits -= 1
        if not total:
            return at << 16
    return (at << 16) | total


# Two's complement in 32 bits, right on 64-bit hosts too, where a loaded word is zero-extended.
_UNKNOWN = const(0x1FFFFFFF)


@micropython.viper
def unpack_words(target: ptr32, data: ptr8, places: ptr8, count: int) -> int:
    """target[i] = the signed 16-bit little-endian word at data[places[i]]; returns 0."""
    while count:
        at = places[0]
        target[0] = ((data[at] | (data[at + 1] << 8)) ^ 0x8000) - 0x8000
        target = ptr32(int(target) + 4)
        places = ptr8(int(places) + 1)
        count -= 1
    return 0


@micropython.viper
def differ(some: ptr32, others: ptr32, count: int, by: int) -> int:
    """1 if any of `count` words is more than `by` away from its counterpart, else 0."""
    sign = 1
    sign = sign << 31
    while count:
        apart = some[0] - others[0]
        if ((by - apart) | (by + apart)) & sign:
            return 1
        some = ptr32(int(some) + 4)
        others = ptr32(int(others) + 4)
        count -= 1
    return 0


@micropython.viper
def publish(target: ptr32, words: ptr32, count: int, zero: int, lowest: int, highest: int) -> int:
    """target[i] = words[i] - zero, or unknown where that is not in lowest..highest; returns 0."""
    sign = 1
    sign = sign << 31
    while count:
        word = words[0] - zero
        if ((word - lowest) | (highest - word)) & sign:
            word = _UNKNOWN
        target[0] = word
        target = ptr32(int(target) + 4)
        words = ptr32(int(words) + 4)
        count -= 1
    return 0


@micropython.viper
def correct(words: ptr32, cells: ptr32, state: ptr32) -> int:
    """Correct the current and the cells of a Sample that are new since the call before; returns 0.

    state: place of the current's sequence, that sequence when last corrected, place of the
    current, what is taken off it, what is added of it in 1/16384, what it was uncorrected; place
    of the cells' sequence, that when last corrected, place of the first cell, how many. cells:
    what is added to each. The unknown stays so.
    """
    sign = 1
    sign = sign << 31
    at = state[0]
    if words[at] != state[1]:
        state[1] = words[at]
        at = state[2]
        word = words[at]
        state[5] = word
        if word != _UNKNOWN:
            word = (word ^ sign) - sign
            word = word - ((state[3] ^ sign) - sign)
            gain = (state[4] ^ sign) - sign
            words[at] = word + (((word >> 4) * gain) >> 10)
    at = state[6]
    if words[at] != state[7]:
        state[7] = words[at]
        words = ptr32(int(words) + (state[8] << 2))
        count = state[9]
        while count:
            word = words[0]
            if word != _UNKNOWN:
                words[0] = word + cells[0]
            words = ptr32(int(words) + 4)
            cells = ptr32(int(cells) + 4)
            count -= 1
    return 0


# The protection.
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
def refresh(record: ptr32, now_ms: int, answered_ms: int, period_ms: int) -> int:
    """A new conversion of the group with this record (see judge) was read now; returns 0.

    It may have been ready since the last look, so it dates from there, but at most one period ago.
    """
    waited_ms = (now_ms - answered_ms) & _TICKS
    if waited_ms > period_ms:
        waited_ms = period_ms
    record[_STAMP] = (now_ms - waited_ms) & _TICKS
    record[_READ] = now_ms
    # The sequence skips 0, which means "never".
    sequence = record[_SEQUENCE] + 1
    if sequence == 1:
        record[_READ_BEFORE] = now_ms
    if sequence > _TICKS:
        sequence = 1
    record[_SEQUENCE] = sequence
    return 0


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


# What look works on beside the Sample: a head, ...
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
_UNTIL_KEEP = const(17)
_KEEP_EVERY = const(18)
_CELLS_AT = const(19)
_CURRENT_AT = const(20)
_NOW_MA = const(21)
_LAST_MA = const(22)
_BEFORE_MA = const(23)
_CELLS_SEEN = const(24)
_CURRENT_SEEN = const(25)
_CELLS_MS = const(26)
_ELAPSED_MS = const(27)
_MOVING = const(28)
_FOLLOWED = const(29)
_SUM_AT = const(30)
_SUM_COUNT = const(31)
_OFFSET_MV = const(32)
_SLACK_MV = const(33)
_REFERENCE_OFFSET_MV = const(34)
_NEXT_OFFSET_MV = const(35)
_STACK_AT = const(36)
_STACK_SEEN = const(37)
_TEMPS_AT = const(38)
_TEMP_COUNT = const(39)
_TEMPS_SEEN = const(40)
_TEMPS_MS = const(41)
_REST_MA = const(42)
_RESTED = const(43)
_REST_SCANS = const(44)
_MOVE_MA = const(45)
_END_MV = const(46)
_SUMS = const(47)  # up to eight of them
_CELLS_SINCE = const(55)
_SUM_MV = const(56)
_APART_DK = const(57)
_CALM_OFFSET_MV = const(58)
_WAS_FAST = const(59)
_HEAD_BYTES = const(60 * 4)
# ... three words for each cell, and the reference of each temperature.
_BEFORE = const(0)
_REFERENCE = const(1)
_NEXT = const(2)
_CELL_BYTES = const(3 * 4)
# Further than a voltage can move: one of the two was not known.
_FAR = const(0 - (1 << 24))
_GAP_MS = const(1000)
_NOISE_DK = const(10)

# Words of the Sample.
_CELLS_RECORD = const(8)
_TEMPS_RECORD = const(8 + 15)
_CURRENT_RECORD = const(8 + 2 * 15)
_STACK_RECORD = const(8 + 3 * 15)
_CELL_SPREAD = const(84 + 14)
_TEMP_SPREAD = const(84 + 15)

_SOME_UNKNOWN = const(1)
_AT_RAIL = const(2)
_JUMPED = const(4)
_SWUNG = const(8)
_STEPPED = const(16)
_ENDS = const(32)
_GAP = const(64)
_SUM_OFF = const(128)
_FAST = const(256)
_APART = const(512)
_NEW_CELLS = const(1024)
_NEW_STACK = const(2048)
_NEW_TEMPS = const(4096)


@micropython.viper
def look(here: ptr32, state: ptr32) -> int:
    """Everything that is new in the Sample, seen through the eyes of doubt.

    here: the Sample. state: count of cells; told: cells known, their sum, lowest, highest,
    furthest up and furthest down since the scan before, all moves added, all moves since the
    reference added, the widest difference of two neighbours' moves since the reference and the
    upper one's place; how to keep: when it is due and nothing moves, 1 the reference to come
    becomes the reference and this scan the one to come, 2 only the latter; then limits, places and
    what is kept from scan to scan, as the constants above say. Places of cells and temperatures
    are in bytes from the Sample's start, of current and stack in words. The last sums of the cells
    are in a ring; offset is the stack less their middle, slack half their span; calm is the offset
    before, or the last one with little slack; fast: a temperature was so in the last scan. After
    the head, a cell each: last known value, reference, the reference to come; then the
    temperatures' references. Writes the spreads of cells and temperatures into the Sample.
    Voltages are not negative.

    Returns bits: 1 some cell is unknown; 2 a cell is at a rail; 4 a cell moved further from the
    mean move than `jump`; 8 two neighbours moved apart by more than `swing` since the reference;
    16 the mean moved by more than `move`, or the current did; 32 the first or the last cell moved
    further from the mean than `end` since the reference; 64 a second has passed since the scan of
    the cells before; 128 the stack is off every sum by more than allowed; 256 a temperature
    changed impossibly fast; 512 temperatures lie apart at rest; 1024, 2048, 4096 cells, stack,
    temperatures are new.
    """
    told = 0
    sign = 1
    sign = sign << 31
    if here[_CELLS_RECORD + _SEQUENCE] - state[_CELLS_SEEN]:
        state[_CELLS_SEEN] = here[_CELLS_RECORD + _SEQUENCE]
        held = here[_CELLS_RECORD + _READ]
        state[_ELAPSED_MS] = (held - state[_CELLS_MS]) & _TICKS
        state[_CELLS_MS] = held
        state[_BEFORE_MA] = state[_LAST_MA]
        state[_LAST_MA] = state[_NOW_MA]
        held = _UNKNOWN
        if here[_CURRENT_RECORD + _SEQUENCE] - state[_CURRENT_SEEN]:
            held = here[state[_CURRENT_AT]]
            state[_CURRENT_SEEN] = here[_CURRENT_RECORD + _SEQUENCE]
        state[_NOW_MA] = held
        # A reference taken while the current steps would show cells of two moments.
        held = state[_UNTIL_KEEP] - 1
        due = 0
        if held & sign or not held:
            held = 0
            if not state[_MOVING] and not state[_FOLLOWED]:
                due = state[_KEEP]
        state[_UNTIL_KEEP] = held
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
        first = 0
        cells = ptr32(int(here) + state[_CELLS_AT])
        left = state[_CELL_COUNT]
        book = ptr32(int(state))
        sample = ptr32(int(here))
        here = ptr32(int(state) + _HEAD_BYTES)
        state = ptr32(int(cells))
        while left:
            value = state[0]
            if due:
                if due == 1:
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
                    elif known == 1:
                        first = move
                shift_below = move
            else:
                shift_below = _FAR
            state = ptr32(int(state) + 4)
            here = ptr32(int(here) + _CELL_BYTES)
            left -= 1
        here = ptr32(int(sample))
        state = ptr32(int(book))
        state[_KNOWN] = known
        state[_SUM] = total
        state[_LEAST] = least
        state[_MOST] = most
        state[_RISE] = rise
        state[_FALL] = fall
        state[_MOVED] = moved
        state[_SHIFTED] = shifted
        state[_SWING] = widest
        state[_SWING_AT] = state[_CELL_COUNT] - widest_at
        if known != state[_CELL_COUNT]:
            told = _SOME_UNKNOWN
        if known:
            if least <= state[_LOW_RAIL_MV] or most >= state[_HIGH_RAIL_MV]:
                told |= _AT_RAIL
            value = known * state[_JUMP_MV]
            if known * rise - moved > value or moved - known * fall > value:
                told |= _JUMPED
            if widest > state[_SWING_MV]:
                told |= _SWUNG
            value = known * state[_MOVE_MV]
            if moved > value or 0 - moved > value:
                told |= _STEPPED
            value = known * state[_END_MV]
            first = known * first - shifted
            if first > value or 0 - first > value:
                told |= _ENDS
            if shift_below > _FAR:
                shift_below = known * shift_below - shifted
                if shift_below > value or 0 - shift_below > value:
                    told |= _ENDS
        held = state[_NOW_MA]
        if (held - _UNKNOWN) & (state[_LAST_MA] - _UNKNOWN) & sign:
            held = held - state[_LAST_MA]
            if ((state[_MOVE_MA] - held) | (state[_MOVE_MA] + held)) & sign:
                told |= _STEPPED
        if due:
            if due == 1:
                state[_REFERENCE_OFFSET_MV] = state[_NEXT_OFFSET_MV]
                state[_NEXT_OFFSET_MV] = state[_CALM_OFFSET_MV]
            if told & _STEPPED:
                state[_KEEP] = 2
            else:
                state[_KEEP] = 1
                state[_UNTIL_KEEP] = state[_KEEP_EVERY]
        # A voltage that has moved and stays there is a reference like any other.
        state[_MOVING] = told & _STEPPED
        if state[_KNOWN]:
            here[_CELL_SPREAD] = state[_MOST] - state[_LEAST]
        held = state[_SUM_AT]
        state[_SUMS + held] = state[_SUM]
        if told & _SOME_UNKNOWN:
            state[_SUMS + held] = _UNKNOWN
        held += 1
        if held == state[_SUM_COUNT]:
            held = 0
        state[_SUM_AT] = held
        state[_CELLS_SINCE] = 1
        if state[_ELAPSED_MS] > _GAP_MS:
            told |= _GAP
        told |= _NEW_CELLS
    if here[_STACK_RECORD + _SEQUENCE] - state[_STACK_SEEN]:
        state[_STACK_SEEN] = here[_STACK_RECORD + _SEQUENCE]
        held = here[state[_STACK_AT]]
        if held < _UNKNOWN and state[_CELLS_SINCE]:
            state[_CELLS_SINCE] = 0
            at = state[_SUM_COUNT]
            least = _UNKNOWN
            most = 0
            while at:
                at -= 1
                value = state[_SUMS + at]
                if value < least:
                    least = value
                if value > most:
                    most = value
            if most < _UNKNOWN:
                told |= _NEW_STACK
                # The one before; while the sums move, none says how cells and stack stand.
                if state[_SUM_MV] >= state[_SLACK_MV] << 1:
                    state[_CALM_OFFSET_MV] = state[_OFFSET_MV]
                state[_OFFSET_MV] = held - ((least + most) >> 1)
                state[_SLACK_MV] = (most - least) >> 1
                # A two-hundredth.
                value = state[_SUM_MV] + ((most * 41) >> 13)
                if held > most + value or held < least - value:
                    told |= _SUM_OFF
    if here[_TEMPS_RECORD + _SEQUENCE] - state[_TEMPS_SEEN]:
        state[_TEMPS_SEEN] = here[_TEMPS_RECORD + _SEQUENCE]
        told |= _NEW_TEMPS
        elapsed = (here[_TEMPS_RECORD + _READ] - state[_TEMPS_MS]) & _TICKS
        keep = 0
        if elapsed >= _GAP_MS:
            keep = 1
        # Whatever the pause was: all that can have happened meanwhile is believed.
        if elapsed > 60000:
            elapsed = 60000
        # 5 K/s are 0.1 K in 20 ms.
        elapsed = _NOISE_DK + ((elapsed * 205) >> 12)
        values = ptr32(int(here) + state[_TEMPS_AT])
        references = ptr32(int(state) + _HEAD_BYTES + _CELL_BYTES * state[_CELL_COUNT])
        at = 0
        any_known = 0
        least = 0
        most = 0
        while at < state[_TEMP_COUNT]:
            held = values[at]
            if (held - _UNKNOWN) & sign:
                if not any_known:
                    any_known = 1
                    least = held
                    most = held
                if (held - least) & sign:
                    least = held
                if (most - held) & sign:
                    most = held
                value = references[at]
                if (value - _UNKNOWN) & sign:
                    value = held - value
                    if ((elapsed - value) | (elapsed + value)) & sign:
                        told |= _FAST
            at += 1
        held = told & _FAST
        # What is odd for the first time is no reference: one more scan tells whether it stays.
        if keep and (state[_WAS_FAST] or not held):
            state[_TEMPS_MS] = here[_TEMPS_RECORD + _READ]
            at = state[_TEMP_COUNT]
            while at:
                at -= 1
                references[at] = values[at]
        state[_WAS_FAST] = held
        if any_known:
            here[_TEMP_SPREAD] = most - least
            held = here[state[_CURRENT_AT]]
            value = state[_REST_MA] - 1
            if not (held - _UNKNOWN) & sign or ((value - held) | (value + held)) & sign:
                state[_RESTED] = 0
            elif state[_RESTED] < state[_REST_SCANS]:
                state[_RESTED] = state[_RESTED] + 1
            elif (state[_APART_DK] - (most - least)) & sign:
                told |= _APART
    return told
