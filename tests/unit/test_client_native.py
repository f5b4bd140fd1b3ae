"""The client and a BMS that follows the native protocol, also on lines that do not help."""

import random

import pytest
from native_stand_in import CELLS, DEVICE_ID, OPERATOR_KEY, OWNER_KEY, Device, Line

from host_tools import firmware
from host_tools.client import coding, connect, frames, journal, keys, messages
from host_tools.client.carriers import SerialCarrier
from host_tools.client.errors import (
    EchoOnly,
    Forged,
    Garbage,
    OtherPoints,
    OtherVersion,
    Refused,
    Silent,
    Unanswered,
)
from host_tools.client.native import Native

CARRIERS = pytest.mark.parametrize("over_modbus", [False, True], ids=["serial", "modbus"])
ALLOWED = coding.place("switches_allowed")


def connected(device=None, over_modbus=False, **options):
    line = Line(device or Device(), over_modbus, **options)
    return connect.on(line, "native")


# Reading.


@CARRIERS
def test_points_are_read_by_name_with_as_many_elements_as_the_board_has(over_modbus):
    bms = connected(over_modbus=over_modbus)
    assert bms.protocol == ("native over Modbus" if over_modbus else "native")
    assert bms.read("cell_mv", "temp_dc", "current_ma", "soh", "device_name") == {
        "cell_mv": CELLS,
        "temp_dc": [251, 249, -30],
        "current_ma": -1500,
        "soh": None,
        "device_name": "Shed",
    }


def test_every_point_can_be_read_at_once():
    device = Device()
    found = connected(device).read(*(point.key for point in coding.declared.POINTS))
    limits, trips = firmware.load("limits")[0], found["limit_trip"]
    assert len(trips) == limits.LAST_ROW
    assert trips[limits.CELL_OVER_VOLTAGE - 1] == 3650
    assert found["limit_trip"][limits.DISCHARGE_OVER_CURRENT - 1] == -120000


def test_who_it_is_and_what_points_it_has():
    bms = connected()
    assert bms.identity.device_id == DEVICE_ID
    assert (bms.identity.board, bms.identity.name) == ("sim16_lfp", "Shed")
    assert bms.identity.keys_set and not bms.identity.window_open
    told = bms.native.points()
    assert [place[0] for place in told] == [point.number for point in coding.declared.POINTS]


def test_subscribed_values_come_by_themselves_and_are_renewed():
    device = Device()
    bms = connected(device)
    watched = bms.watch(("current_ma", "cell_mv"), 10)
    seen = []
    for ampere in range(4):
        device.put("current_ma", ampere * 1000)
        seen.append(next(watched)["current_ma"])
    watched.close()
    assert seen == [0, 1000, 2000, 3000]
    subscriptions = [frame for frame in bms.line.sent if frame[4] == messages.SUBSCRIBE]
    assert len(subscriptions) == 3  # the first, one renewal after 20 s, the end
    assert device.period == 0


def test_a_bms_that_sends_nothing_by_itself_is_asked():
    assert not connected(over_modbus=True).sends_by_itself(("soc",))
    assert connected().sends_by_itself(("soc",))
    # More than one message holds.
    assert not connected().sends_by_itself(("limit_trip", "limit_release"))


# A session.


@CARRIERS
@pytest.mark.parametrize(
    "role, key", [("owner", OWNER_KEY), ("operator", OPERATOR_KEY)], ids=["owner", "operator"]
)
def test_with_a_key_a_point_is_written_and_read_sealed(role, key, over_modbus):
    device = Device()
    bms = connected(device, over_modbus)
    bms.open_session(role, key)
    bms.write((ALLOWED, 1))
    assert device.done == [("switches_allowed", 1)]
    assert bms.value("switches_allowed") == 1
    begin = 2 if over_modbus else 1
    assert bms.line.sent[-1][begin] == messages.SEALED
    bms.close()
    assert not device.sessions and bms.line.closed


def test_sealed_telemetry_is_believed_and_plain_telemetry_in_a_session_is_not():
    device = Device()
    bms = connected(device)
    bms.open_session("owner", OWNER_KEY)
    watched = bms.watch(("current_ma",), 1)
    assert next(watched)["current_ma"] == -1500
    device.sealing = None  # as from a stranger
    assert next(watched) is None
    device.period = 0


def test_without_a_session_nothing_is_written():
    device = Device()
    with pytest.raises(Refused, match="switches_allowed: only with the operator's key"):
        connected(device).write((ALLOWED, 1))
    assert device.done == ["refused without a session"]


def test_the_operator_may_not_do_what_is_the_owners():
    bms = connected()
    bms.open_session("operator", OPERATOR_KEY)
    with pytest.raises(Refused, match="owner_reset: only with the owner's key"):
        bms.write((coding.place("owner_reset"), 1))


def test_a_wrong_key_is_noticed_before_our_proof_is_given_away():
    device = Device()
    bms = connected(device)
    with pytest.raises(Refused, match="the key is not that of the BMS's owner"):
        bms.open_session("owner", bytes(32))
    assert messages.PROOF not in [frame[4] for frame in bms.line.sent]
    assert not bms.native.in_session


