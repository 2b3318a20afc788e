"""bluetoothd crashes while an oximeter is connected, stays away for a while, and comes back: readings go on. One that hangs is known."""

import time

from .world import World, expect

LAB = "-t 720 -k time-travel"
RECOVERY_SECONDS = 45
# ServiceWatch: 20 s from an answer to the next question, 10 s for the answer; and as much again for a slow lab.
HANG_SECONDS = 45


def run():
    with World("daemon_killed") as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", every=0.5)
        world.start()
        identity = world.pair(oximeter, world.person())["device"]
        world.wait_value("pulse", 68, 20)
        for turn, away in enumerate((0.0, 5.0, 20.0)):
            world.daemon("kill")
            world.until("the hub says that Bluetooth is away", lambda: not world.bluetooth_status()["available"], 30)
            # Not a wait for something to happen: this is how long systemd would take to start it again.
            time.sleep(away)
            pulse = 81 + turn
            oximeter.tell("value", pulse=pulse)
            with world.timed(f"bluetoothd back after {away:g} s, to delivered", RECOVERY_SECONDS):
                world.daemon("start")
                world.wait_value("pulse", pulse, RECOVERY_SECONDS + 5)
        with world.timed("bluetoothd hangs, to known", HANG_SECONDS):
            world.daemon("hang")
            world.until("the hub says that it does not answer", lambda: world.bluetooth_status().get("reason") == "noAnswer", HANG_SECONDS + 5)
        oximeter.tell("value", pulse=90)
        world.daemon("go-on")
        world.until("the hub says that it answers", lambda: world.bluetooth_status()["available"], 45)
        world.wait_value("pulse", 90, RECOVERY_SECONDS)
        expect(oximeter.status["pairings"] == 1, "nothing was paired again")
        expect(not world.hub_device(identity).get("problem"), "no problem is left")
        expect(world.hub.processes["all"].poll() is None, "the hub itself never ended")
        return world.measured
