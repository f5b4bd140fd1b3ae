"""INA228 and INA226 drivers on the independent models, and their arithmetic for every code."""

from fractions import Fraction

import machine
import pytest
from bq76952_rig import ObedientBench
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.fake_pins import Pin
from host_tools.mock.ina226 import Ina226Model
from host_tools.mock.ina228 import Ina228Model
from vigil import backstop_check
from vigil.afe import errors
from vigil.afe.errors import AfeError
from vigil.limits import BACKSTOP_CHARGE_CURRENT, BACKSTOP_DISCHARGE_CURRENT
from vigil.sample import CURRENT, Sample
from vigil.sensor.ina226 import Ina226
from vigil.sensor.ina228 import Ina228

SMALL_INT = 1 << 30
NV_PER_CODE = {Ina226: Fraction(2500), "coarse": Fraction(625, 2), "fine": Fraction(625, 8)}
LIMIT_NV = {Ina226: 2500, Ina228: 1250}
RANGE_NV = {Ina226: 81_920_000, Ina228: 163_840_000}


class Nothing:
    """No bus: for what needs none."""


class Wired:
    """A model on a bus of true bit time, the driver on it, ALERT pulled up."""

    ALERT_PIN = 22

    def __init__(self, part, shunt_uohm, **options):
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock)
        machine.use(self.clock)
        self.bench = ObedientBench()
        line = machine.pin_line(self.ALERT_PIN)
        line.pulled_up = True
        line.settle()
        model = Ina228Model if part is Ina228 else Ina226Model
        reversed_shunt = options.get("charge_negative", False)
        self.chip = model(
            self.clock,
            self.bench,
            shunt_uohm=shunt_uohm,
            reversed_shunt=reversed_shunt,
            alert_line=line,
        )
        machine.attach_i2c(0, 0x40, self.chip)
        i2c = machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(2), freq=400000)
        alert = machine.Pin(self.ALERT_PIN, Pin.IN)
        options = dict({"alert": alert, "alert_cuts": True}, **options)
        self.driver = part(i2c, shunt_uohm=shunt_uohm, **options)
        self.sample = Sample(16, 3, (20, 200, 11, 20, 200), 20)
        self.sample.start(0)
        self.slices_us = []
        self.clock.advance(1000)

    def configure(self, requests):
        steps = self.driver.configure(requests)
        while True:
            begun_us = self.clock.now_us
            if next(steps, "done") == "done":
                return self
            self.slices_us.append(self.clock.now_us - begun_us)
            self.clock.advance(1000)

    def read_ma(self, current_ma):
        """What is told two cycles after the current has become this."""
        self.bench.current_ma = float(current_ma)
        for _ in range(2):
            self.clock.advance(20000)
            self.driver.read(self.sample, self.clock.now_us // 1000)
        return self.sample.values[self.sample.current_at]


def asked(charge_ma, discharge_ma):
    return (
        (BACKSTOP_CHARGE_CURRENT, charge_ma, 40, charge_ma * 9 // 10),
        (BACKSTOP_DISCHARGE_CURRENT, -discharge_ma, 40, -discharge_ma * 9 // 10),
    )


# On the models.


@given(
    st.sampled_from((Ina228, Ina226)),
    st.integers(50, 16000),
    st.integers(-1000, 1000),
    st.booleans(),
)
@settings(max_examples=40)
def test_the_current_is_the_benchs_whatever_the_shunt(part, shunt_uohm, permille, reversed_shunt):
    severe_ma = RANGE_NV[part] * 6 // 10 // shunt_uohm
    rig = Wired(part, shunt_uohm, charge_negative=reversed_shunt)
    rig.configure(asked(severe_ma, severe_ma))
    current_ma = severe_ma * permille // 1000
    step_ma = NV_PER_CODE[Ina226 if part is Ina226 else "coarse"] / shunt_uohm
    within_ma = 2 * step_ma + 1 + abs(current_ma) * Fraction(2, 1000)
    assert abs(rig.read_ma(current_ma) - current_ma) <= within_ma
    assert rig.sample.sequence(CURRENT) == 2


@given(
    st.sampled_from((Ina228, Ina226)),
    st.integers(50, 16000),
    st.integers(100, 600),
    st.integers(100, 600),
    st.booleans(),
)
@settings(max_examples=40)
def test_the_alert_stands_beyond_what_was_applied_and_never_at_the_severe_limits(
    part, shunt_uohm, charge_permille, discharge_permille, guard_charge
):
    full_ma = RANGE_NV[part] // shunt_uohm
    charge_ma = full_ma * charge_permille // 1000
    discharge_ma = full_ma * discharge_permille // 1000
    options = {"guard_charge": guard_charge} if part is Ina226 else {}
    rig = Wired(part, shunt_uohm, **options).configure(asked(charge_ma, discharge_ma))
    applied = rig.driver.applied
    requests = asked(charge_ma, discharge_ma)
    assert backstop_check.backstop_problems(requests, applied) == []
    assert len(applied) == (2 if part is Ina228 else 1)
    step_ma = 4 * LIMIT_NV[part] // shunt_uohm + 2
    for code, applied_ma, _ in applied:
        wanted_ma = charge_ma if code == BACKSTOP_CHARGE_CURRENT else -discharge_ma
        assert abs(wanted_ma) * 1.2 <= abs(applied_ma) <= abs(wanted_ma) * 1.25 + step_ma
        rig.read_ma(wanted_ma)
        assert rig.driver.alerts == 0 and not rig.chip.alert
        beyond_ma = applied_ma * 1.02 + (step_ma if applied_ma > 0 else -step_ma)
        rig.bench.current_ma = beyond_ma
        rig.clock.advance(25000)
        assert rig.chip.alert and rig.driver.cut
        rig.bench.current_ma = 0.0
        rig.clock.advance(25000)
        # It is latched: a current that has gone by itself changes nothing.
        assert rig.chip.alert
        rig.driver.read(rig.sample, rig.clock.now_us // 1000)
        assert (rig.sample.front_end_charge_trip != 0) == (code == BACKSTOP_CHARGE_CURRENT)
        assert (rig.sample.front_end_discharge_trip != 0) == (code != BACKSTOP_CHARGE_CURRENT)
        for _ in range(60):
            rig.read_ma(0)
        assert rig.sample.front_end_charge_trip == rig.sample.front_end_discharge_trip == 0
        rig.driver.alerts = 0


@pytest.mark.parametrize("part", [Ina228, Ina226])
def test_bring_up_of_the_real_thing_takes_short_slices_and_verifies(part):
    rig = Wired(part, 250).configure(asked(100000, 200000))
    assert rig.driver.configured and max(rig.slices_us) < 5000
    for _ in rig.driver.verify():
        pass
    rig.chip.reset()
    with pytest.raises(AfeError) as lost:
        for _ in rig.driver.verify():
            pass
    assert lost.value.code == errors.READ_BACK_DIFFERS


@pytest.mark.parametrize("part", [Ina228, Ina226])
def test_one_reading_takes_half_a_millisecond_of_the_bus(part):
    rig = Wired(part, 250).configure(asked(100000, 200000))
    rig.clock.advance(20000)
    begun_us = rig.clock.now_us
    rig.driver.read(rig.sample, begun_us // 1000)
    assert rig.clock.now_us - begun_us < 500


@pytest.mark.parametrize("part", [Ina228, Ina226])
def test_the_other_chip_is_refused(part):
    rig = Wired(part, 250)
    other = (Ina226 if part is Ina228 else Ina228)(rig.driver._i2c, shunt_uohm=250)
    with pytest.raises(AfeError) as refused:
        for _ in other.configure(()):
            pass
    assert refused.value.code == errors.WRONG_DEVICE


@pytest.mark.parametrize("part", [Ina228, Ina226])
def test_a_supply_that_dips_loses_the_settings_and_is_found(part):
    rig = Wired(part, 250).configure(asked(100000, 200000))
    rig.chip.brown_out()
    codes = []
    for _ in range(4):
        rig.clock.advance(20000)
        try:
            rig.driver.read(rig.sample, rig.clock.now_us // 1000)
        except AfeError as error:
            codes.append(error.code)
    assert errors.NOT_CONFIGURED in codes and not rig.driver.configured
    rig.configure(asked(100000, 200000))
    assert abs(rig.read_ma(50000) - 50000) < 100


def test_sums_of_minutes_in_both_directions():
    rig = Wired(Ina228, 500).configure(asked(100000, 200000))
    rig.chip.least_event_us = 5000
    for current_ma, sum_mas in ((20000, 2_400_000), (-50000, -3_600_000)):
        rig.bench.current_ma = float(current_ma)
        rig.clock.advance(120_000_000)
        assert rig.driver.charge_mas() == pytest.approx(sum_mas, rel=0.001)
    # 52.8 V all the time.
    joules = 52.8 * (20 + 50) * 120
    assert rig.driver.energy_mj() == pytest.approx(joules * 1000, rel=0.002)


# Arithmetic.


def ready(part, shunt_uohm, requests=()):
    driver = part(Nothing(), shunt_uohm=shunt_uohm)
    driver._plan(requests)
    driver._divisor = driver.divisor()
    return driver


def told_ma(driver, code):
    driver._read_code = lambda register, buffer: code
    return driver._current_ma()


def test_every_code_of_twenty_bits_is_read_with_its_sign():
    driver = ready(Ina228, 500)
    buffer = bytearray(3)
    for code in range(-0x80000, 0x80000):
        buffer[0] = code >> 12 & 0xFF
        buffer[1] = code >> 4 & 0xFF
        buffer[2] = (code & 0x0F) << 4
        if driver.code(buffer) != code:
            raise AssertionError(code)
    driver = ready(Ina226, 500)
    for code in range(-0x8000, 0x8000):
        buffer[:2] = (code & 0xFFFF).to_bytes(2, "big")
        if driver.code(buffer) != code:
            raise AssertionError(code)


@given(
    st.sampled_from((Ina226, "coarse", "fine")),
    st.integers(50_000, 1_000_000_000),
    st.integers(-0x80000, 0x7FFFF),
)
@settings(max_examples=400)
def test_milliamperes_of_every_shunt_are_right_to_a_permille_and_small_ints(kind, nohm, code):
    part = Ina226 if kind is Ina226 else Ina228
    limit_ma = max(1, 20_000_000 * 1000 // nohm)
    requests = ((BACKSTOP_CHARGE_CURRENT, limit_ma, 40, 0),) if kind == "fine" else ()
    try:
        driver = ready(part, nohm / 1000, requests)
    except AfeError:
        # A limit of 1 mA is beyond the range of the largest shunts.
        assert nohm > 400_000_000
        return
    if part is Ina226:
        code >>= 4
    exact = code * NV_PER_CODE[kind] * 1000 / nohm
    told = told_ma(driver, code)
    within = Fraction(1, 2) + abs(exact) / (2 * driver._divisor)
    assert abs(told - exact) <= within
    if nohm >= 100_000:
        assert within <= Fraction(1, 2) + abs(exact) / 1000
    assert abs(code) * driver.numerator + driver._divisor < SMALL_INT


def test_milliamperes_never_fall_where_the_code_rises():
    for part, most in ((Ina228, 0x80000), (Ina226, 0x8000)):
        driver = ready(part, 333.333)
        told = [told_ma(driver, code) for code in range(-most, most, 61)]
        assert told == sorted(told)
        assert most * driver.numerator + driver._divisor < SMALL_INT
