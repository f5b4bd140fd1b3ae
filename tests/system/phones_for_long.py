"""Two batteries and three phones for a while: not one wrong value. PROGRAM SECONDS [SEED]

`make test` does it for a minute, `make campaign` for ten.
"""

import asyncio
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
for folder in (ROOT / "tests" / "unit", ROOT / "host_tools" / "mock" / "fakes", ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from host_tools.points import telemetry  # noqa: E402
from tests.system.phone import TELEMETRY, addresses, facts, phone, visit  # noqa: E402
from tests.system.simulator import running_simulator, wait_for  # noqa: E402

# Cells that tell the two batteries apart, and settle soon.
FAULTS = ("t=1 node 1 cell 2 mv 3350", "t=1 node 2 cell 5 mv 3380")
_SETTLED_S = 12
_NEAR_MV = 2
_BETWEEN_S = 0.5


class Counts:
    def __init__(self):
        self.reads = self.told = self.visits = 0
        self.wrong = []


def watch(seconds, seed=11):
    """Counts of what was read in so many seconds; what was wrong, as sentences."""
    arguments = ["--nodes", 2, "--seed", seed, "--soc", 60, "--profile", "rest"]
    for fault in FAULTS:
        arguments += ["--fault", fault]
    counts = Counts()
    heard = []  # (node, cells_mv or stack_mv)
    with running_simulator(*arguments) as simulator:
        wait_for(lambda: any(each["t_s"] >= _SETTLED_S for each in simulator.records()), 60)
        scene = _scene(facts(simulator)["hci"], seconds, heard, counts)
        asyncio.run(asyncio.wait_for(scene, seconds + 60))
        records = simulator.records()
        _judge(heard, records, counts)
        for node in (1, 2):
            last = [each for each in records if each["node"] == node][-1]
            if last["overruns"] or last["faults"] or not last["charge_on"]:
                counts.wrong.append(f"node {node} at the end: {last}")
    return counts


async def _scene(hci, seconds, heard, counts):
    until_s = time.monotonic() + seconds
    async with phone(hci, "C0:00:00:00:00:01") as device:
        first, second = sorted(await addresses(device, 2))
    await asyncio.gather(
        _stay(hci, "C0:00:00:00:00:02", (1, first), until_s, heard, counts),
        _stay(hci, "C0:00:00:00:00:03", (2, second), until_s, heard, counts),
        _alternate(hci, ((1, first), (2, second)), until_s, heard, counts),
    )


async def _read(there, node, heard, counts):
    heard.append((node, await there.cells_mv()))
    counts.reads += 1


async def _stay(hci, own, battery, until_s, heard, counts):
    node, address = battery
    async with phone(hci, own) as device:
        there = await visit(device, address)
        counts.visits += 1

        def told(record):
            counts.told += 1
            heard.append((node, telemetry.decode(record)["stack_mv"]))

        await there.values[TELEMETRY].subscribe(told)
        while time.monotonic() < until_s:
            await _read(there, node, heard, counts)
            await asyncio.sleep(_BETWEEN_S)
        await there.connection.disconnect()


async def _alternate(hci, batteries, until_s, heard, counts):
    """One battery, then the other, with small packets."""
    async with phone(hci, "C0:00:00:00:00:04") as device:
        while time.monotonic() < until_s:
            for node, address in batteries:
                there = await visit(device, address, mtu=None)
                counts.visits += 1
                await _read(there, node, heard, counts)
                await there.connection.disconnect()


def _judge(heard, records, counts):
    """Against what the firmware itself measured in the time."""
    for node in (1, 2):
        own = [each for each in records if each["node"] == node and each["t_s"] >= _SETTLED_S]
        cells = list(zip(*(each["cells_mv"] for each in own), strict=True))
        stacks_mv = [each["stack_mv"] for each in own]
        for whose, value in heard:
            if whose != node:
                continue
            if isinstance(value, list):
                near = len(value) == len(cells) and all(
                    _near(mv, range_mv) for mv, range_mv in zip(value, cells, strict=True)
                )
            else:
                near = _near(value, stacks_mv, 30)
            if not near:
                counts.wrong.append(f"node {node}: {value}")


def _near(value, values, by=_NEAR_MV):
    return min(values) - by <= value <= max(values) + by


def main():
    seconds = float(sys.argv[1])
    counts = watch(seconds, int(sys.argv[2]) if len(sys.argv) > 2 else 11)
    print(
        f"2 batteries, 3 phones, {seconds:g} s: {counts.reads} readings of all cells,"
        f" {counts.told} telemetry records, {counts.visits} connections,"
        f" {len(counts.wrong)} wrong"
    )
    for sentence in counts.wrong[:20]:
        print(" ", sentence)
    sys.exit(1 if counts.wrong else 0)


if __name__ == "__main__":
    main()
