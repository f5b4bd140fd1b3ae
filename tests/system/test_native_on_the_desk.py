"""`vigil sim` as its users run it: the second port of run.json speaks the native protocol."""

import json
import os
import select
import time
import tty

from modbus_desk import with_sum
from native_desk import JOURNAL, KEYS, READ, WRITE, Session, hmac, plain, ranges, registers, writes

from tests.system.simulator import running_simulator, wait_for


class Port:
    """The client's end of a pty."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)

    def ask(self, message):
        """The message of the answer; b"" after a second of silence."""
        os.write(self.fd, b"\xa6" + with_sum(message))
        heard = b""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if not select.select([self.fd], [], [], 1)[0]:
                continue
            heard += os.read(self.fd, 256)
            if len(heard) > 2 and len(heard) >= heard[2] + 5:
                assert heard[:1] == b"\xa6" and with_sum(heard[1:-2]) == heard[1:]
                return heard[1:-2]
        return b""


def test_the_simulated_board_is_read_and_written_with_its_own_key():
    with running_simulator("--seed", 3, "--soc", 60) as simulator:
        facts = json.loads(simulator.run_json.read_text())
        port = Port(facts["native"])
        try:
            wait_for(lambda: switches(port) == [1, 1], timeout_s=15)
            device = port.ask(plain(1))[5 + 11 : 5 + 19]
            key = bytes.fromhex(facts["keys"]["owner"])
            assert key not in KEYS.values()
            nonce = os.urandom(16)
            given = port.ask(plain(0x10, b"\x02" + nonce))
            assert given[4] == 0
            number, given = given[5], given[6:]
            transcript = b"vigil1" + device + bytes([2, number]) + nonce + given[:16]
            assert given[16:] == hmac(key, b"D" + transcript)[:16]
            proof = hmac(key, b"C" + transcript)[:16]
            assert port.ask(plain(0x11, bytes([number]) + proof))[4] == 0
            owner = Session(key, transcript, number)
            off = writes((1609, 0, 1))
            assert port.ask(plain(WRITE, off))[4] == 20
            assert owner.open(port.ask(owner.seal(WRITE, off)))[1][2] == 0
            wait_for(lambda: switches(port) == [0, 0], timeout_s=15)
            assert port.ask(plain(JOURNAL, b"\xff" * 4))[4] == 0
        finally:
            os.close(port.fd)


def switches(port):
    return registers(port.ask(plain(READ, ranges((7, 2))))[5:])
