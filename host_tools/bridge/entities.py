"""What of a pack is shown, once: its key in the JSON state, and how Home Assistant shows it."""

from typing import NamedTuple

from host_tools.client import coding

SENSOR, BINARY, SWITCH, BUTTON = "sensor", "binary_sensor", "switch", "button"
# How much of a change is news; the other numbers are steps in the entity's own unit.
AT_ONCE, BY_THE_WAY = -1, None


class Entity(NamedTuple):
    """`news`: a change below it waits for the next message; AT_ONCE does not even wait for its
    turn, BY_THE_WAY never causes a message."""

    key: str
    platform: str
    name: str
    news: float | None
    fields: dict = {}


def _measured(device_class, unit, precision, **more):
    return {
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "suggested_display_precision": precision,
        **more,
    }


_DIAGNOSTIC = {"entity_category": "diagnostic"}
_COUNTED = {"state_class": "total_increasing", **_DIAGNOSTIC}
_VOLT = _measured("voltage", "V", 3)
_AMPERE = _measured("current", "A", 1)
_CELSIUS = _measured("temperature", "°C", 1)
_AMPERE_HOUR = {
    "unit_of_measurement": "Ah",
    "state_class": "measurement",
    "suggested_display_precision": 1,
}


def states():
    """The words that `state` can have."""
    point = coding.point("state")
    words = [coding.code_word(point, code) for code in range(64)]
    return [word for word in words if word]


FIXED = (
    Entity("soc", SENSOR, "Charge", 0.5, _measured("battery", "%", 0)),
    Entity("voltage", SENSOR, "Voltage", 0.05, _measured("voltage", "V", 2)),
    Entity("current", SENSOR, "Current", 0.2, _AMPERE),
    Entity("power", SENSOR, "Power", 10, _measured("power", "W", 0)),
    Entity("remaining", SENSOR, "Remaining charge", 0.5, _AMPERE_HOUR),
    Entity("capacity", SENSOR, "Capacity", 0.5, {**_AMPERE_HOUR, **_DIAGNOSTIC}),
    Entity("cycles", SENSOR, "Cycles", 1, _COUNTED),
    Entity("cell_max", SENSOR, "Highest cell", 0.01, _VOLT),
    Entity("cell_min", SENSOR, "Lowest cell", 0.01, _VOLT),
    Entity("cell_spread", SENSOR, "Cell spread", 5, _measured("voltage", "mV", 0)),
    Entity("temp_max", SENSOR, "Hottest sensor", 0.5, _CELSIUS),
    Entity("temp_min", SENSOR, "Coldest sensor", 0.5, _CELSIUS),
    Entity("charge_limit", SENSOR, "Charge limit", 1, _AMPERE),
    Entity("discharge_limit", SENSOR, "Discharge limit", 1, _AMPERE),
    Entity("state", SENSOR, "State", AT_ONCE, {"device_class": "enum"}),
    Entity("trouble", SENSOR, "Trouble", AT_ONCE),
    Entity("problem", BINARY, "Problem", AT_ONCE, {"device_class": "problem"}),
    Entity("charge", BINARY, "Charge switch", AT_ONCE),
    Entity("discharge", BINARY, "Discharge switch", AT_ONCE),
    Entity("balancing", BINARY, "Balancing", 1, _DIAGNOSTIC),
    Entity("heater", BINARY, "Heater", AT_ONCE, _DIAGNOSTIC),
    Entity("fan", BINARY, "Fan", 1, _DIAGNOSTIC),
    Entity("trips", SENSOR, "Trips", 1, _COUNTED),
    Entity("starts", SENSOR, "Starts", 1, _COUNTED),
    Entity(
        "uptime",
        SENSOR,
        "Time since the start",
        BY_THE_WAY,
        {
            "device_class": "duration",
            "unit_of_measurement": "s",
            "state_class": "measurement",
            **_DIAGNOSTIC,
        },
    ),
)

# What a command changes, so that its switch shows it.
COMMANDED = (
    Entity("charge_allowed", SWITCH, "Charging allowed", AT_ONCE),
    Entity("discharge_allowed", SWITCH, "Discharging allowed", AT_ONCE),
    Entity("window", SWITCH, "Write window", AT_ONCE, {"entity_category": "config"}),
    Entity("owner_reset", BUTTON, "Owner has looked", BY_THE_WAY, {"entity_category": "config"}),
)

_CELL = {**_VOLT, **_DIAGNOSTIC}
_SENSOR_AT_CELL = {**_CELSIUS, **_DIAGNOSTIC}


def of_cells(keys):
    """Entities of the second topic: cell_1 ..., temp_1 ..."""
    found = []
    for key in keys:
        kind, number = key.split("_")
        if kind == "cell":
            found.append(Entity(key, SENSOR, f"Cell {number}", 0.005, _CELL))
        else:
            found.append(Entity(key, SENSOR, f"Temperature {number}", 0.5, _SENSOR_AT_CELL))
    return found
