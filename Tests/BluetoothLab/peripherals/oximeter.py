"""A pulse oximeter of the SIG's Pulse Oximeter Service 1.0.1: a stream while worn, spot checks, and a memory of them.

Stored spot checks are fetched through the record access control point (2A52), indicated on 2A5E, and deleted on request.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
import random
import struct
import time

from bumble import att
from bumble.gatt import Service
import sigframes

from .peripheral import INDICATE, NOTIFY, READ, WRITE, LinkLost, Peripheral, Trap
from .racp import ALL, AttError, ControlPoint, RecordStore

PLX_SERVICE, SPOT, CONTINUOUS, FEATURES, CONTROL_POINT = "1822", "2A5E", "2A5F", "2A60", "2A52"
CURRENT_TIME_SERVICE, CURRENT_TIME = "1805", "2A2B"
FROM_STORAGE, FULLY_QUALIFIED = 1 << 9, 1 << 8


class Oximeter(Peripheral):
    kind = "oximeter"
    model = "VOX-1"
    advertised = (0x1822,)

    def __init__(self, *arguments, stream: bool = True, every: float = 1.0, settling: int = 0, storing: bool = True, records: int = 0, **options):
        """`stream`: it measures continuously; `every` seconds; the first `settling` frames of a link are "not a number"."""
        super().__init__(*arguments, **options)
        self.stream, self.every, self.settling, self.storing = stream, every, settling, storing
        self.spo2, self.pulse = 97, 68
        self.measurement_status: int | None = None
        self.store = RecordStore()
        # Every record there ever was, for who counts what arrived.
        self.everything: list[str] = []
        self.last_record_at = self.now()
        self.burst_times: list[float] = []
        self.dice = random.Random(0)
        self.drops_left = 0
        self.preload(records)

    def services(self):
        self.spot = self.own(SPOT, INDICATE)
        self.continuous = self.own(CONTINUOUS, NOTIFY)
        # Supported: measurement status, device status, storage, time stamps.
        features = self.own(FEATURES, READ, struct.pack("<HHHB", 0x000F if self.storing else 0x000B, 0xFFE0, 0xFFFF, 0))
        characteristics = [self.spot, self.continuous, features]
        if self.storing:
            self.point = self.own(CONTROL_POINT, WRITE | INDICATE, write=self.on_control_point)
            self.control = ControlPoint(
                self.store, {ALL}, lambda record: self.indicate(self.spot, record.frame), lambda answer: self.indicate(self.point, answer), self.passed)
            characteristics.append(self.point)
        services = [Service(PLX_SERVICE, characteristics)]
        if self.has_clock:
            services.append(Service(CURRENT_TIME_SERVICE, [self.clock_characteristic(CURRENT_TIME)]))
        return services

    def on_control_point(self, connection, value: bytes):
        try:
            self.control.write(value, self.may_send(self.point))
        except AttError as error:
            raise att.ATT_Error(error.code) from None

    def disconnected(self):
        if self.storing:
            self.control.disconnected()

    def frame(self) -> bytes:
        return sigframes.plx_continuous(self.spo2, self.pulse, self.measurement_status)

    async def subscription(self, characteristic):
        await super().subscription(characteristic)
        if characteristic is self.continuous and self.stream:
            if self.bonded and not self.encrypted.is_set():
                await self.until_link(self.encrypted.wait(), "encryption")
            connection = self.connection
            for _ in range(self.settling):
                await self.notify(self.continuous, sigframes.plx_continuous("NaN", "NaN"))
                await asyncio.sleep(self.every)
            while self.connection is connection and self.may_send(self.continuous):
                if self.stream:
                    await self.notify(self.continuous, self.frame())
                await asyncio.sleep(self.every)

    def preload(self, count: int):
        """Spot checks taken while nobody listened, each at a second of its own."""
        for _ in range(count):
            def make(number: int):
                moment = self.last_record_at = max(self.now(), self.last_record_at + timedelta(seconds=1))
                return sigframes.plx_spot_check(90 + number % 10, 50 + number % 100, moment, FROM_STORAGE | FULLY_QUALIFIED), None
            self.everything.append(self.store.add(make).frame.hex())

    # -- being cut off again and again

    async def connected(self):
        await super().connected()
        if self.drops_left <= 0:
            return
        trap = self.next_trap()
        connection = self.connection
        if trap.point == "connected":
            await asyncio.sleep(self.dice.random() * 0.6)
        else:
            self.traps = [trap]
            # A session that never comes by the chosen point is cut all the same.
            await asyncio.wait({self.lost}, timeout=6)
        if self.connection is connection and not self.lost.done():
            self.traps = []
            self.say("cut at leisure")
            await self.leave()

    def next_trap(self) -> Trap:
        records = max(1, len(self.store.records))
        point = self.dice.choice([
            "connected", "subscribed", "record", "record", "in-flight", "in-flight", "record-sent", "before-response", "before-delete", "after-delete"])
        most = {"subscribed": 3, "record": records, "in-flight": records + 1, "record-sent": records}.get(point, 1)
        return Trap(point, self.dice.randint(1, most), "vanish" if self.dice.random() < 0.2 else "disconnect")

    def on_disconnection(self, reason):
        if self.drops_left > 0:
            self.drops_left -= 1
            self.traps = []
            # The person goes on measuring between two sessions.
            self.preload(self.dice.randint(0, 3))
        super().on_disconnection(reason)

    def status(self):
        return {
            **super().status(), "records": [r.number for r in self.store.records], "deleted": self.store.deleted,
            "requests": self.control.requests if self.storing else [], "drops_left": self.drops_left,
        }

    # -- commands

    async def do_value(self, spo2=None, pulse=None, status: int | None = None):
        """What the stream says from now on. "NaN" is allowed."""
        self.spo2 = self.spo2 if spo2 is None else spo2
        self.pulse = self.pulse if pulse is None else pulse
        self.measurement_status = status

    async def do_stream(self, on: bool = True, every: float | None = None):
        self.stream = on
        self.every = every or self.every

    async def do_spot(self, spo2: int, pulse: int, seconds_ago: float = 0):
        """A spot check: indicated when somebody listens, stored otherwise."""
        moment = self.now() - timedelta(seconds=seconds_ago)
        if self.may_send(self.spot):
            await self.indicate(self.spot, sigframes.plx_spot_check(spo2, pulse, moment))
        else:
            frame = sigframes.plx_spot_check(spo2, pulse, moment, FROM_STORAGE | FULLY_QUALIFIED)
            self.everything.append(self.store.add(lambda number: (frame, None)).frame.hex())

    async def do_preload(self, count: int):
        self.preload(count)
        return self.frames()

    async def do_everything(self):
        """Every record since the start, as hex."""
        return self.everything

    async def do_drop_often(self, count: int, seed: int):
        """The next `count` links are cut at points that `seed` chooses."""
        self.dice = random.Random(seed)
        self.drops_left = count

    def frames(self) -> list[dict]:
        return [{"number": r.number, "hex": r.frame.hex()} for r in self.store.records]

    async def do_frames(self):
        """The stored records, so that a test can say which of them arrived."""
        return self.frames()

    async def do_refuse_delete(self, code: int):
        self.control.refuse_delete = code

    async def do_raw(self, hex: str):
        """These very bytes on 2A5F."""
        await self.notify(self.continuous, bytes.fromhex(hex))

    async def do_burst(self, count: int, every: float, spo2: int = 97):
        """Notifications at a steady pace; `burst_times` tells when each went out (monotonic seconds). The pulse counts up."""
        self.stream = False
        self.burst_times = []
        self.spawn(self.burst(count, every, spo2))

    async def burst(self, count: int, every: float, spo2: int):
        began = time.monotonic()
        for n in range(count):
            try:
                await self.notify(self.continuous, sigframes.plx_continuous(spo2, 40 + n % 100))
                self.burst_times.append(self.sent_at)
            except LinkLost:
                return
            await asyncio.sleep(max(0, began + (n + 1) * every - time.monotonic()))

    async def do_burst_times(self):
        return self.burst_times
