"""The LTC681x driver over a chain that records every frame."""

from ltc_desk import Desk, pec

from vigil.afe import errors
from vigil.afe.errors import AfeError
from vigil.afe.ltc681x_chain import Chain, command
from vigil.afe.ltc681x_layout import Device
from vigil.sample import BOARD, CELLS, FAULT_NOT_CONFIGURED, STACK, TEMPS, UNKNOWN

# From the fact sheet.
COMMANDS = {
    0x001: 0x3D6E,
    0x002: 0x2B0A,
    0x004: 0x07C2,
    0x006: 0x9A94,
    0x008: 0x5E52,
    0x00A: 0xC304,
    0x009: 0xD560,
    0x00B: 0x4836,
    0x00C: 0xEFCC,
    0x00E: 0x729A,
    0x00D: 0x64FE,
    0x00F: 0xF9A8,
    0x010: 0xED72,
    0x012: 0x7024,
    0x024: 0xB19E,
    0x026: 0x2CC8,
    0x020: 0x0000,
    0x711: 0xC9C0,
    0x712: 0xDFA4,
    0x713: 0x5496,
    0x714: 0xF36C,
    0x715: 0x785E,
    0x567: 0x745A,
    0x560: 0xD3A0,
    0x368: 0x1C62,
    0x328: 0xFBE8,
    0x327: 0xB41C,
    0x347: 0xE5CA,
    0x527: 0x93D0,
    0x52F: 0x7BDE,
}
BLOCKS = {
    "ffffffffffff": "664c",
    "000000000000": "c212",
    "f80000000000": "bee2",
    "fc0000000000": "4f82",
    "0f0000000000": "1e68",
    "fc5217a40000": "07a0",
    "800c810c820c": "d2de",
    "559555955595": "02ca",
    "aa6aaa6aaa6a": "a694",
}


def code_of(verb, *arguments):
    try:
        verb(*arguments)
    except AfeError as error:
        return error.code
    return 0


def bring_up(desk):
    for _ in desk.driver.configure(()):
        desk.clock.advance(5000)


def hexadecimal(data):
    return "".join(["%02x" % byte for byte in data])


def four_devices():
    return [
        Device("LTC6811", 9),
        Device("LTC6813", (1, 2, 3, 7, 8, 9, 13, 14, 18)),
        Device("ADBMS1818", 18),
        Device("LTC6811", 12),
    ]


# Framing.


def test_commands_carry_the_check_codes_of_the_data_sheet():
    for code, expected in COMMANDS.items():
        frame = command(code)
        assert (frame[0] << 8 | frame[1], frame[2] << 8 | frame[3]) == (code, expected)


def test_data_blocks_carry_the_check_codes_of_the_data_sheet():
    desk = Desk()
    for data, expected in BLOCKS.items():
        chain = Chain(desk.wire, desk.wire, 1)
        frame = chain.writing(0x001)
        views = chain.seals(frame)
        for at in range(6):
            views[0][at] = int(data[2 * at : 2 * at + 2], 16)
        chain.seal(views)
        assert hexadecimal(frame[4:]) == data + expected


def test_the_first_block_written_goes_to_the_farthest_device():
    desk = Desk().configure()
    bleed = bytearray(24)
    bleed[0] = 1  # nearest device, first input
    bleed[23] = 1  # farthest, twelfth
    desk.driver.balance(bleed)
    written = [frame for frame in desk.wire.frames if frame[1] == 0x01]
    # FC 52 17 A4, then the discharge bits.
    assert hexadecimal(written[-1][4:10]) == "fc5217a40008"
    assert hexadecimal(written[-1][12:18]) == "fc5217a40100"
    assert (desk.chain[0].a[4], desk.chain[1].a[5]) == (0x01, 0x08)


def test_every_command_follows_a_pulse_that_wakes_each_device():
    desk = Desk().configure()
    pulses = []
    write = desk.wire.write

    def note(data):
        pulses.append(len(data))
        write(data)

    desk.wire.write = note
    desk.read()
    assert pulses[:2] == [1, 1] and desk.wire.commands()[0] == 0x714


