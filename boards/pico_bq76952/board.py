"""Raspberry Pi Pico (RP2040) and a BQ76952 on I2C: 16S LFP, 100 Ah, 0.5 mOhm shunt, RS485."""

from machine import I2C, UART, WDT, Pin, deepsleep

NAME = "pico_bq76952"
PROCESSOR = "armv6m"  # for the kernels, as mpy-cross names it
TWIN = "bq76952"  # what the simulator puts around it
CHIP = "BQ76952"
CELLS = 16
TEMPS = 3
SWITCH_TEMPS = 1  # a thermistor at the switches
CAPACITY_MAH = 100000
CHEMISTRY = "LFP"
SHUNT_UOHM = 500
# Two published gain figures differ by 1.2 %: measure yours when you commission the board.
CURRENT_GAIN_UOHM = 7568.4

# The remarks are the wiring table of the README (python -m host_tools.build.wiring writes it).
BOTH_OFF_PIN = 3  # out | BQ76952 DFETOFF (low opens both switches); 10 kOhm to ground
SDA_PIN = 4  # I2C0 | BQ76952 SDA; 4.7 kOhm to 3.3 V
SCL_PIN = 5  # I2C0 | BQ76952 SCL; 4.7 kOhm to 3.3 V
DRIVER_ENABLE_PIN = 6  # out | RS485 transceiver DE and /RE (high = send); 10 kOhm to ground
TX_PIN = 8  # UART1 | RS485 transceiver DI
RX_PIN = 9  # UART1 | RS485 transceiver RO, 3.3 V
INTERLOCK_PIN = 10  # in, pull-down | loop of plug and cover contacts, fed from 3.3 V
EMERGENCY_PIN = 11  # in, pull-up | emergency stop: closed to ground until it is pushed
BUTTON_PIN = 12  # in, pull-up | owner's button: to ground when pressed
LED_PIN = 13  # out | LED, 1 kOhm to ground
BUZZER_PIN = 14  # out | buzzer, through a transistor
HEATER_PIN = 15  # out | heater, through a relay; a thermal fuse in its supply
FAN_PIN = 16  # out | fan, through a transistor

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
RS485_PROTOCOL = "jbd_parameters"
RS485_STATION = 0  # Modbus unit or Pylontech address; 0: the usual one

# What it finds out about the pack beside its limits, () for nothing: "charge", "balancing",
# "allowed", "totals", "age". What each takes of the heap: docs/deploying.md.
KNOWS = ("charge",)
# Figures for these parts, None while nobody has measured them: docs/balancing.md.
BLEED_OHM = None  # of one cell's bleed path, the mean over the chip's pauses; None: 33
MOST_BLEEDING = None  # so many cells at once; None: what the chip allows
OWN_UA = None  # drawn from the pack past the shunt; None: nothing
SENSOR_OFFSET_MA = None  # one sigma of a sensor that was never looked at; None: 1 for each Ah

# Of a Pico W. Parts, () for none; they and what heap they take: docs/bluetooth.md.
BLUETOOTH = ()
BLUETOOTH_NAME = "Vigil-*"  # the star: the end of the device's number
BLUETOOTH_LINKS = 1  # phones at a time


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
    from vigil.link import by_name

    board = Board()
    board.name = NAME
    board.device_name = b"Vigil " + NAME.encode()
    board.chemistry = CHEMISTRY
    board.capacity_mah = CAPACITY_MAH
    knows.offer(board, KNOWS, BLEED_OHM, MOST_BLEEDING, OWN_UA, SENSOR_OFFSET_MA)
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
    uart = UART(1, baudrate=RS485_BAUD, tx=Pin(TX_PIN), rx=Pin(RX_PIN))
    driver_enable = Pin(DRIVER_ENABLE_PIN, Pin.OUT, value=0)
    by_name.offer(
        board, uart, driver_enable, RS485_PROTOCOL, RS485_BAUD, RS485_STATION, SHUNT_UOHM
    )
    by_name.offer_bluetooth(
        board,
        BLUETOOTH,
        name=BLUETOOTH_NAME,
        links=BLUETOOTH_LINKS,
        shunt_uohm=SHUNT_UOHM,
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
