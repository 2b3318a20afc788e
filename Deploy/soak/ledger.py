"""The ledger of a run: what was sent, what the broker and the hub said that they have, and whether the journal and the receivers agree.

Everything here is known from outside: by the senders, by a tap on the wire between hub and broker, by the receivers, and by reading the
journal's file through SQLite. The rules, for each value and each press:

- What the hub acknowledged is in the journal. So is what the broker acknowledged, unless the broker was killed and lost it.
- Nothing is in the journal more often than it was sent. A broker that was set back to an older state may send a message anew under
  another number or without the mark of a repetition: nobody can know that one again, and it may count twice. It is counted apart.
- A press is one alert with one id, and that id is nobody else's. It is told, and every telling is known by the same id. Where the hub cannot
  know whether its acknowledgement arrived it tells a press again, under its alert's id while that is open: those calls are counted apart.
- What a nurse was told is resolved stays so.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
import sqlite3
import threading
import time

import traffic

PERHAPS_TOLD = 1  # device_event.detail of a call: it may have been told before.


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.sent = 0
        self.presses_sent = 0
        self.garbage = 0
        self.given: Counter = Counter()          # to the broker; it may have it on its way to the hub before it says so
        self.taken: Counter = Counter()          # the broker said so
        self.unsure: Counter = Counter()         # sent, and the connection ended before an answer
        self.acknowledged: Counter = Counter()   # the hub said so, of messages that were not acknowledged before
        self.fresh: Counter = Counter()          # sent to the hub as something new: without the mark of a repetition, or under another number
        self.repeats = 0                         # sent again by the broker, in whatever way
        self.on_the_way: dict[int, tuple] = {}   # packet number → key, whether it was acknowledged before, bytes
        self.numbers: dict = {}                  # message → the packet number it was sent under last
        self.done: set[bytes] = set()            # presses that the hub has acknowledged, by their bytes: a key may be pressed again
        self.broker_forgot = False
        self.resolved: set[str] = set()          # alerts for which a nurse was told so
        self.on_acknowledged = lambda key: None
        self.began = time.monotonic()
        self.stories: dict[tuple, list[str]] = {}  # of presses: what happened to each, for whoever must find out why

    def tell(self, key, what: str):
        """Bound: twelve lines a press."""
        if key is not None and key[0] == "press":
            story = self.stories.setdefault(key, [])
            if len(story) < 12:
                story.append(f"{time.monotonic() - self.began:.3f} {what}")

    # -- what the senders say

    def gives(self, key):
        with self.lock:
            self.given[key] += 1
            self.sent += 1
            self.presses_sent += key[0] == "press"

    def takes_back(self, key):
        """The broker was not there."""
        with self.lock:
            self.given[key] -= 1
            self.sent -= 1
            self.presses_sent -= key[0] == "press"

    def took(self, key):
        with self.lock:
            self.taken[key] += 1
            self.tell(key, "the broker took it")

    def is_unsure(self, key):
        with self.lock:
            self.unsure[key] += 1
            self.tell(key, "the broker was cut off before it answered")

    # -- what the tap says

    def delivered(self, topic: str, payload: bytes, number: int, is_repeat: bool):
        key = traffic.key_of(topic, payload)
        with self.lock:
            if key is None:
                self.on_the_way.pop(number, None)
                return
            # Acknowledged before, or as often as it was sent: this one is here again.
            message = payload if key[0] == "press" else key
            again = payload in self.done if key[0] == "press" else self.acknowledged[key] >= self.given[key]
            self.repeats += is_repeat or again
            self.fresh[key] += not is_repeat or self.numbers.get(message, number) != number
            self.numbers[message] = number
            self.on_the_way[number] = (key, again, payload)
            self.tell(key, f"the broker sent it as {number}{', as a repetition' if is_repeat else ''}")

    def acknowledged_by_hub(self, number: int):
        with self.lock:
            key, again, payload = self.on_the_way.pop(number, (None, False, b""))
            if key is None:
                return
            if not again:
                self.acknowledged[key] += 1
                if key[0] == "press":
                    self.done.add(payload)
            self.tell(key, f"the hub acknowledged {number}")
        self.on_acknowledged(key)

    # -- questions

    def missing(self) -> int:
        """Messages that the broker has and the hub has not acknowledged yet."""
        with self.lock:
            return sum(max(0, count - self.acknowledged[key]) for key, count in self.taken.items())

    def bounds(self, key) -> tuple[int, int]:
        """How often it must, and how often it may be in the journal."""
        taken, acknowledged = self.taken[key], self.acknowledged[key]
        least = acknowledged if self.broker_forgot else max(taken, acknowledged)
        return least, max(least, taken + self.unsure[key], self.fresh[key])

    def beyond_knowing(self) -> int:
        """Messages that the broker sent to the hub as new ones more often than it got them."""
        return sum(max(0, count - self.taken[key] - self.unsure[key]) for key, count in self.fresh.items())


@dataclass
class Account:
    """A reconciliation. `faults` is empty when everything is right."""

    figures: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def count(self, name: str, number: int, example: str = "", allowed: int = 0):
        """A figure that must not be above `allowed`."""
        self.figures[name] = number
        if number > allowed:
            self.faults.append(f"{name}: {number}" + (f", such as {example}" if example else ""))

    def lines(self) -> list[str]:
        return [f"  {name:34} {number}" for name, number in self.figures.items()] + [f"  FAULT {fault}" for fault in self.faults]


class Journal:
    """What the file says, read in one transaction."""

    def __init__(self, path, may_write: bool = False):
        """`may_write`: for a copy of the file, where the write-ahead log is to be recovered."""
        self.values: Counter = Counter()
        self.calls: dict[int, int] = {}        # sequence → button, of calls that the hub took for new ones
        self.told_again: dict[int, int] = {}   # the same, of calls that it perhaps had told already
        self.levels: Counter = Counter()       # ("press", button, battery) → how often its frame's level is here
        self.alerts: dict[str, dict] = {}      # sos alerts: device, causes, transitions in order
        mode = "rw" if may_write else "ro"
        with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=30, isolation_level=None)) as db:
            db.execute("BEGIN")
            self.integrity = db.execute("PRAGMA quick_check").fetchone()[0]
            self.read(db)

    def read(self, db: sqlite3.Connection):
        names = {(domain, name): value for domain, value, name in db.execute("SELECT domain, value, name FROM vocabulary")}
        states = {value: name for (domain, name), value in names.items() if domain == "alertState"}
        address = {id: text for id, text in db.execute("SELECT id, address FROM device")}
        for device, mantissa, exponent in db.execute(
            "SELECT e.device, o.mantissa, o.exponent FROM observation o JOIN entry e USING (sequence) WHERE o.code = ?", (names["code", "temperature"],)):
            number = traffic.number_of(Decimal(mantissa).scaleb(exponent))
            belongs = number is not None and address.get(device) == f"t{number % traffic.THERMOMETERS}"
            self.values["value", number if belongs else f"{mantissa}e{exponent} of {address.get(device)}"] += 1
        button = {device: int(text[1:]) for device, text in address.items() if text.startswith("s")}
        for sequence, device, detail in db.execute(
            "SELECT v.sequence, e.device, v.detail FROM device_event v JOIN entry e USING (sequence) WHERE v.kind = ?", (names["event", "sos"],)):
            (self.told_again if detail & PERHAPS_TOLD else self.calls)[sequence] = button.get(device, -1)
        for device, mantissa, exponent in db.execute(
            "SELECT e.device, o.mantissa, o.exponent FROM observation o JOIN entry e USING (sequence) WHERE o.code = ?", (names["code", "battery"],)):
            self.levels["press", button.get(device, -1), mantissa * 10 ** exponent] += 1
        for alert, device, cause, state in db.execute(
            "SELECT t.alert, a.device, t.first_cause, t.state FROM alert_transition t JOIN alert a ON a.id = t.alert"
            " WHERE a.rule = ? ORDER BY t.outcome", (names["alertRule", "sos"],)):
            entry = self.alerts.setdefault(alert, {"device": f"D{device}", "causes": set(), "states": []})
            entry["causes"].add(cause)
            entry["states"].append(states.get(state, str(state)))
        self.gaps = db.execute("SELECT coalesce(sum(entries), 0) FROM gap").fetchone()[0]
        self.dead = db.execute("SELECT count(*) FROM dead_letter").fetchone()[0]
        self.dead_alerts = db.execute("SELECT count(*) FROM alert WHERE rule = ?", (names["alertRule", "deadLetter"],)).fetchone()[0]


def rises_again(states: list[str]) -> bool:
    """Whether something follows the end of an alert."""
    ended = False
    for state in states:
        if ended and state not in ("resolved", "cleared"):
            return True
        ended = ended or state in ("resolved", "cleared")
    return False


def reconcile(
    ledger: Ledger, journal: Journal, sink, shed: int = 0, is_audit_intact: bool = True, has_hospital: bool = True
) -> Account:
    """`shed`: routine values that the hub says it had no room for. `has_hospital`: observations go to a FHIR server."""
    account = Account()
    with ledger.lock, sink.lock:
        account.figures |= {
            "messages sent": ledger.sent, "presses sent": ledger.presses_sent, "garbage sent": ledger.garbage,
            "sent again by the broker": ledger.repeats, "of them not to be known again": ledger.beyond_knowing(),
        }
        stored(account, ledger, journal, shed)
        if has_hospital:
            hospital(account, journal, sink)
        presses(account, ledger, journal, shed)
        told(account, ledger, journal, sink)
        standing(account, ledger, journal)
    account.count("journal damaged", int(journal.integrity != "ok"), journal.integrity)
    account.count("access log broken", int(not is_audit_intact))
    account.count("dead letters without an alert", journal.dead if not journal.dead_alerts else 0)
    return account


def stored(account: Account, ledger: Ledger, journal: Journal, shed: int = 0):
    lost, doubled = Counter(), Counter()
    for key in {k for k in ledger.taken | ledger.unsure | ledger.acknowledged if k[0] == "value"} | set(journal.values):
        least, most = ledger.bounds(key)
        lost[key] += max(0, least - journal.values[key])
        doubled[key] += max(0, journal.values[key] - most)
    account.figures["values stored"] = journal.values.total()
    account.count("values lost", lost.total(), str(next((k for k, n in lost.items() if n), "")), shed)
    account.count("values doubled", doubled.total(), str(next((k for k, n in doubled.items() if n), "")))


def hospital(account: Account, journal: Journal, sink):
    sent_on = Counter({("value", number): count for number, count in sink.temperatures.items()})
    missing, extra = journal.values - sent_on, sent_on - journal.values
    account.figures["resources at the hospital"] = sent_on.total()
    account.count("values missing at the hospital", missing.total(), str(next(iter(missing), "")))
    account.count("values doubled at the hospital", extra.total(), str(next(iter(extra), "")))


def presses(account: Account, ledger: Ledger, journal: Journal, shed: int, is_whole: bool = True):
    """`is_whole`: nothing is on its way, so that a frame that was taken in part is taken to its end."""
    least, most, stored, again = Counter(), Counter(), Counter(journal.calls.values()), Counter(journal.told_again.values())
    keys = {k for k in ledger.taken | ledger.unsure | ledger.acknowledged if k[0] == "press"}
    for key in keys:
        lowest, highest = ledger.bounds(key)
        least[key[1]] += lowest
        most[key[1]] += highest
    lost = Counter({b: n - stored[b] - again[b] for b, n in least.items() if n > stored[b] + again[b]})
    doubled = Counter({b: n - most[b] for b, n in stored.items() if n > most[b]})
    account.figures["presses stored"] = len(journal.calls)
    account.figures["presses told again in doubt"] = len(journal.told_again)
    account.count("presses lost", lost.total(), f"of button {next(iter(lost), None)}")
    account.count("presses doubled", doubled.total(), str([(k, ledger.stories.get(k)) for k in keys if k[1] == next(iter(doubled), None)]))
    # The level in a press's frame tells one press from another. A frame that is being taken has its call first.
    absent = [key for key in keys if ledger.bounds(key)[0] > journal.levels[key]]
    extra = [key for key, count in journal.levels.items() if count > ledger.bounds(key)[1]]
    account.count("levels of presses lost", len(absent), str([(k, ledger.stories.get(k)) for k in absent[:1]]), shed if is_whole else len(absent))
    account.count("levels of presses doubled", len(extra), str([(k, ledger.stories.get(k)) for k in extra[:1]]))
    causes = Counter(cause for alert in journal.alerts.values() for cause in alert["causes"])
    without = [s for s in journal.calls if s not in causes]
    account.figures["alerts of presses"] = len(journal.alerts)
    account.count("presses without an alert", len(without), f"of buttons {[journal.calls[s] for s in without[:2]]}")
    account.count("presses with two alerts", sum(n - 1 for n in causes.values()), str(next((s for s, n in causes.items() if n > 1), "")))
    twice = [a for a, alert in journal.alerts.items() if len(alert["causes"]) > 1]
    account.count("ids given to two presses", len(twice), str(twice[:1]))


def told(account: Account, ledger: Ledger, journal: Journal, sink):
    calls = {a: changes for a, changes in sink.alerts.items() if changes[0]["rule"] == "sos"}
    untold = [a for a in journal.alerts if a not in calls]
    account.figures["alerts told"] = len(calls)
    account.figures["deliveries under a known id"] = sink.again
    account.count("alerts never told", len(untold), str(untold[:1]))
    unknown = [a for a in calls if a not in journal.alerts]
    account.figures["told, and not in the journal"] = len(unknown)
    if unknown and not ledger.broker_forgot:
        account.faults.append(f"told, and not in the journal: {len(unknown)}, such as {unknown[0]} {calls[unknown[0]]}")
    other = [a for a, changes in calls.items() if a in journal.alerts and {c["device"] for c in changes} != {journal.alerts[a]["device"]}]
    account.count("ids told of two devices", len(other), str(other[:1]))
    born = [a for a, changes in calls.items() if sum(c["kind"] == "raised" for c in changes) > 1]
    account.count("alerts raised twice", len(born), str([(a, calls[a]) for a in born[:1]]))
    in_order = {a: sorted(changes, key=lambda c: (c["order"], c["revision"])) for a, changes in calls.items()}
    risen = [a for a, alert in journal.alerts.items() if rises_again(alert["states"])]
    risen += [a for a, changes in in_order.items() if rises_again([c["state"] for c in changes])]
    account.count("risen again", len(set(risen)), str(risen[:1]))
    account.count("identities given twice", len(sink.faults), str(sink.faults[:2]))


def standing(account: Account, ledger: Ledger, journal: Journal):
    undone = [a for a in ledger.resolved if a not in journal.alerts or journal.alerts[a]["states"][-1] not in ("resolved", "cleared")]
    account.figures["resolved by a nurse"] = len(ledger.resolved)
    account.count("resolutions lost", len(undone), str([(a, journal.alerts.get(a)) for a in undone[:1]]))
