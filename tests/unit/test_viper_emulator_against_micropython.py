"""The emulator against MicroPython's own viper compiler, on random kernels that both run."""

import pytest

from host_tools.mock.viper_emulator import load, mode
from tests.interpreter import run_micropython
from tests.unit.viper_programs import Program, module

KERNELS_A_SEED = 60


@pytest.mark.parametrize("seed", range(3))
def test_random_kernels_give_what_micropython_gives(seed, tmp_path):
    first = seed * KERNELS_A_SEED
    text = module([Program(first + n) for n in range(KERNELS_A_SEED)])
    script = tmp_path / "random_kernels.py"
    script.write_text(text)
    real = run_micropython(script)
    assert real.returncode == 0, real.stderr

    for arithmetic in ("wrap", "strict"):
        printed = []
        with mode(arithmetic):
            load(text, print=lambda *values, to=printed: to.append(" ".join(map(str, values))))
        assert len(printed) == 3 * KERNELS_A_SEED
        for mine, theirs in zip(printed, real.stdout.splitlines(), strict=True):
            assert mine == theirs
