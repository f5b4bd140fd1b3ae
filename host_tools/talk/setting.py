"""`vigil set`: write one point, with a key, and look whether it has come about."""

import json

from host_tools.client import coding
from host_tools.client.errors import ClientError
from host_tools.talk.options import begin_session, check_role

_SWITCHES = {"none": 0, "charge": 1, "discharge": 2, "both": 3}
_DONE_S = 0.3  # the next cycle, and one more
_STAGING = range(1000, 1600)


def parse(name, text):
    """(Place, value); ValueError with a sentence, before anything is opened."""
    where = coding.place(name)
    if where.point.number in _STAGING:
        raise ValueError("limits are set as a whole: vigil limits apply FILE")
    value = _SWITCHES.get(text.lower()) if where.point.key == "switches_allowed" else None
    if value is None:
        try:
            value = int(text, 0)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no whole number") from None
    coding.check_write(where, value)
    return where, value


def set_point(bms, where, value, role, key_file, as_json, say=print):
    check_role(role)
    begin_session(bms, role, key_file)
    bms.write((where, value))
    # It is done in the next cycle.
    bms.line.read(_DONE_S)
    now = bms.value(where.point.key)
    now = now[where.index] if isinstance(now, list) else now
    if not _is_command(where.point) and now != value:
        raise ClientError(f"{where.name} was taken, but reads back as {now} instead of {value}")
    if as_json:
        say(json.dumps({"point": where.name, "written": value, "reads": now}))
    else:
        say(f"{where.name} = {value}")
    return 0


def _is_command(point):
    """Commands read as 0."""
    return point.source.split()[0] == "door" and point.key != "switches_allowed"
