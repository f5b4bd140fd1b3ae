"""Keys on the running BMS: the button, the window for plain Modbus, and what the journal tells."""

from keys_client import NATIVE, OPERATORS_KEY, OWNER, OWNERS_KEY, hmac
from modbus_desk import Master, with_sum
from test_modbus_on_desk import ALLOWED, BEGIN, COMMIT, RESET, RESULT, STAGED_TRIP, as_it_runs

from host_tools.mock.fake_flash import FakeFlash
from host_tools.mock.seeded_random import SeededRandom
from vigil import auth, door, journal, sessions

KEYS_SET, COPIES_OWED, WINDOW, COMMISSIONING, OPEN, OPENED, REFUSED = range(1700, 1707)


def commissioned(**options):
    flash = FakeFlash()
    auth.write_keys(flash, OPERATORS_KEY, OWNERS_KEY)
    return Master(flash=flash, current_ma=-5000, **options)


class OwnersSession:
    """Opened directly at the authority: no link of the desk carries it."""

    def __init__(self, master, key=OWNERS_KEY):
        self.authority = authority = master.bms.authority
        self.clock = master.clock
        nonce = bytes(16)
        assert authority.challenge(OWNER, nonce, self.now_ms) == sessions.OK
        transcript = b"vigil1" + authority.device_id + bytes([OWNER, authority.session])
        transcript += nonce + authority.device_nonce
        proof = hmac(key, b"C" + transcript)[:16]
        self.status = authority.answer(authority.session, proof, self.now_ms)

    @property
    def now_ms(self):
        return self.clock.now_us // 1000

    def do(self, work):
        """As if a sealed message of the owner's were being handled."""
        self.authority.acting = OWNER
        result = work()
        self.authority.done()
        return result

    def open_window(self, seconds):
        return self.do(lambda: self.authority.open_window(seconds, self.now_ms))


def kinds(master):
    return [(entry.kind, entry.code, entry.where) for entry in journal_of(master)]


def journal_of(master):
    return master.bms.memory.journal.newest_first()


def started_with_the_button_held(held_ms):
    master = Master(settle=False)
    master.twin.hands.press(held_ms)
    # Its contact has bounced before anybody looks.
    master.clock.advance(10000)
    return master


def test_the_button_held_at_the_start_lets_a_key_be_set_and_kept():
    master = started_with_the_button_held(6000)
    authority = master.bms.authority
    master.run_ms(5500)
    # It counts when it is let go.
    assert master.read(COMMISSIONING) == [0]
    master.run_ms(1500)
    assert 115 <= master.read(COMMISSIONING)[0] <= 120
    assert authority.commission(OWNER, OWNERS_KEY, master.clock.now_us // 1000) == sessions.OK
    assert master.read(KEYS_SET, 2)[0] == 2
    master.run_until(lambda: not authority.key_copies_owed, 60000)
    assert master.read(KEYS_SET, 5) == [2, 0, 0, 0, 0]
    assert (journal.BUTTON, journal.BUTTON_KEYS, 0) in kinds(master)
    assert (journal.KEY, OWNER, journal.AT_BOARD) in kinds(master)
    assert master.bms.executive.overruns == 0
    again = Master(flash=master.flash)
    assert again.read(KEYS_SET) == [2]
    assert OwnersSession(again).status == sessions.OK


def test_keys_are_set_from_the_repl():
    master = Master()
    auth.set_keys("0a" * 32)
    again = Master(flash=master.flash)
    assert again.read(KEYS_SET) == [2]
    assert OwnersSession(again, bytes([10] * 32)).status == sessions.OK
    for owner, operator in (("0a" * 31, ""), ("00" * 32, ""), ("", "0a" * 33)):
        try:
            auth.set_keys(owner, operator)
        except ValueError:
            continue
        raise AssertionError("taken")


def test_a_button_held_later_or_stuck_from_the_start_lets_no_key_be_set():
    master = Master()
    master.twin.hands.press(6000)
    master.run_ms(8000)
    assert master.read(COMMISSIONING) == [0]
    stuck = started_with_the_button_held(30000)
    stuck.run_ms(32000)
    assert stuck.read(COMMISSIONING) == [0]
    for found in (master, stuck):
        assert (journal.BUTTON, journal.BUTTON_KEYS, 0) not in kinds(found)
        assert found.bms.authority.commission(OWNER, OWNERS_KEY, 0) == sessions.NOT_NOW
        assert found.read(KEYS_SET) == [0]


def test_plain_modbus_writes_while_the_owners_window_is_open_and_never_else():
    master = commissioned()
    assert master.write_one(ALLOWED, 2) == 3
    owner = OwnersSession(master)
    assert owner.open_window(10) == sessions.OK
    assert master.read(WINDOW)[0] in (9, 10)
    assert master.write_one(ALLOWED, 2) == 0
    master.run_ms(1500)
    assert not master.bench.true_charge
    assert master.write_one(RESET, 1) == 0
    assert master.write_one(BEGIN, master.read(3)[0]) == 0
    assert master.write_wide(STAGED_TRIP, 3500) == 0
    master.run_ms(10000)
    assert master.read(WINDOW) == [0]
    before = as_it_runs(master)
    assert master.write_one(COMMIT, 1) == 3
    assert master.write_wide(STAGED_TRIP, 3400) == 3
    assert master.write_one(ALLOWED, 3) == 3
    assert master.read(RESULT) == [door.NOT_ALLOWED]
    master.run_ms(2000)
    assert as_it_runs(master) == before
    told = kinds(master)
    assert (journal.WINDOW, 10, master.bms.authority.session) in told
    assert (journal.WRITE, ALLOWED, door.MODBUS) in told
    assert (journal.WRITE_REFUSED, ALLOWED, door.NOT_ALLOWED) in told
    assert (journal.SESSION, OWNER, master.bms.authority.session) in told


def test_proofs_and_seals_are_looked_at_while_the_cycle_keeps_its_period():
    master = commissioned()
    master.bms.executive.worst_period_us = 0
    for _ in range(5):
        master.run_ms(130)
        assert OwnersSession(master).status == sessions.OK
    assert OwnersSession(master, OPERATORS_KEY).status == sessions.BAD_PROOF
    master.run_ms(200)
    assert master.read(OPEN, 3) == [2, 5, 1]
    assert master.bms.executive.overruns == 0
    assert master.bms.executive.worst_period_us <= 60000


def test_random_writes_with_a_key_set_change_nothing_and_are_recorded():
    master = commissioned()
    OwnersSession(master)
    master.run_ms(1000)
    before = as_it_runs(master)
    dice = SeededRandom(66)
    addresses = (BEGIN, COMMIT, RESET, ALLOWED, STAGED_TRIP, 40090, 40120, 0, KEYS_SET, WINDOW)
    for _ in range(1000):
        address = addresses[dice.below(len(addresses))]
        count = 1 + dice.below(4)
        frame = [dice.below(2), 16, address >> 8, address & 0xFF, 0, count, 2 * count]
        frame += [dice.below(256) for _ in range(2 * count)]
        frame = with_sum(bytes(frame))
        master.bms.board.watchdog.feed()
        master.engine.receive(frame, len(frame))
        master.engine.reply_sent()
        assert master.door.write(address, dice.below(4), NATIVE) != door.TAKEN
    master.run_ms(2000)
    assert as_it_runs(master) == before
    assert master.door.taken == 0 and master.door.refused >= 2000
    assert master.read(WINDOW, 3) == [0, 0, 1]
    told = [kind for kind, _, _ in kinds(master)]
    assert told.count(journal.WRITE_REFUSED) == 1 and journal.WRITE not in told