# Measuring.


def test_cells_of_a_mixed_chain_come_in_the_order_of_the_stack():
    desk = Desk(four_devices(), thermistors=False).configure()
    expected = []
    for number, device in enumerate(four_devices()):
        for place in range(desk.chain[number].inputs):
            desk.chain[number].wired[place] = 30000 + 1000 * number + 10 * place
        for cell_input in device.cells:
            expected.append(3000 + 100 * number + cell_input - 1)
    desk.read(2)
    assert desk.cells() == expected
    assert not code_of(desk.read)


def test_only_groups_with_cells_in_use_are_read():
    desk = Desk([Device("LTC6813", (1, 2, 3, 16))], thermistors=False).configure()
    desk.read(4)
    desk.wire.forget()
    desk.read()
    cells = [code for code in desk.wire.commands() if code in (4, 6, 8, 0xA, 9, 0xB)]
    assert cells == [0x004, 0x00B]


def test_voltages_are_rounded_to_the_millivolt():
    desk = Desk().configure()
    for raw, cell_mv in ((0, 0), (4, 0), (5, 1), (32764, 3276), (32765, 3277), (42004, 4200)):
        desk.chain[0].wired[3] = raw
        desk.read(2)
        assert desk.cells()[3] == cell_mv


def test_the_stack_is_the_sum_conversion_of_all_devices():
    desk = Desk().configure()
    # 43.2 V across an LTC6811 and 64.8 V across an LTC6813 both read 21600.
    desk.chain[0].wired[:] = [36000] * 18
    desk.chain[1].wired[:] = [36000] * 12
    desk.read(2)
    desk.clock.advance(5000)
    desk.wire._settle()
    assert [device.status[0] for device in desk.chain] == [21600, 21600]
    assert desk.stack() == 64800 + 43200


def test_more_than_the_cells_can_add_up_to_is_no_sum():
    desk = Desk().configure()
    # Inputs without a cell count in the sum: 94.8 V and 39.6 V are 24 times 5.6 V.
    for word, stack in ((92000, 134400), (92100, UNKNOWN)):
        desk.chain[0].wired[12:] = [word] * 6
        desk.read(2)
        assert desk.stack() == stack
        assert UNKNOWN not in desk.cells()


def test_dies_have_the_scale_of_their_part():
    desk = Desk().configure()
    desk.read(12)
    assert desk.dies() == [250, 250]
    desk.chain[0].die = 22876 + 76 * 40
    desk.chain[1].die = 22350 - 75 * 40
    desk.read(14)
    assert desk.dies() == [650, -150]
    desk.chain[1].die = 0
    desk.read(14)
    assert desk.dies() == [650, UNKNOWN]


def test_thermistors_read_against_the_reference():
    desk = Desk().configure()
    desk.read(12)
    # Half of the reference is the nominal resistance; each divider has its own reference.
    assert desk.temps() == [250, 250, 250]
    desk.chain[1].gpios[4] = 15000 * 29800 // 30000
    desk.chain[1].reference = 29800
    desk.chain[0].gpios[6] = 30000 * 27700 // 37700
    desk.read(14)
    temps = desk.temps()
    assert temps[0] == 250 and temps[2] == 250
    assert abs(temps[1]) <= 3


def test_open_and_shorted_thermistors_and_a_false_reference_are_no_temperature():
    for gpio, reference in ((30000, 30000), (29990, 30000), (100, 30000), (15000, 20000)):
        desk = Desk().configure()
        desk.chain[0].gpios[0] = gpio
        desk.chain[0].reference = reference
        desk.read(12)
        assert desk.temps()[0] == UNKNOWN
        assert desk.temps()[2] == 250


def test_everything_is_known_a_quarter_of_a_second_after_bring_up():
    desk = Desk().configure()
    desk.read(10)
    for group in (CELLS, STACK, TEMPS, BOARD):
        assert desk.sample.sequence(group)
    assert UNKNOWN not in desk.cells() + desk.temps() + desk.dies() + [desk.stack()]


