"""Faults for the hub's processes, its broker, its cables and its disk. One call is one fault from beginning to end: afterwards
everything is there again, though perhaps still busy. Which fault, when and how long comes from the seed alone.
"""

from __future__ import annotations

import random
import signal
import time

from world import World

# How often each kind comes, of a hundred.
MIXED = {
    "kill": 40, "kill all": 8, "kill broker": 8, "stop": 10, "stop broker": 4, "cut": 12, "slow": 5, "trickle": 4, "silent": 3, "sync": 6,
}
KILLS = {"kill": 60, "kill all": 15, "kill broker": 15, "cut": 10}


class Faults:
    def __init__(self, world: World, seed: int, weights: dict[str, int], longest: float = 4):
        """`longest`: seconds that a thing is stopped, silent or slow, at most."""
        self.world, self.chance, self.weights, self.longest = world, random.Random(f"{seed} faults"), weights, longest
        self.counts: dict[str, int] = {}
        self.slowest_start = 0.0

    def one(self) -> str:
        kind = self.chance.choices(list(self.weights), list(self.weights.values()))[0]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return {
            "kill": self.kill, "kill all": self.kill_all, "kill broker": self.kill_broker, "stop": self.stop, "stop broker": self.stop_broker,
            "cut": self.cut, "slow": lambda: self.cable("slow"), "trickle": lambda: self.cable("trickle"),
            "silent": lambda: self.cable("silent"), "sync": self.sync,
        }[kind]()

    # -- processes

    def up(self, name: str):
        began = time.monotonic()
        self.world.start_role(name)
        self.slowest_start = max(self.slowest_start, time.monotonic() - began)

    def kill(self) -> str:
        name = self.chance.choice(self.world.names)
        self.world.hub.kill(name)
        words = f"kill {name}"
        if self.chance.random() < 0.25:
            # Again, while it starts.
            self.world.start_role(name, wait=False)
            time.sleep(self.chance.uniform(0, 0.6))
            self.world.hub.kill(name)
            words += ", and while it started"
        self.up(name)
        return words

    def kill_all(self) -> str:
        for name in self.chance.sample(self.world.names, len(self.world.names)):
            self.world.hub.kill(name)
        for name in self.world.names:
            self.up(name)
        return "kill all"

    def kill_broker(self) -> str:
        self.world.ledger.broker_forgot = True
        self.world.broker.kill()
        time.sleep(self.chance.uniform(0, 0.5))
        self.world.broker.start()
        return "kill broker"

    def stop(self) -> str:
        name, seconds = self.chance.choice(self.world.names), self.chance.uniform(0.1, self.longest)
        self.world.signal(name, signal.SIGSTOP)
        time.sleep(seconds)
        self.world.signal(name, signal.SIGCONT)
        return f"stop {name} {seconds:.1f} s"

    def stop_broker(self) -> str:
        seconds = self.chance.uniform(0.1, self.longest)
        self.world.broker.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.world.broker.process.send_signal(signal.SIGCONT)
        return f"stop broker {seconds:.1f} s"

    # -- cables

    def wire(self):
        return self.chance.choice([("link", self.world.link), ("hospital", self.world.hospital), ("nurses", self.world.nurses)])

    def cut(self) -> str:
        name, wire = self.wire()
        wire.cut()
        return f"cut {name}"

    def cable(self, mode: str) -> str:
        name, wire = self.wire()
        seconds = self.chance.uniform(0.2, self.longest)
        wire.set(mode, {"slow": self.chance.uniform(0.01, 0.3), "trickle": 0.0005, "silent": 0}[mode])
        time.sleep(seconds)
        wire.set("good")
        return f"{mode} {name} {seconds:.1f} s"

    # -- the disk

    def sync(self) -> str:
        how, count = self.chance.choice(["EIO", "ENOSPC", "hang"]), self.chance.choice([1, 1, 2, 5])
        seconds = self.chance.uniform(0.1, self.longest)
        self.world.disk.fail(how, count, skip=self.chance.randrange(4))
        time.sleep(seconds)
        self.world.disk.well()
        return f"sync {how} ×{count} {seconds:.1f} s"
