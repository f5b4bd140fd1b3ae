"""The findings as one object to share, and the same for a reader."""

from importlib.metadata import version

from host_tools import meanings
from host_tools.doctor import expected, verdict
from host_tools.mock import costs, fake_flash

_ORDER = (
    *("read", "judge", "plausibility", "act", "read-judge-act"),
    *("inputs", "count charge", "gc.collect", "stopwatch"),
)
_NEWS = {0: "nothing new", 1: "new cells", 2: "new slow scan", 3: "everything new"}


def make(examination):
    """The report as plain data."""
    found = {**examination.found, "simulated": examination.simulated}
    whole = {
        "made_by": f"vigil doctor {version('vigil-bms')}",
        "simulated": examination.simulated,
        "timing_of": "this computer" if examination.simulated else "the board",
        "problems": verdict.problems(found),
        "not_measured": [{"what": what, "why": why} for what, why in examination.not_measured],
    }
    for key in ("identity", "version", "start", "front end", "sample", "heap"):
        if key in found:
            whole[key.replace(" ", "_")] = _known(found[key])
    if "bus before" in found and "bus after" in found:
        whole["bus"] = _bus(found)
    if "cycle" in found:
        whole["cycle"] = _cycle(found, examination.simulated)
    mhz = None if examination.simulated else _mhz(found["identity"])
    parts = _parts(found, mhz)
    if parts:
        whole["parts"] = parts
    if "kernels" in found:
        whole["kernels"] = [_kernel(name, of, mhz) for name, of in found["kernels"].items()]
    if "flash" in found:
        whole["flash_write"] = _line("512 bytes", found["flash"], None) | {
            "taken_for_us": [fake_flash.PAGE_US, fake_flash.ERASE_US + fake_flash.PAGE_US]
        }
    return whole


