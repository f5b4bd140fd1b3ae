"""Calibration against a simulated shunt and cells that read wrong, by the native protocol."""

from native_desk import KEYS, OPERATOR, OWNER, NativeDesk, plain, writes

from host_tools.mock.fake_flash import PowerCut
from vigil import calibration, journal, limits

CALIBRATE, WRITE = 9, 4
ZERO, GAIN, CELL, UNDO, DRY = 1, 2, 3, 4, 0x80
TAKEN, WOULD = 2, 3
SWITCHES_ON, TOO_SMALL, UNSTEADY, IMPLAUSIBLE = 10, 11, 12, 13
REFUSED, BUSY, OUT_OF_RANGE = 20, 23, 21
MALFORMED = 3
SHUT, OPEN = 3, 0


def bytes_of(kind, cell=0, true=0):
    return bytes([kind, cell]) + (true & 0xFFFFFFFF).to_bytes(4, "big")


def standing(told):
    """(offset mA, gain, kind, result, cell, mean, correction, seconds left, flags, {cell: mV})."""

    def signed(at, size):
        value = int.from_bytes(told[at : at + size], "big")
        return value - (1 << 8 * size) if value >> 8 * size - 1 else value

    cells = {told[at]: signed(at + 1, 1) for at in range(19, len(told), 2)}
    return (
        signed(0, 4),
        signed(4, 2),
        told[6],
        told[7],
        told[8],
        signed(9, 4),
        signed(13, 4),
        told[17],
        told[18],
        cells,
    )


class Bench:
    """A desk, and its owner."""

    def __init__(self, **options):
        self.desk = NativeDesk(code_time=False, **options)
        self.owner = self.desk.log_in(OWNER)
        self.bms = self.desk.bms

    def show(self):
        status, told = self.desk.ask(CALIBRATE)
        assert status == 0
        return standing(told)

    def calibrate(self, kind, cell=0, true=0):
        """The standing once it is over."""
        status, _ = self.desk.ask(CALIBRATE, bytes_of(kind, cell, true), self.owner)
        assert status == 0
        self.desk.run_until(lambda: not self.bms.calibration.is_busy, 11000)
        return self.show()

    def allow(self, switches):
        assert self.desk.ask(WRITE, writes((1609, switches, 1)), self.owner)[0] == 0
        wanted = self.desk.both_on if switches else self.desk.both_off
        self.desk.run_until(wanted, 20000)
        self.desk.run_ms(1000)

    def flow(self, ma):
        self.desk.bench.offer(ma)
        self.desk.run_ms(1500)
        assert abs(self.desk.bench.current_ma - ma) < 1

    def shown_ma(self):
        self.desk.run_ms(300)
        sample = self.bms.sample
        return sample.values[sample.current_at]


def kept(bench, found=None):
    """(offset, gain, cells) as the BMS has them."""
    found = found or bench.bms.calibration
    cells = {cell: mv for cell, mv in enumerate(found.cells) if mv}
    return found.offset_ma, found.gain, cells


def test_after_zero_and_gain_the_current_is_true_within_a_step():
    for percent, offset_ma in ((6, 150), (-7, -120), (0, 90)):
        bench = Bench()
        bench.desk.bench.set_shunt_gain(percent)
        bench.desk.bench.set_shunt_offset_ma(offset_ma)
        bench.allow(OPEN)
        found = bench.calibrate(ZERO)
        assert found[3] == TAKEN and abs(found[0] - offset_ma) <= 10
        bench.allow(SHUT)
        bench.flow(-30000)
        found = bench.calibrate(GAIN, true=-30000)
        assert found[3] == TAKEN
        for ma in (-30000, 25000, -5000, 60000, 0):
            bench.flow(ma)
            # A step of 10 mA and the gain's 1/16384.
            assert abs(bench.shown_ma() - ma) <= 20 + abs(ma) // 2000, (percent, ma)


def test_a_protection_trips_at_the_true_current():
    at = limits.position(limits.DISCHARGE_OVER_CURRENT)
    bench = Bench()
    trip_ma = 0 - bench.bms.table.trip[at]
    # A shunt that shows 8 % too little: uncorrected, the limit would be seen 8 % too late.
    bench.desk.bench.set_shunt_gain(-8)
    over_ma = trip_ma + trip_ma * 4 // 100
    bench.flow(-over_ma)
    bench.desk.run_ms(bench.bms.table.trip_delay_ms[at] + 2000)
    assert not bench.bms.protection.is_tripped(at)
    bench.flow(-30000)
    assert bench.calibrate(GAIN, true=-30000)[3] == TAKEN
    bench.desk.bench.offer(-over_ma)
    bench.desk.run_until(
        lambda: bench.bms.protection.is_tripped(at), bench.bms.table.trip_delay_ms[at] + 1000
    )
    assert abs(bench.bms.protection.trip_value[at] + over_ma) <= 20 + over_ma // 2000


