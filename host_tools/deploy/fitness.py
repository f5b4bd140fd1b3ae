"""May this version go onto this board, and into which of its folders?"""

import importlib.util
from dataclasses import dataclass

from host_tools.build.image import ROOT

_MPY_VERSION = 6
_MPY_SUB_VERSION = 3
# As MicroPython numbers them in sys.implementation._mpy.
_PROCESSORS = (
    "none x86 x64 armv6 armv6m armv7m armv7em armv7emsp armv7emdp xtensa xtensawin rv32imc rv64imc"
).split()
# Cortex-M cores from the M0+ on run its code as well.
_RUNS_ARMV6M = ("armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp")
# Blocks of 4 KB that are not quite full, and folders.
_ROOM_FACTOR = 2


class Refused(Exception):
    """The board must not get this version; one sentence."""


@dataclass(frozen=True)
class Facts:
    """What the board says of itself."""

    name: str
    version: tuple
    mpy: int
    free_bytes: int
    pointer: str
    whole: list  # folders with a whole version

    @property
    def processor(self):
        number = self.mpy >> 10 & 0x0F
        return _PROCESSORS[number] if number < len(_PROCESSORS) else f"number {number}"


def check(facts, image):
    """Refused, or nothing."""
    needed = tuple(image.manifest["micropython"])
    if facts.name != "micropython":
        raise Refused(f"the board runs {facts.name}, not MicroPython")
    if tuple(facts.version) < needed:
        raise Refused(
            f"the board runs MicroPython {_dotted(facts.version)}; "
            f"{_dotted(needed)} or newer is needed: older ones compile the kernels wrongly"
        )
    runs = _RUNS_ARMV6M if image.processor == "armv6m" else (image.processor,)
    if facts.processor not in runs:
        raise Refused(
            f"the board's processor is {facts.processor}; "
            f"{image.board} is built for {image.processor}"
        )
    if facts.mpy & 0xFF != _MPY_VERSION or facts.mpy >> 8 & 3 != _MPY_SUB_VERSION:
        raise Refused(
            f"the board loads .mpy files of version {facts.mpy & 0xFF}.{facts.mpy >> 8 & 3}; "
            f"built are {_MPY_VERSION}.{_MPY_SUB_VERSION}"
        )


def check_room(free_bytes, image):
    size = sum(map(len, image.files().values()))
    if free_bytes < size * _ROOM_FACTOR:
        raise Refused(
            f"the board has {free_bytes:,} bytes free; a second version needs up to "
            f"{size * _ROOM_FACTOR:,}"
        )


def folders(facts):
    """(folder for the new version, folder that stays as it is or None)."""
    slots = loader()
    found = slots.parse(facts.pointer)
    first, second = slots.FOLDERS
    stays = first
    if found is not None:
        # A version on trial gives way, what it would fall back to stays.
        stays = found[2] or found[0]
    other = second if stays == first else first
    if stays not in facts.whole:
        stays, other = other, stays
    if stays not in facts.whole:
        return first, None
    return other, stays


def loader():
    """The module that decides on the board."""
    path = ROOT / "firmware" / "loader" / "slots.py"
    specification = importlib.util.spec_from_file_location("slots_of_the_loader", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _dotted(version):
    return ".".join(map(str, version))
