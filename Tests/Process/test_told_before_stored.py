"""An alarm leaves before the disk has it. What follows when it never gets there, because hub and broker lose their memory together, as on
a board that holds both and loses its power?"""

import pytest

from support import Bridge, Broker, escalation, heard, wait_for, wait_heard, webhook
from test_store import standing_store


def told_ids(receiver) -> list[str]:
    return [event["alertId"] for event in heard(receiver, rule="sos", kind="raised")]


def test_a_call_that_the_broker_still_has_is_told_under_its_id(make_hub, broker, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    hub.device("zigbee2mqtt/sos-button", "bath", hub.person())
    wait_for(lambda: hub.status()["roles"].get("forward") == "connected", 20, "the forward role listens")
    with standing_store(hub):
        bridge = Bridge(broker)
        bridge.sos("bath")
        wait_heard(receiver, "sos", count=1)
        bridge.close()
        hub.kill()
    assert hub.sql("SELECT count(*) FROM device_event")[0][0] == 0, "told, and not stored"
    hub.start()
    wait_for(lambda: len([a for a in hub.all_alerts() if a["rule"] == "sos"]) == 1, 20, "the broker brings it again, and it is stored")
    hub.wait_delivered()
    assert set(told_ids(receiver)) == {hub.alert("sos")["id"]}


@pytest.fixture
def forgetful(folder):
    """Without persistence: what it had not delivered is gone when it dies."""
    broker = Broker(folder / "forgetful")
    broker.file.write_text(broker.file.read_text().replace("persistence true", "persistence false"))
    broker.start()
    yield broker
    broker.stop()


def test_a_new_call_is_not_taken_for_one_that_was_told_and_lost(make_hub, forgetful, receiver):
    hub = make_hub(forgetful, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    hub.device("zigbee2mqtt/sos-button", "bath", hub.person())
    wait_for(lambda: hub.status()["roles"].get("forward") == "connected", 20, "the forward role listens")
    with standing_store(hub):
        bridge = Bridge(forgetful)
        bridge.sos("bath")
        wait_heard(receiver, "sos", count=1)
        bridge.close()
        hub.kill()
        forgetful.kill()
    forgetful.start()
    hub.start()
    wait_for(lambda: hub.status()["links"][0]["state"] == "connected", 30, "the link is connected")
    bridge = Bridge(forgetful)
    bridge.sos("bath")
    wait_for(lambda: len([a for a in hub.all_alerts() if a["rule"] == "sos"]) == 1, 10, "the new call is stored")
    hub.wait_delivered()
    bridge.close()
    told = told_ids(receiver)
    assert len(told) == 2, f"the response centre drops the second call as one that it knows: {receiver.deliveries['nurses']}"
    assert len(set(told)) == 2
