"""`python -m host_tools.bench.bq769x0_costs`: code costs of a BQ76940 with 15 cells, each 250 ms.

As code_costs.py, with check codes: costs.BQ769X0_ROWS and BQ769X0_TASKS.
"""

from host_tools.bench import code_costs
from host_tools.bench.bytecode_cycles import CountingInterpreter
from host_tools.mock import costs

_CONVERTED = 0x80
_TURNED = 0x180
TABLE = (costs.BQ769X0_ROWS, costs.BQ769X0_TASKS)
# Bytes of a cycle's readings: status, control, cells, current, stack and temperatures.
_CYCLE_READS = (1, 2, 30, 2, 8)


class Counter(code_costs.Counter):
    pieces = "bq769x0_passes"
    cells = 15

    def rows(self):
        """{row of costs.BQ769X0_ROWS: cycles}."""
        piece = self.piece
        found = {}
        per_byte = (self.kernel("crc8_unpack", 32) - self.kernel("crc8_unpack", 2)) / 30
        found["read"] = piece("read_one")[0] - per_byte
        found["byte read"] = per_byte
        one, six = piece("write_one")[0], piece("write_six")[0]
        found["byte written"] = (six - one) / 5
        found["write"] = one - found["byte written"]
        reads = []
        for scans in (0, _CONVERTED, _TURNED):
            whole, made = piece("read", scans)
            bare = self._without_transfers(whole, made, found) - piece("stir", scans)[0]
            reads.append(bare)
            if not scans:
                quiet = whole - piece("stir", scans)[0]
        found["front end read"] = reads[0]
        found["front end read, new cells"] = reads[1] - reads[0]
        found["front end read, new temperatures"] = reads[2] - reads[1]
        piece("nothing")
        for name in ("judge", "act", "act_busy"):
            found[name.replace("_", ", ")] = piece(name)[0]
        found["plausibility"] = piece("plausible")[0]
        found["inputs"] = piece("inputs")[0]
        named = ("judge", "act", "plausibility", "inputs")
        found["cycle"] = piece("turn")[0] - quiet - sum(found[name] for name in named)
        return {name: round(cycles) for name, cycles in found.items()}

    def tasks(self, rows):
        found = {}
        for at, name in enumerate(costs.BQ769X0_TASKS):
            if at % 6 == 0:
                # A new one, for memory that was used does not come back.
                self._bytecode = CountingInterpreter(self.pieces, self._layout)
            idle = self.piece(name + "_idle")[0]
            bytes_written = 3 if name == "balance" else 1
            work = self._without_transfers(*self.piece(name), rows, bytes_written)
            found[name] = (round(idle), round(work))
        return found

    def _without_transfers(self, cycles, made, rows, bytes_written=1):
        for at, (stand_in, _) in enumerate(made):
            if stand_in == "writeto_mem":
                cycles -= rows["write"] + bytes_written * rows["byte written"]
            elif stand_in == "readfrom_mem_into":
                cycles -= rows["read"] + made[at + 1][1] * rows["byte read"]
        return cycles


def read_judge_act(rows):
    """[(part, cycles)] of a pass with a new conversion: every one, at the chip's own pace."""
    bytes_read = sum(_CYCLE_READS)
    return [
        (f"{len(_CYCLE_READS)} readings", len(_CYCLE_READS) * rows["read"]),
        (f"check codes of {bytes_read} bytes", bytes_read * rows["byte read"]),
        ("1 writing", rows["write"] + rows["byte written"]),
        ("read", rows["front end read"]),
        ("cells, current and stack", rows["front end read, new cells"]),
        ("judge", rows["judge"]),
        ("act", rows["act"]),
        ("plausibility", rows["plausibility"]),
        ("inputs", rows["inputs"]),
        ("executive", rows["cycle"]),
    ]


def tell(rows, tasks, _port):
    mhz = costs.MHZ
    print("A BQ76940 with 15 cells and check codes, RP2040 at 125 MHz:")
    for name, cycles in rows.items():
        print(f"  {name:34} {cycles:8d} cycles {cycles / mhz:9.1f} us")
    for name, (idle, work) in tasks.items():
        print(f"  {name:34} {idle:8d} idle {work:8d} working {work / mhz:9.1f} us")
    parts = read_judge_act(rows)
    print("A cycle with a new conversion, outside the bus:")
    for name, cycles in parts:
        print(f"  {name:34} {cycles:8d} cycles {cycles / mhz:9.1f} us")
    total = sum(cycles for _, cycles in parts)
    print(f"  {'sum':34} {total:8d} cycles {total / mhz:9.1f} us")
    turn = rows["front end read, new temperatures"] + rows["write"] + rows["byte written"]
    print(f"  {'a turn of temperatures beside it':34} {turn:8d} cycles {turn / mhz:9.1f} us")


if __name__ == "__main__":
    code_costs.main("bq769x0_costs", Counter, tell, read_judge_act, TABLE)
