"""What is broken on purpose between the line and the door.

Each is (name, file below vigil/, old, new).
"""

JBD = [
    (
        "a write behind rubbish is believed",
        "link/jbd.py",
        "if request[at + 1] == _WRITE and self._astray and self._parameters is not None:",
        "if False:",
    ),
    (
        "a silence does not end the rubbish",
        "link/jbd.py",
        "            self._look_for_frames(True)\n        self._astray = False\n",
        "            self._look_for_frames(True)\n",
    ),
    (
        "the port tells no silence behind rubbish",
        "link/rs485.py",
        "        elif self._unsettled or self._echo_length:",
        "        elif engine.pending or self._echo_length:",
    ),
    (
        "factory mode has no end",
        "link/jbd_parameters.py",
        "& _TICKS >= _FACTORY_MS:",
        "& _TICKS > _TICKS:",
    ),
    (
        "parameters are read outside factory mode",
        "link/jbd_parameters.py",
        "        if not self._in_factory():\n            return 0 - NOT_ALLOWED\n",
        "",
    ),
    (
        "warnings are counted as errors",
        "link/jbd_parameters.py",
        "if row[limits.ACTION] != limits.WARNING:",
        "if True:",
    ),
    (
        "whoever is in factory mode is the owner",
        "link/jbd_writing.py",
        "        return self._door.authority.role(self._who) >= door.OWNER",
        "        return True",
    ),
    (
        "a begun set of somebody else's is gone on with",
        "link/jbd_writing.py",
        "if self._saved or self._editing and coming(self._begin_at, 0, -1) < 0:",
        "if self._saved or self._editing:",
    ),
    (
        "what waits in the door's queue is not read back",
        "link/jbd_writing.py",
        "        return coming(self._staged_at[field], row - 1, number)",
        "        return number",
    ),
    (
        "what was rounded is written back rounded",
        "link/jbd_writing.py",
        "        if value == shown:\n",
        "        if value == shown and False:\n",
    ),
    (
        "warnings do not follow",
        "link/jbd_writing.py",
        "                if FOLLOWERS[at] == row:",
        "                if False:",
    ),
    (
        "saving is acknowledged before the verdict",
        "link/jbd_writing.py",
        "            stage.hurried = True\n            return _WAITS\n",
        "            return OK\n",
    ),
    (
        "a refused set stays",
        "link/jbd_writing.py",
        "                entrance.write(_ABANDON, 1, self._who)\n",
        "",
    ),
    (
        "a set that was found bad ahead is saved",
        "link/jbd_writing.py",
        "            if stage.sound != SOUND:",
        "            if False:",
    ),
    (
        "a changed row is not looked at ahead",
        "limit_stage.py",
        "            self._open[at] = True\n",
        "",
    ),
    (
        "what a stranger is refused fills the journal",
        "door.py",
        "        self._refusals.add(number, self.result)\n",
        "        self._refusals.add(number, self.result)\n"
        "        self._note(journal.WRITE_REFUSED, number, self.result, 1)\n",
    ),
    (
        "leaving keeps what was staged",
        "link/jbd_writing.py",
        "            self._editing = False\n"
        "            self._door.write(_ABANDON, 1, self._who)\n",
        "            pass\n",
    ),
    (
        "discharge and charge switch change places",
        "link/jbd_writing.py",
        "1 if which else 2",
        "2 if which else 1",
    ),
]
