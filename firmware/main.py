"""Start of the firmware: version gate, self-test, then the BMS; in doubt switches stay off."""

import gc
import sys
import time

OLDEST_VERSION = (1, 29, 0)

FOR_THE_START = (
    "vigil.selftest",
    "vigil.presets",
    "vigil.validate",
    "vigil.chemistry",
    "vigil.ocv_tables",
    "vigil.cell_models",
    "vigil.estimate.recalled",
    "vigil.afe.bq76952_options",
    "vigil.knows",
    "vigil.link.by_name",
    "vigil.link.ble_offer",
)

remembered = None  # the Memory, once it has been made
trial = None  # what the loader puts here while this version is being tried


def version_is_good():
    """Older interpreters compile `~x` and `-x` in viper wrongly: protection must not run there."""
    implementation = sys.implementation
    if implementation.name != "micropython":
        return True
    return tuple(implementation.version[:3]) >= OLDEST_VERSION


def begin():
    """(board, memory): the hardware, and what was remembered; this start is counted as failed."""
    global remembered
    import machine

    import board
    from vigil.memory import Memory

    hardware = board.build()
    if hardware.watchdog is None and trial is not None:
        hardware.watchdog = trial.watchdog
    memory = remembered = Memory(getattr(hardware, "storage", None), trial)
    memory.unique_id = machine.unique_id()
    content = release()[1]
    memory.begin(machine.reset_cause(), content and bytes.fromhex(content[:8]))
    feed(hardware)
    return hardware, memory


def release():
    """(version, first half of its content's hash), both None where nothing was built."""
    try:
        import vigil_release
    except ImportError:
        return None, None
    return vigil_release.VERSION, vigil_release.CONTENT


def make_bms(hardware=None, memory=None):
    """Build the board and its BMS, self-tested; the switches are off."""
    if hardware is None:
        hardware, memory = begin()
    from vigil import selftest
    from vigil.app import Bms

    # Modules take their time to load: each piece of the start has the watchdog's whole patience.
    feed(hardware)
    # As slow as the front end's conversions, or as quick as the board wants to be.
    bms = Bms(hardware, getattr(hardware, "cycle_ms", 50), memory)
    failed = selftest.failures()
    for name in failed:
        print("self-test failed: kernel", name)
    for row_id, problem, number, bound in bms.problems or bms.backstop_problems():
        print("limit table refused: row", row_id, "problem", problem, "value", number, "of", bound)
    bms.self_test_passed = not failed
    bms.table_guard.take()
    # Made by now; each would hold the whole module of the board.
    hardware.links = ()
    feed(hardware)
    return bms


def forget_start():
    """Let go of what only a start needs; whoever needs it again imports it again."""
    stand_ins = getattr(sys.modules.pop("vigil_release", None), "STAND_INS", ())
    names = FOR_THE_START + stand_ins
    if stand_ins:
        # Made by the build: lets go of what only a start calls, in the modules that stay.
        from vigil import let_go  # noqa: F401
    for name in names:
        if sys.modules.pop(name, None) is not None:
            # A package knows its modules as well, and what is only deleted stays in its place.
            package, _, last = name.rpartition(".")
            package = sys.modules.get(package)
            if hasattr(package, last):
                setattr(package, last, None)
                delattr(package, last)
    # boot.py holds the board's own file, whose pins and parts have all been made.
    for name in ("boot", "board"):
        sys.modules.pop(name, None)
    gc.collect()


def run():
    if not version_is_good():
        print("MicroPython", OLDEST_VERSION, "or newer is needed; switches stay off")
        return
    hardware, memory = begin()
    if memory.safe_mode:
        print("safe mode: starts in a row that failed:", memory.unconfirmed_starts - 1)
    try:
        bms = make_bms(hardware, memory)
        greet(bms)
        forget_start()
        bms.run()
    except Exception as error:
        if not memory.safe_mode:
            # The watchdog starts the board anew, which counts.
            raise
        print("safe mode: nothing but the switches held open, because of", repr(error))
        hold_open(hardware)


def greet(bms):
    """Say who starts, and soon what it measures."""
    from vigil.first_sample import FirstSample

    name = "%s %s" % release()
    print("Vigil", name, "on board", bms.board.name)
    bms.executive.add(FirstSample(bms.sample, name).task())


def hold_open(hardware):
    """The last resort: both switches off by the direct line, for good."""
    while True:
        hardware.front_end.all_off()
        feed(hardware)
        time.sleep_ms(100)


def feed(hardware):
    if hardware.watchdog is not None:
        hardware.watchdog.feed()


def owner_reset():
    """For the REPL, with the BMS stopped: forget latched switches and failed starts."""
    memory = remembered
    if memory is None:
        # Once a BMS has been made, what makes another one has been let go of.
        import board
        from vigil.memory import Memory

        memory = Memory(board.make_storage())
    memory.forget()
    print("forgotten; restart the board")


if __name__ == "__main__":
    run()
