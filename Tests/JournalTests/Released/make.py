#!/usr/bin/env python3
"""Makes version-N.sql.gz: the journal of a real hub of a released program, small, as SQL. Part of each release whose file has a new version.

    make.py BINARY          runs that binary for some seconds beside a real broker and real receivers, and writes its journal
Needs mosquitto and nothing of the product but the binary. What is in it: people, devices, a plan, values, scores, an open and a closed
alert, calls and records that wait, delivered ones, a dead letter, a frame that could not be read, frame marks, an access log, a snapshot.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
import shutil
import sqlite3
import sys
import tempfile

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "Tests/Process"), str(ROOT / "Deploy/demo")]


def live(binary: Path, folder: Path) -> Path:
    """A hub's short life; gives its journal, closed."""
    from support import Bridge, Broker, Hub, Receiver, escalation, hospital, wait_for, webhook

    broker = Broker(folder / "broker").start()
    receiver = Receiver(folder / "received").start()
    receiver.set("fhir", status=503)
    hub = Hub(
        folder / "hub", broker.port, [webhook(receiver), webhook(receiver, "second", share=("alerts",)), hospital(receiver)], binary=binary,
        escalation=escalation("nurses", "second"), realtime={"patientsMax": 8, "devicesMax": 16, "alertsMax": 16},
        journal={"snapshotEvery": 100})
    hub.broker = broker
    bridge = Bridge(broker)
    try:
        hub.start()
        kari, ola, eva = hub.person("Kari Nordmann", "21815410014"), hub.person("Ola Nordmann"), hub.person("Eva Hansen")
        hub.device("zigbee2mqtt/sos-button", "sos1", kari, label="Trygghetsalarm")
        hub.device("bridge/pulse-oximeter", "ox1", kari, label="Oksymeter")
        hub.device("bridge/thermometer", "t1", ola)
        hub.plan(kari, {"kind": "limits", "signal": "spo2", "redLow": "85", "yellowLow": "88"}, {"kind": "oxygen", "oxygen": "air"})
        hub.enter(kari, respiration=18, temperature="37.0", systolic=120, consciousness="A")
        for count in (1, 2):
            for n in range(60):
                bridge.oximeter("ox1", 94 + n % 4, 60 + n % 9)
            wait_for(lambda: hub.sql("SELECT count(*) n FROM snapshot")[0]["n"] >= count, 30, f"{count} snapshots")
        bridge.temperature("t1", "37.2")
        bridge.send("ble/t1/2a1c", b"\x00\x01")
        # One call is answered and closed, one stays open; the second centre refuses what it gets.
        receiver.set("second", status=400)
        bridge.sos("sos1")
        first = hub.alert("sos")
        hub.alert_action(first["id"], "acknowledge")
        hub.alert_action(first["id"], "resolve", comment="helped")
        wait_for(lambda: hub.sql("SELECT count(*) n FROM dead_letter")[0]["n"] > 0, 30, "a dead letter")
        bridge.sos("sos1")
        wait_for(lambda: len(hub.open_alerts()) > 0, 10, "an open alert")
        wait_for(lambda: hub.sql("SELECT count(*) n FROM delivery")[0]["n"] > 0, 30, "a delivered call")
    finally:
        for process in list(hub.processes):
            hub.stop(process, seconds=10)
        bridge.close()
        receiver.stop()
        broker.stop()
    return hub.state / "journal.sqlite"


def dump(path: Path) -> tuple[int, str]:
    """The file as SQL, with the two numbers that a dump leaves out."""
    with sqlite3.connect(path) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        lines = [line for line in db.iterdump() if 'INSERT INTO "vocabulary"' not in line]
        # The machine's own.
        boot = db.execute("SELECT boot_id FROM run").fetchone()[0]
        lines = [line.replace(boot, "00000000-0000-4000-8000-000000000000") for line in lines]
        numbers = [f"PRAGMA {name} = {db.execute(f'PRAGMA {name}').fetchone()[0]};" for name in ("application_id", "user_version")]
    return version, "\n".join([*numbers, *lines]) + "\n"


def write(version: int, text: str):
    file = HERE / f"version-{version}.sql.gz"
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{file.name}: {file.stat().st_size} bytes, {len(text)} as text")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kp."))
    try:
        write(*dump(live(arguments.binary, folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
