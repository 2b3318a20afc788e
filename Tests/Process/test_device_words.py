"""Devices in other words than the usual ones: what calls for help is told, what nobody understands is told too, and what is somebody else's
or was never measured is nobody's value."""

import json
import time

import pytest

from support import PULSE, wait_for


def rules(hub) -> list[str]:
    return sorted(alert["rule"] for alert in hub.all_alerts())


def events(hub) -> list[str]:
    rows = hub.sql(
        "SELECT v.name n FROM device_event e JOIN vocabulary v ON v.domain = 'event' AND v.value = e.kind ORDER BY e.sequence")
    return [row["n"] for row in rows]


def settled(hub, bridge, address="marker"):
    """Everything that was sent before is in the journal, because this is."""
    bridge.temperature(address, "36.6")
    wait_for(lambda: "36.6" in hub.values("temperature"), 20, "the marker is stored")


@pytest.fixture
def home(hub, bridge):
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    hub.device("zigbee2mqtt/fall-sensor", "fall1", patient)
    hub.device("bridge/thermometer", "marker", patient)
    return patient


@pytest.mark.parametrize("topic, payload", [
    ("zigbee2mqtt/sos1", '{"action":"single","battery":100}'), ("zigbee2mqtt/sos1", '{"action":"hold"}'),
    ("zigbee2mqtt/sos1", '{"action":"emergency"}'), ("zigbee2mqtt/sos1", '{"click":"double"}'),
    ("zigbee2mqtt/sos1", '{"battery_low":false,"sos":true,"tamper":false}'), ("zigbee2mqtt/sos1/action", "single"),
    ("zigbee2mqtt/sos1/sos", "true"),
])
def test_a_press_by_any_name_is_a_call_for_help(hub, bridge, home, topic, payload):
    bridge.send(topic, payload)
    hub.alert("sos", patient=home)
    settled(hub, bridge)
    assert rules(hub) == ["sos"]


@pytest.mark.parametrize("topic, payload", [
    ("zigbee2mqtt/fall1", '{"fall_status":"fall_alarm","occupancy":true}'), ("zigbee2mqtt/fall1", '{"fall_down_status":"fall"}'),
    ("zigbee2mqtt/fall1", '{"fall":true}'), ("zigbee2mqtt/fall1/fall_status", "fall_alarm"),
])
def test_a_fall_by_any_name_is_a_fall(hub, bridge, home, topic, payload):
    bridge.send(topic, payload)
    hub.alert("fall", patient=home)
    settled(hub, bridge)
    assert rules(hub) == ["fall"]


def test_a_fall_that_lasts_is_one_alert(hub, bridge, home):
    for number in range(80):
        bridge.send("zigbee2mqtt/fall1", json.dumps({"fall_down_status": "fall", "illuminance": number}))
    hub.alert("fall", patient=home)
    settled(hub, bridge)
    assert rules(hub) == ["fall"]


def test_a_call_that_lasts_is_one_alert(hub, bridge, home):
    for number in range(40):
        bridge.send("zigbee2mqtt/sos1", json.dumps({"sos": True, "linkquality": number}))
    hub.alert("sos", patient=home)
    settled(hub, bridge)
    assert rules(hub) == ["sos"]


@pytest.mark.parametrize("topic, payload", [
    ("zigbee2mqtt/sos1", '{"action":"wave","battery":90}'), ("zigbee2mqtt/sos1", '{"help":true}'), ("zigbee2mqtt/sos1", "emergency"),
    ("zigbee2mqtt/sos1/action", "wave"), ("zigbee2mqtt/fall1", '{"fall_status":"person_down"}'),
])
def test_what_nobody_understands_is_told(hub, bridge, home, topic, payload):
    bridge.send(topic, payload)
    wait_for(lambda: "notUnderstood" in events(hub), 20, "it is told")
    wait_for(lambda: hub.quarantined().total(), 20, "and kept for a look")
    settled(hub, bridge)
    assert hub.quarantined().total() == 1, "once"
    assert "sos" not in rules(hub) and "fall" not in rules(hub), "nor is it guessed"


def test_an_empty_message_and_an_empty_action_say_nothing(hub, bridge, home):
    for topic, payload in (
        ("zigbee2mqtt/sos1", '{"action":"","battery":90}'), ("zigbee2mqtt/sos1", ""), ("zigbee2mqtt/sos1/action", ""),
        ("zigbee2mqtt/sos1/availability", ""), ("zigbee2mqtt/sos1", '{"action":null}'), ("zigbee2mqtt/bridge/state", ""),
    ):
        bridge.send(topic, payload)
    settled(hub, bridge)
    assert rules(hub) == [] and "notUnderstood" not in events(hub)


