"""The board's interpreter answers the native protocol without touching the heap; its USB port."""

import subprocess
import sys
from pathlib import Path

from tests.interpreter import ROOT, micropython, run_micropython


def test_request_and_answer_allocate_nothing_and_rubbish_leaves_nothing():
    result = run_micropython(ROOT / "tests" / "micropython" / "native_no_allocation.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-2:] == ["rounds 100 bytes 0 rubbish 20000", "ok"]


USB = """
import sys
sys.path[:0] = ["host_tools/mock/fakes", "firmware/lib"]
from vigil.link.usb import Usb
port = Usb()
heard = bytearray(64)
count = port.readinto(heard, 4)
more = port.readinto(heard, 64)
told = port.write(b"<" + bytes(heard[:more]) + b">" + bytes(20))
print("|", count, more, told, port.txdone())
"""


def test_the_usb_port_takes_what_is_there_and_gives_a_piece_at_a_time(tmp_path):
    script = Path(tmp_path) / "usb.py"
    script.write_text(USB)
    done = subprocess.run(
        [micropython(), str(script)],
        input=b"ab\x03\xa6xyz",
        capture_output=True,
        cwd=ROOT,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"<xyz>" + bytes(11) + b"| 4 3 16 True\n"


def test_ctrl_c_between_frames_ends_the_firmware_where_that_is_wanted_and_inside_it_is_data():
    script = """
import sys
from native_desk import NativeDesk, plain
desk = NativeDesk("serial", code_time=False, settle=False, keys=False)
from vigil.link.serial_frames import SerialFrames
frames = SerialFrames(desk.points, True)
frame = desk.framed(plain(3, b"\\x03\\x03\\x03"))
frames.receive(frame, len(frame))
assert frames.frames == 1
desk.engine.receive(b"\\x03", 1)
try:
    frames.receive(b"\\r\\x03", 2)
except KeyboardInterrupt:
    print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            "PYTHONPATH": "host_tools/mock/fakes:tests/micropython:.:firmware/lib:firmware",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "ended\n", done.stderr
