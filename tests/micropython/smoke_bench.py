"""Sixty virtual seconds of cells, faults and fake hardware: prints "ok", then the numbers as JSON.

Both interpreters run this file and must print the same. With the argument "cost" a third line
tells what a bench tick costs in real time.
"""

import json
import sys
import time
from array import array

import machine

from host_tools.mock import fake_time
from host_tools.mock.bench import Bench, Profile
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock

SECOND_US = 1000000


class LowestCell:
    """Listens to the bench, as a chip's comparator does."""

    def __init__(self, bench):
        self.bench = bench
        self.looks = 0
        self.lowest_mv = bench.lowest_mv
        bench.listeners.append(self.look)

    def look(self):
        self.looks += 1
        self.lowest_mv = min(self.lowest_mv, self.bench.lowest_mv)


class Echo:
    """An I2C chip that answers with the register it was asked for."""

    def i2c_present(self):
        return True

    def i2c_write(self, data):
        self.register = data[0]
        return len(data)

    def i2c_read(self, count):
        return bytes([self.register]) * count


def sixty_seconds():
    clock = VirtualClock()
    fake_time.use(clock, start_us=(1 << 30) - 5 * SECOND_US)
    machine.use(clock)
    bench = Bench(clock, Pack(16, 280000, "LFP", 7, 97.0))
    lowest_cell = LowestCell(bench)
    started = time.ticks_us()
    bench.set_gates(True, True)
    profile = Profile(bench, array("i", [0, 90000, 7000, -120000, 15000, 40000, 22000, 40000]))
    time.sleep_ms(10000)
    bench.set_bleed(0x8421)
    bench.set_cell_mv(5, 3720)
    bench.set_temp_dc(2, 610)
    time.sleep_ms(10000)
    bench.clear()
    bench.limit_charger()
    time.sleep_ms(10000)
    bench.set_short()
    time.sleep_us(350)
    bench.update()
    short_ma = bench.current_ma
    bench.clear()
    bench.set_gates(False, True, charge_assist=True)
    time.sleep_ms(9999)
    bench.set_gates(True, False)
    bench.set_leak(9, 3)
    time.sleep_ms(20000)

    register = bytearray(3)
    i2c = machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(2))
    machine.attach_i2c(0, 8, Echo())
    i2c.readfrom_mem_into(8, 0x14, register)
    uart = machine.UART(1, 9600)
    sent_at_us = []
    machine.uart_line(1).on_transmit = lambda data: sent_at_us.append(clock.now_us)
    machine.uart_line(1).receive(b"hello")
    uart.write(b"a frame of more than sixteen bytes")
    uart.flush()
    received = uart.read()
    watchdog = machine.WDT(timeout=3000)
    time.sleep_ms(2000)
    watchdog.feed()
    bench.update()
    return {
        "cells_mv": bench.cell_mv,
        "stack_mv": bench.stack_mv,
        "terminal_mv": bench.pack_mv,
        "current_ma": bench.current_ma,
        "short_ma": short_ma,
        "temps_c": bench.temps_c,
        "die_c": bench.die_c,
        "soc_pct": [bench.pack.soc_pct(cell) for cell in range(16)],
        "charged_mas": bench.charged_mas,
        "discharged_mas": bench.discharged_mas,
        "bled_mas": sum(bench.bled_mas),
        "lost_mas": bench.pack.lost_mas,
        "hysteresis": bench.pack.hysteresis,
        "fast_ma": bench.pack.fast_ma,
        "slow_ma": bench.pack.slow_ma,
        "looks": lowest_cell.looks,
        "lowest_mv": lowest_cell.lowest_mv,
        "period_ms": profile.period_ms,
        "elapsed_us": time.ticks_diff(time.ticks_us(), started),
        "ticks_ms": time.ticks_ms(),
        "now_us": clock.now_us,
        "register": list(register),
        "sent_at_us": sent_at_us,
        "received": list(received),
    }


def tick_cost_us():
    import utime  # the real clock; MicroPython only

    clock = VirtualClock()
    bench = Bench(clock, Pack(seed=1))
    bench.set_gates(True, True)
    bench.offer(-50000)
    ticks = 20000
    started = utime.ticks_us()
    clock.advance(ticks * 20000)
    return utime.ticks_diff(utime.ticks_us(), started) / ticks


if __name__ == "__main__":
    numbers = sixty_seconds()
    print("ok")
    print(json.dumps(numbers))
    if "cost" in sys.argv:
        print("us per tick", tick_cost_us())
