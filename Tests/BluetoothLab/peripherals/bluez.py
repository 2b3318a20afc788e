"""A small client of org.bluez for the lab's own proof and for scenarios that need a second pair of eyes on the bus.

It is not the product's: it handles what the proof meets and nothing more.
"""

from __future__ import annotations

import asyncio
import time

from dbus_next import BusType, Variant
from dbus_next.aio import MessageBus
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.service import ServiceInterface, method

BLUEZ, PROPERTIES, MANAGER = "org.bluez", "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
ADAPTER, ADAPTER1, DEVICE1, GATT1 = "/org/bluez/hci0", "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.GattCharacteristic1"


def uuid(short: str) -> str:
    return f"0000{short.lower()}-0000-1000-8000-00805f9b34fb" if len(short) == 4 else short.lower()


class CallFailed(Exception):
    def __init__(self, member: str, name: str, text: str):
        super().__init__(f"{member}: {name}: {text}")
        self.name, self.text = name, text


class Agent(ServiceInterface):
    """Agrees to "just works", and types the passkey that `passkey` gives."""

    def __init__(self, passkey=None):
        super().__init__("org.bluez.Agent1")
        self.passkey = passkey

    @method()
    def RequestAuthorization(self, device: "o"):
        pass

    @method()
    def RequestConfirmation(self, device: "o", number: "u"):
        pass

    @method()
    async def RequestPasskey(self, device: "o") -> "u":
        return await self.passkey()

    @method()
    def Cancel(self):
        pass

    @method()
    def Release(self):
        pass


