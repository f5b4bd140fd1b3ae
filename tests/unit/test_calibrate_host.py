"""`vigil calibrate` on the host: what is asked for, what is told, and clear refusals."""

import json
import struct

import pytest

from host_tools import cli, firmware
from host_tools.client import calibrating, journal
from host_tools.client.errors import Refused
from host_tools.talk import calibrate


def standing(result, kind=calibrating.GAIN, would=-780, mean=-31500, cells=b""):
    head = struct.pack(">ihBBBiiBB", 150, -780, kind, result, 0, mean, would, 0, 1)
    return calibrating.standing(head + cells)


class Bms:
    """Answers with these, one after the other; the last one again and again."""

    known_keys = {"owner": "00" * 31 + "01"}

    def __init__(self, *standings):
        self.native = self.line = self
        self.standings = list(standings)
        self.asked = []
        self.device_id = bytes(8)

    def identify(self):
        return self

    def open_session(self, role, key):
        self.asked.append(role)

    def calibration(self):
        return self.standings.pop(0) if len(self.standings) > 1 else self.standings[0]

    def calibrate(self, *wanted):
        self.asked.append(wanted)
        return self.calibration()

    def read(self, seconds):
        return b""


def run(bms, *words, as_json=False):
    said = []
    options = {"true_ma": None, "cell": None, "true_mv": None, "dry_run": False}
    wanted = calibrate.parse(words[0], **(options | (words[1] if words[1:] else {})))
    code = calibrate.calibrate(bms, wanted, "owner", None, as_json, said.append)
    return code, said


def test_a_correction_is_awaited_and_told():
    first, busy, done = standing(0), standing(1), standing(2)
    bms = Bms(first, busy, busy, done)
    code, said = run(bms, "current-gain", {"true_ma": -30000})
    assert code == 0 and bms.asked == ["owner", (calibrating.GAIN, 0, -30000)]
    assert "calibrated: the current is shown -4.76 %" in said
    assert "current: 150 mA taken off, then -4.76 %" in said


def test_a_dry_run_asks_for_one_and_says_so():
    bms = Bms(standing(0), standing(3, calibrating.CELL, 7))
    _, said = run(bms, "cell-voltage", {"cell": 4, "true_mv": 3300, "dry_run": True})
    assert bms.asked[1] == (calibrating.CELL | calibrating.DRY, 4, 3300)
    assert said[0].startswith("dry run, nothing is taken over")
    code, said = run(Bms(standing(0, cells=b"\x05\xf9")), "show", as_json=True)
    told = json.loads(said[0])
    assert told["cells"] == {"5": -7} and told["gain_percent"] == -4.761 and not told["taken"]


def test_every_refusal_of_the_firmware_has_a_sentence():
    (module,) = firmware.load("calibration")
    values = [value for name, value in vars(module).items() if name.isupper()]
    codes = {value for value in values if isinstance(value, int) and 10 <= value <= 19}
    assert codes == set(calibrating.REFUSED)
    for code, sentence in calibrating.REFUSED.items():
        with pytest.raises(Refused) as refused:
            run(Bms(standing(0), standing(1), standing(code)), "current-zero")
        assert sentence in str(refused.value) and "-31500 mA" in str(refused.value)


def test_what_never_ends_and_what_cannot_be_read_is_told():
    with pytest.raises(Refused, match="does not come to an end"):
        run(Bms(standing(1)), "current-zero")
    for payload in (b"", bytes(18), bytes(20)):
        with pytest.raises(ValueError):
            calibrating.standing(payload)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("sideways", "calibrate what? current-zero, current-gain"),
        ("current-gain", "needs --true-ma"),
        ("current-gain --true-ma 0", "--true-ma must be"),
        ("current-gain --true-ma 500001", "--true-ma must be"),
        ("current-zero --true-ma 5", "does not take --true-ma"),
        ("cell-voltage --true-mv 3300", "needs --cell"),
        ("cell-voltage --cell 3", "needs --true-mv"),
        ("cell-voltage --cell 0 --true-mv 3300", "counted from 1"),
        ("cell-voltage --cell 1 --true-mv 9000", "--true-mv must be"),
        ("show --dry-run", "does not take --dry-run"),
        ("undo --role viewer", "--role must be"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_before_anything_is_asked(
    words, sentence, capsys
):
    assert cli.main(["calibrate", *words.split(), "--port", "/nowhere"]) == 2
    output, errors = capsys.readouterr()
    assert sentence in errors and errors.count("\n") == 1 and not output


def test_the_journal_tells_it_in_words():
    (kinds,) = firmware.load("journal")
    told = []
    for what, cell, value in ((1, 0, 150), (2, 0, -780), (3, 4, 7), (4, 0, 0), (0, 0, 0)):
        record = kinds.pack(1, 1, 1, kinds.CALIBRATION, what, cell, value, 0)
        told.append(journal.entry(record).sentence)
    assert told == [
        "calibrated: 150 mA are taken off the current",
        "calibrated: the current is shown -4.76 %",
        "calibrated: cell 4 is shown +7 mV",
        "the calibration before was taken back",
        "the calibration was lost with the memory: nothing is corrected",
    ]
