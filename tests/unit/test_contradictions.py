"""The sentence for a refused limit: one for each code, with names, units and what to do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.contradictions import backstop_sentence, explained, problem_sentence
from vigil import backstop_check, limits, sample, validate
from vigil.backstop_check import BACKSTOP_IMPOSSIBLE, BACKSTOP_TIGHTER

CODES = [
    value
    for name, value in (vars(backstop_check) | vars(validate)).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, int)
    if not hasattr(limits, name) and not hasattr(sample, name)
]
ROW_CODES = sorted(set(CODES) - {BACKSTOP_TIGHTER, BACKSTOP_IMPOSSIBLE})


def test_the_codes_are_all_there():
    assert sorted(CODES) == list(range(1, 21))


@given(
    st.integers(1, limits.LAST_ROW),
    st.sampled_from(ROW_CODES),
    *[st.integers(-(1 << 31), (1 << 31) - 1)] * 2,
)
def test_every_code_has_a_sentence_that_names_the_limit_and_ends(row_id, code, number, bound):
    text = problem_sentence(row_id, code, number, bound)
    assert "does not know" not in text
    assert text.endswith(".") and text[0].isupper()
    assert not re.search(r"[{}]|None|  ", text)
    assert code == validate.SHORT_CIRCUIT_TOO_SLOW or text.startswith('Limit "')
    # What is wrong, then what to do.
    assert text.count(". ") >= 1


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            (limits.CELL_OVER_VOLTAGE, validate.RELEASE_BEYOND_TRIP, 3651, 3650),
            'Limit "cell over-voltage" would be released at 3.651 V, which is beyond its trip at'
            " 3.650 V, so it could never stay tripped. Set the release below the trip.",
        ),
        (
            (limits.STACK_UNDER_VOLTAGE, validate.STACK_CONTRADICTS_CELLS, 38000, 40000),
            'Limit "pack under-voltage" trips at 38.00 V, below the 40.00 V that the cell limits'
            " times the number of cells give. Check the number of cells, or bring the two limits"
            " together.",
        ),
        (
            (limits.CHARGE_UNDER_TEMPERATURE, validate.BEYOND_CHEMISTRY, -50, 0),
            'Limit "too cold to charge" trips at -5.0 degC, but this chemistry allows 0.0 degC at'
            " the least. Set the trip to 0.0 degC or above; check that the chemistry is the right"
            " one.",
        ),
        (
            (limits.CELL_OVER_VOLTAGE, validate.DELAY_OUT_OF_RANGE, 30001, 30000),
            'Limit "cell over-voltage" has a delay of 30001 ms; 30.0 s is the longest allowed.'
            " Choose a shorter one.",
        ),
        (
            (limits.DISCHARGE_OVER_CURRENT, validate.SHORT_CIRCUIT_TOO_LOW, -100000, -120000),
            'Limit "discharge over-current" trips at 120.0 A, and the short circuit limit at'
            " 100.0 A is not above it. Set the short circuit to clearly more current than the"
            " over-current.",
        ),
    ],
)
def test_sentences_read_well(problem, words):
    assert problem_sentence(*problem) == words


def test_a_code_of_a_newer_firmware_is_told_honestly():
    assert "reason 99" in problem_sentence(2, 99, 5)
    assert "does not know" in problem_sentence(2, 99, 5)
    assert problem_sentence(77, validate.MISSING_ROW, 0, 0).startswith('Limit "limit 77"')


def test_a_backstop_that_is_too_tight_is_told_with_both_numbers():
    text = backstop_sentence(limits.BACKSTOP_CELL_UNDER_VOLTAGE, BACKSTOP_TIGHTER, 2530, 2500)
    assert "cell under-voltage at 2.530 V" in text and "software at 2.500 V" in text
    text = backstop_sentence(limits.BACKSTOP_SHORT_CIRCUIT, BACKSTOP_TIGHTER, -200000)
    assert "short circuit at -200 A" in text


def test_what_the_front_end_cannot_guard_has_a_sentence_of_its_own():
    assert "cannot guard these limits" in problem_sentence(0, BACKSTOP_IMPOSSIBLE, 0, 0)


def refused(tight_shunt_uohm=500, **numbers):
    from desk import Desk

    return Desk(settle=False, SHUNT_UOHM=tight_shunt_uohm, **numbers).bms


def test_what_the_board_prints_at_its_start_is_told_in_sentences(capsys):
    bms = refused(CAPACITY_MAH=1)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(bms.problems) > 0
    told = [explained(line) for line in printed]
    assert told == ["limit table refused: " + problem_sentence(*one) for one in bms.problems]


def test_limits_that_the_chip_cannot_back_are_told_at_the_start_too(capsys):
    bms = refused(tight_shunt_uohm=10000)
    assert bms.problems == []
    told = [explained(line) for line in capsys.readouterr().out.splitlines()]
    assert told[-1].startswith("limit table refused: The front end cannot guard")
    # 10 mOhm show 20 A at the most.
    assert len(told) == 5
    assert all("tells currents apart only up to" in line and "20" in line for line in told[:-1])


@pytest.mark.parametrize("backstop", range(1, 11))
def test_a_refused_backstop_is_explained_by_its_own_sentence_and_unit(backstop):
    line = f"limit table refused: row {backstop} problem 7 value 450 of 460"
    assert explained(line) == "limit table refused: " + backstop_sentence(backstop, 7, 450, 460)
    unit = " V" if backstop <= 2 else " A" if backstop <= 5 else " degC"
    assert line != explained(line) and explained(line).count(unit) == 2


@given(st.text())
def test_other_lines_of_the_board_stay_as_they_are(line):
    assert explained(line) == line
