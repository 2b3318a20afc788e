"""The fake proves itself to a client that is not the hub: it answers as BlueZ 5.66 does, and misbehaves when told to."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from dbus_next import Message, MessageType, Variant
from dbus_next.aio import MessageBus
from dbus_next.constants import BusType
import pytest

from bluetooth_support import bluez, bus, glucose_meter, glucose_record, oximeter, thermometer, wait_for  # noqa: F401
from fake_bluez import BluezError, Link, Never, Peripheral, Service


class Client:
    """A plain client on a loop of the test's own."""

    def __init__(self, address: str):
        self.loop = asyncio.new_event_loop()
        self.signals: list[tuple] = []
        self.passkeys: list[int] = []
        self.bus = self.wait(self.connect(address))
        self.bus.add_message_handler(self.handle)
        rule = "type='signal',sender='org.bluez'"
        self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", [rule])

    @staticmethod
    async def connect(address: str):
        # The connection belongs to the loop on which it is made, not to the one on which it is used.
        return await MessageBus(bus_address=address, bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()

    def handle(self, message):
        if message.message_type == MessageType.SIGNAL:
            self.signals.append((message.path, message.member, message.body))
        elif message.message_type == MessageType.METHOD_CALL and message.interface == "org.bluez.Agent1":
            if message.member == "RequestPasskey":
                return Message.new_method_return(message, "u", [self.passkeys[0]])
            self.passkeys += message.body[1:2]
            return Message.new_method_return(message)
        return None

    def wait(self, work, seconds: float = 20):
        return self.loop.run_until_complete(asyncio.wait_for(work, seconds))

    def send(self, *arguments):
        """The reply message, error or not."""
        destination, path, interface, member, *rest = arguments
        signature, body = rest if rest else ("", [])
        return self.wait(self.bus.call(Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature, body=body)))

    def ask(self, *arguments):
        reply = self.send(*arguments)
        assert reply.message_type == MessageType.METHOD_RETURN, (arguments, reply.error_name, reply.body)
        return reply.body

    def bluez(self, path: str, member: str, *rest):
        interface, _, method = member.rpartition(".")
        return self.ask("org.bluez", path, interface if "." in interface else f"org.bluez.{interface}", method, *rest)

    def error(self, path: str, member: str, *rest) -> tuple[str, str]:
        interface, _, method = member.rpartition(".")
        reply = self.send("org.bluez", path, f"org.bluez.{interface}", method, *rest)
        assert reply.message_type == MessageType.ERROR, reply.body
        return reply.error_name.removeprefix("org.bluez.Error."), reply.body[0]

    def objects(self) -> dict:
        return self.ask("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]

    def property(self, path: str, interface: str, name: str):
        return self.ask("org.bluez", path, "org.freedesktop.DBus.Properties", "Get", "ss", [f"org.bluez.{interface}", name])[0].value

    def until(self, condition, what: str, seconds: float = 20):
        async def poll():
            while not condition():
                await asyncio.sleep(0.005)
        try:
            return self.wait(poll(), seconds)
        except asyncio.TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}; signals {self.signals[-5:]}") from None

    def said(self, path: str, name: str) -> list:
        """Every value of one property that was said in PropertiesChanged, in order."""
        return [body[1][name].value for p, member, body in self.signals if p == path and member == "PropertiesChanged" and name in body[1]]

    def close(self):
        self.bus.disconnect()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


@pytest.fixture
def client(bus, bluez):  # noqa: F811
    client = Client(bus.address)
    yield client
    client.close()


ADAPTER = "/org/bluez/hci0"


def connected(client: Client, peripheral: Peripheral) -> str:
    client.bluez(peripheral.path, "Device1.Connect")
    client.until(lambda: True in client.said(peripheral.path, "ServicesResolved"), "services are resolved")
    return peripheral.characteristics()[0].path


