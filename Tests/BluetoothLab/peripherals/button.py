"""A button that is only ever heard: BTHome v2 advertisements with a packet number, each press repeated some twenty times.

It cannot be connected to. When asleep it says nothing at all, as battery-saving buttons do.
"""

from __future__ import annotations

import asyncio
import struct
import time

from bumble import hci, ll
from bumble.core import AdvertisingData

from .air import Air

BTHOME = 0xFCD2
# BTHome v2 object ids.
PACKET, BATTERY, BUTTON = 0x00, 0x01, 0x3A
# Device information byte: version 2, not encrypted, triggered by an event and not by a clock.
INFORMATION = 0x44
PRESSES = {"press": 1, "double": 2, "triple": 3, "long": 4}


class Button:
    kind = "button"

    def __init__(self, air: Air, name: str, address: str, *, rssi: int = -70, battery: int = 92, repeats: int = 20, repeat_ms: float = 60):
        self.air, self.name, self.address = air, name, address
        self.rssi, self.battery, self.repeats, self.repeat_ms = rssi, battery, repeats, repeat_ms
        self.packet = 0
        self.presses = 0
        self.sent = 0
        self.in_range = True
        self.pressed_at: float | None = None

    def say(self, text: str):
        print(f"[{time.monotonic():10.3f}] {self.name}: {text}", flush=True)

    async def start(self):
        return

    def advertisement(self, kind: int | None) -> bytes:
        body = bytes([INFORMATION, PACKET, self.packet, BATTERY, self.battery])
        # Objects stand in the order of their ids.
        body += bytes([BUTTON, kind]) if kind is not None else b""
        return bytes(AdvertisingData([
            (AdvertisingData.FLAGS, bytes([0x06])),
            (AdvertisingData.SERVICE_DATA_16_BIT_UUID, struct.pack("<H", BTHOME) + body),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()[:10]),
        ]))

    async def transmit(self, data: bytes):
        for _ in range(self.repeats):
            if self.in_range and self.air.gateway is not None:
                self.air.gateway.heard(ll.AdvInd(hci.Address(self.address), data), self.rssi, connectable=False)
                self.sent += 1
            await asyncio.sleep(self.repeat_ms / 1000)

    def order(self, kind: int | None):
        self.packet = (self.packet + 1) & 0xFF
        self.pressed_at = time.monotonic()
        asyncio.get_running_loop().create_task(self.transmit(self.advertisement(kind)))

    def status(self) -> dict:
        return {
            "name": self.name, "kind": self.kind, "address": self.address, "packet": self.packet, "presses": self.presses,
            "sent": self.sent, "in_range": self.in_range, "pressed_at": self.pressed_at, "battery": self.battery,
        }

    # -- commands

    async def do_status(self):
        return self.status()

    async def do_press(self, kind: str = "press"):
        self.presses += 1
        self.order(PRESSES[kind])
        self.say(f"{kind}, packet {self.packet}")

    async def do_announce(self):
        """A sign of life without a press: battery only. Installers wake a button with it."""
        self.order(None)

    async def do_battery(self, percent: int):
        self.battery = percent

    async def do_vanish(self):
        self.in_range = False

    async def do_return(self):
        self.in_range = True

    async def do_off(self):
        self.in_range = False

    async def do_on(self):
        self.in_range = True
