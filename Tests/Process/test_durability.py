"""Killed in the middle of traffic, started again: everything is there once, and the alerts go on where they were."""

from datetime import datetime, timedelta, timezone
import random
import signal
import time

import pytest

from support import (
    Bridge, escalation, heard, hospital, normal, numbered_temperatures, wait_for, wait_heard, webhook,
)


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_during_traffic_loses_and_doubles_nothing(make_hub, broker, receiver, seed):
    hub = make_hub(broker, [hospital(receiver)])
    patient = hub.person()
    hub.device("bridge/thermometer", "t1", patient)
    bridge = Bridge(broker)
    chance = random.Random(seed)
    values = numbered_temperatures(1500)
    kills = sorted(chance.sample(range(200, 1400), 3))
    for number, value in enumerate(values):
        bridge.temperature("t1", value)
        if number in kills:
            wait_for(lambda: hub.stored() > 0, 30, "traffic reaches the journal")
            hub.kill()
            hub.start()
        elif number % 50 == 0:
            time.sleep(0.01)  # A stream rather than one burst, so that the kill meets commits under way.
    hub.wait_stored(len(values), 60)
    hub.wait_delivered(60)
    bridge.close()

    assert sorted(hub.values("temperature")) == sorted(normal(values)), "each value is in the journal exactly once"
    sent = [r for r in receiver.resources("Observation") if "valueQuantity" in r and r["valueQuantity"].get("code") == "Cel"]
    assert sorted(f"{r['valueQuantity']['value']:.3f}" for r in sent) == sorted(values), "and at the hospital exactly once"
    assert receiver.fhir["fhir"].duplicates() == []
    assert hub.get("/v1/audit/verify")["intact"]


def test_what_the_hub_acknowledged_is_not_sent_again(make_hub, broker):
    """The broker keeps what was not acknowledged. After a kill at rest it must have nothing left to say."""
    hub = make_hub(broker)
    hub.device("bridge/thermometer", "t1", hub.person())
    bridge = Bridge(broker)
    for value in numbered_temperatures(200):
        bridge.temperature("t1", value)
    hub.wait_stored(200)
    # Acknowledgements leave after the commit: wait until the broker has seen the last.
    wait_for(lambda: broker.log_text().count("Received PUBACK from demo-hub") >= 200, 20, "200 PUBACKs")
    hub.kill()
    mark = len(broker.log_text())
    hub.start()
    bridge.temperature("t1", "38.5")
    hub.wait_stored(201)
    bridge.close()

    def sent():
        return [line for line in broker.log_text()[mark:].splitlines() if "Sending PUBLISH to demo-hub" in line]

    wait_for(sent, 20, "the broker's log has the new value")
    assert len(sent()) == 1, sent()[:3]


def test_open_alerts_and_their_deadlines_survive(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("15s",)))
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    hub.wait_stored(1)
    before = hub.alert("sos", state="notified")
    # All of this within the 15 s.
    hub.kill()
    hub.start()
    after = hub.alert("sos")
    assert after["id"] == before["id"]
    assert after["raisedAt"] == before["raisedAt"]
    assert after["escalatesAt"] == before["escalatesAt"], "a restart does not postpone an escalation"
    escalated = wait_heard(receiver, "sos", "escalated", seconds=40)[0]
    late = datetime.fromisoformat(escalated["occurredAt"]) - datetime.fromisoformat(before["escalatesAt"])
    assert abs(late.total_seconds()) < 0.01, "an escalation is stamped with its deadline"
    assert len(heard(receiver, rule="sos", kind="raised")) == 1
    assert len({e["alertId"] for e in heard(receiver, rule="sos")}) == 1
    assert len(hub.all_alerts()) == 1


def test_a_deadline_that_passed_while_down_is_caught_up(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("8s",)))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    before = hub.alert("sos", state="notified")
    hub.kill()
    time.sleep(9)  # The deadline passes while nobody looks: the thing under test.
    started = datetime.now(timezone.utc)
    hub.start()
    escalated = wait_heard(receiver, "sos", "escalated")[0]
    # Had the start begun the eight seconds anew, it would be stamped after them.
    assert datetime.fromisoformat(escalated["occurredAt"]) < started + timedelta(seconds=6), (escalated, before)


def test_sigterm_ends_cleanly_and_soon(make_hub, broker, bridge):
    hub = make_hub(broker)
    hub.device("bridge/thermometer", "t1", hub.person())
    for value in numbered_temperatures(300):
        bridge.temperature("t1", value)
    began = time.monotonic()
    assert hub.stop(how=signal.SIGTERM) == 0
    assert time.monotonic() - began < 8, "storing 2.5 s, goodbye 1.5 s, links 4 s, partly at the same time"
    hub.start()
    hub.wait_stored(300)
    assert sorted(hub.values("temperature")) == normal(numbered_temperatures(300))


def test_a_second_daemon_on_the_same_state_is_refused(make_hub, broker):
    hub = make_hub(broker)
    rival = make_hub(broker, start=False, name="rival", state=hub.state)
    rival.start(wait=False)
    status = rival.processes["all"].wait(60)
    assert status not in (0, -signal.SIGTRAP, -signal.SIGILL, -signal.SIGSEGV), "it says so and ends, it does not trap"
    assert str(hub.state) in rival.log_text() or "another" in rival.log_text().lower()
    assert hub.status()["live"], "the first goes on"


def test_recovery_restores_scores_and_people(make_hub, broker, bridge):
    hub = make_hub(broker)
    patient = hub.person("Kari Test", "21815410014")
    hub.device("bridge/pulse-oximeter", "o1", patient)
    hub.plan(patient, {"kind": "spo2Scale", "scale": 2}, {"kind": "oxygen", "oxygen": "oxygen"})
    hub.enter(patient, respiration=18, systolic=120, consciousness="A", temperature="37.0")
    bridge.oximeter("o1", 90, 80)
    score = wait_for(lambda: (s := hub.get("/v1/patients")[0].get("score")) and s["complete"] and s, 20, "a complete score")
    hub.wait_stored(2)
    hub.kill()
    hub.start()
    person = hub.get("/v1/patients")[0]
    assert person["name"] == "Kari Test"
    assert person["score"] == score
    assert {i["item"]["kind"] for i in hub.get(f"/v1/plans/{patient}")["items"]} >= {"spo2Scale", "oxygen"}
