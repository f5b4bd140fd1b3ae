"""`vigil bridge mqtt`: from settings to a bridge that runs until Ctrl-C."""

import asyncio
import signal

from host_tools.bridge import settings
from host_tools.bridge.mqtt import Bridge, package
from host_tools.bridge.pack import Pack, Timing


def mqtt(broker, packs, topics, key, interval, once):
    """The arguments as the command line has them; the exit code."""
    to = settings.broker(*broker)
    key = settings.key(*key)
    timing = Timing(settings.interval(interval), max(60, 2 * interval))
    found = settings.places(*packs)
    style = settings.style(*topics, found)
    package()
    note = settings.note(to)
    if note:
        say(note)
    bridge = Bridge(to, style, timing, key[0] if key else None, say)
    bridge.packs = [Pack(place, open_bms, bridge, timing, key, say) for place, open_bms in found]
    return asyncio.run(_until_told(bridge, once))


async def _until_told(bridge, once):
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await bridge.run(stop, once)


def say(text):
    print(text, flush=True)
