"""`vigil replay`: what it reads, what it refuses, what it prints."""

import gzip
import json
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools import cli
from host_tools.replay import estimators, log, plot

RIGHT = ["--chemistry", "NMC", "--capacity-mah", "5000"]


def written(folder, text, name="log.csv"):
    path = folder / name
    path.write_text(text)
    return str(path)


def rows(seconds, current_ma=-2500, voltage_mv=3700, step_s=1):
    lines = [f"{at * step_s},{current_ma},{voltage_mv}" for at in range(seconds // step_s + 1)]
    return "time_s,current_ma,voltage_mv\n" + "\n".join(lines) + "\n"


def replayed(capsys, path, *words):
    assert cli.main(["replay", path, *RIGHT, "--json", *words]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return [json.loads(line) for line in said.out.splitlines()]


def test_a_line_a_second_with_charge_sigma_and_source(tmp_path, capsys):
    seen = replayed(capsys, written(tmp_path, rows(120)), "--start-soc", "60")
    assert [list(line) for line in seen[:1]] == [["t_s", "soc_pct", "soc_sigma_pct", "source"]]
    assert [line["t_s"] for line in seen] == list(range(121))
    assert seen[0]["soc_pct"] == pytest.approx(60, abs=0.3)
    # Half a C for two minutes.
    assert seen[-1]["soc_pct"] - seen[0]["soc_pct"] == pytest.approx(-1.667, abs=0.4)
    assert {line["source"] for line in seen} == {"boot"}


def test_the_table_says_the_same(tmp_path, capsys):
    path = written(tmp_path, rows(30))
    seen = replayed(capsys, path)
    assert cli.main(["replay", path, *RIGHT]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "t_s,soc_pct,soc_sigma_pct,source"
    assert len(lines) == len(seen)
    for line, values in zip(lines, seen, strict=True):
        words = line.split(",")
        assert [float(word) for word in words[:3]] == list(values.values())[:3]
        assert words[3] == values["source"]


def test_without_a_start_the_charge_is_found(tmp_path, capsys):
    seen = replayed(capsys, written(tmp_path, rows(1200, 0, 3751)))
    assert seen[-1]["source"] in ("grid", "filter")
    assert abs(seen[-1]["soc_pct"] - 50) < 3
    assert seen[-1]["soc_sigma_pct"] < 3
    assert replayed(capsys, written(tmp_path, rows(5)), "--start-soc", "unknown")


def test_errors_are_added_to_the_log_first(tmp_path, capsys):
    path = written(tmp_path, rows(600, -1000))
    errors = ["--offset-ma", "50", "--gain-pct=-10", "--voltage-offset-mv", "-4"]
    told = replayed(capsys, path, "--start-soc", "50", *errors)
    by_hand = written(tmp_path, rows(600, -850, 3696), "other.csv")
    assert told == replayed(capsys, by_hand, "--start-soc", "50")
    assert told != replayed(capsys, path, "--start-soc", "50")


def test_a_sensor_that_is_said_to_be_poor_is_trusted_less(tmp_path, capsys):
    path = written(tmp_path, rows(7200, 0, 3300, 60))
    told = ["--chemistry", "LFP", "--start-soc", "60"]
    usual, said, poor = (
        replayed(capsys, path, *told, *words)[-1]["soc_sigma_pct"]
        for words in ([], ["--sensor-offset-ma", "5"], ["--sensor-offset-ma", "50"])
    )
    # 1 mA/Ah is what is taken for granted; two hours of 10 mA/Ah are 2 %.
    assert usual == said
    assert poor > usual + 1


@pytest.mark.parametrize(
    "header", ["TIME_S,Current_mA,voltage_mV", " time_s , current_ma,VOLTAGE_MV "]
)
def test_columns_may_have_any_letter_case_and_order_and_others_may_be_there(
    header, tmp_path, capsys
):
    plain = replayed(capsys, written(tmp_path, rows(20)))
    text = rows(20).replace("time_s,current_ma,voltage_mv", header)
    assert replayed(capsys, written(tmp_path, text, "b.csv")) == plain
    turned = ["note,voltage_mv,time_s,current_ma"]
    turned += [f"x{at},3700,{at},-2500" for at in range(21)]
    assert replayed(capsys, written(tmp_path, "\n".join(turned), "c.csv")) == plain


def test_a_temperature_is_used_where_it_is_known(tmp_path, capsys):
    lines = [f"{at},-5000,3600,{{}}" for at in range(901)]
    text = "\n".join(["time_s,current_ma,voltage_mv,temp_c", *lines])
    ends = [
        replayed(capsys, written(tmp_path, text.replace("{}", temp)))[-1]["soc_pct"]
        for temp in ("5", "25")
    ]
    # A cold cell drops more for the same charge: it holds more than it seems.
    assert ends[0] > ends[1] + 2


def test_a_packed_log_is_read(tmp_path, capsys):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(rows(10).encode()))
    assert len(replayed(capsys, str(path))) == 11


def test_rows_ten_seconds_apart_are_filled_with_what_was_counted(tmp_path, capsys):
    seen = replayed(capsys, written(tmp_path, rows(60, -3000, 3700, 10)), "--start-soc", "50")
    assert [line["t_s"] for line in seen] == list(range(61))
    slopes = {
        round(b["soc_pct"] - a["soc_pct"], 3)
        for a, b in zip(seen, seen[1:], strict=False)
        if b["t_s"] % 10
    }
    assert slopes <= {-0.016, -0.017}


def test_rows_closer_than_a_second_are_counted_and_looked_at_once_a_second(tmp_path, capsys):
    lines = [f"{at / 10},{-25000 if at % 10 == 1 else 0},3700" for at in range(0, 201)]
    text = "\n".join(["time_s,current_ma,voltage_mv", *lines])
    seen = replayed(capsys, written(tmp_path, text), "--start-soc", "50")
    assert [line["t_s"] for line in seen] == list(range(21))
    lost = seen[0]["soc_pct"] - seen[-1]["soc_pct"]
    assert lost == pytest.approx(100 * 20 * 2.5 / 3600 / 5, abs=0.1)


HEAD = "time_s,current_ma,voltage_mv\n"


@pytest.mark.parametrize(
    "text, words, why",
    [
        ("", RIGHT, "no column time_s"),
        ("time_s,voltage_mv\n0,1\n1,1\n", RIGHT, "no column current_ma"),
        (HEAD, RIGHT, "fewer than two rows"),
        (HEAD + "0,1,3700\n", RIGHT, "fewer than two rows"),
        (HEAD + "0,1,3700\n1,x,3700\n", RIGHT, 'line 3: current_ma is "x"'),
        (HEAD + "0,1,3700\n1,nan,3700\n", RIGHT, 'current_ma is "nan"'),
        (HEAD + "0,1,3700\n1,1\n", RIGHT, "line 3: 2 values, not 3"),
        (HEAD + "0,1,3700\n0,1,3700\n", RIGHT, "time_s goes from 0 to 0"),
        (HEAD + "5,1,3700\n4,1,3700\n", RIGHT, "time_s goes from 5 to 4"),
        (HEAD + "0,1,3700\n9999,1,3700\n", RIGHT, "9999 s without a row"),
        (HEAD + "0,1,3.7\n1,1,3.7\n", RIGHT, "no cell has 3.7 mV"),
        (HEAD + "0,1,3700\n1,1e12,3700\n", RIGHT, "no cell bears"),
        ("time_s,time_s,current_ma,voltage_mv\n", RIGHT, "more than once"),
        (rows(5), ["--chemistry", "PbA", "--capacity-mah", "9"], "'PbA' is not one of LFP"),
        (rows(5), ["--chemistry", "NMC", "--capacity-mah", "0"], "--capacity-mah must be"),
        (rows(5), ["--chemistry", "NMC", "--capacity-mah", "big"], "'big' is not a number"),
        (rows(5), ["--chemistry", "NMC"], "--capacity-mah"),
        (rows(5), [*RIGHT, "--start-soc", "101"], "must be 0 to 100 or unknown"),
        (rows(5), [*RIGHT, "--start-soc", "full"], "is not a number or unknown"),
        (rows(5), [*RIGHT, "--gain-pct", "inf"], "not a finite number"),
        (rows(5), [*RIGHT, "--offset-ma", ""], "'' is not a number"),
        (rows(5), [*RIGHT, "--voltage-offset-mv", "9e9"], "--voltage-offset-mv must be"),
        (rows(5), [*RIGHT, "--sensor-offset-ma", "-1"], "--sensor-offset-ma must be"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_one_line(text, words, why, tmp_path, capsys):
    path = written(tmp_path, text)
    assert cli.main(["replay", path, *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("vigil") and why in said.err


def test_files_that_are_none_are_refused(tmp_path, capsys):
    noise = tmp_path / "noise.csv"
    noise.write_bytes(bytes(range(128, 256)))
    packed = tmp_path / "cut.csv.gz"
    packed.write_bytes(gzip.compress(rows(100).encode())[:60])
    for path in ("nosuch.csv", str(tmp_path), str(noise), str(packed)):
        assert cli.main(["replay", path, *RIGHT]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1, said.err


def test_empty_lines_are_passed_over(tmp_path):
    made = log.read(written(tmp_path, HEAD + "\n0,1,3700\n,,\n1,2,3701\n\n"))
    assert made.time_s == [0, 1]
    assert made.current_ma == [1, 2]


@pytest.mark.parametrize(
    "name, begins", [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF")]
)
def test_the_trace_can_be_plotted(name, begins, tmp_path, capsys):
    path = written(tmp_path, rows(60))
    words = ["--start-soc", "60", "--plot", str(tmp_path / name)]
    assert cli.main(["replay", path, *RIGHT, *words]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / name).read_bytes().startswith(begins)
    if name == "a.svg":
        # A plot beside the trace is the same trace.
        assert replayed(capsys, path, *words) == replayed(capsys, path, *words[:2])


@pytest.mark.parametrize("name, said", [("a.bmp", "has to end in"), ("none/a.svg", "No such")])
def test_a_plot_that_cannot_be_written_is_a_sentence(name, said, tmp_path, capsys):
    words = ["--plot", str(tmp_path / name)]
    assert cli.main(["replay", written(tmp_path, rows(60)), *RIGHT, *words]) != 0
    heard = capsys.readouterr()
    assert heard.out == "" and said in heard.err and "Traceback" not in heard.err


def test_a_plot_without_matplotlib_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = ["--plot", str(tmp_path / "a.svg")]
    assert cli.main(["replay", written(tmp_path, rows(60)), *RIGHT, *words]) != 0
    assert "vigil-bms[plot]" in capsys.readouterr().err


@given(st.lists(st.sampled_from(estimators.SOURCES), min_size=1, max_size=30))
def test_a_plots_stretches_leave_no_row_out_and_join(sources):
    found = plot.stretches([(at, 0.5, 0.1, source) for at, source in enumerate(sources)])
    assert found[0][1] == 0 and found[-1][2] == len(sources) - 1
    for before, after in pairwise(found):
        assert before[2] == after[1] and before[0] != after[0]
    for source, first, last in found:
        assert sources[first:last] == [source] * (last - first) and sources[first] == source
