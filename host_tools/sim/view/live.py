"""The live view: takes what the supervisor tells, shows it a few times a second, turns keys into
commands in words. Records that come faster than it draws only bring the figures up to date."""

import time

from host_tools.sim.present import Presenter
from host_tools.sim.view import keys, pages, screen
from host_tools.sim.view.latest import Latest

_FRAME_S = 0.1
# Without news the screen is still drawn now and then: rates fall, windows change.
_IDLE_S = 0.5
_LOAD_STEPS = 20
_HELP, _WHY, _FAULT, _BACKSTOP = "help", "why", "fault", "backstop"


class LiveView(Presenter):
    patience_ms = 100

    def __init__(self, terminal, painter):
        self._terminal = terminal
        self._painter = painter
        self._batteries = []
        self._chosen = 0
        self._page = None
        self._prompt = keys.Prompt()
        self._pace = None
        self._before_start = []
        self._size = None
        self._drawn = float("-inf")
        self._news = True
        self._farewell = None

    def __enter__(self):
        self._terminal.__enter__()
        return self

    def __exit__(self, *error):
        self._terminal.__exit__(*error)
        if self._farewell:
            self._terminal.say(self._farewell)

    # What the supervisor tells.

    def started(self, settings, batteries):
        self._batteries = [
            Latest(battery.number, battery.seed, battery.ready, battery.line.path)
            for battery in batteries
        ]
        for text in self._before_start:
            self.note(text)

    def note(self, text):
        self._news = True
        if not self._batteries:
            self._before_start.append(text)
        for latest in self._batteries:
            latest.happened(text.strip())

    def record(self, node, record):
        self._batteries[node - 1].take(record)
        self._news = True

    def backstop(self, node, facts):
        self._batteries[node - 1].backstop = facts

    def sent(self, node, data):
        self._batteries[node - 1].frames.take(data)

    def ended(self, why, t_s):
        self._farewell = f"Ended after {t_s} s: {why}."

    def tend(self, pace, batteries):
        self._pace = pace
        for latest, battery in zip(self._batteries, batteries, strict=False):
            latest.attached = battery.line.attached
            latest.expect(pace.speed)
        since_s = time.monotonic() - self._drawn
        if self._batteries and since_s >= (_FRAME_S if self._news else _IDLE_S):
            self._draw()

    def _draw(self):
        self._drawn = time.monotonic()
        self._news = False
        size = self._terminal.size()
        lines = self._painter.paint(self._lines(*size))
        self._terminal.show(lines, anew=size != self._size)
        self._size = size

    def _lines(self, width, height):
        latest = self._latest
        if self._page == _HELP:
            return pages.help_page(width, height)
        if self._page == _WHY:
            return pages.why_page(latest, width, height)
        if self._page == _BACKSTOP:
            return pages.backstop_page(latest, width, height)
        if self._page == _FAULT:
            return pages.fault_page(latest, self._prompt, width, height)
        return screen.live(latest, len(self._batteries), self._pace, width, height)

    @property
    def _latest(self):
        return self._batteries[self._chosen]

    # What the user presses.

    def typed(self, data):
        # One by one: the next key may build on what the last one has done.
        for key in keys.read(data) if self._batteries else ():
            # A key shall be answered at once.
            self._news = True
            self._drawn = float("-inf")
            command = self._press(key)
            if command:
                yield self._latest.number, command

    def _press(self, key):
        """The command that a key stands for, if any."""
        if self._page == _FAULT:
            return self._press_in_prompt(key)
        if self._page:
            self._page = None
            return None
        if key == "f":
            self._page = _FAULT
            self._prompt = keys.Prompt()
        elif key in ("?", "h"):
            self._page = _HELP
        elif key == "w":
            self._page = _WHY
        elif key == "b":
            self._page = _BACKSTOP
        elif key in ("n", keys.TAB):
            self._chosen = (self._chosen + 1) % len(self._batteries)
        elif key in (" ", "p"):
            return "go" if self._pace.paused else "pause"
        elif key in (">", "."):
            return self._speed(1)
        elif key in ("<", ","):
            return self._speed(-1)
        elif key in ("+", "=", keys.UP):
            return self._load(-1)
        elif key in ("-", keys.DOWN):
            return self._load(1)
        elif key == "c":
            return self._said("clear")
        elif key == "q":
            return "quit"
        return None

    def _press_in_prompt(self, key):
        prompt = self._prompt
        known = pages.examples(self._latest.ready)
        if not prompt.text and key.isdigit() and 1 <= int(key) <= len(known):
            prompt.text = known[int(key) - 1]
            return None
        done = prompt.press(key)
        if done:
            self._page = None
        return self._said(prompt.text.strip()) if done == keys.ENTER else None

    def _speed(self, by):
        speed = self._pace.step(by)
        return "speed max" if speed is None else f"speed {speed:g}"

    def _load(self, sign):
        """A step more of load (-1) or charger (+1), from what flows or was asked for last."""
        latest = self._latest
        step_ma = max(100, round(latest.ready["capacity_mah"] / _LOAD_STEPS))
        now_ma = latest.offered_ma
        if now_ma is None:
            flowing_ma = (latest.record or {}).get("current_ma") or 0
            now_ma = round(flowing_ma / step_ma) * step_ma
        latest.offered_ma = now_ma + sign * step_ma
        return self._said(f"current a {latest.offered_ma / 1000:g}")

    def _said(self, command):
        if command:
            if command.lower() == "clear":
                self._latest.offered_ma = None
            self._latest.happened(f"You: {command}")
        return command
