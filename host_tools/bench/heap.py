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
# A name that no interpreter has: hash, length and pointer on a board, and the same here.
_NAME_BYTES, _NAME_BYTES_HERE = 7, 11
_SHARED = "objects of the running BMS"


def measure(board):
    """{part: bytes of a board's heap that it keeps}, and whether the BMS had its switches on."""
    made = image.make(board)
    here = image.make(board, processor="x64")
    order = _import_order(here)
    with tempfile.TemporaryDirectory() as folder:
        write(here, Path(folder))
        app = Path(folder) / image.FOLDER
        program, _ = interpreter.find()
        path = os.pathsep.join(("host_tools/mock/fakes", ".", ".frozen"))
        done = subprocess.run(
            [program, "-X", "heapsize=8m", "host_tools/bench/heap_probe.py", app],
            input=" ".join(order) + "\n",
            cwd=ROOT,
            env=dict(os.environ, MICROPYPATH=path),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{board}: {done.stderr.strip() or done.stdout.strip()}")
        probe = json.loads(done.stdout.splitlines()[-1])
    parts, known = {}, set()
    for module, blocks in probe["modules"]:
        parts[module] = _on_board(blocks, *_bytes_of(made, module, known))
    parts[_SHARED] = _on_board(probe["running"], probe["buffers"], [])
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


def _bytes_of(made, module, known):
    """(lengths of what is bytes in a module's heap, machine code): what does not shrink."""
    path = module.replace(".", "/")
    for at in (f"{path}.mpy", f"{path}/__init__.mpy"):
        if at in made.app:
            file = MpyFile(made.app[at])
            break
    else:
        # A source, compiled on the board with its line numbers.
        text = made.app[f"{path}.py"].decode()
        (data,) = compiler.compile_files([(text, path, False)], made.processor, "-O0")
        file = MpyFile(data)
    lengths = file.bytecode + file.constants
    new = set(file.names) - known
    known |= new
    names = sum(len(name) + 1 for name in new)
    # Half of what a name takes in the table is words; see _on_board().
    table = len(new) * (_NAME_BYTES - _NAME_BYTES_HERE / 2)
    lengths += [names, 2 * table, 2 * file.name_count]
    return lengths, [len(code) for code in file.viper]


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
