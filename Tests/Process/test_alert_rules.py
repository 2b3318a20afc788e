"""Rules about alerts in the real product: resolved is not silent, one frame is told once, one button never takes all room, ids are
given once. docs/alerts.md says why each is as it is."""

from __future__ import annotations

import json
import sqlite3
import time

import pytest

from support import escalation, heard, hospital, wait_for, wait_heard, webhook

NURSE = "Nina Nurse"


def press(bridge, address: str, number: int):
    """Presses that differ, so that no broker or hub takes one for another's redelivery."""
    bridge.send(f"zigbee2mqtt/{address}", json.dumps({"action": "emergency", "linkquality": number}))


def test_a_resolved_value_that_goes_on_falling_speaks_again(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    patient = hub.person()
    hub.device("bridge/pulse-oximeter", "ox1", patient)
    hub.plan(patient, {"kind": "limits", "signal": "spo2", "redLow": "85", "yellowLow": "88", "hysteresis": "2"})
    bridge.oximeter("ox1", 84, 70)
    told = wait_heard(receiver, "planRed")
    for number, value in enumerate((80, 75, 70, 65, 60, 55), start=2):
        hub.alert("planRed", id=told[-1]["alertId"])  # It is told before it is stored.
        hub.alert_action(told[-1]["alertId"], "resolve", comment="phoned")
        bridge.oximeter("ox1", value, 70)
        told = wait_heard(receiver, "planRed", count=number)
    assert len({event["alertId"] for event in told}) == 7
    assert hub.alert("planRed", state="notified")["value"] in (55, "55"), "the sentence is made from the value that holds"


def test_an_open_alert_is_told_anew_as_the_value_falls(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    patient = hub.person()
    hub.device("bridge/pulse-oximeter", "ox1", patient)
    hub.plan(patient, {"kind": "limits", "signal": "spo2", "redLow": "85", "yellowLow": "88"})
    bridge.oximeter("ox1", 84, 70)
    wait_heard(receiver, "planRed")
    bridge.oximeter("ox1", 70, 70)
    wait_heard(receiver, "planRed", "upgraded")
    # It is told before it is stored.
    wait_for(lambda: [str(alert["value"]) for alert in hub.open_alerts()] == ["70"], 20, "it is one alert, with the worse value")


def test_an_alert_that_nobody_takes_is_told_again_until_somebody_does(make_hub, broker, bridge, receiver):
    """Also after a crash; each time under an id of its own, so that a receiver which drops what it knows hears it."""
    urgent = escalation("nurses", high=("1s",)) | {"repeatUntaken": {"high": "2s"}}
    hub = make_hub(broker, [webhook(receiver)], escalation=urgent)
    hub.device("zigbee2mqtt/sos-button", "button1", hub.person())
    press(bridge, "button1", 1)
    alert = wait_heard(receiver, "sos")[0]["alertId"]
    wait_heard(receiver, "sos", "escalated")
    wait_heard(receiver, "sos", "retriggered", count=2)
    hub.kill()
    before = len(heard(receiver, rule="sos", kind="retriggered"))
    hub.start()
    told = wait_heard(receiver, "sos", "retriggered", count=before + 2, seconds=40)
    assert {(event["alertId"], event["level"]) for event in told} == {(alert, 1)}
    assert len({event["id"] for event in told}) == len(told)
    hub.alert_action(alert, "acknowledge")
    wait_heard(receiver, "sos", "acknowledged")
    quiet = len(heard(receiver, rule="sos", kind="retriggered"))
    deadline = time.monotonic() + 5
    wait_for(lambda: time.monotonic() > deadline, 10, "more than two repeats")
    assert len(heard(receiver, rule="sos", kind="retriggered")) == quiet


def test_one_frame_that_takes_a_person_from_three_to_seven_is_told_once_as_high(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver), hospital(receiver)], escalation=escalation("nurses", high=("1h",)))
    patient = hub.person()
    hub.device("bridge/pulse-oximeter", "ox1", patient)
    bridge.oximeter("ox1", 97, 70)
    hub.wait_stored(2)
    # Five values that a person enters together are one score, and one alert.
    hub.enter(patient, respiration=25, temperature="37.0", systolic=120, consciousness="A", oxygen="air")
    wait_heard(receiver, "news2SingleThree")
    bridge.oximeter("ox1", 92, 125)
    high = wait_heard(receiver, "news2High", "upgraded")
    assert high[0]["priority"] == "high"
    assert not heard(receiver, rule="news2Medium"), "five points were never the person's: half of a frame is no measurement"
    hub.wait_stored(4)
    hub.alert("news2High")
    hub.wait_delivered()
    assert len([e for e in receiver.heard("nurses") if e["kind"] == "upgraded"]) == 1
    rows = hub.sql("SELECT o.instant, count(*) n FROM score s JOIN outcome o ON o.id = s.outcome GROUP BY o.instant")
    assert [row["n"] for row in rows] == [1] * 3, "one score a frame"


