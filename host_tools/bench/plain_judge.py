"""kernels.judge once more in plain Python over the same words, to say what viper gains.

Runs on both interpreters; never upload to a board. As a program: judge a pack N times.
"""

import sys

_UNKNOWN = 0x1FFFFFFF
_NOTHING = 0 - (1 << 28)
_ALWAYS = _NOTHING - 1
_TICKS = 0x3FFFFFFF


def judge(words, now_ms, table):
    words[1] = ((now_ms - words[6]) & _TICKS) + 1
    words[6] = now_ms
    group = 8
    while words[group]:
        words[group + 7] = (now_ms - words[group + 10]) & _TICKS
        if words[group + 8] != words[group + 9]:
            _summarise(words, group)
        else:
            words[group + 6] = 0
        group += 15
    result = 0
    row = 0
    while table[row]:
        value = words[table[row]]
        if value > table[row + 1]:
            result |= _advance(words, table, row, value)
        row += 10
    return result


def _summarise(words, group):
    first = words[group] >> 2
    end = words[group + 14] >> 2
    unknown = 0
    while first < end and words[first] >= _UNKNOWN:
        unknown += 1
        first += 1
    lowest = highest = words[first]
    lowest_at = highest_at = first
    if first == end:
        highest = _NOTHING
        lowest = _NOTHING ^ -1
    for at in range(first, end):
        value = words[at]
        if value < lowest:
            lowest = value
            lowest_at = at
        elif value > highest:
            if value >= _UNKNOWN:
                unknown += 1
            else:
                highest = value
                highest_at = at
    words[group + 1] = highest
    words[group + 2] = lowest ^ -1
    words[group + 3] = highest_at << 2
    words[group + 4] = lowest_at << 2
    words[group + 5] = unknown
    fresh = ((words[group + 11] - words[group + 12]) & _TICKS) + 1
    words[group + 6] = min(fresh, words[group + 13])
    words[group + 12] = words[group + 11]
    words[group + 9] = words[group + 8]


def _advance(words, table, row, value):
    told = table[row + 6] >> 2
    unknown = words[told]
    fresh = words[told + 1]
    elapsed = table[row + 2]
    changed = 0
    if fresh and table[row + 3]:
        if unknown or value > table[row + 5]:
            elapsed = 0
        else:
            elapsed = elapsed + fresh - 1 if elapsed else 1
            if elapsed > table[row + 8]:
                changed = 16
                elapsed = 0
                table[row + 3] = 0
                table[row + 1] = table[row + 4]
    elif fresh and value > table[row + 4]:
        elapsed = elapsed + fresh - 1 if elapsed else 1
        table[row + 1] = _ALWAYS
        if elapsed > table[row + 7]:
            changed = 16
            elapsed = 0
            table[row + 3] = 1
    elif fresh and not unknown:
        elapsed = 0
        table[row + 1] = table[row + 4]
    table[row + 2] = elapsed
    if table[row + 3]:
        return changed | table[row + 9]
    return changed | (32 if elapsed else 0)


def _repeat(function, count, words, table):
    from vigil import sample

    for _ in range(count):
        for group in range(4):
            words[sample.record_at(group) + 8] += 1
        function(words, 100000, table)


if __name__ == "__main__":
    from array import array

    with open(sys.argv[3], "rb") as _file:
        _words = array("i", _file.read())
    with open(sys.argv[4], "rb") as _file:
        _table = array("i", _file.read())
    if sys.argv[1] == "bytecode":
        _repeat(judge, int(sys.argv[2]), _words, _table)
    elif sys.argv[1] == "viper":
        from vigil import kernels

        _repeat(kernels.judge, int(sys.argv[2]), _words, _table)
    else:
        _repeat(lambda words, now_ms, table: 0, int(sys.argv[2]), _words, _table)
