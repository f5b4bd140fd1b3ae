"""Pins and analogue inputs for the fake `machine`. Never upload to a board.

A line is the copper; every Pin object with the same id works on the same line.
"""

_lines = {}
_adc_lines = {}


class PinLine:
    """One copper line: .level now, .driven by the board or not, .listeners called on change."""

    def __init__(self):
        self.level = 0
        self.driven = False
        self.listeners = []
        self.mode = 0
        self.pull = None
        self.pulled_up = False  # by a resistor on the board, with or without a controller
        self.latch = 0
        self._outside = None

    def outside(self, level):
        """What a chip or a button does to the line: 0, 1, or None for letting go."""
        self._outside = level
        self.settle()

    def settle(self):
        """Work out the level from what drives the line, strongest first."""
        latch = self.latch
        self.driven = self.mode == Pin.OUT or (self.mode == Pin.OPEN_DRAIN and latch == 0)
        if self.driven:
            level = latch
        elif self._outside is not None:
            level = self._outside
        else:
            level = 1 if self.pulled_up or self.pull == Pin.PULL_UP else 0
        if level != self.level:
            self.level = level
            for listener in self.listeners:
                listener(level)


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self.id = id
        self.line = pin_line(id)
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        line = self.line
        # The latch first, so that an output begins with the wanted level and never shows another.
        if value is not None:
            line.latch = 1 if value else 0
        if mode != -1:
            if mode not in (Pin.IN, Pin.OUT, Pin.OPEN_DRAIN):
                raise ValueError("unknown pin mode")
            line.mode = mode
        if pull != -1:
            line.pull = pull
        line.settle()

    def value(self, x=None):
        if x is None:
            return self.line.level
        self.line.latch = 1 if x else 0
        self.line.settle()

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def __call__(self, x=None):
        return self.value(x)


class AdcLine:
    def __init__(self):
        self.value = 0
        self.source = None  # function that tells the value at the moment of looking


class ADC:
    def __init__(self, pin):
        self._line = adc_line(pin.id if isinstance(pin, Pin) else pin)

    def read_u16(self):
        line = self._line
        return line.value if line.source is None else line.source()


def pin_line(id):
    if id not in _lines:
        _lines[id] = PinLine()
    return _lines[id]


def adc_line(id):
    """The voltage at an analogue input: set .value (or .source), 0..65535 of full scale."""
    if id not in _adc_lines:
        _adc_lines[id] = AdcLine()
    return _adc_lines[id]


def let_go():
    """The board drives no line any more."""
    for line in _lines.values():
        line.mode = Pin.IN
        line.pull = None
        line.latch = 0
        line.settle()


def forget():
    _lines.clear()
    _adc_lines.clear()
