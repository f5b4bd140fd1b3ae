"""`python -m tests.unit.host_tools_page`: writes the examples of docs/host-tools.md anew.

They are run against the stand-in of a BMS, in the order of the page.
"""

import contextlib
import io
import os
import shlex
import tempfile

from host_tools import cli, firmware
from host_tools.client import connect, line
from host_tools.client import keys as client_keys
from tests.unit.native_stand_in import OWNER_KEY, Device, Line

PAGE = firmware.ROOT / "docs" / "host-tools.md"
_BLOCK = "```console\n"
_WRONG = "[limits.cell_under_voltage]\nrelease_mv = 2400\n"


def rendered(text):
    """The page with what its commands really print."""
    parts = text.split(_BLOCK)
    mine = text.split("```toml\n")[1].split("```")[0]
    with _stand_in(mine):
        for at in range(1, len(parts)):
            block, rest = parts[at].split("```\n", 1)
            commands = [each for each in block.splitlines() if each.startswith("$ ")]
            parts[at] = "".join(f"{each}\n{_said(each)}" for each in commands) + "```\n" + rest
    return _BLOCK.join(parts)


def _said(command):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        cli.main(shlex.split(command)[2:])
    return said.getvalue()


@contextlib.contextmanager
def _stand_in(mine):
    """One BMS behind every port, and a folder with the page's files."""
    device = Device(commissioning=True)
    (journal,) = firmware.load("journal")
    for at, (kind, *facts) in enumerate(
        (
            (journal.START, 1, 0, 12),
            (journal.CONFIRMED, 0, 0, 30),
            (journal.WRITE, 1609, 3, 3),
            (journal.TRIP, 2, 5, 3655),
        )
    ):
        code, where, value = facts
        t_s = (0, 30, 660, 8105)[at]
        device.journal.append(journal.pack(at, 12, t_s, kind, code, where, value, 0))
    kept = line.SerialLine, connect.SerialLine, client_keys.secrets.token_hex, os.getcwd()
    line.SerialLine = connect.SerialLine = lambda path, baudrate=9600: Line(device, True)
    client_keys.secrets.token_hex = lambda count: OWNER_KEY.hex()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, text in (("mine.toml", mine), ("wrong.toml", _WRONG)):
                with open(name, "w") as file:
                    file.write(text)
            yield
        finally:
            os.chdir(kept[3])
            line.SerialLine, connect.SerialLine, client_keys.secrets.token_hex = kept[:3]


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
