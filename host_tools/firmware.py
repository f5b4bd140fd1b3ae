"""The firmware's modules on the host, for tables that must not be written twice."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def load(*names):
    """The modules vigil.NAME, imported under CPython; a tuple in the order asked for."""
    # Only for the import: the fakes must not shadow anything for anybody else.
    paths = [str(ROOT / "firmware" / "lib"), str(ROOT / "host_tools" / "mock" / "fakes")]
    sys.path[:0] = paths
    try:
        return tuple(importlib.import_module("vigil." + name) for name in names)
    finally:
        for path in paths:
            sys.path.remove(path)
