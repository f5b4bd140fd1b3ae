"""The commands that talk to a BMS, run as a user runs them, against the stand-in."""

import json
import os
import random
import subprocess
import sys
import tomllib

import pytest
from native_stand_in import OPERATOR_KEY, OWNER_KEY, Device, Line

from host_tools import cli, firmware
from host_tools.client import coding, connect, line
from host_tools.client.errors import PortError
from host_tools.points import declared
from host_tools.prove import rows
from host_tools.talk import monitor, search, totals

PORT = ["--port", "/dev/desk"]
# The warning has to come first, so both move.
GOOD = """
[limits.cell_over_voltage]
trip_mv = 3600
delay_s = 2

[limits.cell_over_voltage_warning]
trip_mv = 3560
release_mv = 3520
"""
CONTRADICTION = "[limits.cell_over_voltage]\nrelease_mv = 3640\n"
# Good for any chemistry, not for LFP: this host judges the first, the BMS both.
TOO_HIGH_FOR_LFP = """
[limits.cell_over_voltage]
trip_mv = 3700
[limits.cell_over_voltage_severe]
trip_mv = 3850
"""


class Desk:
    """Runs commands; `device` is what they find at the port."""

    def __init__(self, monkeypatch, capsys, folder):
        self.device = Device()
        self.lines = []
        self.opened = []
        self.mischief = None
        self.damage = bytes
        self.over_modbus = True
        self.folder = folder
        self._capsys = capsys
        monkeypatch.setattr(connect, "SerialLine", self._open)
        monkeypatch.setattr(line, "SerialLine", self._open)
        monkeypatch.setattr(line, "ports", list)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("VIGIL_KEY", OWNER_KEY.hex())
        self.forget_key = lambda: monkeypatch.delenv("VIGIL_KEY")

    def _open(self, port, baudrate):
        opened = Line(self.device, self.over_modbus, mischief=self.mischief)
        opened.damage = self.damage
        self.lines.append(opened)
        self.opened.append(port)
        return opened

    def run(self, *words):
        """(exit code, standard output, standard error); one line of error at most."""
        code = cli.main([*words, *PORT] if "--port" not in words else list(words))
        output, errors = self._capsys.readouterr()
        assert errors.count("\n") <= 1 and "Traceback" not in errors
        assert code == 0 or errors or output
        assert all(each.closed for each in self.lines)
        return code, output, errors

    def json(self, *words):
        code, output, errors = self.run(*words, "--json")
        assert not errors
        return code, json.loads(output)

    def file(self, text):
        path = self.folder / "mine.toml"
        path.write_text(text)
        return str(path)


@pytest.fixture
def desk(monkeypatch, capsys, tmp_path):
    return Desk(monkeypatch, capsys, tmp_path)


def trip(device, key):
    return device.get("limit_trip", rows.by_key()[key].id - 1)


# Reading.


def test_monitor_tells_how_it_is_and_what_is_wrong_once(desk):
    desk.over_modbus = False
    desk.device.put("tripped", 0b10)
    desk.device.put("cell_max_mv", 3655)
    desk.device.put("balancing", 0b101)
    code, output, _ = desk.run("monitor", "--count", "2", "--interval", "0.1")
    lines = output.splitlines()
    assert code == 0 and len(lines) == 3
    assert "-1.5 A" in lines[0] and "cells 3.300 to 3.315 V" in lines[0]
    assert "balancing 1, 3" in lines[0]
    assert lines[1].startswith("  ! Cell 16 over-voltage: 3.655 V is above 3.650 V for 1.0 s;")
    assert lines[2] == lines[0]


def test_monitor_gives_programs_the_keys_of_the_simulator(desk):
    code, seen = desk.json("monitor", "--count", "1")
    assert code == 0
    assert seen["cells_mv"] == list(range(3300, 3316)) and seen["temps_dc"] == [251, 249, -30]
    assert (seen["soc_pct"], seen["charge_on"], seen["discharge_on"]) == (59.9, True, True)
    assert seen["faults"] == seen["warnings"] == [] and seen["sleeping_in_s"] is None


