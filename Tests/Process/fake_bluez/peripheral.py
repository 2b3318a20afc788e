"""A device in the air: what it advertises, how it answers a connection, what it forgets, when it leaves.

All methods with `_now` run on the fake's loop; the others may be called from the test's thread and return when the
deed is done. BlueZ's knowledge of a device (its object, its bond) stands here beside the device's own state, because
the two disagreeing is what most tests are about.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
import time

from dbus_next import Variant

from .gatt import Characteristic, Service, uuid
from .objects import BluezError, Exported
from .records import RecordStore


@dataclass
class Link:
    """How one Connect ends. `signal`: BlueZ 5.66 sometimes never says Connected=true though Connect succeeds."""

    delay: float = 0.01
    signal: bool = True
    error: BluezError | None = None
    # The link comes up and falls again before the error is answered, this much later.
    linger: float = 0.0


class Peripheral:
    def __init__(
        self, address: str, *services: Service, name: str | None = None, address_type: str = "public", bonded: bool = False,
        records: RecordStore | None = None, battery: int | None = None, advertised: list[str] | None = None,
    ):
        self.address = address.upper()
        self.path_address = self.address
        self.address_type = address_type
        self.name = name
        # Which of the hub's profiles is meant for it.
        self.profile: str | None = None
        self.services = list(services)
        self.advertised = advertised
        self.manufacturer_data: dict[int, bytes] = {}
        self.service_data: dict[str, bytes] = {}
        self.records = records
        self.battery = battery
        self.mtu = 247
        # The two halves of the bond: the hub's bluetoothd has its key, the device has its own.
        self.bonded = bonded
        self.device_bonded = bonded
        self.trusted = bonded
        # What an address becomes once the keys are exchanged: the identity behind a resolvable private address.
        self.identity: tuple[str, str] | None = None
        # justWorks, authorize, display, enter, compare, refused, never
        self.pairing = "justWorks"
        self.passkey = 123456
        self.leaves_after_bonding = False
        # How a key that the device lost shows. drop: Connect succeeds and the link ends without services, as in the lab. abort: the
        # link falls before Connect is answered. authentication: the plain error. access: only protected characteristics say so.
        self.lost_bond_shows = "drop"
        self.links: deque[Link] = deque()
        self.link = Link()
        self.resolve_delay = 0.01
        self.resolves = True
        # ServicesResolved=true is said this long before the objects are there.
        self.objects_late = 0.0
        self.disconnect_delay = 0.02
        # An unbonded device whose subscriptions BlueZ takes from its cache after the first connection: it sends nothing.
        self.mute_on_reconnect = False
        # Connect answers InProgress for an operation of a dead client, until RemoveDevice or a power cycle.
        self.stuck = False
        self.in_range = True
        self.interval = 0.1
        self.rssi = -60

        # Called on the loop, with the peripheral, when the services are there.
        self.on_resolved = None
        # What the device has become while BlueZ still shows what it was.
        self.next_services: list[Service] | None = None
        self.fake = None
        self.path = ""
        # ("up" or "down", monotonic time) of every link.
        self.history: list[tuple[str, float]] = []
        self.connected = False
        self.disconnecting = False
        self.resolved = False
        self.generation = 0
        self.connections = 0
        self.since_removal = 0
        self.removals = 0
        self.object_lives = 0
        self.exported: Exported | None = None
        self.connecting: asyncio.Future | None = None
        self.gatt_exported = False
        self.tasks: set[asyncio.Task] = set()
        self.advertiser: asyncio.Task | None = None
        self.pairing_task: asyncio.Task | None = None
        self.typed: asyncio.Event | None = None

    # -- from the test's thread

    def advertise(self, interval: float = 0.1):
        """Begins to advertise, until `silence`; pauses by itself while connected."""
        self.interval = interval
        self.fake.on_loop(self.advertise_now)
        return self

    def silence(self):
        self.fake.on_loop(self.silence_now)

    def appear(self):
        """One advertisement."""
        self.fake.on_loop(self.heard_now)

    def notify(self, name: str, value: bytes) -> bool:
        """Sends a notification or indication; False when nobody has subscribed."""
        return self.fake.on_loop(lambda: self.notify_now(name, value))

    def flood(self, name: str, values: list[bytes]) -> int:
        """Sends all at once; gives how many the pipe took."""
        return self.fake.on_loop(lambda: sum(self.notify_now(name, value) for value in values))

    def drop(self):
        """The link ends: out of reach, or the device hung up."""
        self.fake.on_loop(self.drop_now)

    def connect_by_itself(self, signal: bool = True):
        """bluetoothd's own background connection, which nobody asked for."""
        self.fake.on_loop(lambda: self.up_now(signal))

    def forget_bond(self):
        def forget():
            self.device_bonded = False
        self.fake.on_loop(forget)

    def change_firmware(self, *services: Service, stale: bool = True):
        """New services. With `stale` BlueZ goes on showing the old objects until the device is removed."""
        def change():
            if stale:
                for characteristic in self.characteristics():
                    characteristic.is_stale = True
                self.next_services = list(services)
            else:
                self.unexport_gatt_now()
                self.services = list(services)
        self.fake.on_loop(change)

    def rotate(self, address: str):
        """A new private address. A bonded device keeps its object, since BlueZ resolves the address; others become strangers."""
        def turn():
            if not self.bonded:
                self.forget_now()
                self.address = self.path_address = address.upper()
        self.fake.on_loop(turn)

    def type_passkey(self):
        """A person has typed on the device what the hub shows."""
        self.fake.on_loop(lambda: self.typed.set())

    def set_battery(self, percent: int):
        def change():
            self.battery = percent
            self.fake.change(self.path, "Battery1", Percentage=Variant("y", percent))
        self.fake.on_loop(change)

    def characteristic(self, name: str) -> Characteristic:
        wanted = uuid(name)
        for characteristic in self.characteristics():
            if characteristic.uuid == wanted:
                return characteristic
        raise KeyError(name)

    def characteristics(self) -> list[Characteristic]:
        return [c for service in self.services for c in service.characteristics]

    def is_subscribed(self, name: str) -> bool:
        """Somebody asked for notifications in this very connection, and still wants them."""
        def answer():
            c = self.characteristic(name)
            return self.connected and c.is_subscribed and c.subscribed_in == self.generation
        return self.fake.on_loop(answer)

    # -- on the loop

    def spawn(self, work) -> asyncio.Task:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def advertise_now(self):
        self.in_range = True
        if self.advertiser is None or self.advertiser.done():
            self.advertiser = asyncio.ensure_future(self.advertising())

    def silence_now(self):
        self.in_range = False
        if self.advertiser:
            self.advertiser.cancel()
            self.advertiser = None

    async def advertising(self):
        while True:
            self.heard_now()
            await asyncio.sleep(self.interval)

    def heard_now(self):
        """One advertisement reaches the adapter, if it listens."""
        if self.connected or not self.fake.is_listening:
            return
        self.fake.advertisements += 1
        # BlueZ leaves out changes below 8 dB.
        self.rssi = -60 if self.rssi == -70 else -70
        data = self.advertisement()
        if self.exported is None:
            self.export_now(data)
        else:
            self.fake.change(self.path, "Device1", **data)

    def advertisement(self) -> dict[str, Variant]:
        data = {"RSSI": Variant("n", self.rssi)}
        if self.manufacturer_data:
            data["ManufacturerData"] = Variant("a{qv}", {k: Variant("ay", v) for k, v in self.manufacturer_data.items()})
        if self.service_data:
            data["ServiceData"] = Variant("a{sv}", {uuid(k): Variant("ay", v) for k, v in self.service_data.items()})
        return data

    def export_now(self, more: dict | None = None):
        # A fresh object is named after the address under which the device is known now.
        self.path = f"{self.fake.adapter_path}/dev_{self.path_address.replace(':', '_')}"
        listed = self.advertised if self.advertised is not None else [s.uuid for s in self.services]
        values = {
            "Address": Variant("s", self.address), "AddressType": Variant("s", self.address_type),
            "Alias": Variant("s", self.name or self.address.replace(":", "-")), "Paired": Variant("b", self.bonded),
            "Bonded": Variant("b", self.bonded), "Trusted": Variant("b", self.trusted), "Blocked": Variant("b", False),
            "LegacyPairing": Variant("b", False), "Connected": Variant("b", self.connected),
            "UUIDs": Variant("as", [uuid(u) for u in listed] + [uuid(u) for u in self.service_data]),
            "Adapter": Variant("o", self.fake.adapter_path), "ServicesResolved": Variant("b", self.resolved),
        }
        if self.name:
            values["Name"] = Variant("s", self.name)
        self.object_lives += 1
        self.exported = Exported(self.path, self, {"Device1": values | (more or {})})
        self.fake.add_object(self.exported)

    def unexport_gatt_now(self):
        for service in self.services:
            for characteristic in service.characteristics:
                characteristic.close_pipe()
                characteristic.clients.clear()
                self.fake.remove_object(characteristic.path)
                characteristic.exported = None
            self.fake.remove_object(service.path)
        self.gatt_exported = False

    def forget_now(self):
        """bluetoothd's object goes, and with it the key and the cached services."""
        self.drop_now()
        self.unexport_gatt_now()
        if self.exported:
            self.fake.remove_object(self.path)
        self.exported = None
        self.bonded = self.trusted = False
        self.since_removal = 0
        self.stuck = False
        if self.next_services is not None:
            self.services, self.next_services = self.next_services, None
        self.path_address = self.address

    def up_now(self, signal: bool = True, resolves: bool = True):
        if self.connected:
            return
        if self.exported is None:
            self.export_now()
        self.connected, self.disconnecting = True, False
        self.history.append(("up", time.monotonic()))
        self.generation += 1
        self.connections += 1
        self.since_removal += 1
        self.fake.link_made(self)
        if signal:
            self.fake.change(self.path, "Device1", Connected=Variant("b", True))
        else:
            self.fake.set_quietly(self.path, "Device1", Connected=Variant("b", True))
        if resolves and self.resolves:
            self.spawn(self.resolve(self.generation))

    async def resolve(self, generation: int):
        await asyncio.sleep(self.resolve_delay)
        if self.generation != generation or not self.connected:
            return
        if self.objects_late:
            self.say_resolved()
            await asyncio.sleep(self.objects_late)
            if self.generation == generation and self.connected:
                self.export_gatt_now()
        else:
            self.export_gatt_now()
            self.say_resolved()

    def say_resolved(self):
        self.resolved = True
        listed = Variant("as", [s.uuid for s in self.services])
        self.fake.change(self.path, "Device1", ServicesResolved=Variant("b", True), UUIDs=listed)
        if self.on_resolved:
            self.on_resolved(self)

    def export_gatt_now(self):
        if self.battery is not None and not self.fake.has_interface(self.path, "Battery1"):
            self.fake.add_interface(self.path, "Battery1", {"Percentage": Variant("y", self.battery), "Source": Variant("s", "GATT")})
        if self.gatt_exported:
            return
        handle = 0x0010
        for service in self.services:
            service.path = f"{self.path}/service{handle:04x}"
            self.fake.add_object(Exported(service.path, self, {"GattService1": {
                "UUID": Variant("s", service.uuid), "Device": Variant("o", self.path), "Primary": Variant("b", True),
                "Includes": Variant("ao", [])}}))
            for characteristic in service.characteristics:
                handle += 2
                characteristic.path = f"{service.path}/char{handle:04x}"
                characteristic.exported = Exported(
                    characteristic.path, (self, characteristic), characteristic.properties(service.path, self.mtu))
                self.fake.add_object(characteristic.exported)
            handle = (handle + 0x10) & 0xFFF0
        self.gatt_exported = True

    def drop_now(self):
        if not self.connected:
            return
        self.history.append(("down", time.monotonic()))
        self.connected = self.resolved = self.disconnecting = False
        self.generation += 1
        for characteristic in self.characteristics():
            if characteristic.close_pipe():
                self.fake.change(characteristic.path, "GattCharacteristic1", NotifyAcquired=Variant("b", False))
            # StartNotify's clients stay, and are subscribed again at the next connection.
        if self.pairing_task and not self.pairing_task.done():
            self.pairing_task.cancel()
        if self.exported:
            self.fake.change(self.path, "Device1", ServicesResolved=Variant("b", False), Connected=Variant("b", False))
            if self.fake.has_interface(self.path, "Battery1"):
                self.fake.remove_interface(self.path, "Battery1")

    def notify_now(self, name: str, value: bytes) -> bool:
        characteristic = self.characteristic(name)
        muted = self.mute_on_reconnect and not self.bonded and self.since_removal > 1
        # bluetoothd renews StartNotify's subscriptions of earlier connections when the services are resolved.
        renewed = self.resolved or characteristic.subscribed_in == self.generation
        if not self.connected or muted or not characteristic.is_subscribed or not renewed:
            characteristic.lost += 1
            return False
        if characteristic.pipe is not None:
            try:
                characteristic.pipe.send(value)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                characteristic.lost += 1
                return False
        else:
            self.fake.change(characteristic.path, "GattCharacteristic1", Value=Variant("ay", value))
        characteristic.sent += 1
        return True

    # -- what bluetoothd does for its clients

    async def connect(self):
        if self.connected:
            return None
        if not self.fake.powered:
            raise BluezError("NotReady")
        if self.stuck:
            raise BluezError("InProgress")
        if self.connecting is not None:
            raise BluezError("Failed", "Operation already in progress")
        link = self.links.popleft() if self.links else self.link
        self.connecting = asyncio.get_running_loop().create_future()
        try:
            return await self.attempt(link)
        finally:
            self.connecting = None

    async def attempt(self, link: Link):
        """One attempt. Disconnect and RemoveDevice end it by failing the future that it waits on."""
        await self.wait_or_cancelled(link.delay)
        if link.error is not None:
            if link.linger:
                self.up_now()
                self.spawn(self.fall_after(link.linger, self.generation))
            raise link.error
        if not self.in_range:
            await self.wait_or_cancelled(self.fake.absent_seconds)
            raise BluezError("Failed", "le-connection-abort-by-local")
        if self.bonded and not self.device_bonded and self.lost_bond_shows == "authentication":
            raise BluezError("AuthenticationFailed")
        is_refused = self.bonded and not self.device_bonded
        self.up_now(link.signal, resolves=not (is_refused and self.lost_bond_shows in ("drop", "abort")))
        if is_refused and self.lost_bond_shows == "drop":
            self.spawn(self.fall_after(0.03, self.generation))
        if is_refused and self.lost_bond_shows == "abort":
            await asyncio.sleep(0.02)
            self.drop_now()
            raise BluezError("Failed", "le-connection-abort-by-local")
        return None

    async def fall_after(self, seconds: float, generation: int):
        await asyncio.sleep(seconds)
        if self.generation == generation:
            self.drop_now()

    async def wait_or_cancelled(self, seconds: float):
        try:
            await asyncio.wait_for(asyncio.shield(self.connecting), seconds)
        except asyncio.TimeoutError:
            pass

    def cancel_connect(self):
        if self.connecting is not None and not self.connecting.done():
            self.connecting.set_exception(BluezError("Failed", "Software caused connection abort"))

    async def disconnect(self):
        if not self.connected:
            if self.connecting is None:
                raise BluezError("NotConnected")
            return self.cancel_connect()
        self.disconnecting = True
        generation = self.generation
        await asyncio.sleep(self.disconnect_delay)
        if self.generation == generation:
            self.drop_now()
        return None

    async def pair(self, sender: str):
        if self.bonded:
            raise BluezError("AlreadyExists")
        if self.pairing_task is not None and not self.pairing_task.done():
            raise BluezError("InProgress")
        if not self.connected:
            await self.connect()
        self.pairing_task = asyncio.ensure_future(self.bonding(self.fake.agent_of(sender)))
        try:
            outcome = await self.pairing_task
        except asyncio.CancelledError:
            raise BluezError("AuthenticationCanceled") from None
        return outcome

    async def bonding(self, agent):
        if self.pairing == "never":
            await asyncio.Event().wait()
        if self.pairing == "refused":
            raise BluezError("AuthenticationFailed")
        if agent is None:
            # Without an agent just-works pairing fails after 30 s; the tests need not wait that long to see it.
            await asyncio.sleep(self.fake.no_agent_seconds)
            raise BluezError("AuthenticationFailed")
        await self.ask_agent(agent)
        if not self.connected:
            raise BluezError("AuthenticationCanceled")
        self.bonded = self.device_bonded = True
        changed = {"Paired": Variant("b", True), "Bonded": Variant("b", True)}
        if self.identity:
            # The object keeps the path of the private address until bluetoothd starts again.
            self.address, self.address_type = self.identity
            changed |= {"Address": Variant("s", self.address), "AddressType": Variant("s", self.address_type)}
        self.fake.change(self.path, "Device1", **changed)
        if self.leaves_after_bonding:
            self.spawn(self.fall_after(0.02, self.generation))
        return None

    async def ask_agent(self, agent):
        if self.pairing == "authorize":
            await agent.ask("RequestAuthorization", "o", [self.path])
        elif self.pairing == "compare":
            await agent.ask("RequestConfirmation", "ou", [self.path, self.passkey])
        elif self.pairing == "enter":
            given = await agent.ask("RequestPasskey", "o", [self.path])
            if not given or given[0] != self.passkey:
                raise BluezError("AuthenticationFailed")
        elif self.pairing == "display":
            self.typed = self.typed or asyncio.Event()
            await agent.ask("DisplayPasskey", "ouq", [self.path, self.passkey, 0])
            try:
                await asyncio.wait_for(self.typed.wait(), self.fake.pairing_seconds)
            except asyncio.TimeoutError:
                agent.tell("Cancel")
                raise BluezError("AuthenticationTimeout") from None
