"""A glucose meter of the SIG's Glucose Service: it gives nothing by itself, everything through its control point.

Records are notified on 2A18, some with a context (meal) on 2A34, and deleted up to a sequence number or all at once.
"""

from __future__ import annotations

from datetime import timedelta
import struct

from bumble import att
from bumble.gatt import Service
import sigframes

from .peripheral import INDICATE, NOTIFY, READ, WRITE, Peripheral
from .racp import ALL, FIRST, FROM, LAST, RANGE, UP_TO, AttError, ControlPoint, Record, RecordStore

GLS_SERVICE, MEASUREMENT, CONTEXT, FEATURE, CONTROL_POINT = "1808", "2A18", "2A34", "2A51", "2A52"
CAPILLARY_WHOLE_BLOOD, FINGER = 1, 1


class GlucoseMeter(Peripheral):
    kind = "glucose"
    model = "GLU-1"
    advertised = (0x1808,)

    def __init__(self, *arguments, records: int = 0, **options):
        super().__init__(*arguments, **options)
        self.store = RecordStore()
        for n in range(records):
            self.add(f"{4.0 + n / 10:.1f}", 60.0 * (records - n))

    def services(self):
        self.measurement = self.own(MEASUREMENT, NOTIFY)
        self.context = self.own(CONTEXT, NOTIFY)
        self.point = self.own(CONTROL_POINT, WRITE | INDICATE, write=self.on_control_point)
        self.control = ControlPoint(
            self.store, {ALL, UP_TO, FROM, RANGE, FIRST, LAST}, self.send, lambda answer: self.indicate(self.point, answer), self.passed)
        return [Service(GLS_SERVICE, [self.measurement, self.context, self.own(FEATURE, READ, struct.pack("<H", 0)), self.point])]

    def on_control_point(self, connection, value: bytes):
        try:
            self.control.write(value, self.may_send(self.point))
        except AttError as error:
            raise att.ATT_Error(error.code) from None

    def disconnected(self):
        self.control.disconnected()

    async def send(self, record: Record):
        await self.notify(self.measurement, record.frame)
        if record.context is not None and self.may_send(self.context):
            await self.notify(self.context, record.context)

    def add(self, millimoles: str, seconds_ago: float, meal: bool = False):
        """mmol/L, one decimal."""
        moment = self.now() - timedelta(seconds=seconds_ago)
        tenths = int(millimoles.replace(".", ""))

        def make(number: int):
            # Flags: concentration present, in mol/L; bit 4 says that a context follows. The mantissa counts 10⁻⁴ mol/L.
            flags = 0x02 | 0x04 | (0x10 if meal else 0)
            concentration = struct.pack("<H", (-4 & 0xF) << 12 | tenths & 0xFFF)
            frame = bytes([flags]) + struct.pack("<H", number) + sigframes.date_time(moment) + concentration
            frame += bytes([FINGER << 4 | CAPILLARY_WHOLE_BLOOD])
            # Context flags bit 1: meal; 2: after a meal.
            return frame, bytes([0x02]) + struct.pack("<H", number) + bytes([2]) if meal else None
        self.store.add(make)

    def status(self):
        return {
            **super().status(), "records": [r.number for r in self.store.records], "deleted": self.store.deleted, "requests": self.control.requests,
        }

    async def do_measure(self, value: str = "5.6", seconds_ago: float = 0, meal: bool = False):
        self.add(value, seconds_ago, meal)

    async def do_refuse_delete(self, code: int):
        self.control.refuse_delete = code
