"""The disk is full, or stuck: acknowledgements stop, alarms do not, and everybody is told."""

from contextlib import contextmanager
from pathlib import Path
import os
import sqlite3
import subprocess
import time

from support import EventStream, as_root, escalation, heard, numbered_temperatures, wait_for, wait_heard, webhook


@contextmanager
def tmpfs(path: Path, size: str):
    path.mkdir(parents=True)
    options = f"size={size},uid={os.getuid()},gid={os.getgid()},mode=0700"
    done = subprocess.run([*as_root(), "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, f"no tmpfs can be mounted, so that a full disk cannot be tried: {done.stderr.strip()}"
    try:
        yield path
    finally:
        subprocess.run([*as_root(), "umount", "-l", str(path)], check=False)


def fill(path: Path) -> Path:
    """Takes every free byte of the file system."""
    hog = path / "hog"
    with hog.open("wb", buffering=0) as file:
        for block in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * block)
            except OSError:
                continue
    return hog


@contextmanager
def standing_store(hub):
    """Somebody holds the journal's write lock: nothing can be committed."""
    thief = sqlite3.connect(hub.state / "journal.sqlite", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        thief.execute("ROLLBACK")
        thief.close()


def test_disk_full_sheds_routine_keeps_alarms_and_recovers(make_hub, broker, bridge, receiver, folder):
    with tmpfs(folder / "disk", "24m") as disk:
        hub = make_hub(broker, [webhook(receiver)], state=disk / "state", escalation=escalation("nurses"), journal={"ballast": "1MiB"})
        patient = hub.person()
        hub.device("bridge/thermometer", "t1", patient)
        hub.device("zigbee2mqtt/sos-button", "sos1", patient)
        bridge.temperature("t1", "36.500")
        hub.wait_stored(1)
        hog = fill(disk)
        for value in numbered_temperatures(3000):
            bridge.temperature("t1", value)
        wait_for(lambda: hub.status()["store"] != "writing", 60, "the store says that it is full")
        wait_heard(receiver, "storeFailing", seconds=30)
        bridge.sos("sos1")
        alarm = wait_heard(receiver, "sos")[0]
        assert hub.api("GET", "/livez")[0] in (200, 503)
        hub.assert_running()
        hog.unlink()
        wait_for(lambda: hub.status()["store"] == "writing", 60, "the store recovers by itself")
        bridge.temperature("t1", "38.765")
        wait_for(lambda: "38.765" in hub.values("temperature"), 60, "new data is stored")
        wait_for(lambda: hub.sql("SELECT count(*) FROM alert WHERE id = ?", alarm["alertId"])[0][0] == 1, 30, "the alarm is in the journal")
        missing = 3000 - len([v for v in hub.values("temperature") if v not in ("36.5", "38.765")])
        status = hub.status()
        # The button's battery level came with the SOS, and is as routine as any temperature.
        assert status["shed"] - 1 <= missing <= status["shed"], f"{missing} are missing, {status['shed']} are said to be shed"
        if missing:
            assert hub.sql("SELECT coalesce(sum(entries), 0) FROM gap")[0][0] >= missing, "and the journal states the gap"
        hub.kill()
        hub.start()
        assert hub.alert("sos")["id"] == alarm["alertId"], "after a restart the alarm is the same"
        assert len({e["alertId"] for e in heard(receiver, rule="sos")}) == 1
        hub.stop()


def test_sos_leaves_while_the_store_is_stuck(make_hub, broker, bridge, receiver):
    """Somebody holds the journal's write lock: nothing can be committed. The alarm does not wait for it."""
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    hub.device("bridge/thermometer", "t1", patient)
    wait_for(lambda: hub.status()["roles"]["forward"] == "connected", 30, "the forward role listens")
    thief = sqlite3.connect(hub.state / "journal.sqlite", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    try:
        bridge.temperature("t1", "36.6")
        bridge.sos("sos1")
        alarm = wait_heard(receiver, "sos")[0]
        assert hub.stored() == 0, "nothing was committed meanwhile, so the alarm left before the disk"
        bridge.sos("sos1")
        assert wait_heard(receiver, "sos", count=2)[1]["alertId"] != alarm["alertId"], "and so does the next"
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    hub.wait_stored(5, 60)
    wait_for(lambda: alarm["alertId"] in {a["id"] for a in hub.all_alerts()}, 20, "the journal has the same alarm")
    hub.wait_delivered()
    assert len(heard(receiver, rule="sos", kind="raised")) == 2, "the durable copies carried the same ids"


def test_acknowledgements_wait_for_the_commit(make_hub, broker, bridge):
    hub = make_hub(broker)
    hub.device("bridge/thermometer", "t1", hub.person())
    bridge.temperature("t1", "36.1")
    hub.wait_stored(1)
    log = lambda: broker.log_text().count("Received PUBACK from demo-hub")  # noqa: E731
    wait_for(lambda: log() >= 1, 20, "the first acknowledgement")
    before = log()
    thief = sqlite3.connect(hub.state / "journal.sqlite", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    try:
        sent = "Sending PUBLISH to demo-hub"
        count = broker.log_text().count(sent)
        bridge.temperature("t1", "36.2")
        wait_for(lambda: broker.log_text().count(sent) > count, 20, "the message is with the hub")
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            assert log() == before, "acknowledged before it was durable"
            time.sleep(0.05)
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    wait_for(lambda: log() > before, 30, "acknowledged after the commit")
    assert hub.values("temperature") == ["36.1", "36.2"]


def test_an_action_is_answered_within_seconds_while_the_store_stands(make_hub, broker, bridge):
    """Nobody stands before a screen for half a minute; what the core took is kept when the store is well again."""
    hub = make_hub(broker)
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    bridge.sos("sos1")
    known = hub.alert("sos")["id"]
    heard = []
    stream = EventStream(hub, lambda name, value: heard.append(value["id"]) if name == "alert" else None)
    stream.start()
    assert stream.opened.wait(30)
    with standing_store(hub):
        bridge.sos("sos1")
        told = wait_for(lambda: next((id for id in heard if id != known), None), 20, "the second call is told")
        for alert, word in ((known, "whether this is kept is not known yet"), (told, "cannot be acted on until it is well")):
            began = time.monotonic()
            status, answer = hub.api("POST", f"/v1/alerts/{alert}/acknowledge", {"actor": "Nina Nurse"})
            assert status == 503 and word in answer["error"], answer
            assert time.monotonic() - began < 10, "4 s, and the way there and back"
    stream.close()
    hub.alert("sos", seconds=30, id=known, state="acknowledged")
    assert hub.alert_action(told, "acknowledge")["state"] == "acknowledged"
