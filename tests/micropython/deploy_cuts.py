"""The power fails at every flash operation of a deploy, on MicroPython's own littlefs.

Arguments: the flash before the deploy, the log of its changes, and perhaps N: look only at every
Nth operation, and at each of the last N. For every operation, done half and done whole: would the
board start, and is every file of what it starts whole? Prints the name of the version for each.
"""

import binascii
import hashlib
import json
import os
import struct
import sys

import vfs

SECTOR = 4096
MOUNT = "/cut"


class Ram:
    """Reads an image; what littlefs mends when it mounts is taken back by undo()."""

    def __init__(self, image):
        self.image = image
        self._before = []

    def readblocks(self, block, buffer, offset=0):
        at = block * SECTOR + offset
        buffer[:] = memoryview(self.image)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * SECTOR + offset
        self._before.append((at, self.image[at : at + len(buffer)]))
        self.image[at : at + len(buffer)] = buffer

    def ioctl(self, operation, argument):
        return {4: len(self.image) // SECTOR, 5: SECTOR}.get(operation, 0)

    def undo(self):
        while self._before:
            at, data = self._before.pop()
            self.image[at : at + len(data)] = data


def version_started(image, slots):
    """The version that the loader chooses, after a look at each of its files."""
    ram = Ram(image)
    vfs.mount(vfs.VfsLfs2(ram), MOUNT)
    try:
        folder = MOUNT + "/" + slots["chosen"]()
        with open(folder + "/manifest.json") as file:
            manifest = json.load(file)
        for path, told in manifest["files"].items():
            with open(folder + "/" + path, "rb") as file:
                digest = hashlib.sha256(file.read()).digest()
            if binascii.hexlify(digest).decode() != told["sha256"]:
                return path + " is damaged"
        for name in ("boot.py", "main.py", "slots.py"):
            with open(MOUNT + "/" + name) as file:
                compile(file.read(), name, "exec")
        return manifest["version"]
    finally:
        vfs.umount(MOUNT)
        ram.undo()


def loader(path):
    """The board's own slots.py, looking at the mounted image."""
    slots = {}
    with open(path) as file:
        exec(file.read(), slots)
    slots["ROOT"] = MOUNT + "/"
    return slots


def operations(log):
    """(place, data) of each operation, one after the other: the log is larger than the heap."""
    with open(log, "rb") as file:
        while True:
            head = file.read(8)
            if not head:
                return
            at, length = struct.unpack("<II", head)
            yield at, file.read(length)


def main(before, log, every="1"):
    image = bytearray(os.stat(before)[6])
    with open(before, "rb") as file:
        file.readinto(image)
    slots = loader("firmware/loader/slots.py")
    last = sum(1 for _ in operations(log)) - 1
    every = int(every)
    for number, (at, data) in enumerate(operations(log)):
        looked_at = number % every == 0 or last - number < every
        if looked_at:
            half = len(data) // 2
            image[at : at + half] = data[:half]
            print(version_started(image, slots))
        image[at : at + len(data)] = data
        if looked_at:
            print(version_started(image, slots))


main(*sys.argv[1:])
