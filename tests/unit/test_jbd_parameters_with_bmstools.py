"""A real client, bmstools, reads and writes parameters and switches of a BMS over a pty."""

import contextlib
import random

import pytest
import serial
from bmstools.jbd import JBD
from bmstools.jbd.jbd import BMSError
from jbd_desk import Host

from tests.unit.pty_link import serving
from vigil import door, limits


@contextlib.contextmanager
def answering(host, spoil=None):
    """bmstools on the line of this BMS; spoil(bytes): what the medium makes of them."""
    # The pty is the line now; the board's own port hears nothing.
    host.bms.executive._links.clear()
    with serving(host.engine, host.bms.executive.turn) as (path, link):
        port = serial.Serial(path, 9600, timeout=0.5)
        try:
            if spoil:
                write = port.write
                port.write = lambda data: write(spoil(data))
            yield JBD(port, timeout=1 if spoil is None else 0.3), link
        finally:
            port.close()


def owned(**options):
    return Host(owner=True, **options)


def row(host, row_id, name="trip"):
    return getattr(host.bms.table, name)[limits.position(row_id)]


def test_bmstools_reads_the_whole_eeprom_without_a_key():
    host = Host()
    with answering(host) as (client, link):
        eeprom = client.readEeprom()
    assert (eeprom["covp"], eeprom["covp_rel"], eeprom["cuvp"]) == (3650, 3450, 2500)
    assert (eeprom["povp"], eeprom["puvp_rel"]) == (57600, 47200)
    assert (eeprom["chgot"], eeprom["chgut"], eeprom["dsgut"]) == (45.0, 1.0, -20.0)
    assert (eeprom["chgoc"], eeprom["dsgoc"]) == (60000, -120000)
    assert (eeprom["cuvp_delay"], eeprom["covp_delay"], eeprom["dsgoc_delay"]) == (2, 1, 10)
    assert (eeprom["covp_high"], eeprom["cuvp_high"]) == (3800, 1800)
    assert (eeprom["sc"].display, eeprom["sc_delay"].display) == (78, 100)
    assert (eeprom["dsgoc2"].display, eeprom["dsgoc2_delay"].display) == (50, 40)
    assert eeprom["sc_dsgoc_x2"] and eeprom["balance_en"] and eeprom["scrl"]
    assert (eeprom["covp_high_delay"].display, eeprom["cuvp_high_delay"].display) == (1, 4)
    assert (eeprom["design_cap"], eeprom["cell_cnt"], eeprom["shunt_res"]) == (100000, 16, 0.5)
    assert (eeprom["mfg_name"], eeprom["device_name"]) == ("Vigil", "Vigil sim16_lfp")
    assert [eeprom[f"ntc{sensor}"] for sensor in range(1, 9)] == [True] * 3 + [False] * 5
    assert eeprom["sc_err_cnt"] == 0
    assert link.abandoned == 0
    assert host.engine.refused == 0 and host.door.taken == 0


def test_bmstools_writes_the_eeprom_inside_the_window_and_reads_it_back():
    host = owned()
    with answering(host) as (client, _):
        eeprom = client.readEeprom()
        eeprom.update(covp=3600, covp_rel=3420, chgot=43.0, dsgoc=-90000, covp_delay=2)
        # All of it, as the program's window does: most of it as it was.
        client.writeEeprom(eeprom)
        again = client.readEeprom()
    assert {key: value for key, value in again.items() if key != "shunt_res"} == {
        key: value for key, value in eeprom.items() if key != "shunt_res"
    }
    assert again["shunt_res"] == 0.5
    assert row(host, limits.CELL_OVER_VOLTAGE) == 3600
    assert row(host, limits.CELL_OVER_VOLTAGE, "trip_delay_ms") == 2000
    assert row(host, limits.CHARGE_OVER_TEMPERATURE) == 430
    assert row(host, limits.DISCHARGE_OVER_CURRENT) == -90000
    assert row(host, limits.CELL_OVER_VOLTAGE_WARNING) == 3550


def test_bmstools_is_refused_outside_the_window():
    host = Host()
    table = host.bms.table
    with answering(host) as (client, _):
        for attempt in (
            lambda: client.writeEeprom({"covp": 3600}),
            lambda: client.writeEeprom({"mfg_name": "Somebody"}),
            lambda: client.chgDsgEnable(False, False),
            lambda: client.setPassword("abcdef"),
        ):
            with pytest.raises(BMSError):
                attempt()
        client.clearPassword()
        assert client.readEeprom()["covp"] == 3650
        basic = client.readBasicInfo()
    assert basic["chg_fet_en"] and basic["dsg_fet_en"] and not basic["software_err"]
    assert host.bms.table is table
    assert host.door.taken == 0 and host.door.refused >= 4


def test_bmstools_switches_and_clears_the_counters_as_the_owner():
    host = owned()
    host.bms.protection.trip_counts[limits.position(limits.CELL_OVER_VOLTAGE)] = 3
    with answering(host) as (client, _):
        assert client.readEeprom()["covp_err_cnt"] == 3
        client.clearErrors()
        assert client.readEeprom()["covp_err_cnt"] == 0
        client.chgDsgEnable(False, True)
        settle(host)
        basic = client.readBasicInfo()
        assert not basic["chg_fet_en"] and basic["dsg_fet_en"] and basic["software_err"]
        client.chgDsgEnable(True, True)
        settle(host)
        basic = client.readBasicInfo()
        assert basic["chg_fet_en"] and basic["dsg_fet_en"] and not basic["software_err"]


def settle(host):
    """As many cycles as a switch needs; the other thread turns them."""
    until = host.bms.executive.cycles + 60
    while host.bms.executive.cycles < until:
        pass


def test_a_set_that_contradicts_itself_is_told_to_bmstools_when_it_saves():
    host = owned()
    with answering(host) as (client, _):
        client.open()
        client.enterFactory()
        client.writeCmdWaitResp(0x24, (4200).to_bytes(2, "big"))
        assert client.exitFactory(True) is False
        client.close()
        assert client.readEeprom()["covp"] == 3650
    assert host.door.stage.found > 0 and not host.door.stage.is_begun


def test_with_half_a_percent_of_its_bytes_damaged_bmstools_gets_there_and_nothing_else_is_done():
    host = owned()
    host.door.authority.granted = door.OPERATOR
    dice = random.Random(4)

    def spoil(data):
        return bytes(
            dice.randrange(256) if dice.random() < 0.005 else byte for byte in bytearray(data)
        )

    wanted = 0
    failures = 0
    with answering(host, spoil) as (client, _):
        client.open()
        for turn in range(60):
            before, wanted = wanted, turn % 4
            for _ in range(5):
                try:
                    client.writeCmdWaitResp(0xE1, bytes([0, wanted]))
                    break
                except (BMSError, TimeoutError):
                    failures += 1
            else:
                raise AssertionError("five requests in a row were lost")
            assert host.bms.switches.held_off in (before, wanted)
            assert read_name(client)
        client.close()
    assert 0 < failures < 20


def read_name(client):
    for _ in range(5):
        try:
            return client.readCmdWaitResp(0x05, b"") == b"Vigil sim16_lfp"
        except (BMSError, TimeoutError):
            pass
    return False
