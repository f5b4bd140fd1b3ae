"""Reads a .mpy file of version 6.3: machine code of viper functions, and what loading it keeps.

The format is that of MicroPython's py/persistentcode.c, as far as mpy-cross uses it for kernels.
"""

_MAGIC = ord("M")
_VERSION = 6
_SUB_VERSION = 3

_BYTECODE = 2  # kinds are stored less this number
_NATIVE = 3
_VIPER = 4
_ASSEMBLER = 5

_FUN_TABLE = 0
_PLAIN_OBJECTS = (1, 2, 3, 4)  # None, False, True, Ellipsis
_TERMINATED_OBJECTS = (5, 6)  # str, bytes: a zero follows
_TUPLE = 10


class MpyError(ValueError):
    pass


class MpyFile:
    """viper: machine code of every viper function; fun_table_at: its place in the object table.

    bytecode: length of every function in bytecode; names: the qstrs that are not in every
    interpreter; name_count: all of them; constants: lengths of strings, bytes and long numbers.
    """

    def __init__(self, data):
        self._data = data
        self._at = 0
        if self._byte() != _MAGIC or self._byte() != _VERSION:
            raise MpyError("not a .mpy file of version 6")
        feature = self._byte()
        # Bytecode alone (sub-version 0, no architecture) runs anywhere.
        if feature >> 2 and feature & 3 != _SUB_VERSION:
            raise MpyError(f"sub-version {feature & 3} instead of {_SUB_VERSION}")
        self._byte()  # bits of a small int
        qstr_count = self._uint()
        object_count = self._uint()
        self.name_count = qstr_count
        self.names = [name for name in (self._qstr() for _ in range(qstr_count)) if name]
        self.bytecode = []
        self.constants = []
        kinds = [self._object() for _ in range(object_count)]
        self.object_count = object_count
        self.fun_table_at = [at for at, kind in enumerate(kinds) if kind == _FUN_TABLE]
        self.viper = []
        self._raw_code()
        if self._at != len(data):
            raise MpyError(f"{len(data) - self._at} bytes are left over")

    def _byte(self):
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, count):
        self._at += count
        if self._at > len(self._data):
            raise MpyError("the file ends early")
        return self._data[self._at - count : self._at]

    def _uint(self):
        value = 0
        while True:
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value

    def _qstr(self):
        length = self._uint()
        # Odd: a static one by number.
        return None if length & 1 else self._take((length >> 1) + 1)[:-1]

    def _object(self):
        kind = self._byte()
        if kind == _FUN_TABLE or kind in _PLAIN_OBJECTS:
            return kind
        count = self._uint()
        if kind == _TUPLE:
            for _ in range(count):
                self._object()
        else:
            self._take(count + (kind in _TERMINATED_OBJECTS))
            self.constants.append(count)
        return kind

    def _raw_code(self):
        header = self._uint()
        kind = (header & 3) + _BYTECODE
        code = self._take(header >> 3)
        if kind == _VIPER:
            self.viper.append(code)
        elif kind == _BYTECODE:
            self.bytecode.append(len(code))
        if kind != _BYTECODE:
            self._uint()  # prelude offset, or scope flags
            if kind == _ASSEMBLER:
                self._uint()
                self._uint()
        if header & 4:
            for _ in range(self._uint()):
                self._raw_code()
