"""The files of one board in memory: {path: bytes}, and the manifest that describes them."""

import ast
import functools
import hashlib
import json
import tomllib
from pathlib import Path

from host_tools.build import compiler, fold, imports, merge, shorten, started, unused

ROOT = Path(__file__).parents[2]
FOLDER = "app_a"  # where a first version lies on the board
MANIFEST = "manifest.json"
RELEASE = "vigil_release.py"
LET_GO = "vigil/let_go.py"
KERNELS = "vigil/kernels.py"
SELF_TEST = "vigil/selftest.py"
APART = (
    "vigil.selftest",
    "vigil.presets",
    "vigil.validate",
    "vigil.chemistry",
    "vigil.ocv_tables",
)
LARGE_BYTES = 16 * 1024
MOST_BYTES = 120 * 1024
_LOADER = ("boot.py", "main.py", "slots.py")
# Stays readable on the board: the owner may have to look.
_SOURCES = ("boot.py", "main.py", "board.py")
_DOCTOR = "host_tools/doctor/probe.py"
_HANDLERS = (_DOCTOR, "host_tools/bench/heap_probe.py")
_MICROPYTHON = "OLDEST_VERSION"
_FOR_THE_START = "FOR_THE_START"


class Image:
    """loader: {name: bytes} of the root; app: {path: bytes} of one whole version."""

    def __init__(self, board, processor, loader, app, version, micropython, stand_ins=()):
        self.board = board
        self.processor = processor
        self.loader = loader
        files = dict(app)
        self.content = _content(files)
        # Told to the firmware, which must not count one version's failures as another's.
        self.release = self.content[:16]
        told = f'VERSION = "{version}"\nCONTENT = "{self.release}"\n'
        told += f"STAND_INS = {tuple(stand_ins)!r}\n" if stand_ins else ""
        files[RELEASE] = told.encode()
        self.manifest = {
            "board": board,
            "version": version,
            "content_sha256": self.content,
            "processor": processor,
            "micropython": micropython,
            "files": {
                path: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for path, data in sorted(files.items())
            },
        }
        files[MANIFEST] = (
            json.dumps(self.manifest, separators=(",", ":"), sort_keys=True) + "\n"
        ).encode()
        self.app = dict(sorted(files.items()))

    def files(self):
        """{path: bytes} of everything, as it lies on a new board."""
        whole = {f"{FOLDER}/{path}": data for path, data in self.app.items()}
        return dict(sorted({**self.loader, **whole}.items()))


def make(board, root=ROOT, processor=None, keep_names=False):
    """The Image of a board; ValueError with one sentence if there is none.

    keep_names: nothing loses its name, for tests that use it.
    """
    folder = root / "boards" / board
    if not board or Path(board).name != board or not (folder / "board.py").is_file():
        raise ValueError(f"there is no board {board!r}; known are: {', '.join(real_boards(root))}")
    processor = processor or constant(folder / "board.py", "PROCESSOR")
    if processor is None:
        raise ValueError(
            f"board {board} names no PROCESSOR, so it is a simulated one; "
            f"boards to build for: {', '.join(real_boards(root))}"
        )
    if processor not in compiler.PROCESSORS:
        known = ", ".join(compiler.PROCESSORS)
        raise ValueError(f"board {board}: PROCESSOR {processor!r} is not one of {known}")
    firmware = root / "firmware"
    try:
        sources = imports.needed(folder, firmware)
    except imports.NotForABoard as error:
        raise ValueError(f"board {board} {error}") from None
    except SyntaxError as error:
        raise ValueError(f"{error.filename} does not compile: {error}") from None
    app = {path: sources.pop(path).read_bytes() for path in _SOURCES}
    apart = constant(firmware / "main.py", _FOR_THE_START) or ()
    texts, private_names, parts, stand_ins, let_go = _compact(sources, app, apart, keep_names)
    # Tracebacks tell modules, not files: these names are in memory anyhow.
    jobs = [(text, fold.module_of(path), path == KERNELS) for path, text in texts.items()]
    try:
        compiled = compiler.compile_files(jobs, processor)
    except ValueError:
        # Say which part of a joined module it is.
        whole = [(path, source.read_text("utf-8")) for path, source in sources.items()]
        jobs = [(text, fold.module_of(path), path == KERNELS) for path, text in whole]
        compiler.compile_files(jobs, processor)
        raise
    for path, data in zip(texts, compiled, strict=True):
        app[path.removesuffix(".py") + ".mpy"] = data
    loader = {name: (firmware / "loader" / name).read_bytes() for name in _LOADER}
    with open(root / "pyproject.toml", "rb") as file:
        version = tomllib.load(file)["project"]["version"]
    oldest = constant(firmware / "main.py", _MICROPYTHON)
    made = Image(board, processor, loader, app, version, list(oldest), stand_ins)
    made.private_names = private_names
    made.texts = texts
    made.parts = parts
    made.let_go = let_go
    return made


