"""`vigil sim --scenario`: a scenario to watch; nothing is judged."""

import dataclasses

from host_tools.prove import scenario

NODE = "host_tools/sim/witness.py"
# Options of `vigil sim` that a scenario file takes the place of.
SAID_BY_THE_FILE = ("board", "profile", "seed", "soc")


def play(settings, path, given):
    """The settings with pack, limits, current and events of the file; it ends when that ends.

    given: those of SAID_BY_THE_FILE that stand on the command line all the same.
    """
    if given:
        options = " and ".join(f"--{name}" for name in given)
        raise ValueError(f"{options} and --scenario exclude each other: the file says it")
    one = scenario.load(path)
    config = one.node_config(None, witness=False)
    first, *others = settings.faults
    first = sorted([*one.events, *first], key=lambda fault: fault["t_ms"])
    return dataclasses.replace(
        settings,
        board=one.board,
        profile=one.profile,
        seed=one.seed,
        soc_pct=one.soc_pct,
        worn_pct=one.worn_pct,
        duration_ms=settings.duration_ms or one.end_ms,
        faults=[first, *others],
        stage={key: config[key] for key in ("pack", "limits", "witness")},
    )
