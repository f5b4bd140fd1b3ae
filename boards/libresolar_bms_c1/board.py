"""Libre Solar BMS C1 (ESP32-C3, BQ76952): 16S LFP, 100 Ah, 0.3 mOhm shunt; revision 0.3 or 0.4."""

from machine import I2C, UART, WDT, Pin

NAME = "libresolar_bms_c1"
PROCESSOR = "rv32imc"  # for the kernels, as mpy-cross names it
TWIN = "bq76952"  # what the simulator puts around it
REVISION = "0.4"  # printed on your board: "0.3" or "0.4"
CHIP = "BQ76952"
CELLS = 16
TEMPS = 2
TEMP_PINS = (1, 3)  # TS1 and TS3 at the cells
SWITCH_TEMPS = 1
SWITCH_TEMP_PINS = (2,)  # DCHG pin, at the FETs
CAPACITY_MAH = 100000
CHEMISTRY = "LFP"
SHUNT_UOHM = 300
# Two published gain figures differ by 1.2 %: measure yours when you commission the board.
CURRENT_GAIN_UOHM = 7568.4
# There is no direct line to the switches: the chip opens them when it has heard nothing so long.
CHIP_WATCHDOG_S = 3

# The remarks are the wiring table of the README (python -m host_tools.build.wiring writes it).
LED_PIN = 1  # out | LED 1 of the board
SECOND_LED_PIN = 0  # out | LED 2 of the board, dark
ALERT_PIN = 2  # in | BQ76952 ALERT, not used
BUTTON_PIN = 3  # in, pull-down | button of the board, to 3.3 V when pressed
CAN_STANDBY_PIN = 10  # out | CAN transceiver, high = asleep
# Before anything else: CAN silent, LEDs dark; then RS485 silent and deaf.
SAFE_PINS = [(CAN_STANDBY_PIN, 1), (LED_PIN, 0), (SECOND_LED_PIN, 0)]
if REVISION == "0.4":
    SDA_PIN = 8  # I2C0, revision 0.4 | BQ76952 SDA
    SCL_PIN = 9  # I2C0, revision 0.4 | BQ76952 SCL
    DRIVER_ENABLE_PIN = 6  # out, revision 0.4 | RS485 transceiver DE, high = send
    RECEIVER_OFF_PIN = 7  # out, revision 0.4 | RS485 transceiver /RE, low = listen
    SAFE_PINS += [(DRIVER_ENABLE_PIN, 0), (RECEIVER_OFF_PIN, 1)]
elif REVISION == "0.3":
    SDA_PIN = 6  # I2C0, revision 0.3 | BQ76952 SDA
    SCL_PIN = 7  # I2C0, revision 0.3 | BQ76952 SCL
else:
    raise ValueError("REVISION is 0.3 or 0.4")

BUTTON_PRESSED = 1
# (TX, RX) of the RS485 transceiver of revision 0.4. No source that we know names them: without
# them the board has no RS485. Not 21 and 20, which are the console that a deploy needs.
RS485_DATA_PINS = None
RS485_BAUD = 9600

# What it finds out about the pack beside its limits, () for nothing: "charge", "balancing",
# "allowed", "totals", "age". What each takes of the heap: docs/deploying.md.
KNOWS = ()
# Figures for these parts, None while nobody has measured them: docs/balancing.md.
BLEED_OHM = None  # of one cell's bleed path, the mean over the chip's pauses; None: 33
MOST_BLEEDING = None  # so many cells at once; None: what the chip allows
OWN_UA = None  # drawn from the pack past the shunt; None: nothing
SENSOR_OFFSET_MA = None  # one sigma of a sensor that was never looked at; None: 1 for each Ah

# Parts, () for none; they and what heap they take: docs/bluetooth.md.
BLUETOOTH = ("jbd", "bthome")
BLUETOOTH_NAME = "Vigil-*"  # the star: the end of the device's number
BLUETOOTH_LINKS = 2  # phones at a time; the port has 4, each takes heap
BLUETOOTH_PASSKEY = None  # six digits, for the part "pairing"


def make_storage():
    """A folder of the board's own filesystem; in the simulator the twin replaces this function.

    Not /vigil, where imports would look for the firmware.
    """
    from vigil.file_storage import FileStorage

    return FileStorage("/kept")


class Board:
    """What app.Bms needs; see there."""


class ActiveHigh:
    """A button to the supply, as the panel knows it: 0 = pressed."""

    def __init__(self, pin):
        self._pin = pin

    def value(self):
        return 1 - self._pin.value()


class BothEnables:
    """DE and /RE as one pin: high = send and hear nothing, low = listen."""

    def __init__(self, driver, receiver):
        self._driver = driver
        self._receiver = receiver

    def value(self, level):
        self._receiver.value(level)
        self._driver.value(level)


def rs485_links(board):
    """[function that makes the link], or nothing where the data pins are not known."""
    if RS485_DATA_PINS is None:
        return []
    from vigil.link.jbd import Jbd
    from vigil.link.rs485 import Rs485

    tx, rx = RS485_DATA_PINS
    uart = UART(1, baudrate=RS485_BAUD, tx=Pin(tx), rx=Pin(rx))
    enables = BothEnables(
        Pin(DRIVER_ENABLE_PIN, Pin.OUT, value=0), Pin(RECEIVER_OFF_PIN, Pin.OUT, value=0)
    )

    def jbd_on_rs485(status):
        engine = Jbd(status, name=board.device_name)
        return Rs485(uart, engine, driver_enable=enables, baudrate=RS485_BAUD)

    return [jbd_on_rs485]


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
    board.front_end = Bq76952(
        i2c,
        None,
        variant=CHIP,
        cells=CELLS,
        temps=TEMPS,
        temp_pins=TEMP_PINS,
        switch_temps=SWITCH_TEMPS,
        switch_temp_pins=SWITCH_TEMP_PINS,
        shunt_uohm=SHUNT_UOHM,
        cc_gain_uohm=CURRENT_GAIN_UOHM,
        watchdog_s=CHIP_WATCHDOG_S,
    )
    board.links = rs485_links(board)
    by_name.offer_bluetooth(
        board,
        BLUETOOTH,
        name=BLUETOOTH_NAME,
        links=BLUETOOTH_LINKS,
        passkey=BLUETOOTH_PASSKEY,
        shunt_uohm=SHUNT_UOHM,
    )
    board.button = ActiveHigh(Pin(BUTTON_PIN, Pin.IN, Pin.PULL_DOWN))
    board.led = Pin(LED_PIN, Pin.OUT, value=0)
    board.storage = make_storage()
    board.watchdog = WDT(timeout=2000)
    return board
