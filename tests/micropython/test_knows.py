"""What an owner asks for in KNOWS his board gets; what is wrong with it is told in a sentence."""

from vigil import knows

NAMES = [part[0] for part in knows.PARTS]
NEEDS = {"allowed": "charge", "age": "charge"}


class Board:
    pass


def made(names, **figures):
    board = Board()
    knows.offer(board, names, **figures)
    return board


def said(names):
    try:
        made(names)
    except ValueError as error:
        assert str(error) == knows.refused(names)
        return str(error)
    raise AssertionError("taken")


def subsets():
    for number in range(1 << len(NAMES)):
        yield tuple(name for at, name in enumerate(NAMES) if number >> at & 1)


def test_every_choice_is_given_as_asked_or_refused_for_what_is_missing():
    attributes = {part[0]: part[1] for part in knows.PARTS}
    taken = 0
    for names in subsets():
        missing = [name for name in names if name in NEEDS and NEEDS[name] not in names]
        if missing:
            assert repr(missing[0]) in said(names) and repr(NEEDS[missing[0]]) in said(names)
            continue
        taken += 1
        board = made(names)
        there = {attribute for attribute in attributes.values() if hasattr(board, attribute)}
        assert there == {attributes[name] for name in names}
    assert taken == 4 * (4 + 1)


def test_the_order_does_not_matter():
    board = made(("age", "totals", "charge"))
    for attribute in ("ageing", "totals", "estimator"):
        assert isinstance(getattr(board, attribute), type)


def test_what_is_no_part_is_told_with_those_that_are():
    for name in ("chrage", "", "Charge", 5, None):
        sentence = said(("charge", name))
        assert repr(name) in sentence and all(known in sentence for known in NAMES)


def test_a_forgotten_comma_is_told():
    assert "('charge',)" in said("charge")


def test_a_figure_that_nobody_knows_is_not_given():
    assert not dir_of(made(()))
    board = made((), bleed_ohm=68, most_bleeding=8, own_ua=0, sensor_offset_ma=20)
    assert dir_of(board) == {
        "bleed_ohm": 68,
        "most_bleeding": 8,
        "own_ua": 0,
        "sensor_offset_ma": 20,
    }


def dir_of(board):
    return dict(board.__dict__)
