"""Runs on the board while a version is copied: sent as text to its raw REPL, not stored there."""

# Fed by every command: if the cable is pulled, the watchdog restarts the board as it was.
import binascii
import hashlib
import os
import sys

import machine

try:
    _watchdog = machine.WDT(timeout=8000)
except Exception:
    _watchdog = None


def feed():
    if _watchdog:
        _watchdog.feed()


def facts():
    """Who the board is, and which versions it has."""
    implementation = sys.implementation
    room = os.statvfs("/")
    print(
        repr(
            (
                implementation.name,
                tuple(implementation.version)[:3],
                getattr(implementation, "_mpy", 0),
                room[0] * room[3],
                read_text("/running"),
                [name for name in ("app_a", "app_b") if size("/" + name + "/manifest.json") >= 0],
            )
        )
    )


def read_text(path):
    try:
        with open(path) as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def remove(path):
    """A file or a whole folder; its manifest first, so that a rest never passes for a whole."""
    feed()
    if size(path) < 0:
        return
    if os.stat(path)[0] & 0x4000:
        remove(path + "/manifest.json")
        for entry in os.ilistdir(path):
            remove(path + "/" + entry[0])
        os.rmdir(path)
    else:
        os.remove(path)


def make_folders(path):
    for at in range(1, len(path)):
        if path[at] == "/" and size(path[:at]) < 0:
            os.mkdir(path[:at])


def put(path, data, first):
    feed()
    if first:
        make_folders(path)
    with open(path, "wb" if first else "ab") as file:
        file.write(binascii.a2b_base64(data))


def sha256(path):
    """Of what is in flash: read back, in small pieces."""
    feed()
    digest = hashlib.sha256()
    piece = bytearray(512)
    if size(path) >= 0:
        with open(path, "rb") as file:
            while True:
                count = file.readinto(piece)
                if not count:
                    break
                digest.update(memoryview(piece)[:count])
    print(binascii.hexlify(digest.digest()).decode())


def replace(path, new):
    """In one step."""
    feed()
    os.rename(new, path)


def point(line):
    feed()
    with open("/running.new", "w") as file:
        file.write(line + "\n")
    os.rename("/running.new", "/running")
