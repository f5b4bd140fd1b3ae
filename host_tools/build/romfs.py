"""A whole version as one ROMFS image: its bytecode is run where it lies, in the flash.

Only the ESP32 ports can take one with stock firmware, and only beside a partition table of one's
own: docs/deploying.md says how.
"""

from host_tools.build import image

# Stock firmware for the RP2040 is built without ROMFS.
PROCESSORS = ("xtensawin", "rv32imc", "x64")
IMAGE = "vigil.romfs"
_LOADER = ("boot.py", "main.py")


def files(made):
    """{path: bytes}: the loader and the image; ValueError with a sentence if there can be none."""
    if made.processor not in PROCESSORS:
        raise ValueError(f"board {made.board}: stock MicroPython for its processor has no ROMFS")
    loader = image.ROOT / "firmware" / "loader_romfs"
    return {name: (loader / name).read_bytes() for name in _LOADER} | {IMAGE: packed(made.app)}


def packed(app):
    """{path: bytes} as a ROMFS image."""
    try:
        from mpremote.romfs import VfsRomWriter
    except ImportError as error:
        raise ValueError("mpremote is not installed: pip install -e '.[deploy]'") from error
    tree = {}
    for path, data in app.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = data
    writer = VfsRomWriter()
    _put(writer, tree)
    return bytes(writer.finalise())


def _put(writer, tree):
    for name in sorted(tree):
        if isinstance(tree[name], dict):
            writer.opendir(name)
            _put(writer, tree[name])
            writer.closedir()
        else:
            writer.mkfile(name, tree[name])
