"""A hub among homes, a broker, receivers and a nurse, with bad cables between them and a ledger beside them.

One folder, loopback only; everything that is started ends with `close`. The hub is the real binary in one process or as three roles;
the broker is mosquitto. `Disk` is the shim that makes the journal's fsync fail.
"""

from __future__ import annotations

from pathlib import Path
import http.client
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "demo")]

from broker import Broker, free_port, wait_for  # noqa: E402
from gateway import Destination, Gateway  # noqa: E402
from ledger import Journal, Ledger, reconcile  # noqa: E402
from sink import Latencies, Sink  # noqa: E402
import traffic  # noqa: E402
from wire import Tap, Wire  # noqa: E402

SECRET = "a-shared-secret-of-the-long-runs-0123456789"
ROLES = ("core", "forward", "console")


def build_shim(source: Path, library: Path):
    """A library for LD_PRELOAD. The Swift toolchain brings clang."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        raise FileNotFoundError("no C compiler (clang or cc) on the PATH")
    subprocess.run([compiler, "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)


class Disk:
    """The shim beside the hub: tells it which sync of the journal is to fail."""

    HOW = {"good": 0, "EIO": 1, "ENOSPC": 2, "hang": 3}

    def __init__(self, folder: Path):
        self.orders = 0
        self.library, self.cell = folder / "failing_sync.so", folder / "failing_sync"
        build_shim(Path(__file__).with_name("failing_sync.c"), self.library)
        self.cell.write_bytes(bytes(48))
        self.environment = {"LD_PRELOAD": str(self.library), "FAILING_SYNC_FILE": str(self.cell)}

    def fail(self, how: str, count: int = 1, skip: int = 0):
        with self.cell.open("r+b") as file:
            file.write(struct.pack("3q", 0, skip, count))
            self.orders += 1
            file.seek(40)
            file.write(struct.pack("q", self.orders))
            file.seek(0)
            file.write(struct.pack("q", self.HOW[how]))

    def well(self):
        self.fail("good", 0)

    @property
    def spoiled(self) -> int:
        return struct.unpack("6q", self.cell.read_bytes())[3]

    @property
    def passed(self) -> int:
        return struct.unpack("6q", self.cell.read_bytes())[4]


class World:
    def __init__(self, folder: Path, seed: int, roles: bool = False, persistence: bool = True, rate: float = 150, presses: float = 0.1,
                 garbage: float = 0.05, nurse: bool = True, say=print, **sections):
        """`rate`: messages a second; `presses` and `garbage`: their shares. `persistence`: mosquitto keeps its queues on disk."""
        self.folder, self.seed, self.say = Path(folder), seed, say
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rate, self.shares = rate, (presses, garbage)
        self.ledger = Ledger()
        self.calls, self.values, self.stores = Latencies(), Latencies(), Latencies()
        self.sink = Sink(SECRET, self.heard, lambda number: self.values.end(number)).start()
        self.broker = self.mosquitto(persistence)
        self.tap = Tap("demo-hub-street", self.ledger.delivered, self.ledger.acknowledged_by_hub)
        self.ledger.on_acknowledged = self.stores.end
        self.link = Wire(self.broker.port, seed, self.tap)
        self.hospital, self.nurses = Wire(self.sink.port, seed + 1), Wire(self.sink.port, seed + 2)
        self.disk = Disk(self.folder)
        self.names = ROLES if roles else ("all",)
        self.hub = self.gateway(sections)
        self.buttons: dict[str, int] = {}
        self.stop_traffic, self.stop_nurse = threading.Event(), threading.Event()
        self.nurse_acts = threading.Lock()
        self.traffic: threading.Thread | None = None
        self.has_nurse = nurse
        self.sender: traffic.Sender | None = None
        self.number = 0

    def mosquitto(self, persistence: bool) -> Broker:
        port, folder = free_port(), self.folder / "broker"
        broker = Broker(folder, port=port, configuration=(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nautosave_interval 1\nmax_inflight_messages 1000\nmax_queued_messages 0\n"
            "set_tcp_nodelay true\n"))
        # Not a line a packet: a long run would fill the disk.
        text = broker.file.read_text().replace("log_type all", "log_type error\nlog_type warning")
        broker.file.write_text(text if persistence else text.replace("persistence true", "persistence false"))
        return broker.start()

    def gateway(self, sections: dict) -> Gateway:
        destinations = [
            Destination("hospital", "fhir", f"http://127.0.0.1:{self.hospital.port}/fhir", share=("observations",)),
            Destination("nurses", "webhook", f"http://127.0.0.1:{self.nurses.port}/nurses", secret=SECRET, share=("alerts",)),
        ]
        sections = {
            "escalation": {"high": ["1h"], "receivers": [{"level": 0, "destinations": ["nurses"]}]},
            "realtime": {"patientsMax": 64, "devicesMax": 256, "alertsMax": 16_384, "lockMemory": False},
        } | sections
        hub = Gateway(self.folder / "hub", self.link.port, destinations, **sections)
        hub.environment = dict(self.disk.environment)
        return hub

    # -- life

    def start(self) -> "World":
        for name in self.names:
            self.start_role(name)
        people = [self.post("/v1/patients", name=f"Person {n}")["id"] for n in range(max(traffic.THERMOMETERS, traffic.BUTTONS))]
        for n, person in enumerate(people[:traffic.THERMOMETERS]):
            self.device("bridge/thermometer", f"t{n}", person)
        # One each: an id that was told, lost and given to the person's next press would otherwise be told of two buttons, which is known
        # (docs/endurance.md).
        for n, person in enumerate(people[:traffic.BUTTONS]):
            self.buttons[self.device("zigbee2mqtt/sos-button", f"s{n}", person)] = n
        wait_for(lambda: self.hub.status()["links"][0]["state"] == "connected", 30, "the link is up")
        self.sender = traffic.Sender(self.broker.port, "homes", self.ledger.took, self.ledger.is_unsure)
        if self.has_nurse:
            self.run(self.nurse)
        return self

    @staticmethod
    def run(work) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def begin_traffic(self):
        self.stop_traffic.clear()
        self.traffic = self.run(self.homes)

    def end_traffic(self):
        """Returns when the broker has everything that was sent."""
        self.stop_traffic.set()
        if self.traffic:
            self.traffic.join(90)
            self.traffic = None

    def post(self, path: str, **body):
        status, answer = self.hub.api("POST", path, body | {"actor": "Installer", "reason": "long run"})
        if status not in (200, 201):
            raise RuntimeError(f"POST {path} → {status} {answer}")
        return answer

    def device(self, profile: str, address: str, person: str) -> str:
        return self.post("/v1/devices", label=address, profile=profile, address=address, patient=person, expectedIntervalSeconds=0)["id"]

    def start_role(self, name: str, wait: bool = True):
        self.hub.start(None if name == "all" else name, wait=wait and name in ("all", "core"))

    def restart(self, name: str):
        self.hub.kill(name)
        self.start_role(name)

    def signal(self, name: str, number: int):
        self.hub.processes[name].send_signal(number)

    def close(self):
        self.stop_traffic.set()
        self.stop_nurse.set()
        self.disk.well()
        for wire in (self.link, self.hospital, self.nurses):
            wire.set("good")
        for process in list(self.hub.processes.values()) + [self.broker.process]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
        ended = {}
        for name in list(self.hub.processes):
            try:
                ended[name] = self.hub.stop(name)
            except TimeoutError as error:
                ended[name] = None
                self.say(f"{name} did not end: {str(error)[:200]}")
        if self.sender:
            self.sender.close()
        for wire in (self.link, self.hospital, self.nurses):
            wire.close()
        self.broker.stop()
        self.sink.stop()
        return ended

    # -- homes and the nurse

    def homes(self):
        chance = random.Random(f"{self.seed} homes {self.number}")
        presses, garbage = self.shares
        step, due, serial = 1 / self.rate, time.monotonic(), self.number * 17
        free = {}
        while not self.stop_traffic.is_set():
            kind, key = chance.random(), None
            if kind < presses:
                button, battery = chance.randrange(traffic.BUTTONS), chance.choice(traffic.BATTERIES)
                # Two presses of one button within a quarter of a second are one that cannot be told from the other on the way.
                if free.get(button, 0) <= time.monotonic():
                    free[button] = time.monotonic() + 0.25
                    serial += 1
                    key = ("press", button, battery)
                    topic, payload = traffic.press(button, battery, serial)
                    self.calls.begin(button)
            elif kind < presses + garbage:
                topic, payload = traffic.garbage(chance)
                self.ledger.garbage += 1
                self.sender.send(topic, payload, None)
            if key is None and kind >= presses + garbage:
                number = self.number % traffic.NUMBERS
                self.number += 1
                key = ("value", number)
                topic, payload = traffic.temperature(number)
                self.values.begin(number)
            if key is not None:
                self.stores.begin(key)
                self.send(topic, payload, key)
            due += step
            rest = due - time.monotonic()
            if rest > 0:
                time.sleep(rest)
            elif rest < -1:
                due = time.monotonic()
        self.sender.flush(30)

    def send(self, topic: str, payload: bytes, key: tuple):
        self.ledger.gives(key)
        if not self.sender.send(topic, payload, key):
            self.ledger.takes_back(key)

    def heard(self, event: dict):
        button = self.buttons.get(event.get("device", {}).get("hubDevice"))
        if button is not None:
            self.calls.end(button)

    def nurse(self):
        """Looks at the list every second, takes and resolves what is older than some seconds; now and then opens the console."""
        chance = random.Random(f"{self.seed} nurse")
        while not self.stop_nurse.wait(1):
            with self.nurse_acts:
                try:
                    self.look(chance)
                except (OSError, RuntimeError, ValueError, KeyError, http.client.HTTPException):
                    pass  # The hub is away: that is what is being tried.

    def look(self, chance: random.Random):
        calls = [a for a in self.hub.get("/v1/alerts?state=open&limit=200") if a["rule"] == "sos"]
        for alert in chance.sample(calls, min(len(calls), 12)):
            body = {"actor": "Nina Nurse", "comment": "helped", "usefulness": "actionable"}
            if self.hub.api("POST", f"/v1/alerts/{alert['id']}/resolve", body)[0] == 200:
                self.ledger.resolved.add(alert["id"])
        self.hub.http("/", self.hub.console_port, timeout=3)

    # -- the verdict

    def settle(self, seconds: float = 120):
        """Traffic has ended: waits until the hub has what the broker has, and the receivers have what the hub has."""
        deadline, last, since = time.monotonic() + seconds, None, time.monotonic()
        while time.monotonic() < deadline:
            missing = self.ledger.missing()
            if missing != last:
                last, since = missing, time.monotonic()
            # What a killed broker has lost will never come: no progress for a while is the end.
            if missing == 0 or self.ledger.broker_forgot and time.monotonic() - since > 6:
                break
            time.sleep(0.1)
        else:
            self.say(f"not acknowledged within {seconds:g} s: {self.ledger.missing()}")
        try:
            wait_for(lambda: self.hub.pending() == 0 and self.hub.status()["intakeDepth"] == 0, max(5, deadline - time.monotonic()), "all is delivered", 0.1)
        except TimeoutError as error:
            self.say(f"{error}; pending {self.hub.pending()}")

    def account(self, shed: int = 0):
        """Reconciles now. The nurse rests meanwhile: what she does after the journal was read would count as lost."""
        with self.nurse_acts:
            intact = self.hub.get("/v1/audit/verify")["intact"]
            return reconcile(self.ledger, Journal(self.hub.state / "journal.sqlite"), self.sink, shed, intact)
