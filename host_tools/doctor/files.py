"""Are the files on the board those that its manifest names?"""

import ast
import hashlib
import json

from host_tools.build import image
from host_tools.deploy import fitness, steps
from host_tools.deploy.wire import Failed

_WALK = """
def walk(path):
    for entry in os.ilistdir(path):
        if entry[1] & 0x4000:
            walk(path + "/" + entry[0])
        else:
            print(path + "/" + entry[0])
"""


def examine(link, board):
    """(identity, version): dicts. fitness.Refused if it is not this board with a version of Vigil.

    The board is stopped and has nothing of the firmware in its memory that is used here.
    """
    link.run(steps.helper())
    facts = fitness.Facts(*ast.literal_eval(link.run("facts()").strip()))
    if not facts.whole:
        raise fitness.Refused("there is no whole version of Vigil on it: make deploy first")
    folder = _chosen(link, facts)
    manifest = json.loads(link.run(f"print(read_text('/{folder}/{image.MANIFEST}'))"))
    if manifest["board"] != board:
        raise fitness.Refused(f"it is set up as {manifest['board']}, not as {board}")
    identity = {
        "interpreter": facts.name,
        "micropython": list(facts.version),
        "processor": facts.processor,
        "flash_free_bytes": facts.free_bytes,
    }
    version = {
        "version": manifest["version"],
        "content": manifest["content_sha256"][:16],
        "built_for": manifest["processor"],
        "micropython_needed": manifest["micropython"],
        "folder": folder,
        "on_trial": len(facts.pointer.split()) == 3,
        "loader_as_here": _loader_as_here(link),
        **_compare(link, folder, manifest["files"]),
    }
    return identity, version


def _chosen(link, facts):
    """The loader's own answer."""
    try:
        return link.run("import slots\nprint(slots.chosen())").strip()
    except Failed:
        # No loader: whoever filled the board by hand.
        return facts.whole[0]


def _compare(link, folder, told):
    """Files as the manifest has them, or not; a source beside its .mpy would be what runs."""
    root = f"/{folder}/"
    there = link.run(_WALK + f"walk({root[:-1]!r})").split("\n")
    there = {path.strip().removeprefix(root) for path in there if path.strip()}
    different = []
    for path, entry in told.items():
        if path in there:
            found = link.run(f"sha256({root + path!r})").strip()
            if found != entry["sha256"]:
                different.append(path)
    return {
        "files": len(told),
        "different": different,
        "missing": sorted(set(told) - there),
        "not_of_it": sorted(there - set(told) - {image.MANIFEST}),
    }


def _loader_as_here(link):
    folder = image.ROOT / "firmware" / "loader"
    return all(
        link.run(f"sha256('/{path.name}')").strip()
        == hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*.py")
    )
