"""One scenario's world inside the lab: the home's devices, the hub (the real binary), and who receives what it sends.

The hub, the broker and the receivers are those of the demonstration (Deploy/demo), started and asked as a person or
another system would: configuration file, command line, HTTP. Nothing is imported from the product.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
import json
import os
from pathlib import Path
import shutil
import subprocess
import time

from broker import wait_for
from gateway import Destination, Gateway
from receiver import Receiver

from peripherals.orders import HomeClient, RemoteDevice

SECRET = "a-shared-secret-of-the-lab-0123456789"
LOINC = {
    "spo2": "2708-6", "pulse": "8867-4", "temperature": "8310-5", "weight": "29463-7", "pressure": "85354-9", "glucose": "15074-8",
}
# What a blood pressure's components are called: MDC_PRESS_BLD_NONINV_SYS and _DIA.
SYSTOLIC, DIASTOLIC = "150021", "150022"


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


class Failure(AssertionError):
    """What the scenario promises does not hold."""


def expect(condition, text: str):
    if not condition:
        raise Failure(text)


class World:
    """Started by `with World(...) as world`. `bluetooth` are keys of `links.bluetooth`; other settings replace top-level sections.

    `roles`: the hub's processes, as `knutepunkt run --role` names them; none: one process for all.
    """

    def __init__(self, name: str, bluetooth: dict | None = None, roles: tuple[str, ...] = (), **settings):
        self.name = name
        self.folder = Path("/run/lab") / name
        self.results = Path(os.environ["LAB_RESULTS"])
        self.home = HomeClient()
        self.receiver = Receiver(self.folder / "received", {"nurses": SECRET})
        self.bluetooth = {"adapter": "hci0", **(bluetooth or {})}
        self.settings = settings
        self.roles = roles
        self.hub: Gateway | None = None
        self.measured: list[str] = []

    def __enter__(self) -> "World":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.receiver.start()
        destinations = [
            Destination("hospital", "fhir", self.receiver.url("fhir")),
            Destination("nurses", "webhook", self.receiver.url("nurses"), secret=SECRET, share=("alerts",)),
        ]
        escalation = {"receivers": [{"level": 0, "destinations": ["nurses"]}]}
        self.hub = Gateway(self.folder / "hub", 1, destinations, links={"bluetooth": self.bluetooth}, escalation=escalation, **self.settings)
        return self

    def __exit__(self, kind, error, trace):
        try:
            self.keep_trace()
            self.hub.stop()
        except Exception as problem:
            self.say(f"the hub did not stop: {problem}")
            if error is None:
                raise
        finally:
            self.receiver.stop()
            self.keep_evidence()

    def keep_trace(self):
        """What the hub itself tells about each step with bluetoothd, as `support-bundle` has it; a hub that is gone has none."""
        try:
            lines = self.hub.get("/v1/bluetooth/trace")["lines"]
        except Exception as problem:
            return self.say(f"no trace of the hub's: {problem}")
        text = "".join(f"{line['at']} {line['who']}: {line['what']}\n" for line in lines)
        (self.results / "hub-bluetooth-trace.log").write_text(text)

    def keep_evidence(self):
        """Logs and what was received go to the results folder; the lab's own file system is thrown away."""
        for file in [*self.hub.folder.glob("*.log"), *self.hub.folder.glob("*.yaml"), *self.receiver.folder.glob("*.jsonl")]:
            shutil.copy(file, self.results / f"hub-{file.name}")
        for file in self.hub.state.glob("journal.sqlite*"):
            shutil.copy(file, self.results / file.name)

    # -- saying

    def say(self, text: str):
        print(f"{uptime():8.2f} s  {text}", flush=True)

    def measure(self, what: str, value: str):
        """A number for the record: printed, and gathered on the scenario's last line."""
        self.measured.append(f"{what} {value}")
        self.say(f"{what}: {value}")

    @contextmanager
    def timed(self, what: str, at_most: float | None = None):
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        self.measure(what, f"{seconds:.1f} s")
        if at_most is not None:
            expect(seconds <= at_most, f"{what} took {seconds:.1f} s, more than {at_most:g}")

    # -- the home

    def device(self, kind: str, name: str, address: str, **options) -> RemoteDevice:
        return self.home.add(kind, name, address, **options)

    def daemon(self, what: str):
        """`start`, `stop`, `kill` bluetoothd, let it `hang` or `go-on`."""
        subprocess.run([Path(os.environ["LAB_FOLDER"]) / "daemon.sh", what], check=True, timeout=20, stdin=subprocess.DEVNULL)

    def daemon_lives(self) -> bool:
        try:
            state = Path(f"/proc/{Path('/run/bluetoothd.pid').read_text().strip()}/stat").read_text()
        except FileNotFoundError:
            return False
        return state.rpartition(")")[2].split()[0] != "Z"

    def bus(self, *arguments: str) -> str:
        """`busctl` on the system bus, as an operator's second hand."""
        done = subprocess.run(["busctl", "--system", *arguments], capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"busctl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def set_power(self, on: bool):
        self.bus("set-property", "org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1", "Powered", "b", str(on).lower())

    # -- the hub

    def start(self):
        for role in self.roles or (None,):
            self.hub.start(role)

    def person(self, name: str = "Kari Nordmann") -> str:
        return self.hub.add_patient(name)

    def pair(self, device: RemoteDevice, patient: str, profile: str | None = None, seconds: int = 60, test: bool = False,
             address: str | None = None) -> dict:
        """As an installer does, without a terminal. The answer names the hub's device. `address`: where its own is not on air."""
        words = ["--for", f"{seconds}s", "--yes", "--address", address or device.address, "--patient", patient, "--label", device.name, "--as", "installer"]
        words += ["--profile", profile] if profile else []
        words += [] if test else ["--no-test"]
        # Once chosen, a device has three minutes more.
        answer = self.hub.ask("pair", *words, seconds=seconds + 200)
        expect(answer.get("device"), f"pair {device.name}: {answer}")
        return answer

    def bluetooth_status(self) -> dict:
        """Exit 75 says that the adapter is away just now; what is known is printed all the same."""
        done = self.hub.command("bluetooth", "status", "--json", check=False)
        expect(done.returncode in (0, 75), f"bluetooth status ends with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def hub_device(self, identity: str) -> dict:
        found = [d for d in self.bluetooth_status()["devices"] if d["id"] == identity]
        expect(len(found) == 1, f"bluetooth status names {identity} {len(found)} times")
        return found[0]

    def until(self, what: str, condition, seconds: float, every: float = 0.2):
        try:
            return wait_for(condition, seconds, what, every)
        except TimeoutError as error:
            raise Failure(str(error)) from None

    # -- what arrived at the hospital and with the nurses

    def observations(self, code: str | None = None) -> list[dict]:
        found = self.receiver.resources("Observation")
        wanted = LOINC[code] if code else None
        return [o for o in found if wanted is None or any(c.get("code") == wanted for c in o["code"].get("coding", []))]

    def values(self, code: str) -> list[float]:
        return [o["valueQuantity"]["value"] for o in self.observations(code) if "valueQuantity" in o]

    def pressures(self) -> list[tuple[float, float]]:
        """(systolic, diastolic) in the order of delivery."""
        def component(observation: dict, code: str) -> float:
            [found] = [c for c in observation["component"] if any(k["code"] == code for k in c["code"]["coding"])]
            return found["valueQuantity"]["value"]
        return [(component(o, SYSTOLIC), component(o, DIASTOLIC)) for o in self.observations("pressure")]

    def wait_value(self, code: str, value: float, seconds: float, count: int = 1):
        """Until the hospital has the value so many times."""
        self.until(f"{code} {value} at the hospital, ×{count}", lambda: self.values(code).count(value) >= count, seconds)

    def told(self, **fields) -> list[dict]:
        return [e for e in self.receiver.heard("nurses") if all(e.get(k) == v for k, v in fields.items())]


def effective(observation: dict) -> datetime:
    return datetime.fromisoformat(observation["effectiveDateTime"].replace("Z", "+00:00"))


def shown(value) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
