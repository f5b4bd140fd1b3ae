"""Simulated board: 8S LFP, 100 Ah, a 24 V house battery."""

NAME = "sim8_lfp"
TWIN = "bq76952"  # what the simulator puts around it
RADIO = "esp32"  # the port whose Bluetooth it has, with everything on
CHIP = "BQ76952"
CELLS = 8
TEMPS = 3
CAPACITY_MAH = 100000
CHEMISTRY = "LFP"
SHUNT_UOHM = 500
CURRENT_GAIN_UOHM = 7568.4

BOTH_OFF_PIN = 3  # to DFETOFF: low opens both switches
DRIVER_ENABLE_PIN = 6  # RS485 transceiver, high = send
SDA_PIN = 4
SCL_PIN = 5
TX_PIN = 8
RX_PIN = 9

# Before anything else: switches off, RS485 listening.
SAFE_PINS = ((BOTH_OFF_PIN, 0), (DRIVER_ENABLE_PIN, 0))

RS485_BAUD = 9600
RS485_PROTOCOL = "jbd_writing"  # or "modbus", "pylontech"
RS485_STATION = 0  # Modbus unit or Pylontech address; 0: the usual one


def build():
    """Make the hardware objects and nothing more."""
    import board
    from host_tools.sim.twins.bq76952_board import build

    return build(board)
