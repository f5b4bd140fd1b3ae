"""Collects a heap so many times that is full of small live objects, or empty up to its end.

Prints the bytes in use, and those up to the last one in use. Never upload to a board.
"""

import gc
import sys

_how, _times, _objects = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
_keep = [[at, (at,), bytearray(20)] for at in range(_objects)]
gc.collect()
_reach = gc.mem_alloc()
if _how == "swept":
    _keep = _keep[-1:]
    gc.collect()
print(gc.mem_alloc(), _reach)
for _ in range(_times):
    gc.collect()
