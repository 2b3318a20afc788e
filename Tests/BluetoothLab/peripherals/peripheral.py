"""What every simulated device has: a radio of its own, an address, services, bonds, and somebody who carries it about.

A kind of device is a subclass that says what it advertises, which services it has and what it can be told to do. Every
`do_NAME` method is a command of the control socket; its keyword arguments are the command's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
import os
import struct
import sys
import time
from zoneinfo import ZoneInfo

from bumble import att, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from .air import Air

READ, WRITE, COMMAND = Characteristic.Properties.READ, Characteristic.Properties.WRITE, Characteristic.Properties.WRITE_WITHOUT_RESPONSE
NOTIFY, INDICATE = Characteristic.Properties.NOTIFY, Characteristic.Properties.INDICATE
READABLE, WRITEABLE = Characteristic.Permissions.READABLE, Characteristic.Permissions.WRITEABLE
ENCRYPTED = Characteristic.Permissions.READ_REQUIRES_ENCRYPTION | Characteristic.Permissions.WRITE_REQUIRES_ENCRYPTION

# Devices show local time without a zone, and nobody has moved them: that of the hub.
ZONE = ZoneInfo("Europe/Oslo")

BATTERY_SERVICE, BATTERY_LEVEL = "180F", "2A19"
INFORMATION_SERVICE = "180A"


class LinkLost(ConnectionError):
    """The link went while something was under way on it."""


@dataclass
class Trap:
    """Cuts the link when `point` has been passed `after` times more."""

    point: str
    after: int = 1
    # `disconnect`: the device says goodbye. `vanish`: it is out of range until the supervision timeout, then back.
    how: str = "disconnect"


class Display(PairingDelegate):
    """A device with a display: it shows the passkey that the other side must type."""

    def __init__(self, owner: Peripheral):
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)
        self.owner = owner

    async def display_number(self, number: int, digits: int = 6):
        self.owner.passkey = f"{number:0{digits}}"
        self.owner.say(f"shows the passkey {self.owner.passkey}")


class Peripheral:
    kind = "peripheral"
    model = "Lab device"
    # 16-bit UUIDs in the advertisement.
    advertised: tuple[int, ...] = ()

    def __init__(self, air: Air, name: str, address: str, *, bonded: bool = True, private: bool = False, display: bool = False,
                 advertising: str = "always", rssi: int = -60, battery: int = 88, interval_ms: float = 100, clock: bool = True):
        """
        `bonded`: values are given on an encrypted link only. `private`: it advertises under addresses that change.
        `display`: pairing asks for the passkey it shows. `advertising`: `always`, or `asked` (after `on` or a measurement).
        `clock`: it has a clock that can be set.
        """
        self.air, self.name, self.address = air, name, address
        self.bonded, self.private, self.display, self.interval_ms = bonded, private, display, interval_ms
        self.advertising_wanted = advertising == "always"
        self.rssi, self.battery, self.has_clock = rssi, battery, clock
        self.device: Device | None = None
        self.radio: Controller | None = None
        self.connection = None
        self.lost: asyncio.Future | None = None
        self.encrypted = asyncio.Event()
        self.subscribed: dict[Characteristic, bool] = {}
        self.changed = asyncio.Event()
        self.traps: list[Trap] = []
        self.passkey: str | None = None
        self.clock_set: list[str] = []
        # What somebody has set the clock wrong by.
        self.clock_offset = timedelta()
        self.counters = {"connections": 0, "pairings": 0, "encryptions": 0, "notified": 0, "confirmed": 0, "trapped": 0}
        # When the last value was handed to the radio, on the machine's monotonic clock.
        self.sent_at: float | None = None

    def say(self, text: str):
        print(f"[{time.monotonic():10.3f}] {self.name}: {text}", flush=True)

    # -- building

    def services(self) -> list[Service]:
        raise NotImplementedError(type(self).__name__)

    def own(self, uuid, properties, value=b"", *, read=None, write=None, service_encrypted: bool | None = None) -> Characteristic:
        """A characteristic whose value needs an encrypted link when this device bonds."""
        guard = ENCRYPTED if (self.bonded if service_encrypted is None else service_encrypted) else Characteristic.Permissions(0)
        value = CharacteristicValue(read=read, write=write) if read or write else value
        characteristic = Characteristic(uuid, properties, READABLE | WRITEABLE | guard, value)
        if properties & (NOTIFY | INDICATE):
            characteristic.on(Characteristic.EVENT_SUBSCRIPTION, lambda bearer, notify, indicate: self.on_subscription(
                characteristic, notify or indicate))
        return characteristic

    def common_services(self) -> list[Service]:
        self.level = self.own(BATTERY_LEVEL, READ | NOTIFY, read=lambda connection: bytes([self.battery]), service_encrypted=False)
        strings = {"2A29": "Lab Medical", "2A24": self.model, "2A25": f"SN-{self.address[-5:].replace(':', '')}", "2A26": "1.0.0"}
        information = [Characteristic(uuid, READ, READABLE, text.encode()) for uuid, text in strings.items()]
        return [Service(BATTERY_SERVICE, [self.level]), Service(INFORMATION_SERVICE, information)]

    def clock_characteristic(self, uuid: str) -> Characteristic:
        """2A2B or 2A08, readable and writable."""
        def write(connection, value: bytes):
            if len(value) not in (7, 10):
                raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR)
            try:
                moment = datetime(*struct.unpack_from("<HBBBBB", value))
            except ValueError:
                raise att.ATT_Error(att.ATT_VALUE_NOT_ALLOWED_ERROR) from None
            self.clock_offset += moment - self.now()
            self.clock_set.append(moment.isoformat())
            self.say(f"clock set to {self.clock_set[-1]}")
        return self.own(uuid, READ | WRITE, read=lambda connection: self.clock(uuid), write=write)

    def now(self) -> datetime:
        """The device's own clock, whole seconds."""
        return datetime.now(ZONE).replace(tzinfo=None, microsecond=0) + self.clock_offset

    def clock(self, uuid: str) -> bytes:
        now = self.now()
        seven = struct.pack("<HBBBBB", now.year, now.month, now.day, now.hour, now.minute, now.second)
        return seven if uuid == "2A08" else seven + bytes([now.isoweekday(), 0, 0])

    async def do_clock(self, seconds: float):
        """Somebody sets the device's clock wrong by so much."""
        self.clock_offset = timedelta(seconds=seconds)

    def advertisement(self) -> bytes:
        parts = [(AdvertisingData.FLAGS, bytes([0x06]))]
        if self.advertised:
            parts.append((AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, struct.pack(f"<{len(self.advertised)}H", *self.advertised)))
        return bytes(AdvertisingData([*parts, (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()[:18])]))

    async def start(self):
        self.radio = Controller(self.name, link=self.air)
        self.radio.le_features &= ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        self.air.rssi[self.radio] = self.rssi
        self.device = Device(
            config=DeviceConfiguration(
                name=self.name, address=hci.Address(self.address), irk=os.urandom(16), le_privacy_enabled=self.private, le_rpa_timeout=0,
                identity_address_type=hci.AddressType.RANDOM_DEVICE),
            host=Host(self.radio, AsyncPipeSink(self.radio)))
        self.device.keystore = MemoryKeyStore()
        self.device.add_services(self.services() + self.common_services())
        delegate = Display(self) if self.display else PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
        self.device.pairing_config_factory = lambda connection: PairingConfig(
            sc=True, mitm=self.display, bonding=True, delegate=delegate, identity_address_type=PairingConfig.AddressType.RANDOM)
        self.device.on("connection", self.on_connection)
        await self.device.power_on()
        await self.advertise()

    async def advertise(self):
        if self.advertising_wanted and self.connection is None and not self.device.is_advertising:
            await self.device.start_advertising(
                advertising_data=self.advertisement(), scan_response_data=b"",
                advertising_interval_min=self.interval_ms, advertising_interval_max=self.interval_ms)

    async def be_silent(self):
        self.advertising_wanted = False
        await self.device.stop_advertising()

    # -- the link

    def on_connection(self, connection):
        self.connection = connection
        self.lost = asyncio.get_running_loop().create_future()
        self.encrypted.clear()
        self.subscribed.clear()
        self.counters["connections"] += 1
        self.say("connected")
        connection.on("disconnection", self.on_disconnection)
        connection.on("connection_encryption_change", self.on_encryption)
        connection.on("pairing", self.on_pairing)
        self.spawn(self.connected())
        self.changed.set()

    def on_encryption(self, *_):
        if self.connection is not None and self.connection.is_encrypted:
            self.counters["encryptions"] += 1
            self.encrypted.set()
            self.changed.set()

    def on_pairing(self, *_):
        self.counters["pairings"] += 1
        self.passkey = None
        self.say("bonded")
        self.spawn(self.paired())

    def on_subscription(self, characteristic, wanted: bool):
        self.subscribed[characteristic] = wanted
        self.changed.set()
        if wanted:
            self.spawn(self.subscription(characteristic))

    def on_disconnection(self, reason):
        self.say(f"disconnected, reason 0x{int(reason):02x}")
        self.connection = None
        self.subscribed.clear()
        self.encrypted.clear()
        if self.lost is not None and not self.lost.done():
            self.lost.set_result(None)
        self.disconnected()
        self.changed.set()
        self.spawn(self.advertise())

    def spawn(self, work):
        async def guarded():
            try:
                await work
            except LinkLost:
                pass
            except Exception as error:
                self.say(f"error: {error!r}")
                logging.exception(self.name)
        asyncio.get_running_loop().create_task(guarded())

    # What a kind of device does at these moments.
    async def connected(self):
        await self.passed("connected")

    async def paired(self):
        pass

    async def subscription(self, characteristic):
        await self.passed("subscribed")

    def disconnected(self):
        pass

    # -- sending

    def may_send(self, characteristic) -> bool:
        return (self.connection is not None and self.subscribed.get(characteristic, False)
                and (not self.bonded or self.connection.is_encrypted))

    async def until_link(self, work, what: str):
        """The work's result; `LinkLost` as soon as the link is gone."""
        task = asyncio.ensure_future(work)
        lost = self.lost
        await asyncio.wait({task, lost}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        raise LinkLost(what)

    async def notify(self, characteristic, value: bytes):
        if not self.may_send(characteristic):
            raise LinkLost("nobody has subscribed")
        self.sent_at = time.monotonic()
        await self.device.notify_subscriber(self.connection, characteristic, value)
        self.counters["notified"] += 1

    async def indicate(self, characteristic, value: bytes):
        """Returns when the other side has confirmed."""
        if not self.may_send(characteristic):
            raise LinkLost("nobody has subscribed")
        self.sent_at = time.monotonic()
        sending = asyncio.ensure_future(self.device.indicate_subscriber(self.connection, characteristic, value))
        try:
            await asyncio.sleep(0)
            await self.passed("in-flight")
            await self.until_link(sending, "indication")
        finally:
            # Bumble would wait half a minute for a confirmation that cannot come any more.
            sending.cancel()
        self.counters["confirmed"] += 1

    async def passed(self, point: str):
        """A point at which a test may cut the link: only the first trap of the list is armed."""
        if not self.traps or self.traps[0].point != point:
            return
        trap = self.traps[0]
        trap.after -= 1
        if trap.after > 0:
            return
        self.traps.pop(0)
        self.counters["trapped"] += 1
        self.say(f"trap at {point}: {trap.how}")
        if trap.how == "vanish":
            # On its own: what passes here may be cancelled when the link ends.
            self.spawn(self.be_away())
        else:
            self.spawn(self.leave())
        await self.until_gone()
        raise LinkLost(point)

    async def be_away(self):
        self.air.move_away(self.radio)
        await self.until_gone()
        self.air.come_back(self.radio)

    async def leave(self):
        connection = self.connection
        if connection is not None:
            try:
                await asyncio.wait_for(connection.disconnect(), 5)
            except Exception as error:
                self.say(f"disconnect: {error!r}")
            await self.until_gone()

    async def until_gone(self):
        while self.connection is not None:
            self.changed.clear()
            await self.changed.wait()

    # -- commands for all kinds

    def status(self) -> dict:
        return {
            "name": self.name, "kind": self.kind, "address": self.address,
            "on_air": str(self.device.random_address).split("/")[0] if self.device else self.address,
            "connected": self.connection is not None, "encrypted": self.encrypted.is_set(),
            "advertising": bool(self.device and self.device.is_advertising), "in_range": self.radio not in self.air.away,
            "subscribed": sorted(str(c.uuid)[-4:] for c, wanted in self.subscribed.items() if wanted),
            "battery": self.battery, "passkey": self.passkey, "clock_set": self.clock_set, "traps": len(self.traps), **self.counters,
        }

    async def do_status(self):
        return {**self.status(), "bonds": len(await self.device.keystore.get_all())}

    async def do_on(self):
        """Switched on: it advertises when nobody is connected."""
        self.advertising_wanted = True
        self.air.come_back(self.radio)
        await self.advertise()

    async def do_off(self):
        """Switched off: it says goodbye and falls silent."""
        await self.be_silent()
        await self.leave()

    async def do_drop(self):
        """Disconnects, and advertises again at once."""
        await self.leave()
        await self.advertise()

    async def do_vanish(self):
        """Carried out of range."""
        self.air.move_away(self.radio)

    async def do_return(self):
        self.air.come_back(self.radio)

    async def do_forget(self):
        """Reset by its owner: it knows no bond any more."""
        await self.leave()
        await self.device.keystore.delete_all()
        await self.device.refresh_resolving_list()

    async def do_rotate(self):
        """A new private address, as it takes every quarter of an hour."""
        await self.rotate()

    async def do_reset(self):
        """Back to the state of its factory: no bonds, and private addresses of a key that nobody knows."""
        await self.rotate(irk=os.urandom(16))

    async def rotate(self, irk: bytes | None = None):
        if not self.private:
            raise ValueError(f"{self.name} has no private address")
        await self.leave()
        await self.device.stop_advertising()
        if irk is not None:
            self.device.irk = irk
            await self.device.keystore.delete_all()
            await self.device.refresh_resolving_list()
        self.device.random_address = hci.Address.generate_private_address(self.device.irk)
        await self.device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=self.device.random_address))
        await self.advertise()

    async def do_battery(self, percent: int):
        self.battery = percent
        if self.may_send(self.level):
            await self.notify(self.level, bytes([percent]))

    async def do_rssi(self, dbm: int):
        self.rssi = self.air.rssi[self.radio] = dbm

    async def do_traps(self, traps: list[dict]):
        """Replaces the list of places at which the link will be cut, in order."""
        self.traps = [Trap(**trap) for trap in traps]


