"""Talking over Bluetooth: the same code as on a real radio, to a stand-in on a virtual one."""

import asyncio
import json
import sys
import types

import ble_stand_in
import pytest
from ble_stand_in import PASSKEY, Board
from hypothesis import given
from hypothesis import settings as sampled
from hypothesis import strategies as st
from native_stand_in import CELLS, DEVICE_ID, OWNER_KEY, Device

from host_tools import cli
from host_tools.bridge import settings
from host_tools.bridge import values as bridge_values
from host_tools.client import ble_line, ble_radio, bthome, coding, connect, frames
from host_tools.client.errors import NotSpoken, PortError
from host_tools.points import declared

ALL = [point.key for point in declared.POINTS]


@pytest.fixture(scope="module")
def air():
    """Boards by name, and where phones attach."""
    boards = [
        Board("Vigil-0042"),
        Board("Vigil-PAIR", "C4:00:00:00:00:02", paired=True),
        Board("JBD-only", "C4:00:00:00:00:03", native=False),
        Board("Twin", "C4:00:00:00:00:04"),
        Board("Twin", "C4:00:00:00:00:05"),
    ]
    with ble_stand_in.on_air(*boards) as hci:
        yield types.SimpleNamespace(hci=hci, boards={board.name: board for board in boards})


@pytest.fixture
def radio(air, monkeypatch):
    monkeypatch.setattr(ble_radio, "_VIRTUAL_NAMESAKES_S", 0.05)
    return ble_radio.Radio(air.hci, PASSKEY)


@pytest.fixture
def run_dir(air, tmp_path, monkeypatch):
    """As a simulator writes it, for whole commands."""
    monkeypatch.setattr(ble_radio, "_VIRTUAL_NAMESAKES_S", 0.05)
    node = {"node": 1, "rs485": "/dev/null", "keys": {"owner": OWNER_KEY.hex()}}
    (tmp_path / "run.json").write_text(json.dumps({"nodes": [node], "hci": air.hci}))
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    return str(tmp_path)


@pytest.mark.parametrize("mtu", [23, 185, 247, 517])
def test_everything_is_read_and_written_in_pieces_of_any_size(air, radio, mtu):
    board = air.boards["Vigil-0042"]
    board.radio.gatt_server.max_mtu = mtu
    board.device = Device()
    board.written.clear()
    board.device.journal = [bytes(range(n, n + 32)) for n in range(20)]
    with connect.at_ble("Vigil-0042", None, radio) as bms:
        assert bms.protocol == "native" and bms.identity.device_id == DEVICE_ID
        found = bms.read(*ALL)
        assert found["cell_mv"] == CELLS and found["current_ma"] == -1500
        assert bms.native.journal() == board.device.journal
        bms.open_session("owner", OWNER_KEY)
        bms.write((coding.place("switches_allowed"), 1))
    assert board.device.done == [("switches_allowed", 1)]
    # Each piece fits into a packet, and where they may be large they are.
    assert max(board.written) <= mtu - 3
    assert (max(board.written) > 20) == (mtu > 23)


def test_a_board_that_only_speaks_jbd_can_be_read(radio):
    with connect.at_ble("jbd-ONLY", None, radio) as bms:
        assert bms.protocol == "JBD"
        found = bms.read("cell_mv", "soc", "device_name")
    assert found == {"cell_mv": [3301, 3302, 3303, 3304], "soc": 760, "device_name": "Garage"}
    with pytest.raises(NotSpoken, match="JBD-only has JBD only"):
        connect.at_ble("JBD-only", "native", radio)


def test_the_jbd_service_of_a_board_with_both_is_there_for_who_asks(radio):
    with connect.at_ble("Vigil-0042", "jbd", radio) as bms:
        assert bms.protocol == "JBD" and bms.read("soc") == {"soc": 760}


def test_a_board_that_wants_to_be_paired_is_paired(air, radio):
    with connect.at_ble("Vigil-PAIR", None, radio) as bms:
        assert bms.value("soc") == 599
    wrong = ble_radio.Radio(air.hci, PASSKEY + 1)
    with pytest.raises(PortError, match="wants to be paired first") as refused:
        connect.at_ble("Vigil-PAIR", None, wrong)
    assert refused.value.kind == "permission"


def test_an_address_is_a_name_too_and_two_of_one_name_are_refused(radio):
    with connect.at_ble("c4:00:00:00:00:05", None, radio) as bms:
        assert bms.value("soc") == 599
    with pytest.raises(PortError, match="C4:00:00:00:00:04 or C4:00:00:00:00:05|05 or .*04"):
        connect.at_ble("Twin", None, radio)


def test_who_is_not_there_is_told_who_is(radio):
    with pytest.raises(PortError, match=r"called Shed; there is JBD-only, Twin, Vigil-0042"):
        radio.find("Shed", 0.5)


