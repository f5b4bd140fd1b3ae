"""Analogue pins of the BQ76952 model: thermistors with their uses, voltages, raw counts.

Registers show the bench's temperature itself (0.1 K); the chip's polynomial is not known. The
raw counts and ADCIN go from the temperature to the pin: 10k thermistor, pull-up to 1.8 V.
"""

from math import exp

_FIRST_PIN = 0x6A
_TS1 = 3
_KELVIN = 273.15
_BROKEN_C = -200.0
_PINS = 9

_AT_SWITCHES = -1
_NOTHING_THERE = 99

ADCIN = 0
CELL = 1
FET = 3

_PULL_UP_OHM = (18000.0, 180000.0, None, None)
_SUPPLY_MV = 1800.0
_WARM_OHM = 10000.0  # at 25 degC
_B_K = 3435.0
# Microvolts a count; the fact sheet gives none for pins, this is the one of cells, halved.
_COUNT_UV = 0.361


def thermistor_ohm(degrees):
    return _WARM_OHM * exp(_B_K * (1.0 / (degrees + 273.15) - 1.0 / 298.15))


class _Pin:
    def __init__(self, number, place, config, offset_dk):
        self.number = number
        self.register = _FIRST_PIN + 2 * number
        self.place = place
        self.use = config >> 2 & 3
        self.pull_up_ohm = _PULL_UP_OHM[config >> 6]
        # Only pull-up 18k with the 18k curve fits the 10k thermistors of the bench.
        self.fits = self.use != ADCIN and not config & 0xF0
        self.offset_dk = offset_dk
        self.degrees = None


class Pins:
    unused_value = 0
    # Which of TS1 to TS3 are wired to the bench's thermistors at the cells, in their order.
    cell_pins = (1, 2, 3)

    def __init__(self, chip):
        self.chip = chip
        # Voltages from outside, by the position of the pin (CFETOFF 0 ... DDSG 8), in mV.
        self.outside_mv = {}
        self.converted = []
        self.forget()

    def forget(self):
        """Nothing has been converted yet."""
        self.hottest_c = self.coldest_c = self.fet_hottest_c = None
        for pin in self.converted:
            pin.degrees = None

    def load(self, settings):
        """TS1 to TS3 have the first three thermistors of the bench, other pins those after.

        Of the other pins those for FETs have the thermistor at the switches.
        """
        free = 3
        self.converted = []
        for number in range(_PINS):
            self.chip._put(_FIRST_PIN + 2 * number, self.unused_value)
            config = settings.pins[number]
            if config & 3 != 3:
                continue
            place = number - _TS1
            if 0 <= place < 3:
                pin = place + 1
                place = self.cell_pins.index(pin) if pin in self.cell_pins else _NOTHING_THERE
            else:
                if config >> 2 & 3 == FET:
                    place = _AT_SWITCHES
                else:
                    place = free
                    free += 1
            self.converted.append(_Pin(number, place, config, settings.pin_offsets_dk[number]))

    def convert(self, loop, everything):
        """Three pins a loop; with more of them each has its own loop of the full scan."""
        pins = self.converted
        first = 0
        end = len(pins)
        if end > 3 and not everything:
            first = 3 * loop
            end = min(first + 3, end)
        for at in range(first, end):
            pin = pins[at]
            degrees = None
            if pin.use == ADCIN:
                self.chip._put_signed(pin.register, self.pin_mv(pin) + pin.offset_dk)
            else:
                if pin.fits:
                    degrees = self._degrees(pin)
                if degrees is None:
                    self.chip._put(pin.register, self.chip.open_pin_value)
                else:
                    degrees += pin.offset_dk / 10
                    self.chip._put_signed(pin.register, degrees * 10 + 2731.5)
            pin.degrees = degrees
        self._sum_up()

    def _degrees(self, pin):
        """Of the thermistor at this pin; None: there is none."""
        bench = self.chip.bench
        if pin.place == _AT_SWITCHES:
            degrees = bench.switch_c
        elif pin.place < len(bench.temps_c):
            degrees = bench.temps_c[pin.place]
        else:
            return None
        # A broken thermistor is cold beyond any curve, for the chip's own limits too.
        return self.chip.open_pin_value / 10 - _KELVIN if degrees is None else degrees

    def _sum_up(self):
        hottest = coldest = fet_hottest = None
        for pin in self.converted:
            degrees = pin.degrees
            if degrees is None:
                continue
            if pin.use == CELL:
                if hottest is None or degrees > hottest:
                    hottest = degrees
                if coldest is None or degrees < coldest:
                    coldest = degrees
            elif pin.use == FET and (fet_hottest is None or degrees > fet_hottest):
                fet_hottest = degrees
        self.hottest_c = hottest
        self.coldest_c = coldest
        self.fet_hottest_c = fet_hottest

    def mean_cell_c(self):
        seen = [p.degrees for p in self.converted if p.use == CELL and p.degrees is not None]
        return sum(seen) / len(seen) if seen else None

    def pin_mv(self, pin):
        """What a meter shows at the pin."""
        outside_mv = self.outside_mv.get(pin.number)
        if outside_mv is not None:
            return outside_mv
        if pin.pull_up_ohm is None:
            return 0.0
        degrees = self._degrees(pin)
        if degrees is None or degrees < _BROKEN_C:
            return _SUPPLY_MV
        ohm = thermistor_ohm(degrees)
        return _SUPPLY_MV * ohm / (ohm + pin.pull_up_ohm)

    def counts(self, number):
        for pin in self.converted:
            if pin.number == number:
                return int(self.pin_mv(pin) * 1000.0 / _COUNT_UV)
        return 0
