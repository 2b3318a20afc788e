"""Core, forward and console as three processes: each may die, the others go on and say what is missing."""

import time

import pytest

from support import LISTED, accepts, escalation, hospital, numbered_temperatures, wait_for, wait_heard, webhook


@pytest.fixture
def house(make_hub, broker, receiver):
    hub = make_hub(broker, [hospital(receiver), webhook(receiver)], start=False, escalation=escalation("nurses"))
    for role in ("core", "forward", "console"):
        hub.start(role)
    patient = hub.person()
    hub.device("bridge/thermometer", "t1", patient)
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    wait_for(lambda: "connected to the core" in hub.log_text("forward"), 60, "the forward role has found the core")
    return hub


def delivered(receiver) -> int:
    return len([r for r in receiver.resources("Observation") if r.get("valueQuantity", {}).get("code") == "Cel"])


def test_three_processes_do_what_one_does(house, bridge, receiver):
    for value in numbered_temperatures(20):
        bridge.temperature("t1", value)
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    wait_for(lambda: delivered(receiver) == 20, 60, "all observations at the hospital")
    wait_for(lambda: accepts(house.console_port), 60, "the console listens")
    assert house.http("/", house.console_port)[0] in (200, 302, 303, 401, 403)


def test_console_killed_nothing_else_notices(house, bridge, receiver):
    house.kill("console")
    bridge.temperature("t1", "37.1")
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    wait_for(lambda: delivered(receiver) == 1, 30, "delivered without a console")
    wait_for(lambda: any("console" in note for note in notes(house)), LISTED, "status names the missing console")
    house.start("console")
    wait_for(lambda: not any("console" in note for note in notes(house)), 60, "and stops when it is back")


def test_forward_killed_core_goes_on_and_the_outbox_waits(house, bridge, receiver):
    house.kill("forward")
    bridge.temperature("t1", "37.1")
    bridge.sos("sos1")
    house.wait_stored(2)
    house.alert("sos")
    wait_for(lambda: any("forward" in note for note in notes(house)), LISTED, "status names the missing forward role")
    assert receiver.heard("nurses") == []
    house.start("forward")
    wait_heard(receiver, "sos", seconds=60)
    wait_for(lambda: delivered(receiver) == 1, 30, "delivered after the return")
    house.wait_delivered()
    assert receiver.fhir["fhir"].duplicates() == []


def test_core_killed_the_others_stay_and_reconnect(house, bridge, receiver):
    bridge.temperature("t1", "37.0")
    house.wait_stored(1)
    house.kill("core")
    bridge.temperature("t1", "37.1")
    time.sleep(1)  # Long enough for a role that depends on the core to have fallen over.
    house.assert_running("forward")
    house.assert_running("console")
    house.start("core")
    house.wait_stored(2)
    bridge.sos("sos1")
    wait_heard(receiver, "sos", seconds=60)
    wait_for(lambda: delivered(receiver) == 2, 60, "the forward role found the core again")
    house.assert_running("forward")
    house.assert_running("console")


def notes(hub) -> list[str]:
    status = hub.status()
    missing = [f"{role} {state}" for role, state in status["roles"].items() if state not in ("running", "live", "here", "ok", "connected")]
    return missing + [n.lower() for n in status["notes"]]
