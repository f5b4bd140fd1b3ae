"""Simulated board: 15S LFP, 20 Ah, BQ76940 with check codes, 1 mOhm shunt, 250 ms a cycle."""

from machine import I2C, UART, WDT, Pin

NAME = "sim15_bq76940"
TWIN = "bq769x0"  # what the simulator puts around it
RADIO = "esp32"  # the port whose Bluetooth it has, with everything on
CHIP = "BQ76940"
CHECK_CODES = True
CELLS = 15
TEMPS = 3
CAPACITY_MAH = 20000
CHEMISTRY = "LFP"
SHUNT_UOHM = 1000
# Parts that find out more about the pack: docs/state-of-charge.md.
KNOWS = ("charge", "balancing", "allowed", "totals", "age")
# As simulated: the board draws nothing from the cells past the shunt; each is bled through this.
OWN_UA = 0
BLEED_OHM = 68
CYCLE_MS = 250

BOTH_OFF_PIN = 3  # to the board's own gate clamps, with a pull-down: low opens both switches
DRIVER_ENABLE_PIN = 6  # RS485 transceiver, high = send
WAKE_PIN = 7  # pulls TS1 up: boots the chip
SDA_PIN = 4
SCL_PIN = 5
TX_PIN = 8
RX_PIN = 9

# Before anything else: switches off, RS485 listening, no boot pulse.
SAFE_PINS = ((BOTH_OFF_PIN, 0), (DRIVER_ENABLE_PIN, 0), (WAKE_PIN, 0))

RS485_BAUD = 9600
# Or "modbus", or "pylontech", whose usual baud rate is 115200.
RS485_PROTOCOL = "jbd_writing"
RS485_STATION = 0  # Modbus unit or Pylontech address; 0: the usual one


def make_storage():
    """A folder of the board's own filesystem; in the simulator the twin replaces this function."""
    from vigil.file_storage import FileStorage

    return FileStorage("/kept")


class Board:
    """What app.Bms needs; see there."""


def build():
    """Make the hardware objects and nothing more."""
    from vigil import knows
    from vigil.afe.bq769x0 import Bq769x0
    from vigil.blackbox import BlackBox
    from vigil.calibration import Calibration
    from vigil.link import by_name

    board = Board()
    board.name = NAME
    board.device_name = b"Vigil " + NAME.encode()
    board.chemistry = CHEMISTRY
    board.capacity_mah = CAPACITY_MAH
    board.black_box = BlackBox
    board.calibration = Calibration
    knows.offer(board, KNOWS, bleed_ohm=BLEED_OHM, own_ua=OWN_UA)
    board.cycle_ms = CYCLE_MS
    # No faster than this: the chip's own limit.
    i2c = I2C(0, scl=Pin(SCL_PIN), sda=Pin(SDA_PIN), freq=100000, timeout=10000)
    board.front_end = Bq769x0(
        i2c,
        both_off=Pin(BOTH_OFF_PIN, Pin.OUT, value=0),
        wake=Pin(WAKE_PIN, Pin.OUT, value=0),
        chip=CHIP,
        cells=CELLS,
        shunt_uohm=SHUNT_UOHM,
        check_codes=CHECK_CODES,
    )
    uart = UART(1, baudrate=RS485_BAUD, tx=Pin(TX_PIN), rx=Pin(RX_PIN))
    driver_enable = Pin(DRIVER_ENABLE_PIN, Pin.OUT, value=0)
    by_name.offer(
        board, uart, driver_enable, RS485_PROTOCOL, RS485_BAUD, RS485_STATION, SHUNT_UOHM
    )
    board.storage = make_storage()
    board.watchdog = WDT(timeout=2000)
    return board
