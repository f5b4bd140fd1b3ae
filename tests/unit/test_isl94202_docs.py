"""The ISL94202's page states the figures that the driver has."""

from pathlib import Path

from vigil import chemistry, presets
from vigil.afe.isl94202_settings import Options, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "isl94202.md").read_text()


def test_the_backstop_table_shows_what_the_chip_is_given():
    table = presets.preset(chemistry.by_name("LFP"), 8, 20000, (500,) * 5, 250)
    lines = PAGE.splitlines()
    for code, trip, delay in Settings(table.backstop_requests(), Options(shunt_uohm=500)).applied:
        value = f"{trip} mV" if code <= 2 else f"{abs(trip) // 1000} A"
        if code > 5:
            value = f"{round(trip / 10)} degC"
        time = f"{delay} us" if code == 5 else f"{delay / 1000:g} s"
        assert [line for line in lines if line.endswith(f"| {value}, {time} |")], (
            code,
            value,
            time,
        )
