"""A street of six homes comes alive: `make demo`.

Starts a private broker, a receiver and the gateway on free loopback ports and a private state folder; registers six
people through the command line; lets their devices speak for a minute; shows it live; and ends with a reconciliation.
Exit 0: everything sent was stored and delivered, each expected alert was raised once, and nothing else happened.
`--keep` leaves it running until Ctrl-C. Every process that it starts is stopped by its own id.
"""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import datetime
import os
from pathlib import Path
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time

from broker import Broker, wait_for
from gateway import Destination, EventStream, Gateway, default_binary
from receiver import Receiver
import reconciliation
from screen import BOLD, GREEN, RED, RESET, Board, Resident, screen_for
from street import RECORDS, SenderLog, Street, people

# The story's least length in seconds. It lasts until the missed dose is due, at most half a minute longer.
LENGTH = 50


class Demo:
    def __init__(self, folder: Path, binary: Path):
        self.folder = folder
        secret = secrets.token_hex(24)
        self.broker = Broker(folder / "broker")
        self.receiver = Receiver(folder / "received", {"response-centre": secret}).start()
        destinations = [
            Destination("response-centre", "webhook", self.receiver.url("response-centre"), secret=secret, share=("alerts",)),
            Destination("hospital", "fhir", self.receiver.url("fhir")),
        ]
        self.residents = people()
        self.gateway = Gateway(
            folder / "hub", self.broker.port, destinations, binary,
            # Long enough that nothing but the SOS, which gets its own story, escalates within the minute.
            escalation={"high": ["120s"], "medium": ["10m"], "low": ["1h"], "receivers": [{"level": 0, "destinations": ["response-centre"]}]},
        )
        self.board = Board(length=LENGTH + 15)
        for person in self.residents:
            self.board.residents[person.name] = Resident(person.name, person.home)
        self.log = SenderLog(folder / "sent.jsonl")
        self.entered: Counter = Counter()
        self.street: Street | None = None
        self.events: EventStream | None = None
        self.ended = threading.Event()

    # -- life

    def start(self):
        self.board.phase = "starting broker and gateway"
        self.broker.start()
        self.gateway.start()
        self.events = EventStream(self.gateway, self.on_event)
        self.events.start()
        self.events.opened.wait(5)
        self.register()
        # What is sent before the broker knows that the hub listens is nobody's.
        wait_for(lambda: "Sending SUBACK to demo-hub" in self.broker.log_text(), 10, "the hub listens")
        self.street = Street(self.residents, self.broker.port, self.log)
        threading.Thread(target=self.watch, daemon=True).start()

    def stop(self):
        self.ended.set()
        if self.events:
            self.events.close()
        if self.street:
            self.street.close()
        self.gateway.stop()
        self.broker.stop()
        self.receiver.stop()

    def register(self):
        """People, devices and plans, as an installer and a doctor register them: through the command line."""
        self.board.phase = "registering six people"
        for person in self.residents:
            person.id = self.gateway.add_patient(person.name, person.national_id)
            if person.key in RECORDS:
                self.gateway.edit_record(person.id, *RECORDS[person.key])
            for device in person.devices.values():
                device.id = self.gateway.add_device(device.label, device.profile, device.address, person.id, device.interval)
            if person.plan:
                self.gateway.set_plan(person.id, *person.plan)
            self.board.tell(f"registered {person.name} ({person.home}): {', '.join(d.label for d in person.devices.values())}")

    # -- what the screen shows

    def on_event(self, name: str, value: dict):
        if name == "alert":
            self.board.alerted(value)

    def watch(self):
        names = {person.id: person.name for person in self.residents}
        while not self.ended.wait(0.4):
            try:
                for patient in self.gateway.get("/v1/patients"):
                    if patient.get("score") and patient["id"] in names and names[patient["id"]] == "Solveig Berg":
                        self.board.scored(names[patient["id"]], patient["score"])
                self.board.counts.update(
                    sent=self.log.messages, stored=self.gateway.stored(), pending=self.gateway.pending(),
                    fhir=sum(self.receiver.fhir["fhir"].created.values()), webhook=len(self.receiver.heard("response-centre")),
                )
            except Exception:  # The screen is not the test: what is wrong shows in the reconciliation.
                continue

    def measured(self, key: str, text: str, quiet: bool = False):
        name = self.street.residents[key].name
        self.board.measured(name, text)
        if not quiet:
            self.board.tell(f"{name}: {text}")

    # -- the story

    def observe(self, person, **values):
        self.gateway.observe(person.id, **values)
        self.entered.update(values.keys())

    def breathe(self, spo2: int, pulse: int, quiet=True):
        self.street.oximeter("copd", spo2, pulse)
        self.measured("copd", f"SpO₂ {spo2} %, pulse {pulse}", quiet)

    def story(self) -> list[tuple[float, object]]:
        """(second, action). The oximeter's stream runs beside it."""
        street, by = self.street, {p.key: p for p in self.residents}
        copd = by["copd"]

        def vitals(systolic, diastolic, pulse, celsius, respiration, consciousness):
            street.cuff("copd", systolic, diastolic, pulse)
            street.thermometer("copd", celsius)
            self.observe(copd, respiration=respiration, consciousness=consciousness)
            self.measured("copd", f"BP {systolic}/{diastolic}, {celsius} °C, respiration {respiration}, consciousness {consciousness}")

        def said(key, text, *messages):
            for send, *arguments in messages:
                send(key, *arguments)
            self.measured(key, text)

        return [
            (0, lambda: said("silent", "36.7 °C, and nothing more from now on", (street.thermometer, "36.7"))),
            (1, lambda: said("dose", "morning dose put out", (street.dispenser, "dispensed", 0, "doseDispensed"))),
            (2, lambda: vitals(128, 76, 86, "37.1", 18, "A")),
            (3, lambda: said("gps", "at home, ±12 m", (street.tracker, 20, 10, 12))),
            (4, lambda: said("door", "front door locked, closed",
                (street.lock, "1", "locked"), (street.zigbee, "contact", {"contact": True, "battery": 91}, {"doorClosed": 1, "battery": 1}))),
            (5, lambda: said("dose", "morning dose taken", (street.dispenser, "taken", 0, "doseTaken"))),
            (6, lambda: said("alarm", "button and sensor report in",
                (street.zigbee, "button", {"action": "", "battery": 88}, {"battery": 1}), (street.zigbee, "fall", {"fall_down_status": "none", "presence": True}, {"fall": 1, "motion": 1}))),
            (9, lambda: said("gps", "a fix 4 km away, ±5000 m: too poor to mean anything", (street.tracker, 4000, 0, 5000))),
            (12, lambda: said("door", "unlocked from inside", (street.lock, "3", "unlocked"))),
            (14, lambda: vitals(116, 70, 102, "38.3", 22, "A")),
            (15, lambda: said("door", "the door opens, and stays open",
                (street.zigbee, "contact", {"contact": False, "battery": 91}, {"doorOpened": 1, "battery": 1}))),
            (18, lambda: said("alarm", "presses SOS", (street.zigbee, "button", {"action": "emergency", "battery": 88}, {"sos": 1, "battery": 1}))),
            (20, lambda: said("alarm", "falls", (street.zigbee, "fall", {"fall_down_status": "fall", "presence": True}, {"fall": 1, "motion": 1}))),
            (22, lambda: said("gps", "450 m north, ±15 m: outside for the first time", (street.tracker, 450, 0, 15))),
            (25, lambda: said("gps", "560 m north, ±10 m: outside for the second time", (street.tracker, 560, 20, 10))),
            (28, lambda: vitals(98, 58, 124, "39.2", 26, "C")),
            (32, lambda: self.nurse("acknowledge", "sos")),
            (40, lambda: self.nurse("resolve", "sos", comment="Helped up, no injury", cause="Fell in the bathroom", measure="Visit")),
            (self.length(), lambda: None),
        ]

    def length(self) -> float:
        """Seconds from now until the last thing that has to happen: the dose that counts as missed."""
        missed = next(p.missed_at for p in self.residents if p.missed_at)
        return max(LENGTH, (missed - datetime.now(missed.tzinfo)).total_seconds() + 2)

    def nurse(self, action: str, rule: str, **words):
        """A nurse does what nurses do, through the command line."""
        alert = next(a for a in self.gateway.alerts() if a["rule"] == rule)
        self.gateway.act(action, alert["id"], **words)

    def play(self):
        self.board.phase = "the street lives"
        began = time.monotonic()
        story, breaths = self.story(), 0
        self.board.length = began - self.board.started + story[-1][0] + 5
        while story:
            passed = time.monotonic() - began
            while story and story[0][0] <= passed:
                story.pop(0)[1]()
            # The stream of the oximeter: a frame a second; she gets worse from the tenth second on.
            if breaths <= passed:
                worse = min(1, max(0, (passed - 10) / 20))
                self.breathe(round(91 - 8 * worse), round(86 + 38 * worse))
                breaths += 1
            time.sleep(0.05)

    def settle(self):
        """Waits, within bounds, for what was sent to arrive. What has not arrived then is the reconciliation's finding."""
        self.board.phase = "waiting for the last deliveries"
        wanted = sum(self.log.readings.values())

        def arrived():
            raised = {a["rule"] for a in self.board.alerts.values()}
            expected = {rule for person in self.residents for rule in person.expected}
            return self.gateway.stored() >= wanted and self.gateway.pending() == 0 and expected <= raised
        try:
            wait_for(arrived, 60, "everything has arrived", 0.1)
            # A duplicate would come after the first: give it the time to.
            time.sleep(1.5)
        except TimeoutError:
            self.board.tell("not everything arrived in time", RED)