def test_each_cycle_brings_new_cells_and_each_round_new_temperatures():
    desk = Desk().configure()
    desk.read(20)
    cells, temps = desk.sample.sequence(CELLS), desk.sample.sequence(TEMPS)
    desk.read(100)
    assert desk.sample.sequence(CELLS) == cells + 100
    assert desk.sample.sequence(TEMPS) == temps + 10


# What goes wrong.


def test_a_spoilt_block_of_any_device_fails_the_reading_and_is_counted():
    for number in range(4):
        for code in (0x004, 0x00A, 0x010):
            desk = Desk(four_devices(), thermistors=False).configure()
            desk.read(4)
            before = desk.cells()
            for device in desk.chain:
                device.wired[0] = 34000
            desk.chain[number].spoilt = (code,)
            sequence = desk.sample.sequence(CELLS)
            assert code_of(desk.read) == errors.CHECK_FAILED
            assert desk.cells() == before and desk.sample.sequence(CELLS) == sequence
            # Read twice before it is given up.
            errors_of = [2 if place == number else 0 for place in range(4)]
            assert desk.driver.bus.device_errors == errors_of
            assert (desk.driver.bus.retries, desk.driver.bus.check_errors) == (1, 2)
            desk.chain[number].spoilt = ()
            desk.read()
            assert desk.cells()[0] == 3400


def test_a_single_flipped_bit_is_mended_by_reading_again():
    desk = Desk().configure()
    device = desk.chain[1]
    group = device.group

    def heal(code):
        device.spoilt = (0x006,) if device.reads.get(0x006, 0) == flips else ()
        return group(code)

    flips = device.reads.get(0x006, 0)
    device.group = heal
    desk.read()
    assert desk.driver.bus.retries == 1
    assert desk.driver.bus.device_errors == [0, 1]


def test_a_cut_chain_is_silence_of_the_devices_behind():
    desk = Desk(four_devices(), thermistors=False).configure()
    desk.wire.cut_behind = 2
    assert code_of(desk.read) == errors.NO_ANSWER
    assert desk.driver.bus.device_errors == [0, 0, 2, 2]


def test_a_line_held_low_is_no_data():
    desk = Desk().configure()
    desk.wire.low = True
    assert code_of(desk.read) in (errors.CHECK_FAILED, errors.TIMED_OUT)
    assert desk.sample.sequence(CELLS) == 0


def test_a_controller_whose_bus_fails_says_no_answer():
    desk = Desk().configure()
    desk.wire.is_down = True
    assert code_of(desk.read) == errors.NO_ANSWER
    desk.wire.is_down = False
    assert code_of(desk.read) == 0


def test_a_conversion_that_never_happened_is_unknown_and_never_old():
    desk = Desk().configure()
    desk.read(4)
    assert desk.cells() == [3300] * 24
    desk.chain[1].stuck = True
    desk.read(2)
    assert desk.cells() == [3300] * 12 + [UNKNOWN] * 12
    assert desk.stack() == UNKNOWN
    desk.read(14)
    assert desk.temps() == [250, 250, UNKNOWN] and desk.dies() == [250, UNKNOWN]
    desk.chain[1].stuck = False
    desk.read(2)
    assert desk.cells() == [3300] * 24


def test_a_conversion_that_does_not_end_is_told():
    desk = Desk().configure()
    desk.read(4)
    desk.wire.busy_until_us = desk.clock.now_us + 10000000
    sequence = desk.sample.sequence(CELLS)
    assert code_of(desk.read) == errors.TIMED_OUT
    assert desk.driver.late_conversions == 1
    assert desk.sample.sequence(CELLS) == sequence


def test_a_slow_conversion_that_does_not_end_is_told():
    # A thermistor, the reference, a die.
    for start in (0x561, 0x566, 0x56A):
        desk = Desk().configure()
        desk.read(24)
        desk.wire.endless = (start,)
        codes = []
        while len(codes) < 20 and errors.TIMED_OUT not in codes:
            codes.append(code_of(desk.read))
        assert codes[-1] == errors.TIMED_OUT and not any(codes[:-1])
        desk.wire.endless = ()
        desk.clock.advance(10000000)
        desk.configure().read(24)
        assert UNKNOWN not in desk.temps() + desk.dies()


