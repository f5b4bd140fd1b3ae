"""A line of bytes over Bluetooth: pieces written to one characteristic, notified by another.

It has the methods of line.py's SerialLine, so everything that speaks over a serial line of its
own speaks over this.
"""

import threading
import time

from host_tools.client import ble_radio
from host_tools.client.errors import PortError

_NATIVE = ("76690002-6c2d-424d-5310-000000000000", "76690003-6c2d-424d-5310-000000000000")
_JBD = tuple(f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("ff02", "ff01"))
_WRITE_S = 10
_CLOSE_S = 5
_ATTEMPTS = 5  # to come back
_PACED_EACH = 8  # pieces: a board has room for 16
_INTERVAL_S = 0.05  # at worst, between two pieces
_NEEDS_PAIRING = (0x05, 0x08, 0x0F)  # authentication, authorization, encryption


class BleLine:
    """To `name`, over a ble_radio.Radio; jbd: its JBD service even if it has our own.

    PortError where it is not in reach, or has no service that we know.
    """

    answer_s = 2.0

    def __init__(self, radio, name, jbd=False):
        self.path = name
        self._radio = radio
        self._jbd = jbd
        self._news = threading.Condition()
        self._connect()

    def _connect(self):
        self._heard = b""
        self._lost = self._paired = self._taken = False
        seen = self._radio.find(self.path)
        self._client = self._radio.client(seen, self._on_lost)
        try:
            self._choose()
            self._ask(self._client.start_notify(self._answers, self._on_notification))
        except BaseException:
            self.close()
            raise
        # As if bytes had a rate: how long the longest answer may take.
        self.baudrate = max(300, round(10 * self._piece / _INTERVAL_S))

    def _choose(self):
        services = self._client.services
        self.is_native = not self._jbd and services.get_service(ble_radio.NATIVE) is not None
        request, answer = (
            services.get_characteristic(uuid) for uuid in (_NATIVE if self.is_native else _JBD)
        )
        if request is None or answer is None:
            what = "JBD" if self._jbd else "ours and none of JBD's"
            raise PortError("broken", f"{self.path} has no service of {what}: another device")
        self._request, self._answers = request, answer
        self._confirms = "write" in request.properties
        self._commands = "write-without-response" in request.properties

    @property
    def _piece(self):
        return max(20, self._request.max_write_without_response_size)

    # On the radio's thread.

    def _on_notification(self, _, data):
        with self._news:
            self._heard += data
            self._news.notify_all()

    def _on_lost(self):
        with self._news:
            self._lost = True
            self._news.notify_all()

    # As a serial line.

    def write(self, data):
        """The whole frame; what the board refuses because we are not paired, once more then."""
        try:
            self._ask(self._send(data))
        except PairingWanted:
            if self._paired:
                raise self._unpaired() from None
            self._paired = True
            try:
                self._radio.do(self._client.pair(), 6 * _WRITE_S)
                self._ask(self._send(data))
            except (*self._radio.failures, PairingWanted, NotImplementedError, OSError):
                if self._lost:
                    raise self._gone() from None
                raise self._unpaired() from None

    async def _send(self, data):
        """Confirmed is the first frame, for it may be refused, and then a piece now and then, for
        a board has room for so many; more would only cost time."""
        piece = self._piece
        for count, end in enumerate(range(piece, len(data) + piece, piece), 1):
            last = end >= len(data)
            wanted = count % _PACED_EACH == 0 or (last and not self._taken)
            try:
                await self._client.write_gatt_char(
                    self._request,
                    data[end - piece : end],
                    response=self._confirms and (wanted or not self._commands),
                )
            except self._radio.failures as error:
                if getattr(error, "code", None) in _NEEDS_PAIRING:
                    raise PairingWanted from None
                raise
        self._taken = True

    def read(self, timeout_s):
        """What has come; waits for the first byte, b"" when the time is over."""
        with self._news:
            self._news.wait_for(lambda: self._heard or self._lost, timeout_s)
            heard, self._heard = self._heard, b""
        if not heard and self._lost:
            raise self._gone()
        return heard

    def forget(self):
        with self._news:
            self._heard = b""
        if self._lost:
            raise self._gone()

    @staticmethod
    def now():
        return time.monotonic()

    def close(self):
        try:
            self._radio.do(self._client.disconnect(), _CLOSE_S)
        except (*self._radio.failures, OSError):
            # The link ends with this program at the latest.
            pass

    def reconnect(self):
        """After a lost link; PortError when it does not come back."""
        self.close()
        for left in reversed(range(_ATTEMPTS)):
            try:
                return self._connect()
            except PortError:
                if not left:
                    raise

    def _ask(self, work):
        try:
            return self._radio.do(work, _WRITE_S)
        except (*self._radio.failures, OSError, EOFError) as error:
            if self._lost or not self._client.is_connected:
                raise self._gone() from None
            raise PortError(
                "broken", f"{self.path} does not take it: {ble_radio.one_line(error)}"
            ) from None

    def _gone(self):
        return PortError(
            "gone",
            f"the Bluetooth link to {self.path} is lost: out of reach, switched off,"
            " or ended by the board",
        )

    def _unpaired(self):
        return PortError(
            "permission",
            f"{self.path} wants to be paired first: in the Bluetooth settings of this computer,"
            " with the passkey of the board (--protocol jbd reads without)",
        )


class PairingWanted(Exception):
    """The board takes this only from somebody who is paired."""
