"""The firmware's pieces where a board has Bluetooth, over an idle radio; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS
_JBD, _ANSWER = 20, 21


class Radio:
    value = bytes(16)

    def irq(self, handler):
        pass

    def gatts_read(self, handle):
        return self.value

    def gatts_write(self, handle, data, send_update=False):
        pass

    def gatts_notify(self, conn, handle, data):
        pass

    def gap_advertise(self, interval_us, data, resp_data, connectable):
        pass


class Pieces(passes.Pieces):
    def __init__(self):
        super().__init__()
        self.radio = radio = self.bms.executive._links[-1]
        self.engine = radio.engines[0]
        radio.event(1, (0, 0, b""))
        radio.event(1, (1, 0, b""))
        while radio._stirred and radio.poll(0) < 5000:
            pass
        radio._go_round(0)

    def give_tasks(self, board):
        pass

    def give_links(self, board):
        from vigil.link import ble, ble_battery, ble_telemetry, bthome, jbd
        from vigil.points import Points

        def link(status):
            engines = [jbd.Jbd(status) for _ in range(4)]
            profiles = [ble.Profile(_JBD, _ANSWER, engines, False)]
            adverts = bthome.BtHome(status, b"Vigil-0000", 0xFF00)
            battery = ble_battery.Battery(status, 1, 2)
            telemetry = ble_telemetry.Telemetry(status.points, 3)
            return ble.Ble(Radio(), 4, profiles, adverts, 500000, battery, telemetry, None)

        super().give_links(board)
        board.points = Points
        board.links = list(board.links) + [link]

    def ble_poll(self):
        radio = self.radio
        radio._stirred = False
        radio._due_us = 1000
        radio.poll(0)

    def ble_tended(self):
        """Four links, nothing to do for any of them."""
        self.radio._tend(0)

    def ble_event(self):
        """A write of sixteen bytes, handed on to nobody."""
        radio = self.radio
        radio.event(3, (0, _JBD))
        radio._tails[0] = radio._heads[0]
        radio._out[0] = radio._in[0]

    def ble_part(self):
        """A write of sixteen bytes that are no frame, handed to its engine."""
        self.ble_event()
        radio = self.radio
        radio._tails[0] = (radio._heads[0] - 1) & 0xFF
        radio._out[0] = (radio._in[0] - 16) & 0xFFFF
        radio._work(0)

    def ble_rubbish(self):
        """Its engine's part of that."""
        self.engine.receive(bytes(16), 16)

    def ble_send(self):
        radio = self.radio
        self.engine.reply_length = 20
        radio._ready_us[0] = 0
        radio._send(0, 0)

    def ble_no_send(self):
        self.radio._send(0, 0)

    def ble_round(self):
        """Two phones; nothing to tell."""
        self.radio._round = 1
        self.radio._go_round(0)

    def ble_battery(self):
        self.radio._battery._is_told = False
        self.radio._battery.tell(self.radio._radio)

    def ble_telemetry(self):
        self.radio._telemetry.tell(self.radio._radio)

    def ble_advert(self):
        self.radio._adverts._told = b""
        self.radio._adverts.refresh()
