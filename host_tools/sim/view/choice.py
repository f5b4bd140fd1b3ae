"""Whether the live view fits this terminal, and its making; imports nothing heavy before that."""

import os
import sys

from host_tools.sim.view import terminal


def fits_this_terminal():
    """Standard input and output are our terminal, and it can move its cursor."""
    try:
        ours = os.isatty(0) and os.isatty(1) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
    return ours and os.environ.get("TERM", "dumb") not in ("", "dumb")


def make(output):
    from host_tools.sim.view.live import LiveView
    from host_tools.sim.view.painter import Painter

    plain_signs = not (sys.stdout.encoding or "").lower().startswith("utf")
    return LiveView(terminal.Terminal(output), Painter(plain_signs))
