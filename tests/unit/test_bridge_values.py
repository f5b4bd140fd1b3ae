"""What the bridge tells when, under which names, and what it does not take as an argument."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools import cli
from host_tools.bridge import entities, homeassistant, names
from host_tools.bridge.entities import AT_ONCE, BY_THE_WAY, SENSOR, Entity
from host_tools.bridge.values import Gate

SHOWN = [
    Entity("soc", SENSOR, "", 0.5),
    Entity("state", SENSOR, "", AT_ONCE),
    Entity("uptime", SENSOR, "", BY_THE_WAY),
]
FLOOR, CEILING = 5, 60

moments = st.lists(
    st.tuples(
        st.integers(1, 40).map(lambda tenths: tenths / 10),
        st.one_of(st.none(), st.integers(0, 1000).map(lambda tenths: tenths / 10)),
        st.sampled_from(("running", "sleeps")),
    ),
    min_size=1,
    max_size=80,
)


@given(moments)
def test_news_come_at_once_or_within_the_floor_and_silence_never_lasts(run):
    """The oracle looks only at what was sent and what was true."""
    gate = Gate(FLOOR, CEILING, SHOWN)
    now_s, sent, sent_at_s = 0, None, -math.inf
    for step_s, soc, state in run:
        now_s += step_s
        values = {"soc": soc, "state": state, "uptime": round(now_s)}
        opened = gate.opens(now_s, values)
        since_s = now_s - sent_at_s
        urgent = sent is None or state != sent["state"]
        if sent is None or soc is None or sent["soc"] is None:
            moved = sent is None or soc != sent["soc"]
        else:
            moved = round(abs(soc - sent["soc"]) * 10) >= 5
        assert opened == (urgent or (moved and since_s >= FLOOR) or since_s >= CEILING)
        if opened:
            sent, sent_at_s = values, now_s


@given(st.text(max_size=70))
def test_ids_are_safe_in_topics_and_differ_for_different_places(place):
    found = names.pack_id(None, place)
    assert found.startswith("vigil_") and len(found) < 80
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789_" for c in found)
    assert found != names.pack_id(None, place + "'")


@given(st.text(max_size=70))
def test_what_people_read_is_one_printable_line(text):
    title = names.title(text, "Battery")
    assert 1 <= len(title) <= 60 and title.isprintable() and title == title.strip()


@given(
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.none(), st.dictionaries(st.text(max_size=9), st.text()))
    )
    | st.lists(st.integers())
    | st.text()
)
def test_whatever_was_retained_before_only_whole_components_are_taken_leave_of(old):
    new = {"components": {"soc": {"platform": "sensor"}}}
    farewell = homeassistant.farewell({"components": old}, new)
    if farewell is None:
        return
    assert farewell["components"]["soc"] == {"platform": "sensor"}
    for key in farewell["components"].keys() - {"soc"}:
        assert farewell["components"][key] == {"platform": old[key]["platform"]}
    json.dumps(farewell)


def test_every_entity_has_its_own_key_and_name():
    every = [*entities.FIXED, *entities.COMMANDED]
    assert len({entity.key for entity in every}) == len({entity.name for entity in every})
    assert len({entity.key for entity in every}) == len(every)
    assert "running" in entities.states() and "latched open" in entities.states()


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--broker", "a:b"], "--broker must be HOST or HOST:PORT"),
        (["--broker", "a:99999"], "--broker must be HOST or HOST:PORT"),
        (["--broker", ""], "--broker must be HOST or HOST:PORT"),
        (["--interval", "0"], "--interval must be 0.2 to 3600 seconds"),
        (["--interval", "nan"], "--interval must be 0.2 to 3600 seconds"),
        (["--prefix", "a/#"], "--prefix must be the beginning of a topic"),
        (["--base", "/vigil"], "--base must be the beginning of a topic"),
        (["--name", ""], "--name must be the beginning of a topic"),
        (["--password-file", "there-is-none"], "--password-file needs --user"),
        (["--user", "a", "--password-file", "there-is-none"], "cannot read the password in"),
        (["--ca-file", "there-is-none"], "there are no certificates in there-is-none"),
        (["--key-file", "there-is-none"], "cannot read the key in there-is-none"),
        (["--role", "guest", "--key-file", "x"], "--role must be owner or operator"),
        (["--unit", "0"], "--unit must be 1 to 247"),
        (["--port", "/dev/desk"], "a BMS is named twice"),
        (["--run-dir", "nowhere"], "no simulator runs in nowhere"),
    ],
)
def test_a_wrong_argument_is_one_line_and_opens_nothing(
    words, sentence, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code = cli.main(["bridge", "mqtt", "--port", "/dev/desk", *words])
    output, errors = capsys.readouterr()
    assert code == 2 and sentence in errors and errors.count("\n") == 1 and not output


def test_without_any_bms_named_it_asks_which(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["bridge", "mqtt"]) == 2
    assert "which BMS?" in capsys.readouterr().err
