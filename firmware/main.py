"""Start of the firmware: version gate, self-test, then the BMS; in doubt switches stay off."""

import sys

OLDEST_VERSION = (1, 29, 0)


def version_is_good():
    """Older interpreters compile `~x` and `-x` in viper wrongly: protection must not run there."""
    implementation = sys.implementation
    if implementation.name != "micropython":
        return True
    return tuple(implementation.version[:3]) >= OLDEST_VERSION


def make_bms():
    """Build the board and its BMS, self-tested; the switches are off."""
    import board
    from vigil import selftest
    from vigil.app import Bms

    bms = Bms(board.build())
    failed = selftest.failures()
    for name in failed:
        print("self-test failed: kernel", name)
    for row_id, problem, number, bound in bms.problems:
        print("limit table refused: row", row_id, "problem", problem, "value", number, "of", bound)
    bms.self_test_passed = not failed
    return bms


def run():
    if not version_is_good():
        print("MicroPython", OLDEST_VERSION, "or newer is needed; switches stay off")
        return
    make_bms().run()


if __name__ == "__main__":
    run()
