"""Blood-pressure cuffs of the SIG's Blood Pressure Service, with the ways of two makers.

`sig`: indicates what it has as soon as somebody listens. `aandd`: leaves right after bonding, has its clock (2A08) inside
0x1810, and sends its memory after `02 00 E1` on its own characteristic; `02 01 03` ends the connection. `beurer`: the user
byte (0: the first user) is there without its flag, and pulse and status are big-endian.
"""

from __future__ import annotations

from datetime import datetime
import struct

from bumble.gatt import Service
import sigframes

from .peripheral import COMMAND, INDICATE, READ, WRITE, SpotDevice

BPS_SERVICE, MEASUREMENT, FEATURE, DATE_TIME = "1810", "2A35", "2A49", "2A08"
AANDD_SERVICE = "233BF000-5A34-1B6D-975C-000D5690ABE4"
AANDD_CONTROL = "233BF001-5A34-1B6D-975C-000D5690ABE4"
SEND_ALL, END = bytes.fromhex("0200E1"), bytes.fromhex("020103")


class Cuff(SpotDevice):
    kind = "cuff"
    model = "TONO-2"
    advertised = (0x1810,)

    def __init__(self, *arguments, maker: str = "sig", **options):
        if maker not in ("sig", "aandd", "beurer"):
            raise ValueError(f"maker {maker!r} is not one of sig, aandd, beurer")
        super().__init__(*arguments, **options)
        self.maker = maker
        self.asked = False
        if maker == "aandd":
            self.model = "UA-651BLE"
        elif maker == "beurer":
            self.model = "BM85"

    @property
    def values(self):
        return self.measurement

    def services(self):
        self.measurement = self.own(MEASUREMENT, INDICATE)
        characteristics = [self.measurement, self.own(FEATURE, READ, struct.pack("<H", 0x0025))]
        if self.has_clock:
            characteristics.append(self.clock_characteristic(DATE_TIME))
        services = [Service(BPS_SERVICE, characteristics)]
        if self.maker == "aandd":
            services.append(Service(AANDD_SERVICE, [self.own(AANDD_CONTROL, READ | WRITE | COMMAND, read=lambda c: b"", write=self.on_order)]))
        return services

    def on_order(self, connection, value: bytes):
        self.say(f"order {value.hex(' ')}")
        if value == SEND_ALL:
            self.asked = True
            self.spawn(self.empty())
        elif value == END:
            self.spawn(self.be_gone())

    async def be_gone(self):
        self.advertising_wanted = bool(self.memory)
        await self.leave()

    async def paired(self):
        if self.maker == "aandd":
            # The maker's manual: it disconnects when the pairing is done, and is met again after the next measurement.
            self.advertising_wanted = bool(self.memory)
            await self.leave()

    def disconnected(self):
        self.asked = False

    def ready_to_send(self):
        return super().ready_to_send() and (self.asked or self.maker != "aandd")

    def frame(self, systolic: int, diastolic: int, pulse: int, moment: datetime | None, status: int) -> bytes:
        if self.maker != "beurer":
            mean = (systolic + 2 * diastolic) // 3
            return sigframes.blood_pressure(systolic, diastolic, mean, pulse, moment, status)
        # Flags say time, pulse and status, no user, and a bit that means nothing; the user byte is there all the same. It has
        # no mean pressure.
        frame = bytes([0x56]) + sigframes.sfloat(systolic) + sigframes.sfloat(diastolic) + sigframes.sfloat(0)
        return frame + sigframes.date_time(moment or self.now()) + struct.pack(">H", pulse) + bytes([0]) + struct.pack(">H", status)

    async def do_measure(self, systolic: int = 128, diastolic: int = 78, pulse: int = 70, status: int = 0, time: bool = True):
        """A measurement is taken now."""
        await self.keep(self.frame(systolic, diastolic, pulse, self.now() if time else None, status))
