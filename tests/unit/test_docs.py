"""What the documents say in figures is what the code does."""

import math
import re
from pathlib import Path

from desk import Desk

from host_tools import firmware, meanings
from host_tools.bench import code_costs, figures
from host_tools.build import compiler
from host_tools.handbook import reasons
from host_tools.handbook.__main__ import PAGES
from host_tools.mock import costs
from host_tools.points.declared import by_key
from vigil import journal, keeper, limits

ROOT = Path(__file__).parents[2]


def test_the_backstop_table_shows_what_the_chip_was_really_given():
    page = (ROOT / "docs" / "bq76952.md").read_text()
    applied = Desk().bms.front_end.applied
    assert len(applied) == 11
    for backstop, trip, delay in applied:
        if backstop <= 2:
            value = f"{trip} mV"
        else:
            value = f"{abs(trip) // 1000} A" if backstop <= 5 else f"| {trip // 10} degC"
        time = f"{delay} us" if backstop == 5 else f"{delay / 1000:.3f}".rstrip("0").rstrip(".")
        row = next(line for line in page.splitlines() if line.endswith("|") and value in line)
        assert time.split(".")[0] in row.rsplit("|", 2)[1], (row, time)


def test_generated_pages_are_what_the_code_says():
    for path, text in PAGES.items():
        assert (ROOT / path).read_text() == text(), f"{path} is old: run make docs"


def test_every_point_that_the_documents_number_has_that_number():
    points = by_key()
    numbered = [
        (page.name, *found)
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for found in re.findall(r"`(\w+)` \((\d{2,5})(?: and on)?\)", page.read_text())
    ]
    assert len(numbered) > 20
    old = [one for one in numbered if one[1] not in points or points[one[1]].number != int(one[2])]
    assert not old


def test_every_file_that_the_documents_name_exists():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} names {target}"
        for path in re.findall(
            r"`((?:firmware|host_tools|boards|tests)/[\w./]+)`", page.read_text()
        ):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_the_storage_page_states_the_times_and_sizes_of_the_code():
    page = " ".join((ROOT / "docs" / "storage.md").read_text().split())
    assert f"within **{keeper.LATCHED_KEPT_QUIET_MS // 1000} s** of the trip" in page
    assert f"within **{keeper.LATCHED_KEPT_MS // 1000} s** otherwise" in page
    assert f"after **{keeper.CONFIRM_AFTER_MS // 1000} s** of running" in page
    assert f"{keeper.STALL_MS} ms (`Sample.extend_once`)" in page
    held = journal.PER_FILE * journal.FILES
    assert f"{held} records of {journal.RECORD_SIZE} bytes" in page
    assert f"at least {held - journal.PER_FILE} are held" in page


def test_the_first_hardware_page_states_how_long_a_start_must_not_be_cut_short():
    page = " ".join((ROOT / "docs" / "first-hardware.md").read_text().split())
    assert f"board run for {keeper.CONFIRM_AFTER_MS // 1000} s before you stop it" in page


def test_every_limit_says_why_it_opens_what_it_opens():
    (limits,) = firmware.load("limits")
    assert sorted(reasons.WHY) == sorted(row[limits.ID] for row in limits.TABLE)


def test_the_modbus_page_says_how_much_of_a_board_it_takes():
    page = (ROOT / "docs" / "modbus.md").read_text()
    plain = ["points", "points_table", "points_values", "door", "limit_stage", "link/modbus"]
    more = math.ceil((_compiled(*plain) - _compiled("link/jbd")) / 1024)
    assert f"{more} KB more than JBD" in page
    whole = math.ceil(_compiled("link/sunspec", "link/sunspec_table") / 1024)
    assert f"SunSpec {whole} KB more" in " ".join(page.split())


def _compiled(*names):
    folder = ROOT / "firmware" / "lib" / "vigil"
    jobs = [((folder / f"{name}.py").read_text(), name, False) for name in names]
    return sum(len(data) for data in compiler.compile_files(jobs, "armv6m"))


def test_the_power_path_page_has_every_code_in_the_words_of_the_screen():
    page = (ROOT / "docs" / "power-path.md").read_text()
    words = meanings.CODE_WORDS[limits.POWER_PATH_FAULT]
    told = dict(re.findall(r"^\| (\d+) \| (.+?) \|", page, re.MULTILINE))
    assert told == {str(code): text for code, text in words.items()}


def test_the_kernels_page_lists_what_the_cycle_costs():
    page = (ROOT / "docs" / "kernels.md").read_text()
    parts = [cycles for _, cycles in code_costs.read_judge_act(costs.ROWS)]
    table = page.split("| read, judge, act")[1].split("\n\n")[0].splitlines()[2:]
    listed = [row.split("|")[2].strip(" *") for row in table]
    assert listed == [f"{cycles / costs.MHZ:.0f}" for cycles in [*parts, sum(parts)]]
    assert f"{code_costs.bus_us():,.0f} us at 400 kHz" in page
    for name, pair in figures.committed()["readings of 16 cells"].items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        assert f"| {pair['viper_cycles']:,} | {pair['c_cycles']:,} |" in row
        assert row.endswith(f"| {pair['call_cycles']:,} |")
