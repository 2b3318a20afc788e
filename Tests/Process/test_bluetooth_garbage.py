"""What no device and no daemon should send: frames of every length, wrong types, nonsense on the bus, crowds, floods.

Refused means counted, and harmless: afterwards the same hub takes a true measurement. Nothing of a stranger's is kept.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
import json
import random

from dbus_next import BusType, Message, Variant
from dbus_next.aio import MessageBus
import pytest

from bluetooth_support import (  # noqa: F401
    address, bluetooth_hub, bluez, bus, button, deliver, glucose_meter, glucose_record, oximeter, probe, resident_kilobytes,
    temperature, wait_for, wait_subscribed, wait_values,
)
from fake_bluez import Answer, Characteristic, Peripheral, Service, name_of_process, uuid
import sigframes

AT = datetime(2026, 1, 31, 12, 34, 56)
LONGEST = 600

# Characteristic → service, profile, the code to look for, frames with every optional field, a good one with its value.
SIG = {
    "2A5F": ("1822", "pulse-oximeter", "spo2", bytes([0x1F]) + b"".join(sigframes.sfloat(n) for n in (97, 72, 96, 73, 95, 74)) + bytes(5)
             + sigframes.sfloat(3), sigframes.plx_continuous(91, 61), "91"),
    "2A5E": ("1822", "pulse-oximeter", "spo2", bytes([0x0F]) + sigframes.sfloat(93) + sigframes.sfloat(88) + sigframes.date_time(AT)
             + bytes(5) + sigframes.sfloat(3), sigframes.plx_spot_check(92, 62), "92"),
    "2A35": ("1810", "blood-pressure", "systolic", bytes([0x1E]) + b"".join(sigframes.sfloat(n) for n in (128, 76, 93))
             + sigframes.date_time(AT) + sigframes.sfloat(70) + bytes(3), sigframes.blood_pressure(129, 77, 94, 71), "129"),
    "2A1C": ("1809", "thermometer", "temperature", sigframes.temperature("37.2", AT, place=1), sigframes.temperature("37.9"), "37.9"),
    "2A9D": ("181D", "weight-scale", "weight", bytes([0x0E]) + (15000).to_bytes(2, "little") + sigframes.date_time(AT) + bytes([1])
             + bytes([250, 0]) + bytes([0x40, 0x06]), bytes([0]) + (16000).to_bytes(2, "little"), "80"),
    "2A37": ("180D", "heart-rate", "heartRate", bytes([0x1F, 72, 0, 10, 0, 0, 4]), bytes([0, 66]), "66"),
    "2A18": ("1808", "glucose", "glucose", glucose_record(0), glucose_record(77), "4.77"),
    # A live observation with a time, a person and one supplement; it states its own length.
    "2B8B": ("1840", "generic-health-sensor", "spo2", bytes.fromhex("03011B006300B84B02002270B310310000060000013C4C0200200262000000"),
             bytes.fromhex("03011B006300B84B02002270B310310000060000013C4C0200200261000000"), "97"),
}


def sends(number: int, name: str) -> Peripheral:
    characteristics = [Characteristic(name, "notify", encrypted=True)]
    if name == "2B8B":
        characteristics.append(Characteristic("2BF4", "write indicate", encrypted=True))
    return Peripheral(address(number), Service(SIG[name][0], *characteristics), name=f"Sends {name}", bonded=True)


def send_all(p: Peripheral, name: str, frames: list[bytes]):
    """Every frame gets into the pipe: a full one is waited for."""
    async def work():
        for frame in frames:
            while not p.notify_now(name, frame):
                assert p.connected, "the hub has hung up"
                await asyncio.sleep(0.002)
    p.fake.run(work(), 120)


def counted(hub, device: str) -> int:
    return sum(hub.sensor(device)["refused"].values())


def garbage_of(name: str) -> list[bytes]:
    """Each beginning of a full frame, and noise of each length with the flags of all fields."""
    full, chance = SIG[name][3], random.Random(name)
    cut = [full[:n] for n in range(1, len(full))]
    noise = [bytes([full[0]]) + chance.randbytes(n - 1) for n in range(1, LONGEST + 1)]
    return cut + noise


def is_cut(name: str, frame: bytes) -> bool:
    decoder = sigframes.DECODERS.get(name.lower())
    if decoder is None:
        return len(frame) < len(SIG[name][3])
    try:
        decoder(frame)
    except sigframes.Truncated:
        return True
    return False


@pytest.mark.parametrize("name", list(SIG))
def test_every_length_of_every_characteristic(bluez, bluetooth_hub, name):  # noqa: F811
    """0…600 bytes: whatever is too short is refused and counted, and the next measurement is taken."""
    hub = bluetooth_hub()
    _, profile, code, _, good, value = SIG[name]
    frames = garbage_of(name)
    if name == "2A18":
        p = glucose_meter(1, deletes=False)
        p.records.records = [*frames, good]
    else:
        p = sends(1, name)
    bluez.add(p)
    device = hub.register(f"sig/{profile}", p, hub.person())
    p.advertise()
    wait_subscribed(p, name)
    if name != "2A18":
        # An empty one ends nothing.
        send_all(p, name, [b"", *frames])
        wait_subscribed(p, name)
        send_all(p, name, [good])
    wait_for(lambda: value in hub.values(code), 60, f"the good {name} is stored")
    cut = sum(is_cut(name, frame) for frame in frames)
    hub_counts = counted(hub, device)
    assert cut >= len(SIG[name][3]) - 1 and hub_counts >= cut, hub.sensor(device)["refused"]
    assert hub.status()["live"] and p.connections == 1
    # Noise that is long enough is a value like any other; what is too short for one has left nothing.
    assert len(hub.values(code)) <= len(frames) - cut + 1


@pytest.mark.parametrize("bit", [10, 11, 13, 15], ids=["demo", "test", "unavailable", "invalid"])
def test_demo_test_and_invalid_are_no_measurements(bluez, bluetooth_hub, bit):  # noqa: F811
    hub = bluetooth_hub()
    service = Service("1822", Characteristic("2A5F", "notify", encrypted=True), Characteristic("2A5E", "notify", encrypted=True))
    p = bluez.add(Peripheral(address(1), service, name="Shop", bonded=True))
    device = hub.register("sig/pulse-oximeter", p, hub.person())
    p.advertise()
    wait_subscribed(p, "2A5F")
    wait_subscribed(p, "2A5E")
    send_all(p, "2A5F", [sigframes.plx_continuous(88, 55, status=1 << bit)] * 3)
    send_all(p, "2A5E", [sigframes.plx_spot_check(87, 54, AT, status=1 << bit)] * 3)
    # The device's own doubts: sensor not connected, malfunctioning, disconnected.
    for b in (11, 14, 15):
        send_all(p, "2A5F", [bytes([8]) + sigframes.sfloat(86) + sigframes.sfloat(53) + (1 << b).to_bytes(3, "little")])
    send_all(p, "2A5F", [sigframes.plx_continuous(97, 72)])
    # The pulse is the frame's last value: a frame may be stored in two commits.
    wait_for(lambda: "97" in hub.values("spo2") and "72" in hub.values("pulse"), 20, "the true values")
    measured = hub.sql(
        "SELECT o.mantissa m FROM observation o JOIN vocabulary v ON v.domain = 'code' AND v.value = o.code"
        " WHERE v.name IN ('spo2', 'pulse')"
        " AND o.quality & (SELECT value FROM vocabulary WHERE domain = 'quality' AND name = 'invalid') = 0 ORDER BY o.sequence")
    assert [row["m"] for row in measured] == [97, 72], [tuple(row) for row in measured]
    if bit in (10, 11):
        assert sum(hub.sensor(device)["refused"].values()) >= 6, "left out, and counted"


def nonsense(chance: random.Random, depth: int = 0):
    """(signature, value) of something that D-Bus can carry."""
    kind = chance.choice("ysbnqiuxtdgao" if depth < 2 else "ysbnqiuxtd")
    numbers = {"y": 255, "n": 32767, "q": 65535, "i": 2**31 - 1, "u": 2**32 - 1, "x": 2**63 - 1, "t": 2**64 - 1}
    if kind in numbers:
        return kind, chance.choice([0, 1, numbers[kind]])
    if kind == "s":
        return "s", chance.choice(["", "x" * 5000, "\u0001\u202e%s%n", "C0:FF:EE:00:00:01", uuid("1822")])
    if kind == "b":
        return "b", chance.random() < 0.5
    if kind == "d":
        return "d", chance.choice([0.0, float("nan"), float("inf"), -1e308])
    if kind == "g":
        return "g", "a{sv}"
    if kind == "o":
        return "o", "/org/bluez/hci0/dev_FF_FF_FF_FF_FF_FF"
    inner, value = nonsense(chance, 2)
    count = chance.randrange(0, 300)
    return f"a{inner}", bytes([value]) * count if inner == "y" else [value] * count


def variant(chance: random.Random) -> Variant:
    return Variant(*nonsense(chance))


PROPERTIES = [
    "Address", "AddressType", "Name", "Alias", "Paired", "Bonded", "Trusted", "Connected", "UUIDs", "RSSI", "ManufacturerData",
    "ServiceData", "ServicesResolved", "Powered", "Discovering", "Value", "Flags", "UUID", "Service", "Percentage", "Notifying", "Made up",
]
INTERFACES = [
    "org.bluez.Device1", "org.bluez.Adapter1", "org.bluez.GattCharacteristic1", "org.bluez.GattService1", "org.bluez.Battery1",
    "org.bluez.Unheard1", "no.such.Interface",
]


def test_wrong_types_and_unknown_interfaces_change_nothing(bluez, bluetooth_hub):  # noqa: F811
    """Two thousand signals of bluetoothd whose properties have other types than they should."""
    hub = bluetooth_hub(adapter=None)
    p = bluez.add(probe("held", 1, battery=60))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    chance = random.Random(3)
    characteristic = p.characteristic("2A1C").path

    def say():
        paths = [p.path, bluez.adapter_path, characteristic, f"{p.path}/service0010"]
        paths += ["/", "/org/bluez", "/org/bluez/hci0/dev_", "/elsewhere"]
        for _ in range(1500):
            interface, path = chance.choice(INTERFACES), chance.choice(paths)
            values = {}
            for name in chance.sample(PROPERTIES, chance.randrange(5)):
                # A true Connected=false of the right type would be news, not nonsense.
                values[name] = next(v for v in iter(lambda: variant(chance), None) if v.signature not in ("b", "ay", "s", "n", "y"))
            if chance.random() < 0.7:
                bluez.signal(path, "Properties", "PropertiesChanged", "sa{sv}as", [interface, values, ["Made up", "RSSI"]])
            else:
                bluez.signal("/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [path, {interface: values}])
        huge = {f"Property{n}": Variant("s", "x" * 100) for n in range(5000)}
        bluez.signal(p.path, "Properties", "PropertiesChanged", "sa{sv}as", ["org.bluez.Device1", huge, []])
    bluez.on_loop(say)
    p.set_battery(44)
    hub.wait_sensor(device, connected=True, bonded=True, battery=44)
    deliver(hub, p, "36.700")
    assert p.connections == 1 and hub.status()["live"]


def test_random_bodies_of_signals(bluez, bluetooth_hub):  # noqa: F811
    """Signals with any signature: nothing is taken for what it is not, and the session goes on."""
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1, battery=60))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    chance = random.Random(4)

    def say():
        for _ in range(1000):
            parts = [nonsense(chance) for _ in range(chance.randrange(4))]
            signature, body = "".join(s for s, _ in parts), [v for _, v in parts]
            interface, member = chance.choice([
                ("Properties", "PropertiesChanged"), ("ObjectManager", "InterfacesAdded"), ("ObjectManager", "InterfacesRemoved"),
                ("org.bluez.Device1", "Disconnected"), ("org.bluez.Unheard1", "Whatever"),
            ])
            bluez.signal(chance.choice([p.path, "/", bluez.adapter_path]), interface, member, signature, body)
    bluez.on_loop(say)
    p.set_battery(44)
    hub.wait_sensor(device, battery=44)
    deliver(hub, p, "36.700")
    assert p.connections == 1


@pytest.mark.parametrize(["member", "answer"], [
    ("GattCharacteristic1.AcquireNotify", Answer()),
    ("GattCharacteristic1.AcquireNotify", Answer("s", ["no socket"])),
    ("Adapter1.StartDiscovery", Answer("a{sv}", [{}])),
    ("ObjectManager.GetManagedObjects", Answer("as", [["nothing"]])),
    ("AgentManager1.RegisterAgent", Answer("d", [0.5])),
])
def test_replies_of_the_wrong_kind(bluez, bluetooth_hub, member, answer):  # noqa: F811
    hub = bluetooth_hub(scan={"on": "1s", "off": "0s"})
    p = bluez.add(probe("held", 1))
    hub.register(p.profile, p)
    fault = bluez.fault(member, answer)
    bluez.vanish()
    bluez.appear()
    p.advertise()
    deliver(hub, p, "36.800", 45)
    assert fault.times == 0, "the wrong answer was asked for"
    p.drop()
    deliver(hub, p, "36.900", 45)


def test_nobody_else_speaks_for_bluetoothd(bluez, bluetooth_hub):  # noqa: F811
    """Any program on the bus may address a signal to the hub. Only the owner of org.bluez is believed."""
    hub = bluetooth_hub()
    p = bluez.add(probe("start", 1))
    device = hub.register("test/start", p)
    p.advertise()
    deliver(hub, p, "36.600")
    path, members = p.characteristic("2A1C").path, ["org.bluez.GattCharacteristic1", "org.bluez.Device1"]

    async def lie():
        liar = await MessageBus(bus_address=bluez.private_bus.address, bus_type=BusType.SYSTEM).connect()
        for name in await name_of_process(bluez.bus, hub.pid):
            for where, interface, values in [
                (path, members[0], {"Value": Variant("ay", temperature("41.000"))}),
                (p.path, members[1], {"Connected": Variant("b", False), "ServicesResolved": Variant("b", False)}),
            ]:
                lie = Message.new_signal(where, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", [interface, values, []])
                lie.destination = name
                await liar.send(lie)
            gone = Message.new_signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", [p.path, [members[1]]])
            gone.destination = name
            await liar.send(gone)
        await liar.call(Message("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId"))
        liar.disconnect()
    bluez.run(lie())
    deliver(hub, p, "36.700")
    hub.wait_sensor(device, connected=True, reconnects=0)
    assert hub.values("temperature") == ["36.6", "36.7"] and p.connections == 1


STRANGERS = 6000


def stranger(number: int) -> str:
    return f"7E:57:ED:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"


def test_strangers_are_a_count_and_nothing_else(bluez, bluetooth_hub):  # noqa: F811
    """A block of flats beside a bus stop: thousands pass. Memory is flat; no address and no name is anywhere."""
    hub = bluetooth_hub(adapter=None)
    p = bluez.add(probe("held", 1, battery=60))
    device = hub.register("test/held", p, hub.person())
    p.advertise()
    deliver(hub, p, "36.600")

    def pass_by(numbers: range, stay: bool):
        for n in numbers:
            path = f"/org/bluez/hci0/dev_{stranger(n).replace(':', '_')}"
            properties = {
                "Address": Variant("s", stranger(n)), "AddressType": Variant("s", "random"), "Name": Variant("s", f"Neighbour-{n}"),
                "RSSI": Variant("n", -70), "Paired": Variant("b", False), "Connected": Variant("b", False),
                "UUIDs": Variant("as", [uuid("1822")]),
                "ManufacturerData": Variant("a{qv}", {76: Variant("ay", n.to_bytes(8, "big"))}), "Adapter": Variant("o", "/org/bluez/hci0"),
            }
            bluez.signal("/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [path, {"org.bluez.Device1": properties}])
            bluez.signal(path, "Properties", "PropertiesChanged", "sa{sv}as", ["org.bluez.Device1", {"RSSI": Variant("n", -60)}, []])
            if not stay:
                bluez.signal("/", "ObjectManager", "InterfacesRemoved", "oas", [path, ["org.bluez.Device1"]])

    bluez.on_loop(lambda: pass_by(range(1000), True))
    wait_for(lambda: hub.bluetooth()["strangers"] >= 1000, 60, "the first thousand are counted")
    memory = resident_kilobytes(hub.pid)
    for start in range(1000, STRANGERS, 500):
        bluez.on_loop(lambda start=start: pass_by(range(start, start + 500), stay=start % 1000 == 0))
    deliver(hub, p, "36.700")
    p.set_battery(44)
    hub.wait_sensor(device, 60, battery=44)
    growth = resident_kilobytes(hub.pid) - memory
    assert growth < 3000, f"{growth} kB for {STRANGERS - 1000} strangers"
    status = hub.bluetooth()
    assert 3000 <= status["strangers"] <= 4096
    hub.command("quarantine", "list")
    everything = [json.dumps(status), json.dumps(hub.get("/v1/bluetooth/trace")), json.dumps(hub.get("/v1/quarantine")), hub.log_text()]
    everything += list(contents(hub.state))
    for text in everything:
        for trace in ("7E:57:ED", "7E_57_ED", "7e:57:ed", "7e57ed", "Neighbour-"):
            assert trace not in text, trace
    assert any("journal" in file.name for file in hub.state.rglob("*"))


def contents(folder):
    """Of every file that is there; a copy that is being made may get another name meanwhile."""
    for file in folder.rglob("*"):
        try:
            if file.is_file():
                yield file.read_bytes().decode("latin-1")
        except FileNotFoundError:
            pass


def test_a_flood_of_one_does_not_stop_another(bluez, bluetooth_hub):  # noqa: F811
    """As many notifications of one device as this machine can make, on ours some ten thousand a second; another's call for help is heard
    while it goes on."""
    hub = bluetooth_hub()
    person = hub.person()
    loud, call, calm = bluez.add(oximeter(1)), bluez.add(button(30)), bluez.add(probe("held", 5))
    hub.register("sig/pulse-oximeter", loud, person)
    hub.register("generic/ble-sos-button", call, person)
    hub.register("test/held", calm, person)
    for p in (loud, call, calm):
        p.advertise()
    for p, name in ((loud, "2A5F"), (call, "FFE1"), (calm, "2A1C")):
        wait_subscribed(p, name)
    frame, going, tried = saturated(), [True], [0]

    async def flood():
        while going[0]:
            for _ in range(300):
                loud.notify_now("2A5F", frame)
            tried[0] += 300
            await asyncio.sleep(0.005)
    task = bluez.on_loop(lambda: loud.spawn(flood()))
    wait_for(lambda: tried[0] >= 10_000, 60, "the flood is up")
    # It goes on until it is told to end: whatever is heard before then did not wait for it.
    assert call.notify("FFE1", b"\x01")
    hub.alert("sos")
    for n in range(5):
        assert calm.notify("2A1C", temperature(f"36.{n}00"))
    assert wait_values(hub, "temperature", 5) == [f"36.{n}" if n else "36" for n in range(5)]
    assert not task.done()
    going[0] = False
    wait_for(task.done, 20, "the flood ends")
    assert loud.connected and call.connected and calm.connected and hub.status()["live"]


def saturated() -> bytes:
    return sigframes.plx_continuous(97, 72)
