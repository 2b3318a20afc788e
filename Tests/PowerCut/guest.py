"""Inside the kernel whose power is cut: a hub on the disk under test, a broker and a response centre in memory, and a nurse.

Everything that counts is said on the console, a line each, before anybody else can hear of it or in the moment it is heard. The host
keeps the ledger: what it has read happened before the cut. Lines begin with `@@` and a letter:

    C         the journal as the disk has it was copied to the results folder
    U         the hub is up
    P n key   the broker has a message, numbered n
    A n       the hub acknowledged it
    W …       a webhook was delivered (JSON: id and body)
    R id      a nurse was told that the alert is resolved
    L …       all is delivered; the end
"""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
import random
import shutil
import socket
import struct
import sys
import threading
import time

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Deploy/soak"), str(ROOT / "Deploy/demo")]

from broker import free_port, wait_for  # noqa: E402
from gateway import Destination, Gateway  # noqa: E402
from sink import Sink  # noqa: E402
import traffic  # noqa: E402

RESULTS, DISK, SECRET = Path("/run/results"), Path("/run/disk"), "a-shared-secret-of-the-power-cuts-0123"
console = threading.Lock()


def say(letter: str, *words):
    with console:
        os.write(1, (" ".join(["@@", letter, *map(str, words)]) + "\n").encode())


class Broker:
    """One session of MQTT 5 with QoS 1. Its memory is the host's: what was not acknowledged before the cut is sent again, with DUP."""

    WINDOW = 400

    def __init__(self, open_messages: list[list], last: int):
        self.lock = threading.Condition()
        self.open: dict[int, tuple] = {n: (topic, bytes.fromhex(payload)) for n, topic, payload in open_messages}
        self.last = last
        self.session: socket.socket | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link: socket.socket):
        buffer = bytearray()
        try:
            while piece := link.recv(65_536):
                buffer += piece
                for kind, body in traffic.packets(buffer):
                    self.answer(link, kind >> 4, body)
        except OSError:
            pass
        with self.lock:
            if self.session is link:
                self.session = None

    def answer(self, link: socket.socket, kind: int, body: bytes):
        if kind == 1:
            # The connections beside it, for alarms and for saying which hub this is, hear nothing here.
            is_session = b"alarms-" not in body and b"claim-" not in body
            link.sendall(b"\x20\x03" + bytes([int(is_session), 0, 0]))
            if is_session:
                with self.lock:
                    self.session = link
                    for number, (topic, payload) in self.open.items():
                        self.publish(number, topic, payload, dup=True)
        elif kind == 8:
            at, filters = 3 + body[2], 0
            while at < len(body):
                at += 3 + struct.unpack("!H", body[at:at + 2])[0]
                filters += 1
            link.sendall(traffic.packet(0x90, body[:2] + b"\0" + b"\1" * filters))
        elif kind == 3 and len(body) > 2:
            length = struct.unpack("!H", body[:2])[0]
            link.sendall(b"\x40\x02" + body[2 + length:4 + length])
        elif kind == 4:
            number = struct.unpack("!H", body[:2])[0]
            with self.lock:
                if self.open.pop(number, None):
                    say("A", number)
                self.lock.notify_all()
        elif kind == 12:
            link.sendall(b"\xd0\x00")

    def publish(self, number: int, topic: str, payload: bytes, dup: bool):
        if self.session:
            body = traffic.text(topic) + struct.pack("!H", number) + b"\0" + payload
            try:
                self.session.sendall(traffic.packet(0x3A if dup else 0x32, body))
            except OSError:
                self.session = None

    def send(self, topic: str, payload: bytes, key: tuple):
        with self.lock:
            self.lock.wait_for(lambda: len(self.open) < self.WINDOW)
            self.last = self.last % 65_535 + 1
            while self.last in self.open:
                self.last = self.last % 65_535 + 1
            self.open[self.last] = (topic, payload)
            say("P", self.last, json.dumps([key, topic, payload.hex()]))
            self.publish(self.last, topic, payload, dup=False)


class Centre(Sink):
    def change(self, identity: str, value: dict) -> bool:
        say("W", json.dumps({"id": identity, "body": value}, default=str))
        return super().change(identity, value)


