"""Two hubs with one identity on two machines, at one broker: the one that was restored from a backup goes on, the original stands down and
tells nobody; two copies of one disk say so; nobody without the journal's key can switch a hub off."""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from broker import Broker
from ports import free_port
from support import Bridge, heard, wait_for, wait_heard
from test_backup import backup, furnish, home, key, press, raised, restore, run  # noqa: F401

SECONDS = 15


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "another_machine.so"
    compiler = shutil.which("clang") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("another_machine.c"), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def machine(make_hub, broker, receiver, alone, name, **sections):
    hub = home(make_hub, broker, receiver, name=name, start=False, **sections)
    hub.environment = dict(alone)
    return hub


def problem(hub, name=None):
    found = [p for p in hub.status()["problems"] if p["kind"] == "hubDoubled"]
    return next((p for p in found if name is None or p["name"] == name), None)


def is_replaced(hub):
    return wait_for(lambda: problem(hub, "replaced"), SECONDS, "it says that it was replaced")


def links_up(hub):
    hub.link_is_up()
    wait_for(lambda: hub.status()["roles"].get("forward") == "connected", 30, "the forward role listens")


def presses(hub):
    return hub.sql("SELECT count(*) FROM device_event e JOIN vocabulary v ON v.domain = 'event' AND v.value = e.kind WHERE v.name = 'sos'")[0][0]


def temperatures(receiver):
    return [o for o in receiver.resources("Observation") if "8310-5" in json.dumps(o["code"])]


def told_once(bridge, receiver, by, not_by):
    """A press is told exactly once, and is in one of the two journals."""
    before, stored = raised(receiver), [presses(hub) for hub in (by, *not_by)]
    # After a loss the client calls itself connected until it tries again; only its socket is gone.
    wait_for(lambda: bridge.client.socket() is not None and bridge.client.is_connected(), 30, "the home's bridge is at its broker")
    bridge.flush(bridge.sos("sos1"))
    wait_for(lambda: raised(receiver) - before, 20, "the press is told")
    wait_for(lambda: presses(by) == stored[0] + 1, 20, "it is stored")
    new = raised(receiver) - before
    assert len(new) == 1
    assert Counter(e["alertId"] for e in heard(receiver, rule="sos", kind="raised"))[next(iter(new))] == 1
    assert [presses(hub) for hub in not_by] == stored[1:]
    return next(iter(new))


def two(make_hub, broker, bridge, receiver, folder, key, alone):
    """The original, running, and one that was restored from its backup, not started."""
    secret, public = key
    original = machine(make_hub, broker, receiver, alone, "original").start()
    furnish(original)
    links_up(original)
    first = press(original, bridge, receiver)
    original.wait_delivered()
    backup(original, folder / "b.age", public)
    restored = machine(make_hub, broker, receiver, alone, "restored")
    restore(restored, folder / "b.age", secret)
    return original, restored, first


def test_the_restored_one_goes_on_and_the_original_stands_down(make_hub, broker, bridge, receiver, folder, key, alone):
    original, restored, _ = two(make_hub, broker, bridge, receiver, folder, key, alone)
    restored.start()
    # Within seconds: in words, for machines, on the board, by an alert while it may still tell.
    assert "generation 2" in is_replaced(original)["detail"]
    code, text = original.api("GET", "/readyz")
    assert code == 503 and "REPLACED BY ANOTHER HUB" in text, text
    assert "erstattet" in problem(original)["text"] and "REPLACED" in original.status()["summary"]
    assert "ANOTHER HUB HAS TAKEN THIS ONE'S PLACE" in original.log_text()
    wait_heard(receiver, "hubDoubled")
    wait_for(lambda: original.status()["links"][0]["state"] != "connected", SECONDS, "it lets its link go")
    links_up(restored)
    told_once(bridge, receiver, restored, [original])
    wait_for(lambda: "nothing is delivered any more" in original.log_text(), 40, "its deliveries end")
    told_once(bridge, receiver, restored, [original])
    assert problem(restored) is None, "the one that goes on has nothing to complain of"
    # What is entered at the old one goes to nobody.
    original.enter(original.patient, temperature="41.0")
    told_once(bridge, receiver, restored, [original])
    assert not temperatures(receiver)

    # Started again it says so at once, and takes nothing; with or without its own note of it, by what stands at the broker.
    assert original.stop() == 0
    for note in (True, False):
        if not note:
            (original.state / "replaced.json").unlink()
        connections = broker.log_text().count("as demo-hub-street (")
        original.start()
        assert is_replaced(original)
        told_once(bridge, receiver, restored, [original])
        assert broker.log_text().count("as demo-hub-street (") == connections, "it never took the link"
        assert original.stop() == 0
    # Though the other is off, too, and the broker lost everything but its disk.
    assert restored.stop() == 0
    (original.state / "replaced.json").unlink()
    broker.stop()
    broker.start()
    original.start()
    assert is_replaced(original)
    assert original.stop() == 0

    # A person decides for the original after all.
    done = run(original, "takeover", "--config", original.file, "--reason", "the new machine is broken")
    assert b"generation 3" in done.stdout
    restored.start()
    links_up(restored)
    original.start()
    assert is_replaced(restored)
    links_up(original)
    told_once(bridge, receiver, original, [restored])
    assert problem(original) is None
    assert any(r["action"] == "takeover" and r["purpose"] == "the new machine is broken" for r in original.get("/v1/audit?limit=50"))
    assert original.get("/v1/audit/verify")["intact"]
    # What had waited there goes out now: it is this hub's again.
    wait_for(lambda: temperatures(receiver), 30, "what waited goes out")