@pytest.mark.parametrize("after", range(2))
def test_a_link_that_is_lost_in_an_answer_is_one_line_and_exit_code_1(air, run_dir, capsys, after):
    board = air.boards["Vigil-0042"]
    board.radio.gatt_server.max_mtu = 23
    board.lose_after = 20 + after
    words = ["points", "cell_mv", "--ble", "Vigil-0042", "--run-dir", run_dir]
    assert cli.main([*words, "temp_dc", "limit_trip"]) == 1
    output, errors = capsys.readouterr()
    assert "the Bluetooth link to Vigil-0042 is lost" in errors and errors.count("\n") == 1
    assert not output and board.lose_after is None
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"cell_mv": CELLS}


def test_monitor_seeks_a_lost_link_again(air, run_dir, capsys):
    board = air.boards["Vigil-0042"]
    board.radio.gatt_server.max_mtu = 247
    # Enough to meet it, not enough for many lines.
    board.lose_after = 30
    words = ["--ble", "Vigil-0042", "--run-dir", run_dir, "--interval", "0.1", "--count", "15"]
    assert cli.main(["monitor", *words, "--json"]) == 0
    output, errors = capsys.readouterr()
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(lines) == 15 and all(line["cells_mv"] == CELLS for line in lines)
    assert errors.count("\n") == 1 and "sought again" in errors and board.lose_after is None


def test_commands_over_bluetooth_with_the_key_and_without(
    air, run_dir, capsys, tmp_path, monkeypatch
):
    board = air.boards["Vigil-0042"]
    board.radio.gatt_server.max_mtu = 185
    board.device = Device()
    there = ["--ble", "Vigil-0042", "--run-dir", run_dir]
    (tmp_path / "wrong.key").write_text("00" * 32)
    wrong = ["--key-file", str(tmp_path / "wrong.key")]
    assert cli.main(["set", "switches_allowed", "none", *there, *wrong]) == 1
    assert "the key is not that of the BMS's owner" in capsys.readouterr().err
    assert board.device.done == []
    assert cli.main(["set", "switches_allowed", "charge", *there]) == 0
    assert capsys.readouterr().out == "switches_allowed = 1\n"
    assert board.device.done == [("switches_allowed", 1)]
    assert cli.main(["doctor", *there]) == 0
    assert "Vigil-0042: a BMS answers: native, Bluetooth\n" in capsys.readouterr().out


