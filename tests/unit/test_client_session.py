"""Sealed messages: what was changed, repeated or reordered on the way is not believed."""

import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_stand_in import DEVICE_ID, OWNER_KEY, DeviceSession

from host_tools.client.errors import Forged
from host_tools.client.session import ANSWER, REQUEST, TELEMETRY, Session

NONCES = bytes(range(16)), bytes(range(16, 32))


def both_sides():
    """The client's session, and the BMS's by another hand."""
    return (
        Session(OWNER_KEY, DEVICE_ID, 2, 7, *NONCES),
        DeviceSession(OWNER_KEY, 2, 7, *NONCES),
    )


def test_the_proofs_are_those_of_the_protocol():
    client, _ = both_sides()
    transcript = b"vigil1" + DEVICE_ID + b"\x02\x07" + NONCES[0] + NONCES[1]
    for purpose, proof in ((b"D", client.device_proof), (b"C", client.client_proof)):
        assert proof == hmac.new(OWNER_KEY, purpose + transcript, "sha256").digest()[:16]


@given(st.binary(max_size=220))
@settings(max_examples=50)
def test_both_sides_understand_each_other(payload):
    client, bms = both_sides()
    request = client.seal(9, 3, payload[:200])
    assert bms.mac(REQUEST, request[:-8]) == request[-8:]
    assert bms.crypt(REQUEST, 1, request[7:-8]) == b"\x09\x03" + payload[:200]
    answer = bms.seal(ANSWER, 1, b"\x09\x83\x00" + payload)
    assert client.unseal(answer) == (ANSWER, 9, 3, 0, payload)


@given(st.binary(min_size=1, max_size=40), st.data())
@settings(max_examples=100)
def test_an_answer_with_one_wrong_bit_is_never_believed(payload, data):
    client, bms = both_sides()
    client.seal(9, 3)
    answer = bytearray(bms.seal(ANSWER, 1, b"\x09\x83\x00" + payload))
    bit = data.draw(st.integers(0, 8 * len(answer) - 1))
    answer[bit // 8] ^= 1 << bit % 8
    try:
        assert client.unseal(bytes(answer)) is None
    except Forged:
        pass


def test_answers_to_earlier_requests_and_repeated_telemetry_are_passed_over():
    client, bms = both_sides()
    answers = []
    for counter in (1, 2):
        client.seal(counter, 3)
        answers.append(bms.seal(ANSWER, counter, bytes([counter, 0x83, 0])))
    assert client.unseal(answers[0]) is None
    assert client.unseal(answers[1]) is not None
    told = [bms.seal(TELEMETRY, counter, b"\x00\x86\x00") for counter in (1, 2, 3)]
    assert client.unseal(told[1]) is not None
    assert client.unseal(told[0]) is client.unseal(told[1]) is None
    assert client.unseal(told[2]) is not None


def test_our_own_request_is_no_answer_to_us():
    client, _ = both_sides()
    with pytest.raises(Forged):
        client.unseal(client.seal(1, 3, bytes(8)))


def test_no_two_requests_have_the_same_counter():
    client, _ = both_sides()
    assert [int.from_bytes(client.seal(1, 3)[3:7]) for _ in range(3)] == [1, 2, 3]
    client.counter = 0xFFFFFFFF
    with pytest.raises(Forged, match="begin anew"):
        client.seal(1, 3)
