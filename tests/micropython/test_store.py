"""The two-copy record over a storage whose writes may be torn: no atomic filesystem to help."""

from host_tools.mock.fake_flash import FakeFlash, PowerCut
from vigil import store
from vigil.store import FRESH, LOST, ONE_COPY, TWO_COPIES, Store

LENGTH = 8


def opened(flash, schema=1):
    record = Store(flash, "state", schema, LENGTH)
    return record, record.load()


def written(*payloads):
    flash = FakeFlash()
    record, _ = opened(flash)
    for payload in payloads:
        record.stage(payload)
        while record.copies_owed:
            assert record.commit()
    return flash


def numbered(number):
    return b"%08d" % number


def test_nothing_written_is_fresh_and_not_lost():
    record, payload = opened(FakeFlash())
    assert payload is None
    assert record.origin == FRESH


def test_what_was_written_is_read_back_from_two_copies():
    record, payload = opened(written(numbered(1), numbered(2)))
    assert payload == numbered(2)
    assert record.origin == TWO_COPIES
    assert record.bad_copies == 0


def test_staging_alone_writes_nothing():
    flash = FakeFlash()
    record, _ = opened(flash)
    record.stage(numbered(1))
    assert flash.records == {}
    assert record.copies_owed == 2


def test_one_damaged_copy_is_told_and_the_other_counts():
    for copy in (0, 1):
        flash = written(numbered(1), numbered(2))
        name = "state.%d" % copy
        flash.records[name] = b"\x00" + flash.records[name][1:]
        record, payload = opened(flash)
        assert payload == numbered(2)
        assert record.origin == ONE_COPY
        assert record.bad_copies == 1 << copy


def test_a_missing_copy_is_told():
    flash = written(numbered(1))
    del flash.records["state.0"]
    record, payload = opened(flash)
    assert payload == numbered(1)
    assert record.origin == ONE_COPY


def test_two_damaged_copies_are_lost_and_not_fresh():
    flash = written(numbered(1))
    for name in flash.records:
        flash.records[name] = flash.records[name][:-1]
    record, payload = opened(flash)
    assert payload is None
    assert record.origin == LOST
    assert record.bad_copies == 3


def test_a_lost_record_can_be_written_again():
    flash = written(numbered(1))
    for name in flash.records:
        flash.records[name] = b"rubbish"
    record, _ = opened(flash)
    record.stage(numbered(5))
    assert record.commit()
    record, payload = opened(flash)
    assert payload == numbered(5)
    assert record.origin == ONE_COPY


def test_another_schema_or_length_is_not_read():
    flash = written(numbered(1))
    record, payload = opened(flash, schema=2)
    assert payload is None and record.origin == LOST
    longer = Store(flash, "state", 1, LENGTH + 1)
    assert longer.load() is None and longer.origin == LOST


def test_a_payload_of_another_length_is_refused():
    record, _ = opened(FakeFlash())
    try:
        record.stage(b"short")
    except ValueError:
        return
    raise AssertionError("it was taken")


def test_a_cut_anywhere_leaves_the_old_or_the_new_state_even_if_it_tears_the_record():
    for operation in range(12):
        flash = written(numbered(1), numbered(2))
        record, _ = opened(flash)
        record.stage(numbered(3))
        flash.cut_power_in(operation, tears=True)
        copies = 0
        try:
            while record.copies_owed:
                assert record.commit()
                copies += 1
        except PowerCut:
            pass
        again, payload = opened(flash)
        assert payload == numbered(3 if copies else 2)
        # And the next write never touches the good copy.
        again.stage(numbered(4))
        flash.cut_power_in(0, tears=True)
        try:
            again.commit()
        except PowerCut:
            pass
        _, payload = opened(flash)
        assert payload == numbered(3 if copies else 2)


def test_a_failed_write_is_owed_again_and_spoils_nothing():
    flash = written(numbered(1))
    record, _ = opened(flash)
    record.stage(numbered(2))
    flash.failing = True
    assert not record.commit()
    assert record.copies_owed == 2 and record.write_failures == 1
    assert opened(flash)[1] == numbered(1)
    flash.failing = False
    assert record.commit()
    assert opened(flash)[1] == numbered(2)


class Forgetful(FakeFlash):
    """Says it has written, and has not."""

    def write(self, name, data):
        pass


def test_a_write_that_cannot_be_read_back_is_a_failure():
    record = Store(Forgetful(), "state", 1, LENGTH)
    record.stage(numbered(1))
    assert not record.commit()


def test_a_storage_that_fails_to_read_counts_as_lost():
    class Broken(FakeFlash):
        def read(self, name):
            raise OSError(5)

    record = Store(Broken(), "state", 1, LENGTH)
    assert record.load() is None
    assert record.origin == LOST


def test_record_layout_is_fixed():
    # A change of this layout has to raise the schema.
    record = store.pack(1, 2, b"12345678")
    assert record[:12] == b"\x47\x56\x01\x00\x08\x00\x00\x00\x02\x00\x00\x00"
    assert record[12:20] == b"12345678"
    assert len(record) == 24