def report(demo: Demo, verdict) -> None:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for line in reconciliation.table(verdict):
        tint = GREEN if line.startswith("✓") else RED if line.startswith("✗") else ""
        print(f"{tint}{line}{RESET}" if colour and tint else line)
    seconds = time.monotonic() - demo.board.started
    stored = demo.gateway.stored()
    print()
    if verdict.right:
        print(f"{BOLD + GREEN if colour else ''}Right: {demo.log.messages} messages, {stored} readings, "
              f"{len(verdict.alerts)} alerts, nothing lost, doubled or unexpected, in {seconds:.0f} s.{RESET if colour else ''}")
    else:
        print(f"{BOLD + RED if colour else ''}Wrong: see above.{RESET if colour else ''} The hub's log ends with:")
        print(demo.gateway.log_tail(lines=15))


def keep(demo: Demo):
    link = demo.gateway.command("console", "link", "--as", "Demo").stdout.strip()
    print(f"\nIt goes on. The nurses' board, signed in as Demo (the link works once):\n\n  {link}\n")
    print(f"  {demo.gateway.binary} status --config {demo.gateway.file}\n\nCtrl-C stops everything and removes {demo.folder}.", flush=True)
    breaths = 0
    while True:
        time.sleep(5)
        breaths += 1
        demo.street.oximeter("copd", 88 + breaths % 3, 96 + breaths % 5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave it running and print the console's link")
    parser.add_argument("--binary", type=Path, default=default_binary())
    parser.add_argument("--leave-files", action="store_true", help="do not remove the state folder at the end")
    arguments = parser.parse_args()
    if not arguments.binary.exists():
        print(f"no binary at {arguments.binary}: make build", file=sys.stderr)
        return 69
    # Asked to end from outside: as Ctrl-C, so that nothing is left running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="knutepunkt-demo."))
    demo = Demo(folder, arguments.binary)
    screen = screen_for(demo.board)
    status = 1
    try:
        screen.start()
        demo.start()
        demo.play()
        demo.settle()
        screen.close()
        verdict = reconciliation.reconcile(demo.gateway, demo.receiver, demo.log, demo.entered, demo.residents)
        report(demo, verdict)
        status = 0 if verdict.right else 1
        if arguments.keep:
            keep(demo)
    except KeyboardInterrupt:
        status = status if arguments.keep else 130
    except Exception as error:
        screen.close()
        print(f"\nThe demonstration could not go on: {error}\n", file=sys.stderr)
        print(demo.gateway.log_tail(), file=sys.stderr)
    finally:
        screen.close()
        demo.stop()
        if not arguments.leave_files:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"files: {folder}")
    return status


if __name__ == "__main__":
    sys.exit(main())
