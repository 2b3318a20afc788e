"""What the hub does when little or nothing happens: it sleeps, and it gathers. Counters, not clocks; the bounds are generous.

Figures are Deploy/bench/cost.py's.
"""

from pathlib import Path
import time

from support import escalation, hospital


def switches(pid: int) -> int:
    """Times that any thread of the process went to sleep of its own accord."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError):
            pass  # It ended meanwhile.
    return total


def test_a_hub_at_rest_sleeps(make_hub, broker, receiver):
    """All roles, nobody looks, nothing comes: some thirty wake-ups a second, and nothing that looks ten times a second."""
    hub = make_hub(broker, [hospital(receiver)], escalation=escalation())
    hub.device("bridge/pulse-oximeter", "o1", hub.person())
    pid = hub.processes["all"].pid
    rates = []
    # What a start leaves to do comes to an end, on a slow machine a little later.
    while not rates or rates[-1] >= 60 and len(rates) < 6:
        before, began = switches(pid), time.monotonic()
        time.sleep(5)
        rates.append((switches(pid) - before) / (time.monotonic() - began))
    assert rates[-1] < 60, f"wake-ups a second, each 5 s: {rates}"


def test_readings_travel_together(make_hub, broker, bridge, receiver):
    """A second of readings is a few bundles of many, not a bundle for each commit."""
    hub = make_hub(broker, [hospital(receiver)], escalation=escalation())
    for number in range(10):
        hub.device("bridge/pulse-oximeter", f"o{number}", hub.person(f"Person {number}"))
    readings, began = 300, time.monotonic()
    for number in range(readings):
        bridge.oximeter(f"o{number % 10}", 95 + number // 10 % 4, 60 + number % 20)
        time.sleep(0.01)
    hub.wait_stored(2 * readings)
    hub.wait_delivered()
    records = len(receiver.resources("Observation"))
    assert records >= 2 * readings
    # Fifty records fill a bundle. Besides, at most a few begin each second, of which there are some five.
    allowed = records / 50 + 6 * (time.monotonic() - began)
    assert len(receiver.bundles) <= allowed, f"{len(receiver.bundles)} bundles for {records} records"
    assert receiver.fhir["fhir"].errors == [], "no bundle was refused"
