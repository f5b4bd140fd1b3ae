"""`python -m host_tools.bench.code_costs`: what code costs on an RP2040, counted anew.

Prints the table of host_tools/mock/costs.py as counted now, and read-judge-act part by part beside
the bus. Bytecode is counted by bytecode_cycles.py, as the mean of layouts.py, kernels by the
emulated Cortex-M0+.
"""

import sys

from host_tools.bench import layouts, workloads
from host_tools.bench.bytecode_cycles import CYCLES_PER_FUEL, CountingInterpreter
from host_tools.bench.collector import collection_cycles
from host_tools.bench.cortex_m0plus import MissingTool
from host_tools.bench.kernels import run
from host_tools.bench.on_arm import Viper
from host_tools.mock import costs

ALLOWED = 1.15
_ALL_SCANS = 0x82
_CELLS = 0x02
# 660 of call glue; the kernel's twenty-odd instructions and its division are taken as 200.
_COUNT_CHARGE = 860
_OF_FLOATS = ("estimator", "allowed", "to_move")
# Pieces by the beginning of their names, where a port speaks another protocol.
_OTHER_PASSES = {
    "ble": "ble_passes",
    "modbus": "modbus_passes",
    "door": "modbus_passes",
    "jbd": "jbd_passes",
    "native": "modbus_passes",
    "pylontech": "pylontech_passes",
}
_PIECES = 30  # that one interpreter counts
_MANY_POINTS = 46  # besides the first, among registers 0 to 86
_BACKSTOP_SLICES = 3  # of Bms.check_backstop()
_ANALOG_VALUES = 30.5  # of four characters
# Bytes of the cycle's readings: status, alarm, cells, current, safety, switches.
_CYCLE_READS = (2, 2, 32, 2, 6, 1)


