"""One bad port, silent connections, a store that stands still: each ends itself and nothing else."""

import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from support import LINKED, LISTED, PULSE, accepts, escalation, free_port, wait_for, wait_heard, webhook


def press(bridge, n):
    bridge.send("zigbee2mqtt/sos1", json.dumps({"action": "emergency", "linkquality": n}))


def test_taken_ports_end_neither_the_alarms_nor_the_hub(make_hub, broker, bridge, receiver):
    # Free again later for the hub alone.
    taken = [socket.create_server(("127.0.0.1", free_port())) for _ in range(2)]
    console, metrics = (s.getsockname()[1] for s in taken)
    hub = make_hub(
        broker, [webhook(receiver)], escalation=escalation("nurses"), console={"listen": f"127.0.0.1:{console}"},
        observability={"listen": f"127.0.0.1:{metrics}"})
    hub.console_port = console
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    for line in (f"console.listen 127.0.0.1:{console} is taken by another program (ss -ltnp", f"observability.listen 127.0.0.1:{metrics} is taken"):
        wait_for(lambda: line in hub.log_text(), 20, line)
    wait_for(
        lambda: any(p["kind"] == "roleDown" and p["name"] == "console" for p in hub.status()["problems"]), LISTED, "the missing board is told")
    closed = wait_for(lambda: [p for p in hub.status()["problems"] if p["kind"] == "portClosed"], LISTED, "the closed port is told")[0]
    assert f"127.0.0.1:{metrics} is taken" in closed["detail"] and closed["effect"] == "partial", closed
    for s in taken:
        s.close()
    # Each is tried again after 10 s.
    wait_for(lambda: accepts(console), 30, "the board comes by itself")
    wait_for(lambda: hub.http("/livez", console)[0] == 200, 20, "and answers")
    wait_for(lambda: accepts(metrics), 30, "the metrics come by themselves")
    wait_for(lambda: not [p for p in hub.status()["problems"] if p["kind"] == "portClosed"], PULSE, "and the problem is over")
    assert hub.stop() == 0


def descriptors(pid: int) -> int:
    import os

    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("where", ["observability", "local API"])
def test_silent_connections_cost_neither_alarms_nor_status(make_hub, broker, bridge, receiver, where):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses", high=("1h",)))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    pid = hub.processes["all"].pid
    before = descriptors(pid)
    silent = []
    for _ in range(600):
        if where == "observability":
            silent.append(socket.create_connection(("127.0.0.1", hub.observability_port), timeout=20))
        else:
            one = socket.socket(socket.AF_UNIX)
            one.connect(str(hub.socket))
            silent.append(one)
    wait_for(lambda: descriptors(pid) < before + 200, 20, "the listener is bounded")
    press(bridge, 2)
    wait_heard(receiver, "sos")
    assert hub.status()["live"] and hub.http("/metrics")[0] == 200
    wait_for(lambda: descriptors(pid) < before + 20, 45, "silent ones are let go after ten seconds")
    for one in silent:
        one.close()


def test_the_end_does_not_wait_for_a_store_that_stands_still(make_hub, broker, bridge):
    hub = make_hub(broker)
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    bridge.sos("sos1")
    alert = hub.alert("sos")
    thief = sqlite3.connect(hub.state / "journal.sqlite", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    press(bridge, 2)

    def ask():
        try:
            hub.api("POST", f"/v1/alerts/{alert['id']}/acknowledge", {"actor": "N"}, timeout=60)
        except Exception:
            pass

    threading.Thread(target=ask, daemon=True).start()
    time.sleep(0.5)  # The request is on its way to a disk that does not answer.
    process = hub.processes["all"]
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        pytest.fail("still running after 30 s")
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    assert time.monotonic() - began < 10 and code == 0, (time.monotonic() - began, code)
    # What was not stored was not acknowledged: the broker brings it again.
    hub.processes.clear()
    hub.start()
    wait_for(lambda: len([a for a in hub.all_alerts() if a["rule"] == "sos"]) == 2, LINKED, "the second press")


def test_sizes_below_what_is_registered_leave_nobody_unwatched(make_hub, broker, bridge):
    sizes = {"patientsMax": 8, "devicesMax": 8, "alertsMax": 32}
    hub = make_hub(broker, realtime=sizes)
    for n in range(4):
        hub.device("zigbee2mqtt/sos-button", f"b{n}", hub.person(f"Person {n}"))
    hub.stop()
    hub.configuration["realtime"] = {"patientsMax": 2, "devicesMax": 2, "alertsMax": 32}
    hub.write_configuration()
    check = subprocess.run([str(hub.binary), "check", "--config", str(hub.file)], capture_output=True, text=True, timeout=90)
    assert check.returncode == 78, check.stdout
    assert "realtime.patientsMax is 2, and 4 people are registered" in check.stderr and "at least 4" in check.stderr, check.stderr
    assert "realtime.devicesMax" in check.stderr
    hub.start()
    assert any("patientsMax" in note for note in hub.status()["notes"]), "said where people look"
    hub.wait_subscribed()
    for n in range(4):
        bridge.sos(f"b{n}")
    wait_for(lambda: {a["patientName"] for a in hub.open_alerts() if a["rule"] == "sos"} == {f"Person {n}" for n in range(4)}, 30, "everybody's press")


@pytest.mark.timeout(600)
def test_a_device_is_found_behind_many_entries_of_others(hub, bridge):
    """One look passes over 20 000 entries and says where the next begins: a good device on a busy hub is not called dead."""
    patient = hub.person()
    tested = hub.device("bridge/pulse-oximeter", "o1", patient)
    hub.device("bridge/thermometer", "t1", patient)
    after = hub.post(f"/v1/devices/{tested}/test", {"actor": "I", "reason": "test"})["sequence"]
    last = None
    for n in range(21_000):
        last = bridge.temperature("t1", f"{36 + n % 3000 / 1000:.3f}")
        while n - bridge.taken > 400:
            time.sleep(0.005)
    bridge.flush(last, 180)
    bridge.oximeter("o1", 97, 70)
    wait_for(lambda: hub.values("spo2") == ["97"], 180, "the reading is stored")
    for _ in range(4):
        answer = hub.get(f"/v1/devices/{tested}/readings?after={after}")
        if answer["readings"]:
            break
        assert answer["next"] > after
        after = answer["next"]
    assert [r["name"] for r in answer["readings"]][:1] == ["spo2"], answer
    assert hub.api("GET", f"/v1/devices/{tested}/readings?after=abc")[0] == 400
