"""The bridge's side of the broker: connects, says what is retained, takes commands, comes back."""

import asyncio
import contextlib
import json
from importlib.metadata import version
from typing import NamedTuple

from host_tools.bridge import commands, homeassistant
from host_tools.bridge.homeassistant import Topics
from host_tools.bridge.pack import Timing
from host_tools.bridge.retained import Retained
from host_tools.client.errors import ClientError, NotSpoken

ONLINE, OFFLINE = "online", "offline"
_GOODBYE_S = 3
_ANSWER_S = 10
_KEEPALIVE_S = 30
_LONGEST_COMMAND = 16  # bytes
_LONGEST_SHOWN = 40
_NOT_LET_IN = (4, 5, 134, 135)  # wrong user or password, not authorised; of MQTT 3 and 5


class Broker(NamedTuple):
    """Where it is, and who we are there."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: object = None  # ssl.SSLContext


class Style(NamedTuple):
    """The beginnings of topics, and this bridge's own name among others."""

    prefix: str
    base: str
    bridge: str


class Bridge:
    """A pack's listener: what it is told on the packs' threads it does on its loop's.

    role: whose commands are taken, None: nobody's.
    """

    def __init__(self, broker, style, timing=None, role=None, say=print):
        self._broker = broker
        self._style = style
        self._timing = timing or Timing()
        self._role = role
        self._say = say
        self.packs = []
        self._abouts = {}  # of the packs that have been met, by pack
        self._topics = {}
        self._leaving = False
        self._settled = set()  # packs that have been told, or could not be reached
        self._bridge_topic = f"{style.base}/bridge/{style.bridge}/availability"

    # Told by packs, on their threads.

    def met(self, pack, about):
        """ClientError where another pack is this very BMS."""
        for other, known in list(self._abouts.items()):
            if other is not pack and known.id == about.id:
                raise ClientError(f"this is the BMS that is bridged from {other.place} already")
        self._abouts[pack] = about
        self._soon(self._met, pack, about)

    def told(self, pack, state, cells):
        self._soon(self._told, pack, state, cells)

    def lost(self, pack, why):
        self._soon(self._lost, pack)

    def _soon(self, function, *arguments):
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(function, *arguments)

    def _met(self, pack, about):
        topics = self._topics[pack] = Topics.of(about.id, self._style.prefix, self._style.base)
        message = homeassistant.discovery(
            about,
            topics,
            self._bridge_topic,
            self._timing.expire,
            about.commands,
            version("vigil-bms"),
        )
        self._say(f"{pack.place}: {message['device']['name']} is {about.id}")
        self._retained.put(topics.discovery, message)

    def _told(self, pack, state, cells):
        if self._leaving:
            return
        topics = self._topics[pack]
        if state is not None:
            self._retained.put(topics.state, state)
        if cells is not None:
            self._retained.put(topics.cells, cells)
        if self._retained.get(topics.availability) != ONLINE:
            self._retained.put(topics.availability, ONLINE)
        self._settle(pack)

    def _lost(self, pack):
        if self._leaving:
            return
        topics = self._topics.get(pack)
        if topics and self._retained.get(topics.availability) != OFFLINE:
            self._retained.put(topics.availability, OFFLINE)
        self._settle(pack)

    def _settle(self, pack):
        self._settled.add(pack)
        if len(self._settled) == len(self.packs):
            self._all_settled.set()

    # The loop.

    async def run(self, stop, once=False):
        """Until the asyncio.Event `stop`, or once everything has been told; the exit code."""
        self._loop = asyncio.get_running_loop()
        self._retained = Retained()
        self._all_settled = asyncio.Event()
        self._retained.put(self._bridge_topic, ONLINE)
        for pack in self.packs:
            pack.start()
        try:
            await self._keep_connected(stop, once)
        finally:
            for pack in self.packs:
                pack.stop()
            for pack in self.packs:
                await asyncio.to_thread(pack.join, _GOODBYE_S)
        if not once or stop.is_set():
            return 0
        return 0 if len(self._topics) == len(self.packs) else 1

    async def _keep_connected(self, stop, once):
        aiomqtt = package()
        delay_s = self._timing.first_delay
        connected_before = False
        why = None
        while not stop.is_set():
            try:
                async with self._client(aiomqtt) as client:
                    self._say(f"connected to the broker at {self._broker.host}")
                    delay_s, connected_before, why = self._timing.first_delay, True, None
                    if await self._serve(client, stop, once):
                        return
            except (aiomqtt.MqttError, OSError) as error:
                text = " ".join(str(error).split()) or type(error).__name__
                if once or _is_refusal(error) and not connected_before:
                    raise ClientError(f"the broker cannot be used: {text}") from None
                if text != why:
                    self._say(f"without the broker: {text}; what is retained waits")
                why = text
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay_s)
            delay_s = min(2 * delay_s, self._timing.longest_delay)

    def _client(self, aiomqtt):
        broker = self._broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            tls_context=broker.tls,
            will=aiomqtt.Will(self._bridge_topic, OFFLINE, qos=1, retain=True),
            keepalive=_KEEPALIVE_S,
            timeout=_ANSWER_S,
        )

    async def _serve(self, client, stop, once):
        """One connection; True where it has ended because all is done."""
        await client.subscribe(f"{self._style.prefix}/status", qos=1)
        self._retained.owe_all()
        ends = [asyncio.create_task(stop.wait())]
        if once:
            ends.append(asyncio.create_task(self._all_settled.wait()))
        works = [
            asyncio.create_task(self._publish(client)),
            asyncio.create_task(self._listen(client)),
        ]
        try:
            done, _ = await asyncio.wait([*ends, *works], return_when=asyncio.FIRST_COMPLETED)
            for task in works:
                if task in done:
                    task.result()
            await asyncio.wait_for(self._say_goodbye(works[0]), _GOODBYE_S)
            return True
        finally:
            await _end([*ends, *works])

    async def _say_goodbye(self, publishing):
        """Everything that is owed, then that nobody is there any more."""
        self._leaving = True
        topics = [each.availability for each in self._topics.values()]
        for topic in (*topics, self._bridge_topic):
            self._retained.put(topic, OFFLINE)
        await publishing

    async def _publish(self, client):
        asked_for = set()
        while self._retained.owes or not self._leaving:
            topic, _ = await self._retained.next()
            if topic not in asked_for and self._is_discovery(topic):
                # What stands there from an earlier run comes before ours replaces it.
                asked_for.add(topic)
                await client.subscribe(topic, qos=1)
                if self._role:
                    command = next(
                        each.command for each in self._topics.values() if each.discovery == topic
                    )
                    await client.subscribe(command + "+", qos=1)
            await self._pay(client)

    async def _pay(self, client):
        topic, payload = await self._retained.next()
        await client.publish(topic, payload, qos=1, retain=True)
        self._retained.paid(topic, payload)

    def _is_discovery(self, topic):
        return any(topic == each.discovery for each in self._topics.values())

    # What comes from the broker.

    async def _listen(self, client):
        async for message in client.messages:
            topic, payload = str(message.topic), bytes(message.payload or b"")
            if topic == f"{self._style.prefix}/status":
                if payload == ONLINE.encode() and not message.retain:
                    # Home Assistant has started anew, and knows nothing.
                    self._retained.owe_all()
            elif self._is_discovery(topic):
                if message.retain:
                    await self._take_leave(client, topic, payload)
            elif self._role:
                self._command(topic, payload, message.retain)

    async def _take_leave(self, client, topic, payload):
        """An earlier run has announced what is not there now: Home Assistant has to be told."""
        try:
            old = json.loads(payload)
        except ValueError:
            return
        new = self._retained.get(topic)
        farewell = homeassistant.farewell(old, json.loads(new))
        if farewell:
            await client.publish(topic, json.dumps(farewell), qos=1)
            self._retained.put(topic, new)

    def _command(self, topic, payload, retained):
        name = topic.rsplit("/", 1)[1]
        pack = next((p for p, each in self._topics.items() if topic == each.command + name), None)
        shown = repr(payload[:_LONGEST_SHOWN])
        if pack is None:
            return
        why = None
        if retained:
            why = "a retained command would be done again and again"
        elif len(payload) > _LONGEST_COMMAND:
            why = "it is too long"
        else:
            try:
                commands.check(name, payload, self._abouts[pack].commands)
            except ValueError as error:
                why = str(error)
        if why is None and not pack.command(name, payload):
            why = "too many commands wait"
        if why:
            self._say(f"{pack.place}: refused {name[:_LONGEST_SHOWN]!r} {shown}: {why}")


async def _end(tasks):
    """However often it takes: a task that waits for something which is just done loses a
    cancellation."""
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=0.1)
    for task in tasks:
        if not task.cancelled():
            task.exception()


def package():
    try:
        import aiomqtt
    except ImportError:
        raise NotSpoken(
            "the bridge needs the package aiomqtt: pip install -e '.[mqtt,client]'"
        ) from None
    return aiomqtt


def _is_refusal(error):
    """The broker has answered, and does not let us in."""
    code = getattr(error, "rc", None)
    return getattr(code, "value", code) in _NOT_LET_IN
