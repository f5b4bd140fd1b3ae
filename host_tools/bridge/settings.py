"""`vigil bridge mqtt` as the user has written it: checked, before anything is opened."""

import os
import re
import socket
import ssl
from functools import partial
from pathlib import Path

from host_tools.bridge import names
from host_tools.bridge.mqtt import Broker, Style
from host_tools.client import connect, keys, line
from host_tools.talk.options import RUN_DIR, check_ble

_PORT, _TLS_PORT = 1883, 8883
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(?::(\d{1,5}))?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def broker(address, user, password_file, tls, ca_file):
    match = _ADDRESS.fullmatch(address)
    port = int(match[2] or (_TLS_PORT if tls or ca_file else _PORT)) if match else 0
    if not 1 <= port <= 65535:
        raise ValueError("--broker must be HOST or HOST:PORT")
    if password_file is not None and user is None:
        raise ValueError("--password-file needs --user")
    password = None if password_file is None else _first_line(password_file)
    context = None
    if tls or ca_file:
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError):
            raise ValueError(f"there are no certificates in {ca_file}") from None
    return Broker(match[1].strip("[]"), port, user, password, context)


def note(broker):
    """What the user should know of his way to the broker; None if it is well."""
    if broker.password and not broker.tls and broker.host not in _LOOPBACK:
        return "the password travels in the clear: --tls, if the broker has it"
    return None


def key(key_file, role):
    """(role, text) or None: only a key that is given here lets anybody command."""
    if role not in ("owner", "operator"):
        raise ValueError("--role must be owner or operator")
    if key_file is None:
        return None
    text = keys.text_of(key_file)
    keys.from_text(text, bytes(8))
    return role, text


def interval(seconds):
    if not 0.2 <= seconds <= 3600:
        raise ValueError("--interval must be 0.2 to 3600 seconds")
    return seconds


def places(ports, run_dirs, ble_names, baud, unit):
    """[(place in words, function that opens it)]; all batteries of a run directory."""
    if not 1 <= unit <= 247:
        raise ValueError("--unit must be 1 to 247")
    if not 300 <= baud <= 4_000_000:
        raise ValueError("--baud must be 300 to 4000000")
    if not (ports or run_dirs or ble_names):
        if not (Path(RUN_DIR) / "run.json").exists():
            raise ValueError("which BMS? give --port DEV, --ble NAME, or --run-dir DIR")
        run_dirs = [RUN_DIR]
    found = [(port, partial(connect.at_port, port, None, baud, unit)) for port in ports]
    if ble_names and len(run_dirs) > 1:
        raise ValueError("--ble goes with one --run-dir at most")
    for name in ble_names:
        check_ble(name, None)
        if run_dirs:
            line.radio_of_run_dir(run_dirs[0])
            open_bms = partial(connect.in_run_dir_by_ble, run_dirs[0], name)
        else:
            open_bms = partial(connect.at_ble, name)
        found.append((name, open_bms))
    for folder in [] if ble_names else run_dirs:
        for node in line.nodes_of_run_dir(folder):
            place = f"{folder}, node {node}"
            found.append((place, partial(connect.in_run_dir, folder, node)))
    if len({place for place, _ in found}) < len(found):
        raise ValueError("a BMS is named twice")
    return found


def style(prefix, base, name, found):
    if name is None:
        # The same at every start, and another one for another bridge on this computer.
        name = f"{names.safe(socket.gethostname())}_{_sum(found)}"
    return Style(
        names.check_topic(prefix, "--prefix"),
        names.check_topic(base, "--base"),
        names.check_topic(name, "--name"),
    )


def _sum(found):
    return names.pack_id(None, ", ".join(place for place, _ in found)).rsplit("_", 1)[1]


def _first_line(path):
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"cannot read the password in {path}: {reason}") from None
    password = text.split("\n")[0].rstrip("\r")
    if not password:
        raise ValueError(f"there is no password in {path}")
    return password
