"""The bridge between a stand-in BMS and a real broker, with an onlooker in the place of
Home Assistant."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading

import broker
import home_assistant
import pytest
from native_stand_in import DEVICE_ID, OPERATOR_KEY, OWNER_KEY, Device, Line

from host_tools.bridge import mqtt, settings
from host_tools.bridge.pack import Pack, Timing
from host_tools.client import connect
from host_tools.client.errors import ClientError, PortError
from host_tools.client.jbd import Jbd
from host_tools.points import declared

ID = "vigil_" + DEVICE_ID.hex()
CONFIG = f"homeassistant/device/{ID}/config"
OWN = f"vigil/{ID}"
BRIDGE = "vigil/bridge/desk/availability"
STYLE = mqtt.Style("homeassistant", "vigil", "desk")
# No message but for news: what the tests wait for is never the mere passing of time.
QUICK = Timing(floor=0.02, ceiling=1000, first_delay=0.02, longest_delay=0.1)
COMMANDS = {"charge_allowed", "discharge_allowed", "window", "owner_reset"}


class OneBms:
    """What the bridge opens: its device, and whether anybody answers."""

    def __init__(self, place="desk", device=None):
        self.place = place
        self.device = device or Device()
        self.gone = False

    def open(self):
        if self.gone:
            raise PortError("gone", "it is not there")
        return connect.on(Line(self.device, True, mischief=self._answer), "native")

    def _answer(self, frame):
        return [] if self.gone else [(0.02, frame)]


@pytest.fixture(scope="module")
def mosquitto():
    with broker.running() as started:
        yield started


@pytest.fixture
def onlooker(mosquitto):
    with broker.Onlooker(mosquitto.port) as watching:
        yield watching
    # Nothing is left for the next test.
    with broker.Onlooker(mosquitto.port) as cleaning:
        for topic in watching.latest:
            cleaning.say(topic, b"", retain=True)


@contextlib.contextmanager
def bridging(port, *found, key=None, timing=QUICK, once=False, **login):
    """A bridge on a thread of its own; gives the lines that it says. `.code` afterwards."""
    said = Lines()
    bridge = mqtt.Bridge(
        mqtt.Broker("localhost", port, **login), STYLE, timing, key and key[0], said.append
    )
    bridge.packs = [Pack(one.place, one.open, bridge, timing, key, said.append) for one in found]
    begun = threading.Event()
    control = {}

    async def run():
        control["loop"], control["stop"] = asyncio.get_running_loop(), asyncio.Event()
        begun.set()
        said.code = await bridge.run(control["stop"], once)

    def on_thread():
        try:
            asyncio.run(run())
        except ClientError as error:
            said.error = error

    thread = threading.Thread(target=on_thread)
    thread.start()
    assert begun.wait(20)
    try:
        yield said
    finally:
        if not once:
            with contextlib.suppress(RuntimeError):
                control["loop"].call_soon_threadsafe(control["stop"].set)
        thread.join(20)
        assert not thread.is_alive()


class Lines(list):
    code = error = None

    def __init__(self):
        super().__init__()
        self._news = threading.Condition()

    def append(self, line):
        with self._news:
            super().append(line)
            self._news.notify_all()

    def until(self, word):
        """Wait for a line with this word; the line."""
        with self._news:
            assert self._news.wait_for(lambda: any(word in line for line in self), 20), self
        return next(line for line in self if word in line)


def value(onlooker, key, topic=f"{OWN}/state"):
    """What Home Assistant would show for this component of the latest discovery message."""
    state = onlooker.json(topic)
    if state is None or onlooker.json(CONFIG) is None:
        return None
    component = onlooker.json(CONFIG)["components"][key]
    assert component["state_topic"] == topic
    return home_assistant.shown(component, state)


def is_available(onlooker):
    """As availability_mode "all" has it."""
    sources = onlooker.json(CONFIG)["availability"]
    return all(onlooker.latest.get(source["topic"]) == b"online" for source in sources)


def until_shown(onlooker):
    onlooker.until(lambda: f"{OWN}/cells" in onlooker.latest and CONFIG in onlooker.latest)
    onlooker.until(lambda: is_available(onlooker))


def test_home_assistant_finds_the_pack_and_every_value_of_it(mosquitto, onlooker):
    with bridging(mosquitto.port, OneBms()):
        until_shown(onlooker)
        message = onlooker.json(CONFIG)
        home_assistant.check(CONFIG, message)
        state, cells = onlooker.json(f"{OWN}/state"), onlooker.json(f"{OWN}/cells")
        seen = {}
        for key, component in message["components"].items():
            of = {f"{OWN}/state": state, f"{OWN}/cells": cells}[component["state_topic"]]
            seen[key] = home_assistant.shown(component, of)
            assert component["unique_id"].startswith(ID)
            assert component["expire_after"] == 3000
    assert message["device"]["name"] == "Shed" and message["device"]["model"] == "sim16_lfp"
    wanted = {"soc": 59.9, "current": -1.5, "voltage": 52.92, "cell_spread": 15, "cell_7": 3.306}
    assert {key: seen[key] for key in wanted} == wanted
    assert (seen["temp_3"], seen["state"], seen["problem"], seen["charge"]) == (
        *(-3.0, "running", "OFF"),
        "ON",
    )
    assert "cell_16" in seen and "cell_17" not in seen and "temp_4" not in seen
    categories = {message["components"][f"cell_{cell}"]["entity_category"] for cell in (1, 16)}
    assert categories == {"diagnostic"}
    # It was ended by request: nobody is there any more, and everything stays retained.
    assert not is_available(onlooker)
    with broker.Onlooker(mosquitto.port) as later:
        later.until(lambda: {CONFIG, f"{OWN}/state", f"{OWN}/cells"} <= set(later.latest))
        later.until(lambda: later.latest.get(f"{OWN}/availability") == b"offline")
        assert later.latest[BRIDGE] == b"offline"
        assert all(retained for _, _, retained in later.heard)


def test_without_a_key_nothing_can_be_commanded(mosquitto, onlooker):
    bms = OneBms()
    with bridging(mosquitto.port, bms) as said:
        until_shown(onlooker)
        message = onlooker.json(CONFIG)
        platforms = {component["platform"] for component in message["components"].values()}
        assert platforms == {"sensor", "binary_sensor"}
        assert "command_topic" not in json.dumps(message)
        for name in COMMANDS | {point.key for point in declared.POINTS if point.access}:
            for payload in ("ON", "OFF", "PRESS", "1", ""):
                onlooker.say(f"{OWN}/set/{name}", payload)
        bms.device.put("state", 6)
        onlooker.until(lambda: value(onlooker, "state") == "a limit holds a switch open")
    assert bms.device.done == [] and not bms.device.sessions and bms.device.nonces == 0
    assert not any("refused" in line for line in said)


def test_with_the_owners_key_switches_window_and_reset_can_be_commanded(mosquitto, onlooker):
    bms = OneBms()
    with bridging(mosquitto.port, bms, key=("owner", OWNER_KEY.hex())) as said:
        until_shown(onlooker)
        message = onlooker.json(CONFIG)
        home_assistant.check(CONFIG, message)
        topics = {
            key: component["command_topic"]
            for key, component in message["components"].items()
            if "command_topic" in component
        }
        assert set(topics) == COMMANDS
        assert value(onlooker, "discharge_allowed") == "ON"
        onlooker.say(topics["discharge_allowed"], "OFF")
        onlooker.until(lambda: value(onlooker, "discharge_allowed") == "OFF")
        assert value(onlooker, "charge_allowed") == "ON"
        onlooker.say(topics["discharge_allowed"], "ON")
        onlooker.until(lambda: value(onlooker, "discharge_allowed") == "ON")
        onlooker.say(topics["window"], "ON")
        said.until("window ON: done")
        assert bms.device.window_s == 600
        onlooker.say(topics["window"], "OFF")
        onlooker.say(topics["owner_reset"], "PRESS")
        said.until("owner_reset PRESS: done")
    assert bms.device.window_s == 0
    writes = [("switches_allowed", 1), ("switches_allowed", 3), "owner_reset"]
    assert bms.device.done == writes
    # A session was opened for each, and ended.
    assert bms.device.sessions == {}


def test_every_refused_command_is_one_line_and_changes_nothing(mosquitto, onlooker):
    bms = OneBms()
    with bridging(mosquitto.port, bms, key=("operator", OPERATOR_KEY.hex())) as said:
        until_shown(onlooker)
        components = onlooker.json(CONFIG)["components"]
        commanded = {key for key, each in components.items() if "command_topic" in each}
        assert commanded == {"charge_allowed", "discharge_allowed"}
        wrong = [
            ("charge_allowed", b"on"),
            ("charge_allowed", b"ON\n"),
            ("charge_allowed", b""),
            ("charge_allowed", b"\xff\x00"),
            ("discharge_allowed", b"OFF" * 1000),
            ("owner_reset", b"PRESS"),
            ("window", b"ON"),
            ("limits_commit", b"1"),
            ("nonsense \u202e" + "x" * 99, b"1"),
        ]
        for name, payload in wrong:
            onlooker.say(f"{OWN}/set/{name}", payload)
        onlooker.say(f"{OWN}/set/charge_allowed", b"OFF", retain=True)
        onlooker.say("vigil/vigil_0000/set/charge_allowed", b"OFF")  # another bridge's
        onlooker.say(f"{OWN}/set/charge_allowed", b"OFF")
        said.until("done")
    refused = [line for line in said if "refused" in line]
    # What is retained reaches who has subscribed already without the mark of it.
    assert len(refused) == len(wrong)
    assert all(line.isprintable() and len(line) < 200 for line in refused)
    assert set(bms.device.done) == {("switches_allowed", 2)}


def test_a_retained_command_is_refused_whenever_the_bridge_comes(mosquitto, onlooker):
    bms = OneBms()
    onlooker.say(f"{OWN}/set/charge_allowed", b"OFF", retain=True)
    with bridging(mosquitto.port, bms, key=("owner", OWNER_KEY.hex())) as said:
        said.until("a retained command would be done again and again")
        onlooker.say(f"{OWN}/set/discharge_allowed", b"OFF")
        said.until("discharge_allowed OFF: done")
    assert bms.device.done == [("switches_allowed", 1)]


@pytest.mark.parametrize("key", [OPERATOR_KEY.hex(), "correct horse battery"])
def test_a_wrong_key_commands_nothing_and_is_told_once(mosquitto, onlooker, key):
    bms = OneBms()
    with bridging(mosquitto.port, bms, key=("owner", key)) as said:
        until_shown(onlooker)
        assert "command_topic" not in json.dumps(onlooker.json(CONFIG))
        onlooker.say(f"{OWN}/set/charge_allowed", "OFF")
        said.until("there is no such command")
    assert bms.device.done == []
    assert sum("the key is not that of the BMS's owner" in line for line in said) == 1


def test_a_broker_that_goes_and_comes_back_empty_is_told_everything_again():
    bms = OneBms()
    with broker.running() as mosquitto, broker.Onlooker(mosquitto.port) as onlooker:
        with bridging(mosquitto.port, bms) as said:
            until_shown(onlooker)
            before = dict(onlooker.latest)
            mosquitto.kill()
            said.until("without the broker")
            onlooker.forget()
            # News of the time without a broker are not lost either.
            bms.device.put("state", 3)
            bms.device.put("soc", 123)
            mosquitto.start()
            until_shown(onlooker)
            onlooker.until(lambda: value(onlooker, "state") == "latched open")
            assert onlooker.latest[CONFIG] == before[CONFIG]
            assert set(onlooker.latest) == set(before)
            assert sum(line.startswith("connected to") for line in said) == 2


def test_a_broker_that_is_not_there_yet_is_waited_for():
    with broker.running() as mosquitto:
        mosquitto.kill()
        with bridging(mosquitto.port, OneBms()) as said:
            said.until("without the broker")
            mosquitto.start()
            with broker.Onlooker(mosquitto.port) as onlooker:
                until_shown(onlooker)
    assert said.code == 0
    # However often it was tried.
    assert sum("without the broker" in line for line in said) <= 2


def test_a_pack_that_goes_is_unavailable_and_comes_back(mosquitto, onlooker):
    bms = OneBms()
    with bridging(mosquitto.port, bms) as said:
        until_shown(onlooker)
        bms.gone = True
        onlooker.until(lambda: onlooker.latest[f"{OWN}/availability"] == b"offline")
        assert onlooker.latest[BRIDGE] == b"online"
        bms.device.put("soc", 250)
        bms.gone = False
        onlooker.until(lambda: is_available(onlooker))
        onlooker.until(lambda: value(onlooker, "soc") == 25.0)
    assert sum(line.startswith("desk: it is not there") for line in said) <= 1


def test_a_bridge_that_dies_leaves_everything_unavailable(mosquitto, onlooker):
    script = (
        "import asyncio, os, sys; sys.path[:0] = ['tests/unit', 'tests/micropython']\n"
        "import test_mqtt_bridge as t\n"
        f"with t.bridging({mosquitto.port}, t.OneBms()):\n"
        "    input(); os._exit(9)\n"
    )
    dying = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True)
    try:
        until_shown(onlooker)
    finally:
        dying.communicate("die\n", timeout=20)
    assert dying.returncode == 9
    onlooker.until(lambda: onlooker.latest[BRIDGE] == b"offline")
    assert not is_available(onlooker) and onlooker.latest[f"{OWN}/availability"] == b"online"


def test_when_home_assistant_restarts_it_is_told_everything_again(mosquitto, onlooker):
    with bridging(mosquitto.port, OneBms()):
        until_shown(onlooker)
        before = dict(onlooker.latest)
        onlooker.forget()
        onlooker.say("homeassistant/status", "offline")
        onlooker.say("homeassistant/status", "online")
        onlooker.until(lambda: set(before) <= set(onlooker.latest))
        assert {topic: onlooker.latest[topic] for topic in before} == before


def test_commands_that_an_earlier_run_had_announced_are_taken_back(mosquitto, onlooker):
    with bridging(mosquitto.port, OneBms(), key=("owner", OWNER_KEY.hex())):
        until_shown(onlooker)
    onlooker.forget()
    with bridging(mosquitto.port, OneBms()):
        onlooker.until(lambda: sum(topic == CONFIG for topic, _, _ in onlooker.heard) >= 3)
        messages = [json.loads(text) for topic, text, _ in onlooker.heard if topic == CONFIG]
    gone = [each for each in messages if COMMANDS & set(each["components"])]
    assert len(gone) == 1
    # Only its platform: that is how a component is taken away.
    assert all(set(gone[0]["components"][name]) == {"platform"} for name in COMMANDS)
    assert messages[-1] == messages[0] and not COMMANDS & set(messages[-1]["components"])


def test_several_packs_are_several_devices_and_the_same_one_twice_is_refused(mosquitto, onlooker):
    one, twin, jbd = OneBms("one"), OneBms("twin"), OneBms("/dev/tty Ö+#/jbd")
    jbd.open = lambda: Jbd(_JbdLine())
    with bridging(mosquitto.port, one, twin, jbd) as said:
        until_shown(onlooker)
        said.until("bridged from")
        onlooker.until(lambda: sum(t.endswith("/availability") for t in onlooker.latest) == 3)
        configs = [topic for topic in onlooker.latest if topic.endswith("/config")]
        assert len(configs) == 2
        for topic in configs:
            home_assistant.check(topic, onlooker.json(topic))
        other = onlooker.json(next(topic for topic in configs if topic != CONFIG))
        assert other["device"]["name"] == "Garage" and "trips" not in other["components"]
        state = onlooker.json(other["components"]["soc"]["state_topic"])
        shown = {
            key: home_assistant.shown(each, state)
            for key, each in other["components"].items()
            if each["state_topic"].endswith("/state")
        }
    assert (shown["soc"], shown["voltage"], shown["current"], shown["power"]) == (
        76,
        13.2,
        -10,
        -132,
    )
    assert shown["trouble"] == "a cell's voltage is too low" and shown["problem"] == "ON"


def test_once_tells_everything_and_ends(mosquitto, onlooker):
    with bridging(mosquitto.port, OneBms(), once=True) as said:
        pass
    onlooker.until(lambda: {CONFIG, f"{OWN}/state", f"{OWN}/cells"} <= set(onlooker.latest))
    assert said.code == 0 and onlooker.latest[BRIDGE] == b"offline"
    missing = OneBms()
    missing.gone = True
    with bridging(mosquitto.port, missing, once=True) as said:
        pass
    assert said.code == 1 and any("it is not there" in line for line in said)
    with broker.running() as elsewhere:
        elsewhere.kill()
        with bridging(elsewhere.port, OneBms(), once=True) as said:
            pass
    assert "the broker cannot be used" in str(said.error)


def test_a_broker_with_passwords_lets_in_who_has_one_and_tells_who_has_not():
    with broker.running(passwords="home:sesame\n") as mosquitto:
        with bridging(mosquitto.port, OneBms(), user="home", password="sesame"):
            with broker.Onlooker(mosquitto.port, username="home", password="sesame") as onlooker:
                until_shown(onlooker)
        with bridging(mosquitto.port, OneBms(), user="home", password="open") as said:
            pass
    assert "the broker cannot be used" in str(said.error)


def test_a_broker_with_a_certificate_of_its_own_is_trusted_by_who_has_it():
    with broker.running(tls=True) as mosquitto:
        trusted = settings.broker("localhost", None, None, False, str(mosquitto.certificate))
        with bridging(mosquitto.port, OneBms(), once=True, tls=trusted.tls) as said:
            pass
        assert said.code == 0 and said.error is None
        stranger = settings.broker("localhost", None, None, True, None)
        with bridging(mosquitto.port, OneBms(), once=True, tls=stranger.tls) as said:
            pass
        assert "the broker cannot be used" in str(said.error)


class _JbdLine:
    """Four cells, 76 %, one of them too low."""

    answer_s, baudrate = 0.6, 9600

    def __init__(self):
        self._answer, self._now = b"", 0.0

    def write(self, data):
        basic = bytes.fromhex("0528 FC18 1D1A 2710 0025 0000 0000 0000 0002 21 4C 03 04 01 0BA8")
        cells = b"".join(mv.to_bytes(2) for mv in (3301, 3302, 3303, 2500))
        body = {3: basic, 4: cells, 5: b"Garage"}[data[2]]
        body = bytes([0, len(body)]) + body
        check = (-sum(body) & 0xFFFF).to_bytes(2)
        self._answer = b"\xdd" + data[2:3] + body + check + b"\x77"

    def read(self, timeout_s):
        self._now += 0.01
        answer, self._answer = self._answer, b""
        return answer

    def forget(self):
        self._answer = b""

    def now(self):
        return self._now

    def close(self):
        pass