def test_one_device_without_a_sum_leaves_a_long_chain_without_one():
    # All ones would be 131 V, and 250 V with the others: no more than 48 cells can have.
    desk = Desk([Device("LTC6811", 12)] * 4, thermistors=False).configure()
    desk.read(4)
    assert desk.stack() == 4 * 12 * 3300
    desk.chain[2].stuck = True
    desk.read(2)
    assert desk.stack() == UNKNOWN


def test_an_input_at_the_rail_is_unknown():
    desk = Desk().configure()
    desk.chain[0].wired[2] = 55994
    desk.chain[0].wired[3] = 55995
    desk.read(2)
    assert desk.cells()[2] == 5599 and desk.cells()[3] == UNKNOWN


def test_a_device_that_lost_its_settings_is_found_within_a_round():
    desk = Desk().configure()
    desk.read(20)
    desk.chain[1].reset()
    codes = [code_of(desk.read) for _ in range(11)]
    assert errors.NOT_CONFIGURED in codes
    assert not desk.driver.configured
    assert desk.sample.front_end_fault & FAULT_NOT_CONFIGURED
    desk.configure()
    desk.read(12)
    assert desk.cells() == [3300] * 24
    assert desk.sample.front_end_fault == 0


def test_a_pause_longer_than_the_watchdog_is_a_loss_of_settings():
    desk = Desk().configure()
    desk.read(4)
    desk.clock.advance(1900000)
    assert code_of(desk.read) == errors.NOT_CONFIGURED
    assert not desk.driver.configured
    assert code_of(desk.read) == errors.NOT_CONFIGURED
    desk.configure()
    desk.read()
    assert desk.cells() == [3300] * 24


def test_verifying_reads_every_setting_of_every_device():
    desk = Desk().configure()
    desk.read(4)
    verify = desk.driver.verify
    assert code_of(list, verify()) == 0
    for number in range(2):
        for at, bit in ((0, 0x04), (0, 0x01), (1, 0x10), (2, 0x80), (3, 0x01), (4, 0x20), (5, 8)):
            desk.chain[number].a[at] ^= bit
            assert code_of(list, verify()) == errors.READ_BACK_DIFFERS
            desk.chain[number].a[at] ^= bit
    for at, bit in ((0, 0x80), (1, 0x40), (1, 0x01)):
        desk.chain[0].b[at] ^= bit
        assert code_of(list, verify()) == errors.READ_BACK_DIFFERS
        desk.chain[0].b[at] ^= bit
    # Time left of a timer, pins, DTEN and mute are not settings.
    desk.chain[0].a[5] |= 0xF0
    desk.chain[0].a[0] |= 0x02
    desk.chain[0].b[1] |= 0x80
    assert code_of(list, verify()) == 0


# Bring-up.


def test_bring_up_refuses_a_chain_of_the_wrong_length_or_kind():
    longer = Desk()
    longer.chain.append(type(longer.chain[0])(12))
    assert code_of(bring_up, longer) == errors.WRONG_DEVICE
    shorter = Desk()
    shorter.wire.cut_behind = 1
    assert code_of(bring_up, shorter) == errors.NO_ANSWER
    for number, inputs in ((0, 12), (1, 18)):
        other = Desk()
        other.chain[number] = type(other.chain[0])(inputs)
        assert code_of(bring_up, other) == errors.WRONG_DEVICE
        assert not other.driver.configured


def test_bring_up_refuses_a_device_that_fails_its_tests():
    for number in range(2):
        for word in (0x9554, 0x1555, 0x6AAB, 0xFFFF):
            desk = Desk()
            desk.chain[number].test_result = word
            assert code_of(bring_up, desk) == errors.SELF_TEST_FAILED
        desk = Desk()
        desk.chain[number].mux_broken = True
        assert code_of(bring_up, desk) == errors.SELF_TEST_FAILED
        assert not desk.driver.configured


