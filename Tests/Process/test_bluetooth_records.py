"""Stored records: fetched, made durable, counted, and only then deleted on the device, whatever breaks in between.

The promise: a record is in the journal exactly once, and a device deletes only what is there. `Witness` looks into the
journal at the very moment in which a device is told to delete.
"""

from __future__ import annotations

from contextlib import closing
import os
import random
import signal
import sqlite3
import time

import pytest

from bluetooth_support import (  # noqa: F401
    address, bluetooth_hub, bluez, bus, glucose_meter, glucose_record, glucose_values, wait_for, wait_values,
)
from fake_bluez import Characteristic, Peripheral, RecordStore, Service
from fake_bluez.records import COUNT, DELETE, NOT_COMPLETED, NOT_SUPPORTED, REPORT
import sigframes


class Witness:
    """A hook of a record store that asks the journal what is durable when the device is told to delete."""

    def __init__(self, hub, store: RecordStore, value_of, code: str = "glucose", then=None):
        self.hub, self.store, self.value_of, self.code, self.then = hub, store, value_of, code, then
        self.deletions = 0
        self.too_early: list[str] = []
        store.hook = self

    def __call__(self, name: str, number: int):
        if name == "delete":
            self.deletions += 1
            durable = self.hub.values(self.code)
            self.too_early += [self.value_of(r) for r in self.store.records[:number] if self.value_of(r) not in durable]
        if self.then:
            self.then(name, number)


def glucose_value(record: bytes) -> str:
    """As the journal has it: mmol/L."""
    raw = int.from_bytes(record[10:12], "little")
    return f"{(sigframes.read_sfloat(raw) * 1000).normalize():f}"


def all_deleted(store: RecordStore) -> bool:
    return not store.records


def test_records_are_fetched_and_deleted_when_durable(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=50))
    witness = Witness(hub, p.records, glucose_value)
    device = hub.register(p.profile, p, hub.person())
    p.advertise()
    assert wait_values(hub, "glucose", 50) == glucose_values(50)
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert witness.deletions == 1 and witness.too_early == [] and len(p.records.deleted) == 50
    assert not hub.sensor(device).get("problem")


def test_what_a_profile_leaves_to_its_owner_is_recorded_once(bluez, bluetooth_hub):  # noqa: F811
    """The SIG's glucose meter keeps its memory: all comes at each session, and what is known is not recorded again."""
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=20, deletes=False))
    device = hub.register(p.profile, p, hub.person())
    p.advertise()
    assert wait_values(hub, "glucose", 20) == glucose_values(20)
    bluez.on_loop(lambda: p.records.records.append(glucose_record(20)))
    p.drop()
    assert wait_values(hub, "glucose", 21) == glucose_values(21)
    p.drop()
    wait_for(lambda: p.records.requests[REPORT] >= 3, 45, "one more session")
    bluez.on_loop(lambda: p.records.records.append(glucose_record(21)))
    p.drop()
    assert wait_values(hub, "glucose", 22) == glucose_values(22) and p.records.requests[DELETE] == 0
    assert not hub.sensor(device).get("problem")