def test_monitor_listens_where_the_bms_sends_by_itself(desk):
    desk.over_modbus = False
    code, output, _ = desk.run("monitor", "--count", "3", "--interval", "2")
    assert code == 0 and output.count("\n") == 3
    # Identify (twice over Modbus first), hash, counts, limits; one subscription and its end.
    assert [frame[4] for frame in desk.lines[0].sent if frame[0] == 0xA6][-2:] == [6, 6]


def test_monitor_waits_a_few_silences_out_and_then_ends(desk, capsys):
    bms = connect.at_port("", None, 9600, 1)
    monitored = []
    silent = [False, True, True, False]

    def mischief(frame):
        return [] if silent and silent[0] else [(0.02, frame)]

    def pause(interval_s):
        del silent[:1]
        if not silent:
            bms.line.mischief = lambda frame: []

    bms.line.mischief = mischief
    with pytest.raises(Exception, match="answers no more"):
        monitor.monitor(bms, 1, None, True, pause, lambda text, flush: monitored.append(text))
    assert len(monitored) == 2
    bms.close()


def test_points_with_values_units_and_words(desk):
    code, output, _ = desk.run("points", "soc", "state", "temp_dc", "soh")
    assert code == 0
    assert output.splitlines() == [
        "soc      59.9 %",
        "state    10 (running)",
        "temp_dc  25.1 degC, 24.9 degC, -3.0 degC",
        "soh      unknown",
    ]
    code, values = desk.json("points")
    assert code == 0 and values["current_ma"] == -1500 and "limit_trip" not in values


def test_the_names_of_the_points_need_no_bms(desk):
    code, output, _ = desk.run("points", "--names")
    assert code == 0 and "1609  switches_allowed (operator writes): " in output
    code, names = desk.json("points", "--names")
    assert {"cell_mv", "limits_begin"} <= {point["key"] for point in names}
    assert not desk.lines


def test_the_totals_as_tables_and_as_they_are(desk):
    code, output, _ = desk.run("totals")
    assert code == 0
    told = output.splitlines()
    assert told[0] == "watched for 115 d"
    assert "highest cell           3.655 V  cell 5  after 105 d 7 h, 2025-11-11 04:53 UTC" in told
    assert "coldest              -3.4 degC  after 114 d 14 h" in told
    # Two halves of depth 50 to 60 % around 60 to 70 % are a cycle.
    assert "  50 to      .     48" in told
    assert "still open, by their turning points in %: 12.3, 98.7, 22.1, 88.0" in told
    code, values = desk.json("totals")
    assert code == 0 and values["half_cycles"][56] == 96 and sum(values["half_cycles"]) == 409
    assert values["records"][3] == -34 and values["record_s"][7] is None


def test_totals_that_nobody_keeps_and_such_that_are_still_empty(desk):
    for key in totals.KEYS:
        point = declared.by_key()[key]
        desk.device.put(key, *[0] * point.count)
    desk.device.put("records", *[0x80000000] * 8)
    code, output, _ = desk.run("totals")
    assert code == 0 and output.count("nothing yet") == 7 and output.count("unknown") == 6
    desk.device.put("total_s", 0xFFFFFFFF)
    code, _, errors = desk.run("totals")
    assert code == 1 and errors == "vigil totals: this BMS keeps no totals\n"


def test_the_log_in_words(desk):
    (kinds,) = firmware.load("journal")
    desk.device.journal = [
        kinds.pack(0, 1, 0, kinds.START, 1, 0, 1, 0),
        b"\xff" * 32,
        kinds.pack(2, 1, 3723, kinds.TRIP, 2, 5, 3655, 0),
    ]
    code, output, _ = desk.run("log", "--last", "2")
    assert code == 0
    assert output.splitlines() == [
        "    2  start 1, 1:02:03  Cell 5 over-voltage: tripped at 3.655 V",
        "1 records are damaged and left out",
    ]
    code, told = desk.json("log")
    assert told["damaged"] == 1 and [entry["kind"] for entry in told["entries"]] == [
        "start",
        "trip",
    ]


