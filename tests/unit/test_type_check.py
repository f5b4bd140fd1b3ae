"""What the type check lets pass, and what it does not. `make types` runs it with mypy."""

import pytest

from host_tools import type_check
from host_tools.build import image

AFE = "firmware/lib/vigil/afe"
SHUNT = 'firmware/lib/vigil/sensor/shunt_monitor.py:160: error: "ShuntMonitor" has no attribute'


@pytest.mark.parametrize(
    "line",
    (
        f'{AFE}/bq76952_verbs.py:40: error: "Verbs" has no attribute "_transfer"  [attr-defined]',
        'boards/pico_bq76952/board.py:67: error: "Board" has no attribute "name"  [attr-defined]',
        # Both current chips have it.
        f'{SHUNT} "look"  [attr-defined]',
        'firmware/lib/vigil/soc.py:78: error: Argument 1 to "count_charge" has incompatible type'
        ' "array[int]"; expected "ptr32"  [arg-type]',
        "firmware/lib/vigil/keeper.py:180: error: Incompatible types in assignment (expression has"
        ' type "_TicksMs", variable has type "int")  [assignment]',
    ),
)
def test_what_is_no_finding_is_known(line):
    assert type_check.is_allowed(line)


@pytest.mark.parametrize(
    "line",
    (
        # A typing mistake in the same place is one.
        f'{AFE}/bq76952_verbs.py:40: error: "Verbs" has no attribute "_tranfser"  [attr-defined]',
        'boards/pico_bq76952/board.py:67: error: "Board" has no attribute "nam"  [attr-defined]',
        f'{SHUNT} "lok"  [attr-defined]',
        # Only one of the chips has it.
        f'{SHUNT} "charge_mas"  [attr-defined]',
        'boards/pico_bq76952/board.py:70: error: Unexpected keyword argument "frequency"',
        'firmware/lib/vigil/soc.py:78: error: Argument 1 to "count_charge" has incompatible type'
        ' "list[int]"; expected "ptr32"  [arg-type]',
        'firmware/lib/vigil/app.py:7: error: "Sample" has no attribute "name"  [attr-defined]',
        "firmware/lib/vigil/keeper.py:180: error: Incompatible types in assignment (expression has"
        ' type "str", variable has type "int")  [assignment]',
    ),
)
def test_everything_else_is_a_finding(line):
    assert not type_check.is_allowed(line)


def test_every_board_has_the_stubs_of_a_port():
    for board in image.real_boards():
        path = image.ROOT / "boards" / board / "board.py"
        assert image.constant(path, "PROCESSOR") in type_check.PORTS
