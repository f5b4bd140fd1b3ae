"""A phone as a program of its own, for tests that kill it: PROGRAM HCI ADDRESS."""

import asyncio
import sys

from radio_rig import connected, phone


async def main(hci, address):
    async with phone(hci, "C0:00:00:00:00:99") as device:
        await connected(device, address)
        print("connected", flush=True)
        await asyncio.sleep(600)


asyncio.run(main(*sys.argv[1:]))
