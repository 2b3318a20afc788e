"""The lab's own proof: every kind of device against the real bluetoothd, driven over D-Bus without the product.

"The lab works" is one question and "the product works" another; when a scenario fails, this says on which side to look.
Prints each step with the seconds since the lab's kernel started. Exit 0: every step held.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
import socket
import struct
import subprocess
import sys

import sigframes

from .bluez import BlueZ, CallFailed, uuid
from .orders import HomeClient

OXIMETER, CUFF, THERMOMETER, SCALE = "C0:FF:EE:00:18:22", "C0:FF:EE:00:18:10", "C0:FF:EE:00:18:09", "C0:FF:EE:00:18:1D"
GLUCOSE, BUTTON, ITAG, PRIVATE, DISPLAY = "C0:FF:EE:00:18:08", "C0:FF:EE:00:FC:D2", "C0:FF:EE:00:FF:E0", "C0:FF:EE:00:00:01", "C0:FF:EE:00:00:02"
DROPPER, SURVIVOR, RACER = "C0:FF:EE:00:00:03", "C0:FF:EE:00:00:04", "C0:FF:EE:00:00:05"
RACES = 6


def uptime() -> float:
    with open("/proc/uptime") as file:
        return float(file.read().split()[0])


def step(text: str):
    print(f"{uptime():7.2f} s  {text}", flush=True)


def expect(condition, text: str):
    if not condition:
        raise AssertionError(text)


class Proof:
    def __init__(self):
        self.home = HomeClient()
        self.bluez = BlueZ()

    async def passkey(self) -> int:
        """What a person reads on the device's display."""
        return int(await self.until_home("a passkey on the display", lambda: self.display.status["passkey"]))

    async def until_home(self, what: str, condition, seconds: float = 15):
        """For what only the devices know: asked until it holds."""
        async def wait():
            while not (answer := condition()):
                await asyncio.sleep(0.05)
            return answer
        try:
            return await asyncio.wait_for(wait(), seconds)
        except asyncio.TimeoutError:
            raise TimeoutError(f"not within {seconds:g} s: {what}") from None

    async def value(self, address: str, short: str, count: int = 1) -> bytes:
        await self.bluez.until(f"{count} × {short} of {address}", lambda: len(self.bluez.heard(address, short)) >= count)
        return self.bluez.heard(address, short)[count - 1]

    async def found(self, address: str):
        if not self.bluez.device(address, "Address"):
            # bluetoothd 5.66 stops scanning for Pair() and goes on five seconds after it: what is sent in between is heard
            # by nobody. A client that asks anew is served at once.
            await self.bluez.discover(False)
            await self.bluez.discover()
        await self.bluez.until(f"{address} is found", lambda: self.bluez.device(address, "Address"))

    async def pair(self, address: str):
        await self.found(address)
        try:
            await self.bluez.do(address, "Pair")
        except CallFailed:
            await asyncio.sleep(0.5)
            await self.bluez.do(address, "Pair")
        await self.bluez.trust(address)
        await self.bluez.until(f"services of {address}", lambda: self.bluez.device(address, "ServicesResolved"))

    # -- the steps

    async def oximeter(self):
        oximeter = self.home.add("oximeter", "Oximeter", OXIMETER, records=5, every=0.2, settling=1)
        await self.pair(OXIMETER)
        step("oximeter: found, paired, services resolved")
        expect(await self.bluez.read(OXIMETER, "2A29") == b"Lab Medical", "the maker's name")
        expect((await self.bluez.read(OXIMETER, "2A60"))[:2] == b"\x0f\x00", "the features")
        await self.bluez.write(OXIMETER, "2A2B", struct.pack("<HBBBBBBBB", 2026, 3, 1, 12, 0, 0, 7, 0, 0))
        expect(oximeter.status["clock_set"] == ["2026-03-01T12:00:00"], "the clock was set")
        await self.bluez.subscribe(OXIMETER, "2A5F")
        expect(await self.value(OXIMETER, "2A5F") == sigframes.plx_continuous("NaN", "NaN"), "the first frame is not stable yet")
        expect(await self.value(OXIMETER, "2A5F", 2) == sigframes.plx_continuous(97, 68), "97 %, 68 a minute")
        step("oximeter: continuous notifications")

        await self.bluez.subscribe(OXIMETER, "2A5E")
        await self.bluez.subscribe(OXIMETER, "2A52")
        frames = [bytes.fromhex(f["hex"]) for f in oximeter.tell("frames")]
        await self.bluez.write(OXIMETER, "2A52", b"\x04\x01")
        expect(await self.value(OXIMETER, "2A52", 1) == b"\x05\x00\x05\x00", "five records are counted")
        await self.bluez.write(OXIMETER, "2A52", b"\x01\x01")
        expect(await self.value(OXIMETER, "2A52", 2) == b"\x06\x00\x01\x01", "the report succeeds")
        expect(self.bluez.heard(OXIMETER, "2A5E") == frames, "the records that were sent are those stored")
        await self.bluez.write(OXIMETER, "2A52", b"\x01\x02")
        expect(await self.value(OXIMETER, "2A52", 3) == b"\x06\x00\x01\x04", "an operator it does not have")
        await self.bluez.write(OXIMETER, "2A52", b"\x02\x01")
        expect(await self.value(OXIMETER, "2A52", 4) == b"\x06\x00\x02\x01", "the delete succeeds")
        expect(oximeter.status["records"] == [] and oximeter.status["deleted"] == [1, 2, 3, 4, 5], "all are deleted")
        step("oximeter: 5 stored records counted, fetched, deleted")

        path = self.bluez.characteristic(OXIMETER, "2A5F")
        await self.bluez.call(path, "org.bluez.GattCharacteristic1", "StopNotify")
        (_, mtu), fds = await self.bluez.call(path, "org.bluez.GattCharacteristic1", "AcquireNotify", "a{sv}", {}, fds=True)
        with socket.socket(fileno=fds[0]) as stream:
            stream.setblocking(False)
            frame = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(stream, 512), 10)
            # Subscribed anew, it settles anew.
            expect(frame[:1] == b"\x00" and len(frame) == 5, f"a frame through the descriptor: {frame.hex()}")
            step(f"oximeter: AcquireNotify gives a descriptor, MTU {mtu}")
            oximeter.tell("drop")
            await self.bluez.until("the link ends", lambda: self.bluez.device(OXIMETER, "ServicesResolved") is False)
            while await asyncio.wait_for(asyncio.get_running_loop().sock_recv(stream, 512), 10):
                continue
        step("oximeter: dropped; the descriptor ends")
        await self.again(oximeter)
        oximeter.tell("vanish")
        await self.bluez.until("the link is lost", lambda: self.bluez.device(OXIMETER, "ServicesResolved") is False)
        step("oximeter: out of range, lost by supervision timeout")
        oximeter.tell("return")
        await self.again(oximeter)
        step("oximeter: back, encrypted with the old bond")
        oximeter.tell("forget")
        try:
            await self.bluez.do(OXIMETER, "Connect")
            outcome = "Connect() succeeds all the same"
        except CallFailed as error:
            outcome = str(error)
        await self.bluez.until("the link ends", lambda: self.bluez.device(OXIMETER, "Connected") is False)
        expect(not self.bluez.device(OXIMETER, "ServicesResolved"), "no services without encryption")
        outcome += f", the link ends, Paired stays {self.bluez.device(OXIMETER, 'Paired')}"
        expect(oximeter.status["encrypted"] is False, "no encryption without the bond")
        step(f"oximeter: it forgot the bond: {outcome}")
        await self.bluez.remove(OXIMETER)
        await self.pair(OXIMETER)
        step("oximeter: paired again")
        self.home.home("remove", name="Oximeter")

    async def again(self, oximeter):
        before = len(self.bluez.heard(OXIMETER, "2A5F"))
        await self.bluez.connect(OXIMETER)
        await self.bluez.subscribe(OXIMETER, "2A5F")
        await self.value(OXIMETER, "2A5F", before + 1)
        expect(oximeter.status["encrypted"], "encrypted after the reconnect")

    async def pairing_beside_discovery(self):
        """Pair() while bluetoothd still resolves services for Connect(): the bond comes, the answer may not."""
        answered = 0
        for n in range(RACES):
            device = self.home.add("oximeter", "Racer", RACER, every=5.0)
            await self.found(RACER)
            await self.bluez.do(RACER, "Connect")
            pairing = asyncio.ensure_future(self.bluez.do(RACER, "Pair"))
            await self.bluez.until("Paired is signalled", lambda: self.bluez.device(RACER, "Paired"), 15)
            done, _ = await asyncio.wait({pairing}, timeout=5)
            answered += 1 if done else 0
            pairing.cancel()
            expect(device.status["pairings"] == 1, "the device has bonded")
            await self.bluez.remove(RACER)
            self.home.home("remove", name="Racer")
        step(f"Pair() right after Connect(): {RACES} bonds, {answered} answers")

    async def spot_devices(self):
        plain = self.home.add("thermometer", "Thermometer", THERMOMETER)
        scale = self.home.add("scale", "Scale", SCALE)
        for device, short, frame in ((plain, "2A1C", sigframes.temperature("37.9")), (scale, "2A9D", b"\x02\x90\x38")):
            device.tell("measure", value="37.9" if device is plain else "72.4")
            await self.pair(device.address)
            await self.bluez.subscribe(device.address, short)
            got = await self.value(device.address, short)
            expect(got[1:3] == frame[1:3], f"{device.name}: {got.hex()}")
            await self.until_home(f"{device.name} leaves by itself", lambda: not device.status["connected"])
            expect(device.status["memory"] == 0 and device.status["taken"] == 1, f"{device.name} was emptied")
            step(f"{device.name.lower()}: paired, one indication, left by itself")
            self.home.home("remove", name=device.name)

    async def cuff(self):
        cuff = self.home.add("cuff", "Cuff", CUFF, maker="aandd")
        cuff.tell("pairing")
        await self.found(CUFF)
        try:
            await self.bluez.do(CUFF, "Pair")
        except CallFailed as error:
            step(f"cuff: Pair() of a device that leaves at once: {error}")
        await self.until_home("the cuff bonds and leaves", lambda: cuff.status["pairings"] == 1 and not cuff.status["connected"])
        expect(self.bluez.device(CUFF, "Paired"), "bluetoothd kept the bond")
        await self.bluez.trust(CUFF)
        cuff.tell("measure", systolic=131, diastolic=83, pulse=66)
        await self.bluez.connect(CUFF)
        await self.bluez.write(CUFF, "2A08", struct.pack("<HBBBBB", 2026, 3, 1, 12, 0, 0))
        await self.bluez.subscribe(CUFF, "2A35")
        expect(self.bluez.heard(CUFF, "2A35") == [], "it waits for the order")
        await self.bluez.write(CUFF, "233BF001-5A34-1B6D-975C-000D5690ABE4", bytes.fromhex("0200E1"))
        values = sigframes.decode_2a35(await self.value(CUFF, "2A35")).values
        expect([int(v) for v in values.values()] == [131, 83, 99, 66], f"the measurement: {values}")
        step("cuff (A&D): bonded, left, came back, sent its memory when ordered")
        self.home.home("remove", name="Cuff")

    async def glucose(self):
        meter = self.home.add("glucose", "Glucose", GLUCOSE, records=3)
        meter.tell("measure", value="6.4", meal=True)
        await self.pair(GLUCOSE)
        for short in ("2A18", "2A34", "2A52"):
            await self.bluez.subscribe(GLUCOSE, short)
        await self.bluez.write(GLUCOSE, "2A52", b"\x01\x01")
        expect(await self.value(GLUCOSE, "2A52", 1) == b"\x06\x00\x01\x01", "the report succeeds")
        numbers = [struct.unpack_from("<H", f, 1)[0] for f in self.bluez.heard(GLUCOSE, "2A18")]
        expect(numbers == [1, 2, 3, 4] and len(self.bluez.heard(GLUCOSE, "2A34")) == 1, f"the records: {numbers}")
        await self.bluez.write(GLUCOSE, "2A52", b"\x02\x02\x01\x03\x00")
        await self.value(GLUCOSE, "2A52", 2)
        expect(meter.status["records"] == [4], "those up to number 3 are deleted")
        step("glucose meter: 4 records with a context, deleted up to a number")
        self.home.home("remove", name="Glucose")

    async def buttons(self):
        await self.bluez.discover(False)
        await self.bluez.discover()
        button = self.home.add("button", "Button", BUTTON)
        button.tell("press")
        data = await self.bluez.until("the press is heard", lambda: (self.bluez.device(BUTTON, "ServiceData") or {}).get(uuid("FCD2")))
        expect(bytes(getattr(data, "value", data)) == bytes.fromhex("44000101 5C3A01"), f"service data {data}")
        step("button: a press in an advertisement")
        tag = self.home.add("gatt-button", "iTAG", ITAG)
        await self.found(ITAG)
        await self.bluez.connect(ITAG)
        await self.bluez.subscribe(ITAG, "FFE1")
        tag.tell("press")
        expect(await self.value(ITAG, "FFE1") == b"\x01", "the press")
        step("button: a press over a connection")
        self.home.home("remove", name="iTAG")
        self.home.home("remove", name="Button")

    async def addresses(self):
        private = self.home.add("oximeter", "Private", PRIVATE, private=True, every=0.2)
        first = private.status["on_air"]
        expect(first != PRIVATE, "a private address")
        await self.found(first)
        await self.bluez.do(first, "Pair")
        # bluetoothd renames the object to the identity address once it knows it.
        await self.bluez.until("the identity is known", lambda: self.bluez.device(PRIVATE, "Paired") or self.bluez.device(first, "Paired"))
        path = PRIVATE if self.bluez.device(PRIVATE, "Paired") else first
        step(f"private address: bonded; bluetoothd's object is {'the identity' if path == PRIVATE else 'still the first private'} address, "
             f"Address {self.bluez.device(path, 'Address')}")
        private.tell("rotate")
        second = private.status["on_air"]
        expect(second not in (first, PRIVATE), "the address changed")
        await self.bluez.until("the link ended", lambda: not self.bluez.device(path, "ServicesResolved"))
        await self.bluez.connect(path)
        await self.until_home("encrypted", lambda: private.status["encrypted"])
        step("private address: changed, resolved, connected again")
        self.home.home("remove", name="Private")

        self.display = self.home.add("oximeter", "Display", DISPLAY, display=True)
        await self.bluez.call("/org/bluez", "org.bluez.AgentManager1", "UnregisterAgent", "o", "/lab/agent")
        await self.bluez.register_agent("KeyboardDisplay")
        await self.found(DISPLAY)
        await self.bluez.do(DISPLAY, "Pair")
        expect(self.bluez.device(DISPLAY, "Paired"), "paired")
        step("passkey: read on the device's display, typed, paired")
        self.home.home("remove", name="Display")

    async def adapter(self):
        """Switched off, blocked by the radio switch, pulled out, bluetoothd killed: what each looks like from the bus."""
        device = self.home.add("oximeter", "Survivor", SURVIVOR, every=0.2)
        await self.pair(SURVIVOR)
        switch = next(e for e in Path("/sys/class/rfkill").iterdir() if (e / "type").read_text().strip() == "bluetooth")
        daemon = Path(os.environ["LAB_FOLDER"]) / "daemon.sh"
        ways = [
            ("switched off", lambda: self.bluez.power(False), lambda: self.bluez.power(True)),
            ("radio switch", lambda: ((switch / "soft").write_text("1"), self.home.home("cut")), lambda: (switch / "soft").write_text("0")),
            ("pulled out", lambda: self.home.home("unplug"), lambda: self.home.home("plug")),
            ("bluetoothd killed", lambda: subprocess.run([daemon, "kill"], check=True), lambda: subprocess.run([daemon, "start"], check=True)),
        ]
        for what, away, back in ways:
            outcome = away()
            if asyncio.iscoroutine(outcome):
                await outcome
            await self.until_home(f"{what}: the link ends", lambda: not device.status["connected"])
            present = await self.bluez.refresh()
            adapters = {p: i["org.bluez.Adapter1"]["Powered"] for p, i in self.bluez.objects.items() if "org.bluez.Adapter1" in i} if present else None
            outcome = back()
            if asyncio.iscoroutine(outcome):
                await outcome
            try:
                await self.bluez.powered(8)
                power = "has power by itself"
            except TimeoutError:
                await self.bluez.power(True)
                await self.bluez.powered(8)
                power = "stays off until Powered is set"
            refused = await self.discover_until_allowed()
            await self.bluez.connect(SURVIVOR)
            await self.until_home("encrypted again", lambda: device.status["encrypted"])
            expect(device.status["pairings"] == 1, "the bond held")
            step(f"adapter, {what}: adapters then {adapters}; back, it {power}; {refused}the bond holds")
        # A client's agent and discovery are gone with bluetoothd.
        await self.bluez.register_agent()
        self.home.home("remove", name="Survivor")

    async def discover_until_allowed(self) -> str:
        """A bluetoothd that was just started answers InProgress for a while."""
        began = uptime()
        for _ in range(60):
            try:
                await self.bluez.discover()
                return f"discovery was refused for {uptime() - began:.1f} s; " if uptime() - began > 0.1 else ""
            except CallFailed as error:
                if not error.name.endswith("InProgress"):
                    raise
                await asyncio.sleep(0.25)
        raise TimeoutError("discovery is refused for good")

    async def drops(self):
        """A careful client takes every record of a device that is cut off again and again: it can be done."""
        device = self.home.add("oximeter", "Dropper", DROPPER, stream=False, records=4)
        await self.pair(DROPPER)
        device.tell("drop_often", count=25, seed=7)
        # While a client discovers, Connect() waits until the scan is started anew, up to ten seconds: the controller has
        # reported the device already and filters duplicates.
        await self.bluez.discover(False)
        # The first cut is that of the link that pairing left.
        device.tell("drop")
        taken: set[str] = set()
        ends = uptime() + 240
        while uptime() < ends and (device.status["drops_left"] or device.status["records"]):
            try:
                await asyncio.wait_for(self.fetch(taken), 30)
            except (CallFailed, TimeoutError, asyncio.TimeoutError):
                await asyncio.sleep(0.5)
        status = device.status
        everything = device.tell("everything")
        expect(status["drops_left"] == 0 and status["records"] == [], f"not done within 240 s: {status}")
        expect(set(everything) == taken, f"{len(set(everything) - taken)} records never came")
        expect(sorted(status["deleted"]) == list(range(1, len(everything) + 1)), "each record was deleted once")
        step(f"drops: {len(everything)} records taken and deleted over 25 cuts ({status['connections']} links, {status['trapped']} traps)")
        self.home.home("remove", name="Dropper")
        await self.bluez.discover()

    async def fetch(self, taken: set[str]):
        if not self.bluez.device(DROPPER, "ServicesResolved"):
            await self.bluez.connect(DROPPER, attempts=1)
        for short in ("2A5E", "2A52"):
            await self.bluez.subscribe(DROPPER, short)
        before, answers = len(self.bluez.heard(DROPPER, "2A5E")), len(self.bluez.heard(DROPPER, "2A52"))
        await self.bluez.write(DROPPER, "2A52", b"\x01\x01")
        answer = await self.answered(answers)
        taken.update(frame.hex() for frame in self.bluez.heard(DROPPER, "2A5E")[before:])
        received = len(self.bluez.heard(DROPPER, "2A5E")) - before
        if answer != b"\x06\x00\x01\x01":
            await asyncio.sleep(0.5)
            return
        # Deleted only when the device holds no more than what was taken.
        await self.bluez.write(DROPPER, "2A52", b"\x04\x01")
        if await self.answered(answers + 1) == b"\x05\x00" + struct.pack("<H", received):
            await self.bluez.write(DROPPER, "2A52", b"\x02\x01")
            await self.answered(answers + 2)

    async def answered(self, count: int) -> bytes:
        def done():
            if not self.bluez.device(DROPPER, "ServicesResolved"):
                raise TimeoutError("the link is gone")
            heard = self.bluez.heard(DROPPER, "2A52")
            return heard[count] if len(heard) > count else None
        return await self.bluez.until("an answer", done, 10)

    async def twelve(self):
        devices = [self.home.add("oximeter", f"Ox {n}", f"C0:FF:EE:00:12:{n:02X}", every=1.0) for n in range(12)]
        for device in devices:
            await self.found(device.address)
        step("twelve: all found")
        for device in devices:
            await self.pair(device.address)
            await self.bluez.subscribe(device.address, "2A5F")
        for device in devices:
            await self.value(device.address, "2A5F", 2)
        air = self.home.home("air")
        expect(air["links"] == 12, f"12 links at once: {air}")
        step(f"twelve: all connected, encrypted and notifying at once ({air['reports']} advertisements reported, {air['connects']} connections)")

    async def run(self):
        await self.bluez.open(self.passkey)
        await self.bluez.powered()
        step("the adapter has power")
        await self.bluez.register_agent()
        await self.bluez.discover()
        steps = [self.oximeter, self.pairing_beside_discovery, self.spot_devices, self.cuff, self.glucose, self.buttons, self.addresses, self.adapter, self.drops, self.twelve]
        only = os.environ.get("LAB_SELFCHECK", "").split()
        for one in steps:
            if not only or one.__name__ in only:
                await one()
        step("the lab works")


if __name__ == "__main__":
    try:
        asyncio.run(asyncio.wait_for(Proof().run(), 600))
    except (AssertionError, TimeoutError, CallFailed) as failure:
        print(f"{uptime():7.2f} s  FAILED: {type(failure).__name__}: {failure}", file=sys.stderr)
        sys.exit(1)
