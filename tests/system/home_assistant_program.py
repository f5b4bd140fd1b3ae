"""What Home Assistant's own libraries make of a battery: PROGRAM HCI [BINDKEY]. Prints JSON.

Runs on Python 3.12 or newer, with aiobmsble and bthome-ble; bleak's radio is the simulator's.
"""

import asyncio
import functools
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import bleak  # noqa: E402
from aiobmsble.bms.jbd_bms import BMS  # noqa: E402
from bthome_ble import BTHomeBluetoothDeviceData  # noqa: E402
from habluetooth import BluetoothServiceInfoBleak  # noqa: E402

from host_tools.client import virtual_radio  # noqa: E402

_BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
_LISTEN_S = 4


async def main(hci, bindkey=None):
    backend = functools.partial(virtual_radio.Client, hci=hci)
    bleak.get_platform_client_backend_type = lambda: (backend, "virtual")
    heard = []
    scanner = bleak.BleakScanner(
        lambda device, data: heard.append((device, data)),
        backend=virtual_radio.Scanner,
        hci=hci,
    )
    async with scanner:
        await asyncio.sleep(_LISTEN_S)
    told = {"sensors": _decoded(heard, bindkey)}
    if bindkey is None:
        device = next(one for one, data in heard if (data.local_name or "").startswith("Vigil-"))
        bms = BMS(device)
        told["bms"] = await bms.async_update()
        told["info"] = await bms.device_info()
        await bms.disconnect()
    print(json.dumps(told, default=str))


def _decoded(heard, bindkey):
    """{name: value} of every sensor and binary sensor; and whether a key was asked for."""
    decoder = BTHomeBluetoothDeviceData(bindkey=bindkey and bytes.fromhex(bindkey))
    values = {}
    for device, data in heard:
        if _BTHOME not in data.service_data:
            continue
        update = decoder.update(
            BluetoothServiceInfoBleak(
                name=data.local_name or device.address,
                address=device.address,
                rssi=data.rssi,
                manufacturer_data={},
                service_data=data.service_data,
                service_uuids=data.service_uuids,
                source="virtual",
                device=device,
                advertisement=data,
                connectable=True,
                time=time.monotonic(),
                tx_power=None,
            )
        )
        for each in (*update.entity_values.values(), *update.binary_entity_values.values()):
            values[each.device_key.key] = each.native_value
    return {
        "values": values,
        "encrypted": decoder.encryption_scheme.value,
        "opened": decoder.bindkey_verified,
    }


asyncio.run(main(*sys.argv[1:]))