@pytest.mark.parametrize("payload", ["offline", '{"state":"offline"}'])
@pytest.mark.parametrize("topic", ["zigbee2mqtt/sos1/availability", "zigbee2mqtt/bridge/state"])
def test_a_button_that_is_said_to_be_gone_is_lost(hub, bridge, home, topic, payload):
    bridge.send("zigbee2mqtt/sos1", '{"action":"","battery":90}')
    bridge.send(topic, payload)
    hub.alert("signalLoss", patient=home, device="D1")

    def liveness():
        return {d["id"]: d["liveness"] for d in hub.get("/v1/devices")}["D1"]

    wait_for(lambda: liveness() == "silent", PULSE, "the list says so too, though it has just spoken")
    bridge.send(topic, payload.replace("offline", "online"))
    wait_for(lambda: not [a for a in hub.open_alerts() if a["device"] == "D1"], 20, "it is back")
    wait_for(lambda: liveness() == "live", PULSE, "the list says so too")


def test_a_bridge_that_starts_proves_nothing_about_a_device(hub, bridge, home):
    bridge.send("zigbee2mqtt/sos1/availability", "offline")
    hub.alert("signalLoss", device="D1")
    bridge.send("zigbee2mqtt/bridge/state", '{"state":"online"}')
    settled(hub, bridge)
    assert [a["rule"] for a in hub.open_alerts()] == ["signalLoss"]


def test_a_bridge_that_is_back_says_nothing_of_a_button_that_is_gone(hub, bridge, home):
    bridge.send("zigbee2mqtt/sos1/availability", "offline")
    hub.alert("signalLoss", device="D1")
    bridge.send("zigbee2mqtt/bridge/state", '{"state":"offline"}')
    hub.alert("signalLoss", device="D2")
    bridge.send("zigbee2mqtt/bridge/state", '{"state":"online"}')
    wait_for(lambda: not [a for a in hub.open_alerts() if a["device"] == "D2"], 20, "the others are back")
    settled(hub, bridge)
    assert [(a["rule"], a["device"]) for a in hub.open_alerts()] == [("signalLoss", "D1")]
    bridge.send("zigbee2mqtt/sos1", '{"action":"","battery":90}')
    wait_for(lambda: not hub.open_alerts(), 20, "it is heard again")


@pytest.mark.parametrize("slot", ['"2"', "2.5", "true"])
def test_a_dose_without_a_whole_slot_is_no_other_dose(hub, bridge, home, slot):
    device = hub.device("generic/mqtt-dispenser", "m1", home)
    bridge.send("knutepunkt/devices/m1/dose", '{"event":"taken","slot":%s}' % slot)
    hub.alert("notUnderstood", device=device)
    assert "doseTaken" not in events(hub)


def test_a_battery_that_nobody_measured_is_not_low(hub, bridge, home):
    hub.device("owntracks/tracker", "anna/phone", home)
    hub.device("generic/mqtt-vitals", "v1", home)
    bridge.send("owntracks/anna/phone", json.dumps({"_type": "location", "lat": 59.9, "lon": 10.7, "acc": 9, "batt": -1, "tst": int(time.time())}))
    for battery in (-1, 255, None):
        bridge.send("knutepunkt/devices/v1/vitals", json.dumps({"battery": battery}))
        bridge.send("zigbee2mqtt/sos1", json.dumps({"battery": battery}))
    settled(hub, bridge)
    assert rules(hub) == [] and hub.values("battery") == []


def test_the_cuffs_second_user_is_somebody_else(hub, bridge, home):
    hub.device("bridge/blood-pressure", "c1", home)
    cuff = bytes.fromhex("0c 4600 2800 3200 8c00".replace(" ", ""))
    bridge.send("ble/c1/2a35", cuff + b"\x01")  # 70 over 40, pulse 140: another user
    settled(hub, bridge)
    assert hub.values("systolic") == [] and hub.values("pulseCuff") == []
    assert hub.status()["links"][0]["refused"]["otherUser"] == 4
    assert hub.get("/v1/quarantine")["frames"] == [], "nor is it kept for anybody to look at"
    bridge.send("ble/c1/2a35", cuff + b"\x00")
    wait_for(lambda: hub.values("systolic") == ["70"], 20, "the first user is the person")


def test_no_finger_is_no_value_and_no_alert(hub, bridge, home):
    hub.device("bridge/pulse-oximeter", "o1", home)
    for frame in ("00 0000 0000", "00 7f00 ff00", "00 ff07 ff07", "00 ff01 ff01"):
        bridge.send("ble/o1/2a5f", bytes.fromhex(frame.replace(" ", "")))
    settled(hub, bridge)
    assert hub.values("spo2") == [] and hub.values("pulse") == [] and rules(hub) == []
    assert "noContact" in events(hub)
