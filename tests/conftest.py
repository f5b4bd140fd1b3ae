"""Settings of all tests: no test may fail because the computer was busy."""

from hypothesis import settings

settings.register_profile("vigil", deadline=None)
settings.load_profile("vigil")
