"""build/<board> holds exactly what the board needs, the same bytes every time."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import pytest

from host_tools.bench.mpy_file import MpyFile
from host_tools.build import __main__ as command
from host_tools.build import compiler, image, imports, wiring
from tests.interpreter import ROOT

BOARDS = image.real_boards()


@pytest.fixture(scope="module", params=BOARDS)
def made(request):
    return image.make(request.param)


@pytest.fixture
def tree(tmp_path):
    """A small project: a board whose firmware has a part that nobody needs."""
    files = {
        "pyproject.toml": '[project]\nversion = "1.2.3"\n',
        "boards/small/board.py": 'PROCESSOR = "armv6m"\nimport parts\n',
        "boards/small/parts.py": "def f():\n    from vigil.afe import chip\n",
        "firmware/boot.py": "import board\n",
        "firmware/main.py": "OLDEST_VERSION = (1, 29, 0)\nfrom vigil import app\n",
        "firmware/lib/vigil/__init__.py": "",
        "firmware/lib/vigil/app.py": "from vigil.kernels import double\n",
        "firmware/lib/vigil/kernels.py": (
            "import micropython\n@micropython.viper\n"
            "def double(a: int) -> int:\n    return a * 2\n"
        ),
        "firmware/lib/vigil/afe/__init__.py": "",
        "firmware/lib/vigil/afe/chip.py": "import machine\n",
        "firmware/lib/vigil/afe/other.py": "",
    }
    for name in ("boot.py", "main.py", "slots.py"):
        files[f"firmware/loader/{name}"] = "pass\n"
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_there_is_a_board_to_build():
    assert "pico_bq76952" in BOARDS


def test_only_what_can_be_imported_is_on_the_board(tree):
    files = set(image.make("small", tree).files())
    app = {path.removeprefix("app_a/") for path in files if path.startswith("app_a/")}
    assert files - {f"app_a/{path}" for path in app} == {"boot.py", "main.py", "slots.py"}
    assert app == {
        "board.py",
        "boot.py",
        "main.py",
        "parts.mpy",
        "manifest.json",
        "vigil_release.py",
        "vigil/__init__.mpy",
        "vigil/a.mpy",
        "vigil/app.mpy",
        "vigil/kernels.mpy",
        "vigil/afe/__init__.mpy",
        "vigil/afe/chip.mpy",
    }


def test_every_module_that_a_board_file_imports_is_built(made):
    """By a way of its own: the words of every import statement, found as text."""
    joined = [path for paths in made.parts.values() for path in paths]
    paths = {*made.app, *(path.replace(".py", ".mpy") for path in joined)}
    built = {path.removesuffix(".mpy").removesuffix(".py").replace("/", ".") for path in paths}
    for path in paths:
        source = ROOT / "firmware" / "lib" / (path.removesuffix(".mpy") + ".py")
        if not source.exists():
            continue
        for module, names in re.findall(
            r"^\s*from (vigil[\w.]*) import \(?([\w, ]+)", source.read_text(), re.MULTILINE
        ):
            assert module in built or f"{module}.__init__" in built
            for name in names.split(","):
                wanted = f"{module}.{name.split(' as ')[0].strip()}"
                if (ROOT / "firmware" / "lib" / (wanted.replace(".", "/") + ".py")).exists():
                    assert wanted in built, f"{path} imports {wanted}"


def test_the_same_input_gives_the_same_bytes_wherever_it_lies(tree, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.copytree(tree, other, ignore=shutil.ignore_patterns("elsewhere"))
    assert image.make("small", tree).files() == image.make("small", other).files()


def test_another_content_is_another_release_and_the_same_again_is_not(tree):
    first = image.make("small", tree).release
    path = tree / "firmware" / "lib" / "vigil" / "app.py"
    text = path.read_text()
    path.write_text(text + "x = [1]\n")
    assert image.make("small", tree).release != first
    path.write_text(text)
    assert image.make("small", tree).release == first


def test_the_manifest_describes_every_file_of_the_version(made):
    manifest = json.loads(made.app["manifest.json"])
    assert set(manifest["files"]) == set(made.app) - {"manifest.json"}
    for path, told in manifest["files"].items():
        data = made.app[path]
        assert told == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert manifest["board"] == made.board
    assert manifest["micropython"] == [1, 29, 0]
    assert f'version = "{manifest["version"]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("number, processor", [(4, "armv6m"), (10, "xtensawin"), (11, "rv32imc")])
def test_kernels_are_for_the_processor_and_all_else_is_for_any(tree, number, processor):
    made = image.make("small", tree, processor)
    for path, data in made.app.items():
        if path.endswith(".mpy"):
            MpyFile(data)
            assert data[2] >> 2 == (number if path == "vigil/kernels.mpy" else 0), path


def test_sources_that_an_owner_reads_stay_sources(made):
    assert made.app["board.py"] == (ROOT / "boards" / made.board / "board.py").read_bytes()
    assert made.app["main.py"] == (ROOT / "firmware" / "main.py").read_bytes()


def test_a_real_board_stays_within_what_a_board_may_have(made):
    warnings, errors = command.complaints(made)
    assert (warnings, errors) == ([], [])
    # The list of the files is no firmware: nothing on the board reads it.
    sizes = [len(data) for path, data in made.files().items() if path != "app_a/manifest.json"]
    assert len(sizes) == len(made.files()) - 1
    assert command.table(made)[-1].split()[0] == f"{sum(sizes):,}"


def test_a_large_file_is_warned_of_and_a_large_whole_is_an_error(tree):
    path = tree / "boards" / "small" / "board.py"
    short = path.read_text()
    path.write_text(short + "#" * (image.LARGE_BYTES - len(short)))
    assert command.complaints(image.make("small", tree)) == ([], [])
    path.write_text(short + "#" * (image.LARGE_BYTES - len(short) + 1))
    (warning,), errors = command.complaints(image.make("small", tree))
    assert warning.startswith("app_a/board.py has 16,385 bytes") and errors == []
    path.write_text(short + "#" * image.MOST_BYTES)
    _, (error,) = command.complaints(image.make("small", tree))
    assert "at most 122,880" in error


def test_what_an_earlier_build_left_is_gone(tree, tmp_path):
    folder = tmp_path / "out"
    (folder / "app_a").mkdir(parents=True)
    (folder / "app_a" / "old.mpy").write_bytes(b"")
    made = image.make("small", tree)
    command.write(made, folder)
    there = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert there == made.files()


@pytest.mark.parametrize("name", ("", "nosuch", "../boards/pico_bq76952", "sim16_lfp", "sim4_lfp"))
def test_what_cannot_be_built_is_refused_with_one_sentence(name, capsys):
    assert command.main([name]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "pico_bq76952" in said


def test_a_board_that_imports_the_simulator_is_refused(tree):
    path = tree / "boards" / "small" / "parts.py"
    path.write_text("from host_tools.sim.twins import bq76952_board\n")
    with pytest.raises(ValueError, match="simulated board"):
        image.make("small", tree)


def test_an_unknown_processor_is_refused(tree):
    path = tree / "boards" / "small" / "board.py"
    path.write_text('PROCESSOR = "z80"\n')
    with pytest.raises(ValueError, match="'z80' is not one of armv6m"):
        image.make("small", tree)


@pytest.mark.parametrize(
    "knows, sentence",
    [
        ('("charge", "helath")', "'helath'; known are: charge, balancing, allowed, totals, age"),
        ('("age",)', "'age', which needs 'charge'"),
        ('"charge"', "a tuple of names"),
        ("ALL[:2]", "no plain tuple"),
    ],
)
def test_a_wrong_choice_of_what_a_board_knows_is_refused(tree, knows, sentence):
    path = tree / "boards" / "small" / "board.py"
    path.write_text(path.read_text() + f"KNOWS = {knows}\n")
    with pytest.raises(ValueError, match="board small") as error:
        image.make("small", tree)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "text", ("def f(:\n", "def f():\n    x = 1\n    nonlocal x\n"), ids=("anywhere", "on a board")
)
def test_a_file_that_does_not_compile_is_named(tree, text):
    path = tree / "firmware" / "lib" / "vigil" / "app.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"app(.py)? does not compile"):
        image.make("small", tree)


def test_make_build_writes_the_tree(tmp_path):
    run = [sys.executable, "-m", "host_tools.build", "pico_bq76952"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = image.make("pico_bq76952")
    assert made.release in done.stdout
    for path, data in made.files().items():
        assert (ROOT / "build" / "pico_bq76952" / path).read_bytes() == data


def test_the_compiler_is_told_to_leave_the_computers_paths_out(tree):
    for data in image.make("small", tree).files().values():
        assert str(tree).encode() not in data


def test_imports_inside_functions_count(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("def f():\n    import vigil.b\n    from vigil.c import d as e\n")
    assert set(imports.imported(path)) == {"vigil", "vigil.b", "vigil.c", "vigil.c.d"}


def test_every_readme_has_the_wiring_of_its_board():
    for path, text in wiring.readmes():
        assert path.read_text() == text, f"{path} is old: run make docs"


def _revision(remark):
    """Of the board, where a pin belongs to one only."""
    found = re.search(r"revision (\S+) \|", remark)
    return found and found[1]


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_a_page_with_what_its_builder_has_to_know(board):
    page = (ROOT / "boards" / board / "README.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        next(line for line in page.splitlines() if line.startswith("## Wiring of the ")),
        "## Parts",
        "## Cell map",
        "## What the chip cannot guard itself",
        "## What was never tried on hardware",
    ]
    assert "**Not optional**" in page and "Never tried on hardware" in page


def test_every_pin_of_a_real_board_is_in_its_wiring_table():
    for name in BOARDS:
        source = (ROOT / "boards" / name / "board.py").read_text()
        pins = re.findall(r"^ *(\w+_PIN) = (\d+)  # (.*)", source, re.MULTILINE)
        told = wiring.table(source)
        assert len(pins) == told.count("\n") - 2 == len(re.findall(r"_PIN = \d", source))
        for revision in {_revision(remark) for *_, remark in pins}:
            there = [number for _, number, remark in pins if _revision(remark) in (None, revision)]
            assert len(set(there)) == len(there), "one pin for two things"
        for pin, number, _ in pins:
            assert f"| GPIO {number} | `{pin}` |" in told


def test_processors_of_real_boards_are_those_of_boards():
    assert "x64" in compiler.PROCESSORS
    assert all(image.make(name).processor != "x64" for name in BOARDS)
