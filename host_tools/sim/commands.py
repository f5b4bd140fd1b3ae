"""What a user says to a running simulator, in words: a fault's SPEC without its time, or one of
these: pause, go, speed N|max, quit; "node N" before a fault says which battery.
"""

import re

from host_tools.sim import faults
from host_tools.sim.pace import FASTEST, SLOWEST
from host_tools.sim.quantity import number, shown

FORMS = f"{faults.FORMS}; pause, go, speed N|max, quit"
_NODE = re.compile(r"(t=\S+\s+)?node\s+(\d{1,3})\s+(.*)", re.IGNORECASE | re.DOTALL)


def parse(text):
    """("pause" | "go" | "quit", None), ("speed", number or None), or ("fault", text)."""
    match text.lower().split():
        case ["pause" | "go" | "quit" as word]:
            return word, None
        case ["speed", "max"]:
            return "speed", None
        case ["speed", wanted]:
            return "speed", _speed(wanted)
    return "fault", text


def split_node(spec, nodes, default=1):
    """(number of the battery, SPEC without "node N"); ValueError if there is no such battery."""
    match = _NODE.fullmatch(spec.strip())
    if not match:
        return default, spec
    node = int(match[2])
    if not 1 <= node <= nodes:
        raise ValueError(f"there is no node {node}: there are {nodes}")
    return node, (match[1] or "") + match[3]


def _speed(text):
    speed = number(text)
    if not SLOWEST <= speed <= FASTEST:
        raise ValueError(f"speed must be {SLOWEST} to {FASTEST} or max, not {shown(text)}")
    return speed
