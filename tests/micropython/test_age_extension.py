"""A planned stall makes data older by less, once, and never twice in a row."""

from packs import Rig

from vigil.sample import CELLS, CURRENT, STACK, TEMPS


def settled():
    rig = Rig()
    rig.step(5)
    return rig


def age_after(rig, ms):
    rig.now_ms += ms
    rig.protection.judge(rig.sample, rig.now_ms)
    return rig.sample.age_ms(CELLS)


def test_an_announced_stall_does_not_age_the_data():
    rig = settled()
    before_ms = rig.sample.age_ms(CELLS)
    rig.now_ms += 10
    assert rig.sample.extend_once(400, rig.now_ms)
    assert age_after(rig, 100) == before_ms + 10


def test_only_the_announced_time_is_excused():
    rig = settled()
    before_ms = rig.sample.age_ms(CELLS)
    assert rig.sample.extend_once(400, rig.now_ms)
    assert age_after(rig, 1000) == before_ms + 600


def test_the_extension_is_over_with_the_next_look():
    rig = settled()
    before_ms = rig.sample.age_ms(CELLS)
    assert rig.sample.extend_once(400, rig.now_ms)
    assert age_after(rig, 50) == before_ms
    assert age_after(rig, 50) == before_ms + 50


def test_an_extension_cannot_be_used_twice_in_a_row():
    rig = settled()
    before_ms = rig.sample.age_ms(CELLS)
    assert rig.sample.extend_once(400, rig.now_ms)
    assert age_after(rig, 200) == before_ms
    assert not rig.sample.extend_once(400, rig.now_ms)
    assert age_after(rig, 200) == before_ms + 200


def test_every_group_must_be_measured_anew_before_the_next_extension():
    for late in (CELLS, TEMPS, CURRENT, STACK):
        rig = settled()
        assert rig.sample.extend_once(400, rig.now_ms)
        rig.stale = (late,)
        rig.step(3)
        assert not rig.sample.extend_once(400, rig.now_ms)
        rig.stale = ()
        rig.step()
        assert rig.sample.extend_once(400, rig.now_ms)


def test_nothing_measured_yet_earns_no_extension():
    assert not Rig().sample.extend_once(400, 1000)


def test_what_was_read_after_the_stall_keeps_its_own_age():
    rig = settled()
    assert rig.sample.extend_once(400, rig.now_ms)
    rig.now_ms += 350
    rig.step()
    # Nobody looked for longer than a period, so the conversion may be one period old.
    assert rig.sample.age_ms(CELLS) == 63


def test_silence_of_the_front_end_is_excused_alike_and_no_longer():
    rig = settled()
    rig.sample.extend_once(400, rig.now_ms)
    rig.now_ms += 390
    rig.protection.judge(rig.sample, rig.now_ms)
    assert rig.tripped() == []
    rig.now_ms += 200
    rig.protection.judge(rig.sample, rig.now_ms)
    assert rig.tripped() != []


def test_extension_works_across_the_wrap_of_the_ticks():
    rig = Rig(now_ms=(1 << 30) - 300)
    rig.step(5)
    before_ms = rig.sample.age_ms(CELLS)
    assert rig.sample.extend_once(400, rig.now_ms)
    rig.now_ms = (rig.now_ms + 300) & 0x3FFFFFFF
    rig.protection.judge(rig.sample, rig.now_ms)
    assert rig.sample.age_ms(CELLS) == before_ms
