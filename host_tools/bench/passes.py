"""The firmware's pieces, each callable alone, over a bus and kernels that do next to nothing.

Runs inside the counting interpreter (see bytecode_cycles.py), which has no viper: what stand-ins
are called for is noted once and counted apart. Never upload to a board.
"""

import sys
import time

CELLS = 16
TEMPS = 3
_BLOCK_CODE = 0x9180
# As the chip answers in good health: 3300 mV a cell, 25 degC, both switches on.
_REPLIES = {
    0x02: bytes(6),
    0x12: b"\x80\x01",
    0x14: bytes([0xE4, 0x0C] * CELLS),
    0x34: b"\xa0\x14" * 3,
    0x3A: b"\x10\x00",
    0x3E: bytes([_BLOCK_CODE & 0xFF, _BLOCK_CODE >> 8]),
    0x40: bytes(32),
    0x60: bytes([0xFF - (0x91 + 0x80) % 256, 36]),
    0x68: b"\xa5\x0b",
    0x70: bytes([0xA5, 0x0B] * TEMPS),
    0x7F: b"\x05",
}
_REQUEST = b"\xdd\xa5\x03\x00\xff\xfd\x77"


class Kernels:
    """In the place of vigil.kernels: what they return for a healthy pack, at once."""

    def judge(here, held, table):
        return 0

    def crc8_unpack(buffer, table, count, seed):
        return 1

    def crc16(buffer, total, at, end):
        return end << 16

    def unpack_words(target, data, places, count):
        return 0

    def differ(some, others, count, by):
        return 0

    def publish(target, words, count, zero, lowest, highest):
        return 0

    def refresh(record, now_ms, answered_ms, period_ms):
        return 0

    def correct(words, cells, state):
        return 0

    def count_charge(counter, current_ma, elapsed_ms):
        return 0

    def look(words, state):
        return 0


# Kernel: (number of arguments, which of them says how many items it works on).
KERNELS = {
    "judge": (3, None),
    "crc8_unpack": (4, 2),
    "crc16": (4, 3),
    "unpack_words": (4, 3),
    "differ": (4, 2),
    "publish": (6, 2),
    "refresh": (4, None),
    "correct": (3, None),
    "count_charge": (3, None),
    "look": (2, None),
}


class Bus:
    """Every reading finds its reply where the check codes have been taken out already."""

    def __init__(self):
        self.buffer = None
        self.replies = {}
        for register, data in _REPLIES.items():
            self.replies[register] = (data, len(data))

    def readfrom_mem_into(self, address, register, buffer):
        reply = self.replies[register]
        self.buffer[: reply[1]] = reply[0]

    def writeto_mem(self, address, register, buffer):
        pass


class Line:
    def value(self, level):
        pass


class Port:
    """A serial port that has always just received `piece`, and sends at once."""

    piece = b""

    def any(self):
        return len(self.piece)

    def readinto(self, buffer, count):
        buffer[:count] = self.piece
        self.piece = b""
        return count

    def write(self, data):
        return len(data)

    def txdone(self):
        return True


class Storage:
    def read(self, name):
        return None

    def write(self, name, data):
        pass


class Everybody:
    """The authority of a board with points: may write, and needs no ciphers, which are C."""

    acting = 2

    def role(self, who):
        return 2

    def role_of(self, session):
        return 2


class Board:
    name = "counted"
    authority = Everybody()
    device_name = b"counted"
    chemistry = "LFP"
    capacity_mah = 100000
    links = ()
    watchdog = None


def install():
    """Put the stand-ins where the firmware imports the real things."""
    import vigil

    sys.modules["vigil.kernels"] = Kernels
    vigil.kernels = Kernels


def notes(function):
    """[[stand-in, items]] of the calls that function() makes."""
    made = []
    real = {}

    def noting(name, at):
        original = real[name] = getattr(Kernels, name)

        def note(*arguments):
            made.append([name, 0 if at is None else arguments[at]])
            return original(*arguments)

        setattr(Kernels, name, note)

    for name in KERNELS:
        noting(name, KERNELS[name][1])
    for name in ("readfrom_mem_into", "writeto_mem"):
        original = real[name] = getattr(Bus, name)

        def transfer(*arguments, name=name, original=original):
            made.append([name, 0])
            return original(*arguments)

        setattr(Bus, name, transfer)
    try:
        function()
    finally:
        for name in real:
            setattr(Kernels if name in KERNELS else Bus, name, real[name])
    return made


