"""`vigil scan`: who advertises on Bluetooth, and what his broadcast already tells."""

import json

from host_tools.client import ble_radio, bthome, line

_KNOWN = {
    ble_radio.JBD: "JBD",
    ble_radio.NATIVE: "native",
    ble_radio.BTHOME: "BTHome",
    ble_radio.BATTERY: "battery",
}
_UNITS = (
    ("soc_pct", "{:g} %"),
    ("stack_v", "{:.2f} V"),
    ("current_a", "{:+.1f} A"),
    ("power_w", "{:+.0f} W"),
    ("temp_c", "{:.1f} degC"),
)


def scan(run_dir, seconds, everybody, as_json, say=print, radio=None):
    """run_dir: of the simulator whose radio to use, None: ours. 1 if nobody is there."""
    if not 0.5 <= seconds <= 300:
        raise ValueError("--seconds must be 0.5 to 300")
    hci = None if run_dir is None else line.radio_of_run_dir(run_dir)
    radio = radio or ble_radio.Radio(hci)
    heard = [
        _described(seen) for seen in radio.scan(seconds) if everybody or ble_radio.is_ours(seen)
    ]
    heard.sort(key=lambda one: (-one["rssi_dbm"], one["address"]))
    if as_json:
        say(json.dumps({"devices": heard}))
    else:
        for one in heard:
            say(_line(one))
        if not heard:
            say("no BMS in reach" if not everybody else "nobody in reach")
    return 0 if heard else 1


def _described(seen):
    data = seen.service_data.get(ble_radio.BTHOME)
    return {
        "name": seen.name,
        "address": seen.address,
        "rssi_dbm": seen.rssi_dbm,
        "services": sorted({*seen.services, *seen.service_data}),
        "bthome": None if data is None else bthome.values(bytes(data)),
    }


def _line(one):
    services = ", ".join(_KNOWN.get(uuid, uuid[4:8]) for uuid in one["services"])
    # Whoever is in the air chooses his name: nothing of it may reach the terminal as a command.
    name = "".join(c if c.isprintable() else "?" for c in one["name"] or "(no name)")
    parts = [f"{name:20}", one["address"], f"{one['rssi_dbm']} dBm", services or "-"]
    told = one["bthome"] or {}
    parts += [form.format(told[key]) for key, form in _UNITS if key in told]
    if told.get("problem"):
        parts.append("! a problem")
    if told.get("encrypted"):
        parts.append("(encrypted)")
    return "  ".join(parts)
