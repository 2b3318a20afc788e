"""The demonstration's verdict: sent = stored = delivered, each expected alert once, nothing else, nothing twice.

Three parties are asked, none of them for the others' sake: the senders' own log, the journal (through SQLite, from
outside), and what the receivers wrote down. The hub's opinion of itself is not asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gateway import Gateway
from receiver import Receiver
from street import Person, SenderLog

MDC = "urn:iso:std:iso:11073:10101"
NEWS2_CODE = "1104051000000101"
ALERT_RULE = "urn:knutepunkt:alert-rule"


@dataclass
class Row:
    what: str
    sent: int | None
    stored: int
    delivered: int | None
    note: str = ""

    @property
    def right(self) -> bool:
        return all(value is None or value == self.stored for value in (self.sent, self.delivered))


@dataclass
class Verdict:
    rows: list[Row] = field(default_factory=list)
    alerts: list[tuple] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.faults and all(row.right for row in self.rows)


def names(gateway: Gateway, domain: str) -> dict[int, str]:
    return {row["value"]: row["name"] for row in gateway.sql("SELECT value, name FROM vocabulary WHERE domain = ?", domain)}


def stored_readings(gateway: Gateway) -> Counter:
    """(device, kind of reading) → count, as the journal has it; device D0 is a person."""
    codes, events = names(gateway, "code"), names(gateway, "event")
    counts: Counter = Counter()
    for row in gateway.sql("SELECT e.device, o.code, count(*) n FROM observation o JOIN entry e USING (sequence) GROUP BY 1, 2"):
        counts[f"D{row['device']}", codes[row["code"]]] += row["n"]
    for row in gateway.sql("SELECT e.device, v.kind, count(*) n FROM device_event v JOIN entry e USING (sequence) GROUP BY 1, 2"):
        counts[f"D{row['device']}", events[row["kind"]]] += row["n"]
    for row in gateway.sql("SELECT e.device, count(*) n FROM location_fix l JOIN entry e USING (sequence) GROUP BY 1"):
        counts[f"D{row['device']}", "location"] += row["n"]
    return counts


def delivered_values(receiver: Receiver) -> tuple[Counter, int]:
    """Observed values by MDC code at the FHIR end, and the number of scores. A panel counts as its components."""
    values, scores = Counter(), 0
    for resource in receiver.resources("Observation"):
        codings = resource["code"].get("coding", [])
        if any(c.get("code") == NEWS2_CODE for c in codings):
            scores += 1
            continue
        parts = [c["code"] for c in resource.get("component", []) if "code" in c] or [resource["code"]]
        for part in parts:
            mdc = [c["code"] for c in part.get("coding", []) if c.get("system") == MDC]
            values[int(mdc[0]) if mdc else part.get("coding", [{}])[0].get("code")] += 1
    return values, scores


def reconcile(gateway: Gateway, receiver: Receiver, log: SenderLog, entered: Counter, residents: list[Person]) -> Verdict:
    verdict = Verdict()
    stored = stored_readings(gateway)
    codes = names(gateway, "code")
    numbers = {name: code for code, name in codes.items()}
    values, scores = delivered_values(receiver)

    sent: Counter = Counter()
    for (device, kind), count in log.readings.items():
        sent[kind] += count
        if stored[device, kind] != count:
            verdict.faults.append(f"{device} sent {count} × {kind}, the journal has {stored[device, kind]}")
    for (device, kind), count in stored.items():
        if device != "D0" and (device, kind) not in log.readings:
            verdict.faults.append(f"the journal has {count} × {kind} from {device}, which sent none")
    sent.update(entered)
    kinds: Counter = Counter()
    for (_, kind), count in stored.items():
        kinds[kind] += count
    doses = {"doseTaken", "doseAssisted", "doseDispensed"}
    dispenses = Counter(r["status"] for r in receiver.resources("MedicationDispense"))
    for kind in sorted(kinds | sent, key=lambda k: (k not in numbers, k)):
        if kind in numbers:
            # The private codes travel under LOINC only: counted by what the receiver can see of them.
            verdict.rows.append(Row(kind, sent[kind], kinds[kind], delivered_of(receiver, values, kind, numbers[kind])))
        elif kind in doses:
            # A dose is one record from the moment it is put out until it is taken: what was taken has replaced what was put out.
            delivered = sum(dispenses.values()) if kind == "doseDispensed" else dispenses["completed"]
            verdict.rows.append(Row(kind, sent[kind], kinds[kind], delivered))
        else:
            note = "position: released under an alert only" if kind == "location" else "event: its alert is what is shared"
            verdict.rows.append(Row(kind, sent[kind], kinds[kind], None, note))
    verdict.rows.append(Row("NEWS2 scores", None, gateway.sql("SELECT count(*) FROM score")[0][0], scores))
    check_alerts(verdict, gateway, receiver, residents)
    check_receivers(verdict, gateway, receiver)
    return verdict


LOINC_OF_PRIVATE = {"consciousness": "67775-7", "oxygen": "3151-8"}


def delivered_of(receiver: Receiver, values: Counter, kind: str, number: int) -> int:
    if number in values or kind not in LOINC_OF_PRIVATE:
        return values[number]
    return values[LOINC_OF_PRIVATE[kind]]


def check_alerts(verdict: Verdict, gateway: Gateway, receiver: Receiver, residents: list[Person]):
    """Each expected alert is in the journal once and reached both ends; no other alert is anywhere."""
    rules = names(gateway, "alertRule")
    # By the rule that held last: an alert that grows more urgent keeps its id and takes the graver rule.
    journal: Counter = Counter()
    for row in gateway.sql(
        "SELECT o.patient, t.rule FROM alert_transition t JOIN outcome o ON o.id = t.outcome JOIN alert a ON a.id = t.alert"
        " WHERE a.raised_wall IS NOT NULL AND t.outcome = a.last_outcome"):
        journal[f"P{row['patient']}", rules[row["rule"]]] += 1
    latest: dict = {}
    births: Counter = Counter()
    for event in sorted(receiver.heard("response-centre"), key=lambda e: e["order"]):
        latest[event["alertId"]] = (event.get("patient", {}).get("hubPatient", ""), event["rule"])
        births[event["alertId"]] += event["kind"] == "raised"
    raised = Counter(latest.values())
    for alert, count in births.items():
        if count != 1:
            verdict.faults.append(f"the response centre heard {count} times that {latest[alert][1]} ({alert}) was raised")
    people = {person.id: person for person in residents}
    for person in residents:
        for rule, count in person.expected.items():
            found, told = journal[person.id, rule], raised[person.id, rule]
            verdict.alerts.append((person.name, rule, count, found, told))
            if (found, told) != (count, count):
                verdict.faults.append(f"{person.name}: {rule} expected {count}, raised {found}, told {told}")
    for (patient, rule), count in (journal | raised).items():
        person = people.get(patient)
        if person is None or rule not in person.expected:
            verdict.faults.append(f"unexpected alert: {rule} for {person.name if person else 'the hub'} ×{count}")
    issues = {i["value"] for r in receiver.resources("DetectedIssue") for i in r["identifier"]}
    verdict.rows.append(Row("alerts (DetectedIssue)", None, sum(journal.values()), len(issues)))
    changes = gateway.sql(
        "SELECT count(*) FROM alert_transition t JOIN vocabulary v ON v.domain = 'alertTransition' AND v.value = t.kind"
        " WHERE v.name NOT IN ('suspected', 'notified')")[0][0]
    verdict.rows.append(Row("alert changes (webhook)", None, changes, len(receiver.heard("response-centre"))))


def check_receivers(verdict: Verdict, gateway: Gateway, receiver: Receiver):
    """What only the other end can know: doubles, bad signatures, requests that made no sense; and what stayed behind."""
    for store in receiver.fhir.values():
        verdict.faults += [f"twice at the hospital: {name}" for name in store.duplicates()]
        verdict.faults += [f"the hospital's server: {error}" for error in store.errors]
    verdict.faults += [f"refused at the receiver: {text}" for text in receiver.refused]
    for name, events in receiver.events.items():
        ids = Counter(event.get("id") for event in events)
        verdict.faults += [f"twice at {name}: {identity}" for identity, count in ids.items() if count > 1]
    for table, what in (("outbox", "still waiting"), ("dead_letter", "dead letters"), ("quarantine", "frames that nothing could be made of")):
        count = gateway.sql(f"SELECT count(*) FROM {table}")[0][0]
        if count:
            verdict.faults.append(f"{count} {what}")


def table(verdict: Verdict) -> list[str]:
    def cell(value):
        return "–" if value is None else str(value)

    lines = ["", f"  {'Reconciliation':28}{'sent':>8}{'stored':>8}{'delivered':>11}"]
    for row in verdict.rows:
        mark = "✓" if row.right else "✗"
        lines.append(f"{mark} {row.what:28}{cell(row.sent):>8}{row.stored:>8}{cell(row.delivered):>11}  {row.note}".rstrip())
    lines += ["", f"  {'Alerts':28}{'expected':>8}{'raised':>8}{'told':>11}"]
    for name, rule, expected, found, told in verdict.alerts:
        mark = "✓" if expected == found == told else "✗"
        lines.append(f"{mark} {name + ': ' + rule:28}{expected:>8}{found:>8}{told:>11}")
    if verdict.faults:
        lines += ["", "What is wrong:"] + [f"  {fault}" for fault in verdict.faults]
    return lines
