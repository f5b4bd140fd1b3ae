"""Surroundings of a simulated board with a chain of LTC681x, an INA228 and contactors.

Never upload. The enable line and the monitor's ALERT are in series with the coils' drivers.
"""

import machine

from host_tools.mock.bench import Bench
from host_tools.mock.cells import Pack
from host_tools.mock.fake_flash import FakeFlash
from host_tools.mock.hands import Hands
from host_tools.mock.ina228 import Ina228Model
from host_tools.mock.ltc681x import Ltc681xChain
from host_tools.mock.thermistors import ohm_103jt
from host_tools.sim.twins import contactors

_MONITOR_ADDRESS = 0x40
# A whole average in a few steps: the cells do not change more often.
_LEAST_EVENT_US = 5000


class Twin:
    """clock, bench, chip (the chain), monitor, path, hands and the RS485 line of one board."""


def build(clock, board, seed, soc_pct, flash=None, worn_pct=0.0, ambient_c=25.0):
    """As twins.bq76952; twin.path holds contactors and link."""
    twin = Twin()
    path, *gates = contactors.wire(clock, board)
    pack = Pack(board.CELLS, board.CAPACITY_MAH, board.CHEMISTRY, seed, soc_pct, worn_pct)
    twin.path = path
    twin.bench = Bench(
        clock,
        pack,
        temps=board.TEMPS,
        shunt_uohm=board.SHUNT_UOHM,
        ambient_c=ambient_c,
        path=path,
    )
    twin.chip = _chain(clock, board, twin.bench, seed)
    machine.attach_spi(0, twin.chip, board.CS_PIN)
    alert = machine.pin_line(board.ALERT_PIN)
    # VBUS is left at ground: it does not bear such a pack.
    twin.monitor = Ina228Model(
        clock, twin.bench, shunt_uohm=board.SHUNT_UOHM, bus_mv=lambda: 0.0, alert_line=alert
    )
    twin.monitor.least_event_us = _LEAST_EVENT_US
    machine.attach_i2c(0, _MONITOR_ADDRESS, twin.monitor)
    twin.current_chip = twin.monitor
    for takes in gates:
        for take in takes:
            contactors.follow(alert, take)
    contactors.show_link(board, twin.bench, path)
    twin.hands = Hands(clock, board)
    contactors.follow(machine.pin_line(board.FAN_PIN), twin.bench.switch_fan)
    twin.flash = flash or FakeFlash()
    twin.flash.use(clock)
    board.make_storage = lambda: twin.flash
    twin.rs485 = machine.uart_line(1)
    return twin


def _chain(clock, board, bench, seed):
    # The board says itself how its cells and thermistors are shared out.
    import board as wired

    devices = wired.devices()
    thermistors = []
    place = 0
    for _, gpios in devices:
        places = [None] * max(gpios, default=0)
        for gpio in gpios:
            places[gpio - 1] = place
            place += 1
        thermistors.append(places)
    return Ltc681xChain(
        clock,
        bench,
        parts=[board.CHIP.lower()] * len(devices),
        cells=[cells for cells, _ in devices],
        thermistors=thermistors,
        seed=seed,
        thermistor_ohm=ohm_103jt,
    )