# Writing.


@pytest.mark.parametrize("text, value", [("charge", 1), ("both", 3), ("0x2", 2), ("none", 0)])
def test_set_writes_with_the_key_and_reads_back(desk, text, value):
    assert desk.run("set", "switches_allowed", text)[0] == 0
    assert desk.device.done == [("switches_allowed", value)]
    assert not desk.device.sessions  # said goodbye


def test_set_with_the_operators_key_from_a_file(desk):
    (desk.folder / "key").write_text(OPERATOR_KEY.hex() + "\n")
    words = ("set", "switches_allowed", "1", "--role", "operator", "--key-file", "key")
    code, told = desk.json(*words)
    assert code == 0 and told == {"point": "switches_allowed", "written": 1, "reads": 1}


def test_set_without_the_right_key_changes_nothing(desk):
    (desk.folder / "key").write_text("00" * 32)
    code, _, errors = desk.run("set", "switches_allowed", "1", "--key-file", "key")
    assert code == 1 and errors.startswith("vigil set: the key is not that of the BMS's owner")
    desk.forget_key()
    code, _, errors = desk.run("set", "switches_allowed", "1")
    assert code == 2 and "no owner's key: give --key-file FILE or set VIGIL_KEY" in errors
    assert desk.device.done == []


def test_set_that_does_not_come_about_is_told(desk):
    desk.device.lies = {1609: 3}
    code, _, errors = desk.run("set", "switches_allowed", "1")
    assert code == 1 and "was taken, but reads back as 3 instead of 1" in errors


# Limits.


def test_limits_as_a_file_are_the_same_limits(desk):
    code, text, _ = desk.run("limits", "show", "--toml")
    assert code == 0
    assert set(tomllib.loads(text)["limits"]) == {*rows.by_key(), "short_circuit"}
    assert desk.run("limits", "diff", desk.file(text))[0] == 0
    code, shown = desk.json("limits", "show")
    assert shown["discharge_over_current"]["trip"] == -120000
    assert desk.run("limits", "show")[1].count("\n") == len(rows.by_key()) + 1
    assert shown["short_circuit"] == {"trip": -300000, "trip_us": 100}


def test_the_short_circuit_is_set_and_undone_like_a_limit(desk):
    text = "[limits.short_circuit]\ntrip_a = 260\ndelay_us = 200\n"
    code, output, _ = desk.run("limits", "diff", desk.file(text))
    assert code == 1 and output.splitlines() == [
        "short_circuit trip: 300.0 A -> 260.0 A",
        "short_circuit delay: 100 us -> 200 us",
    ]
    code, _, errors = desk.run("limits", "apply", desk.file(text))
    assert code == 0, errors
    table = desk.device.table
    assert (table.short_circuit_ma, table.short_circuit_delay_us) == (-260000, 200)
    undo = tomllib.loads((desk.folder / "limits-undo.toml").read_text())
    assert undo == {"limits": {"short_circuit": {"trip_ma": -300000, "delay_us": 100}}}
    assert desk.run("limits", "apply", "limits-undo.toml")[0] == 0
    table = desk.device.table
    assert (table.short_circuit_ma, table.short_circuit_delay_us) == (-300000, 100)
    # Below the over-current it would be no short circuit.
    code, output, _ = desk.run("limits", "apply", desk.file(text.replace("260", "100")))
    assert code == 1 and "short circuit" in output
    assert desk.device.table.short_circuit_ma == -300000


# The clock.


