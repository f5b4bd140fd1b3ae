"""Which modules a board needs: read from the sources, nothing is run."""

import ast
from pathlib import Path

from host_tools.firmware import load

STARTS = ("boot", "main")
# What is chosen in board.py, and what that needs: vigil/knows.py, vigil/link/by_name.py and
# ble_offer.py import it by its name.
_KNOWS = "KNOWS"
_CHOICES = ("RS485_PROTOCOL", "BLUETOOTH", _KNOWS)
_OFFER = "offer"
_PROTOCOLS = {
    "jbd": (("vigil.link.jbd", _OFFER),),
    "jbd_parameters": (("vigil.link.jbd_parameters", _OFFER),),
    "jbd_writing": (("vigil.link.jbd_writing", _OFFER),),
    "modbus": (
        ("vigil.link.modbus", _OFFER),
        ("vigil.link.sunspec", "SunSpec"),
        ("vigil.link.native", "Native"),
    ),
    "pylontech": (("vigil.link.pylontech", _OFFER),),
}
_JBD = ("vigil.link.jbd", "Jbd")
_POINTS = ("vigil.points", "Points")
# Parts of BLUETOOTH, which names several.
_BLUETOOTH = {
    "jbd": (_JBD,),
    "jbd_parameters": (_JBD, ("vigil.link.jbd_parameters", "Parameters")),
    "jbd_writing": (_JBD, _POINTS, ("vigil.link.jbd_writing", "over_bluetooth")),
    "native": (
        _POINTS,
        ("vigil.link.serial_frames", "SerialFrames"),
        ("vigil.link.ble_telemetry", "Telemetry"),
    ),
    "bthome": (("vigil.link.bthome", "BtHome"),),
    "bthome_sealed": (("vigil.link.bthome_sealed", "SealedBtHome"),),
    "pairing": (("vigil.link.ble_bonds", "Bonds"),),
}
_BLUETOOTH_ALWAYS = (("vigil.link.ble_offer", _OFFER), ("vigil.link.ble_adverts", "Adverts"))
(knows,) = load("knows")


class NotForABoard(ValueError):
    """One sentence for the user."""


def needed(board_folder, firmware):
    """{path on the board: source file} of everything that the board's start can import."""
    board_folder, firmware = Path(board_folder), Path(firmware)
    _check_knows(board_folder / "board.py")
    found = {f"{name}.py": firmware / f"{name}.py" for name in STARTS}
    waiting = ["board"]
    for path in found.values():
        waiting += imported(path)
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.split(".")[0] == "host_tools":
            raise NotForABoard("imports parts of the simulator; it is a simulated board")
        place = _source(name, board_folder, firmware)
        if place is not None:
            target, path = place
            found[target] = path
            waiting += imported(path)
    return dict(sorted(found.items()))


def reachable(texts, starts):
    """The paths of `texts` ({path on the board: source}) that the starts can import, and they."""
    found, waiting = set(), list(starts)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in imported_by(texts[path], path):
            target = name.replace(".", "/")
            waiting += [at for at in (f"{target}/__init__.py", f"{target}.py") if at in texts]
    return found


def imported(path):
    return imported_by(path.read_text("utf-8"), path)


def imported_by(text, path):
    """Dotted names that a file imports anywhere in it; some are values, not modules."""
    names = []
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
        elif _chooses(node):
            dotted = [module for module, _ in _chosen(node)]
        else:
            continue
        for name in dotted:
            # A package's own file comes along with what lies in it.
            parts = name.split(".")
            names += [".".join(parts[: n + 1]) for n in range(len(parts))]
    return names


def chosen(text):
    """The imports that a board's choice of a protocol stands for, as statements."""
    return "".join(
        f"from {module} import {name}\n"
        for node in ast.walk(ast.parse(text))
        if _chooses(node)
        for module, name in _chosen(node)
    )


def _check_knows(path):
    """What the board would refuse at its start is refused here."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if _chooses(node) == _KNOWS:
            try:
                names = ast.literal_eval(node.value)
            except ValueError:
                raise NotForABoard("has a KNOWS that is no plain tuple of names") from None
            problem = knows.refused(names)
            if problem:
                raise NotForABoard(f"cannot be built: {problem}")


def _chooses(node):
    """Which choice a statement makes, or None."""
    name = getattr(node.targets[0], "id", None) if isinstance(node, ast.Assign) else None
    return name if name in _CHOICES else None


def _chosen(choice):
    if _chooses(choice) == _KNOWS:
        names = [getattr(part, "value", None) for part in choice.value.elts]
        return tuple((part[2], part[3]) for part in knows.PARTS if part[0] in names)
    if isinstance(choice.value, ast.Tuple):
        parts = [_BLUETOOTH.get(getattr(part, "value", None), ()) for part in choice.value.elts]
        return _BLUETOOTH_ALWAYS + sum(parts, ()) if parts else ()
    return _PROTOCOLS.get(getattr(choice.value, "value", None), ())


def _source(name, board_folder, firmware):
    parts = name.split(".")
    if parts[0] == "vigil":
        base, target = firmware / "lib", "/".join(parts)
    elif len(parts) == 1:
        # Beside the board's own file: parts that only this board has.
        base, target = board_folder, name
    else:
        return None
    for candidate in (f"{target}/__init__.py", f"{target}.py"):
        if (base / candidate).is_file():
            return candidate, base / candidate
    return None
