"""What `vigil sim` shall do: the words of the command line, checked. Every error is a ValueError
that carries one sentence for the user."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from host_tools.sim import faults, profiles
from host_tools.sim.quantity import INT32_MAX, number, shown, whole

ROOT = Path(__file__).parents[2]
_LONGEST_S = 100_000_000
_SLOWEST, _FASTEST = 0.01, 1_000_000
_LATER_PROTOCOLS = ("modbus", "pylontech")


@dataclass(frozen=True)
class Settings:
    board: str
    profile: profiles.Profile
    speed: float | None  # None: as fast as it goes
    duration_ms: int | None
    seed: int
    soc_pct: float
    faults: list
    run_dir: str
    json: bool

    def node_config(self, profile_path):
        """The node's configuration file."""
        config = {
            "board": self.board,
            "seed": self.seed,
            "soc_pct": self.soc_pct,
            "speed": self.speed,
            "duration_ms": self.duration_ms,
            "profile": profile_path,
            "profile_unit": self.profile.unit,
            "faults": self.faults,
        }
        return json.dumps(config).encode()


def check(board, profile, speed, duration, seed, soc, fault, run_dir, rs485, nodes, as_json):
    """Settings from the option texts (None where an option was not given)."""
    cells, temps = board_counts(board)
    if rs485 in _LATER_PROTOCOLS:
        raise ValueError(f"--rs485 {rs485} is not available yet; jbd is")
    if rs485 != "jbd":
        raise ValueError(f"--rs485 {shown(rs485)} is unknown; jbd is available")
    if _option("--nodes", nodes, whole, 1) != 1:
        raise ValueError("--nodes: only 1 is available yet")
    seed_number = _option("--seed", seed, whole, 0, INT32_MAX)
    if not run_dir:
        raise ValueError("--run-dir must not be empty")
    return Settings(
        board=board,
        profile=profiles.load(profile, seed_number),
        speed=None if speed == "max" else _option("--speed", speed, number, _SLOWEST, _FASTEST),
        duration_ms=None
        if duration is None
        else round(1000 * _option("--duration", duration, number, 0.001, _LONGEST_S)),
        seed=seed_number,
        soc_pct=_option("--soc", soc, number, 0, 100),
        faults=faults.parse_all(fault, cells, temps),
        run_dir=run_dir,
        json=as_json,
    )


def _option(name, text, read, lowest, highest=None):
    try:
        value = read(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if value < lowest or (highest is not None and value > highest):
        limits = f"at least {lowest}" if highest is None else f"{lowest} to {highest}"
        raise ValueError(f"{name} must be {limits}, not {shown(text)}")
    return value


def boards():
    """Names of the boards that the simulator has a twin for."""
    twins = ROOT / "host_tools" / "sim" / "twins"
    return sorted(
        path.parent.name
        for path in (ROOT / "boards").glob("*/board.py")
        if (twins / f"{_numbers(path).get('TWIN')}.py").exists()
    )


def board_counts(board):
    """(cells, temperature sensors) of a board, read from its board.py; None for what is not
    written there as a plain number, which is then checked when the board has started."""
    known = boards()
    if board not in known:
        names = ", ".join(known) or "none"
        raise ValueError(f"there is no simulated board {shown(board)}; known are: {names}")
    numbers = _numbers(ROOT / "boards" / board / "board.py")
    counts = [numbers.get(name) for name in ("CELLS", "TEMPS")]
    return tuple(count if type(count) is int else None for count in counts)


def _numbers(path):
    """The plain figures and texts that a board.py declares."""
    numbers = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    numbers[target.id] = node.value.value
    return numbers
