"""Who is there while something is done to the hub: homes that send readings and presses, a response centre, a nurse who closes what was told,
and a clerk who stores a value by hand and waits until the hub says that it is on the disk.

Each press is one measurement: from before its message goes to the broker until the response centre has it. A button's presses are told in
the order in which they were pressed, so a call that comes belongs to the button's oldest press that has none yet.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
import http.client
import random
import threading
import time

import traffic
from sink import Sink

SECRET = "a-shared-secret-of-the-years-0123456789"
BUTTONS = 100
NURSE = "Nina Nurse"


@dataclass(frozen=True)
class Took:
    """One measurement: when it began, on the monotonic clock, and how long it took, seconds."""
    began: float
    seconds: float


def spread(samples: list[Took]) -> dict[str, float]:
    """p50, p99 and the largest, ms; empty of nothing."""
    if not samples:
        return {"count": 0}
    values = sorted(s.seconds * 1_000 for s in samples)
    at = lambda share: values[min(len(values) - 1, int(len(values) * share))]  # noqa: E731
    return {"count": len(values), "p50": at(0.5), "p99": at(0.99), "max": values[-1]}


class Homes:
    def __init__(self, broker_port: int, seed: int, presses: float = 10, readings: float = 40):
        """`presses`, `readings`: how many a second."""
        self.rates = (presses, readings)
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.sent = Counter()                                              # presses by button
        self.waiting: dict[int, deque] = {n: deque() for n in range(BUTTONS)}  # when they were pressed
        self.calls: list[Took] = []
        self.stored: list[Took] = []
        self.surplus = 0                                                   # calls without a press
        self.buttons: dict[str, int] = {}                                  # the hub's name of a button → its number
        self.closing: deque = deque()                                      # (when told, alert)
        self.unsure = 0
        self.readings = 0
        self.sink = Sink(SECRET, self.told).start()
        self.sender = traffic.Sender(broker_port, "homes", lambda key: None, self.is_unsure)
        self.hub = None
        self.patient = None
        self.going, self.ended = threading.Event(), threading.Event()
        self.paused = threading.Event()
        self.workers: list[threading.Thread] = []

    def serve(self, hub):
        """From now on it is this hub whose alerts are closed and values stored."""
        self.hub = hub
        if not self.buttons:
            self.buttons = {d["id"]: int(d["address"][1:]) for d in hub.get("/v1/devices") if d["address"][0] == "s"}
            self.patient = hub.get("/v1/patients")[0]["id"]
        if not self.workers:
            for work in (self.send, self.nurse, self.clerk):
                self.workers.append(threading.Thread(target=work, daemon=True))
                self.workers[-1].start()

    # -- the response centre

    def told(self, event: dict):
        now, button = time.monotonic(), self.buttons.get(event.get("device", {}).get("hubDevice"))
        with self.lock:
            if button is None:
                return
            self.closing.append((now, event["alertId"]))
            if self.waiting[button]:
                began = self.waiting[button].popleft()
                self.calls.append(Took(began, now - began))
            else:
                self.surplus += 1

    def is_unsure(self, key):
        self.unsure += 1

    # -- the homes

    def begin(self):
        self.going.set()

    def pause(self):
        """Returns when what is under way has left."""
        self.going.clear()
        self.paused.wait(5)
        self.sender.flush(30)

    def send(self):
        presses, readings = self.rates
        step = 1 / (presses + readings)
        serial, due = 0, time.monotonic()
        while not self.ended.is_set():
            if not self.going.is_set():
                self.paused.set()
                self.going.wait(0.2)
                due = time.monotonic()
                continue
            self.paused.clear()
            if self.chance.random() * (presses + readings) < presses:
                serial += 1
                button = serial % BUTTONS
                topic, payload = traffic.press(button, self.chance.choice(traffic.BATTERIES), serial)
                with self.lock:
                    self.sent[button] += 1
                    self.waiting[button].append(time.monotonic())
                self.sender.send(topic, payload, ("press", serial))
            else:
                self.readings += 1
                topic, payload = traffic.temperature(self.readings % traffic.NUMBERS)
                self.sender.send(topic, payload, ("value", self.readings))
            due += step * self.chance.uniform(0.5, 1.5)
            time.sleep(max(0, due - time.monotonic()))

    def missing(self) -> int:
        with self.lock:
            return sum(len(w) for w in self.waiting.values())

    def settle(self, seconds: float = 60) -> bool:
        """Waits until every press was told."""
        deadline = time.monotonic() + seconds
        while self.missing() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.missing()

    # -- nurse and clerk

    def nurse(self):
        """Closes what was told two seconds ago, so that the board never fills up."""
        while not self.ended.wait(0.02):
            with self.lock:
                is_due = self.closing and self.closing[0][0] + 2 < time.monotonic()
                alert = self.closing.popleft()[1] if is_due else None
            if alert and not self.ask("POST", f"/v1/alerts/{alert}/resolve", {"actor": NURSE, "comment": "helped", "usefulness": "actionable"}):
                with self.lock:
                    self.closing.appendleft((time.monotonic() - 1.5, alert))

    def clerk(self):
        while not self.ended.wait(0.2):
            if not self.going.is_set():
                continue
            began = time.monotonic()
            body = {"patient": self.patient, "values": {"temperature": "36.9"}, "origin": "staff", "actor": NURSE}
            if self.ask("POST", "/v1/observations", body):
                with self.lock:
                    self.stored.append(Took(began, time.monotonic() - began))

    def ask(self, method: str, path: str, body: dict) -> bool:
        """True: answered, whatever the answer. False: the hub is away."""
        try:
            return self.hub.api(method, path, body)[0] < 500
        except (OSError, http.client.HTTPException):
            return False

    def since(self, began: float, until: float = float("inf")) -> tuple[list[Took], list[Took]]:
        """Calls and stored values that began in this time."""
        with self.lock:
            return tuple([s for s in all if began <= s.began < until] for all in (self.calls, self.stored))

    def close(self):
        self.ended.set()
        for worker in self.workers:
            worker.join(15)
        self.sender.close()
        self.sink.stop()

    # -- the reckoning

    def faults(self) -> list[str]:
        """Each press told once, under an id of its own."""
        told, found = Counter(), []
        for changes in self.sink.alerts.values():
            raised = [c for c in changes if c["kind"] == "raised" and c["rule"] == "sos"]
            if len(raised) > 1:
                found.append(f"one id was raised {len(raised)} times")
            if raised and raised[0]["device"] in self.buttons:
                told[self.buttons[raised[0]["device"]]] += 1
        for button in range(BUTTONS):
            if told[button] != self.sent[button]:
                found.append(f"button {button} was pressed {self.sent[button]} times and told {told[button]} times")
        if self.unsure:
            found.append(f"{self.unsure} messages may not have reached the broker")
        return found + self.sink.faults