def test_the_clock_is_told_and_shown(desk):
    code, output, _ = desk.run("time")
    assert code == 0 and "nobody has told it the time since it started 4711 s ago" in output
    code, told = desk.json("time", "--set", "1700000000")
    assert code == 0 and told == {"uptime_s": 4711, "unix_s": 1700000000}
    code, output, _ = desk.run("time")
    assert output.startswith("2023-11-14 22:13:20 UTC, ") and "behind this computer's" in output
    assert desk.run("time", "--set", "now")[0] == 0
    assert desk.json("time")[1]["unix_s"] > 1700000000
    desk.forget_key()
    assert desk.run("time")[0] == 0
    code, _, errors = desk.run("time", "--set", "now")
    assert code == 2 and "key" in errors


def test_diff_tells_what_a_file_would_change(desk):
    code, output, _ = desk.run("limits", "diff", desk.file(GOOD))
    assert code == 1
    assert output.splitlines() == [
        "cell_over_voltage trip: 3.650 V -> 3.600 V",
        "cell_over_voltage delay: 1.0 s -> 2.0 s",
        "cell_over_voltage_warning trip: 3.600 V -> 3.560 V",
        "cell_over_voltage_warning release: 3.550 V -> 3.520 V",
    ]
    assert not desk.device.done


def test_apply_stages_judges_commits_reads_back_and_can_be_undone(desk):
    desk.device.busy = 2
    code, output, errors = desk.run("limits", "apply", desk.file(GOOD))
    assert code == 0, errors
    assert "limits-undo.toml" in output and "they run now" in output
    names = [each for each in desk.device.done if isinstance(each, str)]
    assert names == ["limits_begin", "limits_validate", "limits_commit"]
    assert trip(desk.device, "cell_over_voltage") == 3600
    code, again = desk.json("limits", "apply", desk.file(GOOD))
    assert code == 0 and again["changes"] == [] and again["applied"] is False
    code, undone = desk.json("limits", "apply", "limits-undo.toml")
    assert code == 0 and undone["applied"] and undone["undo"] == "limits-undo-2.toml"
    assert trip(desk.device, "cell_over_voltage") == 3650
    assert desk.device.get("limit_trip_ms", 1) == 1000


def test_a_dry_run_sends_nothing_and_needs_no_key(desk):
    desk.forget_key()
    code, told = desk.json("limits", "apply", "--dry-run", desk.file(GOOD))
    assert code == 0 and not told["applied"] and len(told["changes"]) == 4
    assert desk.device.done == [] and not (desk.folder / "limits-undo.toml").exists()


def test_contradictions_are_told_before_anything_is_sent(desk):
    code, output, _ = desk.run("limits", "apply", desk.file(CONTRADICTION))
    assert code == 1 and 'Limit "cell over-voltage" has only 0.010 V between' in output
    assert desk.device.done == []


def test_what_only_the_bms_knows_is_refused_there_and_abandoned(desk):
    code, output, _ = desk.run("limits", "apply", desk.file(TOO_HIGH_FOR_LFP))
    assert code == 1 and "this chemistry allows 3.650 V at the most" in output
    assert desk.device.done[-1] == "limits_abandon" and "limits_commit" not in desk.device.done
    assert trip(desk.device, "cell_over_voltage") == 3650
    assert not (desk.folder / "limits-undo.toml").exists()
    desk.device.done.clear()
    words = ("limits", "apply", "--chemistry", "lfp", desk.file(TOO_HIGH_FOR_LFP))
    assert desk.run(*words)[0] == 1 and desk.device.done == []


def test_limits_that_read_back_differently_are_an_error(desk):
    desk.device.lies = {}
    point = 400 + 2 * (rows.by_key()["cell_over_voltage"].id - 1) + 1
    conclude = desk.device._conclude

    def then_lie():
        conclude()
        if desk.device.get("limits_state") == 5:
            desk.device.lies[point] = 3601

    desk.device._conclude = then_lie
    code, _, errors = desk.run("limits", "apply", desk.file(GOOD))
    assert code == 1 and "read back differently: cell_over_voltage" in errors


