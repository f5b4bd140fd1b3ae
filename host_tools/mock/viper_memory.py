"""Never upload to a board. Memory as an emulated viper kernel sees it: typed, bounds-checked views
on the caller's buffers, each at a made-up address below 2**30. CPython only."""

import ctypes
from array import array

_FIRST_ADDRESS = 0x20000000
_SLOT_BITS = 22
_SLOTS = 128
_MARGIN = 1 << 16  # pointers may stand a little before or behind their buffer
_FORMATS = {1: "B", 2: "H", 4: "i"}


class ViperError(Exception):
    """A kernel broke a rule of viper, of the board's arithmetic, or of its buffers."""


class Address(int):
    """A pointer on its way from one kernel to another."""


class _Region:
    __slots__ = ("buffer", "start", "size", "views")

    def __init__(self, buffer, start, size):
        self.buffer = buffer
        self.start = start
        self.size = size
        self.views = {}

    def view(self, width):
        view = self.views.get(width)
        if view is None:
            view = self.views[width] = _view(self.buffer, width, "pointer")
        return view


class _PyBuffer(ctypes.Structure):
    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("rest", ctypes.c_byte * 128),
    )


# The buffers of the kernel call under way, innermost kernel last. Empty between calls.
regions = []


def enter_pointer(value, width, name):
    """A ptr8/ptr16/ptr32 argument: (view of `width`-byte items that starts there, its address)."""
    if type(value) is Address or (type(value) is int and regions):
        return _tail(int(value), width, name)
    for region in regions:
        if region.buffer is value:
            return _view(value, width, name), region.start
    view = _view(value, width, name)
    if len(regions) == _SLOTS:
        raise ViperError("kernels call each other too deeply")
    size = memoryview(value).nbytes
    if size > (1 << _SLOT_BITS) - 2 * _MARGIN:
        raise ViperError(f"'{name}' is larger than any buffer of a board: {size} bytes")
    start = _FIRST_ADDRESS + (len(regions) << _SLOT_BITS) + _MARGIN
    regions.append(_Region(value, start, size))
    return view, start


def point(address, width):
    """ptrN(address): (whole view of that buffer, index of the item, address of the view)."""
    region = _region_at(address)
    if region is None:
        raise ViperError(f"address {address:#x} lies in no buffer of this call")
    offset = address - region.start
    if offset % width:
        raise ViperError(f"ptr{8 * width} at byte {offset}: not aligned, HardFault on RP2040")
    return region.view(width), offset // width, region.start


def _region_at(address):
    slot = (address - _FIRST_ADDRESS) >> _SLOT_BITS
    return regions[slot] if 0 <= slot < len(regions) else None


def _tail(address, width, name):
    region = _region_at(address)
    if region is None or not 0 <= address - region.start <= region.size:
        raise ViperError(f"'{name}' needs a buffer, not the integer {address}")
    view, index, start = point(address, width)
    return view[index:], start + index * width


def _view(value, width, name):
    if isinstance(value, array) and value.typecode in "lL":
        raise ViperError(f"'{name}': array('{value.typecode}') has another width on a board")
    if isinstance(value, (str, int, float)) or value is None:
        raise ViperError(f"'{name}' needs a buffer, not {type(value).__name__}")
    try:
        view = memoryview(value)
    except TypeError:
        raise ViperError(f"'{name}' needs a buffer, not {type(value).__name__}") from None
    if width > 1 and type(value) is memoryview and _address_of(value) % width:
        raise ViperError(f"'{name}': a view that starts at an odd place is no ptr{8 * width}")
    kind = _FORMATS[width]
    if view.format == kind:
        return view
    if not view.contiguous:
        raise ViperError(f"'{name}' is not contiguous")
    if view.format != "B":
        view = view.cast("B")
    if width == 1:
        return view
    odd = view.nbytes % width
    return (view[:-odd] if odd else view).cast(kind)


def _address_of(view):
    raw = _PyBuffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(raw), 0)
    address = raw.buf or 0
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(raw))
    return address
