"""Home Assistant's device discovery: one message with what a pack has, and where it is told."""

from typing import NamedTuple

from host_tools.bridge import entities, names

ORIGIN = {"name": "Vigil"}
_TEMPLATE = "{{{{ value_json.{} }}}}"
_TROUBLE_ATTRIBUTES = (
    "{{ {'faults': value_json.faults, 'warnings': value_json.warnings} | tojson }}"
)


class Topics(NamedTuple):
    """Of one pack."""

    discovery: str
    availability: str
    state: str
    cells: str
    command: str  # with the command's name behind it

    @classmethod
    def of(cls, pack_id, prefix, base):
        own = f"{base}/{pack_id}"
        return cls(
            f"{prefix}/device/{pack_id}/config",
            f"{own}/availability",
            f"{own}/state",
            f"{own}/cells",
            f"{own}/set/",
        )


def discovery(about, topics, bridge_topic, expire_s, commands, version):
    """The message as a dict; about: pack.About. commands: keys of what can be commanded."""
    components = {}
    for entity in shown_state(about):
        components[entity.key] = _component(about, entity, topics.state, expire_s)
    for entity in entities.of_cells(about.cell_keys):
        components[entity.key] = _component(about, entity, topics.cells, expire_s)
    for entity in entities.COMMANDED:
        if entity.key in commands:
            components[entity.key] = _command(about, entity, topics)
    device = {
        "identifiers": [about.id],
        "name": names.title(about.name, "Battery"),
        "manufacturer": about.maker,
        "model": about.board,
        "sw_version": about.firmware,
        "serial_number": about.serial,
    }
    return {
        "device": {key: value for key, value in device.items() if value},
        "origin": {**ORIGIN, "sw_version": version},
        "components": components,
        "availability": [{"topic": bridge_topic}, {"topic": topics.availability}],
        "availability_mode": "all",
        "qos": 1,
    }


def shown_state(about):
    return [entity for entity in entities.FIXED if entity.key in about.state_keys]


def _component(about, entity, topic, expire_s):
    fields = {
        "platform": entity.platform,
        "unique_id": f"{about.id}_{entity.key}",
        "name": entity.name,
        "state_topic": topic,
        "value_template": _TEMPLATE.format(entity.key),
        "expire_after": expire_s,
        **entity.fields,
    }
    if entity.key == "state":
        fields["options"] = entities.states()
    if entity.key == "trouble":
        fields["json_attributes_topic"] = topic
        fields["json_attributes_template"] = _TROUBLE_ATTRIBUTES
    return fields


def _command(about, entity, topics):
    fields = {
        "platform": entity.platform,
        "unique_id": f"{about.id}_{entity.key}",
        "name": entity.name,
        "command_topic": topics.command + entity.key,
        **entity.fields,
    }
    if entity.platform == entities.SWITCH:
        fields["state_topic"] = topics.state
        fields["value_template"] = _TEMPLATE.format(entity.key)
    return fields


def farewell(old, new):
    """`new` with every component that only `old` had as gone; None where there is none of these.

    Home Assistant keeps a component that just is not there any more.
    """
    known = old.get("components") if isinstance(old, dict) else None
    gone = {
        key: {"platform": component["platform"]}
        for key, component in (known if isinstance(known, dict) else {}).items()
        if key not in new["components"]
        and isinstance(component, dict)
        and isinstance(component.get("platform"), str)
    }
    return {**new, "components": {**new["components"], **gone}} if gone else None
