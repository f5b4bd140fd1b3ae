"""The driver of the LTC681x chain over the model that was written apart from it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ltc_pack import CYCLE_MS, Pack
from vigil.afe.errors import (
    CHECK_FAILED,
    NO_ANSWER,
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    SELF_TEST_FAILED,
    TIMED_OUT,
    WRONG_DEVICE,
    AfeError,
)
from vigil.afe.ltc681x_layout import PARTS
from vigil.sample import FAULT_NOT_CONFIGURED, UNKNOWN

SECOND = 1_000_000
CYCLES_A_SECOND = 1000 // CYCLE_MS
ROUND = 13  # cycles: a round through everything, with its pause
part = st.sampled_from(sorted(PARTS))


@st.composite
def chains(draw, most=8):
    """(parts, inputs in use, thermistors) of any mixture."""
    parts = draw(st.lists(part, min_size=1, max_size=most))
    cells, thermistors = [], []
    for name in parts:
        inputs, gpios, _, _ = PARTS[name]
        cells.append(tuple(sorted(draw(st.sets(st.integers(1, inputs), min_size=1)))))
        thermistors.append(tuple(draw(st.sets(st.integers(1, gpios), max_size=3))))
    return parts, cells, thermistors


def code_of(call):
    try:
        call()
    except AfeError as error:
        return error.code
    return None


def snapshot(pack):
    return list(pack.sample.words), pack.sequences()


def rounded_mv(tenths):
    """From 5.6 V on an input is too near to the converter's end."""
    mv = (tenths + 5) // 10
    return mv if mv < 5600 else UNKNOWN


@settings(max_examples=25)
@given(chains(), st.data())
def test_every_voltage_of_any_chain_arrives_where_it_belongs(chain, data):
    pack = Pack(*chain)
    # Between these the model's curve and the driver's table are within 1.5 K.
    temps_c = [data.draw(st.integers(0, 60)) for _ in pack.bench.temps_c]
    pack.bench.temps_c = [float(degrees) for degrees in temps_c]
    pack.configure().read(ROUND)
    tenths = data.draw(
        st.lists(
            st.integers(0, 58000),
            min_size=pack.driver.cell_count,
            max_size=pack.driver.cell_count,
        )
    )
    pack.put_cells([word / 10 for word in tenths])
    pack.read(2)
    assert pack.cells() == [rounded_mv(word) for word in tenths]
    # The sum comes in steps of 2 or 3 mV a device.
    more_mv = sum(tenths) / 10 - 5600 * len(tenths)
    step_mv = 2 * len(chain[0])
    if pack.stack() == UNKNOWN:
        assert more_mv > -step_mv
    else:
        assert more_mv < step_mv and abs(pack.stack() - sum(tenths) / 10) <= step_mv
    assert all(abs(found - 10 * c) <= 15 for found, c in zip(pack.temps(), temps_c, strict=True))
    assert pack.dies() == [300] * len(chain[0])
    assert pack.driver.bus.retries == 0
    assert [device.measuring.overlapped for device in pack.chain.devices] == [0] * len(chain[0])


@settings(max_examples=15)
@given(part, st.data())
def test_every_number_of_cells_of_a_device_is_measured(name, data):
    for count in range(1, PARTS[name][0] + 1):
        pack = Pack((name,), (count,))
        wanted = [data.draw(st.integers(0, 5599)) for _ in range(count)]
        pack.put_cells(wanted)
        assert pack.configure().read().cells() == wanted


@settings(max_examples=25)
@given(chains(), st.data())
def test_a_disturbed_block_is_read_again_and_a_lasting_disturbance_leaves_the_sample(chain, data):
    pack = Pack(*chain).configure().read(ROUND)
    device = pack.chain.devices[data.draw(st.integers(0, len(chain[0]) - 1))]
    pack.read(data.draw(st.integers(0, ROUND)))
    pack.put_cells([3456.0] * pack.driver.cell_count)
    pack.read()
    device.bad_pecs = 1
    pack.read()
    assert pack.driver.bus.check_errors == 1
    assert set(pack.cells()) == {3456}
    before, sequences = snapshot(pack)
    device.bad_pecs = -1
    for _ in range(3):
        assert code_of(pack.read) == CHECK_FAILED
    after, moved = snapshot(pack)
    assert after == before and moved == sequences
    device.bad_pecs = 0
    pack.read()
    assert set(pack.cells()) == {3456}