def test_scan_tells_who_is_there_and_what_the_broadcast_says(run_dir, capsys):
    assert cli.main(["scan", "--run-dir", run_dir, "--seconds", "0.5", "--json"]) == 0
    devices = json.loads(capsys.readouterr().out)["devices"]
    assert sorted(one["name"] for one in devices) == sorted(
        ["Vigil-0042", "Vigil-PAIR", "JBD-only", "Twin", "Twin"]
    )
    one = next(one for one in devices if one["name"] == "Vigil-0042")
    assert one["address"] == "C4:00:00:00:00:01" and ble_radio.JBD in one["services"]
    assert one["bthome"]["stack_v"] == 52.92 and one["bthome"]["soc_pct"] == 76
    assert cli.main(["scan", "--run-dir", run_dir, "--seconds", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all("76 %  52.92 V  -653 W  25.1 degC" in line and "JBD" in line for line in lines)


# Without any radio.


class DeskRadio:
    """ble_radio.Radio's face over a client whose packets are of our size, cut as `cut` says."""

    failures = (TimeoutError,)

    def __init__(self, device, mtu, cut, between=b""):
        self.device, self.mtu, self.cut, self.between = device, mtu, cut, between
        self.heard = bytearray()
        self.written = []
        self.is_connected = True
        self.services = self
        self.properties = ["write", "write-without-response"]
        self.max_write_without_response_size = mtu - 3

    def find(self, name):
        return name

    def client(self, seen, on_lost):
        return self

    @staticmethod
    def do(work, timeout_s):
        return asyncio.run(work)

    def get_service(self, uuid):
        return self

    def get_characteristic(self, uuid):
        return self

    async def start_notify(self, characteristic, callback):
        self.callback = callback

    async def disconnect(self):
        self.is_connected = False

    async def write_gatt_char(self, characteristic, data, response):
        self.written.append((bytes(data), response))
        self.heard += data
        message, left = frames.take_serial(bytes(self.heard))
        if message is None:
            return
        self.heard[:] = left
        reply = self.between + frames.serial(self.device.handle(message)) + self.between
        at = 0
        while at < len(reply):
            size = min(self.cut(), self.mtu - 3)
            self.callback(None, bytearray(reply[at : at + size]))
            at += size


@sampled(max_examples=40)
@given(st.data())
def test_answers_are_put_together_from_pieces_cut_anywhere(data):
    sizes = st.integers(1, 244)
    mtu = data.draw(st.integers(23, 517))
    between = data.draw(st.binary(max_size=8))
    radio = DeskRadio(Device(), mtu, lambda: data.draw(sizes), between)
    bms = connect.at_ble("desk", None, radio)
    assert bms.read("cell_mv", "soc") == {"cell_mv": CELLS, "soc": 599}
    bms.close()
    assert all(len(piece) <= mtu - 3 for piece, _ in radio.written)
    assert not radio.is_connected


@sampled(max_examples=40)
@given(st.lists(st.binary(min_size=1, max_size=243), min_size=1, max_size=3), st.integers(23, 517))
def test_frames_leave_whole_and_in_order_and_no_board_is_flooded(whole, mtu):
    radio = DeskRadio(Device(), mtu, lambda: 20)
    line = ble_line.BleLine(radio, "desk")
    for frame in whole:
        begun = len(radio.written)
        line.write(frame)
        pieces = radio.written[begun:]
        assert b"".join(piece for piece, _ in pieces) == frame
        # It may be refused, which only a confirmed one tells.
        assert pieces[-1][1] or begun
        # Never more on their way than a board has room for.
        assert all(response for _, response in pieces[7::8])


@sampled(max_examples=20)
@given(st.binary(min_size=1, max_size=243), st.sampled_from(["write", "write-without-response"]))
def test_a_board_with_one_way_of_writing_is_written_in_this_way(frame, way):
    radio = DeskRadio(Device(), 23, lambda: 20)
    radio.properties = [way]
    ble_line.BleLine(radio, "desk").write(frame)
    assert {response for _, response in radio.written} == {way == "write"}


def test_bthome_is_read_as_its_vectors_say():
    plain = bytes.fromhex("40 0007 014C 02CE09 0CB8CE 5CE900FFFF 5DCCCF")
    assert bthome.values(plain) == {
        "packet": 7,
        "soc_pct": 76,
        "temp_c": 25.1,
        "stack_v": 52.92,
        "power_w": -653.03,
        "current_a": -12.34,
    }
    assert bthome.values(plain[:1] + b"\x26\x01") == {"problem": True}
    sealed = bytes.fromhex("41A47266C95F730011223378237214")
    assert bthome.values(sealed) == {"encrypted": True}
    assert bthome.values(b"") is None and bthome.values(b"\x20\x01\x02") is None


@given(st.binary(max_size=30))
def test_no_broadcast_upsets_the_reader(data):
    found = bthome.values(data)
    assert found is None or all(isinstance(value, (int, float)) for value in found.values())


def test_without_the_package_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bleak", None)
    assert cli.main(["monitor", "--ble", "Vigil-0042"]) == 1
    assert "Bluetooth needs the package bleak: pip install" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["monitor", "--ble", "a", "--port", "b"], "--port and --ble: give one of them"),
        (["points", "--ble", " "], "--ble must not be empty"),
        (["points", "--ble", "a", "--protocol", "modbus"], "--ble goes with --protocol native"),
        (["log", "--ble", "a", "--run-dir", "nowhere"], "no simulator runs in nowhere"),
        (["scan", "--seconds", "0"], "--seconds must be 0.5 to 300"),
        (["doctor", "--board", "sim16_lfp", "--ble", "a"], "go without --board"),
        (["bridge", "mqtt", "--ble", "a", "--run-dir", "b", "--run-dir", "c"], "one --run-dir"),
    ],
)
def test_a_wrong_argument_is_one_line_and_nothing_is_sent(words, sentence, capsys):
    assert cli.main(words) == 2
    errors = capsys.readouterr().err
    assert sentence in errors and errors.count("\n") == 1


def test_a_simulator_without_a_radio_says_so(tmp_path, capsys):
    (tmp_path / "run.json").write_text('{"nodes": []}')
    assert cli.main(["scan", "--run-dir", str(tmp_path)]) == 2
    assert "its board has no Bluetooth" in capsys.readouterr().err
    (tmp_path / "run.json").write_text('{"nodes": [], "hci": "tcp-client:127.0.0.1:1"}')
    assert cli.main(["scan", "--run-dir", str(tmp_path)]) == 1
    assert "radio at tcp-client:127.0.0.1:1 is not there" in capsys.readouterr().err


def test_the_bridge_reaches_a_pack_over_bluetooth(run_dir):
    ((place, open_bms),) = settings.places([], [run_dir], ["Vigil-0042"], 9600, 1)
    assert place == "Vigil-0042"
    with open_bms() as bms:
        state, cells = bridge_values.read(bms, {})
    assert state["soc"] == 59.9 and cells["cell_16"] == 3.315
