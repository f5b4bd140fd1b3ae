"""Draws the live view of a real run with a fault as an SVG picture; the same one every time.

python -m host_tools.sim.view.picture FILE.svg
"""

import io
import re
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from host_tools.sim import interpreter, settings, supervisor
from host_tools.sim.pace import Pace
from host_tools.sim.present import Presenter
from host_tools.sim.view import screen
from host_tools.sim.view.latest import Latest

WIDTH, HEIGHT = 92, 28
_SECONDS = 14
_FAULT = "t=9 cell 5 mv 3720"
# Dark, with the terminal's eight colours as the view uses them.
_THEME = TerminalTheme(
    (16, 20, 28),
    (222, 226, 232),
    [(16, 20, 28), (213, 94, 0), (0, 158, 115), (230, 200, 60)]
    + [(0, 114, 178), (204, 121, 167), (64, 190, 215), (222, 226, 232)],
    [(128, 138, 150), (240, 130, 40), (60, 190, 150), (245, 220, 90)]
    + [(86, 180, 233), (220, 150, 190), (110, 215, 235), (255, 255, 255)],
)


class Camera(Presenter):
    """Keeps what the live view would know at the end of the run."""

    def __init__(self):
        self.latest = None
        self.notes = []

    def started(self, settings, batteries):
        battery = batteries[0]
        # The line's own name differs from run to run.
        self.latest = Latest(1, battery.seed, battery.ready, ".run/rs485")

    def note(self, text):
        self.notes.append(text)

    def backstop(self, node, facts):
        self.latest.backstop = facts

    def record(self, node, record):
        self.latest.take(record)

    def ended(self, why, t_s):
        pass


def photograph():
    """The Latest of a short, seeded run with a fault."""
    camera = Camera()
    with tempfile.TemporaryDirectory() as folder:
        wanted = settings.check(
            "sim16_lfp",
            "charge",
            "max",
            str(_SECONDS),
            "1",
            "60",
            [_FAULT],
            folder,
            "jbd",
            "1",
            False,
        )
        path, _ = interpreter.find()
        if supervisor.run(wanted, path, presenter=camera):
            raise SystemExit("the run for the picture has failed: " + "; ".join(camera.notes))
    return camera.latest


def svg(lines):
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", highlight=False)
    # Nothing is fetched by whoever looks at it: the reader's own fixed-width font serves.
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', monospace")
    return console.export_svg(
        title="make run", theme=_THEME, code_format=form, unique_id="vigil-live"
    )


def main():
    latest = photograph()
    lines = screen.live(latest, 1, Pace(1), WIDTH, HEIGHT)
    Path(sys.argv[1]).write_text(svg(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
