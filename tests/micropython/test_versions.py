"""Failed starts are counted for each version; a version on trial is confirmed with its start."""

import machine
from desk import Desk, import_board

import main
from host_tools.mock.fake_flash import FakeFlash
from vigil.first_sample import FirstSample, line
from vigil.keeper import CONFIRM_AFTER_MS
from vigil.memory import FAILED_STARTS_TO_SAFE_MODE, WRITE_FAILED, Memory

OLD, NEW = b"old.", b"new."


class Trial:
    """Stands in for the loader."""

    def __init__(self, failures=0):
        self.confirmed = 0
        self._failures = failures

    def confirm(self):
        if self._failures:
            self._failures -= 1
            raise OSError(5)
        self.confirmed += 1


def started(flash, version):
    memory = Memory(flash)
    memory.begin(1, version)
    return memory


def test_the_same_version_ends_in_safe_mode_after_three_failed_starts():
    flash = FakeFlash()
    seen = [started(flash, OLD).safe_mode for _ in range(FAILED_STARTS_TO_SAFE_MODE + 1)]
    assert seen == [False] * FAILED_STARTS_TO_SAFE_MODE + [True]


def test_another_version_begins_anew():
    flash = FakeFlash()
    for _ in range(FAILED_STARTS_TO_SAFE_MODE):
        started(flash, NEW)
    memory = started(flash, OLD)
    assert not memory.safe_mode and memory.unconfirmed_starts == 1


def test_safe_mode_is_still_the_last_resort_of_the_version_that_came_back():
    flash = FakeFlash()
    for _ in range(FAILED_STARTS_TO_SAFE_MODE):
        started(flash, NEW)
    seen = [started(flash, OLD).safe_mode for _ in range(FAILED_STARTS_TO_SAFE_MODE + 1)]
    assert seen[-1] and not any(seen[:-1])


def test_a_latched_switch_outlives_a_change_of_version():
    flash = FakeFlash()
    memory = started(flash, OLD)
    memory.latched_rows[0] = 25
    memory.stage()
    while memory.state_waits:
        memory.commit()
    assert list(started(flash, NEW).latched_rows) == [25, 0]


def test_a_start_without_a_version_counts_as_before():
    flash = FakeFlash()
    for _ in range(FAILED_STARTS_TO_SAFE_MODE):
        started(flash, None)
    assert started(flash, None).safe_mode


def desk_on_trial(trial):
    desk = Desk(settle=False)
    desk.bms.memory._trial = trial
    return desk


def test_a_trial_ends_well_with_the_confirmation_of_its_start():
    trial = Trial()
    desk = desk_on_trial(trial)
    desk.run_ms(CONFIRM_AFTER_MS - 1000)
    assert trial.confirmed == 0
    desk.run_ms(5000)
    assert trial.confirmed == 1
    assert Memory(desk.flash).unconfirmed_starts == 0
    desk.run_ms(20000)
    assert trial.confirmed == 1 and not desk.bms.memory.state_waits


def test_a_trial_whose_end_cannot_be_written_is_tried_again():
    trial = Trial(failures=2)
    desk = desk_on_trial(trial)
    desk.run_ms(CONFIRM_AFTER_MS + 8000)
    assert trial.confirmed == 1
    assert not desk.bms.memory.flags & WRITE_FAILED


def test_a_version_that_fails_its_self_test_is_not_confirmed():
    trial = Trial()
    desk = desk_on_trial(trial)
    desk.bms.self_test_passed = False
    desk.run_ms(CONFIRM_AFTER_MS + 5000)
    assert trial.confirmed == 0


def test_the_first_sample_in_one_line():
    desk = Desk()
    told = line(desk.bms.sample, "1.0 abcd")
    assert told.startswith("sample of 1.0 abcd: 16 cells 3")
    assert told.endswith("temperatures [25, 25, 25] degC"), told


def test_the_first_sample_is_told_a_few_times_and_only_when_complete():
    desk = Desk(settle=False)
    teller = FirstSample(desk.bms.sample, "1.0 abcd")
    teller.step(0)
    before = teller._left
    desk.run_ms(5000)
    for _ in range(20):
        teller.step(0)
    assert before == 5 and teller._left == 0


def test_a_board_without_a_watchdog_feeds_that_of_its_trial():
    board = import_board("sim16_lfp")
    build = board.build
    Desk(settle=False)
    trial = Trial()
    trial.watchdog = machine.WDT(timeout=8000)

    def build_without():
        hardware = build()
        hardware.watchdog = None
        return hardware

    board.build = build_without
    main.trial = trial
    try:
        hardware, _ = main.begin()
        assert hardware.watchdog is trial.watchdog
        main.trial = None
        hardware, _ = main.begin()
        assert hardware.watchdog is None
    finally:
        board.build = build
        main.trial = None
        machine.forget()
