"""Simulated reference board: 16S LFP, 100 Ah, BQ76952 on I2C, 0.5 mOhm shunt, RS485."""

from machine import I2C, UART, WDT, Pin, deepsleep

NAME = "sim16_lfp"
TWIN = "bq76952"  # what the simulator puts around it
RADIO = "esp32"  # the port whose Bluetooth it has, with everything on
CHIP = "BQ76952"
CELLS = 16
TEMPS = 3
SWITCH_TEMPS = 1  # a thermistor at the switches
CAPACITY_MAH = 100000
CHEMISTRY = "LFP"
SHUNT_UOHM = 500
# Parts that find out more about the pack: docs/state-of-charge.md.
KNOWS = ("charge", "balancing", "allowed", "totals", "age")
# As simulated: the board draws nothing from the cells past the shunt; each is bled through this.
OWN_UA = 0
BLEED_OHM = 68
# Two published gain figures differ by 1.2 %; commissioning decides, here for the simulated chip.
CURRENT_GAIN_UOHM = 7568.4

BOTH_OFF_PIN = 3  # to DFETOFF: low opens both switches
DRIVER_ENABLE_PIN = 6  # RS485 transceiver, high = send
SDA_PIN = 4
SCL_PIN = 5
# The panel: docs/inputs-and-outputs.md says how each is wired.
INTERLOCK_PIN = 10
EMERGENCY_PIN = 11
BUTTON_PIN = 12
LED_PIN = 13
BUZZER_PIN = 14
HEATER_PIN = 15
FAN_PIN = 16

# Before anything else: switches off, RS485 listening, all else dark and cold.
SAFE_PINS = (
    (BOTH_OFF_PIN, 0),
    (DRIVER_ENABLE_PIN, 0),
    (LED_PIN, 0),
    (BUZZER_PIN, 0),
    (HEATER_PIN, 0),
    (FAN_PIN, 0),
)

RS485_BAUD = 9600
# Or "modbus", or "pylontech", whose usual baud rate is 115200.
RS485_PROTOCOL = "jbd_writing"
RS485_STATION = 0  # Modbus unit or Pylontech address; 0: the usual one


def make_storage():
    """A folder of the board's own filesystem; in the simulator the twin replaces this function.

    Not /vigil, where imports would look for the firmware.
    """
    from vigil.file_storage import FileStorage

    return FileStorage("/kept")


class Board:
    """What app.Bms needs; see there."""


def build():
    """Make the hardware objects and nothing more."""
    from vigil import knows
    from vigil.afe.bq76952 import Bq76952
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
    i2c = I2C(0, scl=Pin(SCL_PIN), sda=Pin(SDA_PIN), freq=400000, timeout=2000)
    both_off = Pin(BOTH_OFF_PIN, Pin.OUT, value=0)
    board.front_end = Bq76952(
        i2c,
        both_off,
        variant=CHIP,
        cells=CELLS,
        temps=TEMPS,
        switch_temps=SWITCH_TEMPS,
        shunt_uohm=SHUNT_UOHM,
        cc_gain_uohm=CURRENT_GAIN_UOHM,
    )
    uart = UART(1, baudrate=RS485_BAUD, tx=Pin(8), rx=Pin(9))
    driver_enable = Pin(DRIVER_ENABLE_PIN, Pin.OUT, value=0)
    by_name.offer(
        board, uart, driver_enable, RS485_PROTOCOL, RS485_BAUD, RS485_STATION, SHUNT_UOHM
    )
    board.interlock = Pin(INTERLOCK_PIN, Pin.IN, Pin.PULL_DOWN)
    board.emergency = Pin(EMERGENCY_PIN, Pin.IN, Pin.PULL_UP)
    board.button = Pin(BUTTON_PIN, Pin.IN, Pin.PULL_UP)
    board.led = Pin(LED_PIN, Pin.OUT, value=0)
    board.buzzer = Pin(BUZZER_PIN, Pin.OUT, value=0)
    board.heater = Pin(HEATER_PIN, Pin.OUT, value=0)
    board.fan = Pin(FAN_PIN, Pin.OUT, value=0)
    board.deep_sleep = deepsleep
    board.storage = make_storage()
    board.watchdog = WDT(timeout=2000)
    return board
