"""`python -m host_tools.bench.heap [BOARD...]`: how much heap a board has left after the start.

Prints the largest users, writes build/heap.json.

The built firmware runs on this computer's MicroPython, and the blocks are counted that it keeps
after a collection. A block has four words, on a board (16 bytes) as here (32): what is made of
words takes as many blocks there. What is made of bytes (bytecode, machine code, names, buffers)
takes about twice as many; their lengths are in the .mpy files and in the running objects.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from host_tools.bench.mpy_file import MpyFile
from host_tools.build import compiler, image, imports, romfs
from host_tools.build.__main__ import write
from host_tools.build.chosen import chosen
from host_tools.sim import interpreter

ROOT = Path(__file__).parents[2]
BLOCK = 16
_BLOCK_HERE = 32
_OBJECTS = "objects of the running BMS"
_NAMES = "names"
_LEFT = "left of modules for the start"
_SHOWN = 12
# What is free before the firmware starts, by published figures of stock MicroPython. A Pico:
# 233,024 in all and 7,168 in use at the prompt. A Pico W, whose radio takes its share used or
# not: 191,872 in all. On an ESP32 the heap grows, so what it may still fetch from the system in
# one piece counts too. An ESP32-C3 (LOLIN C3 mini, 1.22.2): 52,608 free at the prompt and
# 139,264 to fetch. An ESP32 (1.27): 165,248 in all, of which 5,152 are in use at the prompt.
# Bluetooth takes its share of what may be fetched: about 46,000 is published for the start of
# NimBLE on an ESP32-S3, 32,000 for an ESP32. Reckoned with here: 60,000, to be careful.
_BLUETOOTH = 60000
_ESP32_C3 = 52608 + 139264
_ESP32 = 165248 - 5152
HEAPS = {
    "armv6m": {"a Pico": 225856, "a Pico W": 184704},
    "xtensawin": {"an ESP32": _ESP32, "an ESP32 with Bluetooth": _ESP32 - _BLUETOOTH},
    "rv32imc": {"an ESP32-C3": _ESP32_C3, "an ESP32-C3 with Bluetooth": _ESP32_C3 - _BLUETOOTH},
}
# A name in the interpreter's table: pointer, hash and length; the table grows by doubling.
_NAME_BYTES = 7
_FIRST_NAMES = 20


def measure(board, in_romfs=False, **choices):
    """{part: bytes of a board's heap that it keeps}, and whether the BMS had its switches on.

    choices: other values for constants of its board.py.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = chosen(board, Path(folder), **choices) if choices else image.ROOT
        made = image.make(board, root)
        here = image.make(board, root, processor="x64")
    with tempfile.TemporaryDirectory() as folder:
        write(here, Path(folder))
        app = Path(folder) / image.FOLDER
        if in_romfs:
            app = Path(folder) / romfs.IMAGE
            app.write_bytes(romfs.packed(here.app))
        # What a board could import and does not takes nothing.
        imported = _probe(board, app, [], [])
        order = [module for module in _import_order(here) if module in imported]
        files = {module: _file(made, module) for module in ["board", *order]}
        names = {name.decode() for file in files.values() for name in file.names}
        probe = _probe(board, app, order, sorted(names))
    parts = {}
    gone = 0
    for module, blocks in probe["modules"]:
        if module in probe["gone"]:
            gone += blocks
            continue
        file = files[module]
        # A name's number in a module's table has two bytes.
        lengths = [2 * file.name_count]
        if not in_romfs or f"{module}.py" in made.app:
            lengths += _kept_code(made, module, file) + file.constants
        parts[module] = _on_board(blocks, lengths, [len(code) for code in file.viper])
    # What a module leaves behind that has been let go of.
    parts[_OBJECTS] = _on_board(probe["running"], probe["buffers"], [])
    parts[_LEFT] = _on_board(gone - probe["forgotten"], [], [])
    parts[_NAMES] = _of_names(names - set(probe["built_in"]), in_romfs)
    return parts, probe["switches_on"]


def _probe(board, app, modules, names):
    """What heap_probe.py tells of a built version."""
    program, _ = interpreter.find()
    path = os.pathsep.join(("host_tools/mock/fakes", ".", ".frozen"))
    done = subprocess.run(
        [program, "-X", "heapsize=8m", "host_tools/bench/heap_probe.py", app],
        input=f"{' '.join(modules)}\n{' '.join(names)}\n",
        cwd=ROOT,
        env=dict(os.environ, MICROPYPATH=path),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{board}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def _import_order(made):
    """Modules of a version, each after all that it imports; as far as the circles let it."""
    texts = {path: text.decode() for path, text in made.app.items() if path.endswith(".py")}
    texts.pop("board.py")
    texts |= {path: text for path, text in made.texts.items() if path != image.LET_GO}
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


def _kept_code(made, module, file):
    """Lengths of the functions that stay: what stands outside them runs once and goes."""
    path = module.replace(".", "/")
    paths = [f"{path}.py", f"{path}/__init__.py"]
    (text,) = [made.texts.get(at) or made.app[at] for at in paths if at in made.texts | made.app]
    gone = made.let_go.get(module, ())
    scopes = list(_scopes(ast.parse(text), None, gone))
    if path + ".py" == image.KERNELS:
        return []
    if len(scopes) != len(file.bytecode):
        raise RuntimeError(f"{module}: {len(scopes)} functions, {len(file.bytecode)} compiled")
    return [size for size, stays in zip(file.bytecode, scopes, strict=True) if stays]


_CODE = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _scopes(node, owner, gone):
    """Whether it stays, for each piece of bytecode of a module in the order of the compiler."""
    yield False
    waiting = [(part, owner, True) for part in ast.iter_child_nodes(node)]
    while waiting:
        part, owner, stays = waiting.pop(0)
        below = list(ast.iter_child_nodes(part))
        if isinstance(part, ast.ClassDef):
            yield False
            waiting[:0] = [(one, part.name, stays) for one in below]
        elif isinstance(part, _CODE):
            stays = stays and (owner, getattr(part, "name", None)) not in gone
            yield stays
            waiting[:0] = [(one, owner, stays) for one in below]
        else:
            waiting[:0] = [(one, owner, stays) for one in below]


def _of_names(names, in_romfs):
    """Bytes of the table and the texts, which stay in the flash if they are there."""
    room = step = _FIRST_NAMES
    while room < len(names):
        step *= 2
        room += step
    texts = 0 if in_romfs else sum(len(name) + 1 for name in names)
    return room * _NAME_BYTES + texts


def _on_board(blocks, lengths, machine_code):
    """Bytes on a board: blocks here, and the more that bytes take; machine code is none here."""
    more = sum(_blocks(length, BLOCK) - _blocks(length, _BLOCK_HERE) for length in lengths)
    return BLOCK * (blocks + more + sum(_blocks(length, BLOCK) for length in machine_code))


def _blocks(length, block):
    return -(-int(length) // block)


def kernel_code(board):
    """Machine code of each kernel, as it is loaded."""
    return _file(image.make(board), image.KERNELS.removesuffix(".py").replace("/", ".")).viper


def free_after_start(processor, used):
    """{where: bytes that stay free, by the heaps above}."""
    return {where: heap - used for where, heap in HEAPS[processor].items()}


def report(boards):
    """{board: what it uses and what stays free}; prints the largest users of each."""
    found = {}
    kinds = [(board, False) for board in boards]
    kinds += [(board, True) for board in boards if image.make(board).processor in romfs.PROCESSORS]
    for board, in_romfs in kinds:
        parts, switches_on = measure(board, in_romfs)
        if not switches_on:
            raise RuntimeError(f"{board}: the switches are not on after the start")
        used = sum(parts.values())
        free = free_after_start(image.make(board).processor, used)
        largest = dict(sorted(parts.items(), key=lambda item: (-item[1], item[0])))
        name = f"{board} in ROMFS" if in_romfs else board
        found[name] = {"used": used, "free": free, "users": largest}
        print(f"Heap of {name}: the firmware keeps {used:,} bytes")
        for part, size in list(largest.items())[:_SHOWN]:
            print(f"  {size:>8,}  {part}")
        for where, size in free.items():
            print(f"  {size:>8,}  stay free on {where}")
    return found


def main(boards):
    found = report(boards or image.real_boards())
    target = ROOT / "build" / "heap.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
