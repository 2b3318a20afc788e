"""The long run in short: a thousand reconnects. Every reading must be in the journal exactly once, and whatever a connection
needs must be given back with it: memory, D-Bus match rules, descriptors.
"""

from __future__ import annotations

import time

import pytest

from bluetooth_support import (  # noqa: F401
    bluetooth_hub, bluez, bus, normal, on_subscribe, open_descriptors, probe, resident_kilobytes, temperature, wait_for, wait_values,
)

RECONNECTS = 1008  # 24 devices, 42 times each
WARM_UP = 300
# What the allocator and the store's cache may still take after the warm-up. A leak of 4 KiB a connection would be 2.8 MB.
GROWTH_KILOBYTES = 2000


def stays_for_one_value(p, count: int, start: int, sent: list[str]):
    """At each connection the device sends the next value, and is gone."""
    left = [f"{30 + (start + n) / 1000:.3f}" for n in range(count)]

    def one(p):
        if left and p.notify_now("2A1C", temperature(left[-1])):
            sent.append(left.pop())
            # As a cuff does: the value is confirmed, and the link is gone before anybody has read it.
            p.drop_now()
            if not left:
                p.silence_now()  # It would keep a slot that the others need.
    on_subscribe(p, "2A1C", one)


@pytest.mark.timeout(600)
def test_a_thousand_reconnects(bluez, bluetooth_hub):  # noqa: F811
    """Sockets and D-Bus signals; held sessions and brief ones do not differ in what they take. Nothing may grow."""
    hub = bluetooth_hub()
    wait_for(lambda: stays_as_it_is(hub), 60, "the roles have opened their connections to the core")
    probes = [bluez.add(probe(kind, n)) for n, kind in enumerate(("held", "start", "held", "open") * 6, 1)]
    sent: list[str] = []
    each = RECONNECTS // len(probes)
    assert each * len(probes) == RECONNECTS
    for n, p in enumerate(probes):
        p.link.delay = p.resolve_delay = p.disconnect_delay = 0.001
        hub.register(p.profile, p)
        stays_for_one_value(p, each, n * each, sent)
        p.advertise(0.01)
    wait_for(lambda: len(sent) >= WARM_UP, 100, "the warm-up")
    rules, memory = bluez.match_rules(hub.pid), resident_kilobytes(hub.pid)
    descriptors = settled_descriptors(hub)
    try:
        wait_for(lambda: len(sent) >= RECONNECTS, 200, f"{RECONNECTS} reconnects")
    except TimeoutError as error:
        states = [(d["state"], d.get("problem")) for d in hub.bluetooth()["devices"]]
        raise AssertionError(f"{error}; {len(sent)} {states} {[(p.profile, p.connections, p.connected) for p in probes]}") from None
    values = wait_values(hub, "temperature", RECONNECTS, 60)
    assert sorted(values) == sorted(normal(sent)), "each reading once"
    wait_for(lambda: bluez.match_rules(hub.pid) == rules and len(rules) == hub.bluetooth()["matchRules"], 20, "match rules are flat")
    for p in probes:
        p.silence()
    wait_for(lambda: settled_descriptors(hub) <= descriptors, 30, f"descriptors are flat: {descriptors}, now {open_descriptors(hub.pid)}")
    growth = resident_kilobytes(hub.pid) - memory
    print(f"memory grew by {growth} kB, descriptors {descriptors}, match rules {len(rules)}")
    assert growth < GROWTH_KILOBYTES, f"{growth} kB more after {RECONNECTS - WARM_UP} reconnects"
    assert sum(p.connections for p in probes) >= RECONNECTS


def stays_as_it_is(hub) -> bool:
    """No descriptor more or less for longer than the roles' signs of life (3 s) are apart, each of which may open a connection."""
    before, end = settled_descriptors(hub), time.monotonic() + 3.5
    while time.monotonic() < end:
        if settled_descriptors(hub) != before:
            return False
    return True


def settled_descriptors(hub) -> int:
    """The fewest of some moments: notification sockets of living connections come and go."""
    seen = []
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        seen.append(open_descriptors(hub.pid))
        time.sleep(0.002)
    return min(seen)
