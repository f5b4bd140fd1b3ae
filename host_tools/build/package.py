"""package.json, by which `mpremote mip install` finds the firmware's modules as sources.

`python -m host_tools.build.package` writes it anew.
"""

import json
import tomllib

from host_tools.build import image

_LIB = "firmware/lib"


def text(root=image.ROOT):
    """What package.json should hold: every module of the firmware, from where it lies here."""
    sources = sorted((root / _LIB).rglob("*.py"))
    names = [path.relative_to(root / _LIB).as_posix() for path in sources]
    with open(root / "pyproject.toml", "rb") as file:
        version = tomllib.load(file)["project"]["version"]
    rows = ",\n".join(json.dumps([name, f"{_LIB}/{name}"]) for name in names)
    return f'{{"version": {json.dumps(version)}, "deps": [], "urls": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    (image.ROOT / "package.json").write_text(text(), "utf-8")
