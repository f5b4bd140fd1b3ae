"""Settings of all tests: no test may fail because the computer was busy, or differ by the day.

HYPOTHESIS_PROFILE=explore draws other examples each time: for hunting, not for a gate.
"""

from os import environ

from hypothesis import settings

settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(environ.get("HYPOTHESIS_PROFILE", "gate"))