class BlueZ:
    """The object tree as signals keep it, calls, and every notified value with the time it came."""

    def __init__(self):
        self.objects: dict[str, dict[str, dict]] = {}
        self.changed = asyncio.Event()
        # (monotonic seconds, device path, characteristic UUID, bytes)
        self.values: list[tuple[float, str, str, bytes]] = []
        self.bus: MessageBus | None = None

    async def open(self, passkey=None) -> BlueZ:
        self.bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
        self.bus.add_message_handler(self.on_message)
        for interface in (PROPERTIES, MANAGER):
            await self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
                            f"type='signal',sender='org.bluez',interface='{interface}'", destination="org.freedesktop.DBus")
        self.bus.export("/lab/agent", Agent(passkey))
        return self

    async def register_agent(self, capability: str = "NoInputNoOutput"):
        await self.call("/org/bluez", "org.bluez.AgentManager1", "RegisterAgent", "os", "/lab/agent", capability)
        await self.call("/org/bluez", "org.bluez.AgentManager1", "RequestDefaultAgent", "o", "/lab/agent")

    async def call(self, path: str, interface: str, member: str, signature: str = "", *body, destination: str = BLUEZ, fds: bool = False):
        reply = await self.bus.call(Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature, body=list(body)))
        if reply.message_type == MessageType.ERROR:
            raise CallFailed(member, reply.error_name, " ".join(map(str, reply.body)))
        return (reply.body, reply.unix_fds) if fds else reply.body

    def on_message(self, message: Message):
        if message.member == "InterfacesAdded":
            path, interfaces = message.body
            for name, values in interfaces.items():
                self.objects.setdefault(path, {})[name] = {k: v.value for k, v in values.items()}
        elif message.member == "InterfacesRemoved":
            for name in message.body[1]:
                self.objects.get(message.body[0], {}).pop(name, None)
        elif message.member == "PropertiesChanged":
            name, values, _ = message.body
            known = self.objects.setdefault(message.path, {}).setdefault(name, {})
            known.update({k: v.value for k, v in values.items()})
            if name == GATT1 and "Value" in values:
                device = "/".join(message.path.split("/")[:5])
                self.values.append((time.monotonic(), device, known.get("UUID", ""), bytes(values["Value"].value)))
        else:
            return
        self.changed.set()

    async def until(self, what: str, condition, seconds: float = 20):
        """The condition's first true answer; it is asked again whenever a signal has come."""
        async def wait():
            while not (answer := condition()):
                self.changed.clear()
                await self.changed.wait()
            return answer
        try:
            return await asyncio.wait_for(wait(), seconds)
        except asyncio.TimeoutError:
            raise TimeoutError(f"not within {seconds:g} s: {what}") from None

    async def refresh(self) -> bool:
        """Reads the whole tree; false while bluetoothd is not there."""
        try:
            [tree] = await self.call("/", MANAGER, "GetManagedObjects")
        except CallFailed:
            return False
        self.objects = {p: {n: {k: v.value for k, v in values.items()} for n, values in i.items()} for p, i in tree.items()}
        return True

    async def powered(self, seconds: float = 20):
        deadline = time.monotonic() + seconds
        while not (await self.refresh() and self.objects.get(ADAPTER, {}).get(ADAPTER1, {}).get("Powered")):
            if time.monotonic() > deadline:
                raise TimeoutError("no powered adapter")
            await asyncio.sleep(0.1)

    # -- words for what is asked often

    async def discover(self, on: bool = True):
        if on:
            await self.call(ADAPTER, ADAPTER1, "SetDiscoveryFilter", "a{sv}", {"Transport": Variant("s", "le"), "DuplicateData": Variant("b", True)})
        await self.call(ADAPTER, ADAPTER1, "StartDiscovery" if on else "StopDiscovery")

    @staticmethod
    def path(address: str) -> str:
        return f"{ADAPTER}/dev_{address.replace(':', '_')}"

    def device(self, address: str, key: str):
        return self.objects.get(self.path(address), {}).get(DEVICE1, {}).get(key)

    def characteristic(self, address: str, short: str) -> str | None:
        for path, interfaces in self.objects.items():
            if path.startswith(self.path(address) + "/") and interfaces.get(GATT1, {}).get("UUID") == uuid(short):
                return path
        return None

    async def do(self, address: str, member: str):
        return await self.call(self.path(address), DEVICE1, member)

    async def power(self, on: bool):
        await self.call(ADAPTER, PROPERTIES, "Set", "ssv", ADAPTER1, "Powered", Variant("b", on))

    async def trust(self, address: str):
        await self.call(self.path(address), PROPERTIES, "Set", "ssv", DEVICE1, "Trusted", Variant("b", True))

    async def remove(self, address: str):
        """bluetoothd 5.66 answers before it has ended the link and taken the object away; until then the object seems to be
        there, and a call to it is refused as UnknownObject."""
        await self.call(ADAPTER, ADAPTER1, "RemoveDevice", "o", self.path(address))
        await self.until(f"{address} is removed", lambda: not self.device(address, "Address"))

    async def connect(self, address: str, attempts: int = 5):
        """BlueZ 5.66 says le-connection-abort-by-local now and then; the remedy is to wait and to try again."""
        for attempt in range(attempts):
            try:
                await self.do(address, "Connect")
                break
            except CallFailed:
                if attempt + 1 == attempts:
                    raise
                await asyncio.sleep(0.3 * (attempt + 1))
        await self.until(f"services of {address}", lambda: self.device(address, "ServicesResolved"))

    async def read(self, address: str, short: str) -> bytes:
        [value] = await self.call(self.characteristic(address, short), GATT1, "ReadValue", "a{sv}", {})
        return bytes(value)

    async def write(self, address: str, short: str, value: bytes):
        await self.call(self.characteristic(address, short), GATT1, "WriteValue", "aya{sv}", value, {"type": Variant("s", "request")})

    async def subscribe(self, address: str, short: str):
        await self.call(self.characteristic(address, short), GATT1, "StartNotify")

    def heard(self, address: str, short: str) -> list[bytes]:
        return [v for _, device, name, v in self.values if device == self.path(address) and name == uuid(short)]