class Counter:
    pieces = "passes"
    cells = workloads.CELLS
    _counted = 0

    def __init__(self, layout=0):
        self._layout = layout
        self._viper = Viper()
        self._bytecode = CountingInterpreter(self.pieces, layout)
        self._others = {}  # interpreters of their own, from when each is first needed
        self._calls = self._bytecode.stand_in_calls()
        # A call of machine.I2C is taken to cost what calling any method with as much costs.
        self.port, _ = self._bytecode.cycles("bus_call")
        reading, _ = self._bytecode.cycles("bus_reading")
        self._reply = reading - self.port

    def kernel(self, name, items):
        workload = {
            "judge": lambda _: workloads.healthy(whole=True, cells=self.cells),
            "pec15": workloads.pec15,
            "pec15_blocks": workloads.pec15_blocks,
            "scatter_tenths": workloads.scatter_tenths,
            "crc8_unpack": workloads.crc8_unpack,
            "crc16": workloads.crc16,
            "unpack_words": workloads.unpack_words,
            "differ": workloads.differ,
            "publish": workloads.publish,
            "refresh": lambda _: workloads.refresh(),
            "correct": lambda _: workloads.correct(self.cells),
            "look": lambda _: workloads.believable(cells=self.cells),
        }
        if name == "count_charge":
            return _COUNT_CHARGE
        return run(self._viper, workload[name](items))[1].call

    def piece(self, name, scans=0x00):
        """(cycles with real kernels, [(stand-in called, items)]) of one piece."""
        counting = self._interpreter(name)
        cycles, made = counting.cycles(name, scans)
        for stand_in, items in made:
            if stand_in == "readfrom_mem_into":
                cycles -= self._reply
            elif stand_in != "writeto_mem":
                cycles += self.kernel(stand_in, items) - self._calls[stand_in]
        return cycles, made

    def _interpreter(self, name):
        module = _OTHER_PASSES.get(name.split("_")[0])
        if not module:
            self._counted += 1
            if self._counted % _PIECES == 0:
                # What the pieces leave behind fills the memory.
                self._bytecode = CountingInterpreter(self.pieces, self._layout)
            return self._bytecode
        if module not in self._others:
            self._others[module] = CountingInterpreter(module, self._layout)
        return self._others[module]

    def _once(self, name):
        """Cycles of a piece that takes too much memory to be repeated."""
        said = self._interpreter(name).run(
            f"begun = fuel_used()\npieces.{name}()\nprint(fuel_used() - begun)"
        )
        return float(said) * CYCLES_PER_FUEL

    def rows(self):
        """{row of costs.ROWS: cycles}."""
        piece = self.piece
        found = {}
        per_byte = (self.kernel("crc8_unpack", 32) - self.kernel("crc8_unpack", 2)) / 30
        found["take"] = piece("take")[0] - 2 * per_byte
        found["send"] = piece("send")[0]
        found["read"] = piece("read_two")[0] - 2 * per_byte
        found["write"] = piece("write_four")[0]
        found["byte read"] = per_byte
        reads = [piece("read", scans) for scans in (0, _CELLS, _ALL_SCANS)]
        bare = [self._without_transfers(cycles, made, found) for cycles, made in reads]
        found["front end read"] = bare[0]
        found["front end read, new cells"] = bare[1] - bare[0]
        found["front end read, new slow scan"] = bare[2] - bare[1]
        for name in ("judge", "act", "act_busy"):
            found[name.replace("_", ", ")] = piece(name)[0]
        found["count charge"] = piece("count")[0]
        found["plausibility"] = piece("plausible")[0]
        found["inputs"] = piece("inputs")[0]
        found["calibrated"] = piece("calibrated")[0]
        named = ("judge", "act", "plausibility", "inputs")
        found["cycle"] = piece("turn")[0] - reads[0][0] - sum(found[name] for name in named)
        found["link poll"] = piece("poll")[0]
        found["link byte"] = piece("eight_bytes")[0] / 8
        found["link reply"] = piece("reply")[0] - 7 * found["link byte"]
        found["jbd write"] = piece("jbd_write")[0] - found["link reply"] - 9 * found["link byte"]
        found.update(self._radio())
        found["take limits"] = self._once("take_limits")
        nothing = self._once("door_nothing")
        found["limits begun"] = self._once("door_begins") - nothing
        found["limits looked through"] = piece("door_looks_through")[0]
        asking = self._once("door_asks_front_end") - nothing
        found["backstop slice"] = asking / _BACKSTOP_SLICES
        found["modbus byte"] = piece("modbus_eight_bytes")[0] / 8
        one = piece("modbus_one")[0]
        found["modbus reply"] = one - 8 * found["modbus byte"]
        register = (piece("modbus_limits")[0] - one) / 124
        found["modbus register"] = register
        found["modbus point"] = (piece("modbus_many")[0] - one - 86 * register) / _MANY_POINTS
        found["sunspec register"] = (piece("modbus_sunspec")[0] - one) / 124
        one = piece("modbus_put_one")[0]
        found["modbus write"] = one
        found["modbus written"] = (piece("modbus_put")[0] - one) / 98
        found["native byte"] = piece("native_eight_bytes")[0] / 8
        one = piece("native_one")[0]
        found["native reply"] = one
        found["native register"] = (piece("native_many")[0] - one) / 86
        found["native place"] = (piece("native_list")[0] - one) / 36
        found["native write"] = piece("native_write")[0] / 8
        found["pylontech byte"] = piece("pylontech_eight_bytes")[0] / 8
        empty = piece("pylontech_empty")[0]
        found["pylontech reply"] = empty - 18 * found["pylontech byte"]
        found["pylontech value"] = (piece("pylontech_analog")[0] - empty) / _ANALOG_VALUES
        if self._layout == layouts.LAYOUTS[0]:
            # Depends on none, and takes the longest to count.
            found["gc.collect"] = collection_cycles()
        return {name: round(cycles) for name, cycles in found.items()}

    def _radio(self):
        """Rows of Bluetooth, beside its engines and what the port does by itself."""
        names = ("poll", "tended", "event", "round", "battery", "telemetry", "advert")
        found = {"radio " + name: self.piece("ble_" + name)[0] for name in names}
        part = self.piece("ble_part")[0] - self.piece("ble_rubbish")[0]
        found["radio part"] = part - found["radio event"]
        found["radio piece"] = self.piece("ble_send")[0] - self.piece("ble_no_send")[0]
        return found

    def tasks(self, rows):
        """{slow task: (idle, working)} of costs.TASKS."""
        found = {}
        # What the rows have left behind would not leave room for all of this.
        self._bytecode = CountingInterpreter()
        for name in costs.TASKS:
            if name in _OF_FLOATS:
                pieces = (name + "_idle", name)
                found[name] = tuple(round(self._float_cycles(piece)) for piece in pieces)
                continue
            idle = self.piece(name + "_idle")[0]
            work = self._without_transfers(*self.piece(name), rows)
            found[name] = (round(idle), round(work))
        return found

    def _float_cycles(self, name):
        # Floats fill the memory for good: an interpreter of its own.
        return CountingInterpreter("estimate_passes").float_cycles(name)

    def _without_transfers(self, cycles, made, rows):
        """What is left beside the transfers, which are charged by their own rows."""
        for at, (stand_in, _) in enumerate(made):
            if stand_in == "writeto_mem":
                cycles -= rows["send"] if _is_prepared(made) else rows["write"]
            elif stand_in == "readfrom_mem_into":
                cycles -= rows["take"] if _is_prepared(made) else rows["read"]
                cycles -= made[at + 1][1] * rows["byte read"]
        return cycles