def _known(value):
    """What the firmware does not know is null, whatever stands for it there."""
    if isinstance(value, dict):
        return {key: _known(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_known(entry) for entry in value]
    return None if value == meanings.UNKNOWN else value


def _mhz(identity):
    return expected.clock_mhz(identity["processor"], identity["clock_hz"])


def _bus(found):
    """Since the front end stands; while it is looked for some errors are usual."""
    names = ("retries", "check_errors", "no_answers")
    return {
        part: dict(zip(names, (b - a for a, b in zip(before, after, strict=True)), strict=True))
        for part, after in found["bus after"].items()
        if (before := found["bus before"].get(part)) is not None
    }


def _cycle(found, simulated):
    cycle = found["cycle"]
    told = _line("cycle", cycle["stopwatches"]["cycle"][0], None)
    told["period_us"] = found["start"]["period_us"]
    told["failed_readings"] = cycle["read_errors"]
    if not simulated:
        told |= {key: cycle[key] for key in ("overruns", "worst_period_us")}
    return told


def _parts(found, mhz):
    """mhz: None where nothing may be compared with the table."""
    stopwatches = found.get("parts", {}).get("stopwatches", {})
    capabilities = dict(found.get("front end", {}).get("capabilities", {}))
    # The first temperature of the board is the chip's own.
    capabilities["switch_temps"] = len(found.get("sample", {}).get("board_dc", [0])) - 1

    def line(title, part, kind, spent):
        return _line(title, spent, mhz and expected.part_us(part, kind, capabilities, mhz))

    lines = []
    for name in ("read", "judge", "plausibility"):
        for kind, spent in sorted(stopwatches.get(name, {}).items()):
            lines.append(line(f"{name}, {_NEWS[kind]}", name, kind, spent))
    if stopwatches:
        lines.append(line("act", "act", 0, stopwatches["act"][0]))
        both = zip(stopwatches["panel"][0], stopwatches["charge guard"][0], strict=True)
        times, us, worst_us = (sum(pair) for pair in both)
        lines.append(line("inputs", "inputs", 0, (times // 2, us, worst_us)))
        lines += _read_judge_act(lines)
    for name, spent in found.get("alone", {}).items():
        lines.append(line(name, name, 0, spent))
    return sorted(lines, key=lambda line: _ORDER.index(line["name"].partition(",")[0]))


def _read_judge_act(lines):
    """Of the fullest reading that there was: the way from the chip to the switches."""
    known = {line["name"]: line for line in lines}
    for kind in (3, 1, 0):
        parts = [known.get(name) for name in (f"read, {_NEWS[kind]}", f"judge, {_NEWS[kind]}")]
        if None in parts:
            continue
        parts.append(known["act"])
        mean_us = sum(part["mean_us"] for part in parts)
        tables = [part.get("table_us") for part in parts]
        return [
            {
                "name": f"read-judge-act, {_NEWS[kind]}",
                "times": min(part["times"] for part in parts),
                "mean_us": round(mean_us, 1),
                "worst_us": sum(part["worst_us"] for part in parts),
                **_against(mean_us, None if None in tables else sum(tables)),
            }
        ]
    return []


def _line(name, spent, table_us):
    times, us, worst_us = spent
    mean_us = us / max(times, 1)
    line = {"name": name, "times": times, "mean_us": round(mean_us, 1), "worst_us": worst_us}
    return line | _against(mean_us, table_us)


def _kernel(name, of, mhz):
    us = of["ns"] / 1000
    line = {"name": name, "of": of["of"], "us": us}
    return line | _against(us, mhz and expected.kernel_us(name, mhz))


def _against(us, table_us):
    if not table_us:
        return {}
    return {"table_us": round(table_us, 2), "ratio": round(us / table_us, 2)}


# For a reader.


def text(whole):
    lines = [f"{whole['made_by']}: {_of_what(whole)}", ""]
    for title, tell in (
        ("Version", _tell_version),
        ("Start", _tell_start),
        ("Front end", _tell_front_end),
        ("Time", _tell_time),
        ("Memory and flash", _tell_memory),
    ):
        told = list(tell(whole))
        if told:
            lines += [title, *(f"  {line}" for line in told), ""]
    lines += ["Could not be measured"]
    lines += [f"  {entry['what']}: {entry['why']}" for entry in whole["not_measured"]] + [""]
    lines += [f"{len(whole['problems'])} problems" if whole["problems"] else "No problem found."]
    return "\n".join(lines + [f"  {problem}" for problem in whole["problems"]]) + "\n"


def _of_what(whole):
    name = whole.get("start", {}).get("board", "a board")
    return f"{name}, simulated on this computer" if whole["simulated"] else name


def _tell_version(whole):
    identity = whole["identity"]
    yield f"{identity.get('machine') or 'machine unknown'}; processor {identity['processor']}"
    dotted = ".".join(map(str, identity["micropython"]))
    clock = "" if whole["simulated"] else f", {identity['clock_hz'] / 1e6:g} MHz"
    yield f"{identity['interpreter']} {dotted}{clock}"
    if "version" in whole:
        version = whole["version"]
        trial = ", on trial" if version["on_trial"] else ""
        yield f"Vigil {version['version']} {version['content']} in {version['folder']}{trial}"
        wrong = sum(len(version[key]) for key in ("different", "missing", "not_of_it"))
        yield f"{version['files']} files compared with the manifest, {wrong} of them wrong"


def _tell_start(whole):
    if "start" not in whole:
        return
    start = whole["start"]
    yield f"put together in {start['us'] / 1000:.0f} ms"
    yield f"kernels that failed their self-test: {', '.join(start['kernels_failed']) or 'none'}"
    yield f"limits refused: {len(start['refused'])}"


def _tell_front_end(whole):
    if "front_end" in whole:
        front_end = whole["front_end"]
        chip = front_end["capabilities"].get("chip", "front end")
        yield f"{chip}: {'set up' if front_end['configured'] else 'not set up'}" + (
            ", configuration read back and verified" if front_end["verified"] else ""
        )
        if front_end["complete_ms"] >= 0:
            yield f"everything measured {front_end['complete_ms']} ms after the start"
        yield f"limits that it guards by itself: {len(front_end['applied'])}"
    if "sample" in whole and whole.get("front_end", {}).get("configured"):
        sample = whole["sample"]
        yield f"cells {_values(sample['cells_mv'])} mV"
        yield f"stack {_value(sample['stack_mv'])} mV, current {_value(sample['current_ma'])} mA"
        yield (
            f"temperatures {_values(sample['temps_dc'])}, board {_values(sample['board_dc'])}"
            + (" (0.1 degC)")
        )
    if "cycle" in whole:
        yield f"readings that failed: {whole['cycle']['failed_readings']}"
    for part, counts in whole.get("bus", {}).items():
        yield f"bus ({part}): " + ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in counts.items()
        )


def _tell_time(whole):
    if whole["simulated"]:
        yield "This is the time of this computer, for firmware and simulated chip together:"
        yield "not a board's, and compared with nothing."
    elif whole["identity"]["processor"] != "armv6m":
        yield f"The table is of an RP2040 at {costs.MHZ} MHz: here only a yardstick."
    if "cycle" in whole:
        cycle = whole["cycle"]
        yield _timed("cycle", cycle) + f" (period {cycle['period_us']:,})"
        if "overruns" in cycle:
            yield f"{cycle['overruns']} overruns, longest period {cycle['worst_period_us']:,} us"
    for line in whole.get("parts", ()):
        yield _timed(line["name"], line)
    for line in whole.get("kernels", ()):
        yield f"{'kernel ' + line['name']:30} {line['us']:10.2f} us a {line['of']}" + _ratio(line)


def _timed(name, line):
    return (
        f"{name:30} mean {line['mean_us']:>9,.1f} us, worst {line['worst_us']:>7,} us,"
        f" {line['times']:>4} times" + _ratio(line)
    )


def _ratio(line):
    return f"; table {line['table_us']:,.1f}: x {line['ratio']:.2f}" if "ratio" in line else ""


def _tell_memory(whole):
    if whole.get("heap"):
        heap = whole["heap"]
        goal = verdict.heap_goal(whole["identity"]["machine"])
        yield f"{heap['free']:,} bytes free (wanted {goal:,}), {heap['used']:,} used"
        yield f"largest free block {heap['largest_block']:,} bytes"
    if "flash_write" in whole:
        line = whole["flash_write"]
        least, most = line["taken_for_us"]
        yield _timed("flash write, 512 bytes", line)
        yield f"the simulator takes it for {least:,} us, with an erase {most:,}"


def _value(value):
    return "unknown" if value is None else f"{value:,}"


def _values(values):
    return " ".join(map(_value, values))
