"""docs/host-tools.md shows what the commands really print."""

from tests.unit.host_tools_page import PAGE, rendered


def test_every_example_of_the_page_is_what_the_command_prints():
    # `python -m tests.unit.host_tools_page` writes them anew.
    text = PAGE.read_text()
    assert text.count("\n$ vigil ") >= 12
    assert rendered(text) == text
