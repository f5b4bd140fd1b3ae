"""Named small records as files of one folder, on a board's littlefs.

littlefs replaces a file's content in one step when it is closed: a power cut before leaves the
old content. A port with another filesystem may leave a damaged file; readers check their CRC.
"""

import os

from micropython import const

_ENOENT = const(2)
_EEXIST = const(17)


class FileStorage:
    def __init__(self, folder):
        """The folder is made at the first write."""
        self._folder = folder

    def read(self, name):
        """The record's bytes, None if there is none."""
        try:
            with open(self._folder + "/" + name, "rb") as file:
                # littlefs enters a new file in its folder before it has content: an empty one
                # was never written.
                return file.read() or None
        except OSError as error:
            if error.errno == _ENOENT:
                return None
            raise

    def read_part(self, name, at, size):
        """So many bytes of a record from that place on; raises OSError if there is none."""
        with open(self._folder + "/" + name, "rb") as file:
            file.seek(at)
            return file.read(size)

    def write(self, name, data):
        """Complete and in flash when this returns."""
        path = self._folder + "/" + name
        try:
            self._replace(path, data)
        except OSError as error:
            if error.errno != _ENOENT:
                raise
            self._make_folder()
            self._replace(path, data)

    def _replace(self, path, data):
        with open(path, "wb") as file:
            file.write(data)

    def _make_folder(self):
        try:
            os.mkdir(self._folder)
        except OSError as error:
            if error.errno != _EEXIST:
                raise
