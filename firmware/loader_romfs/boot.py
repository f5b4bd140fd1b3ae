"""Runs first on a board with its version in ROMFS, whose boot.py makes the pins safe."""

import sys

try:
    sys.path.insert(0, "/rom")
    # Not this file, which runs as __main__.
    __import__("boot")
except Exception as _error:
    # An exception that left this file would keep main.py from running.
    sys.print_exception(_error)
