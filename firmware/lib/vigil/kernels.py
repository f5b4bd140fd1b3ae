"""Viper kernels: the arithmetic of the protection loop, over arrays that the caller owns.

House rules for this file are in docs/kernels.md: positional annotated arguments, 31-bit values,
signs read from one bit (right on 32- and 64-bit words), explicit returns, no unary minus or tilde.
"""

import micropython
from micropython import const


@micropython.viper
def crc8(buffer: ptr8, table: ptr8, count: int, seed: int) -> int:
    """CRC-8 of `count` bytes by a 256-byte table, started from `seed`."""
    crc = seed
    index = 0
    while index < count:
        crc = table[crc ^ buffer[index]]
        index += 1
    return crc


@micropython.viper
def crc8_unpack(buffer: ptr8, table: ptr8, count: int, seed: int) -> int:
    """Check `count` (data, crc) byte pairs and pack the data to the front; 1 if all agree, else 0.

    The first CRC starts from `seed` (the header bytes folded in), every later one from 0.
    """
    crc = seed
    source = 0
    target = 0
    while target < count:
        data = buffer[source]
        if table[crc ^ data] != buffer[source + 1]:
            return 0
        buffer[target] = data
        crc = 0
        source += 2
        target += 1
    return 1


# Signs are read from bit 29: right for differences within +-2**29 on 32-bit boards and on
# 64-bit hosts, where a loaded word is zero-extended.
_SIGN = const(1 << 29)
_UNKNOWN = const(0x1FFFFFFF)
_TICKS = const(0x3FFFFFFF)

_MEASURED = const(4)  # cells, temperatures, current, stack
_RECORD = const(32)  # bytes of one group, extreme or row record
_AGES_AT = const(4 * 8)  # extremes words: the four ages, ...
_UNKNOWNS_AT = const(8 * 8)  # ... the four counts of unknown values, ...
_HEALTH_AT = const(12 * 8)  # ... silence and the front end's three masks
_HEALTH = const(4)


@micropython.viper
def reduce(values: ptr32, groups: ptr32, extremes: ptr32, now_ms: int) -> int:
    """Reduce every group that has a new sequence to its extremes; age every group.

    values: the Sample. groups: 4 records of 8 words (first, count, sequence, judged sequence,
    stamp_ms, read_ms, stale_ms, unused), then one record (health first, -, -, -, last call ms).
    extremes: 16 records of 8 words (lowest, highest, lowest at, highest at, spread, unknown,
    fresh, unused); fresh is 0 without a new sample, else 1 + milliseconds since the one before.
    A group without new data keeps its extremes. Returns the number of groups with new data.
    """
    group = ptr32(int(groups))
    target = ptr32(int(extremes))
    index = 0
    renewed = 0
    while index < _MEASURED:
        if group[2] == group[3]:
            target[6] = 0
        else:
            value = ptr32(int(values) + (group[0] << 2))
            left = group[1]
            count = left
            lowest = _UNKNOWN
            highest = _UNKNOWN
            lowest_at = 0
            highest_at = 0
            unknown = 0
            while left:
                now = value[0]
                if now == _UNKNOWN:
                    unknown += 1
                elif lowest == _UNKNOWN:
                    lowest = now
                    highest = now
                    lowest_at = count - left
                    highest_at = lowest_at
                elif (now - lowest) & _SIGN:
                    lowest = now
                    lowest_at = count - left
                elif (highest - now) & _SIGN:
                    highest = now
                    highest_at = count - left
                value = ptr32(int(value) + 4)
                left -= 1
            target[0] = lowest
            target[1] = highest
            target[2] = lowest_at
            target[3] = highest_at
            target[4] = highest - lowest
            target[5] = unknown
            extremes[_UNKNOWNS_AT + (index << 3)] = unknown
            extremes[_UNKNOWNS_AT + (index << 3) + 1] = unknown
            fresh = 0
            if group[3]:
                fresh = (group[5] - target[7]) & _TICKS
                if fresh > group[6]:
                    fresh = group[6]
            target[6] = fresh + 1
            target[7] = group[5]
            group[3] = group[2]
            renewed += 1
        age = (now_ms - group[4]) & _TICKS
        extremes[_AGES_AT + (index << 3)] = age
        extremes[_AGES_AT + (index << 3) + 1] = age
        group = ptr32(int(group) + _RECORD)
        target = ptr32(int(target) + _RECORD)
        index += 1
    # Health is known in every call: its time is the time between calls.
    fresh = ((now_ms - group[4]) & _TICKS) + 1
    group[4] = now_ms
    value = ptr32(int(values) + (group[0] << 2))
    target = ptr32(int(extremes) + (_HEALTH_AT << 2))
    index = 0
    while index < _HEALTH:
        target[0] = value[index]
        target[1] = value[index]
        target = ptr32(int(target) + _RECORD)
        index += 1
    target = ptr32(int(extremes) + (_AGES_AT << 2))
    index = _MEASURED + _MEASURED + _HEALTH
    while index:
        target[6] = fresh
        target = ptr32(int(target) + _RECORD)
        index -= 1
    return renewed


_TRIPPED = const(1 << 24)
_CHANGED = const(16)
_ACTIVE = const(32)


@micropython.viper
def judge(rows: ptr32, states: ptr32, extremes: ptr32, count: int) -> int:
    """Interpret `count` compiled limit rows over the extremes; one state word a row.

    Row record, 8 words: index of its scalar in extremes, index of its group's unknown count
    (fresh follows), flip, trip ^ flip, release ^ flip, trip delay ms, release delay ms, actions.
    flip is -1 for a lower limit, so that every row reads "above". State: 0 idle; below TRIPPED
    1 + ms beyond the trip; from TRIPPED on 0 or 1 + ms within the release.
    Returns the actions of all tripped rows, CHANGED if any row tripped or released, ACTIVE if
    any row is not idle.
    """
    result = 0
    while count:
        scalar = extremes[rows[0]]
        state = states[0]
        above = 0
        if scalar != _UNKNOWN:
            scalar = scalar ^ rows[2]
            above = (rows[3] - scalar) & _SIGN
        if state | above:
            meta = rows[1]
            unknown = extremes[meta]
            fresh = extremes[meta + 1]
            if fresh:
                if state < _TRIPPED:
                    if above:
                        if state:
                            state += fresh - 1
                        else:
                            state = 1
                        if state > rows[5]:
                            state = _TRIPPED
                            result |= _CHANGED
                    elif not unknown:
                        state = 0
                else:
                    if unknown or ((rows[4] - scalar) & _SIGN):
                        state = _TRIPPED
                    else:
                        if state == _TRIPPED:
                            state = _TRIPPED + 1
                        else:
                            state += fresh - 1
                        if state - _TRIPPED > rows[6]:
                            state = 0
                            result |= _CHANGED
                states[0] = state
            if state:
                result |= _ACTIVE
                if state >= _TRIPPED:
                    result |= rows[7]
        rows = ptr32(int(rows) + _RECORD)
        states = ptr32(int(states) + 4)
        count -= 1
    return result


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
