"""The keys against CPython's hmac and a published AES, on whatever an attacker may send."""

import hmac
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as TheirCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from keys_client import (
    CLIENT_NONCE,
    ID,
    NATIVE,
    OPERATOR,
    OWNER,
    OWNERS_KEY,
    PLAIN,
    World,
    four,
)

from host_tools.client.session import Session
from host_tools.mock.fakes import cryptolib
from vigil import journal
from vigil.seal import Cipher, Mac, same
from vigil.sessions import BAD_PROOF, MALFORMED, NO_SESSION, NOT_ALLOWED, OK, TOO_EARLY

FEW = settings(max_examples=60, deadline=None)
KEYS = st.binary(min_size=16, max_size=16)


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=300), st.integers(0, 300))
def test_hmac_is_cpythons(key, text, cut):
    assert Mac(key).of(text[:cut], text[cut:]) == hmac.digest(key, text, "sha256")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_are_the_same_only_if_they_are_equal(one, other):
    assert same(one, other) == (one == other)
    assert same(one, bytes(one))


@given(KEYS | st.binary(min_size=32, max_size=32), st.binary(max_size=3), st.binary(max_size=96))
def test_the_desks_aes_is_the_published_one(key, ragged, text):
    text = text[: len(text) // 16 * 16]
    theirs = TheirCipher(algorithms.AES(key), modes.ECB()).encryptor().update(text)
    out = bytearray(len(text) + 3)
    assert cryptolib.aes(key, 1).encrypt(text) == theirs
    assert cryptolib.aes(key, 1).encrypt(text, out)[: len(text)] == theirs
    if ragged:
        with pytest.raises(ValueError):
            cryptolib.aes(key, 1).encrypt(text + ragged)
    for wrong in (key[1:], key + b"x"):
        with pytest.raises(ValueError):
            cryptolib.aes(wrong, 1)


@given(KEYS, st.integers(0, 2), st.integers(0, 0xFFFFFFFF), st.binary(min_size=1, max_size=240))
def test_the_stream_is_counter_mode(key, direction, counter, text):
    start = bytes([direction]) + four(counter) + bytes(11)
    theirs = TheirCipher(algorithms.AES(key), modes.CTR(start)).encryptor().update(text)
    ours = Cipher(key).crypt(direction, four(counter), text)
    assert ours == theirs
    assert Cipher(key).crypt(direction, four(counter), memoryview(ours)) == text


@FEW
@given(st.integers(2, 200), st.randoms(use_true_random=False))
def test_whatever_is_altered_of_a_message_changes_nothing(length, dice):
    world = World()
    client = world.client()
    good = client.sealed(bytes(length))
    before = world.state()
    altered = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(altered))
        match dice.randrange(4):
            case 0:
                altered[at] ^= 1 << dice.randrange(8)
            case 1:
                altered[at] = dice.randrange(256)
            case 2:
                del altered[at:]
                altered.extend(b"\x11\x0f")
            case 3:
                altered[at:at] = bytes([dice.randrange(256)])
    if bytes(altered) == good:
        return
    status, role, _ = client.send(altered)
    assert status in (MALFORMED, NO_SESSION, BAD_PROOF) and role == 0
    assert world.state() == before
    assert client.send(good)[:2] == (OK, OWNER)


@FEW
@given(st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_counters_only_rise(counters):
    world = World()
    client = world.client()
    messages = {count: client.sealed(counter=count) for count in set(counters)}
    highest = refused = 0
    for count in counters:
        status, role, _ = client.send(messages[count])
        assert (status, role) == ((OK, OWNER) if count > highest else (BAD_PROOF, 0))
        refused += count <= highest
        highest = max(highest, count)
    assert world.authority.proofs_refused == refused


@FEW
@given(st.binary(min_size=32, max_size=32), st.sampled_from([OPERATOR, OWNER]), st.binary())
def test_no_other_key_opens_a_session(key, role, proof):
    world = World()
    before = world.state()
    stranger = world.client(role, key, opened=False)
    assert stranger.challenge() == OK
    assert not stranger.device_is_good()
    assert stranger.answer(proof) == BAD_PROOF
    assert world.state() == before
    world.wait_s(1)
    assert len(world.noted(journal.PROOF_REFUSED)) == 1


# What may happen to a board in any order: the model says who may do what.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            "open wrong write replay window close key commission button wait restart".split()
        ),
        st.integers(0, 3),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_only_who_has_the_key_of_the_day_ever_acts(steps):
    world = World()
    keys = {OPERATOR: world.client(OPERATOR, opened=False).key, OWNER: OWNERS_KEY}
    kept = dict(keys)
    numbers = iter(range(1, 200))
    clients = []
    window_until_ms = button_until_ms = commissions = 0
    operator_is_new = False
    for step, number in steps:
        now_ms = world.now_ms
        authority = world.authority
        role = OPERATOR + number % 2
        client = clients[number % len(clients)] if clients else None
        if step == "open" and keys[role]:
            client = world.client(role, keys[role], opened=False)
            if client.challenge() == OK:
                assert client.answer() == OK
                clients.append(client)
        elif step == "wrong":
            stranger = world.client(role, bytes([200 + number] * 32), opened=False)
            if stranger.challenge() == OK:
                assert stranger.answer() == BAD_PROOF
        elif step == "write" and client:
            status, acted, _ = client.ask()
            if status == OK:
                assert acted == client.role and keys[client.role] == client.key
            else:
                assert (status, acted) == (NO_SESSION, 0)
        elif step == "replay" and client:
            status, acted, _ = client.send(client.sealed(counter=0))
            assert status in (BAD_PROOF, NO_SESSION) and acted == 0
        elif step in ("window", "close", "key") and client:
            message = bytearray(client.sealed())
            is_open = authority.unseal(message, len(message), now_ms) == OK
            mine = is_open and client.role == OWNER
            if step == "key":
                new = bytes([next(numbers)] * 32)
                assert authority.set_key(role, new) == (OK if mine else NOT_ALLOWED)
                if mine:
                    keys[role] = new
            else:
                seconds = 40 if step == "window" else 0
                assert authority.open_window(seconds, now_ms) == (OK if mine else NOT_ALLOWED)
                if mine:
                    window_until_ms = now_ms + 1000 * seconds
            authority.done()
        elif step == "button":
            authority.open_commissioning(now_ms)
            window_until_ms = button_until_ms = now_ms + 120000
            commissions = 4
            operator_is_new = False
        elif step == "commission":
            new = bytes([next(numbers)] * 32)
            status = world.commission(role, new)
            if now_ms < button_until_ms and commissions:
                assert status == OK
                keys[role] = new
                commissions -= 1
                operator_is_new = operator_is_new or role == OPERATOR
                if role == OWNER:
                    keys[OPERATOR] = keys[OPERATOR] if operator_is_new else None
                    window_until_ms = commissions = 0
            else:
                assert status != OK
        elif step == "wait":
            world.wait_s((1, 30, 70, 1000)[number], 1 if number < 2 else 10)
        elif step == "restart":
            if number % 2:
                world.keep()
            kept = kept if authority.key_copies_owed == 2 else dict(keys)
            world.start()
            keys = dict(kept)
            window_until_ms = button_until_ms = 0
            clients = []
        assert world.authority.role(1) == (OWNER if world.now_ms < window_until_ms else 0)
        assert world.authority.role(NATIVE) == 0
        assert world.authority.keys_set == bool(keys[1]) + 2 * bool(keys[2])
        if not world.authority.key_copies_owed:
            kept = dict(keys)


