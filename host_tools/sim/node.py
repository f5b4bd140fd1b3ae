"""One simulated BMS: the firmware, unmodified, on a simulated board. Never upload to a board.

Runs on MicroPython or CPython, started by the supervisor with the name of its configuration file.
"""

import gc
import json
import sys
from array import array

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.code_time import CodeTime
from host_tools.mock.profile import Profile
from host_tools.sim import native_port, radio_port
from host_tools.sim.console import Console, real_us
from host_tools.sim.radio.bridge import Bridge

_SECOND_US = 1000000
# Virtual time between looks at the supervisor when nothing paces the node.
_LOOK_US = 50000
# While the board sleeps; and how long it takes to start.
_REST_US = 20000
_BOOT_US = 300000
# Behind by more than this, the node gives up catching up: the computer is too slow.
_LAG_US = 200000
_REASON_ASLEEP = 110  # of vigil.switches, which is not there while the board sleeps
# How long a paused node waits for the supervisor before it listens again.
_PAUSED_MS = 1000


class Node:
    def __init__(self, config):
        self.config = config
        self.console = Console()
        self.clock = VirtualClock()
        self.bms = None
        self.twin = None
        self._speed = None
        self._paced_from = (0, 0)  # virtual us, real us
        self._next_record_us = _SECOND_US
        self._next_look_us = 0
        self._backstop_told = None
        duration_ms = config["duration_ms"]
        self._end_us = None if duration_ms is None else duration_ms * 1000
        self._monitor = None
        self._radio = None  # the supervisor's hub, if the board has Bluetooth
        self._ended_by = None

    def run(self):
        """Until the duration is over, the supervisor says so, or the firmware dies."""
        try:
            self._build()
            self._start_firmware()
        except SystemExit:
            pass
        self.console.say("end", self._ended_by or "the firmware ended by itself")

    def _build(self):
        import machine

        config = self.config
        fake_time.use(self.clock)
        machine.use(self.clock, unique_id=_name_of(config["seed"]))
        machine.on_watchdog = self._watchdog
        self.board_off = machine.PoweredDown
        sys.path.insert(0, "boards/" + config["board"])
        import board

        # boot.py comes first, as on the board: the chip must never see its pins undefined.
        self._choose_protocol(board)
        __import__("boot")
        twins = "host_tools.sim.twins." + board.TWIN
        __import__(twins)
        self.twin = sys.modules[twins].build(
            self.clock,
            board,
            config["seed"],
            config["soc_pct"],
            ambient_c=config.get("ambient_c", 25.0),
            worn_pct=config.get("worn_pct", 0),
        )
        self._monitor = getattr(self.twin, "monitor", None)
        self.twin.rs485.on_write = self._begun
        self._native = machine.uart_line(native_port.UART_ID)
        self._native.on_transmit = self._transmitted_native
        if "keys" in config:
            self._commission(board, config["keys"])
        self.board = board
        self._play_profile()
        for fault in config["faults"]:
            self._schedule(fault)
        self.set_speed(config["speed"])

    def _choose_protocol(self, board):
        """As an owner does in his board.py."""
        config = self.config
        wanted = config.get("rs485", "jbd")
        if wanted != "jbd":
            # Of JBD a board has as much as its own file says.
            board.RS485_PROTOCOL = wanted
        board.RS485_BAUD = config.get("baud", 9600)
        board.RS485_STATION = config.get("station", 0)
        radio_port.give(board, False)
        native_port.give(board, config.get("native", False))
        port = getattr(board, "RADIO", None)
        if port is not None and config.get("radio", False):
            self._switch_on_radio(board, port)

    def _switch_on_radio(self, board, port):
        """As it is after power-up: nothing registered, nobody connected."""
        import bluetooth

        config = self.config
        mac = b"\x28\xcd\xc1" + config["seed"].to_bytes(4, "big")[1:]
        bluetooth.use(self.clock, port, config["seed"], mac)
        if self._radio is None:
            self._radio = Bridge(bluetooth.air, self._say_radio)
        else:
            self._radio.begin_again()
        profile = bluetooth.air.profile
        parts = [part for part in radio_port.PARTS if profile.pairing or part != "pairing"]
        radio_port.give(board, parts=parts, links=profile.most_links)

    def _say_radio(self, *words):
        self.console.say("radio", *words)

    def _commission(self, board, keys):
        """As an owner does before the first use."""
        from vigil.auth import write_keys

        given = [_bytes_from_hex(keys[role]) for role in ("operator", "owner")]
        write_keys(board.make_storage(), *given)

    def _play_profile(self):
        config = self.config
        with open(config["profile"], "rb") as file:
            data = file.read()
        pairs = array("i", data)
        if config["profile_unit"] == "crate_ppm":
            # One millionth of the capacity an hour.
            scale = self.board.CAPACITY_MAH / 1000000
        else:
            scale = 1
        Profile(self.twin.bench, pairs, scale)

    def _start_firmware(self):
        import main

        if not main.version_is_good():
            self._ended_by = "this MicroPython is too old for the firmware"
            return
        self.bms = main.make_bms()
        CodeTime(self.clock).charge(self.bms)
        self._introduce()
        self.clock.on_sleep = self.tend
        while True:
            try:
                self.bms.run()
                return
            except self.board_off:
                self._rest()
            self._boot_again()

    def _rest(self):
        """The board has turned itself off; its chip wakes it."""
        import machine

        self.bms = None
        machine.power_down()
        if self._radio is not None:
            self._radio.power_down()
        while not self.twin.chip.powered:
            self.clock.sleep(_REST_US)
        self.clock.sleep(_BOOT_US)

    def _boot_again(self):
        """From boot.py on, with the same flash; nothing in memory has survived."""
        for name in list(sys.modules):
            if name in ("boot", "board", "main", "vigil") or name.startswith("vigil."):
                del sys.modules[name]
        gc.collect()
        import board

        board.make_storage = self.board.make_storage
        self._choose_protocol(board)
        self.board = board
        __import__("boot")
        import main

        self.bms = main.make_bms()

    def _introduce(self):
        from vigil import limits

        table = self.bms.table
        rows = []
        for at, row in enumerate(limits.TABLE):
            rows.append(
                [
                    row[limits.ID],
                    table.trip[at],
                    table.release[at],
                    table.trip_delay_ms[at],
                    table.release_delay_ms[at],
                    row[limits.ACTION],
                    row[limits.RECOVERY],
                    row[limits.BACKSTOP],
                ]
            )
        self.console.say(
            "ready",
            {
                "board": self.board.NAME,
                "cells": self.board.CELLS,
                "temps": self.board.TEMPS,
                "capacity_mah": self.board.CAPACITY_MAH,
                "chemistry": self.board.CHEMISTRY,
                "schema": limits.schema(),
                "points": self.bms.points and list(self.bms.points.schema),
                "interpreter": sys.implementation.name,
                "rows": rows,
                "parts": self._parts(),
                "radio": self._radio is not None,
            },
        )

    def _parts(self):
        """What not every board has."""
        parts = list(self.twin.hands.fitted)
        if self._monitor is not None:
            parts.append("current monitor")
        if self._sees_switches():
            parts.append("sensor at the switches")
        for name in ("heater", "fan"):
            if hasattr(self.bms.board, name):
                parts.append(name)
        return parts

    def _sees_switches(self):
        return self.bms is not None and getattr(self.board, "SWITCH_TEMPS", 0) > 0

    # Whenever the firmware sleeps.

    def tend(self):
        """Records, pacing and messages; the firmware is between two pieces of work."""
        now_us = self.clock.now_us
        while self._next_record_us <= now_us:
            self._record(self._next_record_us // _SECOND_US)
            self._next_record_us += _SECOND_US
        if self._end_us is not None and now_us >= self._end_us:
            self._end("duration")
        if self._speed is not None:
            self._pace(now_us)
        elif now_us >= self._next_look_us:
            self._next_look_us = now_us + _LOOK_US
            self._obey(self.console.listen(0))

    def set_speed(self, speed):
        """speed: virtual seconds a real second, 0 = paused, None = as fast as it goes."""
        self._speed = speed
        self._paced_from = (self.clock.now_us, real_us())

    def _pace(self, now_us):
        while self._speed is not None:
            if self._speed == 0:
                self._obey(self.console.listen(_PAUSED_MS))
                continue
            virtual_us, begun_us = self._paced_from
            due_us = begun_us + int((now_us - virtual_us) / self._speed)
            ahead_us = due_us - real_us()
            if ahead_us < -_LAG_US:
                self._paced_from = (now_us, real_us())
            self._obey(self.console.listen(ahead_us // 1000 if ahead_us > 1000 else 0))
            if ahead_us <= 1000:
                return

    def _obey(self, messages):
        for message in messages:
            word = message[0]
            if word == "rs485":
                self.twin.rs485.receive(_bytes_from_hex(message[1]))
            elif word == "native":
                self._native.receive(_bytes_from_hex(message[1]))
            elif word == "radio":
                self._radio.hear(*message[1:])
            elif word == "speed":
                self.set_speed(message[1])
            elif word == "fault":
                self._schedule(message[1])
            elif word == "quit":
                self._end("quit")

    def _end(self, why):
        self._ended_by = why
        raise SystemExit

    def _watchdog(self):
        self._end("watchdog")

    def _begun(self, data):
        """The supervisor gives it the pace of the wire."""
        self.console.say("rs485", _in_hex(data))

    def _transmitted_native(self, data):
        self.console.say("native", _in_hex(data))

    # Faults.

    def _schedule(self, fault):
        def strike():
            self._strike(fault)

        self.clock.call_at(fault["t_ms"] * 1000, strike)

    def _strike(self, fault):
        bench = self.twin.bench
        chip = self.twin.chip
        what = fault["what"]
        if what == "cell_mv":
            bench.set_cell_mv(fault["n"], fault["value"])
        elif what == "cell_open":
            chip.open_leads.add(fault["n"])
        elif what == "cell_leak_mohm":
            bench.set_leak(fault["n"], fault["value"] / 1000)
        elif what == "temp_dc":
            bench.set_temp_dc(fault["n"], fault["value"])
        elif what == "temp_open":
            bench.break_sensor(fault["n"])
        elif what == "temp_shorted":
            bench.break_sensor(fault["n"], shorted=True)
        elif what == "board_dc":
            bench.set_board_dc(fault["n"], fault["value"])
        elif what == "current_ma":
            bench.override_current_ma(fault["value"])
        elif what == "shunt_gain_ppm":
            bench.set_shunt_gain(fault["value"] / 10000)
        elif what == "shunt_offset_ma":
            bench.set_shunt_offset_ma(fault["value"])
        elif what == "short":
            bench.set_short()
        elif what == "fet_stuck":
            bench.stick_fet(fault["n"])
        elif what == "contactor_welded":
            bench.break_contactor(fault["n"], True)
        elif what == "contactor_stuck_open":
            bench.break_contactor(fault["n"], False)
        elif what == "link_short":
            bench.set_short()
        elif what == "link_disconnected":
            bench.disconnect_link()
        elif what == "afe_nak":
            chip.answering = False
        elif what == "afe_crc":
            chip.corrupt_checks = True
        elif what == "afe_frozen":
            chip.frozen = True
        elif what == "afe_reset":
            chip.reset()
        elif what == "monitor_nak":
            self._monitor.answering = False
        elif what == "monitor_frozen":
            self._monitor.frozen = True
        elif what == "monitor_reset":
            self._monitor.brown_out()
        elif what == "interlock":
            self.twin.hands.open_interlock()
        elif what == "emergency":
            self.twin.hands.push_emergency()
        elif what == "button_ms":
            self.twin.hands.press(fault["value"])
        elif what == "heater_broken":
            bench.break_heater()
        elif what == "heater_stuck_on":
            bench.stick_heater()
        elif what == "fan_broken":
            bench.break_fan()
        elif what == "afe_flipped":
            chip.flip_a_setting()
        elif what == "clear":
            bench.clear()
            self.twin.hands.clear()
            chip.answering = True
            chip.corrupt_checks = False
            chip.frozen = False
            chip.open_leads.clear()
            if self._monitor is not None:
                self._monitor.answering = True
                self._monitor.frozen = False
        else:
            raise ValueError("unknown fault " + what)

    # What the outside sees, once a virtual second.

    def _record(self, t_s):
        bms = self.bms
        bench = self.twin.bench
        bench.update()
        if bms is None:
            self.console.say("rec", self._asleep(t_s))
            return
        sample = bms.sample
        values = sample.values
        self._tell_backstop()
        temps = sample.temps_at
        switches = bms.switches
        record = _permitted(bms.allowed, bms.totals)
        record.update(
            {
                "t_s": t_s,
                "cells_mv": [_known(values[cell]) for cell in range(sample.cell_count)],
                "temps_dc": [_known(values[temps + i]) for i in range(sample.temp_count)],
                "stack_mv": _known(values[sample.stack_at]),
                "current_ma": _known(values[sample.current_at]),
                "soc_pct": bms.charge.soc_permille / 10 if bms.charge.known else None,
                "soc_sigma_pct": _percent(bms.charge.sigma_permille) if bms.charge.known else None,
                "charge_on": switches.charge_on,
                "discharge_on": switches.discharge_on,
                "true_charge_on": bool(bench.true_charge),
                "true_discharge_on": bool(bench.true_discharge),
                "active": self._active_rows(),
                "state": list(switches.state) + list(switches.reason),
                "opening_in_ms": self._opening_in_ms(),
                "memory": bms.memory.flags,
                "balancing": [i + 1 for i, on in enumerate(bms.balancer.bleed) if on],
                "to_move_mah": list(bms.to_move.to_move_mah) if bms.balancer.policy.known else [],
                "cycle_us_max": bms.executive.cycle_us_max,
                "overruns": bms.executive.overruns,
                "worst_period_us": bms.executive.worst_period_us,
                "charge_limit_ma": bms.allowed.charge_ma,
                "heater_on": bms.climate.heater.on,
                "fan_on": bms.climate.fan.on,
                "sleeping_in_s": _soon(bms.deep_discharge.sleeping_in_s),
                "asleep": False,
                "soh_pct": _percent(bms.ageing and bms.ageing.soh_permille),
                "soh_sigma_pct": _percent(bms.ageing and bms.ageing.soh_sigma_permille),
                "bad_joints": _bad_joints(bms.ageing, sample.cell_count),
            }
        )
        self.console.say("rec", record)

    def _asleep(self, t_s):
        """Nobody measures, nobody switches."""
        bench = self.twin.bench
        return {
            "t_s": t_s,
            "cells_mv": [None] * self.board.CELLS,
            "temps_dc": [None] * self.board.TEMPS,
            "stack_mv": None,
            "current_ma": None,
            "soc_pct": None,
            "soc_sigma_pct": None,
            "charge_on": False,
            "discharge_on": False,
            "true_charge_on": bool(bench.true_charge),
            "true_discharge_on": bool(bench.true_discharge),
            "active": [],
            "state": [0, 0, _REASON_ASLEEP, _REASON_ASLEEP],
            "memory": 0,
            "balancing": [],
            "to_move_mah": [],
            "cycle_us_max": 0,
            "overruns": 0,
            "worst_period_us": 0,
            "charge_limit_ma": 0,
            "heater_on": False,
            "fan_on": False,
            "sleeping_in_s": None,
            "soh_pct": None,
            "soh_sigma_pct": None,
            "bad_joints": [],
            "asleep": True,
            "discharge_limit_ma": 0,
            "limited_by": ["the open switch", "the open switch"],
            "time_to_empty_s": None,
            "time_to_full_s": None,
            "total_ah": None,
            "total_wh": None,
        }

    def _opening_in_ms(self):
        """Of each switch, until a delay that runs or a plan opens it; -1 if nothing is known."""
        bms = self.bms
        now_ms = fake_time.ticks_ms()
        return [bms.switches.opening_in_ms(bms.protection, switch, now_ms) for switch in (0, 1)]

    def _tell_backstop(self):
        """What the front end was really given to guard by itself, and when that was verified."""
        if self.bms is None:
            return
        front_end = self.bms.front_end
        watch = self.bms.backstop_watch
        told = (front_end.configured, self.bms.bring_ups, watch.verifications, watch.differences)
        if told == self._backstop_told:
            return
        self._backstop_told = told
        now_ms = fake_time.ticks_ms()
        ages_s = [watch.age_s(now_ms)] + watch.ages_s(now_ms)
        verified_s = [
            None if age_s < 0 else self.clock.now_us // _SECOND_US - age_s for age_s in ages_s
        ]
        self.console.say(
            "backstop",
            {
                "configured": front_end.configured,
                "bring_ups": self.bms.bring_ups,
                "verified_s": verified_s[0],
                "differences": watch.differences,
                "applied": [list(applied) for applied in front_end.applied],
                # Limit by limit: the parts of a front end are verified each for itself.
                "limits_verified_s": verified_s[1:],
            },
        )

    def _active_rows(self):
        from vigil import limits
        from vigil.sample import BOARD, CELLS, TEMPS

        protection = self.bms.protection
        active = []
        for at, row in enumerate(limits.TABLE):
            if protection.is_tripped(at):
                placed = row[limits.GROUP] in (CELLS, TEMPS, BOARD)
                where = protection.trip_at[at] + 1 if placed else 0
                now = protection.value_now(at, self.bms.sample)
                active.append([row[limits.ID], where, protection.trip_value[at], now])
        return active


def _percent(permille):
    return None if permille is None or _known(permille) is None else permille / 10


def _bad_joints(ageing, count):
    """Cells counted from 1 that resist far more than the others."""
    bits = ageing.bad_joints if ageing else (0, 0, 0)
    return [cell + 1 for cell in range(count) if bits[cell // 16] >> cell % 16 & 1]


# What holds a current down (vigil/allowed.py).
_LIMITED_BY = (
    "the limit table",
    "a value not known",
    "the open switch",
    "a cell at its end",
    "temperature",
    "a deeply discharged cell",
    "cell voltage",
    "a slow rise",
)


def _permitted(allowed, totals):
    """And what has been moved in and out, since the pack's first day."""
    times = [_known(seconds) for seconds in allowed.time_left_s]
    return {
        "discharge_limit_ma": allowed.discharge_ma,
        "limited_by": [_LIMITED_BY[reason] for reason in allowed.reasons],
        "time_to_empty_s": None if times[0] is None else times[:3],
        "time_to_full_s": None if times[3] is None else times[3:],
        "total_ah": totals and [dah / 10 for dah in totals.moved_dah[:2]],
        "total_wh": totals and list(totals.moved_wh),
    }


def _soon(seconds):
    return None if seconds < 0 else seconds


def _known(value):
    return None if value == 0x1FFFFFFF else value


def _name_of(seed):
    """No two boards of a run are the same."""
    return b"\xe6\x61\x41\x04" + seed.to_bytes(4, "big")


def _in_hex(data):
    return "".join(["%02x" % byte for byte in data])


def _bytes_from_hex(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


if __name__ == "__main__":
    with open(sys.argv[1]) as _file:
        _config = json.load(_file)
    Node(_config).run()
