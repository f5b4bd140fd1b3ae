"""`python -m host_tools.build BOARD [--romfs]`: writes build/BOARD and prints what is large.

--romfs: build/BOARD-romfs instead, a loader and one image for the ROMFS partition of an ESP32.
"""

import shutil
import sys
from pathlib import Path

from host_tools.build import image, romfs


def write(made, folder):
    write_files(made.files(), folder)


def write_files(files, folder):
    """Exactly these files: whatever an earlier build left is gone."""
    if folder.exists():
        shutil.rmtree(folder)
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def table(made):
    """Lines of sizes, largest first, with the total last."""
    files = made.files()
    order = sorted(files, key=lambda path: (-len(files[path]), path))
    lines = [f"{len(files[path]):>8,}  {path}" for path in order]
    return [*lines, f"{firmware_bytes(made):>8,}  of firmware; at most {image.MOST_BYTES:,}"]


def firmware_bytes(made):
    """All but the list of the files, which the firmware never reads."""
    files = made.files()
    return sum(len(files[path]) for path in files if Path(path).name != image.MANIFEST)


def complaints(made):
    """(warnings, errors): sentences."""
    files = made.files()
    warnings = [
        f"{path} has {len(data):,} bytes: over {image.LARGE_BYTES:,}, hard to load on a full heap"
        for path, data in files.items()
        if len(data) > image.LARGE_BYTES
    ]
    total = firmware_bytes(made)
    errors = []
    if total > image.MOST_BYTES:
        errors = [f"{total:,} bytes in total: at most {image.MOST_BYTES:,} are allowed"]
    return warnings, errors


def build(board, folder=None):
    """Build, write and print; the Image, or ValueError with a sentence."""
    made = image.make(board)
    folder = folder or image.ROOT / "build" / board
    warnings, errors = complaints(made)
    print("\n".join(table(made)))
    for warning in warnings:
        print(f"build: warning: {warning}", file=sys.stderr)
    if errors:
        raise ValueError(errors[0])
    write(made, folder)
    release = made.manifest
    print(
        f"{folder}: version {release['version']}, content {made.release}, "
        f"kernels for {made.processor}"
    )
    return made


def build_romfs(board):
    made = image.make(board)
    folder = image.ROOT / "build" / f"{board}-romfs"
    files = romfs.files(made)
    write_files(files, folder)
    print(
        f"{folder}: {romfs.IMAGE} of {len(files[romfs.IMAGE]):,} bytes, version "
        f"{made.manifest['version']}, content {made.release}, kernels for {made.processor}"
    )


def main(arguments):
    in_romfs = "--romfs" in arguments
    arguments = [argument for argument in arguments if argument != "--romfs"]
    if len(arguments) != 1 or not arguments[0]:
        names = ", ".join(image.real_boards())
        print(f"build: BOARD=<name> is needed; known are: {names}", file=sys.stderr)
        return 2
    try:
        (build_romfs if in_romfs else build)(arguments[0])
    except ValueError as error:
        print(f"build: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"build: cannot go on: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
