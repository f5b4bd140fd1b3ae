"""Current profiles: csv files as people make them, and the named ones."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.sim import profiles

INT32 = st.integers(-(2**31) + 1, 2**31 - 1)


@pytest.fixture
def csv_file(tmp_path):
    def write(content):
        path = tmp_path / "profile.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def rows_of(path):
    return profiles.read_csv(path).rows


# What is understood.


def test_columns_are_found_in_any_letter_case_and_order_beside_others(csv_file):
    path = csv_file("Note,CURRENT_mA,voltage_mV, Time_S \nx,-1500.4,3300,0\ny,2e3,3300,0.5\n")
    profile = profiles.read_csv(path)
    assert profile.unit == "ma"
    assert profile.rows == [(0, -1500), (500, 2000)]


def test_crate_x1000_becomes_millionths_of_the_capacity_an_hour(csv_file):
    profile = profiles.read_csv(csv_file("time_s,speed_mps,crate_x1000\n0,0.0,-6.7\n1,0.0,100\n"))
    assert profile.unit == "crate_ppm"
    assert profile.rows == [(0, -6700), (1000, 100000)]


def test_current_ma_is_preferred_when_both_are_there(csv_file):
    assert profiles.read_csv(csv_file("time_s,crate_x1000,current_ma\n0,1,7\n")).unit == "ma"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbftime_s,current_ma\n0,1\n1,2\n",
        b"time_s,current_ma\r\n0,1\r\n1,2\r\n\r\n",
        b"\n\ntime_s,current_ma\n0,1\n\n1,2\n\n\n  \n,\n",
        b'"time_s","current_ma"\n"0","1"\n"1","2"',
        b"time_s,current_ma\n0,1,left over\n1,2",
    ],
    ids=["byte order mark", "line ends of Windows", "blank lines", "quotes", "longer rows"],
)
def test_harmless_oddities_are_no_obstacle(csv_file, content):
    assert rows_of(csv_file(content)) == [(0, 1), (1000, 2)]


def test_time_starts_at_zero_wherever_the_file_starts(csv_file):
    assert rows_of(csv_file("time_s,current_ma\n-5,1\n5,2\n")) == [(0, 1), (10000, 2)]


def test_a_single_row_holds_for_ever(csv_file):
    rows = rows_of(csv_file("time_s,current_ma\n3,-250\n"))
    assert rows == [(0, -250), (1000, -250)]


@given(st.lists(INT32, min_size=2, max_size=20), st.data())
def test_packed_rows_are_little_endian_int32_pairs(values, data):
    steps = data.draw(st.lists(st.integers(1, 10**6), min_size=20, max_size=20))
    rows = []
    t_ms = 0
    for value, step in zip(values, steps, strict=False):
        rows.append((t_ms, value))
        t_ms += step
    packed = profiles.Profile("x", "ma", rows).packed()
    assert list(struct.iter_unpack("<ii", packed)) == rows


# What is refused, with a sentence.


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("time_s,current_ma\n", "header but no rows"),
        ("0,1\n1,2\n", "no column time_s"),
        ("time_s,current_A\n0,1\n", "no column current_ma (or crate_x1000)"),
        ("time_s;current_ma\n0;1\n", "no column time_s"),
        ("current_ma\n0\n", "no column time_s"),
        ("time_s,current_ma,Current_mA\n0,1,2\n", "column current_ma more than once"),
        ("time_s,current_ma\n0,1\n1,\n", "line 3: current_ma is missing"),
        ("time_s,current_ma\n0\n", "line 2: current_ma is missing"),
        ("time_s,current_ma\n0,ten\n", "line 2: current_ma 'ten' is not a number"),
        ("time_s,current_ma\n0,1_000\n", "not a number"),
        ("time_s,current_ma\n0,\u0661\n", "not a number"),
        ("time_s,current_ma\n0,nan\n", "not a finite number"),
        ("time_s,current_ma\ninf,0\n", "line 2: time_s inf is not a finite number"),
        ("time_s,current_ma\n0,1e999\n", "too large"),
        ("time_s,current_ma\n0,1\n2,1\n1,1\n", "line 4: time_s must rise"),
        ("time_s,current_ma\n0,1\n0,1\n", "line 3: time_s must rise"),
        ("time_s,current_ma\n0,1\n0.0001,1\n", "line 3: time_s must rise"),
        ("time_s,current_ma\n0,3000000000\n", "current_ma is too large"),
        ("time_s,crate_x1000\n0,-2200000\n", "crate_x1000 is too large"),
        ("time_s,current_ma\n0,1\n3000000,1\n", "time_s is too large"),
        (b"time_s,current_ma\n0,1\n\xff\xfe", "not a text file"),
        (b"\x7fELF\0\0\0", "not a text file"),
        ("time_s,current_ma\n0," + "9" * 200000, "line 2"),
    ],
)
def test_a_malformed_file_is_refused_with_its_reason(csv_file, content, words):
    with pytest.raises(ValueError) as caught:
        profiles.read_csv(csv_file(content))
    text = str(caught.value)
    assert words in text
    assert "\n" not in text and len(text) < 400


def test_what_is_no_file_is_refused_and_the_names_are_told(tmp_path):
    with pytest.raises(ValueError, match="charge, discharge, rest, solar-home"):
        profiles.load(str(tmp_path / "absent.csv"), 1)
    with pytest.raises(ValueError, match="directory"):
        profiles.load(str(tmp_path), 1)
    with pytest.raises(ValueError, match="cannot read"):
        profiles.load("x" * 5000, 1)


@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_a_sentence(data):
    try:
        _, rows = profiles._parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        return
    except ValueError as error:
        assert str(error)
    else:
        assert rows[0][0] == 0 and len(rows) >= 2


# The named ones.


@pytest.mark.parametrize(
    "name, crate_ppm", [("rest", 0), ("charge", 300000), ("discharge", -300000)]
)
def test_steady_profiles_hold_one_rate(name, crate_ppm):
    profile = profiles.load(name, 1)
    assert profile.unit == "crate_ppm"
    assert {value for _, value in profile.rows} == {crate_ppm}


@pytest.mark.parametrize("seed", range(5))
def test_a_day_of_the_solar_home_stays_within_the_pack(seed):
    rows = profiles.load("solar-home", seed).rows
    times = [t_ms for t_ms, _ in rows]
    assert times[0] == 0 and times[-1] + (times[-1] - times[-2]) == 86_400_000
    # In A for a 100 Ah pack, and in Ah of it.
    amperes = [ppm / 10_000 for _, ppm in rows]
    assert -60 <= min(amperes) < -45 and 20 < max(amperes) <= 45
    charge_ah = lowest_ah = highest_ah = 0
    for current in amperes:
        charge_ah += current * 10 / 3600
        lowest_ah = min(lowest_ah, charge_ah)
        highest_ah = max(highest_ah, charge_ah)
    assert abs(charge_ah) < 0.5
    assert lowest_ah > -15 and highest_ah < 52


def test_the_same_seed_gives_the_same_day_and_another_seed_another():
    assert profiles.solar_home(3) == profiles.solar_home(3)
    assert profiles.solar_home(3) != profiles.solar_home(4)
