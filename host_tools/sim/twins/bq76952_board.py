"""Builds the small simulated boards as boards/sim16_lfp does: front end on I2C, RS485.

Never upload to a board: a board of yours builds its hardware in its own board.py.
"""

from machine import I2C, UART, WDT, Pin

KNOWS = ("charge", "balancing", "allowed", "totals", "age")


class Board:
    """What app.Bms needs; see there."""


def build(numbers, **options):
    """numbers: the board module, whose pins and figures are used. options: more for the chip."""
    from vigil import knows
    from vigil.afe.bq76952 import Bq76952
    from vigil.blackbox import BlackBox
    from vigil.calibration import Calibration
    from vigil.link import by_name

    board = Board()
    board.name = numbers.NAME
    board.device_name = b"Vigil " + numbers.NAME.encode()
    board.chemistry = numbers.CHEMISTRY
    board.capacity_mah = numbers.CAPACITY_MAH
    board.black_box = BlackBox
    board.calibration = Calibration
    # As host_tools/mock/bench.py has it.
    knows.offer(board, KNOWS, bleed_ohm=68, own_ua=0)
    i2c = I2C(0, scl=Pin(numbers.SCL_PIN), sda=Pin(numbers.SDA_PIN), freq=400000, timeout=2000)
    board.front_end = Bq76952(
        i2c,
        Pin(numbers.BOTH_OFF_PIN, Pin.OUT, value=0),
        variant=numbers.CHIP,
        cells=numbers.CELLS,
        temps=numbers.TEMPS,
        shunt_uohm=numbers.SHUNT_UOHM,
        cc_gain_uohm=numbers.CURRENT_GAIN_UOHM,
        **options,
    )
    baud = numbers.RS485_BAUD
    uart = UART(1, baudrate=baud, tx=Pin(numbers.TX_PIN), rx=Pin(numbers.RX_PIN))
    driver_enable = Pin(numbers.DRIVER_ENABLE_PIN, Pin.OUT, value=0)
    protocol, station = numbers.RS485_PROTOCOL, numbers.RS485_STATION
    by_name.offer(board, uart, driver_enable, protocol, baud, station, numbers.SHUNT_UOHM)
    board.storage = numbers.make_storage()  # which the twin has put there
    board.watchdog = WDT(timeout=2000)
    return board
