"""What all these commands are told in the same way: which port, which protocol, which key."""

from pathlib import Path
from typing import Annotated

import typer

RUN_DIR = ".run"

Port = Annotated[str | None, typer.Option("--port", metavar="DEV", help="Serial port of the BMS.")]
RunDir = Annotated[
    str | None,
    typer.Option(
        "--run-dir",
        metavar="DIR",
        help="Run directory of a simulator; .run if neither this nor --port is given.",
    ),
]
Ble = Annotated[
    str | None,
    typer.Option(
        "--ble",
        metavar="NAME",
        help="Name or address of the BMS on Bluetooth; with --run-dir on the simulator's radio.",
    ),
]
RadioOf = Annotated[
    str | None,
    typer.Option(
        "--run-dir", metavar="DIR", help="Listen on this simulator's radio, not the computer's."
    ),
]
Node = Annotated[int, typer.Option("--node", metavar="N", help="Which battery of the simulator.")]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol", metavar="native|modbus|jbd", help="What it speaks; found if not given."
    ),
]
Baud = Annotated[int, typer.Option("--baud", metavar="N", help="Baud rate of the port.")]
Unit = Annotated[int, typer.Option("--unit", metavar="N", help="Modbus unit.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
KeyFile = Annotated[
    str | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="File with the key; without it $VIGIL_KEY, or it is asked for.",
    ),
]
Role = Annotated[
    str,
    typer.Option("--role", metavar="owner|operator", help="Whose key it is."),
]


class Where:
    """Port and protocol as the user has named them."""

    def __init__(self, port, run_dir, node, protocol, baud, unit, ble=None):
        from host_tools.client import connect

        self.port, self._node, self._ble = port, node, ble
        self._run_dir = which_run_dir(port, run_dir) if ble is None else run_dir
        if ble is not None:
            check_ble(ble, port)
            if protocol == "modbus":
                raise ValueError("--ble goes with --protocol native and jbd")
        if protocol is not None and protocol not in connect.PROTOCOLS:
            raise ValueError(f"--protocol must be {', '.join(connect.PROTOCOLS)}")
        if not 1 <= unit <= 247:
            raise ValueError("--unit must be 1 to 247")
        if not 300 <= baud <= 4_000_000:
            raise ValueError("--baud must be 300 to 4000000")
        self.protocol, self.baud, self.unit = protocol, baud, unit

    def open(self):
        """The BMS there: bms.Bms or jbd.Jbd."""
        from host_tools.client import connect

        if self._ble is not None:
            if self._run_dir is None:
                return connect.at_ble(self._ble, self.protocol)
            return connect.in_run_dir_by_ble(self._run_dir, self._ble, self._node, self.protocol)
        if self._run_dir is not None:
            return connect.in_run_dir(self._run_dir, self._node, self.protocol, self.unit)
        return connect.at_port(self.port, self.protocol, self.baud, self.unit)


def check_ble(name, port):
    if port is not None:
        raise ValueError("--port and --ble: give one of them")
    if not name.strip():
        raise ValueError("--ble must not be empty")


def which_run_dir(port, run_dir):
    """None where a port is given; ValueError with a sentence if it is not clear."""
    if port is not None and run_dir is not None:
        raise ValueError("--port and --run-dir: give one of them")
    if port is not None:
        if not port:
            raise ValueError("--port must not be empty")
        return None
    if run_dir is None and not (Path(RUN_DIR) / "run.json").exists():
        raise ValueError("which BMS? give --port DEV, --ble NAME, or --run-dir DIR of a simulator")
    return RUN_DIR if run_dir is None else run_dir


def begin_session(bms, role, key_file):
    """Open a session as `role` with the user's key."""
    from host_tools.client import keys

    check_role(role)
    native = bms.native
    text = keys.text_of(key_file, what=f"{role}'s key", known=bms.known_keys.get(role))
    bms.open_session(role, keys.from_text(text, native.identify().device_id))


def check_role(role):
    if role not in ("owner", "operator"):
        raise ValueError("--role must be owner or operator")
