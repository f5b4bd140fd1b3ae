"""What the kernels are timed and compared on: packs that are well, packs at their worst, bytes.

Every workload is (kernel, arguments); arguments are integers and fresh buffers.
"""

import random
import sys
from array import array
from pathlib import Path

ROOT = Path(__file__).parents[2]
for _folder in ("host_tools/mock/fakes", "firmware/lib"):
    if str(ROOT / _folder) not in sys.path:
        sys.path.append(str(ROOT / _folder))

from vigil import chemistry, limits, presets, sample  # noqa: E402
from vigil.afe.check_codes import CRC8_TABLE, PEC15_SEED, pec15_table  # noqa: E402
from vigil.plausible import make_state as plausibility_state  # noqa: E402

CELLS = 16
TEMPS = 4
PERIODS_MS = (63, 190, 63, 190, 190)
CYCLE_MS = 50
NOW_MS = 100_000
PEC15_TABLE = pec15_table()


# The pass that the cycle figures have been stated for since the first table: these rows, without
# the group of board temperatures. The table has grown since; both are timed.
FIRST_ROWS = range(1, 25)


def rows(cells=CELLS):
    """The compiled limit table of an LFP pack, every row."""
    lfp = chemistry.by_name("LFP")
    return presets.preset(lfp, cells, 100_000, PERIODS_MS, CYCLE_MS).compile()


def first_rows():
    """Of rows() those of the first table."""
    words = array("i")
    whole = rows()
    for at, row in enumerate(limits.TABLE):
        if row[limits.ID] in FIRST_ROWS:
            words.extend(whole[at * limits.ROW_WORDS : (at + 1) * limits.ROW_WORDS])
    words.append(0)
    return words


def without_board(made):
    """The Sample as the first table knew it: its records end before the board's."""
    made.words[sample.record_at(sample.BOARD)] = 0
    return made


def pack(cells_mv, temps_dc=(250, 251, 249, 250), current_ma=-20_000, stack_mv=None):
    """A Sample in which every group has a new conversion, 50 ms after the one before."""
    made = sample.Sample(len(cells_mv), len(temps_dc), PERIODS_MS, CYCLE_MS)
    made.start(NOW_MS - CYCLE_MS)
    made.front_end_fault = 0
    values = made.values
    for moment in (NOW_MS - CYCLE_MS, NOW_MS):
        made.answered(moment)
        for group in range(sample.GROUPS):
            made.refresh(group, moment)
    for cell, millivolts in enumerate(cells_mv):
        values[made.cells_at + cell] = millivolts
    for sensor, tenths in enumerate(temps_dc):
        values[made.temps_at + sensor] = tenths
    values[made.current_at] = current_ma
    values[made.stack_at] = sum(cells_mv) if stack_mv is None else stack_mv
    values[made.board_at] = 350
    made.close(NOW_MS)
    return made


def _judge(made, table, whole):
    if not whole:
        without_board(made)
    return "judge", (made.words, NOW_MS, table)


def healthy(seed=1, whole=False, cells=CELLS):
    """Cells within a few millivolts of each other, as a pack at rest or at work has them."""
    dice = random.Random(seed)
    made = pack([3300 + dice.randrange(8) for _ in range(cells)])
    return _judge(made, rows(cells) if whole else first_rows(), whole)


def one_over():
    """One cell above its warning and its trip, timing."""
    return _judge(pack([3300] * 7 + [3700] + [3300] * 8), first_rows(), False)


def worst_candidates(count, seed=2, whole=False):
    """Cells and row states that visit every branch in every mixture, to look for the dearest."""
    dice = random.Random(seed)
    falling = [3600 - 10 * cell for cell in range(CELLS)]
    for index in range(count):
        cells = (falling, falling[::-1], dice.sample(falling, CELLS))[index % 3]
        table = rows() if whole else first_rows()
        hostile(table, dice, (None, "timing", "tripping", "releasing", "released")[index % 5])
        temps = [250 - 5 * sensor for sensor in range(TEMPS)]
        made = pack(cells, temps if index % 2 else temps[::-1])
        if not index % 4:
            made.values[made.cells_at + dice.randrange(CELLS)] = sample.UNKNOWN
        yield _judge(made, table, whole)


def hostile(table, dice, mood):
    """Put every row (or, without a mood, each into a random one) into the same state."""
    always, never = -(1 << 28) - 1, 1 << 27
    for at in range(0, len(table) - 1, limits.ROW_WORDS):
        now = mood or dice.choice(("idle", "timing", "tripping", "releasing", "released"))
        level, elapsed, tripped, trip, release = {
            "idle": (never, 0, 0, never, never - 1),
            "timing": (always, 5, 0, -never, -never - 1),
            "tripping": (always, 900_000, 0, -never, -never - 1),
            "releasing": (always, 5, 1, never, never - 1),
            "released": (always, 900_000, 1, never, never - 1),
        }[now]
        table[at + 1 : at + 6] = array("i", [level, elapsed, tripped, trip, release])


