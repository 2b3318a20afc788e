"""What the Bluetooth tests share: the private bus, the fake daemon, devices of the usual kinds, a hub that talks to them.

A test file takes the fixtures by importing them by name. The hub is the real binary; it finds the bus through
DBUS_SYSTEM_BUS_ADDRESS, as it would the system's. Timeouts are shortened through the configuration, never by waiting.
"""

from __future__ import annotations

from decimal import Decimal
import http.client
import json
import os
from pathlib import Path

import pytest

from fake_bluez import Characteristic, FakeBluez, Peripheral, PrivateBus, RecordStore, Service
import sigframes
from support import ROOT, Hub, normal, stop_all, wait_for

QUICK = {
    "adapter": "hci0", "scan": {"on": "5s", "off": "0s"}, "connectTimeout": "2s", "scanWatchdog": "60s", "retryBackoffMax": "1s",
}


@pytest.fixture
def bus(folder):
    bus = PrivateBus(folder / "dbus").start()
    yield bus
    bus.stop()


@pytest.fixture
def bluez(bus):
    fake = FakeBluez(bus).start()
    yield fake
    fake.stop()
    # An exception inside the fake would have looked like a refusal of bluetoothd.
    assert fake.errors == []


class BluetoothHub(Hub):
    """A hub with a Bluetooth link and no broker."""

    def bluetooth(self) -> dict:
        """What `bluetooth status --json` prints."""
        return self.get("/v1/bluetooth")

    def sensor(self, device: str) -> dict:
        return next(d for d in self.bluetooth()["devices"] if d["id"] == device)

    def log_tail(self, name: str = "all", lines: int = 30) -> str:
        """With the link's own trace, while the hub still answers: a failed test shows both."""
        text = super().log_tail(name, lines)
        try:
            trace = self.get("/v1/bluetooth/trace")["lines"][-lines:]
        except (OSError, RuntimeError, http.client.HTTPException):
            return text
        return text + "\n-- trace\n" + "\n".join(f"{line['at']} {line['who']} {line['what']}" for line in trace)

    def register(self, profile: str, peripheral: Peripheral, patient: str | None = None) -> str:
        """Enters a device by its address, without pairing."""
        return self.device(profile, peripheral.address, patient, label=peripheral.name)

    def wait_sensor(self, device: str, seconds: float = 20, **fields) -> dict:
        """The device's line of `bluetooth status`, as soon as it shows these values."""
        seen = {}

        def find():
            seen.update(self.sensor(device))
            return all(seen.get(k) == v for k, v in fields.items()) and dict(seen)
        try:
            return wait_for(find, seconds, f"{device} shows {fields}", 0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it shows {seen}") from None

    def wait_adapter(self, seconds: float = 20, **fields):
        """The link's line of `bluetooth status`, as soon as it shows these values."""
        seen = {}

        def find():
            seen.update(self.bluetooth())
            return all(seen.get(k) == v for k, v in fields.items())
        try:
            wait_for(find, seconds, f"the link shows {fields}", 0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it shows {seen}") from None

    def wait_problem(self, device: str, *problems: str, seconds: float = 30) -> str:
        """The first of these problems that the device shows."""
        seen = {}

        def find():
            seen.update(self.sensor(device))
            return seen.get("problem") in problems and seen["problem"]
        try:
            return wait_for(find, seconds, f"{device} has the problem {problems}", 0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it shows {seen}") from None

    def wait_match_rules(self, bluez):
        """The bus has the rules that the link counts, and no others: what was asked for and what was given back has arrived."""
        wait_for(lambda: self.bluetooth()["matchRules"] == len(bluez.match_rules(self.pid)), 10, "the link's match rules are the bus's", 0.1)

    @property
    def pid(self) -> int:
        return self.processes["all"].pid


@pytest.fixture
def bluetooth_hub(folder, request, bus):
    """A factory: bluetooth_hub(scanWatchdog="2s", …) changes keys of links.bluetooth. All are stopped at the end.

    `on`: another bus than the test's.
    """
    hubs: list[BluetoothHub] = []
    request.node.hubs = hubs

    def make(start: bool = True, destinations=(), name: str = "hub", on: PrivateBus | None = None, **keys) -> BluetoothHub:
        hub = BluetoothHub(folder / name, 1, list(destinations))
        # A key that is None is left out.
        hub.configuration["links"] = {"bluetooth": {k: v for k, v in (QUICK | keys).items() if v is not None}}
        hub.configuration["profiles"]["folders"].append(str(write_profiles(folder / "test")))
        hub.write_configuration()
        hub.environment["DBUS_SYSTEM_BUS_ADDRESS"] = (on or bus).address
        hubs.append(hub)
        return hub.start() if start else hub

    yield make
    stop_all(hubs)


# -- profiles: a thermometer's bytes under every kind of session. Each has a service of its own, so that pairing knows which.

SESSIONS = {
    "held": ("FFA1", {"stay": "held"}),
    "brief": ("FFA2", {"stay": "session", "quiet": "1 s"}),
    "open": ("FFA3", {"security": "none", "stay": "held"}),
    "renew": ("FFA4", {"staleBond": "renew", "stay": "held"}),
    "start": ("FFA5", {"notifications": "start", "stay": "held"}),
    "passkey": ("FFA6", {"security": "passkey", "stay": "held"}),
    "leaving": ("FFA7", {"leavesAfterBonding": True, "stay": "held"}),
    "urgent": ("FFA8", {"priority": "alarm", "stay": "held"}),
}


def write_profiles(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, (service, bluetooth) in SESSIONS.items():
        sections = {
            "profile": f"test/{name}", "version": "1.0.0", "vendor": "Test", "model": f"Thermometer, {name}",
            "summary": "A thermometer of the process tests", "licence": "EUPL-1.2", "tier": "bronze", "match": {"services": [service]},
            "transport": "bleGatt", "liveness": {"expectedInterval": "never", "safetyAlarm": name == "urgent"}, "bluetooth": bluetooth,
            "observations": {"temperature": {"code": "temperature", "hard": [-50, 100]}},
            "decode": {"2A1C": [{"read": "u8", "as": "flags"}, {"read": "float32", "observe": "temperature"}]},
            "selfTest": [
                {"name": "36.6 °C", "hex": "00 6E0100FF", "expect": [{"temperature": 36.6}]},
                {"name": "not a number", "hex": "00 FFFF7F00", "expect": [], "dropped": ["sentinel"]},
                {"name": "truncated", "hex": "00 6E", "rejected": "endOfFrame"},
            ],
        }
        # JSON is YAML.
        lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in sections.items()]
        (folder / f"{name}.yaml").write_text("# Test profile.\n" + "\n".join(lines) + "\n")
    (folder / "meter.yaml").write_text(deleting_meter())
    return folder


METER = "FFA9"


def deleting_meter() -> str:
    """The SIG's glucose profile, but for a meter whose records are to be deleted once they are here."""
    text = (ROOT / "DeviceProfiles/sig/glucose.yaml").read_text()
    for old, new in {
        "profile: sig/glucose": "profile: test/meter", "services: [1808]": f"services: [{METER}]",
        "from: 2A18, context: 2A34}": "from: 2A18, context: 2A34, delete: upToSequence, sequenceAt: 1}",
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


# -- devices


def address(number: int) -> str:
    """Public addresses that are easy to find again in a log."""
    return f"C0:FF:EE:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"


def oximeter(number: int = 1, bonded: bool = True, **options) -> Peripheral:
    """2A5F only, continuous."""
    service = Service("1822", Characteristic("2A5F", "notify", encrypted=True), Characteristic("2A60", "read", b"\x00\x00"))
    return Peripheral(address(number), service, name=f"Oximeter {number}", bonded=bonded, **options)


def thermometer(number: int = 2, bonded: bool = True, **options) -> Peripheral:
    """2A1C indicates only, as the standard has it: AcquireNotify is refused."""
    service = Service("1809", Characteristic("2A1C", "indicate", encrypted=True))
    return Peripheral(address(number), service, name=f"Thermometer {number}", bonded=bonded, **options)


def probe(kind: str, number: int, bonded: bool | None = None, flags: str = "notify", **options) -> Peripheral:
    """A thermometer for the profile test/KIND."""
    service, session = SESSIONS[kind]
    secure = session.get("security", "bond") != "none"
    characteristic = Characteristic("2A1C", flags, encrypted=secure)
    peripheral = Peripheral(
        address(number), Service(service, characteristic), name=f"Probe {number}", bonded=secure if bonded is None else bonded, **options)
    peripheral.profile = f"test/{kind}"
    return peripheral


def button(number: int, **options) -> Peripheral:
    """A call button that stays connected: generic/ble-sos-button."""
    services = Service("FFE0", Characteristic("FFE1", "notify")), Service("1802", Characteristic("2A06", "write-without-response"))
    return Peripheral(address(number), *services, name=f"Button {number}", **options)


def glucose_meter(number: int = 3, bonded: bool = True, count: int = 0, deletes: bool = True, **options) -> Peripheral:
    """Stored records with sequence numbers 0, 1, …; by its profile the hub deletes them, or leaves them to their owner."""
    store = RecordStore("2A18", sequence_at=1)
    store.records = [glucose_record(n) for n in range(count)]
    service = Service(
        METER if deletes else "1808", Characteristic("2A18", "notify", encrypted=True),
        Characteristic("2A51", "read", b"\x00\x00"),
        Characteristic("2A52", "write indicate", on_write=store.written, encrypted=True),
    )
    meter = Peripheral(address(number), service, name=f"Glucose {number}", bonded=bonded, records=store, **options)
    meter.profile = "test/meter" if deletes else "sig/glucose"
    return meter


def glucose_record(sequence: int) -> bytes:
    """mol/L; a value of its own per record: 4.00 mmol/L, 4.01, …"""
    from datetime import datetime, timedelta

    moment = datetime(2026, 1, 1, 8) + timedelta(minutes=sequence)
    value = Decimal(400 + sequence % 1000).scaleb(-5)
    return bytes([0x06]) + sequence.to_bytes(2, "little") + sigframes.date_time(moment) + sigframes.sfloat(value) + b"\x11"


def glucose_values(count: int) -> list[str]:
    return [f"{Decimal(400 + n % 1000).scaleb(-2).normalize():f}" for n in range(count)]


def on_subscribe(peripheral: Peripheral, name: str, action):
    """`action(peripheral)` runs on the fake's loop whenever the hub has subscribed."""
    peripheral.characteristic(name).on_subscribe = action


def temperature(value) -> bytes:
    return bytes([0]) + sigframes.float32(value, -3)


def saturation(spo2: int = 97, pulse: int = 72) -> bytes:
    return sigframes.plx_continuous(spo2, pulse)


# -- questions


def wait_subscribed(peripheral: Peripheral, name: str, seconds: float = 20):
    wait_for(lambda: peripheral.is_subscribed(name), seconds, f"the hub has subscribed to {name} of {peripheral.name}")


def deliver(hub: Hub, peripheral: Peripheral, value: str, seconds: float = 30):
    """One temperature all the way into the journal."""
    wait_subscribed(peripheral, "2A1C", seconds)
    assert peripheral.notify("2A1C", temperature(value))
    wanted = normal([value])[0]
    wait_for(lambda: wanted in hub.values("temperature"), 20, f"{value} is stored")
    assert hub.values("temperature").count(wanted) == 1


def wait_values(hub: Hub, code: str, count: int, seconds: float = 20) -> list[str]:
    try:
        wait_for(lambda: len(hub.values(code)) >= count, seconds, f"{count} values of {code}", 0.05)
    except TimeoutError as error:
        raise AssertionError(f"{error}; there are {len(hub.values(code))}") from None
    return hub.values(code)


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kilobytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])
