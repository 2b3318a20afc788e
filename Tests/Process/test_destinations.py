"""Receivers that are down, failing, refusing, slow or dead: what arrives, how often, and who waits for whom."""

import json
import time

import pytest

from support import (
    LINKED, NURSE, PULSE, SECRET, Destination, Receiver, escalation, free_port, heard, hospital, numbered_temperatures, wait_for, wait_for_a_new_second, wait_heard, webhook,
)

# RetryPolicy: an alarm is tried again after 30 s at the latest. A record's pauses grow to minutes, but only as its receiver stays away:
# here for some seconds.
RETRIED = 60


def temperatures(receiver, path="fhir"):
    return sorted(f"{r['valueQuantity']['value']:.3f}" for r in receiver.resources("Observation", path) if r.get("valueQuantity", {}).get("code") == "Cel")


@pytest.fixture
def home(make_hub, broker, receiver):
    def make(*destinations, **sections):
        hub = make_hub(broker, destinations, **sections)
        patient = hub.person()
        hub.device("bridge/thermometer", "t1", patient)
        hub.device("zigbee2mqtt/sos-button", "sos1", patient)
        return hub
    return make


def test_receiver_down_then_up_gets_everything_once_and_soon(home, bridge, receiver):
    hub = home(hospital(receiver), webhook(receiver), escalation=escalation("nurses"))
    receiver.stop()
    values = numbered_temperatures(50)
    for value in values:
        bridge.temperature("t1", value)
    bridge.sos("sos1")
    hub.wait_stored(51)
    wait_for(lambda: any(d.get("lastError") for d in hub.status()["destinations"]), 30, "status shows why nothing leaves")
    receiver.start()
    wait_heard(receiver, "sos", seconds=RETRIED)
    wait_for(lambda: len(temperatures(receiver)) >= 50, RETRIED, "all observations after the return")
    hub.wait_delivered()
    assert temperatures(receiver) == values
    assert receiver.fhir["fhir"].duplicates() == []


def test_status_says_what_is_wrong_now_and_not_what_was(home, bridge, receiver):
    hub = home(hospital(receiver))
    receiver.set("fhir", 500)
    bridge.temperature("t1", "37.123")
    first = wait_for(lambda: hub.status()["destinations"][0].get("lastError"), 30, "the server's trouble")
    receiver.set("fhir", 401)
    bridge.temperature("t1", "37.124")
    wait_for(lambda: hub.status()["destinations"][0].get("lastError") == "unauthorised", RETRIED, f"no longer {first}")


def test_500_is_retried_until_it_works_with_the_same_ids(home, bridge, receiver):
    hub = home(hospital(receiver), webhook(receiver), escalation=escalation("nurses"))
    receiver.set("fhir", 500)
    receiver.set("nurses", 500)
    bridge.temperature("t1", "37.123")
    bridge.sos("sos1")
    wait_for(lambda: receiver.requests["fhir"] >= 2 and receiver.requests["nurses"] >= 2, RETRIED, "retries")
    assert not [a for a in hub.all_alerts() if a["rule"] == "deadLetter"], "a server's trouble is no dead letter"
    receiver.set("fhir")
    receiver.set("nurses")
    wait_heard(receiver, "sos", seconds=RETRIED)
    wait_for(lambda: temperatures(receiver) == ["37.123"], RETRIED, "the observation")
    hub.wait_delivered()
    assert receiver.fhir["fhir"].duplicates() == []
    assert len(heard(receiver, rule="sos", kind="raised")) == 1


def test_400_becomes_a_dead_letter_with_one_alert_and_can_be_sent_again(home, bridge, receiver):
    hub = home(hospital(receiver), webhook(receiver), escalation=escalation("nurses"))
    receiver.set("fhir", 400)
    for value in numbered_temperatures(5):
        bridge.temperature("t1", value)
    wait_for(lambda: len(hub.get("/v1/outbox?state=dead")) >= 5, RETRIED, "five dead letters")
    hub.alert("deadLetter")
    wait_heard(receiver, "deadLetter")
    refused = receiver.requests["fhir"]
    for value in numbered_temperatures(5, 10):
        bridge.temperature("t1", value)
    wait_for(lambda: len(hub.get("/v1/outbox?state=dead")) >= 10, RETRIED, "ten dead letters")
    assert len([a for a in hub.all_alerts() if a["rule"] == "deadLetter"]) == 1, "one alert on entry, not one a letter"
    assert receiver.requests["fhir"] >= refused
    receiver.set("fhir")
    hub.post("/v1/outbox/retry", {"destination": "hospital", "actor": "Operator", "reason": "the receiver was mended"})
    wait_for(lambda: len(temperatures(receiver)) == 10, RETRIED, "the dead letters arrive after the retry")
    assert receiver.fhir["fhir"].duplicates() == []
    wait_for(lambda: hub.get("/v1/outbox?state=dead") == [], 20, "no dead letter is left")


