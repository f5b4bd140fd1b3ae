"""One phone's link to the fake `bluetooth`. Never upload to a board.

Everything a phone does is queued for the firmware's next random moment; `done` hears how it
ended. read(), and write() with an answer, do not wait for that moment when the phone asks so.
"""

from host_tools.mock import gatt_table

_MTU_AT_FIRST = 23
_NOTIFY_HEAD = 3
_PACKETS_AN_INTERVAL = 4
_TIMED_OUT = 0x08
_DISPLAY = 3
_MOST_INDICATED = 1
_KEY_BYTES = 16
_SECRET_BYTES = 80
_OUR_SECRET = 1
_PEER_SECRET = 2

_CONNECTED = 1
_DISCONNECTED = 2
_WRITTEN = 3
_INDICATED = 20
_MTU_EXCHANGED = 21
_PARAMETERS_UPDATED = 27
_ENCRYPTION_UPDATED = 28
_GET_SECRET = 29
_SET_SECRET = 30
_PASSKEY_ACTION = 31


class Refused(Exception):
    """.code is the attribute protocol's error."""

    def __init__(self, code):
        super().__init__("refused: 0x%02x" % code)
        self.code = code


class Link:
    def __init__(self, air, number, address, address_type):
        self.air = air
        self.number = number
        self.address = address
        self.address_type = address_type
        self.up = True
        self.mtu_now = _MTU_AT_FIRST
        self.interval_us = 30000
        self.timeout_us = 720000
        self.notifications = []  # (handle, bytes) that have arrived
        self.on_notify = None
        self.reason = 0
        self.encrypted = False
        self.authenticated = False
        self.bonded = False
        self.passkey_shown = None
        self.pairing = None  # None, "waits", "done" or "failed"
        self.paced_elsewhere = False  # by the simulator's hub, which says sent()
        self._typed = None
        self._subscriptions = {}
        self._leaving = []  # (handle, bytes, confirmed) not on the air yet
        self._unconfirmed = 0
        self._draining = False
        self._away = False

    def _soon(self, function):
        def when_up():
            if self.up:
                function()

        self.air.queue(when_up)

    def begun(self):
        self.air.tell(_CONNECTED, self.number, self.address_type, self.address)

    # What a phone does.

    def mtu(self, wanted):
        """Exchange; returns what holds from now on."""
        self.mtu_now = max(_MTU_AT_FIRST, min(wanted, self.air.preferred_mtu))
        self._soon(lambda: self.air.tell(_MTU_EXCHANGED, self.number, self.mtu_now))
        return self.mtu_now

    def update(self, interval_us, timeout_us):
        """New parameters of the connection."""
        self.interval_us = interval_us
        self.timeout_us = timeout_us
        figures = (self.number, interval_us // 1250, 0, timeout_us // 10000, 0)
        self._soon(lambda: self.air.tell(_PARAMETERS_UPDATED, *figures))

    def write(self, handle, data, response=False, done=None):
        """With `response` at once (raises Refused), else when the moment comes.

        done: then nothing is raised or hurried, done(code) is called.
        """
        data = bytes(data)
        if not response and len(data) > self.mtu_now - _NOTIFY_HEAD:
            raise ValueError("longer than a packet")
        result = []

        def arrive():
            code = self.air.table.remote_write(handle, data, self.encrypted, self.authenticated)
            if not code:
                self.air.tell(_WRITTEN, self.number, handle)
            result.append(code)
            if done is not None:
                done(code)

        self._soon(arrive)
        if response and done is None:
            self.air.deliver()
            if result and result[0]:
                raise Refused(result[0])

    def read(self, handle, done=None):
        """The value, at once (raises Refused); or done(code, data) when the moment comes."""
        result = []

        def arrive():
            table = self.air.table
            result.append(table.remote_read(handle, self.encrypted, self.authenticated))
            if done is not None:
                done(*result[0])

        self._soon(arrive)
        if done is not None:
            return None
        self.air.deliver()
        code, data = result[0] if result else (gatt_table.INVALID_HANDLE, b"")
        if code:
            raise Refused(code)
        return data

    def subscribe(self, handle, on=1):
        """1 notifications, 2 indications, 0 neither; the port may tell the firmware or not."""
        self._subscriptions[handle] = on
        if self.air.profile.tells_subscriptions:
            self._soon(lambda: self._told_subscription(handle, on))

    def _told_subscription(self, handle, on):
        self.air.table.remote_write(handle + 1, bytes([on, 0]), False, False)
        self.air.tell(_WRITTEN, self.number, handle + 1)

    def subscribed(self, handle):
        return self._subscriptions.get(handle, 0)

    def disconnect(self, reason=0x13):
        self.end(reason)

    def vanish(self):
        """Out of reach, or its battery is empty: the board finds out by its time-out."""
        self._away = True
        self.air.later(self.timeout_us, self._miss)

    def come_back(self):
        self._away = False

    def _miss(self):
        if self._away:
            self.end(_TIMED_OUT)

    def end(self, reason):
        """From either side; what is on its way is lost."""
        if not self.up:
            return
        self.reason = reason
        self._leaving.clear()
        self.air.queue(self._ended)

    def _ended(self):
        if not self.up:
            return
        self.up = False
        if self.air.links.pop(self.number, None) is None:
            return
        if self.air.listener is not None:
            self.air.listener.ended(self)
        self.air.tell(_DISCONNECTED, self.number, self.address_type, self.address)

    # What the board sends.

    def send(self, handle, data, confirmed):
        """False if there is no room. Longer than a packet is cut off."""
        if confirmed:
            if self._unconfirmed >= _MOST_INDICATED:
                return False
        if len(self._leaving) >= self.air.profile.notify_room:
            return False
        if confirmed:
            self._unconfirmed += 1
        piece = bytes(data[: self.mtu_now - _NOTIFY_HEAD])
        self._leaving.append((handle, piece, confirmed))
        if self.paced_elsewhere:
            self.air.listener.notified(self, handle, piece, confirmed)
        elif self.air._clock is None:
            self._drain()
        elif not self._draining:
            self._draining = True
            self.air.later(self.interval_us, self._interval)
        return True

    def _interval(self):
        self._draining = False
        if self.up and self._leaving:
            self._drain()
            self._draining = True
            self.air.later(self.interval_us, self._interval)

    def _drain(self):
        for _ in range(_PACKETS_AN_INTERVAL):
            if self._leaving and not self._away:
                self.sent()

    def sent(self):
        """The first of what is leaving has arrived."""
        if not self._leaving:
            return
        handle, piece, confirmed = self._leaving.pop(0)
        self.notifications.append((handle, piece))
        if self.on_notify is not None:
            self.on_notify(handle, piece)
        if confirmed:
            self._unconfirmed -= 1
            self._soon(lambda: self.air.tell(_INDICATED, self.number, handle, 0))

    # Pairing: the board shows a number, the phone's owner types it.

    def pair(self, typed=None):
        """typed: what is typed as soon as the number is shown; later by type_passkey()."""
        self._typed = typed
        if not self.air.profile.pairing:
            self.pairing = "failed"
            return
        self.pairing = "waits"
        self.passkey_shown = None
        self._soon(self._pairing_begun)

    def _pairing_begun(self):
        settings = self.air.pairing
        if settings["mitm"] and settings["io"] in (0, 1, 4):
            self.air.tell(_PASSKEY_ACTION, self.number, _DISPLAY, 0)
        else:
            # "Just works": sealed, and nobody knows with whom.
            self._paired(False)

    def take_passkey(self, action, passkey):
        if self.pairing != "waits" or action != _DISPLAY or not 0 <= passkey <= 999999:
            return False
        self.passkey_shown = passkey
        if self.air.listener is not None:
            self.air.listener.passkey(self, passkey)
        if self._typed is not None:
            self.type_passkey(self._typed)
        return True

    def type_passkey(self, passkey):
        right = passkey == self.passkey_shown
        self._soon(lambda: self._paired(True) if right else self._pairing_failed())

    def _pairing_failed(self):
        self.pairing = "failed"
        self._tell_encryption()

    def pairing_ended(self, encrypted, authenticated):
        """As the simulator's hub has seen it on the air."""
        if encrypted:
            self._soon(lambda: self._paired(authenticated))
        else:
            self._soon(self._pairing_failed)

    def _paired(self, authenticated):
        self.pairing = "done"
        self.encrypted = True
        self.authenticated = authenticated
        self.bonded = bool(self.air.pairing["bond"])
        if self.bonded:
            secret = bytes([1 if authenticated else 0]) + bytes(_SECRET_BYTES - 1)
            for kind in (_OUR_SECRET, _PEER_SECRET):
                self.air.tell(_SET_SECRET, kind, self._secret_key(), secret)
        self._tell_encryption()

    def encrypt(self, done=None):
        """With the keys of an earlier pairing, if the board has kept them: done(kept)."""
        self._soon(lambda: self._encrypt_again(done))

    def _encrypt_again(self, done):
        secret = self.air.tell(_GET_SECRET, _OUR_SECRET, 0, self._secret_key())
        if secret is not None and len(secret) == _SECRET_BYTES:
            self.encrypted = self.bonded = True
            self.authenticated = bool(secret[0])
        if done is not None:
            done(self.encrypted)
        self._tell_encryption()

    def security_wanted(self):
        """gap_pair(): the board asks the phone to pair."""
        if self.air.listener is not None:
            self.air.listener.security_wanted(self)

    def _secret_key(self):
        return (bytes([self.address_type]) + self.address + bytes(_KEY_BYTES))[:_KEY_BYTES]

    def _tell_encryption(self):
        state = (self.encrypted, self.authenticated, self.bonded)
        figures = [1 if each else 0 for each in state]
        self.air.tell(
            _ENCRYPTION_UPDATED, self.number, *figures, _KEY_BYTES if self.encrypted else 0
        )
