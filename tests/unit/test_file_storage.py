"""Records as files of a folder, on this computer's filesystem."""

import pytest

from vigil import journal
from vigil.file_storage import FileStorage
from vigil.memory import Memory


def test_a_record_is_read_back_and_replaced(tmp_path):
    storage = FileStorage(str(tmp_path / "kept"))
    assert storage.read("state") is None
    storage.write("state", b"long first content")
    storage.write("state", b"second")
    assert FileStorage(str(tmp_path / "kept")).read("state") == b"second"


def test_a_file_without_content_was_never_written(tmp_path):
    (tmp_path / "state").write_bytes(b"")
    assert FileStorage(str(tmp_path)).read("state") is None


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(OSError):
        FileStorage(str(tmp_path / "no" / "kept")).write("state", b"x")


def test_something_unreadable_is_an_error_and_not_a_missing_record(tmp_path):
    (tmp_path / "state").mkdir()
    with pytest.raises(OSError):
        FileStorage(str(tmp_path)).read("state")


def test_a_memory_in_files_survives_a_restart(tmp_path):
    for number in range(1, 4):
        memory = Memory(FileStorage(str(tmp_path / "kept")))
        memory.begin(1)
        assert memory.starts == number
    starts = [e.start for e in memory.journal.newest_first() if e.kind == journal.START]
    assert starts == [3, 2, 1]