def test_a_bms_without_a_key_says_how_to_give_it_one():
    with pytest.raises(Refused, match="has no owner's key yet: vigil key commission"):
        connected(Device(keys={1: OPERATOR_KEY})).open_session("owner", OWNER_KEY)


def test_too_early_a_challenge_says_how_long_to_wait():
    device = Device()
    device.wait_s = 4
    with pytest.raises(Refused, match="try again in 4 s"):
        connected(device).open_session("owner", OWNER_KEY)


def test_a_session_that_the_bms_has_forgotten_is_told():
    device = Device()
    bms = connected(device)
    bms.open_session("owner", OWNER_KEY)
    device.sessions.clear()
    with pytest.raises(Refused, match="the session has ended"):
        bms.value("soc")
    assert bms.value("soc") == 599  # in the clear again


def test_a_replayed_answer_is_not_taken_for_a_new_one():
    device = Device()
    heard = []

    def replay(frame):
        heard.append(frame)
        # The answer to the request before, and never the right one.
        return [(0.02, heard[-2])]

    bms = connected(device)
    bms.open_session("owner", OWNER_KEY)
    bms.value("soc")
    heard.append(frames.serial(b"\x10\x03\x01\x81\x00"))
    bms.line.mischief = replay
    with pytest.raises(Unanswered):
        bms.value("soc")


def test_an_answer_that_was_changed_on_the_way_is_forged():
    def change(frame):
        message = bytearray(frame[1:-2])
        message[-9] ^= 1
        return [(0.02, frames.serial(bytes(message)))]

    bms = connected()
    bms.open_session("owner", OWNER_KEY)
    bms.line.mischief = change
    with pytest.raises(Forged, match="seal is broken"):
        bms.value("soc")


def test_an_answer_in_the_clear_is_not_believed_in_a_session():
    device = Device()
    bms = connected(device)
    bms.open_session("owner", OWNER_KEY)
    tag = (bms.native._tag % 255) + 1
    answer = bytes([0x10, 5, tag, messages.READ | 0x80, 0, 1, 1])
    bms.line.mischief = lambda frame: [(0.02, frames.serial(answer))]
    with pytest.raises(Forged, match="in the clear"):
        bms.native.read_blocks([(24, 1)])


def test_a_full_queue_is_waited_for():
    device = Device()
    device.busy = 3
    bms = connected(device)
    bms.open_session("owner", OWNER_KEY)
    bms.write((ALLOWED, 2))
    assert device.done == [("switches_allowed", 2)]
    device.busy = 1000
    with pytest.raises(Refused, match="too many writes wait"):
        bms.write((ALLOWED, 2))


def test_keys_and_the_window():
    device = Device(keys={}, commissioning=True)
    native = connected(device).native
    native.commission("owner", OWNER_KEY)
    assert device.keys == {2: OWNER_KEY}
    device.commissioning = False
    with pytest.raises(Refused, match="button held"):
        native.commission("owner", OPERATOR_KEY)
    native.open_session("owner", OWNER_KEY)
    native.set_key("operator", OPERATOR_KEY)
    assert device.keys[1] == OPERATOR_KEY
    assert native.open_window(600) == device.window_s == 600


@pytest.mark.parametrize("key", ["uptime_s", "cell_mv[0]", "limit_trip[1]"])
def test_what_nobody_may_write_is_refused_before_it_is_sent(key):
    device = Device()
    bms = connected(device)
    bms.open_session("owner", OWNER_KEY)
    with pytest.raises(ValueError, match="nobody may write"):
        bms.write((coding.place(key), 1))
    assert device.done == []


# Lines that do not help.


def late(frame):
    return [(5.0, frame)]


def never(frame):
    return []


def in_pieces(frame):
    return [(0.02 + 0.01 * at, bytes([byte])) for at, byte in enumerate(frame)]


def behind_text(frame):
    return [(0.02, b"MPY: soft reboot\r\n\xa6\x10\x20 half a frame" + frame)]


def test_an_answer_in_pieces_or_behind_garbage_is_found():
    for mischief in (in_pieces, behind_text):
        bms = connected(mischief=mischief)
        assert bms.value("soc") == 599


def test_a_silent_bms_is_told_from_a_noisy_line_and_from_an_echo():
    for mischief, error in ((never, Silent), (late, Silent)):
        bms = connected()
        bms.line.mischief = mischief
        with pytest.raises(error):
            bms.value("soc")
    bms = connected()
    bms.line.mischief = lambda frame: [(0.02, b"\x80\x00\xff")]
    with pytest.raises(Garbage):
        bms.value("soc")
    bms.line.mischief = lambda frame: [(0.001, bms.line.sent[-1])]
    with pytest.raises(EchoOnly):
        bms.value("soc")


@CARRIERS
def test_an_adapter_that_hears_itself_does_no_harm(over_modbus):
    bms = connected(over_modbus=over_modbus)
    bms.line.mischief = lambda frame: [(0.001, bms.line.sent[-1]), (0.02, frame)]
    bms.open_session("owner", OWNER_KEY)
    bms.write((ALLOWED, 1))
    assert bms.value("switches_allowed") == 1


