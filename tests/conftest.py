"""Settings of all tests: no test may fail because the computer was busy, or differ by the day.

HYPOTHESIS_PROFILE=explore draws other examples each time: for hunting, not for a gate.
"""

import gc
from os import environ

from hypothesis import settings

settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_addoption(parser):
    parser.addoption(
        "--long",
        action="store_true",
        help="run on CPython too what MicroPython runs ten times faster",
    )


def pytest_collection_modifyitems(config, items):
    """LONG_ON_CPYTHON of a module names tests that test_suite_on_micropython runs all the same."""
    if config.getoption("--long"):
        return
    long = [one for one in items if one.name in getattr(one.module, "LONG_ON_CPYTHON", ())]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [one for one in items if one not in set(long)]


def pytest_collection_finish(session):
    """The firmware collects once a second: it need not look through all tests each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown(item, nextitem):
    """Nor through what the files before have left with pytest and hypothesis."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()
