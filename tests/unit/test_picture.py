"""The README's picture is what the live view shows of a real, seeded run."""

from pathlib import Path

from host_tools.sim.pace import Pace
from host_tools.sim.view import picture, screen

COMMITTED = Path(__file__).parents[2] / "docs" / "live.svg"


def test_the_picture_is_of_a_real_run_with_a_fault_small_and_fetches_nothing():
    latest = picture.photograph()
    lines = screen.live(latest, 1, Pace(1), picture.WIDTH, picture.HEIGHT)
    shown = "\n".join(line.plain for line in lines)
    assert "Cell 5 over-voltage: 3.720 V is above 3.650 V" in shown
    drawn = picture.svg(lines)
    assert drawn == picture.svg(lines)
    for text in (drawn, COMMITTED.read_text()):
        assert "over-voltage" in text and len(text) < 200_000
        assert "url(http" not in text and "@import" not in text and "href" not in text
