"""`vigil key`: a first key, another key, and the window for protocols that have none."""

import json

from host_tools.client import keys
from host_tools.talk.options import begin_session, check_role

PLAIN = "plain"
_LONGEST_S = 3600


def new(path, as_json, say=print):
    keys.new_file(path)
    text = f"a new random key is in {path}; keep a copy where the battery is not"
    return _done({"file": path}, text, as_json, say)


def commission(bms, role, new_key_file, as_json, say=print):
    """Set a role's key without the old one: the board's button was held at its start."""
    check_role(role)
    native = bms.native
    native.commission(role, _new_key(native, role, new_key_file))
    return _done({"role": role}, f"the {role}'s key is set", as_json, say)


def change(bms, role, key_file, new_key_file, as_json, say=print):
    """The owner gives a role another key."""
    check_role(role)
    begin_session(bms, "owner", key_file)
    bms.native.set_key(role, _new_key(bms.native, role, new_key_file))
    return _done({"role": role}, f"the {role} has another key from now on", as_json, say)


def seconds(text):
    """How long a window; ValueError with a sentence."""
    if text == "close":
        return 0
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST_S:
        raise ValueError(f"a window is open for 1 to {_LONGEST_S} seconds; close closes it")
    return int(text)


def window(bms, seconds_open, key_file, as_json, say=print):
    """Let JBD and plain Modbus write for so many seconds; 0 ends it."""
    begin_session(bms, "owner", key_file)
    left_s = bms.native.open_window(seconds_open)
    text = (
        f"for {left_s} s whoever is on the line may write as the owner"
        if left_s
        else "the window is closed: only who has a key may write"
    )
    return _done({"window_s": left_s}, text, as_json, say)


def broadcast(bms, path, key_file, as_json, say=print):
    """Encrypt what the board tells everybody, with the key in a file; "plain" ends that."""
    key = None if path == PLAIN else keys.for_broadcasts(path)
    begin_session(bms, "owner", key_file)
    bms.native.set_broadcast_key(key)
    text = (
        "whoever listens can read the broadcasts again"
        if key is None
        else f"who reads the broadcasts needs the key in {path}: Home Assistant asks for it"
    )
    return _done({"encrypted": key is not None}, text, as_json, say)


def _new_key(native, role, path):
    text = keys.text_of(path, what=f"{role}'s new key", use_variable=False)
    return keys.from_text(text, native.identify().device_id)


def _done(result, text, as_json, say):
    say(json.dumps(result) if as_json else text)
    return 0