def test_bring_up_runs_every_self_test_and_takes_less_than_5_ms_a_slice():
    desk = Desk()
    longest = 0
    steps = desk.driver.configure(())
    while True:
        began = desk.clock.now_us
        try:
            next(steps)
        except StopIteration:
            break
        longest = max(longest, desk.clock.now_us - began)
        desk.clock.advance(20000)
    assert longest < 5000
    ran = desk.wire.counts
    for code in (0x327, 0x347, 0x527, 0x547, 0x52F, 0x54F, 0x715):
        assert code in ran
    # Nothing that was read back is ever written: pins read low here.
    for device in desk.chain:
        assert device.a[0] == 0xFC
    assert desk.chain[0].b[0] == 0x0F
    assert desk.driver.applied == []


# Sense leads.


def leads_seen(desk):
    return [lead for lead, seen in enumerate(desk.driver.open_leads) if seen]


def test_every_open_lead_is_found_and_no_other():
    for number, first in ((0, 0), (1, 12)):
        for lead in range(12):
            desk = Desk().configure()
            desk.chain[number].open_leads = (lead,)
            desk.read(3)
            assert desk.driver.open_lead_seen
            assert leads_seen(desk) == [first + lead]
    # The top lead: of an LTC6811 with all inputs in use.
    desk = Desk().configure()
    desk.chain[1].open_leads = (12,)
    desk.read(3)
    assert leads_seen(desk) == [24]


def test_sound_leads_are_sound_whatever_the_cells():
    desk = Desk().configure()
    desk.chain[0].wired[0] = 15000
    desk.chain[0].wired[1] = 43000
    desk.read(5)
    assert not desk.driver.open_lead_seen and leads_seen(desk) == []


def test_leads_are_tested_again_and_again_without_a_cycle_without_cells():
    desk = Desk(open_wire_s=2).configure()
    desk.read(5)
    desk.chain[0].open_leads = (4,)
    sequence = desk.sample.sequence(CELLS)
    desk.read(105)
    assert desk.sample.sequence(CELLS) == sequence + 105
    assert leads_seen(desk) == [4]
    desk.chain[0].open_leads = ()
    desk.read(105)
    assert not desk.driver.open_lead_seen


def test_each_pull_is_converted_at_least_twice_and_discharge_waits():
    desk = Desk(open_wire_s=2).configure()
    desk.read(2)
    assert desk.wire.counts[0x368] == 2 and desk.wire.counts[0x328] == 2
    bleed = bytearray(24)
    bleed[5] = 1
    desk.driver.balance(bleed)
    desk.wire.forget()
    desk.read(150)
    assert 0x368 not in desk.wire.counts
    bleed[5] = 0
    desk.driver.balance(bleed)
    desk.read(4)
    assert 0x368 in desk.wire.counts and 0x328 in desk.wire.counts


