"""Charges the virtual clock what the firmware's code costs (costs.py), by wrapping a BMS.

The firmware's files stay as they are: methods of the objects are replaced, here and nowhere else.
Never upload to a board.
"""

import gc

from host_tools.mock import costs

_SUNSPEC = 40000
# What a front end of parts adds, whatever measures its voltages.
_PARTS = ("current", "contactors", "act", "act, busy")


class CodeTime:
    """tasks: {slow task: (idle, working)} in cycles, in the place of the table's or beside it."""

    def __init__(self, clock, tasks=None):
        self._clock = clock
        self._rows = dict(costs.ROWS)
        self._tasks = dict(costs.TASKS)
        self._other_tasks = tasks or {}
        self._tasks.update(self._other_tasks)
        self._owed = 0  # cycles that do not make a microsecond yet

    def spend(self, cycles):
        cycles += self._owed
        us = cycles // costs.MHZ
        self._owed = cycles - us * costs.MHZ
        self._clock.advance(us)

    def charge(self, bms):
        """From now on everything this BMS does takes its time."""
        front_end = bms.front_end
        voltages = getattr(front_end, "_voltages", front_end)
        if hasattr(getattr(voltages, "bus", None), "wake"):
            self._use(costs.LTC681X_ROWS, costs.LTC681X_TASKS)
            self._charge_chain(voltages)
        elif hasattr(voltages, "_conversions"):
            self._use(costs.BQ769X0_ROWS, costs.BQ769X0_TASKS)
            self._charge_bq769x0(voltages)
        else:
            self._charge_front_end(voltages)
        if voltages is not front_end:
            self._charge_parts(front_end)
        self._charge_cycle(bms)
        executive = bms.executive
        for link in executive._links:
            self._charge_link(link)
        for task in executive._tasks:
            self.charge_task(bms, task)
        from vigil import cycle

        cycle.gc = Collector(self)

    def _use(self, rows, tasks):
        self._rows.update(rows)
        self._tasks.update(tasks)
        self._tasks.update(self._other_tasks)

    def _before(self, owner, name, row):
        """Spend `row` whenever owner.name() is called."""
        work = getattr(owner, name)
        cycles = self._rows[row]

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
        if bms.door:
            self._before(bms.door.stage, "begin", "limits begun")
            self._before(bms.door.stage, "check", "limits looked through")
            self._charge_backstop_check(bms)
        if bms.calibration:
            self._before(bms.calibration, "read", "calibrated")
        switches = bms.switches
        act = switches.act
        usual, busy = self._rows["act"], self._rows["act, busy"]

        def charged_act(protection, now_ms):
            on = switches.charge_on and switches.discharge_on
            settled = on and not max(switches._closed_lately)
            self.spend(usual if settled else busy)
            act(protection, now_ms)

        switches.act = charged_act

    def _charge_backstop_check(self, bms):
        check = bms.check_backstop
        # Each is a slice of the door's work, too.
        more = max(0, self._rows["backstop slice"] - self._tasks["door"][1])

        def charged_check(table, found):
            for _ in check(table, found):
                self.spend(more)
                yield
            self.spend(more)

        bms.check_backstop = charged_check

    def _charge_front_end(self, front_end):
        from vigil.sample import CELLS, STACK

        bus = getattr(front_end, "bus", None)
        if bus is not None and hasattr(bus, "take"):
            self._charge_bus(bus)
        self._charge_read(
            front_end,
            ((CELLS, "front end read, new cells"), (STACK, "front end read, new slow scan")),
        )

    def _charge_read(self, front_end, news):
        """news: (group, row to add when it has a new conversion)."""
        read = front_end.read
        always = self._rows["front end read"]
        groups = [group for group, _ in news]
        added = [self._rows[row] for _, row in news]

        def charged_read(sample, now_ms):
            before = [sample.sequence(group) for group in groups]
            try:
                read(sample, now_ms)
            finally:
                cycles = always
                for at, group in enumerate(groups):
                    if sample.sequence(group) != before[at]:
                        cycles += added[at]
                self.spend(cycles)

        front_end.read = charged_read

    def _charge_bq769x0(self, chip):
        from vigil.sample import BOARD, CELLS, TEMPS

        turn = "front end read, new temperatures"
        self._charge_read(
            chip, ((CELLS, "front end read, new cells"), (TEMPS, turn), (BOARD, turn))
        )
        self._before_bytes(chip._transfer, "read", "byte read")
        self._before_bytes(chip._transfer, "write", "byte written")

    def _before_bytes(self, transfer, name, byte_row):
        """Spend the row of that name and one for each byte: transfer.name(register, count)."""
        work = getattr(transfer, name)
        cycles, a_byte = self._rows[name], self._rows[byte_row]

        def charged(register, count):
            self.spend(cycles + count * a_byte)
            return work(register, count)

        setattr(transfer, name, charged)

    def _charge_bus(self, bus):
        take = bus.take
        a_take, a_byte = self._rows["take"], self._rows["byte read"]

        def charged_take(reading):
            self.spend(a_take + reading[1] * a_byte)
            take(reading)

        bus.take = charged_take
        self._before_bytes(bus, "read", "byte read")
        self._before(bus, "send", "send")
        self._before(bus, "write", "write")

    def _charge_chain(self, voltages):
        for name, row in (
            ("wake", "wake"),
            ("send", "send"),
            ("write", "send"),
            ("take", "take"),
            ("busy", "busy"),
        ):
            self._before(voltages.bus, name, row)
        self._before(voltages, "read", "front end read")
        self._before(voltages._slow, "step", "slow step")
        self._before(voltages._leads, "test_up", "slow step")
        self._before(voltages._leads, "test_down", "slow step")

    def _charge_parts(self, front_end):
        """Contactors and a current part, as counted beside a chain; an INA226 as an INA228."""
        for row in _PARTS:
            self._rows[row] = costs.LTC681X_ROWS[row]
        self._before(front_end._contactors, "step", "contactors")
        if front_end._current is not None:
            self._before(front_end._current, "read", "current")

    # Beside the cycle.

    def _charge_link(self, link):
        if hasattr(link, "profiles"):
            self._charge_radio(link)
            for engine in link.engines:
                self._charge_engine(engine)
        else:
            self._before(link, "poll", "link poll")
            self._charge_engine(link._engine)

    def _charge_radio(self, link):
        """Bluetooth, beside its engines and beside what the port itself takes."""
        for owner, name, row in (
            (link, "poll", "radio poll"),
            (link, "_tend", "radio tended"),
            (link, "_go_round", "radio round"),
            (link._battery, "tell", "radio battery"),
            (link._telemetry, "tell", "radio telemetry"),
            (link._adverts, "refresh", "radio advert"),
            (link, "event", "radio event"),
        ):
            if owner is not None:
                self._before(owner, name, row)
        link._radio.irq(link.event)
        self._after(link, "_work", "bytes_in", "radio part")
        self._after(link, "_send", "bytes_out", "radio piece")

    def _after(self, owner, name, counter, row):
        """Spend `row` whenever owner.name() has moved this counter."""
        work = getattr(owner, name)
        cycles = self._rows[row]

        def charged(*arguments):
            before = getattr(owner, counter)
            answer = work(*arguments)
            if getattr(owner, counter) != before:
                self.spend(cycles)
            return answer

        setattr(owner, name, charged)

    def _charge_engine(self, engine):
        receive = engine.receive
        a_byte, a_reply = self._rows["link byte"], self._rows["link reply"]
        if hasattr(engine, "_read_on"):
            a_byte, a_reply = self._rows["modbus byte"], self._rows["modbus reply"]
            self._charge_registers(engine)
        elif hasattr(engine, "_fill"):
            a_byte, a_reply = self._rows["pylontech byte"], self._rows["pylontech reply"]
            self._charge_values(engine)
        native = getattr(engine, "native", None)
        if native is not None:
            self._charge_native(native)
            if engine.reply is native.reply and not hasattr(engine, "_read_on"):
                a_byte, a_reply = self._rows["native byte"], 0

        elif getattr(engine, "_parameters", None):
            self._before(engine._parameters, "write", "jbd write")

        def charged_receive(data, count):
            frames = engine.frames
            receive(data, count)
            self.spend(count * a_byte + (engine.frames - frames) * a_reply)

        engine.receive = charged_receive

    def _charge_registers(self, engine):
        """What Modbus takes for the registers of an answer, part by part, and of a writing."""
        rows = self._rows
        a_register, a_point = rows["modbus register"], rows["modbus point"]
        of_sunspec = rows["sunspec register"]
        a_write, written = rows["modbus write"], rows["modbus written"]
        find = engine._points.find
        read_on, write = engine._read_on, engine._write

        def charged_read_on():
            left, first = engine.unfinished, engine._address
            read_on()
            count = left - engine.unfinished
            if first >= _SUNSPEC:
                self.spend(count * of_sunspec)
            else:
                further = find(first + count - 1) - find(first)
                self.spend(count * a_register + max(0, further) * a_point)

        def charged_write(address, count, data):
            self.spend(a_write + count * written)
            return write(address, count, data)

        engine._read_on = charged_read_on
        engine._write = charged_write

    def _charge_native(self, native):
        """What a message takes, slice by slice."""
        rows = self._rows
        a_message, a_register = rows["native reply"], rows["native register"]
        a_place, a_write = rows["native place"], rows["native write"]

        def after(name, counted, a_piece, always=0):
            """Spend a_piece for each that counted() has grown by."""
            work = getattr(native, name)

            def charged(*arguments):
                before = counted()
                answer = work(*arguments)
                self.spend(always + max(0, counted() - before) * a_piece)
                return answer

            setattr(native, name, charged)

        def sealed(row, length):
            return row[0] + row[1] * length

        def closed():
            seal()
            self.spend(sealed(costs.SEAL, native.reply_length))

        seal = native._seal
        open_message = native._open

        def opened():
            open_message()
            self.spend(
                a_message + (sealed(costs.UNSEAL, native._length) if native._session else 0)
            )

        def filled():
            return native._to

        def checked():
            return native._checked

        def taken(number, value, who, place):
            self.spend(a_write // 3)
            take(number, value, who, place)

        take = native._take
        native._take = taken
        native._open = opened
        after("_read_on", filled, a_register // 2)
        after("_list", filled, a_place // 6)
        after("_check_on", checked, a_write * 2 // 3)
        after("_trust", filled, 0, costs.PROOF)
        after("_black_box", filled, 0, costs.BLACK_BOX)
        native._seal = closed

    def _charge_values(self, engine):
        """What Pylontech takes for the characters of an answer, part by part."""
        a_value = self._rows["pylontech value"]
        fill = engine._fill

        def charged_fill():
            before = engine._to
            fill()
            self.spend((engine._to - before) * a_value // 4)

        engine._fill = charged_fill

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
