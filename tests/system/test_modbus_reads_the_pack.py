"""`vigil sim --rs485 modbus`, as its users run it, asked by pymodbus and mbpoll."""

import shutil
import subprocess

from pymodbus.client import ModbusSerialClient

from tests.system.simulator import running_simulator, wait_for


def test_pymodbus_and_mbpoll_read_the_simulated_pack_while_the_cycle_keeps_its_period():
    with running_simulator("--seed", 1, "--soc", 60, "--rs485", "modbus") as simulator:
        client = ModbusSerialClient(simulator.rs485, baudrate=9600, timeout=1)
        assert client.connect()
        try:
            wait_for(lambda: state(client) == [1, 1], timeout_s=15)
            soc_pct = simulator.soc_pct(60)
            cells = client.read_holding_registers(100, count=16, device_id=1).registers
            base = client.read_holding_registers(40070, count=62, device_id=1).registers
            assert client.write_register(1609, 0, device_id=1).exception_code == 3
            assert state(client) == [1, 1]
        finally:
            client.close()
        mbpoll = shutil.which("mbpoll")
        assert mbpoll, "mbpoll is missing: apt-get install mbpoll"
        rtu = ("-m", "rtu", "-a", "1", "-b", "9600", "-P", "none", "-0", "-1", "-t", "4")
        done = subprocess.run(
            [mbpoll, *rtu, "-r", "100", "-c", "16", simulator.rs485],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0 and done.stdout.count("\n[") == 16, done.stdout
        wait_for(lambda: len(simulator.records()) >= 2)
        seen = simulator.records()
    assert all(3200 <= cell_mv <= 3500 for cell_mv in cells)
    assert base[:2] == [802, 62]
    assert abs(base[34] - sum(cells) / 10) < 30
    assert abs(base[11] / 10 - soc_pct) <= 0.2
    assert seen[-1]["overruns"] == 0


def state(client):
    answer = client.read_holding_registers(7, count=2, device_id=1)
    return None if answer.isError() else answer.registers