def test_a_cycle_with_the_test_of_the_leads_stays_below_half_its_period():
    desk = Desk(open_wire_s=2).configure()
    longest = 0
    for _ in range(200):
        desk.clock.advance(20000 - desk.clock.now_us % 20000)
        began = desk.clock.now_us
        desk.driver.read(desk.sample, began // 1000)
        longest = max(longest, desk.clock.now_us - began)
    assert longest < 10000


# Discharge.


def bleeding(desk):
    found = []
    for device in desk.chain:
        bits = device.a[4] | (device.a[5] & 0x0F) << 8
        bits |= (device.b[0] & 0xF0) << 8 | (device.b[1] & 3) << 16
        found.append([place + 1 for place in range(18) if bits >> place & 1])
    return found


def test_every_cell_has_its_discharge_bit():
    parts = [Device("LTC6813", (1, 2, 5, 9, 12, 13, 16, 17, 18)), Device("LTC6811", 12)]
    desk = Desk(parts, thermistors=False).configure()
    for cell in range(21):
        bleed = bytearray(21)
        bleed[cell] = 1
        desk.driver.balance(bleed)
        number = 0 if cell < 9 else 1
        cell_input = parts[0].cells[cell] if cell < 9 else cell - 8
        expected = [[], []]
        expected[number] = [cell_input]
        assert bleeding(desk) == expected


def test_neighbours_on_one_device_are_refused_and_nothing_bleeds():
    desk = Desk().configure()
    bleed = bytearray(24)
    bleed[2] = 1
    desk.driver.balance(bleed)
    bleed[3] = 1
    assert code_of(desk.driver.balance, bleed) == errors.UNSUPPORTED
    assert bleeding(desk) == [[], []]
    # The last cell of one device and the first of the next have switches of their own.
    bleed = bytearray(24)
    bleed[11] = bleed[12] = 1
    desk.driver.balance(bleed)
    assert bleeding(desk) == [[12], [1]]


def test_bleeding_is_written_again_before_watchdog_and_timer_lapse():
    desk = Desk(bleed_timer_s=30).configure()
    bleed = bytearray(24)
    bleed[0] = 1
    desk.driver.balance(bleed)
    assert [device.a[5] >> 4 for device in desk.chain] == [1, 1]
    written = []
    for _ in range(500):
        desk.wire.forget()
        desk.read()
        if 0x001 in desk.wire.commands():
            written.append(desk.clock.now_us)
    assert len(written) >= 9
    gaps = [later - earlier for earlier, later in zip(written, written[1:])]
    assert max(gaps) < 1800000
    assert bleeding(desk) == [[1], []]
    bleed[0] = 0
    desk.driver.balance(bleed)
    assert [device.a[5] >> 4 for device in desk.chain] == [0, 0]


def test_bleeding_that_nobody_asks_for_any_more_ends():
    desk = Desk().configure()
    bleed = bytearray(24)
    bleed[0] = 1
    desk.driver.balance(bleed)
    desk.read(990)
    assert bleeding(desk) == [[1], []]
    desk.read(20)
    assert bleeding(desk) == [[], []]
    assert desk.driver.bleed_lapse_ms == 20000
    # Without it they are as quick as their watchdog, or their timer.
    assert desk.driver.capabilities()["bleed_alone_ms"] == 2000
    assert Desk(bleed_timer_s=30).driver.capabilities()["bleed_alone_ms"] == 30000


def test_without_the_timer_pin_bleeding_ends_with_the_watchdog():
    desk = Desk().configure()
    bleed = bytearray(24)
    bleed[0] = 1
    desk.driver.balance(bleed)
    assert desk.chain[0].a[5] >> 4 == 0


def test_temperatures_go_on_while_cells_bleed():
    desk = Desk().configure()
    desk.read(20)
    bleed = bytearray(24)
    bleed[0] = 1
    desk.driver.balance(bleed)
    temps = desk.sample.sequence(TEMPS)
    desk.read(200)
    assert desk.sample.sequence(TEMPS) >= temps + 18


def test_shutting_down_ends_bleeding_and_needs_a_new_bring_up():
    desk = Desk().configure()
    bleed = bytearray(24)
    bleed[0] = 1
    desk.driver.balance(bleed)
    desk.driver.shutdown()
    assert bleeding(desk) == [[], []]
    assert code_of(desk.read) == errors.NOT_CONFIGURED
    assert code_of(desk.driver.balance, bleed) == errors.NOT_CONFIGURED


def test_what_cannot_be_is_refused_before_anything_runs():
    def refused(make):
        try:
            make()
        except ValueError:
            return True
        return False

    assert refused(lambda: Device("LTC6811", 13))
    assert refused(lambda: Device("LTC6811", (3, 2)))
    assert refused(lambda: Device("LTC6811", ()))
    assert refused(lambda: Device("LTC6811", 4, (6,)))
    assert refused(lambda: Device("LTC6820", 4))
    assert refused(lambda: Desk([Device("LTC6811", 4, (1,))], thermistors=False))
    assert refused(lambda: Desk([Device("LTC6811", 4)] * 9))
    assert refused(lambda: Desk(bleed_timer_s=45))


def test_the_desk_itself_knows_the_check_codes_of_the_data_sheet():
    for data, expected in BLOCKS.items():
        raw = bytes([int(data[at : at + 2], 16) for at in range(0, 12, 2)])
        assert hexadecimal(pec(raw)) == expected