def test_nothing_is_deleted_while_the_disk_is_held(bluez, bluetooth_hub):  # noqa: F811
    """Somebody holds the journal's lock: the records are here and not durable, so the device keeps them."""
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=5))
    witness = Witness(hub, p.records, glucose_value)
    hub.register(p.profile, p, hub.person())
    with closing(sqlite3.connect(hub.state / "journal.sqlite", timeout=10, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        p.advertise()
        wait_for(lambda: p.records.requests[REPORT] >= 1, 30, "the hub asks for the records")
        mark = time.monotonic()
        wait_for(lambda: time.monotonic() > mark + 2, 5, "two seconds without a disk")
        assert p.records.requests[DELETE] == 0 and len(p.records.records) == 5 and hub.values("glucose") == []
        db.execute("ROLLBACK")
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert hub.values("glucose") == glucose_values(5) and witness.too_early == []


class Saboteur:
    """Ends the link of one meter at ever other moments of a fetch, and measures a little in between."""

    MOMENTS = ("report", "record", "count", "delete", "deleted")

    def __init__(self, peripheral: Peripheral, first: int, drops: int, seed: int):
        self.peripheral, self.store = peripheral, peripheral.records
        self.chance = random.Random(seed)
        self.next_number, self.drops_left = first, drops
        self.moment, self.place = "record", 3

    def choose(self):
        self.moment = self.chance.choice(self.MOMENTS)
        self.place = self.chance.randrange(max(1, len(self.store.records)))

    def measure(self, count: int):
        for _ in range(count):
            self.store.records.append(glucose_record(self.next_number))
            self.next_number += 1

    def __call__(self, name: str, number: int):
        if self.drops_left == 0 or name != self.moment or (name == "record" and number < self.place):
            self.store.ignored.clear()
            return
        self.drops_left -= 1
        if name in ("report", "count", "delete"):
            self.store.ignored = {{"report": REPORT, "count": COUNT, "delete": DELETE}[name]}
        self.peripheral.drop_now()
        self.measure(self.chance.randrange(1, 3))
        self.choose()


METERS, DROPS = 20, 5


def test_a_hundred_forced_disconnects_lose_nothing_and_double_nothing(bluez, bluetooth_hub):  # noqa: F811
    """Twenty meters, five broken sessions each, at ever other moments of a fetch; people go on measuring. Then all is well again."""
    # Slots have tests of their own; here nobody waits for one.
    hub = bluetooth_hub(connectionsMax=METERS)
    bluez.slots = METERS
    person = hub.person()
    saboteurs, witnesses = [], []
    for n in range(METERS):
        p = bluez.add(glucose_meter(100 + n))
        saboteur = Saboteur(p, first=n * 50, drops=DROPS, seed=20260131 + n)
        saboteur.measure(20)
        saboteurs.append(saboteur)
        witnesses.append(Witness(hub, p.records, glucose_value, then=saboteur))
        hub.register(p.profile, p, person)
    for s in saboteurs:
        s.peripheral.advertise(0.05)
    try:
        wait_for(lambda: all(s.drops_left == 0 and all_deleted(s.store) for s in saboteurs), 200, "all meters are empty", 0.1)
    except TimeoutError as error:
        raise AssertionError(f"{error}; {[(s.drops_left, len(s.store.records)) for s in saboteurs]}") from None
    drops = METERS * DROPS
    assert drops >= 100 and sum(s.peripheral.connections for s in saboteurs) > drops
    taken = [glucose_record(n * 50 + k) for n, s in enumerate(saboteurs) for k in range(s.next_number - n * 50)]
    values = hub.values("glucose")
    assert sorted(values) == sorted(glucose_value(r) for r in taken), "each record once"
    assert [w.too_early for w in witnesses] == [[]] * METERS, "only what is durable is deleted"
    for n, s in enumerate(saboteurs):
        assert s.store.deleted == [glucose_record(n * 50 + k) for k in range(s.next_number - n * 50)], "in their order, each once"


@pytest.mark.parametrize("moment", ["record", "count", "delete", "deleted"])
def test_a_hub_that_is_killed_loses_nothing_and_doubles_nothing(bluez, bluetooth_hub, moment):  # noqa: F811
    """kill -9 in the middle of the records, before the count, between records and delete, and before the answer to the delete."""
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=40))
    killed = []

    def kill(name: str, number: int):
        if name == moment and not killed and (name != "record" or number == 20):
            killed.append(name)
            p.records.ignored = {REPORT, COUNT, DELETE} - ({DELETE} if name == "deleted" else set())
            os.kill(hub.pid, signal.SIGKILL)
    witness = Witness(hub, p.records, glucose_value, then=kill)
    hub.register(p.profile, p, hub.person())
    p.advertise()
    wait_for(lambda: killed, 30, "the hub is killed")
    hub.kill()
    kept = len(p.records.records)
    assert kept == (0 if moment == "deleted" else 40), "a dead hub deletes nothing"
    p.drop()
    bluez.on_loop(p.records.ignored.clear)
    hub.start()
    if moment == "deleted":
        wait_for(lambda: p.records.requests[REPORT] >= 2, 30, "the hub asks again")
    wait_values(hub, "glucose", 40)
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert sorted(hub.values("glucose")) == sorted(glucose_values(40)) and witness.too_early == []
    assert len(p.records.deleted) == 40


def test_a_refused_deletion_is_told_and_doubles_nothing(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=10))
    p.records.answers[DELETE] = [NOT_SUPPORTED]
    device = hub.register(p.profile, p, hub.person())
    p.advertise()
    hub.wait_problem(device, "recordAccess")
    assert hub.values("glucose") == glucose_values(10) and len(p.records.records) == 10
    # At its next session the meter sends all of them again, and deletes.
    p.drop()
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert hub.values("glucose") == glucose_values(10)
    wait_for(lambda: not hub.sensor(device).get("problem"), 20, "the problem is over")


def test_a_refused_report_is_told_and_tried_again(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=10))
    p.records.answers[REPORT] = [NOT_COMPLETED, NOT_SUPPORTED]
    device = hub.register(p.profile, p, hub.person())
    p.advertise()
    hub.wait_problem(device, "recordAccess")
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert hub.values("glucose") == glucose_values(10)


def test_a_record_that_is_added_before_the_count_stays_or_comes_too(bluez, bluetooth_hub):  # noqa: F811
    """The count differs: nothing is deleted that did not come."""
    hub = bluetooth_hub()
    p = bluez.add(glucose_meter(count=10))
    added = []

    def measure(name: str, number: int):
        if name == "count" and not added:
            added.append(number)
            p.records.records.append(glucose_record(10))
    witness = Witness(hub, p.records, glucose_value, then=measure)
    hub.register(p.profile, p, hub.person())
    p.advertise()
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert hub.values("glucose") == glucose_values(11) and witness.too_early == []


def stored_oximeter(number: int, records: list[bytes]) -> Peripheral:
    """Spot checks in a store, without a time of their own and without numbers: equal ones are equal bytes."""
    store = RecordStore("2A5E")
    store.records = list(records)
    service = Service(
        "1822", Characteristic("2A5E", "notify", encrypted=True), Characteristic("2A60", "read", b"\x00\x00"),
        Characteristic("2A52", "write indicate", on_write=store.written, encrypted=True))
    return Peripheral(address(number), service, name=f"Spot {number}", bonded=True, records=store)


def test_equal_records_without_a_time_are_counted_by_their_place(bluez, bluetooth_hub):  # noqa: F811
    """Three equal measurements are three, though the fetch breaks after two and everything comes again."""
    hub = bluetooth_hub()
    equal, other = sigframes.plx_spot_check(96, 70), sigframes.plx_spot_check(95, 71)
    p = bluez.add(stored_oximeter(50, [equal, equal, other, equal]))
    p.records.drop_after = 2
    hub.register("sig/pulse-oximeter", p, hub.person())
    p.advertise()
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty")
    assert hub.values("spo2") == ["96", "96", "95", "96"]
    # The store is empty now: the same bytes are a new measurement.
    bluez.on_loop(lambda: p.records.records.append(equal))
    p.drop()
    wait_for(lambda: all_deleted(p.records), 45, "the device is empty again")
    assert hub.values("spo2") == ["96", "96", "95", "96", "96"]
