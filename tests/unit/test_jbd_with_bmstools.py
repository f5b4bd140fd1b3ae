"""A real client, bmstools, asks the real engine and port over a pty."""

import contextlib

import pytest
import serial
from bmstools.jbd import JBD, BMSError

from tests.unit.jbd_packs import UNKNOWN, sixteen_cells
from tests.unit.pty_link import serving as answering
from vigil.link.jbd import Jbd


@contextlib.contextmanager
def client_on(path):
    port = serial.Serial(path, 9600, timeout=0.5)
    try:
        yield JBD(port)
    finally:
        port.close()


def test_bmstools_reads_basic_info_cells_and_name():
    engine = Jbd(sixteen_cells(protection_bits=0x0401), name="Vigil bench", software_version=0x21)
    with answering(engine) as (path, link), client_on(path) as client:
        basic, cells, device = client.readInfo()
    assert basic["pack_mv"] == 52920
    assert basic["pack_ma"] == -12340
    assert (basic["cur_cap"], basic["full_cap"]) == (76000, 100000)
    assert (basic["cap_pct"], basic["cycle_cnt"], basic["cell_cnt"]) == (76, 37, 16)
    assert (basic["year"], basic["month"], basic["day"]) == (2026, 1, 1)
    assert basic["chg_fet_en"] and basic["dsg_fet_en"]
    assert [name for name in basic if name.endswith("_err") and basic[name]] == [
        "covp_err",
        "sc_err",
    ]
    assert [cell for cell in range(32) if basic[f"bal{cell}"]] == [0, 2]
    assert [round(basic[f"ntc{sensor}"], 1) for sensor in range(3)] == [25.1, 24.0, 30.2]
    assert basic["ntc3"] is None
    assert list(cells.values()) == list(range(3300, 3316))
    assert device["device_name"] == "Vigil bench"
    assert link.replies == 3
    assert engine.garbage_bytes == 0


def test_bmstools_sees_an_unknown_temperature_as_one_nobody_can_believe():
    pack = sixteen_cells()
    pack.temps_dc[1] = UNKNOWN
    with answering(Jbd(pack)) as (path, link), client_on(path) as client:
        basic = client.readBasicInfo()
    assert basic["ntc_cnt"] == 3
    assert [round(basic[f"ntc{sensor}"]) for sensor in range(3)] == [25, -273, 30]


def test_bmstools_reads_on_after_rubbish_and_a_refused_write():
    engine = Jbd(sixteen_cells())
    with answering(engine) as (path, link), client_on(path) as client:
        client.open()
        client.s.write(b"\x00\xff\xdd\xa5\x03\x20")
        with pytest.raises(BMSError):
            client.writeCmdWaitResp(0xE1, b"\x00\x03")
        assert client.readCellInfo()["cell15_mv"] == 3315
        assert client.readBasicInfo()["chg_fet_en"]
        client.close()
    assert engine.refused == 1
