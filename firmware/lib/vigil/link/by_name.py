"""The protocol of a board's RS485 port by its name, and whether it has Bluetooth; what it does not
speak need not be on the board at all.

`make build` brings along what RS485_PROTOCOL and BLUETOOTH in board.py name, see
host_tools/build/imports.py.
"""

PROTOCOLS = ("jbd", "jbd_parameters", "jbd_writing", "modbus", "pylontech")


def offer(board, uart, driver_enable, protocol, baudrate, station=0, shunt_uohm=0):
    """station: Modbus unit or Pylontech address, 0 for the usual one; shunt_uohm: for JBD."""
    if protocol not in PROTOCOLS:
        raise ValueError("RS485_PROTOCOL is jbd, modbus or pylontech")
    options = [station] if station else []
    if protocol == "modbus":
        options = [station or 1, _module("sunspec").SunSpec, _module("native").Native]
    elif protocol == "jbd":
        options = []
    elif protocol != "pylontech":
        options = [shunt_uohm]
    _module(protocol).offer(board, uart, driver_enable, baudrate, *options)


def offer_bluetooth(board, parts, **options):
    """parts: names of ble_offer.py, none for no Bluetooth; options: of its offer()."""
    if parts:
        _module("ble_offer").offer(board, parts, **options)


def _module(name):
    return __import__("vigil.link." + name, None, None, ("__name__",))
