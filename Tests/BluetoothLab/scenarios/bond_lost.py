"""A bond is lost on one side only: the hub says so plainly, never pairs by itself, and pairing anew mends it."""

import time

from .world import World, expect, shown

LAB = "-t 900 -k time-travel"


def run():
    with World("bond_lost", {"retryBackoffMax": "5s"}) as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", every=0.5)
        world.start()
        patient = world.person()
        identity = world.pair(oximeter, patient)["device"]
        world.wait_value("pulse", 68, 20)

        # Somebody resets the device: it knows no hub any more, the hub still knows it.
        oximeter.tell("forget")
        with world.timed("a bond lost on the device is told"):
            problem = world.until("the hub names the problem", lambda: world.hub_device(identity).get("problem"), 90)
        expect("bond" in problem.lower(), f"the problem is {problem!r}")
        readable = world.hub.command("bluetooth", "status").stdout
        expect(identity in readable, f"an operator sees which device it is: {readable}")
        # Whoever forged a lost bond would get a new one for free: the hub must stay away from pairing for as long as we look.
        ended = time.monotonic() + 10
        while time.monotonic() < ended:
            expect(oximeter.status["pairings"] == 1, "the hub paired by itself")
            time.sleep(0.5)

        oximeter.tell("value", pulse=79)
        with world.timed("paired again"):
            again = world.pair(oximeter, patient)
        expect(again["device"] == identity, f"the same device, not another: {shown(again)}")
        world.wait_value("pulse", 79, 30)
        expect(not world.hub_device(identity).get("problem"), "the problem is gone")

        # The other way round: an operator removes it from bluetoothd behind the hub's back.
        path = "/org/bluez/hci0/dev_" + oximeter.address.replace(":", "_")
        world.bus("call", "org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1", "RemoveDevice", "o", path)
        with world.timed("a bond removed from bluetoothd is told"):
            problem = world.until("the hub names the problem", lambda: world.hub_device(identity).get("problem"), 90)
        world.say(f"problem: {problem}")
        expect(oximeter.status["pairings"] == 2, "the hub paired by itself")
        oximeter.tell("value", pulse=78)
        expect(world.pair(oximeter, patient)["device"] == identity, "still the same device")
        world.wait_value("pulse", 78, 30)
        return world.measured
