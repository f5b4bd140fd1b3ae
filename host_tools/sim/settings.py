"""What `vigil sim` shall do: the words of the command line, checked. Every error is a ValueError
that carries one sentence for the user."""

import ast
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from host_tools.sim import commands, faults, profiles
from host_tools.sim.pace import FASTEST, SLOWEST
from host_tools.sim.quantity import INT32_MAX, number, shown, whole

ROOT = Path(__file__).parents[2]
_LONGEST_S = 100_000_000
_MOST_NODES = 8
_AMBIENT_C = (-40, 70)
_MOST_WORN_PCT = 50
BAUD_RATES = (9600, 19200, 38400, 57600, 115200)
# Usual baud rate; number of the first station, and what it is called.
PROTOCOLS = {
    "jbd": (9600, 0, None),
    "modbus": (9600, 1, "unit"),
    "pylontech": (115200, 2, "address"),
}
_MOST_NOISE_PCT = 20
_MOST_LOSS_PCT = 99


@dataclass(frozen=True)
class Settings:
    board: str
    profile: profiles.Profile
    speed: float | None  # None: as fast as it goes
    duration_ms: int | None
    seed: int
    soc_pct: float
    faults: list  # for each battery in turn, its faults
    run_dir: str
    json: bool
    nodes: int = 1
    plain: bool = False
    ambient_c: float = 25.0
    worn_pct: float = 0.0
    rs485: str = "jbd"
    baud: int = 9600
    noise: float = 0.0  # share of the bytes on the wire that arrive damaged
    radio: bool = True
    radio_loss: float = 0.0  # share of the radio's packets that nobody hears
    stage: dict | None = None  # of a scenario: what node_config adds

    def seed_of(self, node):
        """Every battery is another one, of the same make."""
        return self.seed + node - 1

    @property
    def shares_a_bus(self):
        """Whether all batteries are on one wire: JBD has no addresses."""
        return PROTOCOLS[self.rs485][2] is not None

    def station(self, node):
        """Modbus unit or Pylontech address of battery `node`; 0 where it has none."""
        return PROTOCOLS[self.rs485][1] + node - 1 if self.shares_a_bus else 0

    def station_named(self, node):
        return {PROTOCOLS[self.rs485][2]: self.station(node)} if self.shares_a_bus else {}

    def node_config(self, profile_path, node=1):
        """The configuration file of battery `node`, counted from 1."""
        config = {
            "board": self.board,
            "seed": self.seed_of(node),
            "soc_pct": self.soc_pct,
            "ambient_c": self.ambient_c,
            "worn_pct": self.worn_pct,
            "speed": self.speed,
            "duration_ms": self.duration_ms,
            "profile": profile_path,
            "profile_unit": self.profile.unit,
            "faults": self.faults[node - 1],
            "rs485": self.rs485,
            "native": True,
            "keys": keys_of(self.seed_of(node)),
            "baud": self.baud,
            "station": self.station(node),
            "radio": self.radio,
            **(self.stage or {}),
        }
        return json.dumps(config).encode()


def keys_of(seed):
    """The operator's and the owner's key of a simulated board: everybody may know them."""
    return {
        role: hashlib.sha256(f"simulated {role} {seed}".encode()).hexdigest()
        for role in ("operator", "owner")
    }


def check(
    board,
    profile,
    speed,
    duration,
    seed,
    soc,
    fault,
    run_dir,
    rs485,
    nodes,
    as_json,
    plain=False,
    ambient="25",
    aged="0",
    baud=None,
    noise="0",
    radio=True,
    radio_loss="0",
):
    """Settings from the option texts (None where an option was not given)."""
    cells, temps = board_counts(board)
    if rs485 not in PROTOCOLS:
        raise ValueError(f"--rs485 {shown(rs485)} is unknown; known are: {', '.join(PROTOCOLS)}")
    if rs485 != "jbd" and "RS485_PROTOCOL" not in _declared(board):
        raise ValueError(f"--rs485 {rs485}: board {board} speaks nothing but JBD")
    node_count = _option("--nodes", nodes, whole, 1, _MOST_NODES)
    seed_number = _option("--seed", seed, whole, 0, INT32_MAX - node_count + 1)
    if not run_dir:
        raise ValueError("--run-dir must not be empty")
    return Settings(
        board=board,
        profile=profiles.load(profile, seed_number),
        speed=None if speed == "max" else _option("--speed", speed, number, SLOWEST, FASTEST),
        duration_ms=None
        if duration is None
        else round(1000 * _option("--duration", duration, number, 0.001, _LONGEST_S)),
        seed=seed_number,
        soc_pct=_option("--soc", soc, number, 0, 100),
        faults=_faults(fault, (cells, temps, board_contactors(board)), node_count),
        run_dir=run_dir,
        json=as_json,
        nodes=node_count,
        plain=plain,
        ambient_c=_option("--ambient", ambient, number, *_AMBIENT_C),
        worn_pct=_option("--aged", aged, number, 0, _MOST_WORN_PCT),
        rs485=rs485,
        baud=_baud(baud, rs485),
        noise=_option("--noise", noise, number, 0, _MOST_NOISE_PCT) / 100,
        radio=radio,
        radio_loss=_option("--radio-loss", radio_loss, number, 0, _MOST_LOSS_PCT) / 100,
    )


def _baud(text, rs485):
    if text is None:
        return PROTOCOLS[rs485][0]
    if text not in map(str, BAUD_RATES):
        rates = ", ".join(map(str, BAUD_RATES))
        raise ValueError(f"--baud must be one of {rates}, not {shown(text)}")
    return int(text)


def _faults(specs, parts, nodes):
    """For each battery its faults; a SPEC that names none is meant for the first.

    parts: what the board has, as faults.parse takes it.
    """
    of_node = [[] for _ in range(nodes)]
    for spec in specs:
        try:
            node, rest = commands.split_node(spec, nodes)
        except ValueError as error:
            raise ValueError(f"fault {shown(spec)}: {error}") from None
        of_node[node - 1].append(rest)
    return [faults.parse_all(rest, *parts) for rest in of_node]


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


def board_contactors(board):
    """Names of the contactors that a board switches with; none where it has FETs."""
    common_port = _numbers(ROOT / "boards" / board / "board.py").get("COMMON_PORT")
    if common_port is None:
        return ()
    return tuple(name for name in faults.CONTACTORS if not (common_port and name == "charge"))


def _declared(board):
    return _numbers(ROOT / "boards" / board / "board.py")


def _numbers(path):
    """The plain figures and texts that a board.py declares."""
    numbers = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    numbers[target.id] = node.value.value
    return numbers
