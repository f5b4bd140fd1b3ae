"""What the broker shall keep, the latest of each topic, and what of it the broker lacks."""

import asyncio
import json


class Retained:
    """Whatever happens to the broker: all of it can be sent anew."""

    def __init__(self):
        self._payloads = {}
        self._owed = {}  # topics, in the order in which they became due
        self._something = asyncio.Event()

    def put(self, topic, payload):
        """payload: text, or what becomes JSON. The same again is owed again: states expire."""
        if not isinstance(payload, str):
            payload = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        self._payloads[topic] = payload
        self._owed[topic] = None
        self._something.set()

    def get(self, topic):
        return self._payloads.get(topic)

    def owe_all(self):
        """The broker may have forgotten everything."""
        self._owed = dict.fromkeys(self._payloads)
        self._something.set()

    @property
    def owes(self):
        return bool(self._owed)

    async def next(self):
        """(topic, payload) that is due; waits for one. Owed until paid()."""
        while not self._owed:
            self._something.clear()
            await self._something.wait()
        topic = next(iter(self._owed))
        return topic, self._payloads[topic]

    def paid(self, topic, payload):
        """The broker has it; unless there is a newer one already."""
        if self._payloads[topic] == payload:
            self._owed.pop(topic, None)