def test_a_bms_that_never_judges_is_given_up_and_the_set_abandoned(desk):
    desk.device._conclude = lambda: None
    code, _, errors = desk.run("limits", "apply", desk.file(GOOD))
    assert code == 1 and "did not judge the set of limits within 20 s" in errors
    assert desk.device.done[-1] == "limits_abandon"


# Keys.


def test_a_new_key_is_made_set_and_used(desk):
    desk.device.keys = {}
    desk.device.commissioning = True
    desk.forget_key()
    assert cli.main(["key", "new", "mine"]) == 0
    assert (desk.folder / "mine").stat().st_mode & 0o777 == 0o600
    assert cli.main(["key", "new", "mine"]) == 2
    assert cli.main(["key", "new", "other"]) == 0
    assert cli.main(["key", "commission", "--new-key-file", "mine", *PORT]) == 0
    assert desk.device.keys == {2: bytes.fromhex((desk.folder / "mine").read_text())}
    words = ["key", "set", "--role", "operator", "--key-file", "mine", "--new-key-file", "other"]
    assert cli.main([*words, *PORT]) == 0
    assert desk.device.keys[1] == bytes.fromhex((desk.folder / "other").read_text())


def test_broadcasts_get_a_key_that_is_made_and_lose_it_again(desk):
    assert desk.run("key", "broadcast", "home.key")[0] == 0
    made = (desk.folder / "home.key").read_text().strip()
    assert len(made) == 32 and desk.device.keys[3] == bytes.fromhex(made) + bytes(16)
    # The same file gives the same key, as for a second battery.
    assert desk.json("key", "broadcast", "home.key") == (0, {"encrypted": True})
    assert desk.device.keys[3] == bytes.fromhex(made) + bytes(16)
    assert desk.json("key", "broadcast", "plain") == (0, {"encrypted": False})
    assert desk.device.keys[3] == bytes(32)
    desk.file("00" * 16)
    for wrong in ("00" * 16, "ab" * 32, "no key"):
        code, _, errors = desk.run("key", "broadcast", desk.file(wrong))
        assert code == 2 and ("hex digits" in errors or "all zeros" in errors)
    assert desk.device.keys[3] == bytes(32)


def test_without_the_button_no_key_is_set(desk):
    (desk.folder / "mine").write_text("a long passphrase")
    code, _, errors = desk.run("key", "commission", "--new-key-file", "mine")
    assert code == 1 and "button held" in errors
    assert desk.device.keys == Device().keys


def test_the_window_is_opened_and_closed(desk):
    assert desk.json("key", "window", "600") == (0, {"window_s": 600})
    assert desk.device.window_s == 600
    assert desk.run("key", "window", "close")[0] == 0 and desk.device.window_s == 0


