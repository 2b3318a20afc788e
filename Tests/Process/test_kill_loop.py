"""The kill loop of `make soak`, ten rounds of each kind, and the ledger's own ability to find what is wrong."""

import copy

import pytest

import kills
from support import wait_for
from world import World


@pytest.mark.patient
@pytest.mark.timeout(600)
@pytest.mark.parametrize("roles", [False, True], ids=["one process", "roles"])
def test_ten_kills_lose_double_and_repeat_nothing(folder, roles):
    said = []
    result = kills.run(folder / "kills", 10, seed=7, roles=roles, every=10, say=lambda *words, **_: said.append(" ".join(map(str, words))))
    assert not result["wrong"], "\n".join(said)
    figures = result["figures"]
    # It was no empty run.
    assert result["rounds"] == 10 and figures["messages sent"] > 200 and figures["presses sent"] > 20, figures
    assert figures["presses stored"] >= figures["presses sent"] * 0.5 and figures["resolved by a nurse"] > 0, figures


@pytest.mark.patient
@pytest.mark.timeout(600)
def test_ten_faults_of_every_kind(folder):
    said = []
    result = kills.run(folder / "mixed", 10, seed=5, roles=True, mixed=True, every=10, say=lambda *words, **_: said.append(" ".join(map(str, words))))
    assert not result["wrong"], "\n".join(said)


@pytest.fixture
def settled(folder):
    """A world with some traffic behind it, of which everything is right."""
    world = World(folder / "world", 3, rate=100)
    try:
        world.start()
        world.begin_traffic()
        wait_for(lambda: len(world.sink.alerts) > 6 and world.ledger.sent > 150, 60, "some presses and values")
        world.end_traffic()
        world.stop_nurse.set()
        world.settle()
        yield world
    finally:
        world.close()


def first(counter, kind: str):
    return next(key for key in counter if key[0] == kind)


def value_lost(world, journal):
    journal.values[first(journal.values, "value")] -= 1
    return "values lost"


def value_doubled(world, journal):
    journal.values[first(journal.values, "value")] += 1
    return "values doubled"


def value_of_nobody(world, journal):
    journal.values["value", "1e0 of t3"] += 1
    return "values doubled"


def press_lost(world, journal):
    del journal.calls[next(iter(journal.calls))]
    return "presses lost"


def press_doubled(world, journal):
    journal.calls[-5] = next(iter(journal.calls.values()))
    return "presses doubled"


def level_lost(world, journal):
    journal.levels[first(journal.levels, "press")] -= 1
    return "levels of presses lost"


def level_doubled(world, journal):
    journal.levels[first(journal.levels, "press")] += 1
    return "levels of presses doubled"


def press_without_alert(world, journal):
    del journal.alerts[next(iter(journal.alerts))]
    return "presses without an alert"


def one_id_for_two(world, journal):
    journal.alerts[next(iter(journal.alerts))]["causes"].add(-1)
    return "ids given to two presses"


def two_alerts_for_one(world, journal):
    journal.alerts["another"] = copy.deepcopy(next(iter(journal.alerts.values())))
    return "presses with two alerts"


def never_told(world, journal):
    del world.sink.alerts[next(a for a in world.sink.alerts if a in journal.alerts)]
    return "alerts never told"


def told_of_nothing(world, journal):
    known = next(a for a in world.sink.alerts if a in journal.alerts)
    world.sink.alerts["nobody's"] = world.sink.alerts[known]
    return "told, and not in the journal"


def risen_again(world, journal):
    next(iter(journal.alerts.values()))["states"] += ["resolved", "notified"]
    return "risen again"


def resolution_lost(world, journal):
    alert = next(iter(journal.alerts))
    world.ledger.resolved.add(alert)
    journal.alerts[alert]["states"].append("notified")
    return "resolutions lost"


def id_twice(world, journal):
    identity, mark = next(iter(world.sink.events.items()))
    world.sink.change(identity, {"alertId": "another", "kind": "raised", "rule": "sos", "order": 1, "revision": 0})
    return "identities given twice"


def missing_at_the_hospital(world, journal):
    world.sink.temperatures[next(iter(world.sink.temperatures))] -= 1
    return "values missing at the hospital"


def doubled_at_the_hospital(world, journal):
    world.sink.temperatures[next(iter(world.sink.temperatures))] += 1
    return "values doubled at the hospital"


def damaged(world, journal):
    journal.integrity = "row 3 missing"
    return "journal damaged"


def dead_letter(world, journal):
    journal.dead = 1
    return "dead letters without an alert"


PLANTED = [
    value_lost, value_doubled, value_of_nobody, press_lost, press_doubled, level_lost, level_doubled, press_without_alert,
    one_id_for_two, two_alerts_for_one, never_told, told_of_nothing, risen_again, resolution_lost, id_twice, missing_at_the_hospital,
    doubled_at_the_hospital, damaged, dead_letter,
]


def test_the_ledger_finds_each_planted_fault(settled):
    from ledger import Journal, reconcile

    path = settled.hub.state / "journal.sqlite"
    right = reconcile(settled.ledger, Journal(path), settled.sink)
    assert right.faults == [] and right.figures["presses stored"] > 3 and right.figures["values stored"] > 50, right.lines()
    sink, ledger = vars(settled.sink), vars(settled.ledger)
    for plant in PLANTED:
        kept = {name: copy.deepcopy(sink[name]) for name in ("alerts", "events", "temperatures", "faults", "again")}
        resolved = set(ledger["resolved"])
        journal = Journal(path)
        expected = plant(settled, journal)
        account = reconcile(settled.ledger, journal, settled.sink)
        assert any(fault.startswith(expected) for fault in account.faults), f"{plant.__name__}: {account.faults}"
        sink.update(kept)
        ledger["resolved"] = resolved
    broken = reconcile(settled.ledger, Journal(path), settled.sink, is_audit_intact=False)
    assert [fault.split(":")[0] for fault in broken.faults] == ["access log broken"]
