"""A stand-in for the simulator node, on CPython: speaks its protocol, knows nothing of batteries.

$FAKE_NODE chooses how it behaves: "" echoes RS485 and sends records; see the words below.
"""

import json
import os
import select
import sys
import time

_SILENCE_S = 0.15
ROWS = [[2, 3650, 3450, 1000, 5000, 1], [3, 2900, 3000, 2000, 2000, 4]]


def say(*message):
    print(json.dumps(message), flush=True)


def record(t_s, active):
    return {
        "worst_period_us": 50000,
        "overruns": 0,
        "cycle_us_max": 4000,
        "balancing": [3],
        "state": [2, 1, 2, 0] if active else [1, 1, 0, 0],
        "active": active,
        "true_discharge_on": True,
        "true_charge_on": not active,
        "discharge_on": True,
        "charge_on": not active,
        "soc_pct": 50.0,
        "soc_sigma_pct": 1.5,
        "current_ma": -1500,
        "stack_mv": 52800,
        "temps_dc": [250, 251, None],
        "cells_mv": [3300] * 16,
        "t_s": t_s,
    }


def main():
    with open(sys.argv[1]) as file:
        config = json.load(file)
    how = os.environ.get("FAKE_NODE", "")
    say("log", f"pid {os.getpid()}")
    if how == "hang":
        while True:
            time.sleep(60)
    if how == "crash at start":
        print("Traceback (most recent call last):\nValueError: no such cell")
        sys.exit(1)
    ready = {"cells": 16, "temps": 3, "capacity_mah": 100000, "chemistry": "LFP"}
    schema = _host_schema() if how != "other table" else 1
    radio = how == "radio"
    say("ready", dict(ready, board=config["board"], schema=schema, rows=ROWS, radio=radio))
    speed = config["speed"]
    tick_s = time.monotonic()
    t_s = 0
    while config["duration_ms"] is None or t_s * 1000 < config["duration_ms"]:
        tick_s += 1 / speed if speed else 0
        for message in _listen(tick_s, speed):
            if message[0] == "quit":
                say("end", "quit")
                return
            if message[0] == "speed":
                speed = message[1]
                tick_s = time.monotonic()
                say("log", f"speed {speed}")
            elif message[0] == "rs485":
                say("rs485", message[1])  # half duplex: the line has fallen silent
            elif message[0] == "radio":
                say("log", f"radio {message[1]}")
            elif message[0] == "fault":
                say("log", f"fault {message[1]['what']} {message[1]['n']}")
        t_s += 1
        active = [[2, 5, 3702, 3700]] if t_s in (3, 4) and how == "over-voltage" else []
        say("rec", record(t_s, active))
        if t_s == 2 and how == "crash":
            print("MemoryError: memory allocation failed", file=sys.stderr)
            sys.exit(3)
        if t_s == 2 and how == "watchdog":
            say("end", "watchdog")
            return
        if t_s == 2 and how == "nonsense":
            say("rec", {"t_s": 3})
    say("end", "duration")


def _listen(until_s, speed):
    """Messages as they come, until it is time to go on."""
    heard = ""
    while True:
        wait_s = max(0.0, until_s - time.monotonic()) if speed is not None else 0.0
        # Paused: nothing but a message ends the waiting.
        wait_s = None if speed == 0 else wait_s
        while heard:
            if select.select([0], [], [], _SILENCE_S)[0]:
                break
            yield ["rs485", heard]
            heard = ""
        if not select.select([0], [], [], wait_s)[0]:
            return
        data = b""
        while not data.endswith(b"\n"):
            piece = os.read(0, 65536)
            if not piece:
                sys.exit(0)
            data += piece
        messages = [json.loads(line) for line in data.splitlines()]
        heard += "".join(message[1] for message in messages if message[0] == "rs485")
        messages = [message for message in messages if message[0] != "rs485"]
        yield from messages
        if any(message[0] == "speed" for message in messages):
            return


def _host_schema():
    from vigil import limits

    return limits.schema()


main()
