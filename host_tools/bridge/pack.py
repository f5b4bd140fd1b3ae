"""One pack: met, read again and again, commanded, lost and met again; a thread of its own."""

import queue
import threading
import time
from typing import NamedTuple

from host_tools.bridge import commands, homeassistant, names, values
from host_tools.bridge.entities import of_cells
from host_tools.client.errors import ClientError, Unanswered
from host_tools.talk import overview

_MOST_WAITING = 8  # commands
_MOST_SILENCES = 3
_READ_EACH_S = 2  # or more often, where the floor is lower


class About(NamedTuple):
    """What a pack is, as long as one knows it."""

    id: str
    name: str
    maker: str | None
    board: str | None
    firmware: str | None
    serial: str | None
    state_keys: tuple
    cell_keys: tuple
    commands: tuple


class Timing(NamedTuple):
    """Seconds."""

    floor: float = 5  # between two messages, but for what cannot wait
    ceiling: float = 60
    first_delay: float = 1  # before another attempt, doubled each time
    longest_delay: float = 60

    @property
    def expire(self):
        """When what has been told is not believed any more."""
        return round(max(3 * self.ceiling, 4 * self.floor))

    @property
    def read(self):
        return min(self.floor, _READ_EACH_S)


class Pack:
    """`place`: where it is, in the user's words. Tells `listener` (met, told, lost), on this
    thread. key: (role, text), None where nothing may be commanded."""

    def __init__(self, place, open_bms, listener, timing, key=None, say=print, now=time.monotonic):
        self.place = place
        self._open = open_bms
        self._listener = listener
        self._timing = timing
        self._key = key
        self._say = say
        self._now = now
        self._waiting = queue.Queue()
        self._stopping = False
        self._why = None  # it cannot be reached; told once
        self._refused_key = None  # ids of the packs that do not know the key
        self._thread = threading.Thread(target=self.run, name=place, daemon=True)

    # From other threads.

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping = True
        self._waiting.put(None)

    def join(self, timeout_s):
        self._thread.join(timeout_s)

    def command(self, name, payload):
        """False where too many wait already."""
        if self._waiting.qsize() >= _MOST_WAITING:
            return False
        self._waiting.put((name, payload))
        return True

    # The thread.

    def run(self):
        delay_s = self._timing.first_delay
        while not self._stopping:
            try:
                bms = self._open()
                with bms:
                    about, limits, first = self._meet(bms)
                    self._listener.met(self, about)
                    self._why, delay_s = None, self._timing.first_delay
                    self._serve(bms, about, limits, first)
            except (ClientError, ValueError, OSError) as error:
                self._lost(str(error))
            except Exception as error:
                # Ours to mend; but nobody may take old values for a living pack's meanwhile.
                self._lost(f"an error of the bridge: {error!r}")
            if not self._stopping:
                self._wait_refusing(delay_s)
                delay_s = min(2 * delay_s, self._timing.longest_delay)

    def _lost(self, why):
        if why != self._why:
            self._say(f"{self.place}: {why}")
        self._why = why
        self._listener.lost(self, why)

    def _wait_refusing(self, delay_s):
        """Commands to a pack that cannot be reached are not kept for later."""
        until_s = self._now() + delay_s
        while not self._stopping:
            try:
                waiting = self._waiting.get(timeout=max(0, until_s - self._now()))
            except queue.Empty:
                return
            if waiting:
                self._say(f"{self.place}: refused {waiting[0]}: the BMS cannot be reached")

    def _meet(self, bms):
        limits = overview.running_limits(bms)
        state, cells = values.read(bms, limits)
        identity = bms.identity
        if bms.has_points:
            texts = bms.read("device_name", "version")
            name, firmware = texts["device_name"], texts["version"]
        else:
            name, firmware = bms.read("device_name")["device_name"], None
        about = About(
            names.pack_id(identity, self.place),
            name or (identity.name if identity else ""),
            "Vigil" if bms.has_points else None,
            identity.board if identity else None,
            firmware or None,
            identity.device_id.hex() if identity else None,
            tuple(state),
            tuple(cells),
            self._commands(bms),
        )
        return about, limits, (state, cells)

    def _commands(self, bms):
        """What can be commanded here; none where the key is not that of the BMS."""
        if self._key is None:
            return ()
        role, text = self._key
        try:
            commands.prove(bms, role, text)
        except Unanswered:
            raise
        except ClientError as error:
            # It is met again and again: told once.
            if self._refused_key != str(error):
                self._say(f"{self.place}: no commands here: {error}")
            self._refused_key = str(error)
            return ()
        return tuple(commands.of_role(role))

    def _serve(self, bms, about, limits, found):
        gates = self._gates(about)
        silences = 0
        while not self._stopping:
            if found:
                self._tell(gates, found)
            waiting = self._next(self._timing.read)
            if waiting:
                self._perform(bms, about, *waiting)
            try:
                found, silences = values.read(bms, limits), 0
            except Unanswered:
                silences += 1
                found = None
                if silences == _MOST_SILENCES:
                    raise

    def _gates(self, about):
        timing = self._timing
        shown = [
            [*homeassistant.shown_state(about), *homeassistant.entities.COMMANDED],
            of_cells(about.cell_keys),
        ]
        return [values.Gate(timing.floor, timing.ceiling, each) for each in shown]

    def _tell(self, gates, found):
        now_s = self._now()
        told = [
            each if gate.opens(now_s, each) else None
            for gate, each in zip(gates, found, strict=True)
        ]
        if any(each is not None for each in told):
            self._listener.told(self, *told)

    def _next(self, timeout_s):
        try:
            return self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _perform(self, bms, about, name, payload):
        what = f"{name} {payload.decode()}"
        if name not in about.commands:
            self._say(f"{self.place}: refused {what}: this BMS takes no such command")
            return
        try:
            commands.perform(bms, name, payload, *self._key)
        except Unanswered as error:
            self._say(f"{self.place}: {what} may or may not have been done: {error}")
            raise
        except (ClientError, ValueError) as error:
            self._say(f"{self.place}: refused {what}: {error}")
            return
        self._say(f"{self.place}: {what}: done")
