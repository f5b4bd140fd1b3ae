"""What is wrong with what an examination has found: sentences for the owner."""

from host_tools import contradictions, meanings
from host_tools.firmware import load

ROOMY, NARROW = 100 * 1024, 50 * 1024
# Of afe/errors.py, with what to look at.
_ERRORS = {
    1: "no answer: look at supply, SDA and SCL, pull-ups and address",
    2: "answers that fail their check code: look at wire lengths, pull-ups and ground",
    3: "another chip than the board names",
    4: "it did not get ready in time",
    6: "a setting that was written reads back differently",
    7: "it is sealed, or lacks something that the board asks of it",
    8: "its own self-test failed",
}


def problems(found):
    """[] when all that could be measured is well."""
    said = []
    if "version" in found:
        said += _files(found["version"])
    if "start" in found:
        said += _start(found["start"])
    if "front end" in found:
        said += _front_end(found["front end"])
    if "sample" in found:
        said += _sample(found["sample"])
    if "cycle" in found and not found["simulated"]:
        said += _cycle(found["cycle"])
    if found.get("heap"):
        said += _heap(found["heap"], found["identity"]["machine"])
    if "flash" in found:
        said += _flash(found["flash"])
    return said


def heap_goal(machine):
    """Bytes that are to stay free: less where Bluetooth shares the memory."""
    return NARROW if "Pico W" in machine or "ESP32" in machine else ROOMY


def _files(version):
    for key, what in (
        ("different", "is not what the manifest says"),
        ("missing", "is missing"),
        ("not_of_it", "does not belong to this version, and may run in the place of another"),
    ):
        for path in version[key]:
            yield f"File {path} {what}; deploy again."
    if not version["loader_as_here"]:
        yield "The loader on the board is not the one of these tools; deploy again."


def _start(start):
    for name in start["kernels_failed"]:
        yield f"Self-test: kernel {name} gives a wrong answer; the switches would stay open."
    for problem in start["refused"]:
        yield f"Limit table refused: {contradictions.sentence(*problem)}"


def _front_end(front_end):
    code = front_end["error"]
    why = _ERRORS.get(code, f"error {code}")
    if not front_end["configured"]:
        yield f"The front end could not be set up in {front_end['tries']} tries: {why}."
    elif not front_end["verified"]:
        yield f"The front end's configuration could not be verified: {why}."
    elif front_end["complete_ms"] < 0:
        yield "The front end is set up, but not every value has been measured."


def _sample(sample):
    for switch, is_on in zip(("charge", "discharge"), sample["switches"], strict=True):
        if is_on:
            yield f"The {switch} switch reads as closed although it is held open."
    (limits,) = load("limits")
    if sample["rows"] == len(limits.TABLE):
        for at, where, value, trip in sample["tripped"]:
            yield _tripped(limits.TABLE[at], limits, where, value, trip)
    elif sample["tripped"]:
        yield f"{len(sample['tripped'])} limits of another version than these tools are tripped."


def _tripped(row, limits, where, value, trip):
    (sample,) = load("sample")
    placed = row[limits.GROUP] in (sample.CELLS, sample.TEMPS, sample.BOARD)
    unit = meanings.meaning(row[limits.ID]).unit
    name = meanings.name(row[limits.ID], where + 1 if placed else 0)
    value, trip = (meanings.limit(unit, number) for number in (value, trip))
    return f"Limit tripped: {name} ({value}, limit {trip})."


def _cycle(cycle):
    if cycle["overruns"]:
        yield f"{cycle['overruns']} of {cycle['cycles']} cycles overran their period."
    if cycle["read_errors"]:
        yield f"{cycle['read_errors']} readings of the front end failed altogether."


def _heap(heap, machine):
    goal = heap_goal(machine)
    if heap["free"] < goal:
        yield f"Only {heap['free']:,} bytes of heap are free; {goal:,} are wanted."


def _flash(flash):
    (keeper,) = load("keeper")
    if flash[2] > keeper.STALL_MS * 1000:
        yield (
            f"A flash write took {flash[2] / 1000:.0f} ms: the firmware allows for "
            f"{keeper.STALL_MS} ms, so that it would look like a lost front end."
        )
