"""Two simulated batteries on one noisy wire, asked by clients of other hands."""

import contextlib
import json

from pylontech import Pylontech
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException

from tests.system.simulator import running_simulator, wait_for

NOISE = ("--nodes", 2, "--noise", 0.5, "--seed", 3, "--soc", 60)


def until_good(ask, attempts=40):
    """(what it answers in the end, how often it failed before)."""
    for failures in range(attempts):
        try:
            return ask(), failures
        # Damaged answers fail in the library in many ways: sums, lengths, fields, silence.
        except Exception as error:
            last = error
    raise AssertionError(f"{attempts} times in a row: {last!r}")


def test_python_pylontech_reads_two_modules_on_one_noisy_wire():
    with running_simulator("--rs485", "pylontech", *NOISE) as simulator:
        nodes = json.loads(simulator.run_json.read_text())["nodes"]
        assert [node["address"] for node in nodes] == [2, 3]
        assert nodes[0]["rs485"] == nodes[1]["rs485"] == simulator.rs485
        client = Pylontech(simulator.rs485)
        # It waits for a line feed, which the protocol has not, so every call takes this long.
        client.s.timeout = 0.12
        failures = 0

        def ask(call, *arguments):
            nonlocal failures
            answer, failed = until_good(lambda: call(*arguments))
            failures += failed
            return answer

        try:
            wait_for(lambda: ask(client.get_management_info, 2).status.ChargeEnable)
            soc_pct = simulator.soc_pct(60)
            values = [ask(client.get_values_single, address) for address in (2, 3)]
            group = ask(client.get_values)
            serials = [ask(client.get_module_serial_number, address) for address in (2, 3)]
            permitted = ask(client.get_management_info, 3)
            limits = ask(client.get_system_parameters, 2)
            maker = ask(client.get_manufacturer_info)
            assert ask(client.get_protocol_version).cid2 == b"\x00"
            # How often it has to be asked again, over some more questions.
            for _ in range(8):
                ask(client.get_management_info, 2)
        finally:
            client.s.close()
        wait_for(lambda: len(simulator.records()) >= 2)
        seen = simulator.records()
    for address, module in zip((2, 3), values, strict=True):
        assert module.NumberOfModule == address
        assert len(module.CellVoltages) == 16
        assert all(3.2 <= volts <= 3.5 for volts in module.CellVoltages)
        assert abs(module.Voltage - sum(module.CellVoltages)) < 0.3
        assert abs(module.StateOfCharge - soc_pct / 100) < 0.01
    assert values[0].CellVoltages != values[1].CellVoltages
    assert group.NumberOfModules == 1 and group.Module[0].TotalCapacity == 100
    assert [serial.ModuleSerialNumber[-3:] for serial in serials] == [b"-02", b"-03"]
    assert permitted.ChargeVoltageLimit == 56.8 and permitted.DischargeCurrentLimit == -108
    assert permitted.status.ChargeEnable and not permitted.status.ShouldCharge
    assert limits.CellHighVoltageLimit == 3.65 and limits.DischargeCurrentLimit == -108
    assert b"Vigil" in maker.ManufacturerName
    assert 0 < failures < 60
    assert seen[-1]["overruns"] == 0


def test_pymodbus_reads_two_units_on_one_noisy_wire_and_nothing_damaged_is_written():
    with running_simulator("--rs485", "modbus", *NOISE) as simulator:
        client = ModbusSerialClient(simulator.rs485, baudrate=9600, timeout=0.2, retries=0)
        assert client.connect()
        failures = 0

        def read(unit, address, count):
            def once():
                answer = client.read_holding_registers(address, count=count, device_id=unit)
                assert not answer.isError()
                return answer.registers

            nonlocal failures
            registers, failed = until_good(once)
            failures += failed
            return registers

        try:
            wait_for(lambda: read(1, 7, 2) == read(2, 7, 2) == [1, 1])
            cells = [read(unit, 100, 16) for unit in (1, 2)]
            for turn in range(12):
                with contextlib.suppress(ModbusException):
                    client.write_register(1609, 0, device_id=1 + turn % 2)
            after = [read(unit, 7, 2) for unit in (1, 2)]
            results = [read(unit, 1600, 3) for unit in (1, 2)]
        finally:
            client.close()
        seen = simulator.records()
    assert cells[0] != cells[1]
    assert all(3200 <= cell_mv <= 3500 for pack in cells for cell_mv in pack)
    assert after == [[1, 1], [1, 1]]
    for _, taken, refused in results:
        assert taken == 0 and refused > 0
    assert all(record["overruns"] == 0 for record in seen)
