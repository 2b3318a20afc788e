"""Ten thousand messages that no device would send: all counted with their reason, none of them harmful."""

import json
import random
import time

from support import LINKED, Bridge, normal, numbered_temperatures, wait_for
import sigframes


def garbage(chance: random.Random, number: int) -> tuple[str, bytes]:
    kind = number % 9
    address = "t1"
    if kind == 0:
        return f"ble/{address}/2a1c", chance.randbytes(chance.randrange(1, 5))  # Shorter than its fixed part.
    if kind == 1:
        return f"zigbee2mqtt/sos1", b'{"action": ' + chance.randbytes(chance.randrange(0, 20))
    if kind == 2:
        return f"unknown/{chance.randrange(1000)}/topic", chance.randbytes(30)
    if kind == 3:
        return f"ble/{address}/2a1c", b""
    if kind == 4:
        return f"ble/stranger{chance.randrange(50)}/2a1c", sigframes.temperature("37.0")
    if kind == 5:
        return "owntracks/o/p", json.dumps({"_type": "location", "lat": chance.choice([91, -91, "NaN", None, 1e300]), "lon": 10, "tst": 1}).encode()
    if kind == 6:
        return "owntracks/o/p", b'{"_type":"location","lat":NaN,"lon":NaN,"tst":NaN}'
    if kind == 7:
        return "zigbee2mqtt/sos1", ("[" * chance.randrange(1, 3000)).encode()
    return "ble/c1/2a35", chance.randbytes(chance.randrange(0, 3))


def test_ten_thousand_pieces_of_garbage(make_hub, broker):
    hub = make_hub(broker)
    patient = hub.person()
    for profile, address in (
        ("bridge/thermometer", "t1"), ("bridge/blood-pressure", "c1"), ("zigbee2mqtt/sos-button", "sos1"), ("owntracks/tracker", "o/p"),
    ):
        hub.device(profile, address, patient)
    link = lambda: hub.status()["links"][0]  # noqa: E731
    wait_for(lambda: link()["state"] == "connected", LINKED, "connected")
    chance = random.Random(20260131)
    bridge = Bridge(broker, "vandal")
    values = numbered_temperatures(200)
    rubbish, began = 0, time.monotonic()
    for number in range(10_000):
        topic, payload = garbage(chance, number)
        # A topic that no profile has is the broker's matter: the hub has not subscribed to it.
        rubbish += not topic.startswith("unknown/")
        bridge.send(topic, payload)
        if number % 50 == 0:
            bridge.temperature("t1", values[number // 50])
    for size in (1_000_000, 300_000, 262_145):
        bridge.send("ble/t1/2a1c", chance.randbytes(size))
        rubbish += 1
    wait_for(lambda: sum(link()["refused"].values()) >= rubbish, 180, "every piece of garbage is counted")
    wait_for(lambda: len(hub.values("temperature")) >= 200, 40, "the valid values are stored")
    bridge.close()

    assert sorted(hub.values("temperature")) == normal(values), "valid traffic is unharmed"
    # Garbage from a button may have been a call for help: that it is not understood is told, and nothing is made of it.
    assert {alert["rule"] for alert in hub.all_alerts()} <= {"notUnderstood"}
    told = hub.sql(
        "SELECT count(*) FROM device_event e JOIN vocabulary v ON v.domain = 'event' AND v.value = e.kind WHERE v.name = 'notUnderstood'")[0][0]
    # There are three devices that can be misunderstood.
    assert 1 <= told <= 3 * (2 + (time.monotonic() - began) / 10), "told, at most every ten seconds of each device"
    refused = link()["refused"]
    assert link()["received"] >= rubbish + 200
    assert refused["oversized"] == 3 and refused["endOfFrame"] > 1000 and refused["invalidJSON"] > 1000 and refused["unknownTopic"] > 1000, refused
    frames = hub.get("/v1/quarantine")["frames"]
    assert len(frames) <= 1000, "what is kept is bounded"
    assert all(f["prefix"] == "" for f in frames if f["reason"] == "unknownTopic"), "what strangers say is nobody's to read"
    wait_for(lambda: hub.quarantined().total() >= rubbish, 20, "every piece is in the books")
    hub.assert_running()
    assert hub.status()["live"]


def test_numbers_out_of_range_are_recorded_as_errors_and_never_score(make_hub, broker, bridge):
    hub = make_hub(broker)
    patient = hub.person()
    hub.device("bridge/pulse-oximeter", "o1", patient)
    for spo2, pulse in ((101, 80), (250, 80), (97, 2000), (-3, 80), ("NaN", 80), ("+INF", "-INF"), ("NRes", "reserved")):
        bridge.send("ble/o1/2a5f", bytes([0]) + sigframes.sfloat(spo2) + sigframes.sfloat(pulse))
    bridge.oximeter("o1", 97, 72)
    wait_for(lambda: (s := hub.get("/v1/patients")[0].get("score")) and s["points"].get("spo2") == 0, 20, "the valid frame scores")
    assert [a["rule"] for a in hub.all_alerts()] == []
    score = hub.get("/v1/patients")[0]["score"]
    assert score["points"]["pulse"] == 0 and not score["complete"]


def test_values_entered_by_people_are_checked_too(hub):
    patient = hub.person()
    for values in ({"respiration": "abc"}, {"respiration": "-4"}, {"consciousness": "X"}, {"temperature": "400"}, {"nonsense": "1"}, {"spo2": "1e9"}):
        answer = hub.enter(patient, 400, **values)
        assert answer["error"], values
    assert hub.sql("SELECT count(*) FROM observation")[0][0] == 0
