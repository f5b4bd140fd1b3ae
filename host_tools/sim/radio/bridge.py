"""Between a simulated board's `bluetooth` and the simulator's hub. Never upload to a board.

Runs in the node, on both interpreters. Says nothing until the hub asks: without a phone a run
is the same as without a radio.
"""


class Bridge:
    """say(word, ...): a message to the supervisor."""

    def __init__(self, air, say):
        self._air = air
        self._say = say
        self._links = {}  # the hub's number: link
        self._asked = False
        air.listener = self

    def power_down(self):
        self._air.switch_off()

    def begin_again(self):
        """The board has been off, and its `air` is as new."""
        self._air.listener = self

    # What the board changes.

    def _tell_all(self):
        if self._air.table is None:
            return
        self.settled()
        self.registered()
        self.advertised()

    def settled(self):
        """Settings that the hub needs, when the radio is on."""
        air = self._air
        if self._asked and air.table is not None:
            self._say(
                "board",
                {
                    "mac": _hex(air.mac),
                    "mtu": air.preferred_mtu,
                    "pairing": air.pairing if air.profile.pairing else None,
                },
            )

    def switched_off(self):
        self._links.clear()
        if self._asked:
            self._say("reset")

    def registered(self):
        if self._asked:
            self._say("services", [_service(*each) for each in self._air.table.layout])

    def advertised(self):
        if self._asked and self._air.table is not None:
            what = self._air.advertised
            if what is not None:
                what = [what[0], _hex(what[1]), _hex(what[2]), what[3]]
            self._say("advertised", what)

    def _number(self, link):
        for number in self._links:
            if self._links[number] is link:
                return number
        return None

    def ended(self, link):
        number = self._number(link)
        if number is not None:
            del self._links[number]
            self._say("end", number)

    def notified(self, link, handle, data, confirmed):
        number = self._number(link)
        if number is not None:
            self._say("notify", number, handle, _hex(data), confirmed)

    def passkey(self, link, passkey):
        number = self._number(link)
        if number is not None:
            self._say("passkey", number, passkey)

    def security_wanted(self, link):
        number = self._number(link)
        if number is not None:
            self._say("pair", number)

    # What phones do, as the hub tells it.

    def hear(self, word, *rest):
        if word == "tell":
            self._asked = True
            self._tell_all()
        elif word == "rest":
            self._asked = False
        elif word == "connect":
            self._connect(*rest)
        else:
            link = self._links.get(rest[0])
            if link is not None:
                getattr(self, "_" + word)(link, *rest)
            elif word in ("read", "write", "encrypt"):
                self._say("answer", rest[-1], 0x0E, "")

    def _connect(self, number, address, address_type, interval_us, timeout_us):
        try:
            link = self._air.connect(_bytes(address), address_type)
        except OSError:
            self._say("end", number)
            return
        link.paced_elsewhere = True
        link.interval_us = interval_us
        link.timeout_us = timeout_us
        self._links[number] = link

    def _ended(self, link, number, reason):
        # The hub knows already.
        del self._links[number]
        link.end(reason)

    def _mtu(self, link, number, mtu):
        link.mtu(mtu)

    def _update(self, link, number, interval_us, timeout_us):
        link.update(interval_us, timeout_us)

    def _sent(self, link, number):
        link.sent()
        link.notifications.clear()

    def _subscribe(self, link, number, handle, value):
        link.subscribe(handle, value)

    def _read(self, link, number, handle, ticket):
        link.read(handle, lambda code, data: self._say("answer", ticket, code, _hex(data)))

    def _write(self, link, number, handle, data, ticket):
        link.write(handle, _bytes(data), True, lambda code: self._say("answer", ticket, code, ""))

    def _encrypt(self, link, number, handle, ticket):
        link.encrypt(lambda kept: self._say("answer", ticket, 0, "01" if kept else "00"))

    def _pairing(self, link, number):
        link.pair()

    def _paired(self, link, number, encrypted, authenticated):
        link.pairing_ended(encrypted, authenticated)


def _service(uuid, values):
    laid_out = [
        [
            handle,
            _hex(value.packed),
            flags,
            [[at, _hex(each.packed), bits] for at, each, bits in extra],
        ]
        for handle, value, flags, extra in values
    ]
    return [_hex(uuid.packed), laid_out]


def _hex(data):
    return "".join(["%02x" % byte for byte in data])


def _bytes(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])
