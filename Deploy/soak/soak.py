"""A long run: constant load with faults, measured each minute; at the end a verdict, a picture and the ledger.

    /usr/bin/python3 Deploy/soak/soak.py --hours 8 [--seed 7] [--one-process] [--folder soak]

Values at --rate a second, a press now and then, a nurse who resolves and reads, garbage, a hospital and a response centre that are away
for a while (a backlog), and a fault every --pause seconds: processes that die or stand still, cables that are cut, slow or silent, a
failing fsync. Exit status 0: everything that must be flat is flat, and the ledger comes out even.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import random
import sys
import tempfile
import threading
import time

from faults import Faults
import plot
from samples import Samples, verdict
from world import World

# Mostly what leaves the processes alive, so that their memory can be followed; of a hundred.
WEIGHTS = {"kill": 3, "kill all": 1, "kill broker": 2, "stop": 20, "stop broker": 8, "cut": 26, "slow": 12, "trickle": 10, "silent": 8, "sync": 10}


def away(world: World, chance: random.Random, seconds: float):
    """The receivers answer 503 for a while: a backlog, and then a burst."""
    world.sink.failing = 503
    time.sleep(seconds)
    world.sink.failing = 0


def run(hours: float, seed: int, folder: Path, roles: bool = True, rate: float = 30, pause: float = 30, every: float = 60, say=print, plant=None) -> dict:
    """`every`: seconds between two rows. `plant(world)` puts a fault into the ledger that must be found."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder / "world", seed, roles=roles, rate=rate, presses=min(0.02, 1 / rate), garbage=0.02, say=say)
    chance, marks, account, shed = random.Random(f"{seed} soak"), [], None, 0
    try:
        world.start()
        samples = Samples(world, folder / "samples.csv")
        faults = Faults(world, seed, WEIGHTS)
        world.begin_traffic()
        ended = threading.Event()

        def measure():
            while not ended.wait(every):
                samples.take()

        measuring = threading.Thread(target=measure, daemon=True)
        measuring.start()
        end, due = samples.began + hours * 3_600, samples.began + pause
        next_backlog = samples.began + chance.uniform(3, 10) * pause
        told = samples.began
        while time.monotonic() < end:
            now = time.monotonic()
            if now >= next_backlog:
                marks.append((now - samples.began, "receivers away"))
                away(world, chance, min(chance.uniform(0.5, 3) * pause, max(0, end - now - 5)))
                next_backlog = time.monotonic() + chance.uniform(20, 40) * pause
            elif now >= due:
                what = faults.one()
                marks.append((now - samples.began, what))
                due = time.monotonic() + chance.uniform(0.3, 1.7) * pause
            else:
                time.sleep(min(due, end, next_backlog) - now if min(due, end, next_backlog) > now else 0)
            if now - told > 900:
                told = now
                say(f"{(now - samples.began) / 3_600:.2f} h, {world.ledger.sent} messages, {len(marks)} faults, {world.ledger.missing()} on the way")
        world.end_traffic()
        world.settle(300)
        ended.set()
        measuring.join()
        samples.take()
        shed = world.hub.status()["shed"]
        if plant:
            plant(world)
        account = world.account(shed=shed)
    finally:
        ended_with = world.close()
    findings = verdict(samples.rows, world.names)
    wrong = account.faults + [f.what for f in findings if not f.is_right]
    if any(status != 0 for status in ended_with.values()):
        wrong.append(f"a role did not end well: {ended_with}")
    title = f"{hours:g} h, {rate:g} messages a second, {len(marks)} faults, seed {seed}: {'flat' if not wrong else 'NOT RIGHT'}"
    (folder / "samples.svg").write_text(plot.draw(samples.rows, world.names, marks, title))
    (folder / "faults.txt").write_text("".join(f"{seconds:10.1f} {what}\n" for seconds, what in marks))
    say(*[f.line() for f in findings], *account.lines(), sep="\n")
    result = {"hours": hours, "seed": seed, "rate": rate, "faults": faults.counts, "figures": account.figures, "wrong": wrong}
    (folder / "verdict.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--one-process", action="store_true")
    parser.add_argument("--rate", type=float, default=30, help="messages a second")
    parser.add_argument("--pause", type=float, default=30, help="seconds between two faults, on average")
    parser.add_argument("--every", type=float, default=60, help="seconds between two rows")
    parser.add_argument("--folder", type=Path, help="where samples.csv, samples.svg, faults.txt and verdict.json go")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="kp-soak."))
    say = lambda *words, **options: print(*words, **options, flush=True)  # noqa: E731
    say(f"seed {arguments.seed}, {arguments.hours:g} h, in {folder}")
    result = run(
        arguments.hours, arguments.seed, folder, not arguments.one_process, arguments.rate, arguments.pause, arguments.every, say)
    say("flat, and nothing lost, doubled, risen again or given twice" if not result["wrong"] else f"NOT RIGHT: {result['wrong']}")
    say(f"picture: {folder / 'samples.svg'}")
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