def test_a_slow_receiver_times_out_and_gets_the_same_again(home, bridge, receiver):
    hub = home(hospital(receiver, timeout="500ms"), webhook(receiver, timeout="500ms"), escalation=escalation("nurses"))
    receiver.set("fhir", delay=1.5)
    receiver.set("nurses", delay=1.5)
    bridge.temperature("t1", "37.456")
    bridge.sos("sos1")
    wait_for(lambda: receiver.requests["fhir"] >= 2 and receiver.requests["nurses"] >= 2, RETRIED, "attempts after a timeout")
    hub.wait_stored(2)  # What is tried again may not be stored yet.
    receiver.set("fhir")
    receiver.set("nurses")
    hub.wait_delivered(RETRIED)
    assert temperatures(receiver) == ["37.456"], "the unknown outcome was resent under the same id"
    assert receiver.fhir["fhir"].duplicates() == []
    assert len(heard(receiver, rule="sos", kind="raised")) == 1
    assert receiver.deliveries["nurses"].most_common(1)[0][1] >= 1


def test_a_dead_second_destination_delays_neither_the_first_nor_alarms(home, bridge, receiver):
    dead = hospital(receiver, "dead", "fhir-dead", timeout="30s")
    hub = home(hospital(receiver), dead, webhook(receiver), escalation=escalation("nurses"))
    receiver.set("fhir-dead", delay=25)
    values = numbered_temperatures(100)
    for value in values:
        bridge.temperature("t1", value)
    wait_for(lambda: receiver.requests["fhir-dead"] >= 1, 20, "the dead one hangs")
    # All of this while the dead one says nothing: it has an answer only after 25 s.
    began = time.monotonic()
    bridge.sos("sos1")
    wait_heard(receiver, "sos", seconds=10)
    assert time.monotonic() - began < 10
    wait_for(lambda: temperatures(receiver) == values, 20, "the first destination has everything")
    wait_for(lambda: {r["destination"] for r in hub.get("/v1/outbox?state=pending")} == {"dead"}, 20, "only the dead one's rows wait")


def test_alarms_do_not_queue_behind_observations(home, bridge, receiver):
    """One destination, slow for observations: its alarm lane is another one."""
    hub = home(hospital(receiver, timeout="20s"), webhook(receiver, timeout="20s"), escalation=escalation("nurses"))
    receiver.set("fhir", delay=15)
    for value in numbered_temperatures(200):
        bridge.temperature("t1", value)
    wait_for(lambda: receiver.requests["fhir"] >= 1, 20, "a slow bundle under way")
    bridge.sos("sos1")
    began = time.monotonic()
    wait_heard(receiver, "sos", seconds=10)
    assert time.monotonic() - began < 10, "it did not wait for the bundle's 15 s"


def test_what_no_agreement_allows_is_withheld_and_logged(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [hospital(receiver, share=("scores",)), webhook(receiver)], escalation=escalation("nurses"))
    first, second = hub.person("Kari Test"), hub.person("Ola Test")
    hub.device("bridge/thermometer", "t1", first)
    bridge.temperature("t1", "37.1")
    hub.wait_stored(1)
    hub.wait_delivered()
    wait_for(lambda: hub.sql("SELECT count(*) FROM withheld")[0][0] >= 1, 20, "the withheld record is counted")
    assert temperatures(receiver) == []
    log = hub.sql("SELECT action, patient, detail FROM access_log WHERE action LIKE '%withh%' OR detail LIKE '%withh%'")
    assert log, "and stands in the access log"
    assert log[0]["patient"] == int(first[1:])


def test_an_agreement_for_one_person_leaves_the_other_out(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [hospital(receiver, patients=["P1"])])
    for address in ("t1", "t2"):
        hub.device("bridge/thermometer", address, hub.person(f"Person {address}"))
    bridge.temperature("t2", "38.222")
    bridge.temperature("t1", "37.111")
    hub.wait_stored(2)
    wait_for(lambda: temperatures(receiver) == ["37.111"], 20, "P1's value only")
    hub.wait_delivered()
    assert temperatures(receiver) == ["37.111"]


