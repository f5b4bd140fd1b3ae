"""`python -m host_tools.bench.heap [BOARD...]`: how much heap a board has left after the start.

The built firmware runs on this computer's MicroPython, and the blocks are counted that it keeps
after a collection. A block is four words, on a board (16 bytes) as here (32): what is made of words
takes as many blocks there. What is made of bytes (bytecode, machine code, names, buffers) takes
about twice as many; their lengths are known, from the .mpy files and from the running objects.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from host_tools.bench.mpy_file import MpyFile
from host_tools.build import compiler, image, imports
from host_tools.build.__main__ import write
from host_tools.sim import interpreter

ROOT = Path(__file__).parents[2]
BLOCK = 16
_BLOCK_HERE = 32
_OBJECTS = "objects of the running BMS"
_NAMES = "names"
# A name in the interpreter's table: pointer, hash and length; the table grows by doubling.
_NAME_BYTES = 7
_FIRST_NAMES = 20


def measure(board):
    """{part: bytes of a board's heap that it keeps}, and whether the BMS had its switches on."""
    made = image.make(board)
    here = image.make(board, processor="x64")
    order = _import_order(here)
    files = {module: _file(made, module) for module in ["board", *order]}
    names = {name.decode() for file in files.values() for name in file.names}
    with tempfile.TemporaryDirectory() as folder:
        write(here, Path(folder))
        app = Path(folder) / image.FOLDER
        program, _ = interpreter.find()
        path = os.pathsep.join(("host_tools/mock/fakes", ".", ".frozen"))
        done = subprocess.run(
            [program, "-X", "heapsize=8m", "host_tools/bench/heap_probe.py", app],
            input=f"{' '.join(order)}\n{' '.join(sorted(names))}\n",
            cwd=ROOT,
            env=dict(os.environ, MICROPYPATH=path),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{board}: {done.stderr.strip() or done.stdout.strip()}")
        probe = json.loads(done.stdout.splitlines()[-1])
    parts = {}
    for module, blocks in probe["modules"]:
        file = files[module]
        # A name's number in a module's table has two bytes.
        lengths = [*file.bytecode, *file.constants, 2 * file.name_count]
        parts[module] = _on_board(blocks, lengths, [len(code) for code in file.viper])
    parts[_OBJECTS] = _on_board(probe["running"], probe["buffers"], [])
    parts[_NAMES] = _of_names(names)
    return parts, probe["switches_on"]


def _import_order(made):
    """Modules of a version, each after all that it imports; as far as the circles let it."""
    texts = {}
    for path in made.app:
        for suffix, base in ((".mpy", "firmware/lib"), (".py", "firmware")):
            source = ROOT / base / path
            if path.endswith(suffix) and path != "boot.py" and path != "board.py":
                source = source.with_suffix(".py")
                if source.is_file():
                    texts[path.removesuffix(suffix) + ".py"] = source.read_text("utf-8")
    order = []

    def place(path, above):
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if name in order or path in above:
            return
        for other in imports.imported_by(texts[path], path):
            target = other.replace(".", "/")
            for at in (f"{target}/__init__.py", f"{target}.py"):
                if at in texts:
                    place(at, (*above, path))
        order.append(name)

    for path in sorted(texts):
        place(path, ())
    return order


def _file(made, module):
    """What loading it brings; a source is compiled on the board, with its line numbers."""
    path = module.replace(".", "/")
    for at in (f"{path}.mpy", f"{path}/__init__.mpy"):
        if at in made.app:
            return MpyFile(made.app[at])
    text = made.app[f"{path}.py"].decode()
    (data,) = compiler.compile_files([(text, path, False)], made.processor, "-O0")
    return MpyFile(data)


def _of_names(names):
    """Bytes of the table and the texts, as if the interpreter of the board knew none of them."""
    room = step = _FIRST_NAMES
    while room < len(names):
        step *= 2
        room += step
    return room * _NAME_BYTES + sum(len(name) + 1 for name in names)


def _on_board(blocks, lengths, machine_code):
    """Bytes on a board: blocks here, and the more that bytes take; machine code is none here."""
    more = sum(_blocks(length, BLOCK) - _blocks(length, _BLOCK_HERE) for length in lengths)
    return BLOCK * (blocks + more + sum(_blocks(length, BLOCK) for length in machine_code))


def _blocks(length, block):
    return -(-int(length) // block)


if __name__ == "__main__":
    for _board in sys.argv[1:] or image.real_boards():
        _parts, _on = measure(_board)
        for _name, _size in sorted(_parts.items(), key=lambda item: -item[1]):
            print(f"{_size:>8,}  {_name}")
        print(f"{sum(_parts.values()):>8,}  {_board}, switches on: {_on}")
