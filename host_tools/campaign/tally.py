"""Adds up what the campaign's processes report, and says it in lines that a person can read."""

import json

_SUMS = ("cycles", "openings", "demanded", "sleeps", "looks", "band_looks", "either", "overruns")
KINDS = ("missed", "late", "false", "forbidden", "unrecovered")


def add(result, lines):
    """Into `result`, what each JSON line says of one case or of many kernel evaluations."""
    for name in (*_SUMS, "cases", "refused", "kernel_evaluations", "kernel_trips"):
        result.setdefault(name, 0)
    for name in ("faults", "trips"):
        result.setdefault(name, {})
    for name in ("findings", "kernel_failures"):
        result.setdefault(name, [])
    for line in lines:
        if not line.startswith("{"):
            continue
        told = json.loads(line)
        if "evaluations" in told:
            result["kernel_evaluations"] += told["evaluations"]
            result["kernel_trips"] += told["trips"]
            result["kernel_failures"] += told["failures"]
        else:
            _add_case(result, told)
    return result


def _add_case(result, told):
    result["cases"] += 1
    result["refused"] += told["refused"]
    for name in _SUMS:
        result[name] += told[name]
    for name in ("faults", "trips"):
        for key, count in told[name].items():
            result[name][key] = result[name].get(key, 0) + count
    for finding in told["findings"]:
        result["findings"].append({"seed": told["seed"], **finding})


def share(part, whole):
    return f"{100 * part / whole:.2f} %" if whole else "none"


def report(result):
    """Lines of text."""
    found = dict.fromkeys(KINDS, 0)
    for finding in result["findings"]:
        found[finding["kind"]] += 1
    judged = result["cycles"] + result["kernel_evaluations"]
    lines = [
        f"seed {result.get('seed', '-')}: {judged:,} judged evaluations",
        f"  {result['cycles']:,} cycles over driver and chip in {result['cases']:,} packs"
        f" ({result['refused']:,} refused by the firmware)",
        f"  {result['kernel_evaluations']:,} kernel evaluations, {result['kernel_trips']:,} rows"
        f" tripped in them, {len(result['kernel_failures'])} disagreements",
        f"  {result['openings']:,} openings; {result['demanded']:,} limits that had to trip by"
        f" their deadline; {result['sleeps']:,} boards that fell asleep",
        f"  values within the tolerance of a limit: {share(result['band_looks'], result['looks'])}"
        f" of {result['looks']:,}",
        "  switch states of which either would have been right: "
        + share(result["either"], 2 * result["cycles"]),
        "  faults: " + _list(result["faults"]),
        "  trips by row: " + _list(result["trips"], int),
        "  " + ", ".join(f"{kind} {found[kind]}" for kind in KINDS),
    ]
    for finding in result["findings"][:10]:
        lines.append("  FOUND " + _finding(finding))
        if "case" in finding:
            lines.append("  replay with --case: " + json.dumps(finding["case"]))
    for seed, words in result["kernel_failures"][:10]:
        lines.append(f"  FOUND kernel walk {seed}: {words}")
    return lines


def _finding(finding):
    words = f"seed {finding['seed']}: {finding['kind']}, {finding['switch']} switch"
    words += f" at {finding['t_ms']} ms, row {finding['row']}"
    return words + (f", by {finding['by_us'] / 1000:.1f} ms" if finding["by_us"] else "")


def _list(counts, key=str):
    names = sorted(counts, key=lambda name: key(name))
    return ", ".join(f"{name} {counts[name]:,}" for name in names)
