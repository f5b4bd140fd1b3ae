"""A shunt monitor of a simulated board; its ALERT takes the coils' current. Never upload."""

import machine

from host_tools.mock.contactors import cut_by
from host_tools.mock.ina226 import Ina226Model
from host_tools.mock.ina228 import Ina228Model

_MODELS = {"INA228": Ina228Model, "INA226": Ina226Model}
# A whole average in a few steps: the cells do not change more often.
_LEAST_EVENT_US = 5000


def attach(clock, bench, board):
    """Put it on I2C 0 and return its model; the coils are wired before.

    board: MONITOR (INA228 or INA226), MONITOR_ADDRESS, SHUNT_UOHM, COIL_ENABLE_PIN, and ALERT_PIN,
    None where ALERT goes nowhere.
    """
    line = None
    if board.ALERT_PIN is not None:
        line = machine.pin_line(board.ALERT_PIN)
        line.pulled_up = True
        line.settle()
    monitor = _MODELS[board.MONITOR](clock, bench, shunt_uohm=board.SHUNT_UOHM, alert_line=line)
    monitor.least_event_us = _LEAST_EVENT_US
    machine.attach_i2c(0, board.MONITOR_ADDRESS, monitor)
    if line is not None:
        cut_by(machine.pin_line(board.COIL_ENABLE_PIN), line)
    return monitor
