"""Raspberry Pi Pico (RP2040), two LTC6813 on isoSPI, INA228, contactors: 24S LFP, 100 Ah."""

from machine import ADC, I2C, SPI, UART, WDT, Pin

NAME = "pico_ltc6813_contactors"
PROCESSOR = "armv6m"  # for the kernels, as mpy-cross names it
TWIN = "ltc681x_contactors"  # what the simulator puts around it
CHIP = "LTC6813"  # or ADBMS1818
# Up to 36, half of them on the upper device.
CELLS = 24
TEMPS = 4  # on each device from its GPIO1 on: 1, 6, 2, 7
CAPACITY_MAH = 100000
CHEMISTRY = "LFP"
SHUNT_UOHM = 100
CYCLE_MS = 20

# Load and charger behind contactors of their own.
COMMON_PORT = False
PRECHARGE_OHM = 68
LINK_UF = 5000  # of the largest load
LEAST_LINK_UF = 1000  # of the smallest: less is taken for no load at all
BLEEDER_OHM = 4700
LINK_FULL_SCALE_MV = 160000  # at 3.3 V behind the divider

# The remarks are the README's wiring table: python -m host_tools.build.wiring writes it.
COIL_ENABLE_PIN = 2  # out | AND with ALERT: supply of all coil drivers; 10 kOhm to ground
ALERT_PIN = 3  # in, pull-up | INA228 ALERT (open drain), 10 kOhm to 3.3 V; low also cuts the coils
SDA_PIN = 4  # I2C0 | INA228 SDA; 2.2 kOhm to 3.3 V
SCL_PIN = 5  # I2C0 | INA228 SCL; 2.2 kOhm to 3.3 V
DRIVER_ENABLE_PIN = 6  # out | RS485 transceiver DE and /RE (high = send); 10 kOhm to ground
TX_PIN = 8  # UART1 | RS485 transceiver DI
RX_PIN = 9  # UART1 | RS485 transceiver RO, 3.3 V
INTERLOCK_PIN = 10  # in, pull-down | loop of plug and cover contacts, fed from 3.3 V
EMERGENCY_PIN = 11  # in, pull-up | emergency stop: closed to ground until it is pushed
BUTTON_PIN = 12  # in, pull-up | owner's button: to ground when pressed
LED_PIN = 13  # out | LED, 1 kOhm to ground
MAIN_FEEDBACK_PIN = 14  # in, pull-up | auxiliary contact of the main contactor, to ground
CHARGE_FEEDBACK_PIN = 15  # in, pull-up | auxiliary contact of the charge contactor, to ground
MISO_PIN = 16  # SPI0 | LTC6820 MISO
CS_PIN = 17  # out | LTC6820 /CS; 10 kOhm to 3.3 V
SCK_PIN = 18  # SPI0 | LTC6820 SCK
MOSI_PIN = 19  # SPI0 | LTC6820 MOSI
MAIN_PIN = 20  # out | coil driver of the main contactor
PRECHARGE_PIN = 21  # out | coil driver of the pre-charge relay
CHARGE_PIN = 22  # out | coil driver of the charge contactor
LINK_PIN = 26  # analogue in | divider behind the main contactor, 160 V to 3.3 V
BUZZER_PIN = 27  # out | buzzer, through a transistor
FAN_PIN = 28  # out | fan, through a transistor

# Before anything else.
SAFE_PINS = (
    (COIL_ENABLE_PIN, 0),
    (MAIN_PIN, 0),
    (PRECHARGE_PIN, 0),
    (CHARGE_PIN, 0),
    (DRIVER_ENABLE_PIN, 0),
    (CS_PIN, 1),
    (LED_PIN, 0),
    (BUZZER_PIN, 0),
    (FAN_PIN, 0),
)

RS485_BAUD = 9600
RS485_PROTOCOL = "jbd"  # or "modbus", or "pylontech", whose usual baud rate is 115200
RS485_STATION = 0  # Modbus unit or Pylontech address; 0: the usual one

# What it finds out about the pack beside its limits, () for nothing: "charge", "balancing",
# "allowed", "totals", "age". What each takes of the heap: docs/deploying.md.
KNOWS = ()
# Figures for these parts, None while nobody has measured them: docs/balancing.md.
BLEED_OHM = None  # of one cell's bleed path, the mean over the chip's pauses; None: 33
MOST_BLEEDING = None  # so many cells at once; None: what the chip allows
OWN_UA = None  # drawn from the pack past the shunt; None: nothing
SENSOR_OFFSET_MA = None  # one sigma of a sensor that was never looked at; None: 1 for each Ah