# What is wrong ends with one line.


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["points", "cell_mw"], "did you mean cell_mv?"),
        (["set", "soc", "5"], "nobody may write soc"),
        (["set", "cell_mv", "5"], "cell_mv has {} elements".format(coding.point("cell_mv").count)),
        (["set", "switches_allowed", "4"], "must be 0 to 3, not 4"),
        (["set", "switches_allowed", "on"], "'on' is no whole number"),
        (["set", "staged_trip[1]", "3600"], "limits are set as a whole"),
        (["set", "owner_reset", "1", "--role", "boss"], "--role must be owner or operator"),
        (["limits", "apply", "nosuch.toml"], "cannot read nosuch.toml"),
        (["limits", "apply", "mine.toml", "--chemistry", "wood"], "--chemistry must be one of"),
        (["key", "window", "0"], "a window is open for 1 to 3600 seconds"),
        (["key", "window", "1e9"], "a window is open for 1 to 3600 seconds"),
        (["monitor", "--interval", "0"], "--interval must be 0.1 to 25"),
        (["monitor", "--interval", "nan"], "--interval must be 0.1 to 25"),
        (["monitor", "--count", "0"], "--count must be at least 1"),
        (["monitor", "--protocol", "can"], "--protocol must be native, modbus, jbd"),
        (["monitor", "--unit", "300"], "--unit must be 1 to 247"),
        (["monitor", "--baud", "1"], "--baud must be"),
        (["monitor", "--run-dir", "."], "--port and --run-dir: give one of them"),
        (["log", "--last", "-1"], "--last must be at least 1"),
        (["doctor", "--unit", "0"], "--unit must be 1 to 247"),
        (["limits", "eat"], "No such command"),
        (["time", "--set", "noon"], "--set must be now, or unix seconds"),
        (["time", "--set", "0"], "--set must be now, or unix seconds"),
        (["time", "--set", "9" * 30], "--set must be now, or unix seconds"),
        (["time", "--set", "now", "--role", "boss"], "--role must be owner or operator"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_argument_ends_with_one_line_and_exit_code_2(desk, words, sentence):
    desk.file(GOOD)
    code, output, errors = desk.run(*words)
    assert (code, output) == (2, "") and sentence in errors and errors.startswith("vigil")


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "sets no limits"),
        ("limits = 3", "must hold limits by their name"),
        ("[limits", "is no TOML"),
        ("[limits.cell_over_volage]\ntrip_mv = 1", "there is no limit 'cell_over_volage'"),
        ("[limits.cell_over_voltage]\ntrip_a = 1", "has no 'trip_a'"),
        ("[limits.cell_over_voltage]\ntrip_mv = true", "must be a number"),
        ("[limits.cell_over_voltage]\ntrip_mv = 500000000", "staged_trip[1] must be"),
        ("[limits]\nshort_circuit = 3", "names no number: trip_a or"),
        ("[limits.short_circuit]\ntrip_v = 3", "has trip_a or trip_ma or delay_us or delay_ms"),
        ("[limits.short_circuit]\ntrip_a = '3'", "must be a number"),
        ("[limits.short_circuit]\ntrip_a = inf", "is too large"),
        ("[limits.short_circuit]\ntrip_a = 3\ntrip_ma = 3", "is given twice"),
        ("[limits.short_circuit]\ndelay_us = 2000", "staged_short_circuit_us must be 0 to 1,000"),
        ("[limits.cell_over_voltage]\ndelay_s = -1", "staged_trip_ms[1] must be 0 to 4,194,304"),
    ],
)
def test_a_bad_limits_file_ends_with_one_line_and_exit_code_2(desk, text, sentence):
    code, _, errors = desk.run("limits", "apply", desk.file(text))
    assert code == 2 and sentence in errors and desk.device.done == []


@pytest.mark.parametrize("schema, version", [(1, 1), (None, 2)], ids=["points", "protocol"])
def test_a_bms_of_another_version_is_told_and_nothing_is_named(desk, schema, version):
    desk.device = Device(schema=schema, version=version)
    for words in (["monitor"], ["points"], ["limits", "show"], ["set", "owner_reset", "1"]):
        code, output, errors = desk.run(*words)
        assert (code, output) == (1, "") and "install the tools of its version" in errors
    assert desk.device.done == []


def test_nothing_at_the_port_is_one_line_and_exit_code_1(desk):
    desk.mischief = lambda frame: []
    code, _, errors = desk.run("monitor")
    assert code == 1 and errors == "vigil monitor: nothing answers\n"


# vigil doctor without a board.


def looked_at(line, **options):
    """(exit code, what is said of the one port)."""
    told = []
    opened = line if callable(line) else lambda port, baud: line
    code = search.doctor(["/dev/desk"], as_json=True, say=told.append, open_line=opened, **options)
    (found,) = json.loads(told[0])["ports"]
    return code, found


