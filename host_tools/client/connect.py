"""Find out what is spoken at a port, and give a BMS that can be read by name."""

from host_tools.client import messages as m
from host_tools.client.ble_line import BleLine
from host_tools.client.bms import Bms
from host_tools.client.carriers import ModbusCarrier, SerialCarrier
from host_tools.client.errors import (
    EchoOnly,
    Garbage,
    NotNative,
    NotSpoken,
    OtherVersion,
    Refused,
    Unanswered,
)
from host_tools.client.jbd import Jbd
from host_tools.client.line import SerialLine, of_run_dir, radio_of_run_dir
from host_tools.client.modbus import Modbus
from host_tools.client.native import Native
from host_tools.client.trying import TRIES

PROTOCOLS = ("native", "modbus", "jbd")
_ALONE = "native alone"  # on a line of its own for certain
BAUD_RATES = (9600, 115200, 19200, 38400, 57600)


def at_port(path, protocol=None, baudrate=9600, unit=1):
    """The BMS at a serial port. protocol: one of PROTOCOLS, or None to find it."""
    line = SerialLine(path, baudrate)
    try:
        return on(line, protocol, unit)
    except BaseException:
        line.close()
        raise


def in_run_dir(folder, node=1, protocol=None, unit=1):
    """A simulated BMS: what `vigil sim --run-dir FOLDER` runs; its keys are in `known_keys`.

    protocol: "modbus" and "jbd" are spoken on its RS485, the native one has a port of its own.
    """
    simulated = of_run_dir(folder, node)
    if simulated.native and protocol in (None, "native"):
        bms = at_port(simulated.native, _ALONE)
    else:
        bms = at_port(simulated.rs485, protocol, unit=unit)
    bms.known_keys = simulated.keys
    return bms


def at_ble(name, protocol=None, radio=None):
    """The BMS of this name or address in reach. radio: a ble_radio.Radio; None: this computer's.

    protocol: "native" or "jbd"; without it native where the BMS has it.
    """
    from host_tools.client.ble_radio import Radio

    if protocol == "modbus":
        raise ValueError("over Bluetooth a BMS speaks native and jbd")
    line = BleLine(radio or Radio(), name, protocol == "jbd")
    try:
        if protocol == "native" and not line.is_native:
            raise NotSpoken(f"{name} has JBD only")
        return (_native_alone if line.is_native else _jbd)(line, 1, TRIES)
    except BaseException:
        line.close()
        raise


def in_run_dir_by_ble(folder, name, node=1, protocol=None):
    """A simulated BMS over its virtual radio; node: whose keys are in `known_keys`."""
    from host_tools.client.ble_radio import Radio
    from host_tools.client.virtual_radio import SIMULATED_PASSKEY

    radio = Radio(radio_of_run_dir(folder), SIMULATED_PASSKEY)
    bms = at_ble(name, protocol, radio)
    bms.known_keys = of_run_dir(folder, node).keys
    return bms


def on(line, protocol=None, unit=1):
    """The BMS on a line that is open already."""
    if protocol is None:
        return search(line, unit)
    if protocol == _ALONE:
        return _native_alone(line, unit, TRIES)
    if protocol == "native":
        return _first(line, unit, (_native_over_modbus, _native_alone))
    return {"modbus": _plain_modbus, "jbd": _jbd}[protocol](line, unit, TRIES)


def search(line, unit=1, tries=2):
    """Try what a BMS may speak, one after the other; Unanswered if it is none of these."""
    return _first(line, unit, (_native_over_modbus, _native_alone, _jbd, _plain_modbus), tries)


def _first(line, unit, ways, tries=TRIES):
    worst = None
    for begin in ways:
        if isinstance(worst, NotNative) and begin != _plain_modbus:
            # It speaks Modbus and nothing else.
            continue
        try:
            return begin(line, unit, tries)
        except OtherVersion:
            raise
        except (Unanswered, Refused) as error:
            if worst is None or _tells(error) > _tells(worst):
                worst = error
    raise worst


def _tells(error):
    """What says more about the line is told to the user."""
    return max(at for at, kind in enumerate(_TELLS) if isinstance(error, kind))


_TELLS = (Unanswered, EchoOnly, Garbage, Refused)


def _native_over_modbus(line, unit, tries):
    return _identified(line, ModbusCarrier(line, unit), "native over Modbus", tries)


def _native_alone(line, unit, tries):
    return _identified(line, SerialCarrier(line), "native", tries)


def _identified(line, carrier, name, tries):
    native = Native(carrier)
    native.tries = tries
    identity = native.identify()
    native.tries = TRIES
    if identity.version[0] != m.VERSION:
        major = identity.version[0]
        raise OtherVersion(m.sentence(m.WRONG_VERSION, bytes([major, major])), m.WRONG_VERSION)
    return Bms(line, native, name, identity)


def _plain_modbus(line, unit, tries):
    modbus = Modbus(line, unit)
    modbus.tries = tries
    modbus.read_blocks([(0, 4)])
    modbus.tries = TRIES
    return Bms(line, modbus, "Modbus")


def _jbd(line, unit, tries):
    bms = Jbd(line)
    bms.tries = tries
    bms.overview()
    bms.tries = TRIES
    return bms
