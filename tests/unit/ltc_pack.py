"""The LTC681x driver over the model of its chain, on the fake bus at true bit time."""

import machine

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.ltc681x import Ltc681xChain
from tests.unit.bq76952_rig import ObedientBench
from vigil.afe.ltc681x import Ltc681x
from vigil.afe.ltc681x_layout import Device
from vigil.sample import BOARD, CELLS, STACK, TEMPS, Sample
from vigil.sensor.thermistor import ntc_103jt

CYCLE_MS = 20
CS_PIN = 17
NAMES = {"LTC6811": "ltc6811", "LTC6813": "ltc6813", "ADBMS1818": "adbms1818"}


class Pack:
    """`cells`: for each part a count or the inputs in use; `thermistors`: for each its GPIOs.

    really: the parts on the bus, where they are not those that the driver is told.
    """

    def __init__(
        self,
        parts=("LTC6813", "LTC6813"),
        cells=(12, 12),
        thermistors=(),
        really=None,
        **options,
    ):
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock)
        machine.use(self.clock)
        thermistors = thermistors or [()] * len(parts)
        self.devices = [Device(*wanted) for wanted in zip(parts, cells, thermistors, strict=True)]
        counts = [len(device.cells) for device in self.devices]
        places, temps = [], 0
        for device in self.devices:
            pins = [None] * device.gpios
            for gpio in device.thermistors:
                pins[gpio - 1] = temps
                temps += 1
            places.append(pins)
        wiring = [sum(1 << at - 1 for at in device.cells) for device in self.devices]
        if really is not None:
            # One cell on each, wherever.
            parts, counts, wiring, places = really, [1] * len(really), None, None
        self.bench = ObedientBench(sum(counts))
        self.bench.temps_c = [25.0] * temps
        self.chain = Ltc681xChain(
            self.clock,
            self.bench,
            parts=[NAMES[part] for part in parts],
            cells=counts,
            thermistors=places,
            wiring=wiring,
        )
        machine.attach_spi(0, self.chain, CS_PIN)
        if temps:
            options["thermistor"] = ntc_103jt()
        spi = machine.SPI(0, baudrate=1_000_000, polarity=1, phase=1)
        cs = machine.Pin(CS_PIN, machine.Pin.OUT, value=1)
        self.driver = Ltc681x(spi, cs, self.devices, **options)
        driver = self.driver
        periods = (
            driver.cells_period_ms,
            driver.temps_period_ms,
            driver.current_period_ms,
            driver.stack_period_ms,
            driver.board_period_ms,
        )
        self.sample = Sample(
            driver.cell_count, driver.temp_count, periods, CYCLE_MS, driver.board_temp_count
        )
        self.sample.start(0)

    def configure(self, pause_us=5000):
        for _ in self.driver.configure(()):
            self.clock.advance(pause_us)
        return self

    def read(self, times=1):
        for _ in range(times):
            self.wait_for_beat()
            now_ms = self.clock.now_us // 1000
            self.driver.read(self.sample, now_ms)
            self.sample.answered(now_ms)
        return self

    def wait_for_beat(self):
        cycle_us = CYCLE_MS * 1000
        self.clock.advance(cycle_us - self.clock.now_us % cycle_us)

    def put_cells(self, cells_mv):
        self.bench.cell_mv[:] = cells_mv
        self.bench.stack_mv = sum(cells_mv)

    def cells(self):
        return list(self.sample.cell_values)

    def stack(self):
        return self.sample.values[self.sample.stack_at]

    def temps(self):
        return list(self.sample.temp_values)

    def dies(self):
        at = self.sample.board_at
        return list(self.sample.values[at : at + len(self.devices)])

    def sequences(self):
        return [self.sample.sequence(group) for group in (CELLS, TEMPS, STACK, BOARD)]