def crc8(count):
    return "crc8", (random.Random(3).randbytes(count), CRC8_TABLE, count, 0)


def crc8_unpack(count):
    pairs = bytearray()
    for byte in random.Random(4).randbytes(count):
        pairs += bytes((byte, CRC8_TABLE[byte]))
    return "crc8_unpack", (pairs, CRC8_TABLE, count, 0)


def pec15(count):
    return "pec15", (random.Random(5).randbytes(count), PEC15_TABLE, count, PEC15_SEED)


def pec15_blocks(count):
    data = b"".join(_block(random.Random(at).randbytes(6)) for at in range(count))
    return "pec15_blocks", (data, PEC15_TABLE, count, PEC15_SEED)


def _block(data):
    rest = PEC15_SEED
    for byte in data:
        rest = (rest << 8) ^ PEC15_TABLE[(rest >> 7 ^ byte) & 0xFF]
    return data + (rest << 1 & 0xFFFE).to_bytes(2, "big")


def scatter_tenths(count):
    data = random.Random(6).randbytes(2 * count)
    places = b"".join(bytes((at, 2 * (count - 1 - at))) for at in range(count))
    return "scatter_tenths", (array("i", [0] * count), data, places, count)


def crc16(count):
    return "crc16", (random.Random(8).randbytes(count), 0xFFFF, 0, count)


def unpack_words(count):
    data = random.Random(6).randbytes(2 * count)
    return "unpack_words", (array("i", [0] * count), data, bytes(range(0, 2 * count, 2)), count)


def differ(count):
    some = array("i", [3300 + cell for cell in range(count)])
    return "differ", (some, array("i", [3310] * count), count, 150)


def publish(count):
    return "publish", (array("i", [0] * count), array("i", [3300] * count), count, 0, 0, 5999)


def refresh():
    return "refresh", (array("i", [7] * 13), NOW_MS, NOW_MS - CYCLE_MS, PERIODS_MS[0])


def correct(count):
    words = array("i", [1, 30000, 1] + [3300] * count)
    state = array("i", [0, 0, 1, 10, 100, 0, 2, 0, 3, count])
    return "correct", (words, array("i", [3] * count), state)


def plausible(cells_mv, before_mv, keep=0, new=(0, 1, 2, 3)):
    """What is new after a scan like before_mv; the reference is like the latter."""
    made = pack(cells_mv)
    state = plausibility_state(made, 100_000, CYCLE_MS)
    for cell, before in enumerate(before_mv):
        state[60 + 3 * cell : 63 + 3 * cell] = array("i", [before] * 3)
    state[11], state[17] = keep or 1, 1 if keep else 9
    state[21], state[26], state[41] = -20_000, NOW_MS - 63, NOW_MS - 189
    state[47:55] = array("i", [sum(before_mv)] * 8)
    for at in range(made.temp_count):
        state[60 + 3 * len(cells_mv) + at] = made.values[made.temps_at + at]
    for at, group in ((24, 0), (40, 1), (25, 2), (37, 3)):
        if group not in new:
            state[at] = made.sequence(group)
    return "look", (made.words, state)


def believable(seed=6, new=(0, 1, 2, 3), cells=CELLS):
    dice = random.Random(seed)
    before = [3300 + dice.randrange(8) for _ in range(cells)]
    return plausible([cell + dice.randrange(-1, 2) for cell in before], before, new=new)


def wild_cells():
    """Every cell is the furthest so far in everything, and the reference is renewed."""
    return plausible([3300 + (-1) ** cell * 10 * cell for cell in range(CELLS)], [3300] * CELLS, 1)


def random_look(dice):
    cells = [dice.choice((0, 40, 3300, 3310, 3600, 5500)) for _ in range(dice.randrange(3, 25))]
    before = [cell + dice.choice((0, 1, 120)) for cell in cells]
    new = [group for group in range(4) if dice.randrange(4)]
    name, (words, state) = plausible(cells, before, dice.randrange(3), new)
    first = len(words) - 4 - len(cells) - 4 - 5  # values of a pack with four temperatures
    for _ in range(dice.randrange(4)):
        words[first + dice.randrange(len(cells) + 1)] = sample.UNKNOWN
    for at in range(len(cells) + 1, len(cells) + 5):
        words[first + at] += dice.choice((0, 0, -700, 9, 21, 160))
    for _ in range(dice.randrange(6)):
        state[dice.randrange(60, len(state))] = dice.choice((sample.UNKNOWN, 3100, 3500, 250))
    state[21] = dice.choice((-20_000, -28_000, sample.UNKNOWN))
    state[26] -= dice.choice((0, 5000))
    state[28], state[29] = dice.randrange(2), dice.randrange(2)
    state[43] = dice.choice((0, state[44]))
    state[47] = dice.choice((state[47], sample.UNKNOWN, 70_000))
    return name, (words, state)


