"""Simulated board: 16S LFP, 100 Ah, a BQ76952 that measures, contactors for load and charger."""

from machine import ADC, Pin

NAME = "sim16_lfp_contactors"
TWIN = "bq76952_contactors"  # what the simulator puts around it
RADIO = "esp32"  # the port whose Bluetooth it has, with everything on
CHIP = "BQ76952"
CELLS = 16
TEMPS = 3
CAPACITY_MAH = 100000
CHEMISTRY = "LFP"
SHUNT_UOHM = 500
CURRENT_GAIN_UOHM = 7568.4

# The load behind the main contactor, the charger behind one of its own.
COMMON_PORT = False
PRECHARGE_OHM = 47
LINK_UF = 10000  # of the largest load
LEAST_LINK_UF = 2000  # of the smallest: less is taken for no load at all
BLEEDER_OHM = 2200
LINK_FULL_SCALE_MV = 80000

BOTH_OFF_PIN = 3  # to DFETOFF: low takes CHG and DSG away, and with them the coils' supply
COIL_ENABLE_PIN = 16  # low: no coil has current
MAIN_PIN = 17
PRECHARGE_PIN = 18
CHARGE_PIN = 19
MAIN_FEEDBACK_PIN = 20  # auxiliary contacts to ground
CHARGE_FEEDBACK_PIN = 21
LINK_PIN = 26
DRIVER_ENABLE_PIN = 6  # RS485 transceiver, high = send
SDA_PIN = 4
SCL_PIN = 5
TX_PIN = 8
RX_PIN = 9

# Before anything else: coils off, RS485 listening.
SAFE_PINS = (
    (COIL_ENABLE_PIN, 0),
    (MAIN_PIN, 0),
    (PRECHARGE_PIN, 0),
    (CHARGE_PIN, 0),
    (BOTH_OFF_PIN, 0),
    (DRIVER_ENABLE_PIN, 0),
)

RS485_BAUD = 9600
RS485_PROTOCOL = "jbd_writing"  # or "modbus", "pylontech"
RS485_STATION = 0  # Modbus unit or Pylontech address; 0: the usual one


def build():
    """Make the hardware objects and nothing more."""
    import board
    from host_tools.sim.twins.bq76952_board import build
    from vigil.contactor import Contactor, LinkVoltage
    from vigil.contactors import Contactors
    from vigil.front_end import FrontEnd
    from vigil.precharge import Precharge

    def contactor(pin, feedback_pin=None):
        coil = Pin(pin, Pin.OUT, value=0)
        if feedback_pin is None:
            return Contactor(coil)
        return Contactor(coil, Pin(feedback_pin, Pin.IN, Pin.PULL_UP))

    hardware = build(board, series_fets=False)
    contactors = Contactors(
        contactor(MAIN_PIN, MAIN_FEEDBACK_PIN),
        contactor(PRECHARGE_PIN),
        LinkVoltage(ADC(Pin(LINK_PIN)), LINK_FULL_SCALE_MV),
        Precharge(PRECHARGE_OHM, LINK_UF, LEAST_LINK_UF),
        common=COMMON_PORT,
        charge=None if COMMON_PORT else contactor(CHARGE_PIN, CHARGE_FEEDBACK_PIN),
        enable=Pin(COIL_ENABLE_PIN, Pin.OUT, value=0),
    )
    chip = hardware.front_end
    hardware.front_end = FrontEnd(chip, contactors, gate=chip)
    return hardware