@settings(max_examples=25)
@given(chains(), st.data())
def test_a_missing_device_is_an_error_at_once_and_at_bring_up(chain, data):
    pack = Pack(*chain).configure().read(ROUND)
    device = pack.chain.devices[data.draw(st.integers(0, len(chain[0]) - 1))]
    before, _ = snapshot(pack)
    device.missing = True
    assert code_of(pack.read) == NO_ANSWER
    assert snapshot(pack)[0] == before
    assert code_of(pack.configure) == NO_ANSWER
    assert not pack.driver.configured
    device.missing = False
    pack.configure().read(2)
    assert UNKNOWN not in pack.cells()


@settings(max_examples=15)
@given(st.lists(part, min_size=1, max_size=8), st.lists(part, min_size=1, max_size=8))
def test_a_chain_of_other_devices_is_refused(told, really):
    pack = Pack(told, [1] * len(told), really=really)
    same = [PARTS[name] for name in told] == [PARTS[name] for name in really]
    assert (code_of(pack.configure) is None) == same
    assert pack.driver.configured == same


def test_a_device_too_many_or_of_another_kind_is_a_wrong_device():
    big, small = "LTC6813", "LTC6811"
    for told, really in (
        ([big] * 2, [big] * 3),
        ([small] * 7, [small] * 8),
        ([big, small], [big, big]),
        ([big, small], [small, big]),
    ):
        for pause_us in (0, 5000):
            pack = Pack(told, [1] * len(told), really=really)
            assert code_of(lambda pack=pack, us=pause_us: pack.configure(us)) == WRONG_DEVICE


def test_bring_up_needs_no_pauses():
    assert Pack().configure(pause_us=0).driver.configured


@settings(max_examples=15)
@given(chains(most=4), st.data())
def test_a_stuck_conversion_is_no_measurement(chain, data):
    pack = Pack(*chain).configure().read(ROUND)
    device = pack.chain.devices[data.draw(st.integers(0, len(chain[0]) - 1))]
    pack.read()
    device.stuck = True
    # What was begun before is the last that is measured.
    assert code_of(pack.read) in (None, TIMED_OUT)
    before, _ = snapshot(pack)
    for _ in range(3):
        assert code_of(pack.read) == TIMED_OUT
    assert snapshot(pack)[0] == before
    assert pack.driver.configured
    device.stuck = False
    assert code_of(pack.read) == TIMED_OUT
    pack.read(2)
    assert UNKNOWN not in pack.cells()


def test_conversions_that_measure_nothing_leave_no_old_value():
    for frozen in (0, 1):
        pack = Pack().configure().read(ROUND)
        pack.chain.devices[frozen].frozen = True
        pack.read(2)
        mine = [3300] * 12
        lost = [UNKNOWN] * 12
        assert pack.cells() == (lost + mine if frozen == 0 else mine + lost)
        assert pack.stack() == UNKNOWN


@settings(max_examples=12)
@given(chains(most=4), st.integers(0, 60), st.integers(2_200_000, 40_000_000))
def test_a_chain_that_fell_asleep_is_never_taken_for_one_that_is_set_up(chain, cycles, pause_us):
    pack = Pack(*chain).configure().read(1 + cycles)
    pack.clock.advance(pause_us)
    before, _ = snapshot(pack)
    assert all(device.asleep for device in pack.chain.devices)
    assert code_of(pack.read) == NOT_CONFIGURED
    assert pack.sample.front_end_fault == FAULT_NOT_CONFIGURED
    assert not pack.driver.configured and pack.driver.settings_lost == 1
    pack.configure().read(2)
    assert UNKNOWN not in pack.cells() and pack.sample.front_end_fault == 0


@settings(max_examples=20)
@given(chains(most=4), st.data())
def test_a_device_that_starts_anew_is_found_within_a_round(chain, data):
    pack = Pack(*chain).configure().read(ROUND)
    device = pack.chain.devices[data.draw(st.integers(0, len(chain[0]) - 1))]
    pack.clock.advance(data.draw(st.integers(0, 19_000)))
    device.brown_out(data.draw(st.integers(1, 100_000)))
    codes = [code_of(pack.read) for _ in range(3 * ROUND)]
    assert NOT_CONFIGURED in codes or READ_BACK_DIFFERS in codes
    assert not pack.driver.configured
    pack.configure().read(2)
    assert UNKNOWN not in pack.cells()


def test_a_bring_up_that_is_let_wait_for_too_long_is_not_good():
    pack = Pack()
    assert code_of(lambda: pack.configure(pause_us=2_300_000)) is not None
    assert not pack.driver.configured
    pack.configure()
    assert pack.driver.configured


def test_a_broken_multiplexer_fails_the_self_test():
    for at in (0, 1):
        pack = Pack()
        pack.chain.devices[at].measuring.mux_fails = True
        assert code_of(pack.configure) == SELF_TEST_FAILED


