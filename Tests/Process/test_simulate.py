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


def test_a_broken_promise_is_made_smaller_and_its_command_repeats_it():
    """With a defect put in on purpose: one that comes at once, so that a dozen worlds take seconds."""
    options = ["--seed", "1", "--hours", "0.2", "--homes", "2", "--profile", "swarm", "--mutant", "reordersRecords"]
    broken = subprocess.run([default_binary(), "simulate", *options], capture_output=True, text=True, timeout=180)
    assert broken.returncode == 65, broken.stdout + broken.stderr
    again = next(line for line in broken.stdout.splitlines() if "again:" in line).split("again: knutepunkt ")[1].split()
    assert "--without" in again and again[again.index("--homes") + 1] == "1"
    repeated = subprocess.run([default_binary(), *again, "--unreduced"], capture_output=True, text=True, timeout=60)
    assert repeated.returncode == 65
    assert repeated.stdout.splitlines()[:3] == broken.stdout.splitlines()[:3] and "orderIsKept" in repeated.stdout


def test_several_worlds_at_once_print_the_same_in_the_same_order():
    """One of them breaks a promise, and is made smaller on its own thread."""
    options = ["simulate", "--seed", "1", "--seeds", "4", "--hours", "0.05", "--homes", "1", "--json"]
    for more in [["--profile", "storm"], ["--profile", "swarm", "--mutant", "reordersRecords"]]:
        one, two = (
            subprocess.run([default_binary(), *options, *more, "--jobs", jobs], capture_output=True, text=True, timeout=300)
            for jobs in ["1", "3"]
        )
        assert one.stdout == two.stdout and one.returncode == two.returncode, one.stdout + two.stdout + two.stderr
        assert [json.loads(line)["seed"] for line in one.stdout.splitlines()] == [1, 2, 3, 4]