@pytest.mark.patient
@pytest.mark.timeout(360)  # What it waits for, added up; some 100 s in truth.
def test_a_dead_response_centre_is_known_before_an_alarm_needs_it_and_one_alert(home, bridge, receiver):
    """Nothing waits: a probe finds it. It is told within 90 s, and taken back when it is well again."""
    spare = webhook(receiver, "spare")
    centre = Destination("centre", "webhook", f"http://127.0.0.1:{free_port()}/centre", secret=SECRET, share=("alerts",))
    hub = home(centre, spare, escalation=escalation("centre", "spare"))
    began = time.monotonic()
    alert = hub.alert("destinationDown", seconds=100)
    # A probe each 10 s, told after 60 s of failing: 80 s with a pulse, and what is promised is 90.
    assert time.monotonic() - began < 95
    wait_heard(receiver, "destinationDown", name="spare")
    state = {s["name"]: s for s in hub.get("/v1/destinations")}
    assert state["centre"]["state"] == "down" and state["centre"]["reason"] == "unreachable" and state["centre"]["text"]
    assert state["spare"]["state"] == "well"
    back = Receiver(receiver.folder / "centre", {"centre": SECRET}, int(centre.url.split(":")[2].split("/")[0])).start()
    try:
        wait_heard(back, "destinationDown", name="centre", seconds=RETRIED)
        wait_for(lambda: hub.get(f"/v1/alerts/{alert['id']}")["state"] == "cleared", 90, "it is well again")
        assert len([a for a in hub.all_alerts() if a["rule"] == "destinationDown"]) == 1
    finally:
        back.stop()


def test_a_call_that_waits_for_a_renamed_destination_goes_to_who_is_named_now(home, bridge, receiver):
    home = home(webhook(receiver), escalation=escalation("nurses", high=("1h",)))
    receiver.set("nurses", 503)
    bridge.sos("sos1")
    wait_for(lambda: receiver.requests["nurses"] > 0, 20, "the call is refused for now")
    wait_for(lambda: home.pending() > 0, 20, "it waits")
    assert home.stop() == 0
    for section in ("destinations", "sharing", "escalation"):
        home.configuration[section] = json.loads(json.dumps(home.configuration[section]).replace('"nurses"', '"centre"'))
    receiver.secrets["centre"] = SECRET
    for destination in home.configuration["destinations"]:
        destination["url"] = destination["url"].replace("/nurses", "/centre")
    home.write_configuration()
    home.start()
    wait_heard(receiver, "sos", name="centre")
    home.alert("sos", state="notified")
    assert len(heard(receiver, "centre", "sos", "raised")) == 1


def test_a_destination_without_its_credential_fails_alone(home, bridge, receiver):
    hospital_without = hospital(receiver, "hospital", extra={"credential": "nowhere"})
    hub = home(hospital_without, webhook(receiver), escalation=escalation("nurses"))
    bridge.temperature("t1", "37.1")
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    state = lambda: {s["name"]: s for s in hub.get("/v1/destinations")}["hospital"]
    wait_for(lambda: state()["state"] == "failing" and state()["reason"] == "unauthorised", 30, "it is told as failing")
    assert receiver.requests["fhir"] == 0
    assert all(process.poll() is None for process in hub.processes.values())


def test_one_persons_records_that_can_never_be_placed_are_told(make_hub, broker, bridge, receiver):
    """412 for one person's Patient, while another person's records get through all the while."""
    hub = make_hub(broker, [hospital(receiver), webhook(receiver)], escalation=escalation("nurses"))
    hub.device("bridge/thermometer", "t1", hub.person("Person A"))
    hub.device("bridge/thermometer", "t2", hub.person("Person B"))
    receiver.conflicts["fhir"] = "Person A"
    bridge.temperature("t1", "37.111")
    # Six attempts alone, about a minute; another's value each second is this test's rhythm.
    began = time.monotonic()
    for number in range(120):
        bridge.temperature("t2", f"36.{number:03}")
        if any(a["rule"] == "deadLetter" for a in hub.all_alerts()):
            break
        time.sleep(1)
    assert time.monotonic() - began < 120
    wait_heard(receiver, "deadLetter")
    assert {row["destination"] for row in hub.get("/v1/outbox?state=dead")} == {"hospital"}
    assert "37.111" not in temperatures(receiver) and temperatures(receiver)


def test_a_refused_person_inside_an_accepted_bundle_is_no_delivery(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [hospital(receiver)])
    hub.device("bridge/thermometer", "t1", hub.person("Person A"))
    receiver.entry_status["fhir"] = {"Patient": ["429 Too Many Requests"] * 2}
    bridge.temperature("t1", "37.222")
    wait_for(lambda: receiver.requests["fhir"] >= 3, RETRIED, "sent until the person is there")
    hub.wait_delivered()
    assert len(receiver.resources("Patient")) == 1
    assert receiver.entry_status["fhir"]["Patient"] == []


def test_a_receiver_that_answers_ok_is_told_once(home, bridge, receiver):
    hub = home(webhook(receiver), escalation=escalation("nurses", high=("1h",)))
    receiver.plain.add("nurses")
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    wait_for(lambda: hub.status()["destinations"][0]["pendingAlarms"] == 0, 20, "delivered")
    time.sleep(2)
    assert set(receiver.deliveries["nurses"].values()) == {1}