# Two of them are converted at a time.
_GPIOS = (1, 6, 2, 7, 3, 8, 4, 9)


def devices():
    """(cells from input 1 upwards, GPIOs) of each device, the lowest first."""
    upper = CELLS // 2
    on_upper = TEMPS // 2
    return (
        (CELLS - upper, _GPIOS[: TEMPS - on_upper]),
        (upper, _GPIOS[:on_upper]),
    )


def make_storage():
    """A folder of the board's own filesystem (the simulator replaces this function)."""
    from vigil.file_storage import FileStorage

    return FileStorage("/kept")


class Board:
    """What app.Bms needs; see there."""


def build():
    """Make the hardware objects and nothing more."""
    from vigil import knows
    from vigil.afe.ltc681x import Ltc681x
    from vigil.afe.ltc681x_layout import Device
    from vigil.contactor import Contactor, LinkVoltage
    from vigil.contactors import Contactors
    from vigil.front_end import FrontEnd
    from vigil.link import by_name
    from vigil.precharge import Precharge
    from vigil.sensor.ina228 import Ina228
    from vigil.sensor.thermistor import ntc_103jt

    board = Board()
    board.name = NAME
    board.device_name = b"Vigil " + NAME.encode()
    board.chemistry = CHEMISTRY
    board.capacity_mah = CAPACITY_MAH
    knows.offer(board, KNOWS, BLEED_OHM, MOST_BLEEDING, OWN_UA, SENSOR_OFFSET_MA)
    board.cycle_ms = CYCLE_MS
    spi = SPI(
        0,
        baudrate=1000000,
        polarity=1,
        phase=1,
        sck=Pin(SCK_PIN),
        mosi=Pin(MOSI_PIN),
        miso=Pin(MISO_PIN),
    )
    voltages = Ltc681x(
        spi,
        Pin(CS_PIN, Pin.OUT, value=1),
        [Device(CHIP, cells, gpios) for cells, gpios in devices()],
        thermistor=ntc_103jt(),
    )
    current = Ina228(
        I2C(0, scl=Pin(SCL_PIN), sda=Pin(SDA_PIN), freq=400000, timeout=2000),
        shunt_uohm=SHUNT_UOHM,
        alert=Pin(ALERT_PIN, Pin.IN, Pin.PULL_UP),
        alert_cuts=True,
    )

    def contactor(pin, feedback_pin=None):
        coil = Pin(pin, Pin.OUT, value=0)
        if feedback_pin is None:
            return Contactor(coil)
        return Contactor(coil, Pin(feedback_pin, Pin.IN, Pin.PULL_UP))

    contactors = Contactors(
        contactor(MAIN_PIN, MAIN_FEEDBACK_PIN),
        contactor(PRECHARGE_PIN),
        LinkVoltage(ADC(Pin(LINK_PIN)), LINK_FULL_SCALE_MV),
        # Of more than 60 V a twentieth is as good as 3 V.
        Precharge(PRECHARGE_OHM, LINK_UF, LEAST_LINK_UF, ready_gap_mv=max(3000, CELLS * 190)),
        common=COMMON_PORT,
        charge=None if COMMON_PORT else contactor(CHARGE_PIN, CHARGE_FEEDBACK_PIN),
        enable=Pin(COIL_ENABLE_PIN, Pin.OUT, value=0),
    )
    board.front_end = FrontEnd(voltages, contactors, current=current)
    uart = UART(1, baudrate=RS485_BAUD, tx=Pin(TX_PIN), rx=Pin(RX_PIN))
    driver_enable = Pin(DRIVER_ENABLE_PIN, Pin.OUT, value=0)
    # No protocol counts further than 32 cells.
    board.links = []
    if CELLS <= 32:
        by_name.offer(board, uart, driver_enable, RS485_PROTOCOL, RS485_BAUD, RS485_STATION)
    board.interlock = Pin(INTERLOCK_PIN, Pin.IN, Pin.PULL_DOWN)
    board.emergency = Pin(EMERGENCY_PIN, Pin.IN, Pin.PULL_UP)
    board.button = Pin(BUTTON_PIN, Pin.IN, Pin.PULL_UP)
    board.led = Pin(LED_PIN, Pin.OUT, value=0)
    board.buzzer = Pin(BUZZER_PIN, Pin.OUT, value=0)
    board.fan = Pin(FAN_PIN, Pin.OUT, value=0)
    board.storage = make_storage()
    board.watchdog = WDT(timeout=2000)
    return board
