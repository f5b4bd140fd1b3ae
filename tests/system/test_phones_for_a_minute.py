"""Two batteries and three phones for a minute of real time, beside the other tests."""

from tests.system.phones_for_long import watch


def test_two_batteries_and_three_phones_for_a_minute_without_a_wrong_value():
    counts = watch(60)
    assert counts.wrong == []
    assert counts.reads > 60 and counts.told > 40 and counts.visits > 4
