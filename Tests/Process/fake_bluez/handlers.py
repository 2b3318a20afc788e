"""What each method of BlueZ 5.66 does, as functions of (fake, message, object). All run on the fake's loop.

A function returns an Answer, nothing (an empty reply) or Never, or raises a BluezError.
"""

from __future__ import annotations

import asyncio
import socket

from dbus_next import Variant

from .objects import Answer, BluezError, full_name


# -- freedesktop


def managed_objects(fake, message, exported):
    return Answer("a{oa{sa{sv}}}", [{path: o.properties for path, o in fake.objects.items()}])


def get_property(fake, message, exported):
    interface, name = message.body
    values = exported.properties.get(interface)
    if values is None or name not in values:
        raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"No such property '{name}'")
    return Answer("v", [values[name]])


def get_all(fake, message, exported):
    values = exported.properties.get(message.body[0])
    if values is None:
        raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"No such interface '{message.body[0]}'")
    return Answer("a{sv}", [values])


def set_property(fake, message, exported):
    interface, name, variant = message.body
    known = exported.properties.get(interface, {})
    if name not in known:
        raise BluezError("org.freedesktop.DBus.Error.UnknownProperty", f"No such property '{name}'")
    if known[name].signature != variant.signature:
        raise BluezError("InvalidArguments")
    if (interface, name) == (full_name("Adapter1"), "Powered"):
        power(fake, variant.value)
    elif (interface, name) == (full_name("Device1"), "Trusted"):
        exported.owner.trusted = variant.value
        fake.change(exported.path, interface, Trusted=variant)
    elif name in ("Alias", "Pairable", "Discoverable", "DiscoverableTimeout", "PairableTimeout", "Blocked", "WakeAllowed"):
        fake.change(exported.path, interface, **{name: variant})
    else:
        raise BluezError("org.freedesktop.DBus.Error.PropertyReadOnly", f"Property '{name}' is not writable")


def introspect(fake, message, exported):
    return Answer("s", ["<node/>"])


# -- adapter


def power(fake, on: bool):
    """Off ends links, discovery and a stall that only power cures."""
    if fake.powered == on:
        return
    fake.powered = on
    if not on:
        fake.power_offs += 1
        for p in fake.peripherals:
            p.stuck = False
            p.cancel_connect()
            p.drop_now()
        fake.discovering_clients.clear()
        if fake.stall_cure == "power":
            fake.stall_cure = None
    fake.change(fake.adapter_path, "Adapter1", Powered=Variant("b", on))
    discovery_changed(fake)


def discovery_changed(fake):
    on = bool(fake.discovering_clients)
    if fake.objects.get(fake.adapter_path) is None:
        return
    if fake.objects[fake.adapter_path].properties[full_name("Adapter1")]["Discovering"].value == on:
        return
    fake.change(fake.adapter_path, "Adapter1", Discovering=Variant("b", on))
    if not on:
        if fake.stall_cure == "restart":
            fake.stall_cure = None
        for p in fake.peripherals:
            if p.exported:
                fake.change(p.path, "Device1", withdrawn=("RSSI", "TxPower"))


def set_filter(fake, message, exported):
    allowed = {"UUIDs": "as", "RSSI": "n", "Pathloss": "q", "Transport": "s", "DuplicateData": "b", "Discoverable": "b", "Pattern": "s"}
    for name, variant in message.body[0].items():
        if allowed.get(name) != variant.signature:
            raise BluezError("InvalidArguments")
    if "RSSI" in message.body[0] and "Pathloss" in message.body[0]:
        raise BluezError("InvalidArguments")
    fake.filters[message.sender] = {k: v.value for k, v in message.body[0].items()}


async def start_discovery(fake, message, exported):
    if not fake.powered:
        raise BluezError("NotReady")
    if message.sender in fake.discovering_clients:
        raise BluezError("InProgress", "Operation already in progress")
    fake.discovering_clients.add(message.sender)
    discovery_changed(fake)


async def stop_discovery(fake, message, exported):
    if not fake.powered:
        raise BluezError("NotReady")
    if message.sender not in fake.discovering_clients:
        raise BluezError("Failed", "No discovery started")
    fake.discovering_clients.discard(message.sender)
    discovery_changed(fake)


async def remove_device(fake, message, exported):
    path = message.body[0]
    p = next((p for p in fake.peripherals if p.exported and p.path == path), None)
    if p is None:
        raise BluezError("DoesNotExist")
    if not fake.powered:
        raise BluezError("NotReady")
    p.removals += 1
    p.cancel_connect()
    if p.connected:
        await p.disconnect()
    p.forget_now()


# -- agents


def register_agent(fake, message, exported):
    from .daemon import Agent

    path, capability = message.body
    if message.sender in fake.agents:
        raise BluezError("AlreadyExists")
    if capability not in ("", "DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"):
        raise BluezError("InvalidArguments")
    fake.agents[message.sender] = Agent(fake, message.sender, path, capability or "KeyboardDisplay")


def unregister_agent(fake, message, exported):
    agent = fake.agents.get(message.sender)
    if agent is None or agent.path != message.body[0]:
        raise BluezError("DoesNotExist")
    del fake.agents[message.sender]


def default_agent(fake, message, exported):
    if message.sender not in fake.agents:
        raise BluezError("DoesNotExist")
    fake.default_agent = message.sender


