"""What is broken on purpose where keys, proofs and the owner's window are looked at.

Each is (name, file below vigil/, old, new).
"""

PARTS = [
    (
        "any proof opens a session",
        "sessions.py",
        '        if not same(proof, session.proof(b"C")):',
        "        if False:",
    ),
    (
        "a wrong proof may be tried again",
        "sessions.py",
        "        self._pending.remove(session)\n",
        "",
    ),
    (
        "a wrong proof costs no time",
        "sessions.py",
        "            self._wrong(WRONG_PROOF, number, now_ms)\n            return BAD_PROOF\n",
        "            return BAD_PROOF\n",
    ),
    (
        "a seal is not looked at",
        "sessions.py",
        '        if not same(session.mac.of(b"\\x00", view[:end])[:MAC_SIZE], view[end:length]):',
        "        if False:",
    ),
    (
        "the board's own messages are believed",
        "sessions.py",
        '        if not same(session.mac.of(b"\\x00", view[:end])',
        '        if not same(session.mac.of(b"\\x01", view[:end])',
    ),
    (
        "the head is not sealed",
        "sessions.py",
        '        if not same(session.mac.of(b"\\x00", view[:end])',
        '        if not same(session.mac.of(b"\\x00", view[HEAD:end])',
    ),
    (
        "half a comparison",
        "seal.py",
        "    for at in range(len(one)):",
        "    for at in range(len(one) // 2):",
    ),
    (
        "only the last byte is compared",
        "seal.py",
        "        different |= one[at] ^ other[at]",
        "        different = one[at] ^ other[at]",
    ),
    (
        "a message is believed twice",
        "sessions.py",
        "        if counter <= session.counter:",
        "        if counter < session.counter:",
    ),
    (
        "messages may come in any order",
        "sessions.py",
        "        if counter <= session.counter:",
        "        if counter == session.counter:",
    ),
    (
        "a counter is not remembered",
        "sessions.py",
        "        session.counter = counter\n",
        "",
    ),
    (
        "who has acted once acts on",
        "sessions.py",
        'nobody acts any more."""\n        self.acting = 0\n',
        'nobody acts any more."""\n',
    ),
    (
        "an operator acts as the owner",
        "sessions.py",
        "        self.acting = session.role\n",
        "        self.acting = 2\n",
    ),
    (
        "a session never ends by itself",
        "sessions.py",
        "(self._open, IDLE_MS)",
        "(self._open, 1 << 28)",
    ),
    (
        "a challenge waits for ever",
        "sessions.py",
        "(self._pending, PENDING_MS)",
        "(self._pending, 1 << 28)",
    ),
    (
        "a third session makes a third slot",
        "sessions.py",
        "        if len(self._open) == _SLOTS:",
        "        if False:",
    ),
    (
        "challenges pile up",
        "sessions.py",
        "        if len(self._pending) == _SLOTS:",
        "        if False:",
    ),
    (
        "the delay does not grow",
        "sessions.py",
        "min(1000 << self._wrongs, LONGEST_WAIT_MS)",
        "1000",
    ),
    (
        "the delay grows without end",
        "sessions.py",
        "min(1000 << self._wrongs, LONGEST_WAIT_MS)",
        "1000 << self._wrongs",
    ),
    (
        "the delay forgets nothing",
        "sessions.py",
        "            self._wrongs -= 1\n",
        "            pass\n",
    ),
    (
        "an answer need not wait",
        "sessions.py",
        "        if self._must_wait(now_ms):\n            return TOO_EARLY\n"
        "        self._tidy(now_ms)\n",
        "        self._tidy(now_ms)\n",
    ),
    (
        "a nonce is what the generator gives",
        "sessions.py",
        "        for number in (self._start, self._nonces, time.ticks_us()):",
        "        for number in ():",
    ),
    (
        "a nonce repeats after a restart",
        "sessions.py",
        "        for number in (self._start, self._nonces, time.ticks_us()):",
        "        for number in (self._nonces,):",
    ),
    (
        "a session outlives its key",
        "auth.py",
        "        self._drop(role)\n        self._note(journal.KEY, role, how)",
        "        self._note(journal.KEY, role, how)",
    ),
    (
        "a challenge outlives its key",
        "sessions.py",
        "        self._pending = [session for session in self._pending if session.role != role]\n",
        "",
    ),
    (
        "a new key is not kept",
        "auth.py",
        "        self._store.stage(bytes(self._keys))\n",
        "",
    ),
    (
        "keys can be set at any time",
        "auth.py",
        "        if not self.commissioning_left_s:",
        "        if False:",
    ),
    (
        "commissioning never ends",
        "auth.py",
        "            if left_ms > 0:\n                return (left_ms + 999) // 1000\n"
        "            self._commissions = 0",
        "            return 1",
    ),
    (
        "commissioning goes on behind the owner's key",
        "auth.py",
        "            self._commissions = 0\n            self._window = False\n",
        "            self._window = False\n",
    ),
    (
        "whoever had the operator's key keeps it",
        "auth.py",
        "                self._put(OPERATOR, _NO_KEY)\n",
        "                pass\n",
    ),
    (
        "anybody sets a key in a session",
        "auth.py",
        "        if self.acting != OWNER:\n            self._refused.add(KEY_CHANGE)",
        "        if False:\n            self._refused.add(KEY_CHANGE)",
    ),
    (
        "anybody opens the window",
        "auth.py",
        "        if self.acting != OWNER:\n            self._refused.add(WINDOW)",
        "        if False:\n            self._refused.add(WINDOW)",
    ),
    (
        "the window may be open for days",
        "auth.py",
        "        if not 0 <= seconds <= LONGEST_WINDOW_S:",
        "        if not 0 <= seconds:",
    ),
    (
        "the window never closes",
        "auth.py",
        "            if left_ms > 0:\n                return (left_ms + 999) // 1000\n"
        "            self._window = False",
        "            return 1",
    ),
    (
        "the window is open to plain native messages",
        "auth.py",
        "        if who == NATIVE:\n            return self.acting\n",
        "",
    ),
    (
        "zeros are a key",
        "auth.py",
        " and bytes(key) != _NO_KEY",
        "",
    ),
    (
        "lost keys are not told",
        "auth.py",
        "            note(journal.KEY, 0, journal.KEYS_LOST)",
        "            pass",
    ),
    (
        "a refused proof is not recorded",
        "sessions.py",
        "        self._refused.step(now_ms)\n",
        "",
    ),
    (
        "an opened session is not recorded",
        "sessions.py",
        "        self._opened.step(now_ms)\n",
        "",
    ),
    (
        "a key change is not recorded",
        "auth.py",
        "        self._note(journal.KEY, role, how)",
        "        pass",
    ),
    (
        "an opened window is not recorded",
        "auth.py",
        "        self._note(journal.WINDOW, seconds, self.session)\n",
        "",
    ),
    (
        "strangers fill the journal",
        "tally.py",
        "                self._records -= 1\n",
        "",
    ),
    (
        "a button pressed at the start is an owner's reset",
        "panel.py",
        "            return LONG_PRESS if trusted else HELD_AT_START",
        "            return LONG_PRESS",
    ),
    (
        "a stuck button lets keys be set",
        "panel.py",
        "        if stuck:\n            return NO_PRESS\n",
        "",
    ),
]
