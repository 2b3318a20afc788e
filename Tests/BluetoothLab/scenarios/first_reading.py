"""An oximeter is paired, given to a person and read; after a power cut its next reading is at the hospital within 30 s.

Then the person's saturation falls: the limit of her plan and NEWS2 raise alerts, and they reach the hospital and the nurses.
"""

import time

from .world import World, expect

LAB = "-t 720"
# The promise of the hub: from power-on to the first delivered reading of a bonded oximeter.
FIRST_READING_SECONDS = 30


def run():
    with World("first_reading") as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", settling=2)
        world.start()
        patient = world.person()
        with world.timed("pairing"):
            answer = world.pair(oximeter, patient, test=True)
        expect(answer["profile"] == "sig/pulse-oximeter", f"profile {answer['profile']}")
        expect(answer["patient"] == patient, f"patient {answer['patient']}")
        world.hub.set_plan(patient, "--limit", "spo2:red<85,yellow<88,delay=2s,hysteresis=2")
        world.wait_value("spo2", 97, 20)
        expect(oximeter.status["encrypted"] and oximeter.status["pairings"] == 1, "an encrypted link after one pairing")
        # The device's clock tells the summer from the winter only if somebody sets it.
        expect(len(oximeter.status["clock_set"]) >= 1, "the hub set the device's clock")

        # A power cut: everything on the gateway's side is gone at once; the oximeter goes on measuring another value.
        world.hub.kill()
        time.sleep(1)
        expect(world.daemon_lives(), "bluetoothd lives on when the hub is killed")
        world.daemon("kill")
        oximeter.tell("value", spo2=96, pulse=77)
        with world.timed("power-on to the first delivered reading", FIRST_READING_SECONDS):
            world.daemon("start")
            world.start()
            world.wait_value("pulse", 77, FIRST_READING_SECONDS + 10)
        expect(oximeter.status["pairings"] == 1, "the bond held; nothing was paired again")

        oximeter.tell("value", spo2=82, pulse=95)
        with world.timed("low saturation to the nurses"):
            world.until("the nurses hear of it", lambda: world.told(kind="raised"), 30)
        rules = {a["rule"] for a in world.hub.alerts()}
        world.say(f"alerts: {', '.join(sorted(rules))}")
        expect(any(rule.startswith(("limit", "plan", "news2")) for rule in rules), f"a limit's or NEWS2's alert among {rules}")
        world.until("the hospital has the issue", lambda: world.receiver.resources("DetectedIssue"), 20)
        status = world.hub_device(answer["device"])
        expect(status["connected"] and status["bonded"] and not status.get("problem"), f"status: {status}")
        expect(status["battery"] == 88, f"battery {status['battery']}")
        expect(world.receiver.fhir["fhir"].duplicates() == [], "nothing was delivered twice")
        return world.measured
