"""The power fails at every flash operation of a deploy, on MicroPython's own littlefs.

Arguments: the flash before the deploy, the log of its changes. For every operation, done half and
not at all: would the board start, and is every file of what it starts whole? Prints the name of
the version for each.
"""

import binascii
import hashlib
import json
import struct
import sys

import vfs

SECTOR = 4096
MOUNT = "/cut"


class Ram:
    """Reads an image; what littlefs mends when it mounts goes into a copy."""

    def __init__(self, image):
        self.image = image

    def readblocks(self, block, buffer, offset=0):
        at = block * SECTOR + offset
        buffer[:] = self.image[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * SECTOR + offset
        self.image[at : at + len(buffer)] = buffer

    def ioctl(self, operation, argument):
        return {4: len(self.image) // SECTOR, 5: SECTOR}.get(operation, 0)


def version_started(image, slots):
    """The version that the loader chooses, after a look at each of its files."""
    vfs.mount(vfs.VfsLfs2(Ram(image)), MOUNT)
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


def loader(path):
    """The board's own slots.py, looking at the mounted image."""
    slots = {}
    with open(path) as file:
        exec(file.read(), slots)
    slots["ROOT"] = MOUNT + "/"
    return slots


def main(before, log):
    with open(before, "rb") as file:
        image = bytearray(file.read())
    slots = loader("firmware/loader/slots.py")
    with open(log, "rb") as file:
        while True:
            head = file.read(8)
            if not head:
                break
            at, length = struct.unpack("<II", head)
            data = file.read(length)
            image[at : at + length // 2] = data[: length // 2]
            print(version_started(bytearray(image), slots))
            image[at : at + length] = data
            print(version_started(bytearray(image), slots))


main(sys.argv[1], sys.argv[2])