def _is_prepared(made):
    """The cycle's own reading uses prepared transfers; nothing else does."""
    return any(stand_in == "differ" or items == 6 for stand_in, items in made)


def read_judge_act(rows):
    """[(part, cycles)] of a pass in which cells and current are new, as in four of five."""
    bytes_read = sum(_CYCLE_READS)
    return [
        (f"{len(_CYCLE_READS)} readings", len(_CYCLE_READS) * rows["take"]),
        (f"check codes of {bytes_read} bytes", bytes_read * rows["byte read"]),
        ("1 writing", rows["send"]),
        ("read", rows["front end read"]),
        ("16 cells and current", rows["front end read, new cells"]),
        ("judge", rows["judge"]),
        ("act", rows["act"]),
    ]


def checks(rows):
    """[(part, cycles)] of what else is looked at between read and judge, all of it new."""
    return [(name, rows[name]) for name in ("plausibility", "inputs")]


def differences(rows, tasks, table=(costs.ROWS, costs.TASKS)):
    """Sentences about rows of the committed table that are more than 15 % off."""
    found = []
    counted = dict(rows)
    written = dict(table[0])
    for name, (idle, work) in tasks.items():
        counted[name + ", idle"], counted[name + ", working"] = idle, work
        written[name + ", idle"], written[name + ", working"] = table[1][name]
    for name in sorted(set(counted) | set(written)):
        now, then = counted.get(name), written.get(name)
        if now is None or then is None or not then / ALLOWED <= now <= then * ALLOWED:
            found.append(f"{name}: counted {now}, costs.py says {then}")
    return found


def measure(module="code_costs"):
    """(rows, tasks, cycles for which machine.I2C stands in one transfer), mean of the layouts."""
    return layouts.mean(layouts.count(module))


def _us(cycles):
    return cycles / costs.MHZ


def tell(rows, tasks, port):
    print("What code costs on an RP2040 at 125 MHz (see host_tools/mock/costs.py):")
    for name, cycles in rows.items():
        print(f"  {name:30} {cycles:8d} cycles {_us(cycles):9.1f} us")
    for name, (idle, work) in tasks.items():
        print(f"  {name + ', idle':30} {idle:8d} cycles {_us(idle):9.1f} us")
        print(f"  {name + ', working':30} {work:8d} cycles {_us(work):9.1f} us")
    parts = read_judge_act(rows)
    print("Read, judge, act with new cells and current, outside the bus:")
    for name, cycles in parts:
        print(f"  {name:30} {cycles:8d} cycles {_us(cycles):9.1f} us")
    total = sum(cycles for _, cycles in parts)
    print(f"  {'sum (goal: 1000 us)':30} {total:8d} cycles {_us(total):9.1f} us")
    for name, cycles in checks(rows):
        print(f"  {name + ', beside it':30} {cycles:8d} cycles {_us(cycles):9.1f} us")
    calls = (len(_CYCLE_READS) + 1) * port
    print(f"  {'of this, machine.I2C assumed':30} {calls:8d} cycles {_us(calls):9.1f} us")
    slow = rows["front end read, new slow scan"] + 3 * rows["take"] + 14 * rows["byte read"]
    print(f"  {'a slow scan beside it':30} {slow:8d} cycles {_us(slow):9.1f} us")
    print(f"Bus time of the same pass at 400 kHz with check codes: {bus_us():.0f} us")


def bus_us():
    """As fake_buses.py charges it: 9 bits a byte, start, repeated start and stop."""
    bits = sum(1 + 18 + 1 + 9 * (1 + 2 * count) + 1 for count in _CYCLE_READS)
    bits += 1 + 9 * (2 + 4) + 1
    return bits * 1000000 / 400000


def tell_spread(counted, parts):
    lowest, highest = layouts.spread(counted, parts)
    apart = 100 * (highest - lowest) / lowest
    print(
        f"All of this is the mean of {len(counted)} layouts; the sum lies between {lowest} and"
        f" {highest} cycles, {apart:.1f} % apart."
    )


def main(
    module="code_costs",
    make_counter=Counter,
    tell_all=tell,
    parts=read_judge_act,
    table=(costs.ROWS, costs.TASKS),
):
    if layouts.is_child():
        layouts.child(make_counter)
    try:
        counted = layouts.count(module)
    except MissingTool as error:
        sys.exit(str(error))
    rows, tasks, port = layouts.mean(counted)
    tell_all(rows, tasks, port)
    tell_spread(counted, parts)
    found = differences(rows, tasks, table)
    for sentence in found:
        print(f"Differs from the table: {sentence}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