def test_doctor_finds_protocol_baud_rate_and_unit():
    for over_modbus, unit, baud in ((False, 1, 115200), (True, 1, 19200), (True, 1, 9600)):
        line = Line(Device(), over_modbus, unit, right_baud=baud)
        code, found = looked_at(line)
        assert (code, found["baud"], found["kind"]) == (0, baud, "bms")
        assert found["protocol"] == ("native over Modbus" if over_modbus else "native")
        assert found["identity"]["name"] == "Shed" and line.closed


def refusing(kind):
    def open_line(port, baud):
        raise PortError(kind, f"a sentence about {kind}")

    return open_line


def answers(reply):
    """A line on which something else answers to whatever is sent."""
    line = Line(Device())
    line._taken = lambda: b"\x10\x02\x01\x01"
    line.mischief = lambda frame: [(0.02, reply(line.sent[-1]))]
    return line


@pytest.mark.parametrize(
    "line, kind, words",
    [
        (answers(lambda sent: b""), "silent", "nothing answers, at no baud rate"),
        (answers(lambda sent: sent), "echo", "only our own bytes come back"),
        (answers(lambda sent: b"\x80\xff\xf0\x03"), "garbage", "none that these tools understand"),
        (answers(lambda sent: b">>> \r\n"), "console", "a MicroPython console answers"),
        (answers(lambda sent: b"AT ERROR\r\n"), "other device", "text comes here"),
        (refusing("busy"), "busy", "busy"),
        (refusing("permission"), "permission", "permission"),
    ],
    ids=["silent", "echo", "garbage", "console", "text", "busy", "permission"],
)
def test_doctor_says_what_is_wrong(line, kind, words):
    code, found = looked_at(line)
    assert (code, found["kind"]) == (1, kind) and words in found["problems"][0]


def test_doctor_tells_another_modbus_device_from_a_bms():
    from host_tools.client import frames

    def exception(sent):
        return frames.with_crc(bytes([1, sent[1] | 0x80, 2])) if sent[0] == 1 else b""

    code, found = looked_at(answers(exception))
    assert (code, found["kind"]) == (1, "other device")
    assert "a Modbus device answers at unit 1" in found["problems"][0]


def test_doctor_tells_what_is_wrong_with_the_bms_itself():
    device = Device()
    device.put("tripped", 0b10)
    code, found = looked_at(Line(device))
    assert code == 1 and "over-voltage" in found["problems"][0]
    code, found = looked_at(Line(Device(schema=5)))
    assert code == 1 and "has other points" in found["problems"][0]
    code, found = looked_at(Line(Device(version=3)))
    assert code == 1 and "speaks versions 3 to 3" in found["problems"][0]


def test_doctor_in_words(capsys):
    assert search.doctor(["/dev/desk"], open_line=lambda port, baud: Line(Device())) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "/dev/desk: a BMS answers: native, 9600 baud"
    assert said[1] == "  it is Shed, sim16_lfp, firmware 0.1" and said[-1] == "  all is well"
    assert search.doctor([]) == 1
    assert "no serial port is plugged in" in capsys.readouterr().out


# Lines that lose something.


def test_apply_over_a_line_that_loses_every_sixth_answer_comes_to_its_end(desk):
    asked = []

    def losing(frame):
        asked.append(frame)
        return [] if len(asked) % 6 == 5 else [(0.02, frame)]

    for first in range(6):
        asked[:] = [b""] * first
        desk.mischief = losing
        desk.device.done.clear()
        text = GOOD.replace("3600", str(3600 + first))
        code, output, errors = desk.run("limits", "apply", desk.file(text))
        assert code == 0, (first, errors, output)
        assert trip(desk.device, "cell_over_voltage") == 3600 + first
        assert desk.device.done.count("limits_commit") == 1
    desk.mischief = losing
    assert desk.run("set", "switches_allowed", "2")[0] == 0


