"""The virtual radio of `vigil sim`, a process of its own: boards by JSON lines, phones by TCP.

Arguments: file descriptor of the listening socket, boards, loss percent, seed. It ends when its
standard input does.
"""

import asyncio
import json
import logging
import os
import random
import socket
import sys

from bumble.hci import Address
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

from host_tools.sim.radio.controllers import BoardController, PhoneController
from host_tools.sim.radio.meetings import Chance
from host_tools.sim.radio.peripheral import Peripheral


class Hub:
    """say(message): to the supervisor; see docs/simulator.md for what passes."""

    def __init__(self, say, boards, loss=0.0, seed=0):
        self._say = say
        self._boards = boards
        self._random = random.Random(f"{seed} radio")
        self._misses = Chance(loss, self._random)
        self._link = LocalLink()
        self._peripherals = {}
        self._starting = {}  # {board: what has come before it was ready}
        self._phones = set()
        self._server = None
        self._tasks = set()
        self._asked = False

    async def listen(self, listening):
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _PhonePort(self), sock=listening
        )

    def close(self):
        if self._server is not None:
            self._server.close()
        for phone in list(self._phones):
            phone.close()
        for peripheral in self._peripherals.values():
            peripheral.controller.close()

    # Boards.

    def hear(self, message):
        """From the supervisor: [board, word, ...]."""
        board, word, *rest = message
        if word == "board":
            self._board(board, *rest)
        elif board in self._starting:
            self._starting[board].append((word, rest))
        elif board in self._peripherals:
            self._obey(self._peripherals[board], word, rest)

    def _board(self, number, settings):
        if number in self._peripherals:
            self._peripherals[number].board(settings)
            return
        if number in self._starting:
            return
        self._starting[number] = []
        task = asyncio.get_running_loop().create_task(self._start(number, settings))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, number, settings):
        address = Address(
            ":".join(f"{byte:02X}" for byte in bytes.fromhex(settings["mac"])),
            Address.PUBLIC_DEVICE_ADDRESS,
        )
        controller = BoardController(
            f"board {number}", self._link, address, self._random, self._misses
        )
        peripheral = Peripheral(controller, lambda *words: self._say(["board", number, *words]))
        await peripheral.start()
        peripheral.board(settings)
        self._peripherals[number] = peripheral
        for word, rest in self._starting.pop(number):
            self._obey(peripheral, word, rest)

    def _obey(self, peripheral, word, rest):
        if word == "advertised":
            what = rest[0]
            if what is not None:
                interval_us, data, response, connectable = what
                what = (interval_us, bytes.fromhex(data), bytes.fromhex(response), connectable)
            peripheral.controller.advertise(what)
        elif word == "reset":
            peripheral.controller.advertise(None)
            peripheral.end_all()
        else:
            getattr(peripheral, word)(*rest)

    # Phones.

    def arrived(self, phone):
        self._phones.add(phone)
        controller = PhoneController(
            "phone", host_sink=phone, link=self._link, public_address=self._phone_address()
        )
        self._count()
        return controller

    def _phone_address(self):
        digits = [self._random.randrange(256) for _ in range(5)]
        return Address(
            ":".join(f"{byte:02X}" for byte in (0xC0, *digits)), Address.PUBLIC_DEVICE_ADDRESS
        )

    def left(self, phone):
        phone.controller.gone()
        task = asyncio.get_running_loop().create_task(self._forget(phone))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forget(self, phone):
        """It counts as long as a board believes in it."""
        while phone.controller.meetings:
            await asyncio.sleep(max(each.interval_s for each in phone.controller.meetings))
        self._phones.discard(phone)
        self._link.remove_controller(phone.controller)
        self._count()

    def _count(self):
        self._say(["phones", len(self._phones)])
        asked = bool(self._phones)
        if asked != self._asked:
            self._asked = asked
            for board in range(1, self._boards + 1):
                self._say(["board", board, "tell" if asked else "rest"])


class _PhonePort(asyncio.Protocol):
    """The TCP connection of one phone's software, as bumble's tcp-client."""

    def __init__(self, hub):
        self._hub = hub
        self._transport = None
        self.controller = None

    def connection_made(self, transport):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self.controller = self._hub.arrived(self)
        self._parser = PacketParser(self.controller)

    def data_received(self, data):
        try:
            self._parser.feed_data(data)
        except Exception:  # nothing that a controller understands
            self.close()

    def on_packet(self, packet):
        if self._transport is not None:
            self._transport.write(packet)

    def connection_lost(self, error):
        self._transport = None
        self._hub.left(self)

    def close(self):
        if self._transport is not None:
            self._transport.abort()


async def _serve(listening, boards, loss, seed):
    loop = asyncio.get_running_loop()
    # Where a phone does something odd bumble complains; the phone has its answer already.
    loop.set_exception_handler(lambda loop, context: None)
    hub = Hub(_print, boards, loss, seed)
    ended = loop.create_future()
    partial = bytearray()

    def read():
        data = os.read(0, 65536)
        if not data and not ended.done():
            ended.set_result(None)
        partial.extend(data)
        while b"\n" in partial:
            line, _, rest = bytes(partial).partition(b"\n")
            partial[:] = rest
            message = json.loads(line)
            if message[0] == "quit":
                if not ended.done():
                    ended.set_result(None)
            else:
                hub.hear(message[1:])

    loop.add_reader(0, read)
    await hub.listen(listening)
    _print(["ready"])
    await ended
    hub.close()


def _print(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main():
    logging.disable(logging.CRITICAL)
    fd, boards, loss, seed = sys.argv[1:]
    listening = socket.socket(fileno=int(fd))
    listening.setblocking(False)
    asyncio.run(_serve(listening, int(boards), float(loss), int(seed)))


if __name__ == "__main__":
    main()
