"""The kill loop: the hub's processes die at random moments under traffic, again and again, and the ledger must come out even.

    /usr/bin/python3 Deploy/soak/kills.py --rounds 500 --seed 7 [--roles] [--mixed] [--forgetful]

A round is a moment of traffic and a fault: a process killed (a quarter of them again while it starts), all of them, the broker, a cut
cable; with --mixed also processes that stand still, slow, silent and trickling cables, and a failing fsync. After every --every rounds
the traffic pauses and everything is reconciled: a fault then names the rounds it came from. Ends with 1 when anything is not right.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import shutil
import sys
import tempfile
import time

from faults import KILLS, MIXED, Faults
from world import World


def run(folder: Path, rounds: int, seed: int, roles: bool = False, mixed: bool = False, forgetful: bool = False, every: int = 50,
        rate: float = 150, say=print, plant=None) -> dict:
    """`plant(world)` is called before the last reconciliation: a test plants a fault there that must be found."""
    began = time.monotonic()
    weights = MIXED if mixed else KILLS
    world = World(folder, seed, roles=roles, persistence=not forgetful, rate=rate, say=say)
    account, history = None, []
    try:
        world.start()
        faults = Faults(world, seed, weights)
        for first in range(1, rounds + 1, every):
            last = min(first + every - 1, rounds)
            world.begin_traffic()
            for number in range(first, last + 1):
                time.sleep(faults.chance.choice([faults.chance.uniform(0.02, 0.3), faults.chance.uniform(0.2, 1.5)]))
                history.append(f"{number}: {faults.one()}")
            time.sleep(faults.chance.uniform(0, 0.5))
            world.end_traffic()
            world.settle()
            if plant and last == rounds:
                plant(world)
            account = world.account(shed=world.hub.status()["shed"])
            say(f"rounds {first} to {last}: {world.ledger.sent} messages, {account.figures['presses stored']} presses, "
                f"{'right' if not account.faults else account.faults} ({time.monotonic() - began:.0f} s)")
            if account.faults:
                break
    finally:
        ended = world.close()
    result = {
        "seed": seed, "roles": roles, "rounds": len(history), "faults": faults.counts, "slowest start s": round(faults.slowest_start, 2),
        "seconds": round(time.monotonic() - began), "figures": account.figures, "wrong": account.faults,
    }
    if any(status != 0 for status in ended.values()):
        result["wrong"].append(f"a role did not end well: {ended}")
    if result["wrong"]:
        say("the last rounds:", *history[-every:], sep="\n  ")
        say(f"again: Deploy/soak/kills.py --rounds {rounds} --seed {seed}" + " --roles" * roles + " --mixed" * mixed + " --forgetful" * forgetful)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--roles", action="store_true", help="three processes instead of one")
    parser.add_argument("--mixed", action="store_true", help="more than kills and cuts")
    parser.add_argument("--forgetful", action="store_true", help="mosquitto without persistence")
    parser.add_argument("--every", type=int, default=50, help="rounds between two reconciliations")
    parser.add_argument("--rate", type=float, default=150, help="messages a second")
    parser.add_argument("--folder", type=Path, help="kept; otherwise one that is removed when all is right")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="kp-kills."))
    print(f"seed {arguments.seed}, {arguments.rounds} rounds, in {folder}", flush=True)
    say = lambda *words, **options: print(*words, **options, flush=True)  # noqa: E731
    result = run(folder, arguments.rounds, arguments.seed, arguments.roles, arguments.mixed, arguments.forgetful, arguments.every, arguments.rate, say)
    print(json.dumps(result, indent=1))
    if not result["wrong"] and not arguments.folder:
        shutil.rmtree(folder, ignore_errors=True)
    print("nothing lost, doubled, risen again or given twice" if not result["wrong"] else "NOT RIGHT")
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
