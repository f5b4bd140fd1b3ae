"""The attributes of the fake `bluetooth`, as NimBLE and BTstack lay them out. Never upload."""

_READ = 0x0002
_WRITABLE = 0x000C
_TELLS = 0x0030
_EINVAL = 22
_ENOMEM = 12
_DEFAULT_BUFFER = 20
_PERMISSIONS = 0x7F00
_READ_GUARDED = (0x0200, 0x0400)
_WRITE_GUARDED = (0x1000, 0x2000)
_MOST_LONG = 512

# Answers to a phone.
INVALID_HANDLE = 0x01
READ_NOT_PERMITTED = 0x02
WRITE_NOT_PERMITTED = 0x03
INSUFFICIENT_AUTHENTICATION = 0x05
INVALID_LENGTH = 0x0D
INSUFFICIENT_ENCRYPTION = 0x0F


class Value:
    """One value of the local database: `room` bytes, what is longer is cut off."""

    def __init__(self, uuid, flags, room=_DEFAULT_BUFFER):
        self.uuid = uuid
        self.flags = flags
        self.room = room
        self.append = False
        self.data = b""

    def read(self):
        data = self.data
        if self.append:
            self.data = b""
        return data

    def write(self, data):
        """By the board itself: the room grows with it."""
        self.data = bytes(data)
        self.room = max(self.room, len(self.data))

    def resize(self, room, append):
        self.room = room
        self.append = bool(append)
        self.data = b""

    def take(self, data):
        """From a phone."""
        before = self.data if self.append else b""
        self.data = (before + bytes(data))[: self.room]

    def refusal(self, writing, encrypted, authenticated):
        """0, or why a phone may not."""
        if writing and not self.flags & _WRITABLE:
            return WRITE_NOT_PERMITTED
        if not writing and not self.flags & _READ:
            return READ_NOT_PERMITTED
        when_encrypted, when_authenticated = _WRITE_GUARDED if writing else _READ_GUARDED
        if self.flags & (when_encrypted | when_authenticated) and not encrypted:
            return INSUFFICIENT_ENCRYPTION
        if self.flags & when_authenticated and not authenticated:
            return INSUFFICIENT_AUTHENTICATION
        return 0


class GattTable:
    def __init__(self, profile):
        self._profile = profile
        self._clear()

    def _clear(self):
        self.values = {}  # handle: Value
        self.layout = []  # (uuid, [(handle, uuid, flags, [(handle, uuid, flags)])])
        self.bytes_used = self._profile.table_used
        self._next = self._profile.first_handle

    def local(self, handle):
        value = self.values.get(handle)
        if value is None:
            raise OSError(_EINVAL)
        return value

    def register(self, services):
        """In the place of what was there; returns the handles as the port does."""
        self._clear()
        return tuple([self._service(uuid, values) for uuid, values in services])

    def _service(self, uuid, characteristics):
        self._take(8 + len(uuid.packed))
        handles = []
        laid_out = []
        self.layout.append((uuid, laid_out))
        for characteristic in characteristics:
            value_uuid, flags = characteristic[0], characteristic[1]
            self._take(11 + len(value_uuid.packed))
            handle = self._place(value_uuid, flags)
            handles.append(handle)
            if flags & _TELLS:
                self._take(10)
                if self._profile.tells_subscriptions:
                    # BTstack leaves this one to the application.
                    self.values[handle + 1] = Value(None, _READ | _WRITABLE, 2)
                    self.values[handle + 1].data = b"\0\0"
            descriptors = []
            laid_out.append((handle, value_uuid, flags, descriptors))
            for descriptor_uuid, descriptor_flags in (
                characteristic[2] if len(characteristic) > 2 else ()
            ):
                placed = self._place(descriptor_uuid, descriptor_flags)
                descriptors.append((placed, descriptor_uuid, descriptor_flags))
                handles.append(placed)
        return tuple(handles)

    def _place(self, uuid, flags):
        if flags & _PERMISSIONS and not self._profile.pairing:
            raise OSError(_EINVAL)
        handle = self._take(6 + len(uuid.packed))
        self.values[handle] = Value(uuid, flags)
        return handle

    def _take(self, size):
        """Room for one more attribute; returns its handle."""
        self.bytes_used += size
        most = self._profile.table_bytes
        if most is not None and self.bytes_used > most:
            raise OSError(_ENOMEM)
        self._next += 1
        return self._next - 1

    # What a phone does.

    def remote_read(self, handle, encrypted, authenticated):
        """(refusal, data)."""
        value = self.values.get(handle)
        if value is None:
            return INVALID_HANDLE, b""
        refusal = value.refusal(False, encrypted, authenticated)
        return refusal, b"" if refusal else value.read()

    def remote_write(self, handle, data, encrypted, authenticated):
        """Refusal or 0."""
        value = self.values.get(handle)
        if value is None:
            return INVALID_HANDLE
        refusal = value.refusal(True, encrypted, authenticated)
        if not refusal and len(data) > _MOST_LONG:
            refusal = INVALID_LENGTH
        if not refusal:
            value.take(data)
        return refusal
