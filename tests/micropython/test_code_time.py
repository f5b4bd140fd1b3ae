"""Code takes its time on the virtual clock: overruns, replies and stalls mean what they say."""

from desk import Desk

from host_tools.mock import costs
from host_tools.mock.code_time import task_name
from host_tools.mock.fake_flash import ERASE_US
from vigil.cycle import SlowTask

REQUEST = b"\xdd\xa5\x03\x00\xff\xfd\x77"
REPLY_US = 20000
CYCLE_US = 50000
# The bus in a pass with new cells and current, 400 kHz with check codes: each reading two address
# bytes, the register and twice its bytes, nine bits each, with two starts and a stop.
READS = (2, 2, 32, 2, 6, 1)
BUS_US = sum([((3 + 2 * count) * 9 + 3) * 10 // 4 for count in READS]) + 140


def cycles_in(ms):
    return ms * 1000 * costs.MHZ


def test_nothing_overruns_in_ordinary_work():
    desk = Desk(current_ma=-10000)
    desk.run_ms(40000)
    assert desk.bms.executive.overruns == 0
    assert desk.flash.pages > 0


def test_a_slow_task_that_is_too_slow_is_seen_as_an_overrun():
    for name in ("commission", "balance", "keeper"):
        desk = Desk(tasks={name: (cycles_in(60), cycles_in(60))})
        before = desk.bms.executive.overruns
        desk.run_ms(2000)
        assert desk.bms.executive.overruns > before, name
        assert desk.bms.executive.worst_period_us > 60000


def test_a_task_that_nobody_has_counted_costs_the_stated_default():
    desk = Desk()
    step = SlowTask(lambda now_ms: False, 100)
    begun_us = desk.clock.now_us
    desk.code_time.charge_task(desk.bms, step)
    step.step(0)
    assert abs(desk.clock.now_us - begun_us - costs.DEFAULT_TASK[0] // costs.MHZ) <= 1
    step = SlowTask(lambda now_ms: True, 100)
    begun_us = desk.clock.now_us
    desk.code_time.charge_task(desk.bms, step)
    step.step(0)
    assert abs(desk.clock.now_us - begun_us - costs.DEFAULT_TASK[1] // costs.MHZ) <= 1


def test_the_tasks_of_the_table_are_those_of_the_firmware():
    desk = Desk(code_time=False, RS485_PROTOCOL="modbus")
    names = [task_name(desk.bms, task) for task in desk.bms.executive._tasks]
    assert None not in names
    for name in costs.TASKS:
        assert name in names, name


def test_the_longest_cycle_is_made_of_bus_and_code():
    rows = costs.ROWS
    code = len(READS) * rows["take"] + sum(READS) * rows["byte read"] + rows["send"]
    for row in ("front end read", "front end read, new cells", "judge", "act, busy"):
        code += rows[row]
    desk = Desk(current_ma=-10000)
    seen = set()
    for _ in range(20):
        desk.run_ms(50)
        seen.add(desk.bms.executive.cycle_us)
    # Counted besides: the turn itself, and the charge.
    code += rows["cycle"] + rows["count charge"] + rows["plausibility"] + rows["inputs"]
    expected_us = BUS_US + code // costs.MHZ
    assert min([abs(us - expected_us) for us in seen]) <= 10, (expected_us, seen)
    assert desk.bms.executive.cycle_us_max >= expected_us


def replies(desk, requests):
    """Microseconds from the end of each request to the first bit of its answer."""
    line = desk.twin.rs485
    waited = []
    heard = []
    byte_us = 10 * 1000000 / 9600
    line.on_transmit = lambda data: heard.append((desk.clock.now_us, len(data)))
    for turn in range(requests):
        desk.run_ms(200 + 7 * turn)
        heard.clear()
        asked_us = desk.clock.now_us + len(REQUEST) * byte_us
        line.receive(REQUEST)
        desk.run_until(lambda: heard, 200)
        left_us, count = heard[0]
        waited.append(left_us - count * byte_us - asked_us)
    return waited


def test_replies_begin_within_twenty_milliseconds_and_the_period_is_kept():
    desk = Desk(current_ma=-10000)
    desk.bms.executive.worst_period_us = 0
    waited = replies(desk, 40)
    assert max(waited) <= REPLY_US
    assert max(waited) > 2000  # the answer is not made in no time
    assert desk.bms.executive.overruns == 0
    assert desk.bms.executive.worst_period_us <= CYCLE_US + CYCLE_US // 5


def test_an_erase_stalls_everything_as_announced():
    desk = Desk(current_ma=-10000)
    executive = desk.bms.executive
    erases = desk.flash.erases
    executive.worst_period_us = 0
    for _ in range(40):
        # The same state once more: nothing else is needed to make the keeper write.
        desk.bms.memory.stage()
        desk.run_ms(1000)
        if desk.flash.erases > erases:
            break
    assert desk.flash.erases == erases + 1
    # Nothing ran from its slice of the slack until the erase was over.
    assert ERASE_US < executive.worst_period_us < CYCLE_US + ERASE_US + 10000
    assert executive.worst_period_us > CYCLE_US
    assert executive.overruns == 0


class SlowDesk(Desk):
    BOARD = "sim15_bq76940"


def test_the_longest_cycle_of_a_bq769x0_is_made_of_its_bus_and_its_own_rows():
    reads = (1, 2, 30, 2, 8)
    rows = dict(costs.ROWS)
    rows.update(costs.BQ769X0_ROWS)
    # At 100 kHz; the writing has one byte.
    bus_us = sum([((3 + 2 * count) * 9 + 3) * 10 for count in reads]) + 380
    code = len(reads) * rows["read"] + sum(reads) * rows["byte read"]
    for row in ("write", "byte written", "front end read", "front end read, new cells"):
        code += rows[row]
    for row in ("judge", "act, busy", "cycle", "count charge", "plausibility", "inputs"):
        code += rows[row]
    desk = SlowDesk(settle=False, current_ma=-3000)
    desk.run_until(desk.both_on, 12000)
    seen = set()
    for _ in range(20):
        desk.run_ms(250)
        seen.add(desk.bms.executive.cycle_us)
    expected_us = bus_us + code // costs.MHZ
    assert min([abs(us - expected_us) for us in seen]) <= 10, (expected_us, seen)


class ContactorDesk(Desk):
    BOARD = "sim16_lfp_contactors"


def test_contactors_cost_their_row_beside_any_front_end():
    desk = ContactorDesk(settle=False)
    begun_us = desk.clock.now_us
    desk.bms.front_end._contactors.step(0, 52000, 0)
    took_us = desk.clock.now_us - begun_us
    assert abs(took_us - costs.LTC681X_ROWS["contactors"] // costs.MHZ) <= 1
