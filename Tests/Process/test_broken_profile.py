"""One device profile that is broken, gone or no longer accepted silences its own devices, tells so, and silences no others."""

import shutil

import pytest

from support import ROOT

BUTTON = "zigbee2mqtt/sos-button"


@pytest.fixture
def profiles(folder):
    copy = folder / "DeviceProfiles"
    shutil.copytree(ROOT / "DeviceProfiles", copy)
    return copy


@pytest.mark.parametrize("fault", ["broken", "gone"])
def test_a_profile_that_does_not_load_silences_no_other_device(make_hub, broker, bridge, profiles, fault):
    hub = make_hub(broker, profiles={"folders": [str(profiles)], "trust": "lab"})
    kari, ola = hub.person(), hub.person("Ola Test")
    hub.device("nuki/smart-lock", "lock1", kari)
    button = hub.device(BUTTON, "sos1", ola)
    hub.stop()

    file = profiles / "nuki/smart-lock.yaml"
    if fault == "broken":
        file.write_text(file.read_text() + "\nnonsense: 1\n")
    else:
        file.unlink()
    hub.start()
    lost = hub.alert("notUnderstood", patient=kari)
    assert lost["priority"] == "medium"
    bridge.send("zigbee2mqtt/sos1", '{"action":"single"}')
    hub.alert("sos", patient=ola)
    notes = " ".join(hub.api("GET", "/v1/status")[1].get("notes") or [])
    assert ("smart-lock.yaml" in notes) == (fault == "broken"), notes
    assert not [alert for alert in hub.open_alerts() if alert["rule"] == "notUnderstood" and alert.get("device") == button]


def test_a_hub_without_any_good_profile_does_not_pretend(make_hub, broker, profiles):
    hub = make_hub(broker, start=False, profiles={"folders": [str(profiles)], "trust": "lab"})
    for file in profiles.rglob("*.yaml"):
        file.write_text("profile: [")
    with pytest.raises(Exception):
        hub.start()
