"""Where a key comes from: a file, the environment, a passphrase; never the command line."""

import getpass
import hashlib
import os
import secrets
import string
import sys
from pathlib import Path

BYTES = 32
BROADCAST_BYTES = 16
VARIABLE = "VIGIL_KEY"
_ROUNDS = 200000
_LEAST_CHARACTERS = 8


def from_text(text, device_id):
    """The 32 bytes that a text stands for: 64 hex digits, or else a passphrase.

    The passphrase's key is that of one device only: its id is the salt.
    """
    text = text.strip()
    if len(text) == 2 * BYTES and all(character in string.hexdigits for character in text):
        return bytes.fromhex(text)
    if len(text) < _LEAST_CHARACTERS:
        raise ValueError(
            f"a key is {2 * BYTES} hex digits or a passphrase of at least"
            f" {_LEAST_CHARACTERS} characters"
        )
    return hashlib.pbkdf2_hmac("sha256", text.encode(), device_id, _ROUNDS)


def text_of(key_file=None, what="key", use_variable=True, known=None):
    """What the user gives as his key: the file, else $VIGIL_KEY, else asked on the terminal.

    ValueError where there is none. use_variable: a new key does not come from there. known: a
    simulator's, before anybody is asked.
    """
    if key_file is not None:
        return _in_file(key_file)
    if use_variable and os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    if known:
        return known
    if not sys.stdin.isatty():
        or_variable = f" or set {VARIABLE}" if use_variable else ""
        option = "--key-file" if use_variable else "--new-key-file"
        raise ValueError(f"no {what}: give {option} FILE{or_variable}")
    return getpass.getpass(f"{what} or passphrase: ")


def new_file(path, count=BYTES):
    """Make a random key in a new file that only its owner may read; returns its text."""
    text = secrets.token_hex(count)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
    except FileExistsError:
        raise ValueError(f"{path} is there already: it is not overwritten") from None
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None
    return text


def for_broadcasts(path):
    """The 16 bytes that listeners need, as hex digits in a file; made where there is none."""
    text = _in_file(path) if Path(path).exists() else new_file(path, BROADCAST_BYTES)
    if len(text) != 2 * BROADCAST_BYTES or set(text) - set(string.hexdigits):
        raise ValueError(
            f"a broadcast's key is {2 * BROADCAST_BYTES} hex digits; {path} has others"
        )
    key = bytes.fromhex(text)
    if not any(key):
        raise ValueError(f"the key in {path} is all zeros")
    return key


def _in_file(path):
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"cannot read the key in {path}: {reason}") from None
    if not text:
        raise ValueError(f"there is no key in {path}")
    return text
