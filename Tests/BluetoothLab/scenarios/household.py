"""One person with a device of every kind: each is paired and read, the readings make a NEWS2, and its alert reaches the
hospital and the nurses. Cuffs with their makers' quirks; stored records that are deleted only when they are durable, and
those of a glucose meter never.
"""

from contextlib import closing
import sqlite3
import time

from .world import World, expect

LAB = "-t 900 -m 1G -k time-travel"
# Longer than the journal waits for a busy file.
STORE_STUCK_SECONDS = 4
RECORDS = 6


def stored_records(world: World, oximeter):
    """The oximeter's memory is read while the journal cannot commit: nothing may be deleted on the device until it can."""
    oximeter.tell("stream", on=False)
    world.hub.wait_delivered(60)
    before = world.hub.stored()
    numbers = [frame["number"] for frame in oximeter.tell("preload", count=RECORDS)]
    asked = len(oximeter.status["requests"])
    with closing(sqlite3.connect(world.hub.state / "journal.sqlite", isolation_level=None, timeout=10)) as journal:
        journal.execute("BEGIN IMMEDIATE")
        oximeter.tell("drop")
        world.until("the hub asks for the records", lambda: "0101" in oximeter.status["requests"][asked:], 30)
        # Not a wait for something to happen: the store is stuck for this long.
        ends = time.monotonic() + STORE_STUCK_SECONDS
        while time.monotonic() < ends:
            status = oximeter.status
            expect(status["records"] == numbers, f"deleted before it was durable: {status['records']} of {numbers} are left")
            time.sleep(0.1)
        expect(world.hub.stored() == before, "the journal was stuck")
        journal.execute("ROLLBACK")
    with world.timed("stuck store is free, to the device's memory empty", 60):
        world.until("the memory is empty", lambda: not oximeter.status["records"], 65)
    expect(world.hub.stored() >= before + 2 * RECORDS, "what was deleted is in the journal")


def run():
    with World("household", {"retryBackoffMax": "5s"}) as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", every=1.0, records=2)
        aandd = world.device("cuff", "A&D_UA-651BLE_0001", "C0:FF:EE:00:18:10", maker="aandd")
        beurer = world.device("cuff", "Beurer BM85", "C0:FF:EE:00:18:11", maker="beurer")
        thermometer = world.device("thermometer", "Thermometer", "C0:FF:EE:00:18:09")
        scale = world.device("scale", "Scale", "C0:FF:EE:00:18:1D")
        meter = world.device("glucose", "Glucose", "C0:FF:EE:00:18:08", records=3, advertising="asked")
        button = world.device("button", "Button", "C0:FF:EE:00:FC:D2")
        world.start()
        patient = world.person()

        wanted = {oximeter: "sig/pulse-oximeter", aandd: "aandd/ua-651", beurer: "beurer/bm85", thermometer: "sig/thermometer",
                  scale: "sig/weight-scale", meter: "sig/glucose", button: "bthome/sos-button"}
        wake = {oximeter: "on", meter: "on", button: "announce"}
        with world.timed("seven devices paired"):
            for device, profile in wanted.items():
                device.tell(wake.get(device, "pairing"))
                # That this button is worn no advertisement tells.
                answer = world.pair(device, patient, profile if device is button else None)
                expect(answer["profile"] == profile, f"{device.name} is {answer['profile']}")
        expect(aandd.status["pairings"] == 1 and not aandd.status["connected"], "the A&D cuff left right after bonding, with a bond")

        # What the oximeter held when it was paired, while it was nobody's yet: it comes with the next connection.
        expect(oximeter.status["records"] == [1, 2], f"nothing is deleted that nobody recorded: {oximeter.status['deleted']}")
        oximeter.tell("drop")
        world.until("the oximeter's memory is empty", lambda: oximeter.status["deleted"] == [1, 2], 30)
        for pulse in (51, 52):
            expect(world.values("pulse").count(pulse) <= 1, f"a stored {pulse} once")
            world.wait_value("pulse", pulse, 20)
        aandd.tell("measure", systolic=98, diastolic=60, pulse=127)
        world.until("the A&D cuff's pressure at the hospital", lambda: (98, 60) in world.pressures(), 60)
        expect(aandd.status["memory"] == 0 and aandd.status["pairings"] == 1, "the cuff was emptied with the old bond")
        beurer.tell("measure", systolic=97, diastolic=59, pulse=126)
        world.until("the Beurer cuff's pressure at the hospital", lambda: (97, 59) in world.pressures(), 60)
        thermometer.tell("measure", value="39.2")
        world.wait_value("temperature", 39.2, 60)
        scale.tell("measure", value="72.4")
        world.wait_value("weight", 72.4, 60)
        meter.tell("measure", value="6.4", meal=True)
        # A meter that was just read is left alone for a while.
        world.wait_value("glucose", 6.4, 90)
        kept = meter.status
        expect(kept["records"] == [1, 2, 3, 4] and not kept["deleted"], f"the meter's memory is the person's: {kept['records']}")
        expect(not [r for r in kept["requests"] if r.startswith("02")], f"nothing was asked to be deleted: {kept['requests']}")
        expect(sorted(world.values("glucose")) == [4.0, 4.1, 4.2, 6.4], f"all that the meter keeps, once: {world.values('glucose')}")

        score = world.hub.observe(patient, respiration=18, consciousness="A", oxygen="air")["score"]
        # The RCP's table: 97 mmHg is 2, 39.2 °C is 2, SpO₂ 97 on air and a pulse of 68 are 0, and so is what the nurse saw.
        expect(score["complete"] and score["low"] == score["high"] == 4, f"a complete NEWS2 of four devices and a nurse: {score}")
        oximeter.tell("value", spo2=84, pulse=128)
        with world.timed("worse, to NEWS2's alert with the nurses", 30):
            world.until("the nurses hear of it", lambda: world.told(rule="news2High", kind="raised"), 35)
        world.until("the hospital has the issue", lambda: world.receiver.resources("DetectedIssue"), 20)
        with world.timed("a button's press to the nurses", 5):
            button.tell("press")
            world.until("the nurses hear of it", lambda: world.told(rule="sos", kind="raised"), 10, 0.02)

        stored_records(world, oximeter)
        world.hub.wait_delivered(60)
        expect(world.receiver.fhir["fhir"].duplicates() == [], "nothing was delivered twice")
        problems = {d["label"]: d["problem"] for d in world.bluetooth_status()["devices"] if d.get("problem")}
        expect(not problems, f"problems: {problems}")
        return world.measured
