"""What can go wrong between us and a BMS; every text is one sentence for a person."""


class ClientError(Exception):
    """Base of all: the BMS or the way to it, never an argument (that is a ValueError)."""


class PortError(ClientError):
    """The port cannot be used; `kind` is "busy", "permission", "gone" or "broken"."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


class Unanswered(ClientError):
    """No answer that can be used."""


class Silent(Unanswered):
    """Not one byte came."""


class EchoOnly(Unanswered):
    """Our own bytes came back and nothing else."""


class Garbage(Unanswered):
    """Bytes came, but no whole frame; `heard` has them."""

    def __init__(self, text, heard):
        super().__init__(text)
        self.heard = heard


class Refused(ClientError):
    """The BMS has answered no; `status` is the native protocol's, `payload` what it adds."""

    def __init__(self, text, status=None, payload=b""):
        super().__init__(text)
        self.status = status
        self.payload = payload


class OtherVersion(Refused):
    """It speaks another version of the native protocol."""


class NotNative(Refused):
    """A Modbus device that does not know the function which carries the native protocol."""


class OtherPoints(ClientError):
    """Its points are not those that these tools have the names of."""


class NotSpoken(ClientError):
    """This protocol cannot do that."""


class Forged(ClientError):
    """An answer that does not prove to come from the BMS whose key we have."""