def test_a_cell_is_shown_as_it_truly_is_and_others_are_left_alone():
    bench = Bench()
    before = list(bench.bms.sample.cell_values)
    true_mv = before[4] + 13
    found = bench.calibrate(CELL, 5, true_mv)
    assert found[3] == TAKEN and abs(found[9][5] - 13) <= 1 and len(found[9]) == 1
    bench.desk.run_ms(500)
    after = list(bench.bms.sample.cell_values)
    assert abs(after[4] - true_mv) <= 1
    assert max([abs(now - was) for at, (now, was) in enumerate(zip(after, before)) if at != 4]) < 2
    # From what it shows now: the correction is not added to itself.
    found = bench.calibrate(CELL, 5, true_mv - 20)
    assert abs(found[9][5] + 7) <= 1
    # Back to what the front end says: no correction any more.
    found = bench.calibrate(CELL, 5, found[5])
    assert found[3] == TAKEN and found[9] == {} and bench.bms.reader is bench.bms.front_end


def test_what_is_not_plausible_is_refused_and_changes_nothing():
    bench = Bench()
    assert bench.calibrate(ZERO)[3] == SWITCHES_ON
    bench.flow(-1500)
    assert bench.calibrate(GAIN, true=-1500)[3] == TOO_SMALL
    bench.flow(-30000)
    for true in (-34000, -26000, 30000, -500000, 500000):
        assert bench.calibrate(GAIN, true=true)[3] == IMPLAUSIBLE, true
    for off in (21, -21, 500, -3000):
        true = bench.bms.sample.cell_values[2] + off + (2 if off > 0 else -2)
        assert bench.calibrate(CELL, 3, true)[3] == IMPLAUSIBLE, off
    assert bench.calibrate(CELL, 17, 3300)[3] == calibration.NO_SUCH_CELL
    bench.allow(OPEN)
    bench.desk.bench.set_shunt_offset_ma(1500)
    assert bench.calibrate(ZERO)[3] == IMPLAUSIBLE
    assert bench.calibrate(UNDO)[3] == calibration.NONE_BEFORE
    assert kept(bench) == (0, 0, {}) and bench.bms.reader is bench.bms.front_end


def test_what_does_not_stand_still_is_refused():
    bench = Bench()
    bench.flow(-30000)
    bench.desk.ask(CALIBRATE, bytes_of(GAIN, 0, -30000), bench.owner)
    bench.desk.run_ms(3000)
    bench.desk.bench.offer(-40000)
    bench.desk.run_until(lambda: not bench.bms.calibration.is_busy, 11000)
    assert bench.show()[3] == UNSTEADY
    bench.allow(OPEN)
    bench.desk.ask(CALIBRATE, bytes_of(ZERO), bench.owner)
    bench.desk.run_ms(3000)
    bench.allow(SHUT)
    assert bench.show()[3] == SWITCHES_ON
    assert kept(bench) == (0, 0, {})


def test_dry_run_and_undo():
    bench = Bench()
    bench.desk.bench.set_shunt_offset_ma(200)
    bench.allow(OPEN)
    found = bench.calibrate(ZERO | DRY)
    assert found[3] == WOULD and abs(found[6] - 200) <= 10 and kept(bench) == (0, 0, {})
    bench.calibrate(ZERO)
    first = kept(bench)
    assert abs(first[0] - 200) <= 10 and bench.show()[8] == 1
    assert bench.calibrate(UNDO)[3] == TAKEN and kept(bench) == (0, 0, {})
    bench.calibrate(UNDO)
    assert kept(bench) == first


