"""A weighing scale of the SIG's Weight Scale Service: one indicated value for each time somebody stands on it."""

from __future__ import annotations

from decimal import Decimal
import struct

from bumble.gatt import Service
import sigframes

from .peripheral import INDICATE, READ, SpotDevice

WSS_SERVICE, MEASUREMENT, FEATURE = "181D", "2A9D", "2A9E"


class Scale(SpotDevice):
    kind = "scale"
    model = "KILO-1"
    advertised = (0x181D,)

    @property
    def values(self):
        return self.measurement

    def services(self):
        self.measurement = self.own(MEASUREMENT, INDICATE)
        return [Service(WSS_SERVICE, [self.measurement, self.own(FEATURE, READ, struct.pack("<I", 0x00000009))])]

    async def do_measure(self, value: str = "72.4"):
        """Kilograms; the scale's own step is 5 g."""
        raw = int((Decimal(value) / Decimal("0.005")).to_integral_exact())
        await self.keep(bytes([0x02]) + struct.pack("<H", raw) + sigframes.date_time(self.now()))
