"""An ear thermometer of the SIG's Health Thermometer Service: one indicated value a measurement."""

from __future__ import annotations

from bumble.gatt import Service
import sigframes

from .peripheral import INDICATE, READ, SpotDevice

HTS_SERVICE, MEASUREMENT, PLACE = "1809", "2A1C", "2A1D"
EAR = 3


class Thermometer(SpotDevice):
    kind = "thermometer"
    model = "TEMP-1"
    advertised = (0x1809,)

    @property
    def values(self):
        return self.measurement

    def services(self):
        self.measurement = self.own(MEASUREMENT, INDICATE)
        return [Service(HTS_SERVICE, [self.measurement, self.own(PLACE, READ, bytes([EAR]))])]

    async def do_measure(self, value: str = "36.8", fahrenheit: bool = False):
        """`value` is a decimal, in degrees Celsius unless it says otherwise."""
        await self.keep(sigframes.temperature(value, self.now(), EAR, fahrenheit))