@settings(max_examples=12)
@given(chains(most=3), st.data())
def test_every_broken_lead_is_found_and_no_other(chain, data):
    pack = Pack(*chain, open_wire_s=1)
    at = data.draw(st.integers(0, len(chain[0]) - 1))
    device = pack.chain.devices[at]
    inputs = chain[1][at]
    place = data.draw(st.integers(0, len(inputs)))
    # A lead between inputs that are not neighbours belongs to one cell only.
    joined = 0 < place < len(inputs) and inputs[place] == inputs[place - 1] + 1
    if 0 < place < len(inputs) and not joined:
        place = 0
    pack.configure().read(3)
    assert not pack.driver.open_lead_seen
    device.leads.open.add(place)
    pack.read(2 * CYCLES_A_SECOND)
    first = sum(len(cells) for cells in chain[1][:at])
    found = [lead for lead, broken in enumerate(pack.driver.open_leads) if broken]
    assert found == [first + place]
    device.leads.open.clear()
    pack.read(2 * CYCLES_A_SECOND)
    assert not pack.driver.open_lead_seen


# Bleeding.


def bleeds(pack):
    return [pack.bench.bleed >> cell & 1 for cell in range(pack.driver.cell_count)]


@settings(max_examples=4)
@given(chains(most=2), st.data())
def test_bleeding_goes_on_as_long_as_it_is_asked_for_and_no_longer(chain, data):
    pack = Pack(*chain).configure().read(ROUND)
    marks = bytearray(pack.driver.cell_count)
    for cell in data.draw(st.sets(st.integers(0, len(marks) - 1))):
        if not (cell and marks[cell - 1]) and not marks[cell + 1 : cell + 2] == b"\x01":
            marks[cell] = 1
    for _ in range(2):
        pack.driver.balance(marks)
        for _ in range(5 * CYCLES_A_SECOND):
            pack.read()
            pack.clock.advance(5000)
            assert bleeds(pack) == list(marks)
    assert sum(device.watchdog_resets for device in pack.chain.devices) == 0
    # Nobody asks any more.
    pack.read(16 * CYCLES_A_SECOND)
    assert not any(bleeds(pack))


def test_neighbours_are_refused_and_then_nothing_bleeds():
    pack = Pack().configure().read(2)
    marks = bytearray(24)
    marks[3] = 1
    pack.driver.balance(marks)
    pack.read()
    pack.clock.advance(5000)
    assert sum(bleeds(pack)) == 1
    marks[4] = 1
    assert code_of(lambda: pack.driver.balance(marks)) is not None
    assert not any(bleeds(pack))
    # The uppermost of one device and the lowest of the next share no resistor.
    marks = bytearray(24)
    marks[11] = marks[12] = 1
    pack.driver.balance(marks)
    pack.read()
    pack.clock.advance(5000)
    assert bleeds(pack) == list(marks)


def test_a_controller_that_hangs_bleeds_for_two_seconds_at_most():
    pack = Pack().configure().read(2)
    pack.driver.balance(b"\x01" + bytes(23))
    pack.read()
    pack.clock.advance(1_700_000)
    assert pack.bench.bleed
    pack.clock.advance(500_000)
    assert not pack.bench.bleed


def test_with_the_timer_a_controller_that_hangs_bleeds_as_long_as_was_set():
    pack = Pack(bleed_timer_s=30)
    for device in pack.chain.devices:
        device.dten = True
    pack.configure().read(2)
    pack.driver.balance(b"\x01" + bytes(23))
    pack.read(3 * CYCLES_A_SECOND)
    pack.clock.advance(25 * SECOND)
    assert pack.bench.bleed == 1
    pack.clock.advance(6 * SECOND)
    assert pack.bench.bleed == 0


def test_bleeding_that_nobody_asks_for_ends_even_where_nothing_can_be_read():
    pack = Pack().configure().read(2)
    pack.driver.balance(b"\x01" + bytes(23))
    pack.read()
    # It hears, but every answer is disturbed.
    pack.chain.devices[1].bad_pecs = -1
    for _ in range(21 * CYCLES_A_SECOND):
        assert code_of(pack.read) == CHECK_FAILED
    assert pack.bench.bleed == 0


def test_a_bleeding_pack_is_still_measured_at_rest():
    pack = Pack().configure().read(2)
    pack.driver.balance(b"\x01\x00" * 12)
    pack.read(ROUND)
    # Switches pause while the cells are measured; the model shows it in its mask.
    seen = []
    measuring = pack.chain.devices[0].measuring
    fill = measuring._fill_cells

    def note(conversion):
        seen.append(pack.bench.bleed & 0xFFF)
        fill(conversion)

    measuring._fill_cells = note
    pack.read(20)
    assert len(seen) == 20 and not any(seen)