def test_discovery_shows_what_advertises_and_stops(client, bluez):  # noqa: F811
    p = bluez.add(oximeter(bonded=False)).advertise(0.02)
    client.bluez(ADAPTER, "Adapter1.SetDiscoveryFilter", "a{sv}", [{"Transport": Variant("s", "le")}])
    assert client.error(ADAPTER, "Adapter1.StopDiscovery") == ("Failed", "No discovery started")
    client.bluez(ADAPTER, "Adapter1.StartDiscovery")
    assert client.error(ADAPTER, "Adapter1.StartDiscovery")[0] == "InProgress"
    assert client.property(ADAPTER, "Adapter1", "Discovering") is True
    client.until(lambda: client.said(p.path, "RSSI"), "its signal strength")
    values = client.objects()[p.path]["org.bluez.Device1"]
    assert values["UUIDs"].value == ["00001822-0000-1000-8000-00805f9b34fb"] and values["Paired"].value is False
    client.bluez(ADAPTER, "Adapter1.StopDiscovery")
    client.until(lambda: any(m == "PropertiesChanged" and "RSSI" in b[2] for _, m, b in client.signals), "RSSI is withdrawn")
    client.bluez(ADAPTER, "Adapter1.RemoveDevice", "o", [p.path])
    assert p.path not in client.objects()
    assert client.error(ADAPTER, "Adapter1.RemoveDevice", "o", [p.path])[0] == "DoesNotExist"