def test_who_took_an_alarm_and_why_reaches_the_receiver(home, bridge, receiver):
    hub = home(webhook(receiver), escalation=escalation("nurses", high=("1h",)))
    bridge.sos("sos1")
    alert = hub.alert("sos")
    hub.alert_action(alert["id"], "acknowledge")
    hub.alert_action(alert["id"], "resolve", comment="Helped up", cause="Slipped", measure="Mat removed")
    acknowledged = wait_heard(receiver, "sos", "acknowledged")[0]
    assert acknowledged["handling"]["actor"] == NURSE
    resolved = wait_heard(receiver, "sos", "resolved")[0]
    assert resolved["handling"] == {"actor": NURSE, "comment": "Helped up", "cause": "Slipped", "measure": "Mat removed"}
    assert resolved["raisedAt"] == heard(receiver, rule="sos", kind="raised")[0]["raisedAt"]
    assert set(receiver.deliveries["nurses"].values()) == {1}


def test_an_alert_about_where_somebody_is_says_where_if_an_agreement_covers_it(make_hub, broker, bridge, receiver):
    with_place = webhook(receiver, "nurses", share=("alerts", "locations"))
    without = webhook(receiver, "others")
    hub = make_hub(broker, [with_place, without], escalation=escalation("nurses", "others", high=("1h",), medium=("1h",)))
    patient = hub.person()
    hub.device("owntracks/tracker", "kari/phone", patient)
    hub.plan(patient, {
        "kind": "geofence", "latitude": "59.9138690", "longitude": "10.7522450", "radiusMetres": 200, "confirmingFixes": 1,
        "staleAfterSeconds": 3600})
    wait_for_a_new_second()
    for offset in (0.0, 0.02, 0.021, 0.022):
        bridge.send("owntracks/kari/phone", json.dumps(
            {"_type": "location", "lat": 59.913869 + offset, "lon": 10.752245, "acc": 10, "tst": int(time.time()), "tid": "ka"}))
        time.sleep(0.2)
    event = wait_heard(receiver, "geofenceExit")[0]
    assert abs(event["position"]["latitude"] - 59.933869) < 0.003 and event["position"]["accuracyMetres"] == 10
    assert event["reasons"][0]["value"] > 2000 and event["reasons"][0]["limit"] == 200
    assert "position" not in wait_heard(receiver, "geofenceExit", name="others")[0]


def test_a_call_that_was_refused_for_good_is_not_ready_until_somebody_takes_it(home, bridge, receiver):
    other = webhook(receiver, "others")
    hub = home(webhook(receiver), other, escalation={"receivers": [{"level": 0, "destinations": ["nurses", "others"]}]})
    receiver.set("nurses", 400)

    def refused():
        return [p for p in hub.status()["problems"] if p["kind"] == "callRefused"]

    bridge.sos("sos1")
    problem = wait_for(refused, 30, "a refused call")[0]
    assert problem["name"] == "nurses" and problem["effect"] == "mute" and "outbox retry --destination nurses" in problem["next"]
    assert problem["text"].startswith("nurses tok ikke imot en alarm, og ingen har kvittert for den")
    wait_for(lambda: hub.http("/readyz")[0] == 503, PULSE, "not ready")
    text = hub.http("/readyz")[1]
    assert "REFUSED A CALL" in text, text
    # The others hear the call itself, and that the first did not take it.
    wait_heard(receiver, "sos", name="others")
    wait_heard(receiver, "deadLetter", name="others")
    # A restart forgets nothing of it.
    hub.kill()
    hub.start()
    wait_for(refused, 30, "a refused call after a restart")
    # Somebody takes it: a dead letter is left, and nobody who waits.
    hub.alert_action(hub.alert("sos")["id"], "acknowledge")
    wait_for(lambda: not refused(), PULSE, "no refused call waits")
    wait_for(lambda: hub.http("/readyz")[0] == 200, LINKED, "ready again")
    wait_for(lambda: "deadLetter" in [p["kind"] for p in hub.status()["problems"]], PULSE, "the dead letter is still said")


def test_a_call_that_was_refused_for_good_and_is_sent_again_is_no_problem_any_more(home, bridge, receiver):
    hub = home(webhook(receiver), escalation=escalation("nurses"))
    receiver.set("nurses", 400)
    bridge.sos("sos1")
    wait_for(lambda: hub.http("/readyz")[0] == 503, 30, "a refused call")
    receiver.set("nurses")
    hub.post("/v1/outbox/retry", {"destination": "nurses", "actor": "Operator", "reason": "the receiver was mended"})
    wait_heard(receiver, "sos")
    wait_for(lambda: not [p for p in hub.status()["problems"] if p["kind"] in ("callRefused", "deadLetter")], 20, "no problem left")
    wait_for(lambda: hub.http("/readyz")[0] == 200, LINKED, "ready again")
