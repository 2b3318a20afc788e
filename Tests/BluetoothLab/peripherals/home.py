"""One home: every simulated device, the air between them, and the gateway's radio, in one process.

    python -m peripherals.home [--socket /run/home.sock] [--gateway 00:11:22:33:44:55]

It makes the kernel's hci0 through /dev/vhci and obeys JSON lines on its socket, one answer a line:

    {"do": "add", "kind": "oximeter", "name": "ox", "address": "C0:FF:EE:00:18:22", "options": {"records": 5}}
    {"to": "ox", "do": "value", "spo2": 84}         any do_… of that device; peripherals/*.py name them
    {"do": "list"}  {"do": "remove", "name": "ox"}  {"do": "unplug"}  {"do": "plug"}  {"do": "cut"}  {"do": "air"}
    {"do": "strangers", "count": 40, "every": 0.5}  neighbours' devices pass by, each under a new address

`{"ok": true, "answer": …}`, or `{"ok": false, "error": "…"}` for a mistake of the one who asks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time

from bumble import hci, ll
from bumble.core import AdvertisingData

from .air import Air, GatewayRadio
from .button import Button
from .cuff import Cuff
from .gatt_button import GattButton
from .glucose import GlucoseMeter
from .oximeter import Oximeter
from .scale import Scale
from .thermometer import Thermometer

KINDS = {kind.kind: kind for kind in (Oximeter, Cuff, Thermometer, Scale, GlucoseMeter, Button, GattButton)}
# A real controller's memory ends somewhere, too; a home has a dozen.
DEVICES_MAX = 40


class Home:
    def __init__(self, gateway_address: str):
        self.gateway_address = gateway_address
        self.air = Air()
        self.devices: dict[str, object] = {}
        self.strangers: asyncio.Task | None = None
        self.strangers_heard = 0

    async def do_plug(self):
        if self.air.gateway is None:
            GatewayRadio(self.air, self.gateway_address)

    async def do_unplug(self):
        if self.air.gateway is not None:
            self.air.gateway.unplug()

    async def do_cut(self):
        """The radio loses its power, as under a radio switch: a blocked virtual controller is only closed by the kernel."""
        if self.air.gateway is not None:
            self.air.gateway.lose_power()

    async def do_add(self, kind: str, name: str, address: str, options: dict | None = None):
        if name in self.devices:
            raise ValueError(f"there is a {name} already")
        if len(self.devices) >= DEVICES_MAX:
            raise ValueError(f"no more than {DEVICES_MAX} devices")
        device = KINDS[kind](self.air, name, address, **(options or {}))
        await device.start()
        self.devices[name] = device
        return device.status()

    async def do_remove(self, name: str):
        device = self.devices.pop(name)
        await device.do_off()
        if getattr(device, "radio", None) is not None:
            self.air.remove_controller(device.radio)

    async def do_list(self):
        return [device.status() for device in self.devices.values()]

    async def do_air(self):
        radio = self.air.gateway
        return {
            "plugged": radio is not None, "strangers": self.strangers_heard, "monotonic": time.monotonic(),
            **({"scanning": radio.le_scan_enable, "links": len(radio.le_connections), "refused": radio.port.refused, **radio.counters} if radio else {}),
        }

    async def do_strangers(self, count: int, every: float = 0.2, seed: int = 1):
        """Other people's devices, of kinds that the hub knows, each under an address of its own."""
        async def pass_by():
            dice = random.Random(seed)
            for n in range(count):
                address = hci.Address(":".join(f"{b:02X}" for b in bytes([0xC0 | dice.randrange(64), *dice.randbytes(5)])))
                data = bytes(AdvertisingData([
                    (AdvertisingData.FLAGS, b"\x06"), (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, b"\x22\x18"),
                    (AdvertisingData.COMPLETE_LOCAL_NAME, f"Neighbour {n}".encode())]))
                if self.air.gateway is not None:
                    self.air.gateway.heard(ll.AdvInd(address, data), -80)
                    self.strangers_heard += 1
                await asyncio.sleep(every)
        if self.strangers is not None:
            self.strangers.cancel()
        self.strangers = asyncio.get_running_loop().create_task(pass_by())

    # -- the socket

    async def carry_out(self, order: dict):
        receiver = self.devices[order.pop("to")] if "to" in order else self
        method = getattr(receiver, "do_" + order.pop("do").replace("-", "_"))
        return await method(**order)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        while line := await reader.readline():
            try:
                answer = {"ok": True, "answer": await self.carry_out(json.loads(line))}
            except Exception as error:  # A mistake of the one who asks must not end everybody's home.
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--socket", default="/run/home.sock")
    parser.add_argument("--gateway", default="00:11:22:33:44:55")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if arguments.verbose else logging.ERROR)
    home = Home(arguments.gateway)
    await home.do_plug()
    server = await asyncio.start_unix_server(home.serve, arguments.socket, limit=1 << 20)
    print(f"[{time.monotonic():10.3f}] home: ready", flush=True)
    await server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
