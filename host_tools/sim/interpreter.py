"""Which interpreter runs the simulated board: MicroPython if this computer has one, else CPython.

Order: $MICROPYTHON, PATH, the installed package (beside this Python), then this Python itself.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (1, 29)
_QUESTION = "import sys; v = sys.implementation; print(v[0], v[1][0], v[1][1])"
_PATIENCE_S = 10


def find():
    """(path, note): note is a sentence when the choice is CPython, else None.

    ValueError if $MICROPYTHON is set to something that cannot do it: a wish is not passed over.
    """
    wanted = os.environ.get("MICROPYTHON")
    if wanted:
        path = shutil.which(wanted)
        if path is None:
            raise ValueError(f"$MICROPYTHON: there is no program {wanted}")
        unfit = why_unfit(path)
        if unfit:
            raise ValueError(f"$MICROPYTHON: {path} {unfit}")
        return os.path.abspath(path), None
    reasons = []
    beside = shutil.which("micropython", path=str(Path(sys.executable).parent))
    on_path = shutil.which("micropython")
    for path in dict.fromkeys(path for path in (on_path, beside) if path):
        unfit = why_unfit(path)
        if not unfit:
            return os.path.abspath(path), None
        reasons.append(f"{path} {unfit}")
    reason = "; ".join(reasons) or "no MicroPython found ($MICROPYTHON names one)"
    return (
        sys.executable,
        f"reduced fidelity: the board runs on CPython, not MicroPython: {reason}",
    )


def why_unfit(path):
    """None for MicroPython 1.29 or newer, else what is wrong, to follow the path in a sentence."""
    try:
        answer = subprocess.run(
            [path, "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
        ).stdout.split()
        name, version = answer[0], (int(answer[1]), int(answer[2]))
    except OSError as error:
        return f"does not start: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"does not answer within {_PATIENCE_S} s"
    except (IndexError, ValueError):
        return "is not MicroPython"
    if name != b"micropython":
        return "is not MicroPython"
    if version < OLDEST:
        return "is MicroPython {}.{}; Vigil needs {}.{} or newer".format(*version, *OLDEST)
    return None
