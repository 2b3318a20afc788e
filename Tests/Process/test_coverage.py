"""People whom no agreement covers: their alarms are on the board only, and everybody who should know that is told."""

import subprocess

from support import LINKED, LISTED, PULSE, Destination, escalation, hospital, wait_for, wait_heard, webhook

NURSES = escalation("nurses")


def covering(receiver, *people: str) -> Destination:
    return webhook(receiver, patients=list(people))


def problems(hub, kind="nobodyCalled"):
    return [p for p in hub.status()["problems"] if p["kind"] == kind]


def test_whom_no_agreement_covers_is_said_at_once_and_at_each_start(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [covering(receiver, "P1")], escalation=NURSES)
    assert "nobodyCalled" not in hub.post("/v1/patients", {"name": "Kari Test", "actor": "Installer", "reason": "test"})
    assert problems(hub) == []
    added = hub.command("patient", "add", "Ola Test", "--as", "Installer")
    assert "P2 is registered" in added.stdout and "NOBODY IS CALLED for P2" in added.stdout, added.stdout
    problem = problems(hub)[0]
    assert (problem["count"], problem["detail"], problem["effect"]) == (1, "P2", "partial")
    assert problem["text"].startswith("Varsler om én person vises bare på tavlen")
    assert hub.command("status", check=False).returncode == 75
    hub.person("Line Test")
    assert problems(hub)[0]["count"] == 2 and problems(hub)[0]["text"].startswith("Varsler om 2 personer vises bare på tavlen")
    hub.kill()
    hub.start()
    assert wait_for(lambda: problems(hub), LISTED, "said after a start")[0]["detail"] == "P2, P3"
    for person in ("P2", "P3"):
        hub.post(f"/v1/patients/{person}/end", {"actor": "Installer", "reason": "moved"})
    wait_for(lambda: problems(hub) == [], PULSE, "nobody is left uncovered")


def test_without_a_board_nobody_at_all_is_told_and_the_hub_is_not_ready(make_hub, broker, receiver):
    hub = make_hub(broker, [covering(receiver, "P1")], escalation=NURSES, console={"listen": "off"})
    hub.person()
    wait_for(lambda: hub.http("/readyz")[0] == 200, LINKED, "ready, with one who is covered")
    hub.person("Ola Test")
    status, text = hub.http("/readyz")
    assert status == 503 and "nobody is called for 1 person" in text, text


def test_check_warns_when_somebody_may_be_left_out(make_hub, broker, receiver):
    listed = make_hub(broker, [covering(receiver, "P1")], start=False, name="listed", escalation=NURSES)
    said = subprocess.run([str(listed.binary), "check", "--config", str(listed.file)], capture_output=True, text=True, timeout=90)
    assert "nobody is called" in said.stdout + said.stderr, said
    whole = make_hub(broker, [webhook(receiver)], start=False, name="whole", escalation=NURSES)
    said = subprocess.run([str(whole.binary), "check", "--config", str(whole.file)], capture_output=True, text=True, timeout=90)
    assert "nobody is called" not in said.stdout + said.stderr, said


def test_what_is_nobodys_is_told_whatever_list_an_agreement_has(make_hub, broker, bridge, receiver):
    """The hub's own alerts, and a press of a button that is nobody's: a list of people cannot leave them out."""
    hub = make_hub(broker, [covering(receiver, "P1"), webhook(receiver, "others", patients=["P1"])], escalation=escalation("nurses", "others"))
    hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1")
    bridge.sos("sos1")
    assert "patient" not in wait_heard(receiver, "sos")[0]
    receiver.set("others", 400)
    bridge.sos("sos1")
    wait_heard(receiver, "deadLetter", seconds=40)


def test_a_hub_that_shows_a_board_only_is_green_and_says_so(make_hub, broker):
    """By its configuration: nobody is missing, and nobody may take it for more."""
    hub = make_hub(broker)
    hub.person()
    wait_for(lambda: hub.status()["problems"] == [], LINKED, "nothing is wrong")
    said = hub.command("status")
    assert "nobody is told" in said.stdout, said.stdout


def test_a_record_system_as_the_only_receiver_calls_nobody(make_hub, broker, receiver):
    hub = make_hub(broker, [hospital(receiver)], escalation=escalation("hospital"))
    assert problems(hub) == []
    hub.person()
    assert problems(hub)[0]["count"] == 1
    wait_for(lambda: hub.http("/readyz")[0] == 200, LINKED, "ready all the same")
    said = subprocess.run([str(hub.binary), "check", "--config", str(hub.file)], capture_output=True, text=True, timeout=90)
    assert "nobody is called" in said.stdout + said.stderr, said
