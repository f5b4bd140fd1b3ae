"""Alarm words, ALERT pin, Battery Status, FET Status and Control Status of the BQ76952 model."""

from host_tools.mock import bq76952_memory as memory
from host_tools.mock.bq76952_modes import DEEPSLEEP
from host_tools.mock.bq76952_scans import ADSCAN, FULLSCAN, ScanPort

INITSTART = 0x0400
INITCOMP = 0x0200
# Raw bits that stay on once set; their status bits latch at each event instead.
EVENTS = FULLSCAN | ADSCAN | INITCOMP | INITSTART

_CONTROL_STATUS = 0x00
_SAFETY = 0x02
_BATTERY_STATUS = 0x12
_ALARM_STATUS = 0x62
_ALARM_RAW = 0x64
_ALARM_ENABLE = 0x66
_FET_STATUS = 0x7F

_SSBC = 0x8000
_SSA = 0x4000
_MSK_SFALERT = 0x1000
_XCHG = 0x0040
_XDSG = 0x0020
_CB = 0x0004
_OTPB = 0x0080

_GENERAL_OUTPUT = 1
_OWN_FUNCTION = 2


class AlarmPort(ScanPort):
    # Pins that can be outputs, by the digit of their command, as positions in the pin settings.
    _OUTPUTS = {0: 0, 1: 1, 2: 2, 6: 6, 7: 7, 8: 8}

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.alert = False
        self.alert_level = None
        # functions(level) with the electrical level of the ALERT pin: 0, 1, None = nobody drives.
        self.alert_listeners = []
        self.outputs = {}
        self._alarm_status = 0
        self._alarm_enable = 0
        self._raw_sticky = 0
        # Raw bits without the events, as of the last change.
        self._levels = 0

    def _raw(self):
        safety = self.safety
        image = self.image
        masks = self.settings.alert_masks
        raw = self.modes.raw()
        if safety[1] | safety[2]:
            raw |= _SSBC
        if safety[0]:
            raw |= _SSA
        for bank in (0, 1, 2):
            if image[_SAFETY + 2 * bank] & masks[bank]:
                raw |= _MSK_SFALERT
        switches = self.switches
        if not (switches.charge or switches.charge_assist):
            raw |= _XCHG
        if not (switches.discharge or switches.discharge_assist):
            raw |= _XDSG
        if self.balancing.active:
            raw |= _CB
        self._levels = raw
        raw |= self._raw_sticky
        self._put(_ALARM_RAW, raw)
        return raw

    def _latch_alarms(self, events):
        status = self._alarm_status | events & self._alarm_enable
        if status != self._alarm_status:
            self._alarm_status = status
            self._show_alarms()

    def _latch_scan(self, scans):
        """The same without working out again what only a change elsewhere can change."""
        self._put(_ALARM_RAW, self._levels | self._raw_sticky)
        self._latch_alarms(self._levels | scans)

    def latch_event(self, event):
        """An alarm without a lasting raw bit."""
        self._latch_alarms(self._raw() & ~EVENTS | event)

    def _clear_alarms(self, ones):
        self._alarm_status &= ~ones
        self._show_alarms()

    def _enable_alarms(self, mask):
        self._alarm_enable = mask
        self._put(_ALARM_ENABLE, mask)

    def refresh_status(self):
        safety = self.safety
        value = self._security << 8 | _OTPB
        if self.modes.sleeping:
            value |= 0x8000
        if safety[0] | safety[1] | safety[2]:
            value |= 0x0800
        if self.modes.shutdown_ordered():
            value |= 0x2000
        if self.por:
            value |= 0x0008
        if self.sleep_allowed:
            value |= 0x0004
        if self.precharging.active:
            value |= 0x0002
        if self.config_update:
            value |= 0x0001
        self._put(_BATTERY_STATUS, value)

    # ALERT pin

    def _show_alarms(self):
        self._put(_ALARM_STATUS, self._alarm_status)
        own = self.settings.pins[memory.PIN_ALERT] & 3 == _OWN_FUNCTION
        alert = self._alarm_status != 0 and own
        if alert != self.alert:
            self.alert = alert
            self._show_switches()
        self.show_alert_pin()

    def show_alert_pin(self):
        level = self.pin_level(memory.PIN_ALERT, self.alert)
        if level != self.alert_level:
            self.alert_level = level
            for listener in self.alert_listeners:
                listener(level)

    def pin_level(self, pin, active):
        """What a digital pin shows outside: 0, 1, or None when nothing drives or pulls it."""
        config = self.settings.pins[pin]
        function = config & 3
        if function == _GENERAL_OUTPUT:
            high = self.outputs.get(pin, 0)
        elif function == _OWN_FUNCTION:
            high = active != bool(config & 0x80)
        else:
            return None
        if not self.running and not self.config_update:
            return None
        if not high:
            return 0
        if config & 0x08:
            # Driven to REG1, which may be off, or to the 1.8 V that is always there.
            return 1 if not config & 0x20 or self.regulators.reg1_mv else 0
        if config & 0x10:
            return 1 if self.regulators.reg1_mv else 0
        return 0 if config & 0x04 else None

    def _set_output(self, digit, level):
        pin = self._OUTPUTS.get(digit)
        if pin is not None and self.settings.pins[pin] & 3 == _GENERAL_OUTPUT:
            self.outputs[pin] = level
            self.show_alert_pin()

    # Other words

    def _show_switches(self):
        self.image[_FET_STATUS] = self.switches.status() | (0x40 if self.alert else 0)

    def show_control_status(self):
        if not self._legacy_read:
            deep = DEEPSLEEP if self.modes.deep else 0
            self._put(_CONTROL_STATUS, self.load_detect.status() | deep)

    def _begin_legacy_read(self):
        self._legacy_read = True
        self._put(_CONTROL_STATUS, 0xFFA5)

    def _end_legacy_read(self):
        self._legacy_read = False
        self.show_control_status()
