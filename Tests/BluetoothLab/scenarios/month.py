"""A month of daily readings: a cuff is used once a day and advertises for a minute; nobody touches the hub.

Time is simulated: the lab's clocks jump when nothing runs, so that only what happens costs anything. What happens most is
the hub itself: even idle it wakes some forty times a second, which makes a day cost minutes. So its processes are awake for
some minutes around each measurement and stopped (SIGSTOP) for the rest of the day; the device, the kernel, bluetoothd and
the calendar live through all of it, and all clocks show a month. They are stopped only between two scans: bluetoothd would
go on scanning for a client that asked for it. What a hub does that is awake for a month is not shown by this.

The hub runs as core and forwarder, without metrics and the nurses' pages: each HTTP server of Hummingbird's catches up on
its tick of a second in the morning, 86 400 times, which is most of what a day costs here.

`LAB_DAYS` shortens
the month.
"""

from collections import Counter
from datetime import timedelta
import os
import signal
import time

from .world import World, effective, expect

LAB = "-t 900 -k time-travel"
DAYS = 30
# After a measurement: the session ends, deliveries go out, a scan ends.
AWAKE_SECONDS = 30
# From this day on nothing is new to the hub: what it holds must not grow any more.
SETTLED_DAY = 3
# SQLite's page cache and the allocator's slack move by less; one page a day would show as a trend, not within this.
GROWTH_KIB_MAX = 2_048


def rss(world: World) -> int:
    """KiB of the core's process, the one with the devices and the journal."""
    with open(f"/proc/{world.hub.processes['core'].pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def bluetooth(world: World) -> dict:
    """What `bluetooth status` shows, without the half second that starting the command costs."""
    return world.hub.get("/v1/bluetooth")


def sleep_until(world: World, moment: float):
    """Stops the hub's processes, as soon as it is not scanning, until the monotonic moment."""
    world.until("the hub's pause between two scans", lambda: not bluetooth(world)["adapter"]["discovering"], 120)
    for process in world.hub.processes.values():
        process.send_signal(signal.SIGSTOP)
    # The receiver looks about itself twenty times a second, which is what a night would cost.
    world.receiver.stop()
    time.sleep(max(0, moment - time.monotonic()))
    world.receiver.start()
    for process in world.hub.processes.values():
        process.send_signal(signal.SIGCONT)


def bonds() -> dict[str, bytes]:
    """What bluetoothd keeps of the keys, by file."""
    found = {}
    for folder, _, names in os.walk("/var/lib/bluetooth"):
        for name in names:
            if name == "info":
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
    return found


def keys(text: bytes) -> bytes:
    """The part of a bond's file that must never change: BlueZ adds to the rest as it learns about the device."""
    sections = text.split(b"\n[")
    return b"\n[".join(sorted(s for s in sections if b"Key]" in s.split(b"\n")[0]))


def run():
    days = int(os.environ.get("LAB_DAYS", DAYS))
    # No broker: a month of keep-alives would cost more than all the rest.
    with World("month", {"scan": {"on": "5s", "off": "55s"}}, roles=("core", "forward"), observability={"listen": "off"}) as world:
        cuff = world.device("cuff", "Cuff", "C0:FF:EE:00:18:10")
        world.start()
        cuff.tell("pairing")
        identity = world.pair(cuff, world.person())["device"]
        bonded = bonds()
        expect(len(bonded) == 1 and all(keys(text) for text in bonded.values()), f"one bond with a key: {list(bonded)}")
        began, memory, rules = time.monotonic(), [], []
        for day in range(days):
            cuff.tell("measure", systolic=110 + day, diastolic=70, pulse=60 + day % 20)
            # The cuff gives up after a minute; what is left then goes with the next day's.
            world.until(f"day {day + 1}", lambda: cuff.status["memory"] == 0, 75, every=1)
            time.sleep(AWAKE_SECONDS)
            memory.append(rss(world))
            status = bluetooth(world)
            rules.append(status["matchRules"])
            expect(status["available"], f"day {day + 1}: {status}")
            sleep_until(world, began + (day + 1) * 86_400)
        world.hub.wait_delivered(60)
        pressures = world.observations("pressure")
        systolic = [systolic for systolic, _ in world.pressures()]
        expect(systolic == [110 + day for day in range(days)], f"each day's value once, in order: {systolic}")
        dates = Counter(effective(o).date() for o in pressures)
        first = min(dates)
        expect(dates == {first + timedelta(days=n): 1 for n in range(days)}, f"one reading on each day of the calendar: {dates}")
        expect(world.receiver.fhir["fhir"].duplicates() == [], "nothing was delivered twice")
        expect(cuff.status["pairings"] == 1, "paired once")
        now = bonds()
        expect(set(now) == set(bonded) and all(keys(now[f]) == keys(bonded[f]) for f in now), "the bond's keys are those of the first day")
        expect(not world.hub_device(identity).get("problem"), "no problem is left")
        world.measure("readings", f"{len(systolic)} on {len(dates)} days")
        shown = sorted({min(SETTLED_DAY, days), days // 2, days})
        world.measure("hub memory", ", ".join(f"day {day} {memory[day - 1]} KiB" for day in shown))
        settled = memory[SETTLED_DAY - 1 :]
        if settled:
            expect(max(settled) - settled[0] <= GROWTH_KIB_MAX, f"the hub grew from {settled[0]} to {max(settled)} KiB: {memory}")
        expect(len(set(rules)) == 1, f"match rules grew: {rules}")
        world.measure("match rules", str(rules[-1]))
        return world.measured
