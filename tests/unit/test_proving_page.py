"""The example in docs/proving.md is a scenario that can be run, and its tables are complete."""

import re
import tomllib
from pathlib import Path

from host_tools.prove import events, expectation, scenario

PAGE = (Path(__file__).parents[2] / "docs" / "proving.md").read_text()


def example():
    return tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])


def test_the_example_can_be_read():
    one = scenario.parse(example(), "mine")
    assert one.board == "sim8_lfp" and one.pack == {"CAPACITY_MAH": 120000}
    assert len(one.expect) == 4 and len(one.limits) == 2


def test_every_key_and_every_event_is_told():
    for key in (*scenario._KEYS, *scenario._PACK, *events.WORDS):
        assert f"`{key}`" in PAGE or f"[{key}" in PAGE, key


def test_every_kind_of_sentence_is_told():
    for sentence in re.findall(r"^\| `([^`|]+)`(?:, `([^`]+)`)? \|", PAGE, re.MULTILINE):
        for text in filter(None, sentence):
            if not re.search(r"opens|closes|stays|warns|trip$|refused", text):
                continue
            text = text.replace("CAUSE", "cell_over_voltage")
            expectation.parse(text.replace("LIMIT", "cell_over_voltage_warning"))