def test_notifications_come_through_a_socket_that_closes_with_the_link(client, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    path = connected(client, p)
    assert client.signals.index(next(s for s in client.signals if s[1] == "InterfacesAdded" and s[2][0] == path)) < len(client.signals) - 1
    reply = client.send("org.bluez", path, "org.bluez.GattCharacteristic1", "AcquireNotify", "a{sv}", [{}])
    assert reply.body[1] == 247
    theirs = socket.socket(fileno=reply.unix_fds[reply.body[0]])
    assert client.error(path, "GattCharacteristic1.AcquireNotify", "a{sv}", [{}]) == ("NotPermitted", "Notify acquired")
    assert client.error(path, "GattCharacteristic1.StartNotify") == ("NotPermitted", "Notify acquired")
    assert p.notify("2A5F", b"one") and p.notify("2A5F", b"two")
    assert [theirs.recv(600), theirs.recv(600)] == [b"one", b"two"]
    assert bluez.open_pipes() == 1
    p.drop()
    assert theirs.recv(600) == b""
    theirs.close()
    assert bluez.open_pipes() == 0 and bluez.fds_given == 1
    assert client.error(path, "GattCharacteristic1.AcquireNotify", "a{sv}", [{}]) == ("Failed", "Not connected")
    assert not p.notify("2A5F", b"three")


def test_a_socket_that_the_client_closes_ends_the_subscription(client, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    path = connected(client, p)
    reply = client.send("org.bluez", path, "org.bluez.GattCharacteristic1", "AcquireNotify", "a{sv}", [{}])
    os.close(reply.unix_fds[0])
    client.until(lambda: client.said(path, "NotifyAcquired") == [True, False], "the subscription has ended")
    assert not p.is_subscribed("2A5F")


def test_what_only_indicates_must_be_started(client, bluez):  # noqa: F811
    p = bluez.add(thermometer())
    path = connected(client, p)
    assert client.error(path, "GattCharacteristic1.AcquireNotify", "a{sv}", [{}])[0] == "NotSupported"
    client.bluez(path, "GattCharacteristic1.StartNotify")
    p.notify("2A1C", b"warm")
    client.until(lambda: client.said(path, "Value") == [b"warm"], "the value")


def test_stored_records_are_reported_counted_and_deleted(client, bluez):  # noqa: F811
    p = bluez.add(glucose_meter(count=3))
    connected(client, p)
    record, control = p.characteristic("2A18").path, p.characteristic("2A52").path
    client.bluez(record, "GattCharacteristic1.StartNotify")
    client.bluez(control, "GattCharacteristic1.StartNotify")

    def write(*octets: int):
        before = len(client.said(control, "Value"))
        client.bluez(control, "GattCharacteristic1.WriteValue", "aya{sv}", [bytes(octets), {"type": Variant("s", "request")}])
        client.until(lambda: len(client.said(control, "Value")) > before, "a response")
        return client.said(control, "Value")[-1]
    assert write(4, 1) == struct.pack("<BBH", 5, 0, 3)
    assert write(1, 1) == bytes([6, 0, 1, 1])
    assert client.said(record, "Value") == [glucose_record(n) for n in range(3)]
    assert write(2, 2, 1, 1, 0) == bytes([6, 0, 2, 1]) and p.records.records == [glucose_record(2)]
    assert write(2, 1) == bytes([6, 0, 2, 1]) and write(1, 1) == bytes([6, 0, 1, 6])
    p.records.answers[1] = [8]
    assert write(1, 1) == bytes([6, 0, 1, 8])


@pytest.mark.parametrize("way", ["justWorks", "authorize", "display", "enter", "compare", "refused"])
def test_pairing(client, bluez, way):  # noqa: F811
    p = bluez.add(oximeter(bonded=False))
    p.pairing = way
    bluez.on_loop(p.export_now)
    client.bluez("/org/bluez", "AgentManager1.RegisterAgent", "os", ["/agent", "KeyboardDisplay"])
    client.passkeys = [123456] if way == "enter" else []
    if way == "refused":
        assert client.error(p.path, "Device1.Pair")[0] == "AuthenticationFailed"
        assert client.property(p.path, "Device1", "Paired") is False
        return
    if way == "display":
        waiting = client.loop.create_task(client.bus.call(Message(
            destination="org.bluez", path=p.path, interface="org.bluez.Device1", member="Pair")))
        client.until(lambda: client.passkeys == [123456], "the passkey is shown")
        assert not p.bonded
        p.type_passkey()
        assert client.wait(waiting).message_type == MessageType.METHOD_RETURN
    else:
        client.bluez(p.path, "Device1.Pair")
    assert client.property(p.path, "Device1", "Paired") is True
    assert client.error(p.path, "Device1.Pair")[0] == "AlreadyExists"


def test_pairing_needs_an_agent(client, bluez):  # noqa: F811
    p = bluez.add(oximeter(bonded=False))
    bluez.on_loop(p.export_now)
    assert client.error(p.path, "Device1.Pair")[0] == "AuthenticationFailed"


def test_every_ill_of_a_connection(client, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    p.links.extend([
        Link(error=BluezError("InProgress")), Link(error=BluezError("Failed", "le-connection-abort-by-local"), linger=0.02),
        Link(signal=False)])
    assert client.error(p.path, "Device1.Connect")[0] == "InProgress"
    assert client.error(p.path, "Device1.Connect") == ("Failed", "le-connection-abort-by-local")
    client.until(lambda: client.said(p.path, "Connected") == [True, False], "the link has fallen")
    client.bluez(p.path, "Device1.Connect")
    client.until(lambda: True in client.said(p.path, "ServicesResolved"), "resolved")
    assert client.said(p.path, "Connected") == [True, False] and p.connected
    client.bluez(p.path, "Device1.Disconnect")
    assert client.error(p.path, "Device1.Disconnect")[0] == "NotConnected"
    bluez.absent_seconds = 0.1
    p.silence()
    assert client.error(p.path, "Device1.Connect") == ("Failed", "le-connection-abort-by-local")


def test_resolved_before_the_objects_are_there(client, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    p.objects_late = 2
    client.bluez(p.path, "Device1.Connect")
    client.until(lambda: True in client.said(p.path, "ServicesResolved"), "resolved")
    assert not any("/service" in path for path in client.objects())
    wait_for(lambda: any("/char" in path for path in client.objects()), 20, "the objects follow")


def test_a_lost_bond_and_a_private_address(client, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    p.forget_bond()
    client.bluez(p.path, "Device1.Connect")
    wait_for(lambda: not p.connected, 20, "the link ends without services")
    p.lost_bond_shows = "abort"
    assert client.error(p.path, "Device1.Connect") == ("Failed", "le-connection-abort-by-local")
    p.lost_bond_shows = "authentication"
    assert client.error(p.path, "Device1.Connect")[0] == "AuthenticationFailed"
    p.lost_bond_shows = "access"
    assert client.error(connected(client, p), "GattCharacteristic1.AcquireNotify", "a{sv}", [{}]) == ("NotPermitted", "Not paired")

    private = bluez.add(Peripheral("5A:11:22:33:44:55", Service("1822"), address_type="random"))
    private.identity = ("C0:FF:EE:00:00:99", "public")
    bluez.on_loop(private.export_now)
    client.bluez("/org/bluez", "AgentManager1.RegisterAgent", "os", ["/agent", "NoInputNoOutput"])
    client.bluez(private.path, "Device1.Pair")
    assert private.path.endswith("dev_5A_11_22_33_44_55") and client.said(private.path, "Address") == ["C0:FF:EE:00:00:99"]


def test_the_daemon_goes_and_comes_with_its_bonds(client, bluez):  # noqa: F811
    p, stranger = bluez.add(oximeter()), bluez.add(oximeter(7, bonded=False))
    bluez.on_loop(stranger.export_now)
    connected(client, p)
    bluez.vanish()
    assert client.send("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects").message_type == MessageType.ERROR
    bluez.appear()
    found = client.objects()
    assert found[p.path]["org.bluez.Device1"]["Paired"].value is True and found[p.path]["org.bluez.Device1"]["Connected"].value is False
    assert not stranger.exported
    bluez.remove_adapter()
    bluez.return_adapter("hci1")
    assert p.path == "/org/bluez/hci1/dev_C0_FF_EE_00_00_01" and p.path in client.objects()


def test_links_outlive_a_client_and_discovery_does_not(bus, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    first = Client(bus.address)
    first.bluez(ADAPTER, "Adapter1.StartDiscovery")
    first.bluez(connected(first, p), "GattCharacteristic1.StartNotify")
    first.close()
    second = Client(bus.address)
    second.until(lambda: not p.is_subscribed("2A5F"), "the subscription went with the client")
    wait_for(lambda: second.property(ADAPTER, "Adapter1", "Discovering") is False, 5, "and so did its discovery")
    assert second.property(p.path, "Device1", "Connected") is True
    second.close()


def test_faults_and_counts(client, bluez):  # noqa: F811
    p = bluez.add(oximeter())
    bluez.fault("Device1.Connect", BluezError("NotReady"), times=2)
    assert [client.error(p.path, "Device1.Connect")[0] for _ in range(2)] == ["NotReady", "NotReady"]
    connected(client, p)
    bluez.fault("Device1.Disconnect", Never())
    with pytest.raises(asyncio.TimeoutError):
        client.wait(client.bus.call(Message(
            destination="org.bluez", path=p.path, interface="org.bluez.Device1", member="Disconnect")), 0.2)
    assert bluez.calls["Device1.Connect"] == 3 and bluez.called("Device1.Connect", p.path) == 3
    # The client's and the fake's own: both are connections of this process. The daemon writes rules in its own order.
    assert bluez.match_rules(os.getpid()) == sorted([
        "type='signal',sender='org.bluez'", "type='signal',member='NameOwnerChanged',sender='org.freedesktop.DBus'"])
    bluez.stall_scan("restart")
    q = bluez.add(oximeter(9, bonded=False)).advertise(0.01)
    client.bluez(ADAPTER, "Adapter1.StartDiscovery")
    client.bluez(ADAPTER, "Adapter1.StopDiscovery")
    assert q.object_lives == 0, "a stalled scan hears nothing"
    client.bluez(ADAPTER, "Adapter1.StartDiscovery")
    client.until(lambda: q.object_lives == 1, "a new scan does")


def test_slots_run_out_silently(client, bluez):  # noqa: F811
    bluez.slots = 2
    three = [bluez.add(oximeter(n)) for n in (1, 2, 3)]
    for p in three:
        client.bluez(p.path, "Device1.Connect")
    assert [p.connected for p in three] == [False, True, True] and bluez.links_pushed_out == 1