# -- device


async def connect(fake, message, exported):
    return await exported.owner.connect()


async def disconnect(fake, message, exported):
    return await exported.owner.disconnect()


async def pair(fake, message, exported):
    return await exported.owner.pair(message.sender)


def cancel_pairing(fake, message, exported):
    task = exported.owner.pairing_task
    if task is None or task.done():
        raise BluezError("DoesNotExist")
    task.cancel()


# -- characteristics


def reachable(exported):
    """The peripheral and the characteristic, connected and resolved."""
    p, characteristic = exported.owner
    if not p.connected:
        raise BluezError("Failed", "Not connected")
    characteristic.check_access(p)
    return p, characteristic


async def read_value(fake, message, exported):
    p, characteristic = reachable(exported)
    if "read" not in characteristic.flags:
        raise BluezError("NotPermitted", "Read not permitted")
    value = characteristic.value() if callable(characteristic.value) else characteristic.value
    fake.change(characteristic.path, "GattCharacteristic1", Value=Variant("ay", value))
    return Answer("ay", [value])


async def write_value(fake, message, exported):
    p, characteristic = reachable(exported)
    value, options = bytes(message.body[0]), message.body[1]
    kind = options["type"].value if "type" in options else None
    wanted = {"request": "write", "command": "write-without-response", "reliable": "reliable-write"}
    if kind is not None and kind not in wanted:
        raise BluezError("InvalidArguments")
    possible = set(characteristic.flags) & {"write", "write-without-response"}
    if not possible or (kind == "request" and "write" not in possible):
        raise BluezError("NotPermitted", "Write not permitted")
    characteristic.written.append((value, kind))
    if characteristic.on_write:
        # The device hears it before bluetoothd has its answer out, as over the air.
        asyncio.get_running_loop().call_soon(characteristic.on_write, p, value)


async def acquire_notify(fake, message, exported):
    p, characteristic = reachable(exported)
    if characteristic.pipe is not None:
        raise BluezError("NotPermitted", "Notify acquired")
    if characteristic.clients:
        raise BluezError("InProgress")
    if "notify" not in characteristic.flags:
        raise BluezError("NotSupported")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    characteristic.pipe, characteristic.pipe_owner = ours, message.sender
    fake.fds_given += 1
    loop = asyncio.get_running_loop()

    def closed_by_client():
        # Nothing is ever sent to us: readable means that the other end is gone.
        if characteristic.pipe is ours and characteristic.close_pipe():
            fake.change(characteristic.path, "GattCharacteristic1", NotifyAcquired=Variant("b", False))
    loop.add_reader(ours, closed_by_client)
    fake.change(characteristic.path, "GattCharacteristic1", NotifyAcquired=Variant("b", True))
    subscribed(p, characteristic)
    return Answer("hq", [0, p.mtu], [theirs.detach()])


def subscribed(p, characteristic):
    characteristic.subscribed_in = p.generation
    if characteristic.on_subscribe:
        asyncio.get_running_loop().call_later(0.002, characteristic.on_subscribe, p)


async def start_notify(fake, message, exported):
    p, characteristic = exported.owner
    if p.disconnecting:
        raise BluezError("NotConnected")
    if characteristic.pipe is not None:
        raise BluezError("NotPermitted", "Notify acquired")
    if not {"notify", "indicate"} & set(characteristic.flags):
        raise BluezError("NotSupported")
    if p.connected:
        characteristic.check_access(p)
    characteristic.clients.add(message.sender)
    fake.change(characteristic.path, "GattCharacteristic1", Notifying=Variant("b", True))
    subscribed(p, characteristic)


def stop_notify(fake, message, exported):
    p, characteristic = exported.owner
    if characteristic.close_pipe():
        fake.change(characteristic.path, "GattCharacteristic1", NotifyAcquired=Variant("b", False))
    elif message.sender in characteristic.clients:
        characteristic.clients.discard(message.sender)
        fake.change(characteristic.path, "GattCharacteristic1", Notifying=Variant("b", bool(characteristic.clients)))
    else:
        raise BluezError("Failed", "No notify session started")


def not_supported(fake, message, exported):
    raise BluezError("NotSupported")


TABLE = {
    "ObjectManager.GetManagedObjects": managed_objects,
    "Properties.Get": get_property, "Properties.GetAll": get_all, "Properties.Set": set_property,
    "Introspectable.Introspect": introspect,
    "Adapter1.SetDiscoveryFilter": set_filter, "Adapter1.StartDiscovery": start_discovery, "Adapter1.StopDiscovery": stop_discovery,
    "Adapter1.RemoveDevice": remove_device,
    "AgentManager1.RegisterAgent": register_agent, "AgentManager1.UnregisterAgent": unregister_agent,
    "AgentManager1.RequestDefaultAgent": default_agent,
    "Device1.Connect": connect, "Device1.Disconnect": disconnect, "Device1.Pair": pair, "Device1.CancelPairing": cancel_pairing,
    "GattCharacteristic1.ReadValue": read_value, "GattCharacteristic1.WriteValue": write_value,
    "GattCharacteristic1.AcquireNotify": acquire_notify, "GattCharacteristic1.AcquireWrite": not_supported,
    "GattCharacteristic1.StartNotify": start_notify, "GattCharacteristic1.StopNotify": stop_notify,
}
