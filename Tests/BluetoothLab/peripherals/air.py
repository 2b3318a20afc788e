"""The simulated air of one home, and the gateway's radio in it.

Bumble's controllers do the link layer. What they leave out and bluetoothd relies on is added here: distance (a device out
of range is lost by supervision timeout), signal strength, scan filters, a cancelled connection, a reset controller. What
is not simulated: interference, collisions, radio timing. A packet that is heard is heard whole and at once.
"""

from __future__ import annotations

import asyncio
import logging
import os

from bumble import hci, ll
from bumble.controller import Controller
from bumble.link import LocalLink

log = logging.getLogger("air")

ADV_IND, ADV_NONCONN_IND, SCAN_RSP = 0x00, 0x03, 0x04
# Both ends give a link up after this silence when the central has not said otherwise: Linux asks for 420 ms.
SUPERVISION_SECONDS = 0.42
CONNECTION_INTERVAL_SECONDS = 0.03


class Air(LocalLink):
    """Everything within radio reach of the gateway. One gateway, any number of devices."""

    def __init__(self):
        super().__init__()
        self.gateway: GatewayRadio | None = None
        # Radios that stand too far away, by identity.
        self.away: set[Controller] = set()
        self.rssi: dict[Controller, int] = {}

    def reaches(self, radio: Controller | None) -> bool:
        return radio is not None and radio not in self.away

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        # Bumble labels every packet with the sender's random address, but Linux connects from its public one, and a
        # private address may have changed since: the connection's own address is the right one.
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and self.reaches(sender_controller) and self.reaches(receiver):
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, connection.self_address, transport, data)

    def send_advertising_pdu(self, sender_controller, packet):
        """Devices do not listen to each other: an advertisement goes to the gateway, a connection request to one device."""
        loop = asyncio.get_running_loop()
        if sender_controller is not self.gateway:
            if self.gateway is not None and self.reaches(sender_controller):
                loop.call_soon(self.gateway.heard, packet, self.rssi.get(sender_controller, -60))
            return
        for radio in self.controllers:
            if radio is not self.gateway and self.reaches(radio):
                loop.call_soon(radio.on_ll_advertising_pdu, packet)

    def send_ll_control_pdu(self, sender_address, receiver_address, packet):
        sender, receiver = self.find_le_controller(sender_address), self.find_le_controller(receiver_address)
        if self.reaches(sender) and self.reaches(receiver):
            asyncio.get_running_loop().call_soon(self.control, receiver, sender_address, packet)

    @staticmethod
    def control(receiver: Controller, sender_address, packet):
        # A link may have ended while the packet was in the air.
        if sender_address in receiver.le_connections:
            receiver.on_ll_control_pdu(sender_address, packet)

    def move_away(self, radio: Controller):
        """Out of reach: nothing is heard any more, and a link is lost when the supervision timeout has passed."""
        self.away.add(radio)
        for connection in list(radio.le_connections.values()):
            asyncio.get_running_loop().create_task(self.lose(radio, connection))

    def come_back(self, radio: Controller):
        self.away.discard(radio)

    async def lose(self, radio: Controller, connection):
        gateway = self.gateway
        await asyncio.sleep(gateway.supervision.get(connection.self_address, SUPERVISION_SECONDS) if gateway else SUPERVISION_SECONDS)
        reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        if radio.le_connections.get(connection.peer_address) is connection:
            radio.on_le_disconnected(connection, reason)
        other = gateway.le_connections.get(connection.self_address) if gateway else None
        if other is not None:
            gateway.on_le_disconnected(other, reason)


class VirtualPort:
    """/dev/vhci: what is written to it comes from a controller that the kernel takes for real; one packet a read or write.

    Not Bumble's own transport: the kernel refuses packets while the adapter is down, and that one would hang up for good.
    """

    VENDOR = 0xFF

    def __init__(self):
        self.descriptor = os.open("/dev/vhci", os.O_RDWR | os.O_NONBLOCK)
        # "Make me a controller", of the primary kind.
        os.write(self.descriptor, bytes([self.VENDOR, 0x00]))
        self.sink = None
        self.refused = 0
        asyncio.get_running_loop().add_reader(self.descriptor, self.readable)

    def set_packet_sink(self, sink):
        self.sink = sink

    def readable(self):
        try:
            packet = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return
        if packet and packet[0] != self.VENDOR and self.sink is not None:
            self.sink.on_packet(packet)

    def on_packet(self, packet: bytes):
        try:
            os.write(self.descriptor, packet)
        except OSError:
            self.refused += 1

    def close(self):
        asyncio.get_running_loop().remove_reader(self.descriptor)
        os.close(self.descriptor)


