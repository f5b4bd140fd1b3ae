"""Real clients of other hands ask the real engine over a pty: pymodbus, mbpoll, pysunspec2."""

import contextlib
import math
import shutil
import subprocess

import pytest
import serial
from pymodbus.client import ModbusSerialClient
from sunspec2.modbus.client import SunSpecModbusClientDeviceRTU

from tests.unit.modbus_line import Everybody, Master, answering, with_sum


@pytest.fixture(scope="module")
def master():
    master = Master(current_ma=-12000)
    master.run_ms(1000)
    return master


@pytest.fixture
def line(master):
    """Path of the client's end; who may write is put back behind each test."""
    nobody = master.door.authority
    with answering(master) as (path, _):
        yield path
    master.door.authority = nobody


@contextlib.contextmanager
def pymodbus(path, **options):
    client = ModbusSerialClient(path, baudrate=9600, timeout=1, **options)
    assert client.connect()
    try:
        yield client
    finally:
        client.close()


def test_pymodbus_reads_the_cells_by_both_functions(master, line):
    with pymodbus(line) as client:
        holding = client.read_holding_registers(100, count=16, device_id=1).registers
        inputs = client.read_input_registers(100, count=16, device_id=1).registers
        wide = client.read_holding_registers(20, count=2, device_id=1)
    assert holding == inputs == list(master.bms.sample.cell_values)
    value = client.convert_from_registers(wide.registers, client.DATATYPE.INT32)
    assert value == master.bms.sample.values[master.bms.sample.current_at] < -11000


def test_pymodbus_reads_the_longest_answer_and_is_told_what_is_wrong(line):
    with pymodbus(line, retries=0) as client:
        assert len(client.read_holding_registers(40070, count=125, device_id=1).registers) == 125
        assert client.read_holding_registers(4000, count=1, device_id=1).exception_code == 2
        assert client.read_coils(0, count=1, device_id=1).exception_code == 1
        assert client.write_register(1608, 1, device_id=1).exception_code == 3
        assert client.write_registers(400, [0, 1], device_id=1).exception_code == 2


def test_pymodbus_writes_where_it_may(master, line):
    master.door.authority = Everybody()
    with pymodbus(line) as client:
        version = client.read_holding_registers(3, count=1, device_id=1).registers[0]
        assert not client.write_register(1604, version, device_id=1).isError()
        assert not client.write_registers(1000, [0, 3590, 0, 3640], device_id=1).isError()
        assert client.write_register(1606, 7, device_id=1).exception_code == 3
        assert not client.write_register(1607, 1, device_id=1).isError()
    assert master.door.waiting == 4
    while master.door.step(0):
        pass
    assert master.door.waiting == 0


def test_another_unit_and_a_damaged_request_are_met_with_silence(line):
    port = serial.Serial(line, 9600, timeout=0.2)
    try:
        damaged = bytearray(with_sum(b"\x01\x03\x00\x12\x00\x01"))
        damaged[6] ^= 1
        for frame in (with_sum(b"\x02\x03\x00\x12\x00\x01"), bytes(damaged)):
            port.write(frame)
            assert port.read(1) == b""
        port.write(with_sum(b"\x01\x03\x00\x12\x00\x01"))
        assert len(port.read(7)) == 7
    finally:
        port.close()


def mbpoll(path, *arguments):
    command = shutil.which("mbpoll")
    assert command, "mbpoll is missing: apt-get install mbpoll"
    rtu = ("-m", "rtu", "-a", "1", "-b", "9600", "-P", "none", "-0", "-1", "-o", "1")
    return subprocess.run(
        [command, *rtu, *arguments[:-1], path, *arguments[-1]],
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_mbpoll_reads_registers_and_is_refused_a_writing(master, line):
    done = mbpoll(line, "-t", "4", "-r", "100", "-c", "16", ())
    assert done.returncode == 0, done.stderr
    told = [row.split(":")[1].strip() for row in done.stdout.splitlines() if row.startswith("[")]
    assert [int(value) for value in told] == list(master.bms.sample.cell_values)
    inputs = mbpoll(line, "-t", "3:hex", "-r", "40000", "-c", "2", ())
    assert "0x5375" in inputs.stdout and "0x6E53" in inputs.stdout
    missing = mbpoll(line, "-t", "4", "-r", "4000", "-c", "1", ())
    assert "Illegal data address" in missing.stdout + missing.stderr
    refused = mbpoll(line, "-t", "4", "-r", "1608", ("1",))
    assert "Illegal data value" in refused.stdout + refused.stderr
    assert not master.door.waiting


def test_sunspecs_own_client_finds_the_models_and_reads_them(master, line):
    device = SunSpecModbusClientDeviceRTU(slave_id=1, name=line, baudrate=9600, timeout=2)
    try:
        device.scan()
        assert [model for model in device.models if isinstance(model, int)] == [1, 802, 803, 805]
        (common,), (base,) = device.models[1], device.models[802]
        (bank,), (module,) = device.models[803], device.models[805]
        assert common.Mn.value == "Vigil"
        assert common.Md.value == "Vigil sim16_lfp"
        sample = master.bms.sample
        cells = [value / 1000 for value in sample.cell_values]
        assert close(base.A.cvalue, -12.0)
        assert close(base.V.cvalue, sum(cells), 0.2)
        assert close(base.W.cvalue, -12.0 * sum(cells), 5)
        assert close(base.SoC.cvalue, master.bms.estimator.shown_permille / 10)
        assert (base.AHRtg.cvalue, base.WHRtg.cvalue) == (100.0, 5278)
        assert (base.CellVMax.cvalue, base.CellVMin.cvalue) == (max(cells), min(cells))
        assert (base.ChaSt.value, base.State.value, base.Typ.value) == (3, 3, 4)
        assert (base.Evt1.value, base.AlmRst.value, base.SetOp.value) == (0, 0, 1)
        assert base.SoH.value is None
        assert (bank.NStr.value, bank.NStrCon.value) == (1, 1)
        assert close(bank.ModTmpMax.cvalue, sample.highest(1) / 10)
        (string,) = bank.groups["string"]
        assert (string.StrSt.value, string.StrNMod.value) == (3, 1)
        assert close(string.StrA.cvalue, -12.0)
        read = [cell.CellV.cvalue for cell in module.groups["lithium-ion-module-cell"]]
        assert [round(volts, 3) for volts in read] == cells
    finally:
        device.close()


def close(value, expected, by=0.05):
    return math.isclose(value, expected, abs_tol=by)
