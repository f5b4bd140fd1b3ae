"""bmstools, as its users run it, reads the simulated pack through the RS485 port."""

import contextlib
import time

import pytest
import serial
from bmstools.jbd import JBD
from bmstools.jbd.jbd import BMSError

from tests.system.simulator import running_simulator, wait_for

SWITCHES_ON_WITHIN_S = 15


@contextlib.contextmanager
def client_on(path):
    port = serial.Serial(path, 9600, timeout=0.5)
    try:
        yield JBD(port)
    finally:
        port.close()


def switched_on(client):
    """Basic info as soon as the firmware has started up and closed both switches."""
    deadline = time.monotonic() + SWITCHES_ON_WITHIN_S
    while True:
        basic = client.readBasicInfo()
        if basic["chg_fet_en"] and basic["dsg_fet_en"]:
            return basic
        assert time.monotonic() < deadline, f"switches still off: {basic}"


def test_bmstools_reads_the_simulated_pack():
    with running_simulator("--seed", 1, "--soc", 60) as simulator:
        with client_on(simulator.rs485) as client:
            switched_on(client)
            soc_pct = simulator.soc_pct(60)
            basic = client.readBasicInfo()
            cells_mv = list(client.readCellInfo().values())
            name = client.readDeviceInfo()["device_name"]
    assert len(cells_mv) == basic["cell_cnt"] == 16
    assert all(3200 <= cell_mv <= 3500 for cell_mv in cells_mv)
    assert abs(basic["pack_mv"] - sum(cells_mv)) <= 0.01 * sum(cells_mv)
    assert basic["fault_raw"] == 0
    assert abs(basic["cap_pct"] - soc_pct) <= 1
    assert basic["ntc_cnt"] == 3
    assert all(15 <= basic[f"ntc{sensor}"] <= 40 for sensor in range(3))
    assert name == "Vigil sim16_lfp"


def test_bmstools_reads_the_eeprom_and_may_not_write_it():
    with running_simulator("--seed", 1, "--soc", 60) as simulator:
        with client_on(simulator.rs485) as client:
            switched_on(client)
            eeprom = client.readEeprom()
            with pytest.raises(BMSError):
                client.writeEeprom({"covp": 3600})
            with pytest.raises(BMSError):
                client.chgDsgEnable(False, False)
            again = client.readEeprom()
            basic = client.readBasicInfo()
    assert again == eeprom
    assert (eeprom["covp"], eeprom["dsgoc"], eeprom["cell_cnt"]) == (3650, -120000, 16)
    assert eeprom["device_name"] == "Vigil sim16_lfp"
    assert basic["chg_fet_en"] and basic["dsg_fet_en"]


def test_bmstools_keeps_reading_without_a_miss_while_the_cycle_keeps_its_period():
    with running_simulator("--seed", 2, "--soc", 60) as simulator:
        with client_on(simulator.rs485) as client:
            switched_on(client)
            for _ in range(10):
                basic, cells, device = client.readInfo()
                assert len(cells) == basic["cell_cnt"] == 16
                assert device["device_name"].startswith("Vigil")
            wait_for(lambda: len(simulator.records()) >= 3)
        seen = simulator.records()
    assert seen[-1]["overruns"] == 0
    assert seen[-1]["cycle_us_max"] < 50000
