"""The client reads the firmware's own Modbus and JBD over a pty, through pyserial."""

import os
import pty

import pytest

from host_tools.client import coding, connect, line
from host_tools.client.errors import NotSpoken, PortError, Refused, Silent
from host_tools.client.jbd import request, take
from host_tools.points import declared
from tests.unit.jbd_packs import sixteen_cells
from tests.unit.modbus_line import Master
from tests.unit.pty_link import serving
from vigil.link.jbd import Jbd


@pytest.fixture(scope="module")
def master():
    master = Master(current_ma=-12000)
    master.run_ms(1000)
    return master


def test_modbus_gives_every_point_by_its_name(master):
    with serving(master.engine) as (path, _), connect.at_port(path, "modbus") as bms:
        found = bms.read(*bms.keys)
        assert bms.knows_limits and not bms.can_write
        with pytest.raises(NotSpoken, match="Modbus has no keys"):
            _ = bms.native
    sample = master.bms.sample
    assert found["cell_mv"] == list(sample.cell_values)
    assert found["current_ma"] == sample.values[sample.current_at]
    assert found["staged_trip"] == [None] * len(found["limit_trip"])


def test_jbd_gives_what_it_has_under_the_same_names():
    engine = Jbd(sixteen_cells(protection_bits=0x0401), name="Vigil bench", software_version=0x21)
    with serving(engine) as (path, _), connect.at_port(path, "jbd") as bms:
        seen = bms.overview()
        assert bms.read("soc", "cell_mv") == {"soc": 760, "cell_mv": list(range(3300, 3316))}
        with pytest.raises(NotSpoken, match="JBD has no uptime_s"):
            bms.read("uptime_s")
        with pytest.raises(NotSpoken, match="JBD has no keys"):
            _ = bms.native
    assert (seen["stack_mv"], seen["current_ma"], seen["cycles"]) == (52920, -12340, 37)
    assert seen["temp_dc"] == [251, 240, 302]
    assert seen["balancing"] == [0b101, 0]
    assert seen["protections"] == ["a cell's voltage is too high", "short circuit"]
    assert seen["device_name"] == "Vigil bench"


def test_a_damaged_jbd_answer_is_none_and_a_good_one_is_found_behind_garbage():
    # From the protocol's documents: the name "0123456789" of a real device.
    good = bytes.fromhex("dd05000a30313233343536373839fde977")
    assert take(b"\xdd\x05\xff" + good, 5) == (0, b"0123456789")
    for at in range(2, len(good)):
        damaged = bytearray(good)
        damaged[at] ^= 0x10
        assert take(bytes(damaged), 5) is None
    assert request(3) == bytes.fromhex("dda50300fffd77")


def test_a_port_that_two_want_is_busy():
    board, client = os.openpty()
    path = os.ttyname(client)
    first = line.SerialLine(path)
    with pytest.raises(PortError, match="is in use by another program") as error:
        line.SerialLine(path)
    first.close()
    os.close(board)
    os.close(client)
    assert error.value.kind == "busy"


def test_a_port_that_goes_away_is_told():
    board, client = pty.openpty()
    opened = line.SerialLine(os.ttyname(client))
    os.close(client)
    os.close(board)
    with pytest.raises(PortError, match="has gone"):
        for _ in range(2):
            opened.write(b"?")
            opened.read(0.01)
    opened.close()


def test_nobody_at_the_other_end_is_silence():
    board, client = pty.openpty()
    opened = line.SerialLine(os.ttyname(client), 115200)
    opened.answer_s = 0.01
    for protocol in connect.PROTOCOLS:
        with pytest.raises(Silent):
            connect.on(opened, protocol)
    opened.close()
    os.close(board)
    os.close(client)


def test_what_is_no_port_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no port"):
        line.SerialLine(tmp_path / "none")
    with pytest.raises(PortError, match="is no serial port"):
        line.SerialLine("/dev/null")


def test_the_run_directory_names_the_port(tmp_path):
    with pytest.raises(ValueError, match="no simulator runs"):
        line.of_run_dir(tmp_path)
    (tmp_path / "run.json").write_text('{"nodes": [{"node": 1, "rs485": "/dev/pts/7"}]}')
    assert line.of_run_dir(tmp_path) == ("/dev/pts/7", None, {})
    with pytest.raises(ValueError, match="there is no node 2"):
        line.of_run_dir(tmp_path, 2)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(ValueError, match="cannot read"):
        line.of_run_dir(tmp_path)


def test_a_register_that_is_nobodys_is_a_refusal(master):
    with serving(master.engine) as (path, _), connect.at_port(path, "modbus") as bms:
        with pytest.raises(Refused, match="registers 4000 and on: a register of the range"):
            bms._source.read_blocks([(4000, 1)])


def test_a_code_below_zero_has_a_word_of_its_own():
    point = declared.by_key()["load_seen"]
    words = {value: coding.code_word(point, value) for value in (-1, 0, 1, 2)}
    assert words == {-1: "cannot be told", 0: "no", 1: "yes", 2: None}