def test_the_roles_apart(make_hub, broker, bridge, receiver, folder, key, alone):
    """Deliveries end in a process of their own, also one that was started before the core was told."""
    original, restored, _ = two(make_hub, broker, bridge, receiver, folder, key, alone)
    assert original.stop() == 0
    for role in ("core", "forward", "console"):
        original.start(role)
    links_up(original)
    restored.start()
    assert is_replaced(original)
    wait_for(lambda: "nothing is delivered any more" in original.log_text("forward"), 40, "its deliveries end")
    links_up(restored)
    told_once(bridge, receiver, restored, [original])
    original.stop("forward")
    original.start("forward")
    original.enter(original.patient, temperature="41.0")
    told_once(bridge, receiver, restored, [original])
    assert not temperatures(receiver)
    wait_for(lambda: original.status()["roles"].get("forward") == "connected", 30, "the forward role is there all the same")


def test_two_copies_of_one_disk_say_so_and_go_on(make_hub, broker, bridge, receiver, alone):
    one = machine(make_hub, broker, receiver, alone, "one").start()
    furnish(one)
    links_up(one)
    press(one, bridge, receiver)
    assert one.stop() == 0
    other = machine(make_hub, broker, receiver, alone, "other")
    shutil.rmtree(other.state)
    shutil.copytree(one.state, other.state)
    one.start()
    links_up(one)
    other.start()
    for hub in (one, other):
        found = wait_for(lambda: problem(hub, "twin"), SECONDS, "it finds its twin")
        assert "was copied" in found["detail"] and hub.api("GET", "/readyz")[0] == 503
    wait_heard(receiver, "hubDoubled", count=1)
    before = raised(receiver)
    bridge.flush(bridge.sos("sos1"))
    wait_for(lambda: raised(receiver) - before, 45, "a press is told by one of them")
    # One of them goes: the other is alone, and says so.
    assert other.stop() == 0
    wait_for(lambda: problem(one) is None, SECONDS, "it is alone")
    wait_heard(receiver, "hubDoubled", kind="cleared")


def test_a_hub_is_not_its_own_twin(make_hub, broker, receiver, alone):
    """Power is cut from the hub and its broker at once: the broker never says the hub's last will."""
    hub = machine(make_hub, broker, receiver, alone, "hub").start()
    hub.link_is_up()
    claim = wait_for(lambda: kept(broker, hub), SECONDS, "its claim stands at the broker")
    assert b" live " in claim
    wait_for(lambda: (broker.folder / "mosquitto.db").exists() and b"knutepunkt-claim" in (broker.folder / "mosquitto.db").read_bytes(), 20, "it is saved")
    for process in (broker, hub):
        process.kill()
    broker.start()
    hub.start()
    hub.link_is_up()
    wait_for(lambda: kept(broker, hub) not in (None, claim), SECONDS, "the new run says who it is")
    for _ in range(20):
        assert problem(hub) is None
    assert hub.stop() == 0
    assert b" ended " in kept(broker, hub)


