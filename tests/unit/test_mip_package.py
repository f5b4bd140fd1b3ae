"""`mpremote mip install` finds every module of the firmware, in a checkout or over a network."""

import functools
import http.server
import json
import threading

import pytest
from mpremote import mip

from host_tools.build import package
from tests.interpreter import ROOT

MODULES = {
    path.relative_to(ROOT / "firmware" / "lib").as_posix(): path.read_bytes()
    for path in (ROOT / "firmware" / "lib").rglob("*.py")
}


class Board:
    """What mpremote asks of a board's filesystem."""

    def __init__(self):
        self.folders = {"/lib"}
        self.files = {}

    def fs_exists(self, path):
        return path in self.folders

    def fs_mkdir(self, path):
        assert path.rpartition("/")[0] in self.folders
        self.folders.add(path)

    def fs_writefile(self, path, data, progress_callback=None):
        assert path.rpartition("/")[0] in self.folders
        self.files[path] = bytes(data)


@pytest.fixture(scope="module")
def repository():
    """A server on this computer that gives out the checkout, as a code host does."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=ROOT)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def install(package_json):
    board = Board()
    mip._install_package(board, package_json, "no index", "/lib", None, True)
    return board


def test_it_names_exactly_the_files_of_the_firmware():
    listed = json.loads((ROOT / "package.json").read_text())
    assert {target for target, _ in listed["urls"]} == set(MODULES)
    assert listed["deps"] == []
    assert f'version = "{listed["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_it_is_as_it_would_be_written_today():
    assert (ROOT / "package.json").read_text() == package.text(), "it is old: run make docs"


def test_a_checkout_is_installed_whole():
    board = install(str(ROOT / "package.json"))
    assert board.files == {f"/lib/{name}": data for name, data in MODULES.items()}


def test_a_repository_is_installed_whole(repository):
    board = install(repository + "/package.json")
    assert board.files == {f"/lib/{name}": data for name, data in MODULES.items()}


def test_a_repository_is_found_by_its_address_alone(repository):
    assert install(repository).files.keys() == {f"/lib/{name}" for name in MODULES}
