"""Processes that stand still, cables that are bad and a disk whose fsync fails: the ledger comes out even, and calls find their way."""

import signal
import time

import pytest

import traffic
from support import LINKED, wait_for
from world import World


@pytest.fixture
def make_world(folder):
    worlds = []

    def make(seed: int, **options) -> World:
        world = World(folder / f"world{len(worlds)}", seed, say=lambda *_, **__: None, **options)
        worlds.append(world)
        return world.start()

    yield make
    for world in worlds:
        world.close()


def told(world) -> int:
    return sum(changes[0]["rule"] == "sos" for changes in world.sink.alerts.values())


def press_is_told(world, seconds: float, serial: int):
    """A call that is sent now is told within so many seconds, whatever else goes on."""
    before = told(world)
    key = ("press", 0, traffic.BATTERIES[serial])
    world.send(*traffic.press(0, traffic.BATTERIES[serial], 1_000 + serial), key)
    wait_for(lambda: told(world) > before, seconds, "the call is told")


def comes_out_even(world, shed: bool = False):
    world.end_traffic()
    world.settle(100)
    status = world.hub.status()
    account = world.account(shed=status["shed"] if shed else 0)
    assert account.faults == [], "\n".join(account.lines())
    assert account.figures["values stored"] > 100, account.lines()


@pytest.mark.patient
@pytest.mark.timeout(600)
def test_everything_stands_still_in_turn(make_world):
    world = make_world(11, roles=True, rate=60, presses=0.05)
    world.begin_traffic()
    for name in ("core", "forward", "console"):
        world.signal(name, signal.SIGSTOP)
        time.sleep(3)  # How long it stands still is the thing under test.
        if name == "console":
            press_is_told(world, 20, 0)
        world.signal(name, signal.SIGCONT)
    world.broker.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    world.broker.process.send_signal(signal.SIGCONT)
    comes_out_even(world)


@pytest.mark.patient
@pytest.mark.timeout(600)
def test_bad_cables(make_world):
    world = make_world(12, rate=60, presses=0.05)
    world.begin_traffic()
    for name in ("link", "hospital", "nurses"):
        wire = getattr(world, name)
        for mode, pause in (("slow", 0.1), ("trickle", 0.0005), ("silent", 0)):
            wire.set(mode, pause)
            time.sleep(1.5)
            wire.set("good")
        wire.cut()
    wait_for(lambda: world.hub.status()["links"][0]["state"] == "connected", 2 * LINKED, "the link is up again")
    # A hospital that says nothing does not hold up the response centre. It says nothing until it is told to be good.
    world.hospital.set("silent")
    press_is_told(world, 20, 1)
    world.hospital.set("good")
    comes_out_even(world)


@pytest.mark.patient
@pytest.mark.timeout(600)
def test_a_cable_that_breaks_often_is_no_second_hub(make_world):
    """Three ends in five minutes look like another client with our name. With a neighbour's device in the air, whose messages are then
    left to that client, the hub shut itself out for ten minutes."""
    world = make_world(13, rate=60, presses=0.05, garbage=0.2)
    world.begin_traffic()
    for _ in range(4):
        wait_for(lambda: world.hub.status()["links"][0]["state"] == "connected", LINKED, "the link is up")
        world.link.cut()
    time.sleep(2)
    press_is_told(world, LINKED + 10, 2)
    mark = world.ledger.acknowledged.total()
    wait_for(lambda: world.ledger.acknowledged.total() > mark + 100, 120, "messages are taken again")
    comes_out_even(world)


@pytest.mark.patient
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["EIO", "ENOSPC", "hang"])
def test_a_failing_fsync(make_world, how):
    world = make_world(14, rate=60, presses=0.05)
    world.begin_traffic()
    wait_for(lambda: world.disk.passed > 5, 40, "the shim sees the journal's fsync")
    for count in (1, 2, 40):
        spoiled = world.disk.spoiled
        world.disk.fail(how, count)
        wait_for(lambda: world.disk.spoiled > spoiled, 40, "a sync is spoiled")
        press_is_told(world, 20, 3 + count)
        time.sleep(1)
        world.disk.well()
    wait_for(lambda: world.hub.status()["store"] == "writing", 90, "the store is well again")
    if how != "hang":
        # And killed while it fails: what was acknowledged is there.
        world.disk.fail(how, 1_000)
        time.sleep(0.5)
        world.hub.kill("all")
        world.disk.well()
        world.start_role("all")
    comes_out_even(world, shed=how == "ENOSPC")
