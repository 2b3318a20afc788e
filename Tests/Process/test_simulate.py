"""`knutepunkt simulate`: the same seed gives the same world in every process."""

import json
import subprocess

from support import default_binary


def world(*options: str) -> dict:
    done = subprocess.run(
        [default_binary(), "simulate", "--hours", "0.1", "--homes", "2", "--json", *options], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_same_seed_gives_the_same_world_in_two_processes():
    first, second = (world("--seed", "7", "--profile", "storm") for _ in range(2))
    assert first["messages"] > 50 and first == second
    assert world("--seed", "8", "--profile", "storm")["trace"] != first["trace"]


def test_what_cannot_be_is_refused_with_what_can():
    done = subprocess.run([default_binary(), "simulate", "--profile", "rain"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 64 and "calm, swarm, storm" in done.stderr