def _compact(sources, fixed, apart, keep_names):
    """(texts, private names, parts, stand-ins, what is let go of).

    {path: text to be compiled}, {path: {short name: private names}}, {path: paths of what has
    been joined}, [module for the start], {module: {(class or None, function) for the start}}.

    Numbers are in their places, private names short, modules that stay joined, and those gone
    that only had numbers.
    """
    fixed = tuple((path, data.decode()) for path, data in fixed.items())
    texts = tuple((path, source.read_text("utf-8")) for path, source in sources.items())
    return _compact_texts(texts, fixed, apart, keep_names)


@functools.lru_cache(maxsize=16)
def _compact_texts(texts, fixed, apart, keep_names):
    fixed = dict(fixed)
    kernels = {path: text for path, text in texts if path == KERNELS}
    if not keep_names:
        users = [*fixed.values(), *(text for path, text in texts if path != SELF_TEST)]
        kernels = {path: only_used(text, users) for path, text in kernels.items()}
    # Machine code has few names, and mpy-cross looks at its arguments.
    texts = {path: text for path, text in texts if path != KERNELS}
    others = [*fixed.values(), *kernels.values(), *map(imports.chosen, fixed.values())]
    texts = fold.folded(texts, others, keep_names)
    private_names, parts, stand_ins, let_go = {}, {}, [], {}
    if not keep_names:
        outside = [(ROOT / path).read_text("utf-8") for path in _outside()]
        texts = unused.left_out(texts, fixed, outside)
        doctor = {Path(_DOCTOR).name: outside.pop(0)}
        for_start = started.only_for_start(texts, fixed | doctor, outside)
        outside += doctor.values()
        texts, private_names = shorten.shortened(texts, others, outside)
        wanted = imports.reachable(texts | kernels | fixed, fixed)
        texts = {path: text for path, text in texts.items() if path in wanted}
        texts, parts, stand_ins, where = merge.merged(texts, [*others, *outside], apart)
        for_start = _shortened(for_start, private_names, apart)
        texts[LET_GO], let_go = started.letting_go(for_start, where)
        stand_ins.append(LET_GO)
        texts = {path: unused.bare(text) for path, text in texts.items()}
        private_names |= {path: _told(private_names, parts[path]) for path in parts}
    texts = dict(sorted((texts | kernels).items()))
    # The doctor's questions come over the wire and import by name, too.
    handlers = {path: (ROOT / path).read_text("utf-8") for path in _HANDLERS}
    wanted = imports.reachable(texts | fixed | handlers, [*fixed, *handlers])
    texts = {path: text for path, text in texts.items() if path in wanted}
    stand_ins = [fold.module_of(path) for path in stand_ins if path in wanted]
    return texts, private_names, parts, stand_ins, let_go


def _shortened(functions, private_names, apart):
    """[(module, class or None, function)] by the short names; not of what is let go of whole."""
    short = {name: new for names in private_names.values() for new, name in names.items()}
    return [
        (module, owner and short.get(owner, owner), short.get(function, function))
        for module, owner, function in functions
        if module not in apart
    ]


def _told(private_names, parts):
    """{short name: what it may stand for} of a joined module."""
    told = {}
    for path in parts:
        for short, name in private_names[path].items():
            told.setdefault(short, {}).setdefault(name, []).append(fold.module_of(path))
    return {
        short: " or ".join(f"{name} ({', '.join(modules)})" for name, modules in names.items())
        for short, names in told.items()
    }


def only_used(kernels, users):
    """The text of the kernels without those that no module of this board asks for.

    The self-test tests those that are there; it is no reason for one to be there.
    """
    tree = ast.parse(kernels)
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    waiting = {name for text in users for name in _kernels_asked(ast.parse(text))} & set(found)
    kept = set()
    while waiting:
        kept |= waiting
        called = {
            node.id
            for name in waiting
            for node in ast.walk(found[name])
            if isinstance(node, ast.Name)
        }
        waiting = (called & set(found)) - kept
    tree.body = [node for node in tree.body if node not in found.values() or node.name in kept]
    return ast.unparse(tree) + "\n"


def _kernels_asked(tree):
    """kernels.NAME, and what is imported from there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "kernels":
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "vigil.kernels":
            yield from (one.name for one in node.names)


def _outside():
    """Who handles a running firmware by its names, or stands in for a part of the board."""
    mock = ROOT / "host_tools" / "mock"
    loader = [f"firmware/loader/{name}" for name in _LOADER]
    return [*_HANDLERS, *loader, *sorted(mock.glob("fake*.py")), *sorted(mock.glob("fakes/*.py"))]


def real_boards(root=ROOT):
    return sorted(
        path.parent.name
        for path in (root / "boards").glob("*/board.py")
        if constant(path, "PROCESSOR")
    )


def constant(path, name):
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    return None


def _content(files):
    """One hash of all names and contents: equal exactly if two versions are."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
