"""The controllers of the virtual radio: bumble's, with advertising and connecting as in the air.

What bumble's lack: scan responses of their own, advertisements nobody can connect to, the
parameters of a connection at the peripheral, cancelling an attempt.
"""

import asyncio

from bumble import controller, hci
from bumble.core import PhysicalTransport

from host_tools.sim.radio.meetings import End, Meeting

_Report = hci.HCI_LE_Extended_Advertising_Report_Event
_LegacyReport = hci.HCI_LE_Advertising_Report_Event
_ACL = hci.HCI_Connection_Complete_Event.LinkType.ACL
_RSSI_DBM = -50
_LONGEST_DELAY_S = 0.010  # added by chance to each advertising interval
_NO_SET = 0xFF
_ACTIVE = 1


class _Controller(controller.Controller):
    acl_data_packet_length = 251
    le_acl_data_packet_length = 251
    total_num_acl_data_packets = 8
    total_num_le_acl_data_packets = 8

    def _make_end(self, role, self_address, peer_address):
        end = End(
            controller=self,
            handle=self.allocate_connection_handle(),
            role=role,
            self_address=self_address,
            peer_address=peer_address,
            link=self.link,
            transport=PhysicalTransport.LE,
            link_type=_ACL,
        )
        self.le_connections[peer_address] = end
        return end

    def _tell_connected(self, end, interval, latency, timeout):
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=end.handle,
                role=end.role,
                peer_address_type=end.peer_address.address_type,
                peer_address=end.peer_address,
                connection_interval=interval,
                peripheral_latency=latency,
                supervision_timeout=timeout,
                central_clock_accuracy=0,
            )
        )


class BoardController(_Controller):
    """Advertises what the board says, and takes a phone that answers it."""

    le_features = controller.Controller.le_features & ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING

    def __init__(self, name, link, address, random, misses):
        super().__init__(name, link=link, public_address=address)
        self._random = random
        self.misses = misses
        self._advertised = None
        self._timer = None
        self.before_connection = None

    def advertise(self, what):
        """(interval_us, data, response, connectable) or None."""
        self._advertised = what
        if what is not None and self._timer is None:
            self._schedule(0)

    def _schedule(self, interval_s):
        delay_s = self._random.uniform(0, _LONGEST_DELAY_S)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(interval_s + delay_s, self._send)

    def _send(self):
        self._timer = None
        what = self._advertised
        if what is None:
            return
        for other in list(self.link.controllers):
            if isinstance(other, PhoneController) and not self.misses():
                other.on_advertisement(self, *what[1:])
        if self._advertised is not None and self._timer is None:
            self._schedule(self._advertised[0] / 1e6)

    def take(self, phone_address, interval, latency, timeout):
        """Its side of a new connection; None if it does not listen any more."""
        if self._advertised is None or not self._advertised[3]:
            return None
        if phone_address in self.le_connections:
            return None
        self._advertised = None
        self.before_connection()
        end = self._make_end(hci.Role.PERIPHERAL, self.public_address, phone_address)
        self._tell_connected(end, interval, latency, timeout)
        return end

    def close(self):
        if self._timer is not None:
            self._timer.cancel()


class PhoneController(_Controller):
    """The radio of one phone, whose own software is at the other end of a TCP connection."""

    _meetings = ()

    def on_advertisement(self, board, data, response, connectable):
        address = board.public_address
        if self.le_scan_enable:
            self._report(address, data, connectable, bool(response), False)
            if response and self.le_scan_type == _ACTIVE:
                self._report(address, response, connectable, True, True)
        pending = self.pending_le_connection
        if pending is not None and connectable and pending.peer_address == address:
            self._connect(board, pending)

    def _report(self, address, data, connectable, scannable, is_response):
        if self.le_features & hci.LeFeatureMask.LE_EXTENDED_ADVERTISING:
            kind = _Report.EventType
            bits = kind.LEGACY_ADVERTISING_PDU_USED
            bits |= kind.CONNECTABLE_ADVERTISING if connectable else 0
            bits |= kind.SCANNABLE_ADVERTISING if scannable or connectable else 0
            bits |= kind.SCAN_RESPONSE if is_response else 0
            report = _Report.Report(
                event_type=bits,
                address_type=address.address_type,
                address=address,
                primary_phy=hci.Phy.LE_1M,
                secondary_phy=0,
                advertising_sid=_NO_SET,
                tx_power=127,
                rssi=_RSSI_DBM,
                periodic_advertising_interval=0,
                direct_address_type=0,
                direct_address=hci.Address.ANY,
                data=data,
            )
            self.send_hci_packet(_Report([report]))
            return
        kind = _LegacyReport.EventType
        if is_response:
            event_type = kind.SCAN_RSP
        elif connectable:
            event_type = kind.ADV_IND
        else:
            event_type = kind.ADV_SCAN_IND if scannable else kind.ADV_NONCONN_IND
        report = _LegacyReport.Report(
            event_type=event_type,
            address_type=address.address_type,
            address=address,
            data=data,
            rssi=_RSSI_DBM,
        )
        self.send_hci_packet(_LegacyReport([report]))

    def _connect(self, board, command):
        if board.public_address in self.le_connections:
            return
        if isinstance(command, hci.HCI_LE_Extended_Create_Connection_Command):
            interval = command.connection_interval_maxs[0]
            latency, timeout = command.max_latencies[0], command.supervision_timeouts[0]
        else:
            interval = command.connection_interval_max
            latency, timeout = command.max_latency, command.supervision_timeout
        public = command.own_address_type == hci.OwnAddressType.PUBLIC
        self_address = self.public_address if public else self.random_address
        theirs = board.take(self_address, interval, latency, timeout)
        if theirs is None:
            return
        self.pending_le_connection = None
        ours = self._make_end(hci.Role.CENTRAL, self_address, board.public_address)
        self.meetings = [*self.meetings, Meeting(ours, theirs, interval, timeout, board.misses)]
        self._tell_connected(ours, interval, latency, timeout)

    def on_hci_le_set_extended_scan_parameters_command(self, command):
        self.le_scan_type = command.scan_types[0]
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def on_hci_le_create_connection_cancel_command(self, command):
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self._tell_cancelled, pending.peer_address)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def _tell_cancelled(self, address):
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=address.address_type,
                peer_address=address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    @property
    def meetings(self):
        """Connections that have not ended for both sides."""
        return [meeting for meeting in self._meetings if not meeting.over]

    @meetings.setter
    def meetings(self, meetings):
        self._meetings = meetings

    def gone(self):
        """Its software has died or left; boards find out by their supervision time-out."""
        self.pending_le_connection = None
        self.le_scan_enable = False
        self.host = None
        for meeting in self.meetings:
            # A farewell that is on its way still arrives.
            if meeting.ends[0].known:
                meeting.vanish()
