"""What the hospital receives: validated by an outside R4 implementation, and read as a hospital would read it."""

from datetime import datetime, timedelta
from decimal import Decimal
import json
import os
from pathlib import Path
import subprocess
from zoneinfo import ZoneInfo

import pytest

from support import ROOT, escalation, hospital, wait_for
import sigframes

# A device shows local time without a zone; the hub of the tests stands in Oslo.
OSLO = ZoneInfo("Europe/Oslo")

MDC, LOINC, SNOMED = "urn:iso:std:iso:11073:10101", "http://loinc.org", "http://snomed.info/sct"


def validator() -> Path:
    return Path(os.environ.get("KNUTEPUNKT_FHIR_PYTHON", ROOT / ".build-venv/fhir/bin/python"))


def codes(resource) -> set:
    return {(c.get("system"), c.get("code")) for c in resource["code"].get("coding", [])}


@pytest.fixture
def day(make_hub, broker, bridge, receiver):
    """Everything that a hub can send, once."""
    hub = make_hub(broker, [hospital(receiver, share=("observations", "scores", "alerts", "doses"))], escalation=escalation())
    patient = hub.person("Solveig Test", "21815410014")
    for profile, address in (
        ("bridge/pulse-oximeter", "o1"), ("bridge/blood-pressure", "c1"), ("bridge/thermometer", "t1"),
        ("zigbee2mqtt/sos-button", "sos1"), ("generic/mqtt-dispenser", "d1"),
    ):
        hub.device(profile, address, patient)
    hub.plan(patient, {"kind": "spo2Scale", "scale": 2}, {"kind": "oxygen", "oxygen": "oxygen"})
    bridge.oximeter("o1", 84, 128)
    bridge.cuff("c1", 98, 60, 127)
    bridge.send("ble/t1/2a1c", sigframes.temperature("39.2", datetime.now(OSLO) - timedelta(minutes=1), place=1))
    bridge.send("ble/o1/2a5f", sigframes.plx_continuous(96, 70, status=1 << 11))  # Test data: marked HTEST or not sent.
    hub.enter(patient, respiration=26, consciousness="C")
    bridge.sos("sos1")
    hub.alert("news2High")
    alert = hub.alert("sos")
    hub.alert_action(alert["id"], "acknowledge")
    hub.alert_action(alert["id"], "resolve", comment="Helped")
    wait_for(lambda: hub.stored() >= 9, 20, "the day is stored")
    hub.wait_delivered()
    hub.patient = patient
    return hub


def test_every_bundle_validates_as_r4(day, receiver):
    if not validator().exists():
        pytest.fail(f"no validator at {validator()}: Deploy/requirements.sh test")
    assert receiver.bundles
    resources = [entry["resource"] for bundle in receiver.bundles for entry in bundle["entry"]]
    text = "\n".join(json.dumps(r) for r in receiver.bundles + resources)
    done = subprocess.run([validator(), Path(__file__).with_name("fhir_validate.py")], input=text, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = {r["resourceType"] for r in resources}
    assert {"Observation", "DetectedIssue", "Patient", "Device"} <= kinds


def test_a_bundle_is_a_transaction_whose_references_lead_somewhere(day, receiver):
    for bundle in receiver.bundles:
        assert bundle["type"] == "transaction"
        urls = [e["fullUrl"] for e in bundle["entry"]]
        assert len(urls) == len(set(urls))
        for entry in bundle["entry"]:
            assert entry["request"].get("ifNoneExist") or "?" in entry["request"]["url"] or entry["request"]["method"] == "PUT"
            for reference in references(entry["resource"]):
                if reference.startswith("urn:uuid:"):
                    assert reference in urls, reference
    assert receiver.fhir["fhir"].errors == []
    assert receiver.fhir["fhir"].duplicates() == []


def references(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "reference" and isinstance(item, str):
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_values_codes_and_units_are_the_devices_own(day, receiver):
    observations = receiver.resources("Observation")
    spo2 = [o for o in observations if (MDC, "150456") in codes(o)]
    assert any(o.get("valueQuantity", {}).get("value") == 84 and o["valueQuantity"]["code"] == "%" for o in spo2)
    assert all((LOINC, "2708-6") in codes(o) and (LOINC, "59408-5") in codes(o) for o in spo2)
    pressure = [o for o in observations if (LOINC, "85354-9") in codes(o)]
    assert len(pressure) == 1
    parts = {next(c["code"] for c in p["code"]["coding"] if c["system"] == MDC): p["valueQuantity"]["value"] for p in pressure[0]["component"]}
    assert (parts["150021"], parts["150022"]) == (98, 60)
    temperature = next(o for o in observations if (MDC, "150364") in codes(o))
    assert Decimal(str(temperature["valueQuantity"]["value"])) == Decimal("39.2") and temperature["valueQuantity"]["code"] == "Cel"
    marked = [o for o in spo2 if o.get("valueQuantity", {}).get("value") == 96]
    assert all(any(s["code"] == "HTEST" for s in o.get("meta", {}).get("security", [])) for o in marked), "test data passes for nothing else"


def test_news2_names_its_inputs_and_is_not_called_news(day, receiver):
    scores = [o for o in receiver.resources("Observation") if (SNOMED, "1104051000000101") in codes(o)]
    assert scores
    assert all((LOINC, "88330-6") not in codes(s) for s in scores)
    last = scores[-1]
    assert last["derivedFrom"] and last["component"]
    total = last.get("valueInteger", last.get("valueQuantity", {}).get("value"))
    assert total is not None and total >= 7
    for score in scores:
        if score.get("valueInteger") is None and "valueQuantity" not in score:
            assert "valueRange" in score or "dataAbsentReason" in score, "an incomplete score is no bare number"


def test_an_alert_is_one_issue_through_its_life(day, receiver):
    issues = {r["code"]["coding"][0]["code"]: r for r in receiver.resources("DetectedIssue")}
    assert issues["sos"]["status"] == "final"
    assert issues["news2High"]["severity"] == "high" and issues["news2High"]["evidence"]
    assert receiver.fhir["fhir"].created["DetectedIssue"] == len(day.all_alerts())


def test_people_and_controllers_are_named_by_their_identifiers(day, receiver):
    patients = receiver.resources("Patient")
    assert len(patients) == 1
    text = json.dumps(receiver.bundles)
    assert "974760673" in text, "the data controller"
    for resource in receiver.resources("Observation"):
        assert "reference" in resource["subject"] or "identifier" in resource["subject"]