def post(hub: Gateway, path: str, **body):
    status, answer = hub.api("POST", path, body | {"actor": "Installer", "reason": "power cuts"}, timeout=30)
    if status not in (200, 201):
        raise RuntimeError(f"POST {path} → {status} {answer}")
    return answer


def register(hub: Gateway):
    people = [post(hub, "/v1/patients", name=f"Person {n}")["id"] for n in range(max(traffic.THERMOMETERS, traffic.BUTTONS))]
    for n, person in enumerate(people[:traffic.THERMOMETERS]):
        post(hub, "/v1/devices", label=f"t{n}", profile="bridge/thermometer", address=f"t{n}", patient=person, expectedIntervalSeconds=0)
    for n in range(traffic.BUTTONS):
        post(hub, "/v1/devices", label=f"s{n}", profile="zigbee2mqtt/sos-button", address=f"s{n}", patient=people[n], expectedIntervalSeconds=0)


def nurse(hub: Gateway, chance: random.Random):
    while True:
        time.sleep(0.2)
        try:
            calls = [a for a in hub.get("/v1/alerts?state=open&limit=50") if a["rule"] == "sos"]
            for alert in chance.sample(calls, min(4, len(calls))):
                body = {"actor": "Nina Nurse", "comment": "helped", "usefulness": "actionable"}
                if hub.api("POST", f"/v1/alerts/{alert['id']}/resolve", body)[0] == 200:
                    say("R", alert["id"])
        except (OSError, RuntimeError, ValueError, http.client.HTTPException):
            continue


def homes(broker: Broker, settings: dict, chance: random.Random):
    number, serial = settings["number"], settings["number"]
    while True:
        serial += 1
        if chance.random() < 0.08:
            button, battery = chance.randrange(traffic.BUTTONS), chance.choice(traffic.BATTERIES)
            broker.send(*traffic.press(button, battery, serial), ("press", button, battery))
        else:
            broker.send(*traffic.temperature(number % traffic.NUMBERS), ("value", number % traffic.NUMBERS))
            number += 1
        time.sleep(chance.choice([0, 0, 0.002, 0.02]))


def main():
    settings = json.loads((RESULTS / "settings.json").read_text())
    chance = random.Random(settings["seed"])
    state = DISK / "state"
    if state.exists():
        for name in ("journal.sqlite", "journal.sqlite-wal"):
            if (state / name).exists():
                shutil.copyfile(state / name, RESULTS / name)
                with (RESULTS / name).open("r+b") as file:
                    os.fsync(file.fileno())
    say("C", *[f"{p.name}:{p.stat().st_size}" for p in sorted(state.iterdir())] if state.exists() else [])
    broker = Broker(settings["open"], settings["last"])
    centre = Centre(SECRET).start()
    hub = Gateway(Path("/run/world"), broker.port, [
        Destination("nurses", "webhook", f"http://127.0.0.1:{centre.port}/nurses", secret=SECRET, share=("alerts",)),
    ], state=state, escalation={"high": ["1h"], "receivers": [{"level": 0, "destinations": ["nurses"]}]},
        realtime={"patientsMax": 64, "devicesMax": 256, "alertsMax": 8_192, "lockMemory": False})
    try:
        hub.start(wait=False)
        hub.wait_ready(seconds=60)
        if settings["first"]:
            register(hub)
    except (RuntimeError, TimeoutError) as error:
        say("F", f"the hub did not start: {str(error)[-1500:]!r}")
        return 1
    say("U", hub.get("/v1/status")["store"])
    threading.Thread(target=nurse, args=(hub, chance), daemon=True).start()
    if not settings["last_of_all"]:
        homes(broker, settings, chance)
    try:
        wait_for(lambda: not broker.open, 90, "everything is acknowledged", 0.1)
        wait_for(lambda: hub.pending() == 0, 60, "everything is delivered", 0.1)
    except TimeoutError as error:
        say("F", error)
    intact = hub.get("/v1/audit/verify")["intact"]
    status = hub.stop(seconds=30)
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        if (state / name).exists():
            shutil.copyfile(state / name, RESULTS / name)
            with (RESULTS / name).open("r+b") as file:
                os.fsync(file.fileno())
        else:
            (RESULTS / name).unlink(missing_ok=True)
    say("L", json.dumps({"audit": intact, "status": status}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
