"""What Home Assistant takes as discovery of a device, written from its documentation.

Independent of the bridge: it knows MQTT discovery, sensor, binary sensor, switch and button.
"""

import re

_AVAILABILITY = {
    *("availability", "availability_mode", "availability_template", "availability_topic"),
    *("payload_available", "payload_not_available"),
}
_ROOT = {
    *("device", "origin", "components", "state_topic", "command_topic", "qos", "encoding"),
    *_AVAILABILITY,
}
_DEVICE = {
    *("identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version"),
    *("serial_number", "sw_version", "via_device", "suggested_area", "configuration_url"),
}
_ORIGIN = {"name", "sw_version", "support_url"}
_ANY = {
    *("platform", "name", "unique_id", "entity_category", "enabled_by_default", "icon", "qos"),
    *("json_attributes_topic", "json_attributes_template", "default_entity_id", "encoding"),
    *("entity_picture", *_AVAILABILITY),
}
_PLATFORMS = {
    "sensor": (
        {"state_topic"},
        {
            *("value_template", "expire_after", "force_update", "device_class", "state_class"),
            *("unit_of_measurement", "suggested_display_precision", "options"),
            "last_reset_value_template",
        },
    ),
    "binary_sensor": (
        {"state_topic"},
        {
            *("value_template", "expire_after", "force_update", "device_class"),
            *("off_delay", "payload_on", "payload_off"),
        },
    ),
    "switch": (
        {"command_topic"},
        {
            *("state_topic", "value_template", "device_class", "optimistic", "retain"),
            *("payload_on", "payload_off", "state_on", "state_off", "command_template"),
        },
    ),
    "button": (
        {"command_topic"},
        {"payload_press", "device_class", "retain", "command_template"},
    ),
}
# Sensor's device class: units, state classes.
_SENSOR_CLASSES = {
    "battery": ({"%"}, {"measurement"}),
    "voltage": ({"V", "mV", "µV", "kV", "MV"}, {"measurement"}),
    "current": ({"A", "mA"}, {"measurement"}),
    "power": ({"mW", "W", "kW", "MW", "GW", "TW"}, {"measurement"}),
    "temperature": ({"°C", "°F", "K"}, {"measurement"}),
    "duration": ({"d", "h", "min", "s", "ms", "µs"}, {"measurement", "total", "total_increasing"}),
    "enum": ({None}, {None}),
    None: (None, {None, "measurement", "total", "total_increasing"}),
}
_BINARY_CLASSES = {None, "problem", "battery_charging", "running", "heat", "power", "safety"}
_CATEGORIES = {"sensor": {"diagnostic"}, "binary_sensor": {"diagnostic"}}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_VALUE = re.compile(r"\{\{ value_json\.(\w+) \}\}")
_LONGEST_STATE = 255


def check(topic, message, prefix="homeassistant"):
    """AssertionError where Home Assistant would refuse the message, or a part of it."""
    assert re.fullmatch(prefix + r"/device/[a-zA-Z0-9_-]+/config", topic), topic
    assert {"device", "origin", "components"} <= set(message) <= _ROOT
    device = message["device"]
    assert device.get("identifiers") or device.get("connections")
    assert set(device) <= _DEVICE
    assert all(isinstance(device[key], str) for key in set(device) - {"identifiers"})
    assert {"name"} <= set(message["origin"]) <= _ORIGIN
    assert message.get("qos", 0) in (0, 1, 2)
    assert not {"availability", "availability_topic"} <= set(message)
    for source in message.get("availability", ()):
        assert set(source) <= {"topic", "payload_available", "payload_not_available"}
        _topic(source["topic"])
    assert message.get("availability_mode", "latest") in ("all", "any", "latest")
    ids = [component["unique_id"] for component in message["components"].values()]
    assert len(set(ids)) == len(ids) and message["components"]
    for key, component in message["components"].items():
        assert _ID.fullmatch(key)
        _component(component)


def _component(component):
    platform = component["platform"]
    required, optional = _PLATFORMS[platform]
    assert required <= set(component) <= required | optional | _ANY
    assert _ID.fullmatch(component["unique_id"]) and component["name"].isprintable()
    categories = _CATEGORIES.get(platform, {"diagnostic", "config"})
    assert component.get("entity_category") in {None, *categories}
    for key in component:
        if key.endswith("_topic"):
            _topic(component[key])
    if "expire_after" in component:
        assert type(component["expire_after"]) is int and component["expire_after"] > 0
    kind = component.get("device_class")
    if platform == "binary_sensor":
        assert kind in _BINARY_CLASSES
    if platform == "sensor":
        units, state_classes = _SENSOR_CLASSES[kind]
        assert units is None or component.get("unit_of_measurement") in units
        assert component.get("state_class") in state_classes
        assert ("options" in component) == (kind == "enum")
        precision = component.get("suggested_display_precision", 0)
        assert type(precision) is int and precision >= 0


def _topic(topic):
    assert 0 < len(topic.encode()) < 65536 and not set(topic) & set("+#\0")


def shown(component, state):
    """The state that the entity has for this JSON; None: unknown. AssertionError if refused."""
    value = state[_VALUE.fullmatch(component["value_template"])[1]]
    if value is None:
        return None
    platform = component["platform"]
    if platform in ("binary_sensor", "switch"):
        assert value in ("ON", "OFF")
    elif component.get("device_class") == "enum":
        assert value in component["options"]
    elif "unit_of_measurement" in component or "state_class" in component:
        assert isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        assert isinstance(value, str) and len(value) <= _LONGEST_STATE
    return value
