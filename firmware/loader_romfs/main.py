"""Runs the version in ROMFS. There is no second one to fall back to."""

import sys

if sys.path[0] != "/rom":
    sys.path.insert(0, "/rom")
# Not this file, which runs as __main__.
__import__("main").run()