def test_who_has_no_key_changes_nothing_and_is_recorded():
    bench = Bench()
    desk = bench.desk
    asked = bytes_of(GAIN, 0, -30000)
    refused = bench.bms.door.refused
    assert desk.ask(CALIBRATE, asked) == (REFUSED, b"")
    assert bench.bms.door.refused == refused + 1
    assert desk.log_in(OWNER, bytes(32)) == 5
    sealed = bench.owner.seal(CALIBRATE, asked)
    desk.at_once(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    assert not bench.bms.calibration.is_busy and bench.show()[3] == 0
    desk.run_ms(500)
    kinds = [entry.kind for entry in bench.bms.memory.journal.newest_first()]
    assert journal.WRITE_REFUSED in kinds and journal.CALIBRATION not in kinds
    desk.run_ms(3000)
    operator = desk.log_in(OPERATOR, KEYS[OPERATOR])
    assert desk.ask(CALIBRATE, asked, operator)[0] == 0
    assert desk.ask(CALIBRATE, asked, operator)[0] == BUSY


def test_what_makes_no_sense_is_malformed():
    bench = Bench()
    for asked in (
        b"\1",
        bytes(5),
        bytes(7),
        bytes_of(0),
        bytes_of(5),
        bytes_of(CELL),
        b"\1\1" * 3,
    ):
        assert bench.desk.ask(CALIBRATE, asked, bench.owner)[0] == MALFORMED
    for true in (500001, -500001, -(1 << 31)):
        assert bench.desk.ask(CALIBRATE, bytes_of(GAIN, 0, true), bench.owner)[0] == OUT_OF_RANGE
    bench.bms.calibration = None
    assert bench.desk.at_once(plain(CALIBRATE))[4] == 2


def test_it_is_kept_over_a_restart_and_told_in_the_journal():
    bench = Bench()
    bench.flow(-30000)
    bench.calibrate(GAIN, true=-31000)
    bench.calibrate(CELL, 2, bench.bms.sample.cell_values[1] + 9)
    held = kept(bench)
    bench.flow(0)
    bench.desk.run_ms(8000)
    told = [e for e in bench.bms.memory.journal.newest_first() if e.kind == journal.CALIBRATION]
    assert [(e.code, e.where) for e in told] == [(CELL, 2), (GAIN, 0)]
    other = Bench(flash=bench.desk.flash)
    assert kept(other) == held and other.bms.reader is other.bms.calibration


def test_a_record_that_is_not_good_gives_defaults_and_a_warning():
    bench = Bench()
    bench.calibrate(CELL, 2, bench.bms.sample.cell_values[1] + 9)
    bench.desk.run_ms(8000)
    flash = bench.desk.flash
    whole = flash.records["trim.0"]
    for name in ("trim.0", "trim.1"):
        flash.records[name] = whole[:-1] + bytes([whole[-1] ^ 1])
    other = Bench(flash=flash)
    assert kept(other) == (0, 0, {}) and other.show()[8] & 2
    kinds = [entry.kind for entry in other.bms.memory.journal.newest_first()]
    assert journal.CALIBRATION in kinds
    # A good sum over values that nobody may have: likewise.
    from vigil.store import pack

    for values in (b"\x40\x42\x0f\0", b"\0\0\0\0\x00\x40", bytes(7) + b"\x7f", bytes(30) + b"\1"):
        payload = values + bytes(96 - len(values))
        flash.records["trim.0"] = flash.records["trim.1"] = pack(1, 9, payload)
        again = calibration.Calibration(other.bms)
        other.bms.memory._others.pop()
        assert again.lost and kept(other, again) == (0, 0, {})


def test_a_power_cut_at_every_operation_leaves_the_old_or_the_new():
    bench = Bench()
    bench.calibrate(CELL, 2, bench.bms.sample.cell_values[1] + 9)
    bench.desk.run_ms(8000)
    flash = bench.desk.flash
    records = dict(flash.records)
    old = kept(bench)
    store = bench.bms.calibration._store
    states = store._sequence, store._next_copy
    bench.calibrate(CELL, 2, bench.bms.sample.cell_values[1] - 9)
    staged = store._payload
    new = kept(bench)
    assert new != old
    found = set()
    for tears in (False, True):
        for cut in range(8):
            flash.records = dict(records)
            store._sequence, store._next_copy = states
            store.stage(staged)
            flash.cut_power_in(cut, tears)
            try:
                while store.copies_owed:
                    store.commit()
            except PowerCut:
                pass
            flash._cut_in = None
            again = calibration.Calibration(bench.bms)
            bench.bms.memory._others.pop()
            now = kept(bench, again)
            assert now == old or now == new
            assert not again.lost
            found.add(str(now))
    assert len(found) == 2


def test_a_limit_that_could_no_longer_be_seen_is_refused():
    bench = Bench()
    bench.flow(-30000)
    front_end = bench.bms.front_end
    highest_ma = max(
        [
            abs(trip)
            for at, trip in enumerate(bench.bms.table.trip)
            if limits.TABLE[at][limits.GROUP] == 2
        ]
    )
    # Its own full scale lies just beyond the farthest limit.
    front_end.highest_ma = lambda requests: highest_ma + highest_ma // 50
    assert bench.calibrate(GAIN, true=-28500)[3] == calibration.LIMIT_UNSEEN
    assert kept(bench) == (0, 0, {})
    assert bench.calibrate(GAIN, true=-30300)[3] == TAKEN
