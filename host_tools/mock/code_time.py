"""Charges the virtual clock what the firmware's code costs (costs.py), by wrapping a BMS.

The firmware's files stay as they are: methods of the objects are replaced, here and nowhere else.
Never upload to a board.
"""

import gc

from host_tools.mock import costs


class CodeTime:
    """tasks: {slow task: (idle, working)} in cycles, in the place of the table's or beside it."""

    def __init__(self, clock, tasks=None):
        self._clock = clock
        self._tasks = dict(costs.TASKS)
        if tasks:
            self._tasks.update(tasks)
        self._owed = 0  # cycles that do not make a microsecond yet

    def spend(self, cycles):
        cycles += self._owed
        us = cycles // costs.MHZ
        self._owed = cycles - us * costs.MHZ
        self._clock.advance(us)

    def charge(self, bms):
        """From now on everything this BMS does takes its time."""
        self._charge_cycle(bms)
        self._charge_front_end(bms.front_end)
        executive = bms.executive
        for link in executive._links:
            self._charge_link(link)
        for task in executive._tasks:
            self.charge_task(bms, task)
        from vigil import cycle

        cycle.gc = Collector(self)

    def _before(self, owner, name, row):
        """Spend `row` whenever owner.name() is called."""
        work = getattr(owner, name)
        cycles = costs.ROWS[row]

        def charged(*arguments):
            self.spend(cycles)
            return work(*arguments)

        setattr(owner, name, charged)

    # The cycle.

    def _charge_cycle(self, bms):
        self._before(bms.executive, "_work", "cycle")
        self._before(bms.protection, "judge", "judge")
        self._before(bms.counter, "count", "count charge")
        self._before(bms.plausibility, "look", "plausibility")
        self._before(bms.panel, "look", "inputs")
        self._before(bms, "take_limits", "take limits")
        switches = bms.switches
        act = switches.act
        usual, busy = costs.ROWS["act"], costs.ROWS["act, busy"]

        def charged_act(protection, now_ms):
            on = switches.charge_on and switches.discharge_on
            settled = on and not max(switches._closed_lately)
            self.spend(usual if settled else busy)
            act(protection, now_ms)

        switches.act = charged_act

    def _charge_front_end(self, front_end):
        from vigil.sample import CELLS, STACK

        bus = getattr(front_end, "bus", None)
        if bus is not None and hasattr(bus, "take"):
            self._charge_bus(bus)
        read = front_end.read
        always = costs.ROWS["front end read"]
        new_cells = costs.ROWS["front end read, new cells"]
        new_scan = costs.ROWS["front end read, new slow scan"]

        def charged_read(sample, now_ms):
            cells = sample.sequence(CELLS)
            stack = sample.sequence(STACK)
            try:
                read(sample, now_ms)
            finally:
                cycles = always
                if sample.sequence(CELLS) != cells:
                    cycles += new_cells
                if sample.sequence(STACK) != stack:
                    cycles += new_scan
                self.spend(cycles)

        front_end.read = charged_read

    def _charge_bus(self, bus):
        take, read = bus.take, bus.read
        a_take, a_read, a_byte = (costs.ROWS[row] for row in ("take", "read", "byte read"))

        def charged_take(reading):
            self.spend(a_take + reading[1] * a_byte)
            take(reading)

        def charged_read(register, count):
            self.spend(a_read + count * a_byte)
            read(register, count)

        bus.take = charged_take
        bus.read = charged_read
        self._before(bus, "send", "send")
        self._before(bus, "write", "write")

    # Beside the cycle.

    def _charge_link(self, link):
        self._before(link, "poll", "link poll")
        engine = link._engine
        receive = engine.receive
        a_byte, a_reply = costs.ROWS["link byte"], costs.ROWS["link reply"]
        if hasattr(engine, "_read_on"):
            a_byte, a_reply = costs.ROWS["modbus byte"], costs.ROWS["modbus reply"]
            self._charge_registers(engine)

        def charged_receive(data, count):
            frames = engine.frames
            receive(data, count)
            self.spend(count * a_byte + (engine.frames - frames) * a_reply)

        engine.receive = charged_receive

    def _charge_registers(self, engine):
        """What Modbus takes for the registers of an answer, part by part, and of a writing."""
        a_register = costs.ROWS["modbus register"]
        read_on, write = engine._read_on, engine._write

        def charged_read_on():
            left = engine.unfinished
            read_on()
            self.spend((left - engine.unfinished) * a_register)

        def charged_write(address, count, data):
            self.spend(count * a_register)
            return write(address, count, data)

        engine._read_on = charged_read_on
        engine._write = charged_write

    def charge_task(self, bms, task):
        step = task.step
        idle, working = self._tasks.get(task_name(bms, task), costs.DEFAULT_TASK)
        clock = self._clock

        def charged(now_ms):
            begun_us = clock.now_us
            more = step(now_ms)
            # What has used a bus, the flash or a pause has worked.
            self.spend(working if more or clock.now_us != begun_us else idle)
            return more

        task.step = charged


class Collector:
    """In the place of the module gc in vigil.cycle."""

    def __init__(self, code_time):
        self._code_time = code_time

    def collect(self):
        self._code_time.spend(costs.ROWS["gc.collect"])
        gc.collect()


def task_name(bms, task):
    """See costs.TASKS; None for a task of other make."""
    for name in dir(bms):
        if name.startswith("__"):
            continue
        part = getattr(bms, name)
        if part == task.step or getattr(part, "step", None) == task.step:
            return name
    return None
