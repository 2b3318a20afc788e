"""An oximeter is carried out of range and back, five times: each time readings go on without anybody's hand.

At the end the hub is stopped in order: the device is let go, and bluetoothd 5.66, which ends with some clients, lives on.
"""

import time

from .world import World, expect

LAB = "-t 720 -k time-travel"
# Heard again to delivered: the scan's pause, a connection, services from the cache, one measurement.
RETURN_SECONDS = 30


def run():
    with World("vanish") as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", every=0.5)
        world.start()
        identity = world.pair(oximeter, world.person())["device"]
        world.wait_value("pulse", 68, 20)
        longest = 0.0
        for turn in range(5):
            oximeter.tell("vanish")
            world.until("the hub sees that it is gone", lambda: not world.hub_device(identity)["connected"], 30)
            expect(not oximeter.status["connected"], "the device sees it, too")
            pulse = 71 + turn
            oximeter.tell("value", pulse=pulse)
            oximeter.tell("return")
            began = len(world.measured)
            with world.timed(f"return {turn + 1}", RETURN_SECONDS):
                world.wait_value("pulse", pulse, RETURN_SECONDS + 5)
            longest = max(longest, float(world.measured.pop(began).split()[-2]))
        status = oximeter.status
        expect(status["pairings"] == 1, f"{status['pairings']} pairings")
        expect(world.hub_device(identity)["reconnects"] >= 5, "five reconnects are counted")
        world.measured.append(f"longest return {longest:.1f} s")
        world.until("the hub listens", lambda: "2A5F" in oximeter.status["subscribed"], 30)
        world.hub.stop()
        expect(not oximeter.status["connected"], "the device was let go")
        # Long enough for what bluetoothd does about a client that left.
        time.sleep(2)
        expect(world.daemon_lives(), "bluetoothd lives on when the hub ends")
        return world.measured
