"""docs/mutations.md: what was broken on purpose, and which test noticed."""

_HEAD = """# What happens when the firmware is broken on purpose

Written by `make mutants`. Each line is one change of the firmware in a scratch copy
(`host_tools/mutants/catalog.py`) and the first test that failed with it. Each of these tests has
been run without the change as well, and passed.

"""
_WAITS = "not run yet"


def write(path, mutations, results):
    survivors = sum(caught is None for caught in results.values())
    waiting = len(mutations) - len(results)
    also = f"; {waiting} more wait for their first run" if waiting else ""
    lines = [_HEAD, f"{len(results)} mutations, {survivors} survived{also}.\n\n"]
    lines += ["| broken | in | caught by |\n", "|---|---|---|\n"]
    for mutation in mutations:
        caught = results.get(mutation.name, _WAITS)
        told = f"`{caught.removeprefix('tests/')}`" if caught else "**nothing**"
        if caught == _WAITS:
            told = caught
        file = mutation.file.removeprefix("firmware/lib/vigil/")
        lines.append(f"| {mutation.name} | `{file}` | {told} |\n")
    path.write_text("".join(lines))