def kept(broker, hub, payload=None, generation=1, username=None):
    """What stands on a generation's topic; with a payload, it is put there first."""
    name = f"knutepunkt/v1/hub/{hub.sql('SELECT value FROM meta WHERE key = ?', 'hub_id')[0][0]}/claim/{generation}"
    found = []
    client = mqtt.Client(client_id="looker", clean_session=True)
    if username:
        client.username_pw_set(username, "secret")
    client.on_message = lambda client, data, message: found.append(message.payload)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    wait_for(client.is_connected, 10, "connected")
    if payload is not None:
        client.publish(name, payload, qos=1, retain=True).wait_for_publish(10)
    client.subscribe(name, qos=1)
    try:
        wait_for(lambda: found, 1, "something is kept")
    except TimeoutError:
        pass
    client.disconnect()
    client.loop_stop()
    return found[0] if found else None


def test_who_has_no_key_switches_nobody_off(make_hub, broker, bridge, receiver, alone):
    hub = machine(make_hub, broker, receiver, alone, "hub").start()
    furnish(hub)
    links_up(hub)
    own = wait_for(lambda: kept(broker, hub), SECONDS, "its claim")
    hub_id = hub.sql("SELECT value FROM meta WHERE key = 'hub_id'")[0][0]
    for generation, payload in [
        (9, b"knutepunkt-claim/1 %s 9 0123456789abcdef live 1800000000000 %s" % (hub_id.encode(), b"ab" * 32)),
        (9, own.replace(b" 1 ", b" 9 ")), (9, own), (2, b"\xff\xfe"), (2, b"x" * 300_000), (1, b"online"), (1, b""),
    ]:
        kept(broker, hub, payload, generation)
        press(hub, bridge, receiver)
    assert problem(hub) is None and not (hub.state / "replaced.json").exists()
    assert any("cannot prove it" in note for note in hub.status()["notes"]), hub.status()["notes"]
    # Its own word is put right again.
    wait_for(lambda: kept(broker, hub) == own, SECONDS, "its claim stands there again")


def test_a_broker_that_forbids_it(make_hub, folder, receiver, alone):
    """The hub works as ever, and says what it cannot do; with the shipped rights no device can speak there."""
    shipped = Path(__file__).parents[2] / "Deploy" / "mosquitto" / "knutepunkt.acl"
    port = free_port()
    (folder / "broker").mkdir()
    acl, passwords = folder / "broker" / "acl", folder / "broker" / "passwords"
    rights = shipped.read_text()
    acl.write_text(rights.replace("topic readwrite knutepunkt/v1/#", "topic readwrite knutepunkt/v1/+/+/state"))
    passwords.write_text("")
    passwords.chmod(0o600)
    for name in ("knutepunkt", "ble-bridge", "zigbee2mqtt", "device-bridge", "owntracks"):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), name, "secret"], check=True, capture_output=True)
    broker = Broker(
        folder / "broker", f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n", port).start()
    try:
        hub = machine(make_hub, broker, receiver, alone, "hub")
        secret = folder / "password"
        secret.write_text("secret\n")
        secret.chmod(0o600)
        hub.configuration["links"]["mqtt"][0] |= {"username": "knutepunkt", "passwordFile": str(secret)}
        hub.write_configuration()
        hub.start()
        furnish(hub)
        links_up(hub)
        bridge = Bridge(broker, configure=lambda client: client.username_pw_set("zigbee2mqtt", "secret"))
        press(hub, bridge, receiver)
        wait_for(lambda: any("may not say or hear who it is" in note for note in hub.status()["notes"]), 30, "a note says so")
        assert hub.api("GET", "/readyz")[0] == 200, "it is no fault of the alarms'"
        hub.configuration["links"]["mqtt"][0]["claims"] = False
        hub.write_configuration()
        assert hub.stop() == 0
        hub.start()
        links_up(hub)
        assert "claim-" not in broker.log_text().split("Sending CONNACK to demo-hub-street")[-1]
        # With the rights as shipped the hub speaks, and no device's account reaches its topic.
        acl.write_text(rights)
        hub.configuration["links"]["mqtt"][0]["claims"] = True
        hub.write_configuration()
        assert hub.stop() == 0
        broker.stop()
        broker.start()
        hub.start()
        links_up(hub)
        own = wait_for(lambda: kept(broker, hub, username="knutepunkt"), SECONDS, "its claim")
        for name in ("ble-bridge", "zigbee2mqtt", "device-bridge", "owntracks"):
            assert kept(broker, hub, b"", username=name) is None, name
        assert kept(broker, hub, username="knutepunkt") == own
        assert not any("cannot prove" in note for note in hub.status()["notes"])
        bridge.close()
    finally:
        broker.stop()
