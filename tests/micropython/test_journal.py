"""The journal's ring: order, restarts, damage, and power cuts on a filesystem that tears."""

from host_tools.mock.fake_flash import FakeFlash, PowerCut
from vigil.journal import FILES, PER_FILE, RECORD_SIZE, START, TRIP, Journal, pack, parse


def opened(flash):
    journal = Journal(flash)
    journal.load()
    return journal


def filled(count, flash=None):
    flash = flash or FakeFlash()
    journal = opened(flash)
    for number in range(count):
        journal.append(1, number, TRIP, 2, 5, -number, 0x21)
        while journal.pending:
            assert journal.flush()
    return flash


def sequences(journal):
    return [entry.sequence for entry in journal.newest_first()]


def test_a_record_says_everything_it_was_given():
    flash = FakeFlash()
    journal = opened(flash)
    journal.append(7, 3600, TRIP, 12, 5, -120000, 0x42)
    journal.flush()
    (entry,) = list(opened(flash).newest_first())
    assert (entry.sequence, entry.start, entry.t_s, entry.kind) == (0, 7, 3600, TRIP)
    assert (entry.code, entry.where, entry.value, entry.states) == (12, 5, -120000, 0x42)


def test_records_come_newest_first_with_those_not_yet_written():
    flash = filled(20)
    journal = opened(flash)
    journal.append(1, 99, START)
    assert sequences(journal) == list(range(20, -1, -1))
    assert sequences(opened(flash)) == list(range(19, -1, -1))


def test_the_ring_keeps_the_newest_and_forgets_the_oldest():
    for count in (PER_FILE, PER_FILE * FILES, PER_FILE * FILES + 1, PER_FILE * 9 + 5):
        held = sequences(opened(filled(count)))
        assert held[0] == count - 1
        assert held == list(range(count - 1, count - 1 - len(held), -1))
        assert PER_FILE * (FILES - 1) <= len(held) <= PER_FILE * FILES or len(held) == count


def test_many_records_wait_and_are_written_file_by_file():
    flash = filled(PER_FILE - 2)
    journal = opened(flash)
    for _ in range(10):
        journal.append(1, 0, TRIP)
    journal.flush()
    assert journal.pending == 8
    journal.flush()
    assert journal.pending == 0
    assert len(sequences(opened(flash))) == PER_FILE + 8


def test_what_finds_no_room_is_counted():
    journal = opened(FakeFlash())
    for _ in range(20):
        journal.append(1, 0, TRIP)
    assert journal.pending == 16
    assert journal.dropped == 4


def test_a_failed_write_keeps_the_records_waiting():
    flash = filled(3)
    journal = opened(flash)
    journal.append(1, 0, TRIP)
    flash.failing = True
    assert not journal.flush()
    assert journal.pending == 1
    flash.failing = False
    assert journal.flush()
    assert sequences(opened(flash)) == [3, 2, 1, 0]


def test_a_damaged_record_is_left_out_and_counted():
    flash = filled(6)
    image = bytearray(flash.records["journal.0"])
    image[2 * RECORD_SIZE + 9] ^= 1
    flash.records["journal.0"] = bytes(image)
    journal = opened(flash)
    assert journal.damaged == 1
    assert sequences(journal) == [5, 4, 3, 1, 0]
    journal.append(1, 0, TRIP)
    journal.flush()
    assert sequences(opened(flash)) == [6, 5, 4, 3, 1, 0]


def test_a_record_in_another_ones_place_is_not_shown():
    flash = filled(6)
    image = bytearray(flash.records["journal.0"])
    image[:RECORD_SIZE] = image[RECORD_SIZE : 2 * RECORD_SIZE]
    flash.records["journal.0"] = bytes(image)
    journal = opened(flash)
    assert journal.damaged == 1
    assert sequences(journal) == [5, 4, 3, 2, 1]


def test_a_torn_file_costs_at_most_its_own_records_and_says_so():
    for operation in range(3):
        flash = filled(PER_FILE + 6)
        journal = opened(flash)
        journal.append(1, 0, TRIP)
        flash.cut_power_in(operation, tears=True)
        try:
            journal.flush()
        except PowerCut:
            pass
        held = sequences(opened(flash))
        assert held[-PER_FILE:] == list(range(PER_FILE - 1, -1, -1))
        assert held[0] <= PER_FILE + 6


def test_every_flipped_bit_of_a_record_is_noticed():
    record = pack(3, 4, 5, TRIP, 6, 7, 8, 9)
    assert parse(record) is not None
    for bit in range(len(record) * 8):
        bad = bytearray(record)
        bad[bit // 8] ^= 1 << bit % 8
        assert parse(bytes(bad)) is None