def test_half_a_percent_of_wrong_bytes_both_ways_is_overcome_and_writes_nothing_wrong(desk):
    for seed in range(12):
        dice = random.Random(seed)

        def damaged(data, dice=dice):
            return bytes(b ^ 1 << dice.randrange(8) if dice.random() < 0.005 else b for b in data)

        desk.damage = damaged
        desk.mischief = lambda frame, damaged=damaged: [(0.02, damaged(frame))]
        desk.over_modbus = bool(seed % 2)
        text = GOOD.replace("3600", str(3600 + seed % 6))
        code, _, errors = desk.run("limits", "apply", desk.file(text))
        assert code == 0, (seed, errors)
        assert trip(desk.device, "cell_over_voltage") == 3600 + seed % 6
    written = [each for each in desk.device.done if isinstance(each, tuple)]
    assert {value for _, value in written} <= {3560, 3520, 2000, *range(3600, 3606)}
    assert "broken seal" not in desk.device.done


@pytest.mark.parametrize("answers_lost", [30, 10**6], ids=["for a while", "for good"])
def test_a_line_that_falls_silent_at_any_message_ends_in_a_sentence_about_what_runs(
    desk, answers_lost
):
    said = set()
    for last_heard in range(2, 40, 2):
        before = trip(desk.device, "cell_over_voltage")
        wanted = 3600 if before != 3600 else 3610
        asked = []

        def silent(frame, asked=asked, last_heard=last_heard):
            asked.append(frame)
            lost = last_heard < len(asked) <= last_heard + answers_lost
            return [] if lost else [(0.02, frame)]

        desk.mischief = silent
        desk.device.done.clear()
        text = GOOD.replace("3600", str(wanted))
        code, _, errors = desk.run("limits", "apply", desk.file(text))
        now = trip(desk.device, "cell_over_voltage")
        if "nothing has changed" in errors:
            assert now == before
        elif "the new limits run now" in errors or code == 0:
            assert now == wanted
        elif "is not known" in errors:
            assert answers_lost > 1000
        else:
            # It has not come so far as to write.
            assert "limits_begin" not in desk.device.done
        said.add(errors.rpartition("; ")[2])
        assert desk.device.done.count("limits_commit") <= 1
    assert len(said) >= 2


@pytest.mark.parametrize("full", [False, True], ids=["gone", "full"])
def test_output_that_nobody_takes_is_no_traceback(full):
    if full:
        target = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, target = os.pipe()
        os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "host_tools.cli", "points", "--names"],
        stdout=target,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(target)
    assert done.returncode == 1
    assert done.stderr == ("vigil points: cannot go on: No space left on device\n" if full else "")


# A simulator's run directory.


def test_a_simulated_bms_is_met_at_its_native_port_and_lends_its_key(desk):
    node = {"node": 1, "rs485": "/dev/desk-rs485", "native": "/dev/desk-native"}
    node["keys"] = {"owner": OWNER_KEY.hex(), "operator": OPERATOR_KEY.hex()}
    (desk.folder / ".run").mkdir()
    (desk.folder / ".run" / "run.json").write_text(json.dumps({"nodes": [node]}))
    desk.forget_key()
    desk.over_modbus = False
    for role in ("owner", "operator"):
        assert cli.main(["set", "switches_allowed", "1", "--role", role]) == 0
    assert desk.device.done == [("switches_allowed", 1)] * 2
    assert cli.main(["monitor", "--count", "1", "--run-dir", ".run", "--node", "2"]) == 2
    desk.over_modbus = True
    assert cli.main(["points", "soc", "--run-dir", ".run", "--protocol", "native"]) == 1
    assert desk.opened == ["/dev/desk-native"] * 3
    desk.over_modbus = False
    # Without any option the simulator is among what is looked at.
    assert cli.main(["doctor"]) == 0
    assert desk.opened[-2:] == ["/dev/desk-native", "/dev/desk-rs485"]