def random_inputs(seed):
    """One random call of every kernel that has a C twin, plausible or not."""
    dice = random.Random(seed)
    count = dice.randrange(40)
    data = dice.randbytes(count)
    yield "crc8", (data, CRC8_TABLE, count, dice.randrange(256))
    yield "pec15", (data, PEC15_TABLE, count, dice.randrange(1 << 15))
    begin = dice.randrange(count + 1)
    yield "crc16", (data, dice.choice((0, 0xFFFF, dice.randrange(1 << 16))), begin, count)
    _, (pairs, _, _, _) = crc8_unpack(count)
    if count and dice.randrange(2):
        pairs[dice.randrange(len(pairs))] ^= 1 << dice.randrange(8)
    yield "crc8_unpack", (pairs, CRC8_TABLE, count, 0)
    places = bytes(dice.randrange(max(1, count - 1)) for _ in range(dice.randrange(20)))
    yield "unpack_words", (array("i", [5] * 20), data + b"..", places, len(places))
    blocks = bytearray(pec15_blocks(dice.randrange(9))[1][0])
    for _ in range(dice.randrange(3) if blocks else 0):
        blocks[dice.randrange(len(blocks))] ^= 1 << dice.randrange(8)
    yield "pec15_blocks", (blocks, PEC15_TABLE, len(blocks) // 8, PEC15_SEED)
    pairs = bytes(
        value
        for _ in range(dice.randrange(20))
        for value in (dice.randrange(20), dice.randrange(max(1, count - 1)))
    )
    yield "scatter_tenths", (array("i", [5] * 20), data + b"..", pairs, len(pairs) // 2)
    some, others = (array("i", [dice.randrange(-400, 400) for _ in range(8)]) for _ in range(2))
    yield "differ", (some, others, dice.randrange(9), dice.choice((0, 100, 400, 800)))
    lowest = dice.randrange(-400, 400)
    highest = lowest + dice.randrange(400)
    zero = dice.randrange(-200, 200)
    yield "publish", (array("i", [5] * 8), some, dice.randrange(9), zero, lowest, highest)

    most = dice.choice((400, 1_000_000))
    words = [dice.choice((sample.UNKNOWN, dice.randrange(-most, most))) for _ in range(9)]
    state = [
        0,
        dice.choice((words[0], 3)),
        1,
        dice.randrange(-900, 900),
        dice.randrange(-1638, 1639),
    ]
    state += [0, 2, dice.choice((words[2], 3)), 3, dice.randrange(7)]
    cells = array("i", [dice.randrange(-20, 21) for _ in range(6)])
    yield "correct", (array("i", words), cells, array("i", state))

    record = array("i", [dice.choice((0, 5, (1 << 30) - 1)) for _ in range(13)])
    now_ms, answered_ms = dice.randrange(1 << 30), dice.randrange(1 << 30)
    yield "refresh", (record, now_ms, dice.choice((answered_ms, now_ms)), dice.randrange(300))

    yield random_look(dice)

    reach = dice.choice((20, 5000, 1 << 27))
    values = [
        dice.randrange(-reach, reach) for _ in range(dice.randrange(3, 25) + dice.randrange(4))
    ]
    temps = [dice.randrange(-400, 1500) for _ in range(dice.randrange(0, 5))]
    made = pack(values, temps, dice.randrange(-reach, reach), dice.randrange(reach))
    for at in range(made.board_at + 1):
        if not dice.randrange(12):
            made.values[at] = sample.UNKNOWN
    for group in range(sample.GROUPS):
        if not dice.randrange(4):
            at = sample.record_at(group)
            made.words[at + 9] = made.words[at + 8]  # judged: nothing new in this group
    table = rows()
    hostile(table, dice, None)
    for at in range(0, len(table) - 1, limits.ROW_WORDS):
        trip = dice.randrange(-reach, reach)
        table[at + 4 : at + 6] = array("i", [trip, trip - dice.randrange(50)])
        if table[at + 1] != -(1 << 28) - 1:
            table[at + 1] = trip
        table[at + 7 : at + 9] = array("i", [dice.randrange(200), dice.randrange(200)])
    yield "judge", (made.words, dice.randrange(1 << 30), table)
