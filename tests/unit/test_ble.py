"""Bluetooth beside the desk: BTHome byte by byte, its encryption, telemetry records, bonds."""

import types

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.campaign import radio_rubbish
from host_tools.mock.fake_flash import FakeFlash
from host_tools.points import telemetry
from tests.interpreter import ROOT, run_micropython
from vigil import limits
from vigil.link.ble_bonds import Bonds
from vigil.link.ble_telemetry import Telemetry
from vigil.link.bthome import BtHome
from vigil.link.bthome_sealed import RESERVED, SealedBtHome
from vigil.memory import Memory
from vigil.sample import UNKNOWN

KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
ADDRESS = bytes.fromhex("5448E68F80A5")
# Object: bytes and factor, as Home Assistant's decoder has them; signed ones below zero.
OBJECTS = {0x00: 1, 0x01: 1, 0x0C: 2, 0x26: 1, 0x4A: 2, 0x57: -1, 0x5C: -4, 0x5D: -2}


class Pack:
    """As much of a BMS as a broadcast asks for."""

    def __init__(self, stack_mv=52920, current_ma=-12340, temp_dc=251, permille=760, memory=None):
        values = [stack_mv, current_ma]
        self.sample = types.SimpleNamespace(
            values=values, stack_at=0, current_at=1, highest=lambda group: self.temp_dc
        )
        self.temp_dc = temp_dc
        self.estimator = types.SimpleNamespace(shown_permille=permille)
        self.protection = types.SimpleNamespace(actions=0)
        self.switches = types.SimpleNamespace(state=[1, 1])
        self.self_test_passed = True
        self.memory = memory or Memory(FakeFlash())
        self.authority = types.SimpleNamespace(broadcasts=None)
        self.notes = []
        self.keeper = types.SimpleNamespace(note=lambda *what: self.notes.append(what))
        self.bms = self


def objects(payload):
    """[(id, number)] of a plain payload; ids have to rise."""
    found = []
    at = 0
    while at < len(payload):
        size = OBJECTS[payload[at]]
        raw = payload[at + 1 : at + 1 + abs(size)]
        assert len(raw) == abs(size)
        found.append((payload[at], int.from_bytes(raw, "little", signed=size < 0)))
        at += 1 + abs(size)
    assert [kind for kind, _ in found] == sorted({kind for kind, _ in found})
    return found


def service_data(advertisement):
    """What is behind the UUID; the lengths of all fields have to be right."""
    at = 0
    found = None
    while at < len(advertisement):
        length, kind = advertisement[at], advertisement[at + 1]
        field = bytes(advertisement[at + 2 : at + 1 + length])
        assert len(field) == length - 1
        if kind == 0x16:
            assert field[:2] == b"\xd2\xfc" and found is None
            found = field[2:]
        at += 1 + length
    return found


def opened(data, key=KEY, address=ADDRESS):
    """Objects of an encrypted packet, by an AES-CCM that is not ours; and its counter."""
    assert data[0] == 0x41
    sealed, counter, tag = data[1:-8], data[-8:-4], data[-4:]
    nonce = address + b"\xd2\xfc\x41" + counter
    plain = AESCCM(key, tag_length=4).decrypt(nonce, sealed + tag, None)
    return objects(plain), int.from_bytes(counter, "little")


def test_the_whole_plain_broadcast_byte_by_byte():
    adverts = BtHome(Pack(), b"Vigil-0001", 0xFF00)
    assert adverts.refresh()
    assert bytes(adverts.data).hex() == (
        "020106" + "030300ff" + "1716d2fc" + "40"
        "0001" "014c" "0cb8ce" "2600" "5719" "5ce900ffff" "5dcccf"
    )  # fmt: skip
    assert adverts.response == b"\x0b\x09Vigil-0001"
    # The same again is nothing new; a change has a new packet number.
    assert not adverts.refresh()
    adverts._bms.protection.actions = limits.OPEN_CHARGE
    assert adverts.refresh()
    assert objects(service_data(adverts.data)[1:])[0] == (0, 2)
    assert (0x26, 1) in objects(service_data(adverts.data)[1:])


