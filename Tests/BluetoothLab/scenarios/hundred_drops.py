"""An oximeter with stored records is cut off a hundred times at seeded points of its sessions: each record arrives exactly
once, and at the end the device's memory is empty.

`LAB_SEED` chooses other points. A failure prints the seed.
"""

from collections import Counter
import os

import sigframes

from .world import World, expect, shown

# Waiting for back-offs and scans is no part of what is tested: time passes by itself when nothing runs.
LAB = "-t 1800 -k time-travel"
DROPS = 100


def run():
    seed = int(os.environ.get("LAB_SEED", "1"))
    with World("hundred_drops", {"retryBackoffMax": "2s", "scan": {"on": "10s", "off": "1s"}}) as world:
        world.say(f"seed {seed}")
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", stream=False)
        world.start()
        identity = world.pair(oximeter, world.person())["device"]
        # What was measured before the device was hers is not hers: the records begin here.
        oximeter.tell("preload", count=4)
        oximeter.tell("drop_often", count=DROPS, seed=seed)
        oximeter.tell("drop")
        with world.timed(f"{DROPS} forced disconnects"):
            world.until(f"{DROPS} disconnects", lambda: oximeter.status["drops_left"] == 0, 3600, every=1)
        world.until("the device's memory is empty", lambda: not oximeter.status["records"], 600, every=1)
        world.hub.wait_delivered(60)
        status = oximeter.status
        taken = [sigframes.decode_2a5e(bytes.fromhex(f)).values for f in oximeter.tell("everything")]
        wanted = Counter(int(values[sigframes.PULSE_OXIMETER]) for values in taken)
        world.measure("records", str(len(taken)))
        world.measure("sessions", str(status["connections"]))
        # Each record has a time of its own; the hospital's observations are told apart by it.
        moments = Counter((o["effectiveDateTime"], o["valueQuantity"]["value"]) for o in world.observations("pulse"))
        twice = {m: n for m, n in moments.items() if n > 1}
        expect(not twice, f"seed {seed}: delivered more than once: {shown([str(m) for m in twice])}")
        got = Counter(int(value) for (_, value), n in moments.items() for _ in range(n))
        expect(got == wanted, f"seed {seed}: lost {dict(wanted - got)}, invented {dict(got - wanted)}")
        expect(sorted(status["deleted"]) == list(range(1, len(taken) + 1)), f"seed {seed}: all deleted, each once: {status['deleted']}")
        expect(not world.hub_device(identity).get("problem"), "no problem is left")
        return world.measured