def test_a_listener_and_liar_gets_nowhere_in_ten_thousand_attempts():
    """He hears everything, repeats it in any order and alters it; he writes through every door."""
    dice = random.Random(20)
    world = World()
    owner, operator = world.client(OWNER), world.client(OPERATOR)
    heard = [
        client.sealed(PLAIN + bytes(dice.randrange(30)))
        for client in [dice.choice((owner, operator)) for _ in range(40)]
    ]
    # In the order in which they were sealed, as each of them arrived.
    assert all(owner.send(message)[0] == OK for message in heard)
    before = world.state()
    authority = world.authority
    for _ in range(10000):
        message = bytearray(dice.choice(heard))
        for _ in range(dice.randrange(3)):
            match dice.randrange(4):
                case 0:
                    message[dice.randrange(len(message))] ^= 1 << dice.randrange(8)
                case 1:
                    message[3:7] = four(dice.randrange(100, 1 << 32))
                case 2:
                    other = dice.choice(heard)
                    cut = dice.randrange(min(len(message), len(other)))
                    message[:cut] = other[:cut]
                case 3:
                    message[2] = dice.choice((owner.session, operator.session))
        status, role, _ = owner.send(message)
        assert status in (MALFORMED, NO_SESSION, BAD_PROOF) and role == 0
        stranger = world.client(OWNER, dice.randbytes(32), opened=False)
        assert authority.set_key(OWNER, dice.randbytes(32)) == NOT_ALLOWED
        assert authority.open_window(60, world.now_ms) == NOT_ALLOWED
        if dice.randrange(50) == 0:
            world.clock.advance(1000000 * dice.randrange(70))
            if stranger.challenge() == OK:
                assert stranger.answer() in (BAD_PROOF, TOO_EARLY)
            owner.ask()
            operator.ask()
    assert world.state()[:2] == before[:2]
    assert authority.proofs_refused > 10000
    assert world.client(OWNER, opened=False).challenge() in (OK, TOO_EARLY)


@FEW
@given(
    st.binary(min_size=1, max_size=32).filter(any),
    st.sampled_from([OPERATOR, OWNER]),
    st.lists(st.binary(max_size=200), min_size=1, max_size=6),
)
def test_the_client_library_and_the_board_understand_each_other(key, role, payloads):
    key = key.ljust(32, b"k")
    world = World(operator=key, owner=key)
    authority = world.authority
    assert authority.challenge(role, CLIENT_NONCE, 0) == OK
    session = Session(key, ID, role, authority.session, CLIENT_NONCE, authority.device_nonce)
    assert session.device_proof == authority.proof
    assert authority.answer(authority.session, session.client_proof, 0) == OK
    for tag, payload in enumerate(payloads):
        message = bytearray(session.seal(tag, 3, payload))
        assert authority.unseal(message, len(message), 0) == OK
        assert message[7:-8] == bytes([tag, 3]) + payload
        assert authority.role(NATIVE) == role
        for direction, op in ((1, 0x83), (2, 0x86)):
            answer = bytearray(240)
            clear = bytes([tag, op, 0]) + payload
            answer[7 : 7 + len(clear)] = clear
            length = authority.seal(
                direction, authority.session, authority.counter, answer, len(clear)
            )
            heard = session.unseal(bytes(answer[:length]))
            assert heard == (direction, tag, op & 0x7F, 0, payload)
        authority.done()
