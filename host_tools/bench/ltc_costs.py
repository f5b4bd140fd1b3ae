"""`python -m host_tools.bench.ltc_costs`: code costs of two LTC6813, an INA228 and contactors.

As code_costs.py, for 36 cells, 4 thermistors, two dies: costs.LTC681X_ROWS and LTC681X_TASKS.
"""

from host_tools.bench import code_costs
from host_tools.bench.bytecode_cycles import CountingInterpreter
from host_tools.bench.on_arm import Viper
from host_tools.mock import costs

_CELL_READINGS = 6
_SLOW = ("slow_pair", "slow_references", "slow_dies", "slow_conclude", "slow_compare", "leads")
TABLE = (costs.LTC681X_ROWS, costs.LTC681X_TASKS)


class Counter(code_costs.Counter):
    pieces = "ltc_passes"
    cells = 36
    port = 0

    def __init__(self, layout=0):
        self._layout = layout
        self._viper = Viper()
        self._bytecode = CountingInterpreter(self.pieces, layout)
        self._calls = self._bytecode.stand_in_calls()

    def rows(self):
        """{row of costs.LTC681X_ROWS: cycles}."""
        found = {name: self.piece(name)[0] for name in ("wake", "send", "take", "busy")}
        found["current"] = self.piece("read_current")[0]
        rest = self.piece("resting")[0]
        found["wake"] -= rest
        whole = self.piece("read")[0] - rest
        found["front end read"] = whole - (
            found["wake"]
            + found["busy"]
            + (_CELL_READINGS + 1) * found["take"]
            + 3 * found["send"]
        )
        composed = self.piece("compose")[0] - rest
        found["contactors"] = composed - whole - found["current"]
        # Without its frames.
        steps = {name: self.piece(name)[0] for name in _SLOW}
        steps["slow_pair"] -= 2 * found["send"] + found["busy"] + 2 * found["take"]
        steps["slow_references"] -= 2 * found["send"] + found["busy"] + found["take"]
        steps["slow_dies"] -= 2 * found["send"] + found["busy"] + found["take"]
        found["slow step"] = max(steps.values())
        for name in ("judge", "act", "act_busy"):
            found[name.replace("_", ", ")] = self.piece(name)[0]
        found["plausibility"] = self.piece("plausible")[0]
        found["inputs"] = self.piece("inputs")[0]
        named = ("judge", "act", "plausibility", "inputs")
        self.piece("well")
        turn = self.piece("turn_at_rest")[0] - rest
        self.piece("well")
        found["cycle"] = turn - composed - sum(found[name] for name in named)
        return {name: round(cycles) for name, cycles in found.items()}

    def tasks(self, rows):
        found = {}
        for at, name in enumerate(costs.LTC681X_TASKS):
            if at % 4 == 0:
                # A new one, for memory that was used does not come back.
                self._bytecode = CountingInterpreter(self.pieces, self._layout)
            idle = self.piece(name + "_idle")[0]
            work = self.piece(name)[0]
            if name == "balance":
                work -= rows["wake"] + 2 * rows["send"]
            elif name == "bring_up":
                work -= _CELL_READINGS * rows["take"]
            found[name] = (round(idle), round(work))
        return found


def read_judge_act(rows, groups=_CELL_READINGS):
    """[(part, cycles)] of a pass in which everything but temperatures is new."""
    return [
        ("wake", rows["wake"]),
        ("poll", rows["busy"]),
        (f"{groups + 1} readings and their codes", (groups + 1) * rows["take"]),
        ("3 commands", 3 * rows["send"]),
        ("cells, sum, decisions", rows["front end read"]),
        ("current", rows["current"]),
        ("contactors", rows["contactors"]),
        ("judge", rows["judge"]),
        ("act", rows["act"]),
        ("plausibility", rows["plausibility"]),
        ("inputs", rows["inputs"]),
        ("executive", rows["cycle"]),
    ]


def spi_us(devices=2, groups=_CELL_READINGS):
    """As fake_buses.py charges it at 1 MHz: wake, poll, readings, commands."""
    readings = (groups + 1) * (4 + 8 * devices)
    return 8 * (devices + 6 + readings + 3 * 4) + 10 * devices


def i2c_us():
    """Three readings of the monitor at 400 kHz."""
    return round(sum(3 + 9 * (3 + count) for count in (2, 3, 3)) * 1000000 / 400000)


def tell(rows, tasks, _port):
    mhz = costs.MHZ
    print("Two LTC6813 with 36 cells, INA228, contactors, RP2040 at 125 MHz:")
    for name, cycles in rows.items():
        print(f"  {name:30} {cycles:8d} cycles {cycles / mhz:9.1f} us")
    for name, (idle, work) in tasks.items():
        print(f"  {name:30} {idle:8d} idle {work:8d} working {work / mhz:9.1f} us")
    for cells, groups in ((24, 4), (36, 6)):
        total = 0
        print(f"A cycle with {cells} cells, outside the bus:")
        for name, cycles in read_judge_act(rows, groups):
            total += cycles
            print(f"  {name:30} {cycles:8d} cycles {cycles / mhz:9.1f} us")
        bus_us = spi_us(groups=groups) + i2c_us()
        print(f"  {'sum':30} {total:8d} cycles {total / mhz:9.1f} us, buses {bus_us} us")


if __name__ == "__main__":
    code_costs.main("ltc_costs", Counter, tell, read_judge_act, TABLE)