@given(
    st.integers(0, 1000000) | st.just(UNKNOWN),
    st.integers(-1000000, 1000000) | st.just(UNKNOWN),
    st.integers(-500, 1500) | st.just(UNKNOWN),
    st.integers(0, 1000) | st.just(UNKNOWN),
)
def test_every_broadcast_fits_and_tells_what_is_known(stack_mv, current_ma, temp_dc, permille):
    adverts = BtHome(Pack(stack_mv, current_ma, temp_dc, permille), b"Vigil", 0xFF00)
    adverts.refresh()
    assert len(adverts.data) <= 31
    data = service_data(adverts.data)
    assert data[0] == 0x40
    found = dict(objects(data[1:]))
    unknown = UNKNOWN in (stack_mv, current_ma, temp_dc)
    assert found[0x26] == (1 if unknown else 0)
    assert (0x01 in found) == (permille != UNKNOWN)
    assert (0x0C in found) == (stack_mv <= 0xFFFF)
    assert (0x4A in found) == (0xFFFF < stack_mv < UNKNOWN)
    if 0x4A in found:
        assert abs(found[0x4A] * 100 - stack_mv) <= 50
    if current_ma != UNKNOWN:
        assert found[0x5D] == max(-32767, min(current_ma, 32767))
    if UNKNOWN not in (stack_mv, current_ma):
        # 5 mV and 5 mA are rounded away.
        error_cw = (abs(current_ma) * 5 + stack_mv * 5) / 10000 + 2
        assert abs(found[0x5C] - stack_mv * current_ma / 10000) <= error_cw
    else:
        assert 0x5C not in found
    if temp_dc != UNKNOWN:
        assert abs(found[0x57] * 10 - max(-1280, min(temp_dc, 1270))) <= 5


def sealed(pack, key=KEY):
    adverts = SealedBtHome(pack, b"Vigil-0001", 0xFF00, ADDRESS)
    adverts.refresh()
    assert pack.authority.broadcasts is adverts
    if key:
        assert adverts.set_key(key + bytes(16))
    return adverts


def kept(memory):
    while memory.state_waits:
        assert memory.commit()


def test_an_encrypted_broadcast_is_what_another_implementation_reads():
    pack = Pack()
    adverts = sealed(pack)
    # Nothing is told under a counter that is not reserved for good.
    assert not adverts.refresh()
    kept(pack.memory)
    seen = {}
    for turn in range(10):
        assert adverts.refresh() and len(adverts.data) <= 31
        found, counter = opened(service_data(adverts.data))
        assert counter == turn
        seen.update(dict(found))
    assert seen == {0x01: 76, 0x0C: 52920, 0x26: 0, 0x57: 25, 0x5C: -65303, 0x5D: -12340}
    # Where both are, the apps' service is beside the name.
    assert adverts.response[:4] == b"\x03\x03\x00\xff"


def test_the_vectors_of_the_published_format():
    adverts = sealed(Pack())
    for counter, plain, wanted in (
        (0x33221100, "02ca0903bf13", "a47266c95f73" "00112233" "78237214"),
        (
            5,
            "0007014c02ce090cb8ce5ce900ffff5dcccf",
            "6978" "8f044c229166145665854c0eee9d535b" "05000000" "202712de",
        ),
    ):  # fmt: skip
        text = bytes.fromhex(plain)
        adverts._objects[: len(text)] = text
        adverts._counter = counter
        length = adverts._seal(adverts._cipher, len(text))
        assert bytes(adverts._sealed[:length]).hex() == wanted


def test_no_counter_is_ever_used_twice_wherever_the_power_fails():
    flash = FakeFlash()
    used = []
    memory = Memory(flash)
    adverts = sealed(Pack(memory=memory))
    for start in range(12):
        # So many copies are written before the power fails.
        for _ in range(start % 4):
            if memory.state_waits:
                memory.commit()
        for _ in range(5):
            if adverts.refresh():
                used.append(opened(service_data(adverts.data))[1])
        memory = Memory(flash)
        adverts = SealedBtHome(Pack(memory=memory), b"Vigil", 0xFF00, ADDRESS)
        if adverts._cipher is None:
            # The key itself had not been written.
            assert not used
            adverts.set_key(KEY + bytes(16))
    assert len(used) >= 25
    assert used == sorted(set(used))