def test_a_late_answer_is_not_taken_for_that_of_the_next_request():
    device = Device()
    bms = connected(device)
    first = []

    def one_behind(frame):
        first.append(frame)
        return [(0.02, first[-2])] if len(first) > 1 else []

    bms.line.mischief = one_behind
    device.put("soc", 1)
    with pytest.raises(Unanswered):
        bms.value("soc")
    bms.line.mischief = None
    device.put("soc", 2)
    assert bms.value("soc") == 2


@CARRIERS
def test_damaged_bytes_cost_a_repetition_and_never_a_wrong_value(over_modbus):
    dice = random.Random(1)

    def noisy(frame):
        """One byte in fifty is damaged."""
        damaged = bytes(
            byte ^ 1 << dice.randrange(8) if dice.random() < 0.02 else byte for byte in frame
        )
        return [(0.02, damaged)]

    bms = connected(over_modbus=over_modbus)
    bms.line.mischief = noisy
    bms.native.tries = 30
    good = [bms.read("cell_mv")["cell_mv"] for _ in range(40)]
    assert good == [CELLS] * 40
    assert len(bms.line.sent) > 60


def test_random_bytes_are_never_an_answer():
    dice = random.Random(2)
    carrier = SerialCarrier(Line(Device()))
    carrier.line.mischief = lambda frame: [(0.02, dice.randbytes(200))]
    native = Native(carrier)
    native.tries = 1
    for _ in range(200):
        with pytest.raises((Garbage, Silent)):
            native.identify()


# Others than we know.


def test_another_version_gets_a_clear_sentence():
    with pytest.raises(OtherVersion, match="speaks versions 2 to 2 of the native protocol"):
        connected(Device(version=2))


def test_another_points_table_is_read_under_no_name():
    bms = connected(Device(schema=0x12345678))
    with pytest.raises(OtherPoints, match=r"has other points \(12345678\)"):
        bms.read("soc")
    with pytest.raises(OtherPoints):
        bms.open_session("owner", OWNER_KEY)


# The journal and keys.


def test_the_journal_is_read_whole_and_told_in_words():
    (kinds,) = firmware.load("journal")
    device = Device()
    device.first_journal = 10
    told = (
        (kinds.START, 1, 0, 7),
        (kinds.TRIP, 2, 5, 3655),
        (kinds.LATCHED, 25, 0, 3),
        (kinds.OWNER_RESET, 0, 0, 0),
        (kinds.CONFIRMED, 0, 0, 60),
        (kinds.SAFE_MODE, 0, 0, 3),
        (kinds.MEMORY, 4, 0, 0),
        (kinds.SLEEPS_SOON, 4, 0, 2480),
        (kinds.BUTTON, kinds.BUTTON_RESET, 0, 0),
        (kinds.BACKSTOP, 1, 0, 0),
        (kinds.LIMITS, 0, 0, 0),
        (kinds.WRITE, 1609, 3, 1),
        (kinds.WRITE_REFUSED, 1608, 4, 12),
        (99, 1, 2, 3),
    )
    for at, (kind, code, where, value) in enumerate(told):
        device.journal.append(kinds.pack(10 + at, 7, 100 + at, kind, code, where, value, 0))
    device.journal[9] = b"\xff" * 32
    entries = [journal.entry(record) for record in connected(device).native.journal()]
    assert entries.pop(9) is None
    assert [entry.sequence for entry in entries] == [10 + at for at in range(14) if at != 9]
    text = "\n".join(entry.sentence for entry in entries)
    for words in (
        "start 7",
        "Cell 5 over-voltage: tripped at 3.655 V",
        "latched, both switches open",
        "safe mode after 3 failed starts",
        "switches_allowed set to 1 over the native protocol",
        "a write to owner_reset refused: not allowed without the key of who may (and 11 before)",
        "do not know (kind 99",
    ):
        assert words in text


def test_every_kind_of_record_has_its_words():
    (kinds,) = firmware.load("journal")
    sizes = {"RECORD_SIZE", "PER_FILE", "FILES"}
    codes = {"BUTTON_RESET", "BUTTON_KEYS", "KEYS_LOST", "AT_BOARD", "BY_OWNER"}
    names = {
        name
        for name, value in vars(kinds).items()
        if name[0] != "_" and name.isupper() and type(value) is int
    }
    assert names - sizes - codes <= set(journal.KINDS)
    for name in names - sizes - codes:
        record = kinds.pack(0, 1, 1, getattr(kinds, name), 1, 1, 1, 0)
        assert "do not know" not in journal.entry(record).sentence


def test_a_passphrase_gives_another_key_for_every_device():
    one, other = (keys.from_text("correct horse battery", bytes([n]) * 8) for n in (1, 2))
    assert len(one) == 32 and one != other
    assert keys.from_text(" " + OWNER_KEY.hex() + "\n", DEVICE_ID) == OWNER_KEY
    with pytest.raises(ValueError, match="at least 8"):
        keys.from_text("short", DEVICE_ID)
