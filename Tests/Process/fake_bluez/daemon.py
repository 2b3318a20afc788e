"""The fake bluetoothd: one connection to the bus, one adapter, the objects of the devices, faults on command.

It runs on a thread of its own with an asyncio loop; tests call it from theirs. Method calls are counted by
"Interface.Member" and, with their path and time, logged, so that a test can say what the hub may ask for and how often.
"""

from __future__ import annotations

import asyncio
from collections import Counter
import inspect
import os
import threading
import time

from dbus_next import BusType, Message, MessageFlag, MessageType, NameFlag, RequestNameReply, Variant
from dbus_next.aio import MessageBus

from . import handlers
from .bus import PatientSocket, PrivateBus, ask_daemon, match_rules
from .objects import Answer, BluezError, Exported, Fault, Later, Never, full_name, short_name
from .peripheral import Peripheral

PEER = "org.freedesktop.DBus.Peer"


class Agent:
    """A client's agent, called back while a device pairs."""

    def __init__(self, fake: "FakeBluez", sender: str, path: str, capability: str):
        self.fake, self.sender, self.path, self.capability = fake, sender, path, capability

    def message(self, member: str, signature: str, body: list) -> Message:
        return Message(destination=self.sender, path=self.path, interface="org.bluez.Agent1", member=member, signature=signature, body=body)

    async def ask(self, member: str, signature: str, body: list) -> list:
        self.fake.agent_calls[member] += 1
        reply = await self.fake.bus.call(self.message(member, signature, body))
        if reply.message_type == MessageType.ERROR:
            refused = reply.error_name.endswith((".Rejected", ".Canceled"))
            raise BluezError("AuthenticationRejected" if refused else "AuthenticationFailed")
        return reply.body

    def tell(self, member: str):
        self.fake.agent_calls[member] += 1
        self.fake.bus.send(self.message(member, "", []))


