"""Silence, wrong clocks, and data that comes late."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
import shutil
import sqlite3
import subprocess
import time
from zoneinfo import ZoneInfo

import pytest

from support import escalation, heard, wait_for, wait_heard, webhook
import sigframes

# A device shows local time without a zone; the hub of the tests stands in Oslo.
OSLO = ZoneInfo("Europe/Oslo")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("interval", [2, 4])
def test_signal_loss_within_the_interval_and_a_second(make_hub, broker, bridge, receiver, interval):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    hub.device("bridge/thermometer", "t1", hub.person(), interval=interval)
    # The sign of life lies between these two moments, however slow the machine is.
    sent = time.monotonic()
    bridge.temperature("t1", "36.6")
    hub.wait_stored(1)
    stored = time.monotonic()
    loss = wait_heard(receiver, "signalLoss", seconds=interval + 20)[0]
    heard_at = time.monotonic()
    # The promise, by the hub's own clock; and the way to the receiver, which is the machine's.
    last, = hub.get("/v1/devices")
    silence = moment(loss["occurredAt"]) - moment(last["lastSeen"])
    assert timedelta(seconds=interval) <= silence + timedelta(milliseconds=2), f"{silence}: too early"
    assert silence <= timedelta(seconds=interval + 1), f"{silence} after the last sign of life"
    assert heard_at - stored <= interval + 5, f"{heard_at - stored:.2f} s after the last sign of life"
    assert heard_at - sent >= interval, f"{heard_at - sent:.2f} s: too early"
    bridge.temperature("t1", "36.7")
    hub.alert("signalLoss", state="cleared")
    wait_heard(receiver, "signalLoss", "cleared")


def test_a_device_that_never_spoke_is_missed_too(make_hub, broker, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    hub.device("bridge/thermometer", "t1", hub.person(), interval=2)
    wait_heard(receiver, "signalLoss")


def test_silence_during_a_restart_counts(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    hub.device("bridge/thermometer", "t1", hub.person(), interval=3)
    bridge.temperature("t1", "36.6")
    hub.wait_stored(1)
    hub.kill()
    hub.start()
    wait_heard(receiver, "signalLoss")


@pytest.fixture
def wrong_clock(folder):
    """Environment for a process whose wall clock is so many seconds ahead; its monotonic clocks are true."""
    library = folder / "wall_clock_shift.so"
    source = Path(__file__).with_name("wall_clock_shift.c")
    compiler = shutil.which("clang") or shutil.which("cc")  # The Swift toolchain brings the first.
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True, capture_output=True)
    return lambda seconds: {"LD_PRELOAD": str(library), "WALL_CLOCK_SHIFT": str(seconds)}


@pytest.mark.parametrize("days", [2, -2])
def test_a_wrong_wall_clock_that_is_mended_moves_no_deadline(make_hub, broker, bridge, receiver, wrong_clock, days):
    """The first run believes in a date two days off; the next run knows better. Order and deadlines stay."""
    hub = make_hub(broker, [webhook(receiver)], start=False, escalation=escalation("nurses", high=("6s",)))
    hub.environment = wrong_clock(days * 86_400)
    hub.start()
    hub.environment = {}
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    hub.device("bridge/thermometer", "t1", patient, interval=600)
    bridge.temperature("t1", "36.1")
    bridge.sos("sos1")
    began = time.monotonic()
    wait_heard(receiver, "sos")
    hub.wait_stored(2)
    off = moment(hub.alert("sos")["raisedAt"]) - datetime.now(timezone.utc)
    assert abs(off) > timedelta(days=1), "the clock was wrong indeed"
    hub.stop()
    hub.start()
    wait_heard(receiver, "sos", "escalated", seconds=30)
    assert 4 < time.monotonic() - began < 60, "the escalation kept its distance on the monotonic clock"
    bridge.temperature("t1", "36.2")
    wait_for(lambda: hub.values("temperature") == ["36.1", "36.2"], 20, "the new value")
    assert hub.values("temperature") == ["36.1", "36.2"]
    instants = [row["instant"] for row in hub.sql("SELECT instant FROM entry ORDER BY sequence")]
    assert instants == sorted(instants), "the hub's timeline never goes back"
    rows = hub.sql("SELECT quality FROM observation o JOIN entry e USING (sequence) WHERE e.kind = 1 ORDER BY sequence")
    late = hub.sql("SELECT value FROM vocabulary WHERE domain = 'quality' AND name = 'late'")[0][0]
    assert not rows[-1]["quality"] & late, "the value of now is not late because yesterday believed in tomorrow"
    assert [a["rule"] for a in hub.open_alerts()] == ["sos"]


def test_late_data_is_marked_and_never_a_live_alarm(make_hub, broker, bridge):
    hub = make_hub(broker)
    patient = hub.person()
    hub.device("bridge/blood-pressure", "c1", patient)
    old = datetime.now(OSLO) - timedelta(hours=6)
    frame = sigframes.blood_pressure(70, 40, 50, 140, moment=old)
    bridge.send("ble/c1/2a35", frame)
    hub.wait_stored(4)
    assert hub.all_alerts() == []
    late = hub.sql("SELECT value FROM vocabulary WHERE domain = 'quality' AND name = 'late'")[0][0]
    assert all(row["quality"] & late for row in hub.sql("SELECT quality FROM observation"))
    bridge.send("ble/c1/2a35", sigframes.blood_pressure(70, 40, 50, 140, moment=datetime.now(OSLO)))
    wait_for(hub.open_alerts, 20, "the same values, measured now, alarm")


def test_sos_is_never_coalesced(make_hub, broker, bridge, receiver):
    """Each press is a call of its own, also while earlier ones are open or taken."""
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    for _ in range(3):
        bridge.sos("sos1")
    calls = wait_heard(receiver, "sos", count=3)
    hub.alert_action(calls[0]["alertId"], "acknowledge")
    bridge.sos("sos1")
    calls = wait_heard(receiver, "sos", count=4)
    assert len({call["alertId"] for call in calls}) == 4
    wait_for(lambda: hub.sql("SELECT count(*) FROM device_event")[0][0] == 4, 20, "all four are stored")


def test_a_hub_that_was_off_over_the_weekend_tells_each_alert_once(make_hub, broker, bridge, receiver):
    """An SOS that nobody took is due again every five minutes. Off for three days, that was 864 times at the next start."""
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    hub.alert("sos", state="notified")
    hub.stop()
    # Another boot, three days later: the only thing that tells the time away is the wall clock.
    with sqlite3.connect(hub.state / "journal.sqlite") as journal:
        journal.execute("UPDATE run SET boot_id = 'another boot'")
        for table in ("entry", "outcome"):
            journal.execute(f"UPDATE {table} SET wall = wall - ?", (3 * 86_400_000,))
    journal.close()
    hub.start()
    wait_heard(receiver, "sos", "escalated", seconds=40)
    # Whatever else was due was due before this one, so it would be told by now.
    bridge.sos("sos1")
    wait_heard(receiver, "sos", count=2)
    assert sorted(event["kind"] for event in heard(receiver, rule="sos")) == ["escalated", "raised", "raised"]
