"""Telephones at a running simulator, over the virtual radio: they read, die, and attack."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys

from bumble import att
from bumble.hci import Address
from radio_rig import connected

from host_tools.client import connect
from host_tools.points import declared
from tests.system.phone import (
    JBD_REQUEST,
    LEVEL,
    MAKER,
    REQUEST,
    TELEMETRY,
    addresses,
    facts,
    found,
    phone,
    visit,
)
from tests.system.simulator import (
    ROOT,
    VIGIL,
    is_alive,
    records,
    running_simulator,
    wait_for,
)

PATIENCE_S = 120
TELEMETRY_BYTES = 20


def play(scene):
    return asyncio.run(asyncio.wait_for(scene, PATIENCE_S))


def hub_pid(simulator):
    """The one process of the radio."""
    me = simulator.process.pid
    children = open(f"/proc/{me}/task/{me}/children").read().split()
    names = {int(pid): open(f"/proc/{pid}/cmdline").read() for pid in children}
    return [pid for pid, name in names.items() if "radio.hub" in name]


def settings_of(simulator):
    """Everything that somebody with a key may write, and every limit."""
    written = [point.key for point in declared.POINTS if point.access != declared.READ_ONLY]
    with connect.in_run_dir(simulator.run_dir) as bms:
        told = bms.read(*written, "limits_schema", "switch_state", "safe_mode", "latches")
    limits = subprocess.run(
        [VIGIL, "limits", "show", "--run-dir", simulator.run_dir, "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert limits.returncode == 0, limits.stderr
    return told, limits.stdout


def in_order(simulator, seconds=3):
    """Both switches on, no cycle late, and time goes on."""
    seen = len(simulator.records())
    wait_for(lambda: len(simulator.records()) >= seen + seconds)
    latest = simulator.records()[-1]
    assert latest["charge_on"] and latest["discharge_on"]
    assert latest["overruns"] == 0 and not latest["faults"]
    complaints = (simulator.run_dir.parent / "stderr").read_text()
    assert "board:" not in complaints, complaints


def ready(simulator):
    wait_for(lambda: any(record["charge_on"] for record in simulator.records()))


def test_without_a_phone_a_run_is_the_same_with_and_without_a_radio():
    """But for a microsecond of the longest cycle: the firmware looks at one link more."""

    def run(*arguments):
        seen = records("--duration", 10, "--seed", 9, *arguments)
        assert len(seen) == 10
        return [dict(record, cycle_us_max=None) for record in seen]

    assert run() == run("--no-radio")


def test_a_phone_reads_everything_with_large_and_with_small_packets_and_one_signal_ends_all():
    async def scene(told):
        async with phone(told["hci"]) as device:
            (address,) = await addresses(device, 1)
            for mtu in (247, None):
                there = await visit(device, address, mtu)
                cells_mv = await there.cells_mv()
                basic = await there.jbd(3)
                assert len(cells_mv) == 16 and max(cells_mv) - min(cells_mv) < 20
                stack_mv = 10 * int.from_bytes(basic[:2], "big")
                assert abs(sum(cells_mv) - stack_mv) < 100
                assert await there.jbd(5)
                level = (await there.values[LEVEL].read_value())[0]
                assert abs(level - basic[19]) <= 1
                assert await there.values[MAKER].read_value() == b"Vigil"
                heard = []
                await there.values[TELEMETRY].subscribe(heard.append)
                while len(heard) < 2:
                    await asyncio.sleep(0.05)
                assert {len(each) for each in heard} == {TELEMETRY_BYTES}
                await there.connection.disconnect()

    with running_simulator("--seed", 3, "--soc", 60, "--speed", "max") as simulator:
        ready(simulator)
        assert not hub_pid(simulator)
        told = facts(simulator)
        assert told["hci"].startswith("tcp-client:127.0.0.1:")
        play(scene(told))
        (hub,) = hub_pid(simulator)
        # A phone had forced real time; without one it is as fast as it goes again.
        seconds = len(simulator.records())
        wait_for(lambda: len(simulator.records()) > seconds + 20)
        assert simulator.stop(signal.SIGTERM) == 0
        wait_for(lambda: not is_alive(hub))


def test_a_killed_phone_frees_the_only_link_of_a_pico_w_within_its_time_out():
    async def scene(told, program):
        async with phone(told["hci"]) as device:
            (address,) = await addresses(device, 1)
            wanted = Address(address, Address.PUBLIC_DEVICE_ADDRESS)
            await found(device, lambda each: each.is_connectable)
            process = program(told["hci"], address)
            await asyncio.to_thread(process.stdout.readline)
            # Advertised still, for others to read only.
            await found(device, lambda each: not each.is_connectable)
            os.kill(process.pid, signal.SIGKILL)
            connection = await device.connect(wanted, timeout=20)
            await connection.disconnect()

    with contextlib.ExitStack() as ends:

        def program(*arguments):
            path = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "unit"), str(ROOT / _FAKES)))
            process = subprocess.Popen(
                [sys.executable, ROOT / "tests" / "system" / "phone_program.py", *arguments],
                env=dict(os.environ, PYTHONPATH=path),
                stdout=subprocess.PIPE,
                text=True,
            )
            ends.callback(process.stdout.close)
            ends.callback(process.wait, 10)
            ends.callback(process.kill)
            return process

        with running_simulator("--board", "sim4_lfp", "--seed", 4, "--soc", 60) as simulator:
            ready(simulator)
            play(scene(facts(simulator), program))
            in_order(simulator)


_FAKES = "host_tools/mock/fakes"


def test_nothing_that_a_phone_does_without_the_key_changes_anything_or_stops_the_cycle():
    with running_simulator("--seed", 5, "--soc", 60, "--profile", "rest") as simulator:
        ready(simulator)
        before = settings_of(simulator)
        play(_attack(facts(simulator)))
        in_order(simulator)
        assert settings_of(simulator) == before


async def _attack(told):
    rng = random.Random(7)
    async with phone(told["hci"]) as device:
        (address,) = await addresses(device, 1)
    await asyncio.gather(*(_storm(told, address, at, random.Random(at)) for at in range(3)))
    async with phone(told["hci"], "C0:00:00:00:00:31") as device:
        there = await visit(device, address)
        before = await there.cells_mv()
        await _write_to_every_handle(there, rng)
        await _write_too_much(there, rng)
        await _write_jbd(there)
        await there.connection.disconnect()
        there = await visit(device, address)
        await _send_rubbish(device, there, rng)
    async with phone(told["hci"], "C0:00:00:00:00:32") as device:
        there = await visit(device, address)
        after = await there.cells_mv()
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 3


async def _storm(told, address, number, rng):
    """Comes and goes, as often as not without a word, in the middle of a question."""
    for turn in range(6):
        try:
            async with asyncio.timeout(3):
                async with phone(told["hci"], f"C0:00:00:00:01:{number:02X}") as device:
                    connection, peer = await connected(device, address)
                    for _ in range(rng.randrange(4)):
                        pdu = att.ATT_Write_Command(
                            attribute_handle=rng.randrange(1, 60),
                            attribute_value=rng.randbytes(rng.randrange(20)),
                        )
                        peer.gatt_client.send_gatt_pdu(bytes(pdu))
                    if turn % 2:
                        await connection.disconnect()
        except TimeoutError:
            # All links were taken; the next turn tries again.
            pass


async def _ask(there, pdu):
    """The answer or None."""
    try:
        return await asyncio.wait_for(there.peer.gatt_client.send_request(pdu), 5)
    except TimeoutError:
        return None


async def _write_to_every_handle(there, rng):
    refused = 0
    for handle in (*range(64), 0xFFFF):
        for pdu in (att.ATT_Write_Request, att.ATT_Write_Command):
            made = pdu(attribute_handle=handle, attribute_value=rng.randbytes(8))
            if pdu is att.ATT_Write_Command:
                there.peer.gatt_client.send_gatt_pdu(bytes(made))
            else:
                answer = await _ask(there, made)
                refused += isinstance(answer, att.ATT_Error_Response)
    assert refused > 20


async def _write_too_much(there, rng):
    """Longer than any buffer, in one packet and in prepared pieces."""
    for uuid in (JBD_REQUEST, REQUEST):
        handle = there.values[uuid].handle
        for length in (65, 240, 244):
            await _ask(
                there,
                att.ATT_Write_Request(
                    attribute_handle=handle, attribute_value=rng.randbytes(length)
                ),
            )
        for at in range(0, 700, 200):
            await _ask(
                there,
                att.ATT_Prepare_Write_Request(
                    attribute_handle=handle,
                    value_offset=at,
                    part_attribute_value=rng.randbytes(200),
                ),
            )
        await _ask(there, att.ATT_Execute_Write_Request(flags=1))


async def _write_jbd(there):
    """Every register, with the sums right: switches off, factory mode, limits."""
    request = there.values[JBD_REQUEST]
    for register in range(256):
        body = bytes([register, 2, 0, 3])
        frame = b"\xdd\x5a" + body + (-sum(body) & 0xFFFF).to_bytes(2, "big") + b"w"
        await request.write_value(frame)
        if register % 8 == 7:
            await asyncio.sleep(0.1)


async def _send_rubbish(device, there, rng):
    for _ in range(300):
        channel = rng.choice((4, 4, 4, 5, 6, rng.randrange(65536)))
        pdu = rng.randbytes(rng.randrange(1, 40))
        if rng.random() < 0.5:
            pdu = bytes([rng.choice((0x08, 0x0A, 0x12, 0x52, 0x16, 0x18, 0xD2))]) + pdu
        if not there.connection.device.connections:
            # It may be thrown out for it.
            there = await visit(device, str(there.connection.peer_address).partition("/")[0])
        device.send_l2cap_pdu(there.connection.handle, channel, pdu)
        if rng.random() < 0.2:
            await asyncio.sleep(0.03)