class FakeBluez:
    def __init__(self, bus: PrivateBus, adapter: str = "hci0", address: str = "00:1A:7D:DA:71:13"):
        self.private_bus = bus
        self.adapter, self.address = adapter, address
        self.objects: dict[str, Exported] = {}
        self.peripherals: list[Peripheral] = []
        self.faults: list[Fault] = []
        self.calls: Counter = Counter()
        self.agent_calls: Counter = Counter()
        self.log: list[tuple[float, str, str]] = []
        self.errors: list[str] = []
        self.fds_given = 0
        self.advertisements = 0
        # Connections that the radio has room for; the most that there were, and how often one more pushed another out.
        self.slots = 7
        self.links_most = 0
        self.links_pushed_out = 0
        self.powered = True
        self.power_offs = 0
        self.discovering_clients: set[str] = set()
        self.filters: dict[str, dict] = {}
        self.agents: dict[str, Agent] = {}
        self.default_agent: str | None = None
        # Discovering says true and nothing is heard, until StopDiscovery ("restart"), power off ("power"), or never ("").
        self.stall_cure: str | None = None
        # Connect to an absent device takes BlueZ 40 s; pairing without an agent fails after 30 s.
        self.absent_seconds = 40.0
        self.no_agent_seconds = 0.5
        self.pairing_seconds = 30.0
        self.bus: MessageBus | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None
        self.running: set[asyncio.Task] = set()
        # While it hangs: what it was asked and what it has not said, in order.
        self.frozen = False
        self.unheard: list[Message] = []
        self.unsaid: list[Message] = []

    # -- life, from the test's thread

    def start(self) -> "FakeBluez":
        ready = threading.Event()

        def serve():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            self.loop.call_soon(ready.set)
            self.loop.run_forever()
        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        ready.wait(5)
        self.appear()
        return self

    def stop(self):
        if self.loop is None:
            return
        self.vanish()

        async def end():
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()
        self.loop = None

    def run(self, work, seconds: float = 20):
        """A coroutine's result, worked out on the fake's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def on_loop(self, function):
        """A function's result, called on the fake's loop."""
        if threading.current_thread() is self.thread:
            return function()

        async def call():
            return function()
        return self.run(call())

    def appear(self):
        """bluetoothd starts: it knows its adapter and the bonded devices, and no link."""
        self.run(self.connect_bus())

    def vanish(self):
        """bluetoothd is killed: name, objects, sockets and links go at once; the keys are on its disk."""
        async def vanish():
            self.reset_now()
            if self.bus:
                self.bus.disconnect()
                self.bus = None
        self.run(vanish())

    def reset_now(self):
        """Everything that a process keeps in memory."""
        bus, self.bus = self.bus, None  # Nothing is said any more.
        for p in self.peripherals:
            bond = p.bonded, p.trusted, p.next_services
            p.next_services = None
            p.cancel_connect()
            p.forget_now()
            p.bonded, p.trusted, p.next_services = bond
        self.objects.clear()
        self.discovering_clients.clear()
        self.filters.clear()
        self.agents.clear()
        self.default_agent = None
        self.frozen = False
        self.unheard.clear()
        self.unsaid.clear()
        self.bus = bus

    def freeze(self):
        """bluetoothd hangs: its name, its objects and its links stay; it answers nobody, not even a Ping, and says nothing."""
        self.on_loop(lambda: setattr(self, "frozen", True))

    def thaw(self):
        """It goes on where it was: everything that waited in its sockets is said and answered."""
        def thaw():
            self.frozen = False
            said, asked = self.unsaid[:], self.unheard[:]
            self.unsaid.clear()
            self.unheard.clear()
            for message in said:
                self.bus.send(message)
            for message in asked:
                if message.interface == PEER:
                    self.bus.send(Message.new_method_return(message))
                else:
                    self.handle(message)
        self.on_loop(thaw)

    async def connect_bus(self):
        self.bus = await MessageBus(bus_address=self.private_bus.address, bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
        self.bus._writer.sock = PatientSocket(self.bus._writer.sock)
        self.bus.add_message_handler(self.handle)
        rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"
        await ask_daemon(self.bus, "AddMatch", "s", [rule])
        self.export_adapter_now()
        for p in self.peripherals:
            if p.bonded:
                p.export_now()
        answer = await self.bus.request_name("org.bluez", NameFlag.DO_NOT_QUEUE)
        if answer != RequestNameReply.PRIMARY_OWNER:
            raise RuntimeError(f"org.bluez is taken: {answer}")

    # -- objects, on the loop

    @property
    def adapter_path(self) -> str:
        return f"/org/bluez/{self.adapter}"

    @property
    def is_listening(self) -> bool:
        return self.bus is not None and not self.frozen and self.powered and bool(self.discovering_clients) and self.stall_cure is None

    def export_adapter_now(self):
        self.add_object(Exported("/org/bluez", self, {"AgentManager1": {}, "ProfileManager1": {}, "HealthManager1": {}}))
        self.add_object(Exported(self.adapter_path, self, {
            "Adapter1": {
                "Address": Variant("s", self.address), "AddressType": Variant("s", "public"), "Name": Variant("s", "hub"),
                "Alias": Variant("s", "hub"), "Class": Variant("u", 0), "Powered": Variant("b", self.powered),
                "Discoverable": Variant("b", False), "DiscoverableTimeout": Variant("u", 180), "Pairable": Variant("b", True),
                "PairableTimeout": Variant("u", 0), "Discovering": Variant("b", False), "UUIDs": Variant("as", []),
                "Modalias": Variant("s", "usb:v1D6Bp0246d0542"), "Roles": Variant("as", ["central", "peripheral"]),
            },
            "GattManager1": {}, "Media1": {"SupportedUUIDs": Variant("as", [])},
            "LEAdvertisingManager1": {"ActiveInstances": Variant("y", 0), "SupportedInstances": Variant("y", 5)},
        }))

    def add_object(self, exported: Exported):
        self.objects[exported.path] = exported
        self.signal("/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [exported.path, exported.properties])

    def remove_object(self, path: str):
        exported = self.objects.pop(path, None)
        if exported:
            self.signal("/", "ObjectManager", "InterfacesRemoved", "oas", [path, list(exported.properties)])

    def add_interface(self, path: str, interface: str, values: dict):
        self.objects[path].properties[full_name(interface)] = values
        self.signal("/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [path, {full_name(interface): values}])

    def remove_interface(self, path: str, interface: str):
        if self.objects[path].properties.pop(full_name(interface), None) is not None:
            self.signal("/", "ObjectManager", "InterfacesRemoved", "oas", [path, [full_name(interface)]])

    def has_interface(self, path: str, interface: str) -> bool:
        return path in self.objects and full_name(interface) in self.objects[path].properties

    def set_quietly(self, path: str, interface: str, **values: Variant):
        if self.has_interface(path, interface):
            self.objects[path].properties[full_name(interface)].update(values)

    def change(self, path: str, interface: str, withdrawn: tuple = (), **values: Variant):
        """Sets properties, takes `withdrawn` ones away, and says so."""
        if not self.has_interface(path, interface):
            return
        known = self.objects[path].properties[full_name(interface)]
        known.update(values)
        gone = [name for name in withdrawn if known.pop(name, None) is not None]
        if values or gone:
            self.signal(path, "Properties", "PropertiesChanged", "sa{sv}as", [full_name(interface), values, gone])

    def signal(self, path: str, interface: str, member: str, signature: str, body: list):
        if self.bus is not None:
            message = Message.new_signal(path, full_name(interface), member, signature, body)
            self.unsaid.append(message) if self.frozen else self.bus.send(message)

    def link_made(self, newest: Peripheral):
        """Counts the links; one too many silently ends the oldest of the others."""
        linked = [p for p in self.peripherals if p.connected]
        self.links_most = max(self.links_most, len(linked))
        if len(linked) > self.slots:
            self.links_pushed_out += 1
            next(p for p in linked if p is not newest).drop_now()

    def agent_of(self, sender: str) -> Agent | None:
        return self.agents.get(sender) or self.agents.get(self.default_agent or "")

    # -- messages, on the loop

    def handle(self, message: Message):
        if message.message_type == MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and message.body[2] == "":
                self.client_left(message.body[0])
            return None
        if message.message_type != MessageType.METHOD_CALL:
            return None
        if self.frozen:
            self.unheard.append(message)
            return True
        if message.interface == PEER:
            return None
        interface = message.interface or "?"
        member = f"{short_name(interface)}.{message.member}"
        self.calls[member] += 1
        self.log.append((time.monotonic(), member, message.path))
        task = asyncio.ensure_future(self.answer(message, interface, member))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return True

    def client_left(self, name: str):
        """Its discovery and subscriptions end; its links stay, which is the trap."""
        self.agents.pop(name, None)
        self.filters.pop(name, None)
        if self.default_agent == name:
            self.default_agent = None
        if name in self.discovering_clients:
            self.discovering_clients.discard(name)
            handlers.discovery_changed(self)
        for p in self.peripherals:
            for characteristic in p.characteristics():
                characteristic.clients.discard(name)
                if characteristic.pipe_owner == name and characteristic.close_pipe():
                    self.change(characteristic.path, "GattCharacteristic1", NotifyAcquired=Variant("b", False))

    async def answer(self, message: Message, interface: str, member: str):
        try:
            outcome = await self.outcome(message, interface, member)
        except BluezError as error:
            return self.reply(message, Message.new_error(message, error.name, error.text))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # A mistake in the fake must not look like a mistake of the hub.
            self.errors.append(f"{member} {message.path}: {type(error).__name__} {error}")
            return self.reply(message, Message.new_error(message, "org.bluez.Error.Failed", f"fake: {error}"))
        if isinstance(outcome, Never):
            return
        answer = outcome if isinstance(outcome, Answer) else Answer()
        sent = self.reply(message, Message.new_method_return(message, answer.signature, answer.body, answer.fds))
        if answer.fds:
            try:
                if sent is not None:
                    await asyncio.wait_for(sent, 5)
            finally:
                for fd in answer.fds:
                    os.close(fd)

    def reply(self, message: Message, reply: Message):
        return self.bus.send(reply) if self.bus is not None and not message.flags & MessageFlag.NO_REPLY_EXPECTED else None

    async def outcome(self, message: Message, interface: str, member: str):
        for fault in self.faults:
            if fault.fits(member, message.path):
                forced = fault.use()
                if isinstance(forced, BluezError):
                    raise forced
                if not isinstance(forced, Later):
                    return forced
                await asyncio.sleep(forced.seconds)
                break
        exported = self.objects.get(message.path)
        known = exported is not None and (interface in exported.properties or short_name(interface) in ("Properties", "Introspectable"))
        if not known and message.path != "/":
            # What GDBus says of a path that is gone.
            text = f'Method "{message.member}" with signature "{message.signature}" on interface "{interface}" doesn\'t exist\n'
            raise BluezError("org.freedesktop.DBus.Error.UnknownObject", text)
        handler = handlers.TABLE.get(member)
        if handler is None:
            raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", f"no {member}")
        outcome = handler(self, message, exported)
        return await outcome if inspect.isawaitable(outcome) else outcome

    # -- commands and questions, from the test's thread

    def add(self, *peripherals: Peripheral) -> Peripheral:
        def add():
            for p in peripherals:
                p.fake = self
                self.peripherals.append(p)
                if p.bonded and self.bus is not None:
                    p.export_now()
        self.on_loop(add)
        return peripherals[0]

    def fault(self, member: str, outcome, path: str = "/", times: int | None = 1) -> Fault:
        fault = Fault(member, outcome, path, times)
        self.on_loop(lambda: self.faults.append(fault))
        return fault

    def heal(self):
        self.on_loop(self.faults.clear)

    def say(self, path: str, interface: str, member: str, signature: str, body: list):
        """Any signal, however wrong."""
        self.on_loop(lambda: self.signal(path, interface, member, signature, body))

    def set_power(self, on: bool):
        """Somebody else switches the adapter."""
        self.on_loop(lambda: handlers.power(self, on))

    def stall_scan(self, cure: str):
        self.on_loop(lambda: setattr(self, "stall_cure", cure))

    def remove_adapter(self):
        def remove():
            for p in self.peripherals:
                bond = p.bonded, p.trusted
                p.cancel_connect()
                p.forget_now()
                p.bonded, p.trusted = bond
            self.discovering_clients.clear()
            self.remove_object(self.adapter_path)
        self.on_loop(remove)

    def return_adapter(self, name: str, powered: bool = True):
        def put_back():
            self.adapter, self.powered = name, powered
            self.export_adapter_now()
            for p in self.peripherals:
                if p.bonded:
                    p.export_now()
        self.on_loop(put_back)

    def called(self, member: str, path: str = "/", since: float = 0) -> int:
        return self.on_loop(lambda: sum(1 for at, m, p in self.log if m == member and p.startswith(path) and at >= since))

    def open_pipes(self) -> int:
        """Notification sockets that both sides still hold."""
        return self.on_loop(lambda: sum(c.pipe is not None for p in self.peripherals for c in p.characteristics()))

    def ask_agent(self, member: str, signature: str, body: list) -> list:
        """Asks the default agent as bluetoothd would; raises the BluezError that a refusal becomes."""
        return self.run(self.agent_of("").ask(member, signature, body))

    def match_rules(self, pid: int) -> list[str]:
        return self.run(match_rules(self.bus, pid))