class GatewayRadio(Controller):
    """The controller that Linux knows as hci0, behind /dev/vhci."""

    def __init__(self, air: Air, address: str):
        self.port = VirtualPort()
        super().__init__("gateway", host_source=self.port, host_sink=self.port, link=air, public_address=address)
        self.accepted: set[tuple[int, bytes]] = set()
        self.reported: set[tuple] = set()
        self.supervision: dict[hci.Address, float] = {}
        self.counters = {"reports": 0, "connects": 0, "cancelled": 0, "resets": 0}
        # With these Linux would wait for events that Bumble does not send, four seconds each time.
        self.le_features &= ~(
            hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING)
        air.gateway = self

    def unplug(self):
        """Pulled out: every link is lost, and the kernel sees the adapter go."""
        self.lose_power()
        self.link.gateway = None
        self.link.remove_controller(self)
        self.host = None
        self.port.close()

    def lose_power(self):
        """What a controller knows is gone; the kernel is told nothing. A radio switch does this to the hardware."""
        self.pending_le_connection = None
        self.le_scan_enable = False
        self.accepted.clear()
        self.drop_links()

    def drop_links(self):
        """Without a word to the other ends: they find out by their supervision timeout."""
        for address, connection in list(self.le_connections.items()):
            other = self.link.find_le_controller(address)
            del self.le_connections[address]
            if other is not None and other is not self:
                for theirs in list(other.le_connections.values()):
                    asyncio.get_running_loop().call_later(SUPERVISION_SECONDS, self.gone, other, theirs)

    @staticmethod
    def gone(radio: Controller, connection):
        if radio.le_connections.get(connection.peer_address) is connection:
            radio.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    # -- hearing

    def heard(self, packet, rssi: int, connectable: bool = True):
        """One advertisement, as the scan filters let it through."""
        if not isinstance(packet, ll.AdvInd):
            return
        address = packet.advertiser_address
        wanted = self.pending_le_connection
        if wanted is not None and wanted.peer_address == address and connectable:
            self.counters["connects"] += 1
            self.supervision[address] = wanted.supervision_timeout / 100
            self.create_le_connection(address)
            return
        if not self.le_scan_enable:
            return
        if self.le_scanning_filter_policy in (1, 3) and (address.address_type, bytes(address)) not in self.accepted:
            return
        self.report(ADV_IND if connectable else ADV_NONCONN_IND, address, packet.data, rssi)
        # Devices here have all they say in the advertisement itself; an active scanner still gets its empty answer.
        if self.le_scan_type == 1 and connectable:
            self.report(SCAN_RSP, address, b"", rssi)

    def report(self, kind: int, address: hci.Address, data: bytes, rssi: int):
        once = (kind, address.address_type, bytes(address), data)
        if self.filter_duplicates and once in self.reported:
            return
        # A real controller's memory of duplicates is short, too.
        if len(self.reported) > 256:
            self.reported.clear()
        self.reported.add(once)
        self.counters["reports"] += 1
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind, address_type=address.address_type, address=address, data=data, rssi=rssi)]))

    # -- commands that Bumble only acknowledges

    def on_hci_le_set_scan_enable_command(self, command):
        self.reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    def on_hci_le_clear_filter_accept_list_command(self, command):
        self.accepted.clear()
        return super().on_hci_le_clear_filter_accept_list_command(command)

    def on_hci_le_add_device_to_filter_accept_list_command(self, command):
        self.accepted.add((int(command.address_type), bytes(command.address)))
        return super().on_hci_le_add_device_to_filter_accept_list_command(command)

    def on_hci_le_remove_device_from_filter_accept_list_command(self, command):
        self.accepted.discard((int(command.address_type), bytes(command.address)))
        return super().on_hci_le_remove_device_from_filter_accept_list_command(command)

    def on_hci_le_create_connection_cancel_command(self, command):
        wanted, self.pending_le_connection = self.pending_le_connection, None
        if wanted is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.counters["cancelled"] += 1
        # The command completes first, then the connection that never came; Linux waits for the second.
        asyncio.get_running_loop().call_soon(self.send_hci_packet, hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, connection_handle=0, role=hci.Role.CENTRAL,
            peer_address_type=wanted.peer_address.address_type, peer_address=wanted.peer_address, connection_interval=0,
            peripheral_latency=0, supervision_timeout=0, central_clock_accuracy=0))
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_disconnect_command(self, command):
        """Ends a link as a radio does: at the next connection event and not within the same microsecond."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        status = hci.HCI_COMMAND_STATUS_PENDING if connection else hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        self._send_hci_command_status(status, command.op_code)
        if connection is not None:
            asyncio.get_running_loop().call_later(CONNECTION_INTERVAL_SECONDS, self.end, connection, command.reason)

    def end(self, connection, reason: int):
        if self.le_connections.get(connection.peer_address) is connection:
            connection.send_ll_control_pdu(ll.TerminateInd(reason))
            # The central's own report names itself as the one who ended it.
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)

    def on_hci_reset_command(self, command):
        self.counters["resets"] += 1
        self.lose_power()
        return super().on_hci_reset_command(command)

    def on_hci_packet(self, packet):
        try:
            super().on_hci_packet(packet)
        except Exception:
            # A packet for a link that ended a moment ago; a radio of silicon would drop it, too.
            log.exception("the gateway's radio dropped %s", packet)