class SpotDevice(Peripheral):
    """Measures now and then, keeps what nobody has taken, and advertises for a minute after each measurement."""

    # How long it stays connected when everything has been taken; real ones leave within some seconds.
    linger = 3.0
    window = 60.0

    def __init__(self, *arguments, window: float = 60.0, advertising: str = "asked", **options):
        super().__init__(*arguments, advertising=advertising, **options)
        self.memory: list[bytes] = []
        self.taken = 0
        self.window = window
        self.sending = False
        self.silence: asyncio.TimerHandle | None = None

    @property
    def values(self) -> Characteristic:
        """The characteristic that carries its measurements."""
        raise NotImplementedError(type(self).__name__)

    async def keep(self, frame: bytes):
        """A new measurement: into the memory, and on air."""
        self.memory.append(frame)
        if self.may_send(self.values):
            self.spawn(self.empty())
        else:
            await self.wake()

    async def wake(self):
        self.advertising_wanted = True
        if self.silence is not None:
            self.silence.cancel()
        self.silence = asyncio.get_running_loop().call_later(self.window, lambda: self.spawn(self.be_silent()))
        await self.advertise()

    def ready_to_send(self) -> bool:
        return self.may_send(self.values)

    async def subscription(self, characteristic):
        await super().subscription(characteristic)
        if characteristic is self.values:
            await self.empty()

    async def empty(self):
        if self.sending:
            return
        self.sending = True
        try:
            if self.bonded and not self.encrypted.is_set():
                await self.until_link(self.encrypted.wait(), "encryption")
            while self.memory and self.ready_to_send():
                await self.indicate(self.values, self.memory[0])
                # Confirmed: only now it is the other side's.
                self.memory.pop(0)
                self.taken += 1
        finally:
            self.sending = False
        if not self.memory:
            await self.after_emptied()

    async def after_emptied(self):
        lost = self.lost
        if lost is None:
            return
        done, _ = await asyncio.wait({lost}, timeout=self.linger)
        if not done and not self.memory:
            self.advertising_wanted = False
            await self.leave()

    def status(self):
        return {**super().status(), "memory": len(self.memory), "taken": self.taken}

    async def do_pairing(self):
        """Its pairing button is held: it advertises for a minute."""
        await self.wake()


if __name__ == "__main__":
    sys.exit("a part of peripherals.home; not run by itself")