class Nothing:
    """A front end that has nothing to say."""

    def read(self, sample, now_ms):
        pass


class Pieces:
    """A BMS in steady good health; each method without arguments is one piece."""

    def __init__(self):
        from vigil import app
        from vigil.afe.bq76952 import Bq76952
        from vigil.afe.bq76952_bring_up import compare
        from vigil.link.jbd import Jbd
        from vigil.link.rs485 import Rs485
        from vigil.memory import Memory

        self.compare = compare
        self.bus = bus = Bus()
        board = Board()
        self.give_tasks(board)
        self.chip = chip = Bq76952(bus, Line(), cells=CELLS, temps=TEMPS, shunt_uohm=500)
        board.front_end = chip
        self.give_links(board)
        self.transfer = chip.bus
        bus.buffer = self.transfer.data
        chip.configured = True
        self.bms = bms = app.Bms(board, memory=Memory(Storage()))
        bms.bring_up_tried = True
        bms.sample.start(0)
        bms.sample.front_end_fault = 0
        bms.switches.permit()
        chip.switch_stuck = 0
        bms.self_test_passed = True
        self.port = Port()
        self.rs485 = Rs485(self.port, Jbd(bms.status), Line())
        self.now_ms = 1000
        self.scans(0x82)
        for _ in range(5):
            self.cycle()
        bms._backstop_fits = True
        bms.table_guard.take()
        self.long_on()
        self._cells_mv = [3300] * CELLS
        self._block = [(_BLOCK_CODE + at, b"\x00\x00") for at in range(0, 32, 2)]

    def give_tasks(self, board):
        """What a board may have besides; those who look at links have no room for it."""
        from vigil.blackbox import BlackBox
        from vigil.calibration import Calibration
        from vigil.estimate.ageing import Ageing
        from vigil.estimate.allow import AllowedAhead
        from vigil.estimate.task import EstimateTask
        from vigil.totals import Totals

        board.estimator = EstimateTask
        board.black_box = BlackBox
        board.calibration = Calibration
        board.ageing = Ageing
        board.allowed = AllowedAhead
        board.totals = Totals

    def give_links(self, board):
        """What a board offers beside the port that is looked at here."""

    def scans(self, bits):
        """Which scans the chip says are complete: 0x02 cells and current, 0x80 the slow ones."""
        self.bus.replies[0x62] = (bytes([bits, 0]), 2)

    def nothing(self):
        pass

    def bus_call(self):
        self.bus.writeto_mem(8, 0x12, self.bus)

    def bus_reading(self):
        self.bus.readfrom_mem_into(8, 0x12, self.bus)

    # The cycle.

    def cycle(self):
        self.now_ms += 50
        self.bms.cycle(self.now_ms)

    def read(self):
        self.chip.read(self.bms.sample, self.now_ms)

    def take(self):
        self.transfer.take(self.chip._status_reading)

    def send(self):
        self.transfer.send(self.chip._clearings[2])

    def read_two(self):
        self.transfer.read(0x12, 2)

    def write_four(self):
        self.transfer.write(0x3E, 4)

    def judge(self):
        self.bms.protection.judge(self.bms.sample, self.now_ms)

    def act(self):
        self.bms.switches.act(self.bms.protection, self.now_ms)

    def plausible(self):
        self.bms.plausibility.look(self.now_ms)

    def inputs(self):
        """The panel's pins, and whether the charge current is too high for cold or empty cells."""
        self.bms.panel.look()
        self.bms.charge_guard.look()

    def long_on(self):
        """Both switches have been on for so long that their last retry is forgotten."""
        lately = self.bms.switches._closed_lately
        lately[0] = lately[1] = 0

    def act_busy(self):
        lately = self.bms.switches._closed_lately
        lately[0] = lately[1] = 1
        self.act()
        self.long_on()

    def count(self):
        self.bms.counter.count(-20000, 50)

    def turn(self):
        executive = self.bms.executive
        executive._until_collect = 1000
        executive._due_us = time.ticks_us()
        executive.turn()

    # Links.

    def poll(self):
        self.rs485.poll(self.now_ms)

    def eight_bytes(self):
        """As they come while a request arrives."""
        engine = self.rs485._engine
        engine.receive(b"\xdd\xa5\x03\x00\xff\xfd\x00\x00", 6)
        engine.receive(b"\xdd\xa5", 2)
        engine.pending = 0

    def reply(self):
        """From the last byte of a request to the whole answer."""
        engine = self.rs485._engine
        engine.reply_length = 0
        engine.receive(_REQUEST, 7)

    # Slow tasks: an idle look, and a slice of work.

    def bring_up_idle(self):
        self.bms.bring_up(self.now_ms)

    def bring_up(self):
        """32 bytes of the configuration compared: the longest slice."""
        for _ in self.compare(self.transfer, self._block):
            pass

    def commission_idle(self):
        self.bms.commission(self.now_ms)

    def commission(self):
        self.bms.commission(self.now_ms)

    def balance_idle(self):
        self.now_ms += 10
        self.bms.balance(self.now_ms)

    def balance(self):
        """The choice among all cells, and the mask to the chip."""
        bms = self.bms
        balancer = bms.balancer
        balancer.policy.choose(bms.sample, balancer._chosen)
        for cell in range(0, CELLS, 3):
            balancer._chosen[cell] = 1
        balancer._take_turn(bms.sample)
        self.chip.balance(balancer.bleed)

    # These do the same each time, on a board without heater, fan and panel.

    def early_warning_idle(self):
        self.now_ms += 1000
        self.bms.early_warning.step(self.now_ms)

    early_warning = early_warning_idle

    def tend_panel_idle(self):
        self.bms.tend_panel(self.now_ms)

    tend_panel = tend_panel_idle

    def charge_guard_idle(self):
        self.bms.charge_guard.step(self.now_ms)

    charge_guard = charge_guard_idle

    def tend_climate_idle(self):
        self.bms.tend_climate(self.now_ms)

    tend_climate = tend_climate_idle

    def deep_discharge_idle(self):
        self.bms.deep_discharge.step(self.now_ms)

    deep_discharge = deep_discharge_idle

    def table_guard_idle(self):
        self.bms.table_guard.step(self.now_ms)

    table_guard = table_guard_idle

    def backstop_watch_idle(self):
        self.bms.backstop_watch.verified_ms[0] = self.now_ms
        self.bms.backstop_watch.step(self.now_ms)

    def backstop_watch(self):
        """32 bytes of the configuration compared, as at bring-up."""
        self.bring_up()

    def take_limits(self):
        self.bms.protection.replace(self.bms.table)

    def allowed_idle(self):
        """Nothing is due."""
        allowed = self.bms.allowed
        allowed._known = True
        allowed._turn = 0
        allowed._last_ms = self.now_ms
        allowed.step(self.now_ms)

    def allowed(self):
        """One side: charge."""
        allowed = self.bms.allowed
        allowed._known = True
        allowed._look(0, self.now_ms)

    def totals_idle(self):
        """The energy of a tenth of a second."""
        totals = self.bms.totals
        self.bms.counter.discharged[1] += 2000000
        totals._begun = True
        totals._due = False
        totals._last_ms = self.now_ms
        totals.step(self.now_ms)

    def totals(self):
        """Everything, once a second, with charge that flows and is known."""
        self.now_ms += 1000
        totals = self.bms.totals
        totals._due = True
        totals._closing = False
        self.bms.counter.discharged[0] = 5
        self.bms.counter.discharged[1] = 2000000
        self.bms.charge.soc_permille = totals._cycles._words[100] // 10 if totals.seconds else 600
        totals.step(self.now_ms)

    def totals_turns(self):
        """What the other two have to lay out."""
        cycles = self.bms.totals._cycles
        for at in range(32):
            cycles.turns[at] = 5000 + (32 - at) * (110 if at % 2 else -110)
        return cycles

    def totals_turn(self):
        """The dearest second: the stack of turning points is full, and most of it closes."""
        words = self.totals_turns()._words
        words[100], words[101], words[102], words[103], words[104] = 3000, 0, 1, 9500, 32
        self.totals()

    def totals_close(self):
        """Four cycles of it, a slice of its own."""
        totals = self.bms.totals
        cycles = self.totals_turns()
        cycles.turns[31] = 9500
        cycles._words[104] = 32
        totals._due = totals._closing = True
        totals.step(self.now_ms)

    def estimator_idle(self):
        """The last slices of a second: the pack's figure, and what of it is shown and kept."""
        estimate = self.bms.charge
        estimate._turns_due = estimate._grid_due = 0
        estimate._figure_due = True
        self.bms.estimator._busy = True
        self.bms.estimator._ages = False
        while self.bms.estimator.step(self.now_ms):
            pass

    def _fill_ring(self):
        """Once, for it takes long; and the fit goes round it again."""
        capacity = self.bms.ageing.capacity
        if not capacity.count:
            capacity.count = 32
            for at in range(0, len(capacity.ring), capacity.size):
                capacity.ring[at + 1] = 40
                for cell in range(CELLS):
                    capacity.ring[at + 7 + 3 * cell] = 40
                    capacity.ring[at + 8 + 3 * cell] = 40
                    self.bms.ageing.resistance._last_mv[cell] = 3350.0
            capacity.moment(3, 0.0)
        if capacity._fitting < 0:
            capacity.refit()

    def _settled_estimate(self):
        estimate = self.bms.charge
        if not estimate.settled:
            estimate.resume([0.6] * CELLS, 0.01)
        return estimate

    def black_box_idle(self):
        """Everything recorded."""
        self.now_ms += 100
        self.bms.black_box._slow_ms = self.now_ms
        self.bms.black_box.step(self.now_ms)

    def black_box(self):
        """And a new event's head, after a trip."""
        box = self.bms.black_box
        box._begin()
        self.now_ms += 2000
        self.bms.protection.trips += 1
        self.bms.protection.trip_counts[1] += 1
        box.step(self.now_ms)

    def calibrated(self):
        """What a calibrated board reads beside its front end."""
        calibration = self.bms.calibration
        if calibration._front_end is self.chip:
            calibration._front_end = Nothing()
        calibration.read(self.bms.sample, self.now_ms)

    def calibration_idle(self):
        self.bms.calibration.step(self.now_ms)

    def calibration(self):
        """A value of the ten seconds added."""
        calibration = self.bms.calibration
        calibration._front_end = self.chip
        calibration.kind = 2
        calibration.result = 1
        if not hasattr(calibration, "_sum"):
            calibration._begun = False
            calibration.step(self.now_ms)
        calibration._since_ms = self.now_ms
        calibration._sequence = 0 - 1
        calibration.step(self.now_ms)
        calibration.result = 0

    def to_move_idle(self):
        """A second in which nothing is learned."""
        self.now_ms += 1000
        self._to_move().step(self.now_ms)

    def to_move(self):
        """The dearest slice: what some cells have lost by themselves between two looks."""
        policy = self._to_move()
        leak = policy.leak
        policy._at = policy._done
        leak._look = (policy._shares, policy._sigmas, 0)
        leak._since_s = 80000
        leak._at = 0
        leak.busy = True
        policy.step(self.now_ms)

    def _to_move(self):
        bms = self.bms
        if not bms.to_move:
            from vigil.charge_to_move import ChargeToMove
            from vigil.memory import Memory

            policy = ChargeToMove(bms.board, bms.chemistry, bms.sample, Memory())
            for cell in range(CELLS):
                policy._mv[cell] = 3420 + 5 * cell
                policy._place(cell)
            bms.to_move = policy
        return bms.to_move

    def keeper_idle(self):
        self.now_ms += 10
        self.bms.keeper.step(self.now_ms)

    def keeper(self):
        """The state written, without what the flash takes."""
        self.bms.memory.stage()
        self.bms.keeper._write()


def _calls_and_loads():
    """{kernel: (a call of its stand-in, the same without the call)}."""
    functions = {}
    for name in KERNELS:
        count = KERNELS[name][0]
        call = "f({})".format(", ".join(["a"] * count))
        loads = "; ".join(["a"] * count)
        space = {"f": getattr(Kernels, name)}
        exec(f"def call(a=1):\n    {call}\ndef load(a=1):\n    f; {loads}\n", space)
        functions[name] = (space["call"], space["load"])
    return functions


CALLS = _calls_and_loads()