def test_one_measurement_that_breaks_two_rules_is_one_alert(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    patient = hub.person()
    hub.device("bridge/pulse-oximeter", "ox1", patient)
    hub.plan(patient, {"kind": "limits", "signal": "spo2", "redLow": "85", "yellowLow": "88"})
    bridge.oximeter("ox1", 84, 70)
    alert = hub.alert("planRed")
    assert len(hub.open_alerts()) == 1
    row = hub.sql("SELECT also_rule, also_value, also_subject FROM alert_transition WHERE kind = 2")[0]
    rules = {r["value"]: r["name"] for r in hub.sql("SELECT value, name FROM vocabulary WHERE domain = 'alertRule'")}
    assert (rules[row["also_rule"]], row["also_value"], row["also_subject"]) == ("news2SingleThree", 3, 1)
    hub.alert_action(alert["id"], "resolve", comment="helped")
    bridge.oximeter("ox1", 84, 71)
    hub.wait_stored(4)
    assert hub.open_alerts() == [], "both reasons were resolved"


def test_one_stuck_button_takes_nobodys_room_and_all_of_it_can_be_closed(make_hub, broker, bridge, receiver):
    hub = make_hub(
        broker, [webhook(receiver)], escalation=escalation("nurses", high=("3s",)),
        realtime={"patientsMax": 8, "devicesMax": 8, "alertsMax": 16, "lockMemory": False})
    stuck, other = hub.person("Stuck Button"), hub.person("Needs Help")
    hub.device("zigbee2mqtt/sos-button", "stuck", stuck)
    hub.device("zigbee2mqtt/sos-button", "other", other)
    for number in range(30):
        press(bridge, "stuck", number)
    told = wait_heard(receiver, "sos", count=30, seconds=40)
    assert len({event["alertId"] for event in told}) == 30, "each press is an alert of its own, told at once"
    wait_heard(receiver, "alertRoomFull")
    press(bridge, "other", 1)
    mine = wait_for(lambda: [a for a in hub.open_alerts() if a.get("patient") == other], 20, "the other person's alert")[0]
    wait_for(
        lambda: [e for e in receiver.heard("nurses") if e["alertId"] == mine["id"] and e["kind"] == "escalated"], 20, "it escalates")
    for action, words in (("acknowledge", {}), ("resolve", {"comment": "helped"})):
        hub.alert_action(mine["id"], action, **words)
    for alert in hub.open_alerts():
        if alert["rule"] == "sos":
            hub.alert_action(alert["id"], "resolve", comment="the button was stuck")
    wait_heard(receiver, "alertRoomFull", "cleared")
    wait_for(lambda: hub.open_alerts() == [], 20, "it is stored that nothing is open")
    assert hub.status()["openAlerts"] == 0
    hub.kill()
    hub.start()
    assert hub.open_alerts() == [] and hub.status()["openAlerts"] == 0


@pytest.mark.parametrize("snapshot", [True, False])
def test_an_id_is_given_once_whatever_retention_purges_and_sizes_change(make_hub, broker, bridge, receiver, snapshot):
    sizes = {"patientsMax": 8, "devicesMax": 8, "alertsMax": 32, "lockMemory": False}
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)), realtime=sizes)
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "s1", patient)
    press(bridge, "s1", 1)
    first = wait_heard(receiver, "sos")[0]["alertId"]
    hub.alert("sos", id=first)
    hub.alert_action(first, "resolve", comment="helped")
    press(bridge, "s1", 2)
    second = wait_heard(receiver, "sos", count=2)[1]["alertId"]
    hub.wait_delivered()
    hub.stop()
    # What retention leaves of the first press after its time: nothing but the alert.
    with sqlite3.connect(hub.state / "journal.sqlite") as db:
        press_row = db.execute("SELECT first_cause FROM alert_transition WHERE alert = ? LIMIT 1", (first,)).fetchone()[0]
        for table in ("device_event", "entry"):
            db.execute(f"DELETE FROM {table} WHERE sequence = ?", (press_row,))
        db.execute("UPDATE meta SET value = ? WHERE key = 'purged_through'", (press_row,))
        if not snapshot:
            db.execute("DELETE FROM snapshot")
    hub.configuration["realtime"] = {**sizes, "patientsMax": 9}
    hub.write_configuration()
    hub.start()
    assert ("ids start above" in hub.log_text()) != snapshot, "a replay that cannot be exact is said to be none"
    press(bridge, "s1", 3)
    third = wait_heard(receiver, "sos", count=3)[2]["alertId"]
    assert len({first, second, third}) == 3
    hub.alert("sos", id=third)
    assert {a["id"] for a in hub.open_alerts()} == {second, third}
    hub.alert_action(second, "resolve", comment="helped")


def test_more_people_than_there_is_room_for_is_an_alert(make_hub, broker):
    hub = make_hub(broker, realtime={"patientsMax": 4, "devicesMax": 4, "alertsMax": 32, "lockMemory": False})
    for number in range(3):
        hub.person(f"Person {number}")
    hub.stop()
    hub.configuration["realtime"]["patientsMax"] = 2
    hub.write_configuration()
    # A start makes the room by itself and says so: everybody who is registered is watched over.
    hub.start()
    assert "realtime.patientsMax is 2, and 3 people are registered" in hub.log_text()
    for number in range(3, 40):
        status, _ = hub.api("POST", "/v1/patients", {"name": f"Person {number}", "actor": "Installer", "reason": "test"})
        if status == 409:
            break
    assert status == 409, "the room that was made is bounded"
    assert hub.alert("registryFull")["priority"] == "high"
    hub.stop()
    hub.configuration["realtime"]["patientsMax"] = 64
    hub.write_configuration()
    hub.start()
    hub.alert("registryFull", state="cleared")
