"""Which of the two folders with a whole version runs, and the return from one that fails.

The file /running says it in one line: "app_a", or "app_b 1 app_a" while app_b is on trial (it has
begun one start that was not confirmed) and app_a is what it falls back to. The file is replaced in
one step: a power cut leaves the old line or the new one.
"""

import os

FOLDERS = ("app_a", "app_b")
ROOT = "/"
POINTER = "running"
MANIFEST = "manifest.json"
TRIES = 3

watchdog = None  # of a version on trial, until it has its own


def parse(text):
    """(folder, tries, fallback), fallback None without a trial; None if it is no pointer."""
    words = text.split()
    if len(words) not in (1, 3) or words[0] not in FOLDERS:
        return None
    if len(words) == 1:
        return words[0], 0, None
    if words[1] not in ("0", "1", "2", "3") or words[2] not in FOLDERS or words[2] == words[0]:
        return None
    return words[0], int(words[1]), words[2]


def state():
    """What parse() gives, mended where the pointer is missing or names what is not whole."""
    try:
        with open(ROOT + POINTER) as file:
            found = parse(file.read())
    except (OSError, ValueError):
        found = None
    if found is None:
        found = FOLDERS[0], 0, None
    folder, tries, fallback = found
    if is_whole(folder):
        # With nothing whole to fall back to, a trial has no end but success.
        return found if fallback is None or is_whole(fallback) else (folder, 0, None)
    other = FOLDERS[1 - FOLDERS.index(folder)]
    if is_whole(other):
        return other, 0, None
    return found


def is_whole(folder):
    """Its manifest is the last file that a deploy writes, and the first that it removes."""
    try:
        os.stat(ROOT + folder + "/" + MANIFEST)
    except OSError:
        return False
    return True


def chosen():
    """The folder of this start."""
    folder, tries, fallback = state()
    return fallback if fallback and tries >= TRIES else folder


def begin():
    """Count this start if it is one on trial, or end a trial that failed; the folder to run."""
    folder, tries, fallback = state()
    if fallback is None:
        return folder
    if tries >= TRIES:
        print(folder, "failed", tries, "starts; back to", fallback)
        write(fallback)
        return fallback
    try:
        write("%s %d %s" % (folder, tries + 1, fallback))
    except OSError:
        # A trial that cannot be counted would never end.
        return fallback
    return folder


def watch(started):
    global watchdog
    watchdog = started


def on_trial():
    return state()[2] is not None


def confirm():
    """The version that runs has run well: it stays."""
    folder, _, fallback = state()
    if fallback is not None:
        write(folder)


def write(line):
    path = ROOT + POINTER
    with open(path + ".new", "w") as file:
        file.write(line + "\n")
    os.rename(path + ".new", path)
