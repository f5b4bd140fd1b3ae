"""Keys, proofs, sealed messages and the owner's window: what is believed, and what never is."""

import gc

from keys_client import (
    CLIENT_NONCE,
    ID,
    JBD,
    MODBUS,
    NATIVE,
    OPERATOR,
    OPERATORS_KEY,
    OWNER,
    OWNERS_KEY,
    PLAIN,
    World,
    four,
)

from host_tools.mock.fake_flash import FakeFlash
from host_tools.mock.seeded_random import SeededRandom
from vigil import journal, sessions
from vigil.auth import LONGEST_WINDOW_S, Authority, write_keys
from vigil.memory import Memory
from vigil.seal import Mac, same
from vigil.sessions import (
    BAD_PROOF,
    MALFORMED,
    NO_KEY,
    NO_SESSION,
    NOT_ALLOWED,
    NOT_NOW,
    OK,
    TOO_EARLY,
)

NEW_KEY = bytes([7] * 32)


def unhex(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


# Published vectors.


def test_hmac_is_that_of_rfc_4231():
    for key, text, digest in (
        (
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 20,
            b"\xdd" * 50,
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            bytes(range(1, 26)),
            b"\xcd" * 50,
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
    ):
        for cut in (0, 1, len(text) // 2, len(text)):
            assert Mac(key).of(text[:cut], text[cut:]) == unhex(digest)


def test_aes_is_that_of_fips_197_and_sp_800_38a():
    from cryptolib import aes

    whole = bytes([17 * at for at in range(16)])
    assert aes(bytes(range(16)), 1).encrypt(whole) == unhex("69c4e0d86a7b0430d8cdb78070b4c55a")
    key = unhex("2b7e151628aed2a6abf7158809cf4f3c")
    text = unhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    sealed = unhex(
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
        "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
    )
    out = bytearray(64)
    aes(key, 1).encrypt(text, out)
    assert out == sealed


def test_bytes_are_the_same_only_if_all_of_them_are():
    assert same(b"", b"") and same(b"abc", bytearray(b"abc"))
    for other in (b"abd", b"bbc", b"ab", b"abcd", b""):
        assert not same(b"abc", other)


# Commissioning at the board.


def test_without_a_key_nobody_opens_a_session_and_nobody_sets_one():
    world = World(operator=None, owner=None)
    assert world.authority.keys_set == 0
    for role in (OPERATOR, OWNER):
        assert world.client(role, bytes(32), opened=False).challenge() == NO_KEY
        assert world.commission(role, NEW_KEY) == NOT_NOW
    world.wait_s(1)
    assert world.authority.keys_set == 0
    assert world.noted(journal.PROOF_REFUSED) == [
        (journal.PROOF_REFUSED, sessions.KEY_CHANGE, 0, 2)
    ]


def test_the_button_lets_keys_be_set_and_the_owners_ends_that():
    world = World(operator=None, owner=None)
    world.authority.open_commissioning(world.now_ms)
    assert world.authority.commissioning_left_s == 120
    assert world.commission(OPERATOR, OPERATORS_KEY) == OK
    assert world.commission(OWNER, OWNERS_KEY) == OK
    assert world.authority.keys_set == 3
    assert world.authority.commissioning_left_s == 0
    assert world.commission(OWNER, NEW_KEY) == NOT_NOW
    assert world.commission(OPERATOR, NEW_KEY) == NOT_NOW
    assert world.noted(journal.KEY) == [
        (journal.KEY, OPERATOR, journal.AT_BOARD, 0),
        (journal.KEY, OWNER, journal.AT_BOARD, 0),
    ]
    world.client(OWNER)
    world.client(OPERATOR)


def test_commissioning_ends_after_two_minutes():
    world = World()
    world.authority.open_commissioning(world.now_ms)
    world.wait_s(119)
    assert world.authority.commissioning_left_s == 1
    world.wait_s(1)
    assert world.authority.commissioning_left_s == 0
    before = world.state()
    assert world.commission(OWNER, NEW_KEY) == NOT_NOW
    assert world.state() == before


def test_a_lost_key_is_replaced_at_the_board_and_whoever_had_one_has_none():
    world = World()
    old = world.client(OWNER)
    operator = world.client(OPERATOR)
    pending = world.client(OPERATOR, opened=False)
    assert pending.challenge() == OK
    world.authority.open_commissioning(world.now_ms)
    assert world.commission(OWNER, NEW_KEY) == OK
    assert world.authority.keys_set == 2
    assert old.ask()[0] == operator.ask()[0] == NO_SESSION
    assert pending.answer() == NO_SESSION
    assert world.client(OPERATOR, opened=False).challenge() == NO_KEY
    world.client(OWNER, NEW_KEY)


def test_only_a_few_keys_are_set_in_one_commissioning():
    world = World()
    world.authority.open_commissioning(world.now_ms)
    taken = [world.commission(OPERATOR, bytes([at + 1] * 32)) for at in range(10)]
    assert taken == [OK] * 4 + [NOT_NOW] * 6


def test_what_is_no_key_or_nobodys_is_refused():
    world = World()
    world.authority.open_commissioning(world.now_ms)
    before = world.state()
    for role, key in ((0, NEW_KEY), (3, NEW_KEY), (OWNER, bytes(32)), (OWNER, NEW_KEY[1:])):
        assert world.commission(role, key) == MALFORMED
        client = world.client()
        assert client.handle(lambda: world.authority.set_key(role, key))[0] == MALFORMED  # noqa: B023
        world.authority.end(client.session)
    assert world.state() == before


# Sessions.


def test_both_sides_prove_that_they_know_the_key_and_then_messages_are_sealed():
    for role in (OPERATOR, OWNER):
        world = World()
        client = world.client(role, opened=False)
        assert client.challenge() == OK
        assert client.device_is_good()
        assert client.answer() == OK
        assert client.ask() == (OK, role, PLAIN)
        assert world.authority.role(NATIVE) == 0
        assert world.authority.role_of(client.session) == role
        assert client.heard(1, four(1), b"\x07\x84\x00") == b"\x07\x84\x00"
        for length in (2, 15, 16, 17, 33, 200):
            text = bytes([at & 255 for at in range(length)])
            assert client.ask(text) == (OK, role, text)
        world.wait_s(1)
        assert world.noted(journal.SESSION) == [(journal.SESSION, role, client.session, 1)]


def test_answers_of_both_kinds_have_streams_of_their_own():
    client = World().client()
    zeros = bytes(20)
    message = bytearray(40)
    seen = []
    for direction, counter in ((1, 1), (1, 2), (2, None), (2, None)):
        message[7:27] = zeros
        counter = counter and four(counter)
        length = client.authority.seal(direction, client.session, counter, message, 20)
        assert length == 35
        seen.append(bytes(message[7:27]))
        if direction == 2:
            assert message[3:7] == four(len(seen) - 2)
    assert len(set(seen)) == 4
    assert client.sealed(zeros)[7:27] not in seen


def test_a_wrong_key_or_another_role_opens_nothing_and_tells_nothing():
    world = World()
    for role, key in ((OWNER, OPERATORS_KEY), (OPERATOR, OWNERS_KEY), (OWNER, NEW_KEY)):
        stranger = world.client(role, key, opened=False)
        before = world.state()
        assert stranger.challenge() == OK
        assert not stranger.device_is_good()
        assert stranger.answer() == BAD_PROOF
        # Its one chance is gone, whatever it says now.
        world.wait_s(60)
        assert stranger.answer() == NO_SESSION
        assert world.state() == before
    assert world.noted(journal.PROOF_REFUSED)
    assert world.authority.proofs_refused == 6
    for role in (0, 3, 255):
        assert world.client(role, NEW_KEY, opened=False).challenge() == NO_KEY
    assert world.client(opened=False).challenge(CLIENT_NONCE[1:]) == MALFORMED


def test_no_altered_bit_of_a_message_is_believed():
    world = World()
    client = world.client()
    assert client.ask()[0] == OK
    good = client.sealed()
    before = world.state()
    for bit in range(8 * len(good)):
        altered = bytearray(good)
        altered[bit // 8] ^= 1 << bit % 8
        status, role, _ = client.send(altered)
        assert status in (MALFORMED, NO_SESSION, BAD_PROOF) and role == 0, bit
    assert world.state() == before
    assert world.authority.proofs_refused == 8 * (len(good) - 2)
    assert client.send(good) == (OK, OWNER, PLAIN)


def test_no_part_of_a_message_is_believed_nor_one_with_more_behind_it():
    world = World()
    client = world.client()
    good = client.sealed()
    for length in range(len(good)):
        assert client.send(good[:length])[0] == MALFORMED
        short = bytearray(good[:length])
        if length > 1:
            short[1] = length - 2
        assert client.send(short)[:2] in ((MALFORMED, 0), (BAD_PROOF, 0))
    assert client.send(good + b"\x00")[0] == MALFORMED
    assert client.send(good)[0] == OK


def test_a_message_is_believed_once_and_none_before_it_any_more():
    world = World()
    client = world.client()
    messages = [client.sealed(counter=count) for count in (1, 2, 5, 0x3FFFFFFF, 0xFFFFFFFF)]
    for late in range(len(messages)):
        assert client.send(messages[late])[0] == OK
        for again in messages[: late + 1]:
            assert client.send(again)[:2] == (BAD_PROOF, 0)
    assert client.send(client.sealed(counter=0))[0] == BAD_PROOF
    world.wait_s(1)
    refused = world.noted(journal.PROOF_REFUSED)
    assert refused == [(journal.PROOF_REFUSED, sessions.REPLAYED, client.session, 16)]
    # Nobody who repeats what he has heard makes anybody wait.
    world.client(OPERATOR)


def test_the_boards_own_messages_and_those_of_another_session_are_not_believed():
    world = World()
    first = world.client()
    second = world.client()
    assert first.session != second.session
    stolen = bytearray(first.sealed())
    stolen[2] = second.session
    assert second.send(stolen)[0] == BAD_PROOF
    message = bytearray(40)
    message[7:14] = PLAIN
    length = world.authority.seal(1, first.session, four(77), message, 7)
    assert first.send(message[:length])[0] == BAD_PROOF
    assert first.ask()[0] == second.ask()[0] == OK


def test_a_session_ends_after_a_quarter_of_an_hour_of_silence():
    world = World()
    client = world.client()
    for _ in range(3):
        world.wait_s(899)
        assert client.ask()[0] == OK
    kept = client.sealed()
    world.wait_s(900)
    assert client.send(kept)[:2] == (NO_SESSION, 0)
    assert world.authority.sessions_open == 0
    assert world.authority.proofs_refused == 1


def test_a_session_that_nobody_watches_ends_as_well():
    world = World()
    client = world.client()
    world.clock.advance(900000000)
    assert client.ask()[0] == NO_SESSION


def test_a_challenge_waits_thirty_seconds_for_its_answer():
    for waited_s, status in ((29, OK), (30, NO_SESSION)):
        world = World()
        client = world.client(opened=False)
        assert client.challenge() == OK
        world.clock.advance(waited_s * 1000000)
        assert client.answer() == status


def test_there_are_two_sessions_and_the_one_that_was_silent_longest_makes_room():
    world = World()
    first, second = world.client(), world.client(OPERATOR)
    assert first.ask()[0] == OK
    third = world.client()
    assert [client.ask()[0] for client in (first, second, third)] == [OK, NO_SESSION, OK]
    assert world.authority.sessions_open == 2


def test_strangers_who_ask_end_no_session():
    world = World()
    client = world.client()
    for _ in range(600):
        world.client(OWNER, NEW_KEY, opened=False).challenge()
        world.authority.answer(client.session, bytes(16), world.now_ms)
    assert client.ask() == (OK, OWNER, PLAIN)
    assert world.authority.sessions_open == 1


def test_a_session_ends_behind_the_answer_to_its_end():
    world = World()
    client, other = world.client(), world.client()
    result, answer = client.handle(lambda: world.authority.end(client.session))
    assert answer == b"\x07\x84\x00"
    assert client.ask()[0] == NO_SESSION
    assert world.authority.role_of(client.session) == 0
    assert other.ask()[0] == OK


def test_nonces_never_repeat_though_the_generator_always_gives_the_same():
    seen = set()
    world = World()
    for _ in range(4):
        world.start()
        for _ in range(100):
            client = world.client(opened=False)
            assert client.challenge() == OK
            assert len(world.authority.device_nonce) == 16
            seen.add(world.authority.device_nonce)
    assert len(seen) == 400


# The delay.


def wrong(world):
    """A wrong proof, as soon as one may try."""
    stranger = world.client(OWNER, NEW_KEY, opened=False)
    assert stranger.challenge() == OK
    assert stranger.answer() == BAD_PROOF


def test_the_delay_grows_to_a_minute_and_no_further_and_then_the_right_key_opens():
    world = World()
    waits = []
    for _ in range(12):
        wrong(world)
        client = world.client(opened=False)
        assert client.challenge() == TOO_EARLY
        waits.append(world.authority.wait_s)
        world.clock.advance(waits[-1] * 1000000 - 1000)
        assert client.challenge() == TOO_EARLY
        assert world.authority.wait_s == 1
        world.clock.advance(1000)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]
    world.client()


def test_an_answer_has_to_wait_too_and_a_damaged_seal_counts():
    world = World()
    client = world.client()
    late = world.client(opened=False)
    assert late.challenge() == OK
    altered = bytearray(client.sealed())
    altered[-1] ^= 1
    assert client.send(altered)[0] == BAD_PROOF
    assert late.answer() == TOO_EARLY
    # Who has a session goes on.
    assert client.ask()[0] == OK
    world.wait_s(1)
    assert late.answer() == OK


def test_the_delay_forgets_a_step_a_minute():
    world = World()
    for _ in range(5):
        wrong(world)
        world.clock.advance(60000000)
    world.wait_s(180)
    wrong(world)
    assert world.client(opened=False).challenge() == TOO_EARLY
    assert world.authority.wait_s == 4
    world.wait_s(600)
    wrong(world)
    assert world.client(opened=False).challenge() == TOO_EARLY
    assert world.authority.wait_s == 1


def test_whoever_holds_the_button_does_not_wait():
    world = World()
    for _ in range(3):
        wrong(world)
        world.clock.advance(4000000)
    wrong(world)
    world.authority.open_commissioning(world.now_ms)
    world.client()


# Roles, and the owner's window.


def test_everybody_looks_and_only_who_has_proved_it_does_more():
    world = World()
    for who in (0, MODBUS, JBD, NATIVE, 4):
        assert world.authority.role(who) == 0


def test_the_owner_opens_the_window_for_a_time_and_closes_it():
    world = World()
    authority = world.authority
    client = world.client()
    for seconds in (1, 90, LONGEST_WINDOW_S):
        assert client.handle(lambda: authority.open_window(seconds, world.now_ms))[0] == OK  # noqa: B023
        assert authority.window_left_s == seconds
        assert authority.role(MODBUS) == authority.role(JBD) == OWNER
        # A plain message in between is still nobody's.
        assert authority.role(NATIVE) == 0
        world.clock.advance(seconds * 1000000 - 1000)
        assert authority.role(MODBUS) == OWNER
        world.clock.advance(1000)
        assert authority.role(MODBUS) == authority.role(JBD) == 0
        assert authority.window_left_s == 0
        client = world.client()
    client.handle(lambda: authority.open_window(60, world.now_ms))
    client.handle(lambda: authority.open_window(0, world.now_ms))
    assert authority.role(MODBUS) == 0
    assert len(world.noted(journal.WINDOW)) == 5
    for seconds in (-1, LONGEST_WINDOW_S + 1):
        assert client.handle(lambda: authority.open_window(seconds, world.now_ms))[0] == MALFORMED  # noqa: B023
        assert authority.role(MODBUS) == 0


def test_nobody_but_the_owner_opens_the_window_or_changes_a_key():
    world = World()
    authority = world.authority
    before = world.state()
    assert authority.open_window(60, world.now_ms) == NOT_ALLOWED
    assert authority.set_key(OWNER, NEW_KEY) == NOT_ALLOWED
    client = world.client(OPERATOR)
    for work in (
        lambda: authority.open_window(60, world.now_ms),
        lambda: authority.set_key(OPERATOR, NEW_KEY),
        lambda: authority.set_key(OWNER, NEW_KEY),
    ):
        assert client.handle(work)[0] == NOT_ALLOWED
    authority.end(client.session)
    world.wait_s(1)
    assert world.state() == before
    assert authority.proofs_refused == 5
    assert world.noted(journal.PROOF_REFUSED)


def test_the_button_opens_the_window_with_the_commissioning_and_a_new_owner_closes_it():
    world = World()
    world.authority.open_commissioning(world.now_ms)
    assert world.authority.window_left_s == 120
    assert world.commission(OPERATOR, NEW_KEY) == OK
    assert world.authority.role(MODBUS) == OWNER
    assert world.commission(OWNER, NEW_KEY) == OK
    assert world.authority.role(MODBUS) == 0
    world.authority.open_commissioning(world.now_ms)
    world.wait_s(120)
    assert world.authority.role(MODBUS) == 0


# Keys that change.


def test_the_owner_changes_his_key_and_his_session_ends_behind_the_answer():
    world = World()
    client, operator = world.client(), world.client(OPERATOR)
    waiting = world.client(opened=False)
    assert waiting.challenge() == OK
    result, answer = client.handle(lambda: world.authority.set_key(OWNER, NEW_KEY))
    assert result == OK and answer == b"\x07\x84\x00"
    assert client.ask()[0] == NO_SESSION
    assert waiting.answer() == NO_SESSION
    assert operator.ask()[0] == OK
    assert world.noted(journal.KEY) == [(journal.KEY, OWNER, journal.BY_OWNER, 0)]
    old = world.client(opened=False)
    assert old.challenge() == OK
    assert old.answer() == BAD_PROOF
    world.wait_s(1)
    world.client(OWNER, NEW_KEY)


def test_the_operators_key_changes_and_the_owner_goes_on():
    world = World()
    client, operator = world.client(), world.client(OPERATOR)
    assert client.handle(lambda: world.authority.set_key(OPERATOR, NEW_KEY))[0] == OK
    assert operator.ask()[0] == NO_SESSION
    assert client.ask()[0] == OK
    world.client(OPERATOR, NEW_KEY)


def test_a_key_survives_a_restart_once_both_copies_are_written():
    world = World()
    world.authority.open_commissioning(world.now_ms)
    assert world.commission(OWNER, NEW_KEY) == OK
    assert world.authority.key_copies_owed == 2
    world.keep()
    assert world.authority.key_copies_owed == 0
    again = World(flash=world.flash)
    assert again.authority.keys_set == 2
    again.client(OWNER, NEW_KEY)
    assert again.noted(journal.KEY) == []


def test_one_damaged_copy_costs_nothing_and_two_leave_nobody_who_may_write():
    for damaged, keys_set in (((0,), 3), ((1,), 3), ((0, 1), 0)):
        flash = FakeFlash()
        assert write_keys(flash, OPERATORS_KEY, OWNERS_KEY)
        for copy in damaged:
            name = "keys.%d" % copy
            flash.records[name] = flash.records[name][:-1] + b"\x00"
        world = World(flash=flash)
        assert world.authority.keys_set == keys_set
        lost = [(journal.KEY, 0, journal.KEYS_LOST, 0)] if not keys_set else []
        assert world.noted(journal.KEY) == lost
        assert world.client(opened=False).challenge() == (OK if keys_set else NO_KEY)


def test_in_safe_mode_a_new_key_is_written_all_the_same():
    world = World()
    world.memory.safe_mode = True
    world.authority.open_commissioning(world.now_ms)
    assert world.commission(OWNER, NEW_KEY) == OK
    world.wait_s(3)
    assert world.authority.key_copies_owed == 0


def test_a_board_that_keeps_nothing_has_keys_until_it_restarts():
    world = World()
    world.authority = Authority(Memory(), world.note, ID)
    assert world.authority.keys_set == 0
    world.authority.open_commissioning(world.now_ms)
    assert world.commission(OWNER, OWNERS_KEY) == OK
    world.client()


# Strangers.


def test_strangers_do_not_push_the_trips_out_of_the_journal():
    world = World()
    client = world.client()
    altered = bytearray(client.sealed())
    altered[9] ^= 1
    for _ in range(24 * 60):
        client.send(altered)
        world.authority.set_key(OWNER, NEW_KEY)
        world.wait_s(60, 10)
    refused = world.noted(journal.PROOF_REFUSED)
    assert 5 <= len(refused) <= 8
    told = sum([note[3] for note in refused])
    assert 2 * 24 * 60 - 2 * 6 * 61 <= told <= 2 * 24 * 60
    # And then quiet for a day: what was left is told, and nothing more.
    world.wait_s(24 * 3600, 60)
    told = sum([note[3] for note in world.noted(journal.PROOF_REFUSED)])
    assert told == world.authority.proofs_refused


def test_ten_thousand_random_messages_change_nothing():
    dice = SeededRandom(9)
    world = World()
    client = world.client()
    before = world.state()
    authority = world.authority
    for attempt in range(10000):
        length = dice.below(60)
        message = bytearray([dice.below(256) for _ in range(length)])
        what = attempt % 4
        if what < 2 and length > 16:
            # Well formed, of this session or of any.
            message[0] = 0x11
            message[1] = length - 2
            message[2] = client.session if what else dice.below(256)
        if what == 2:
            status = authority.answer(dice.below(256), message[:16], world.now_ms)
        elif what == 3:
            status = authority.commission(dice.below(4), bytes(message), world.now_ms)
        else:
            status = authority.unseal(message, length, world.now_ms)
        assert status != OK
        assert authority.acting == 0
        if attempt % 100 == 0:
            world.clock.advance(1000000)
    assert world.state() == before
    assert authority.proofs_refused > 5000
    assert client.ask() == (OK, OWNER, PLAIN)


def test_thousands_of_messages_and_sessions_let_nothing_grow():
    world = World()

    def life():
        for _ in range(20):
            client = world.client()
            for _ in range(5):
                assert client.ask()[0] == OK
            altered = bytearray(client.sealed())
            altered[-1] ^= 1
            client.send(altered)
            world.wait_s(60, 60)
        world.notes = []
        gc.collect()

    life()
    if not hasattr(gc, "mem_alloc"):
        return
    life()
    before = gc.mem_alloc()
    for _ in range(5):
        life()
    assert gc.mem_alloc() <= before
