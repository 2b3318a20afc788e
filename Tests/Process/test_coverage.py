"""Whose alarms go to whom: what an agreement covers, and what none can leave out."""

from support import Destination, escalation, wait_heard, webhook


def covering(receiver, *people: str) -> Destination:
    return webhook(receiver, patients=list(people))


def problems(hub, kind="nobodyCalled"):
    return [p for p in hub.status()["problems"] if p["kind"] == kind]


def test_what_is_nobodys_is_told_whatever_list_an_agreement_has(make_hub, broker, bridge, receiver):
    """The hub's own alerts, and a press of a button that is nobody's: a list of people cannot leave them out."""
    hub = make_hub(broker, [covering(receiver, "P1"), webhook(receiver, "others", patients=["P1"])], escalation=escalation("nurses", "others"))
    hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1")
    bridge.sos("sos1")
    assert "patient" not in wait_heard(receiver, "sos")[0]
    receiver.set("others", 400)
    bridge.sos("sos1")
    wait_heard(receiver, "deadLetter", seconds=20)
