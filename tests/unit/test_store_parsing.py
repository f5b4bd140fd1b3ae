"""Whatever happens to the bytes of a record: it is refused, or it is just the one written."""

from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.fake_flash import FakeFlash
from vigil import journal, store
from vigil.memory import MEMORY_LOST, ONE_COPY, Memory
from vigil.switches import REASON_MEMORY_LOST

payloads = st.binary(min_size=32, max_size=32)
sequences = st.integers(1, 2**32 - 1)


@given(sequences, payloads)
def test_a_record_reads_back_as_written(sequence, payload):
    record = store.pack(1, sequence, payload)
    assert store.parse(record, 1, 32) == (sequence, payload)


@given(sequences, payloads, st.data())
def test_damage_anywhere_is_detected(sequence, payload, data):
    record = store.pack(1, sequence, payload)
    bad = bytearray(record)
    at = data.draw(st.integers(0, len(bad) - 1))
    burst = data.draw(st.binary(min_size=1, max_size=4))
    for offset, byte in enumerate(burst[: len(bad) - at]):
        bad[at + offset] ^= byte
    parsed = store.parse(bytes(bad), 1, 32)
    assert parsed is None if bytes(bad) != record else parsed == (sequence, payload)


@given(sequences, payloads, st.integers(0, 47), st.binary(max_size=60))
def test_a_torn_record_is_detected(sequence, payload, length, tail):
    record = store.pack(1, sequence, payload)
    bad = record[:length] + tail
    assert bad == record or store.parse(bad, 1, 32) is None


@given(st.binary(max_size=80))
def test_rubbish_is_no_record(rubbish):
    assert store.parse(rubbish, 1, 32) is None
    assert journal.parse(rubbish) is None


@given(st.binary(max_size=80), st.integers(0, 1))
def test_a_memory_with_one_copy_of_rubbish_remembers_and_says_so(rubbish, copy):
    flash = _remembering(latched=2)
    flash.records[f"state.{copy}"] = rubbish
    memory = Memory(flash)
    assert list(memory.latched_rows) == [2, 2]
    assert memory.starts == 1
    assert memory.flags == ONE_COPY


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_a_memory_with_two_copies_of_rubbish_latches_both_switches_and_says_so(one, two):
    flash = _remembering(latched=0)
    flash.records["state.0"] = one
    flash.records["state.1"] = two
    memory = Memory(flash)
    assert memory.flags == MEMORY_LOST
    assert list(memory.latched_rows) == [REASON_MEMORY_LOST] * 2


def _remembering(latched):
    flash = FakeFlash()
    memory = Memory(flash)
    memory.latched_rows[0] = memory.latched_rows[1] = latched
    memory.begin(1)
    memory.commit()
    return flash
