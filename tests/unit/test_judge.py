"""One's own log, judged: what is added up, what is printed, what is refused."""

import pytest

from host_tools.bench.accuracy import judge, sets
from host_tools.replay import log

B = sets.TIERS[1]
CELL = ("NMC", 5000.0)


def made(seconds=1200, ma=-2500.0):
    """A cell whose voltage falls evenly, as NMC about 60 % does; and its true charge."""
    times = list(range(0, seconds, 5))
    true = [0.60 + ma * time_s / 3600 / CELL[1] for time_s in times]
    volts = [3840.0 + 900 * (share - 0.60) - 120 for share in true]
    return log.Log(times, [ma] * len(times), volts, None, {}), true


def test_counting_is_off_by_what_its_sensor_is():
    read, true = made()
    sums = judge.counting(read, true, CELL, B, (1, 1, 1))
    hours = read.time_s[-1] / 3600
    # Gain takes 1 % of half a C more, the offset gives 1 mA/Ah back.
    assert sums.largest == pytest.approx(hours * (0.005 - 0.001), rel=0.01)
    assert sums.looks == len(true)
    assert sums.rmse() == pytest.approx(sums.largest / 3**0.5, rel=0.01)


def test_each_row_is_judged_once_even_where_the_replay_fills_in_between():
    read, true = made()
    sums = judge.run(read, true, CELL, true[0], B, (1, -1, 1))
    assert sums.looks == len(true)
    assert 0 < sums.rmse() <= sums.largest < 0.03
    assert sums.within == sums.looks
    untold = judge.run(read, true, CELL, None, B, (1, -1, 1))
    assert untold.largest > sums.largest


def test_a_board_that_states_a_poor_sensor_has_a_wider_bar():
    read, true = made()
    usual, poor = (
        judge.run(read, true, CELL, true[0], B, (1, 1, 1), stated) for stated in (5.0, 100.0)
    )
    assert poor.sigma > 1.2 * usual.sigma


def test_what_two_corners_say_together():
    corners = [judge.Sums(), judge.Sums()]
    for error, sigma in ((0.01, 0.02), (-0.03, 0.01)):
        corners[0].take(error, sigma)
    for error, sigma in ((0.0, 0.01), (0.0, 0.01)):
        corners[1].take(error, sigma)
    one = judge.verdict(corners)
    assert one.covered == 75 and one.least_covered == 50
    assert one.largest == pytest.approx(3.0)
    assert one.worst_rmse == pytest.approx(100 * 0.0005**0.5)
    assert one.mean_rmse == pytest.approx(one.worst_rmse / 2)
    assert one.ratio == pytest.approx(0.0125 / 0.00025**0.5)


def written(folder):
    read, true = made(600)
    rows = zip(read.time_s, read.current_ma, read.voltage_mv, true, strict=True)
    text = "".join(f"{t},{ma},{mv},{100 * share}\n" for t, ma, mv, share in rows)
    path = folder / "log.csv"
    path.write_text("time_s,current_ma,voltage_mv,Truth\n" + text)
    return str(path)


def test_a_line_for_each_start_and_for_counting(tmp_path, capsys):
    words = ["--truth", "truth", "--chemistry", "nmc", "--capacity-mah", "5000"]
    assert judge.main([written(tmp_path), *words, "--sensors", "b"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["B", "known"],
        ["B", "unknown"],
        ["B", "counting"],
    ]
    assert float(lines[2].split()[2]) < 0.1


@pytest.mark.parametrize(
    "words, why",
    [
        (["--truth", "soc", "--chemistry", "NMC", "--capacity-mah", "5000"], "there are truth"),
        (["--truth", "truth", "--chemistry", "wood", "--capacity-mah", "5"], "'wood' is not one"),
        (["--truth", "truth", "--chemistry", "NMC", "--capacity-mah", "0"], "must be"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_one_line(words, why, tmp_path, capsys):
    assert judge.main([written(tmp_path), *words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and why in said.err
