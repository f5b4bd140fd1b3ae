"""Runs first on the board: find the version that runs, and let it put its pins to safe levels."""

import sys

try:
    import slots

    sys.path.insert(0, "/" + slots.chosen())
    # Not this file, which runs as __main__: the one of the version.
    __import__("boot")
except Exception as _error:
    # An exception that left this file would keep main.py, and with it the fall-back, from running.
    sys.print_exception(_error)
