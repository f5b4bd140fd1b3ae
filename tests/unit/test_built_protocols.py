"""A board built with another protocol on its port answers there, and writes reach the switches."""

import json
import os
import subprocess

import pytest

from host_tools.build import image
from host_tools.build.__main__ import write
from host_tools.build.chosen import chosen
from host_tools.firmware import load
from tests.interpreter import micropython
from tests.unit.modbus_line import with_sum
from tests.unit.test_built_board import short_names

(parts,) = load("knows")
EVERYTHING = tuple(part[0] for part in parts.PARTS)


def asked(folder, protocol, requests, knows=()):
    """What pico_bq76952, built for this protocol, answers on MicroPython."""
    source = folder / "source"
    source.mkdir()
    root = chosen("pico_bq76952", source, RS485_PROTOCOL=protocol, KNOWS=knows)
    made = image.make("pico_bq76952", root, processor="x64")
    write(made, folder / "built")
    done = subprocess.run(
        [micropython(), "-X", "heapsize=8m", "tests/unit/built_port_probe.py"]
        + [str(folder / "built" / image.FOLDER)],
        input=json.dumps({"names": short_names(made), "requests": requests}) + "\n",
        cwd=image.ROOT,
        env=dict(os.environ, MICROPYPATH="host_tools/mock/fakes:.:.frozen"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return [bytes.fromhex(answer) for answer in told["answers"]], told["closed"]


def test_modbus_with_sunspec_and_the_native_protocol(tmp_path):
    requests = [
        "01 03 0000 0025",  # all about the pack
        "01 03 9c40 0004",  # SunSpec's beginning and the first model's head
        "01 03 9c86 007d",  # of the battery's models
        "01 64 10 02 01 01",  # who are you, in the protocol of our own
        "01 10 0649 0001 02 0001",  # keep the discharge switch off
        "01 03 0649 0001",
    ]
    frames = [with_sum(bytes.fromhex(request)).hex() for request in requests]
    answers, closed = asked(tmp_path, "modbus", frames, EVERYTHING)
    for answer in answers:
        assert with_sum(answer[:-2]) == answer
    about, head, models, native, written, allowed = answers
    assert about[:3] == b"\x01\x03\x4a" and head[3:7] == b"SunS"
    assert models[:3] == b"\x01\x03\xfa"
    assert native[:3] == b"\x01\x64\x10" and native[5:7] == b"\x81\x00"
    assert written == with_sum(bytes.fromhex("011006490001"))
    assert allowed == with_sum(bytes.fromhex("0103020001"))
    assert closed == [True, False]


@pytest.mark.parametrize("off, expected", [(1, [False, True]), (2, [True, False])])
def test_jbd_that_writes(tmp_path, off, expected):
    requests = ["dda50300fffd77", f"dd5ae10200{off:02x}{0x10000 - 0xE1 - 2 - off:04x}77"]
    (basic, written), closed = asked(tmp_path, "jbd_writing", requests)
    assert basic[:3] == b"\xdd\x03\x00" and basic[4 + 21] == 16
    assert written == b"\xdd\xe1\x00\x00\x00\x00\x77"
    assert closed == expected


def test_pylontech_on_a_board_that_knows_everything(tmp_path):
    text = b"20024642E00202"
    frame = b"~" + text + b"%04X\r" % (0x10000 - sum(text))
    ((analog,), closed) = asked(tmp_path, "pylontech", [frame.hex()], EVERYTHING)
    assert analog.startswith(b"~20024600") and analog.endswith(b"\r")
    assert 0x10000 - sum(analog[1:-5]) == int(analog[-5:-1], 16)
    # Cells: how many, and the first of them.
    assert int(analog[17:19], 16) == 16 and 3000 < int(analog[19:23], 16) < 3500
    assert closed == [True, True]
