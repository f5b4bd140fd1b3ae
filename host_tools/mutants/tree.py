"""A scratch copy of the project in which one thing is broken at a time."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("firmware", "boards", "host_tools", "tests", "docs", "pyproject.toml")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")


class Tree:
    def __init__(self, folder):
        self.root = Path(folder)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, self.root / part, ignore=_LEFT_OUT)
            else:
                shutil.copy(ROOT / part, self.root / part)

    def break_it(self, file, old, new):
        """ValueError unless the old text is there exactly once."""
        path = self.root / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{file}: found {text.count(old)} times: {old.strip()[:70]!r}")
        path.write_text(text.replace(old, new))

    def mend(self, file):
        shutil.copy(ROOT / file, self.root / file)