def test_a_block_is_followed_by_the_next_before_it_ends():
    pack = Pack()
    adverts = sealed(pack)
    kept(pack.memory)
    counters = []
    for turn in range(2 * RESERVED // 512):
        adverts._counter += 511  # so many packets later
        assert adverts.refresh()
        counters.append(opened(service_data(adverts.data))[1])
        if turn % 8 == 0:
            kept(pack.memory)
    assert counters == sorted(set(counters)) and counters[-1] > RESERVED


def test_a_lost_key_tells_nothing_and_a_new_one_begins_above_what_was_used():
    flash = FakeFlash()
    pack = Pack(memory=Memory(flash))
    adverts = sealed(pack)
    kept(pack.memory)
    for name in list(flash.records):
        if name.startswith("bthome"):
            flash.records[name] = b"rubbish"
    lost = SealedBtHome(Pack(memory=Memory(flash)), b"Vigil", 0xFF00, ADDRESS)
    assert not lost.refresh() and service_data(lost.data) is None
    # Plain again by the owner's wish, and encrypted once more.
    assert adverts.set_key(bytes(32)) and adverts.refresh()
    assert service_data(adverts.data)[0] == 0x40
    assert adverts.set_key(KEY + bytes(16))
    kept(pack.memory)
    assert adverts.refresh() and opened(service_data(adverts.data))[1] >= RESERVED
    assert not adverts.set_key(bytes(range(32)))
    assert [note[:2] for note in pack.notes] == [(34, 3)] * 3


@settings(max_examples=60)
@given(st.data())
def test_a_telemetry_record_is_what_the_points_say(data):
    values = {}
    for field in telemetry.FIELDS:
        number = st.integers(-40000, 700000) if field.signed else st.integers(0, 700000)
        values[field.key] = data.draw(number | st.just(UNKNOWN))
    keys = [field.key for field in telemetry.FIELDS]
    asked = iter(keys)
    points = types.SimpleNamespace(
        find=lambda number: 0, value=lambda place, element: values[next(asked)]
    )
    told = Telemetry(points, 1)
    written = []
    radio = types.SimpleNamespace(gatts_write=lambda *what: written.append(what))
    assert told.tell(radio) and written == [(1, told.record, True)]
    found = telemetry.decode(told.record)
    for field in telemetry.FIELDS:
        value = values[field.key]
        if value == UNKNOWN:
            assert found[field.key] is None
            continue
        bits = 8 * field.size - (1 if field.signed else 0)
        most = (1 << min(bits, 29)) - (1 if field.signed or bits > 29 else 2)
        lowest = -most if field.signed else 0
        nearest = max(lowest, min((value + field.divisor // 2) // field.divisor, most))
        assert found[field.key] == nearest * field.divisor


def test_the_page_tells_every_field_of_a_record():
    page = (ROOT / "docs" / "bluetooth.md").read_text()
    end = 1
    for field in telemetry.FIELDS:
        sign = ", signed" if field.signed else ""
        assert f"\n| {field.at} | {field.size}{sign} | `{field.key}` | " in page
        end = field.at + field.size
    assert end == telemetry.LENGTH == 20


def test_a_record_of_another_layout_is_refused():
    for record in (bytes(20), b"\x01" + bytes(18), b"\x02" + bytes(19)):
        with pytest.raises(ValueError):
            telemetry.decode(record)


class Radio:
    def __init__(self):
        self.settings = {}
        self.shown = []

    def config(self, **settings):
        self.settings.update(settings)

    def gap_passkey(self, *what):
        self.shown.append(what)


def test_bonds_keep_a_few_secrets_within_their_sizes():
    memory = Memory(FakeFlash())
    radio = Radio()
    bonds = Bonds(radio, memory, 123456)
    assert radio.settings == {"bond": True, "mitm": True, "le_secure": True, "io": 0}
    assert bonds.event(29, (1, 0, b"somebody")) is None
    for number in range(4):
        for kind in (1, 2):
            key = bytes([number]) * 7
            assert bonds.event(30, (kind, memoryview(key), memoryview(bytes([kind]) * 80)))
    assert bonds.event(29, (2, 0, b"\x03" * 7)) == b"\x02" * 80
    assert bonds.event(29, (1, 3, None)) == b"\x01" * 80
    assert bonds.event(29, (1, 4, None)) is None
    # Too long ones are refused; one more takes the place of the oldest.
    assert not bonds.event(30, (1, bytes(7), bytes(97))) and not bonds.event(
        30, (1, bytes(17), b"")
    )
    assert bonds.event(30, (1, b"\x09" * 7, bytes(96)))
    assert bonds.event(29, (1, 0, b"\x00" * 7)) is None
    assert bonds.event(30, (1, b"\x09" * 7, None)) and not bonds.event(30, (1, b"\x09" * 7, None))
    bonds.step()
    kept(memory)
    again = Bonds(radio, Memory(memory.store._storage), 123456)
    assert again.event(29, (2, 0, b"\x03" * 7)) == b"\x02" * 80
    again.event(31, (7, 4, 0))
    again.event(31, (7, 3, 0))
    assert radio.shown == [(7, 3, 123456)]


def test_the_handler_and_the_cycle_allocate_nothing_and_rubbish_leaves_nothing():
    result = run_micropython(ROOT / "tests" / "micropython" / "ble_no_allocation.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1:] == ["ok"]


@pytest.mark.parametrize("profile", ["esp32", "rp2"])
def test_twenty_thousand_random_packets_change_nothing(profile):
    assert radio_rubbish.play(3, 10000, profile) == []
