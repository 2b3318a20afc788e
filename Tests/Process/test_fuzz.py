"""Any bytes on every way in: inputs by chance, from seeds that are kept and from fresh ones."""

import os
from pathlib import Path
import random
import re
import shlex
from string import Template
import subprocess

import pytest

from support import default_binary

REPOSITORY = Path(__file__).resolve().parents[2]
# Inputs a target in one run. A journal is opened and written anew for each, the core decides twice for each.
INPUTS = {
    "frame": 3_000, "profile": 1_000, "topic": 3_000, "configuration": 1_000, "request": 3_000, "events": 3_000, "radio": 3_000, "core": 150,
    "state": 2_000, "journal": 60,
}


def fuzzing(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    program = default_binary().with_name("Fuzzing")
    return subprocess.run(
        [program, *arguments, "--repository", REPOSITORY], capture_output=True, text=True, timeout=400,
        # A trap's report costs seconds and says nothing that the input does not.
        env=os.environ | {"SWIFT_BACKTRACE": "enable=no", "TMPDIR": str(folder)})


def test_every_target_is_tried(tmp_path):
    names = {line.split()[0] for line in subprocess.run(
        [default_binary().with_name("Fuzzing"), "list"], capture_output=True, text=True, check=True).stdout.splitlines()}
    assert names == {*INPUTS, "planted"}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("target", INPUTS)
def test_no_bytes_do_harm(target, tmp_path):
    """What was once harmful, then the same inputs in each run, then fresh ones."""
    replayed = fuzzing("replay", target, folder=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    for seed in (1, random.SystemRandom().randrange(2, 1 << 63)):
        done = fuzzing("run", target, "--seed", str(seed), "--runs", str(INPUTS[target]), "--findings", str(tmp_path), folder=tmp_path)
        found = [path.read_bytes().hex() for path in tmp_path.glob("*.input")]
        assert done.returncode == 0, f"Fuzzing run {target} --seed {seed}: {done.stderr[-2000:]}; the input, in hexadecimal: {found}"
        assert f"{INPUTS[target]} inputs, none harmful" in done.stdout


@pytest.mark.timeout(1200)
def test_a_finding_is_kept_and_told(tmp_path):
    """Chance does meet FALL from FILL: the process ends, its input lies in a file, and that file alone ends it again."""
    done = fuzzing("run", "planted", "--runs", "2000000", "--seed", "5", "--findings", str(tmp_path), folder=tmp_path)
    assert done.returncode != 0 and "the planted fault was found" in done.stderr
    kept, = tmp_path.glob("planted-*.input")
    assert kept.read_bytes().startswith(b"FALL")
    again = fuzzing("replay", "planted", str(kept), folder=tmp_path)
    assert again.returncode != 0 and "the planted fault was found" in again.stderr


def test_the_long_run_asks_rightly(tmp_path):
    """`make fuzz` needs a build with libFuzzer inside; its words are understood by any."""
    script = (REPOSITORY / "Deploy/fuzz.sh").read_text()
    words = re.search(r'"\$fuzzing" (explore .*?) \|\|', script, re.DOTALL).group(1).replace("\\\n", " ")
    asked = shlex.split(Template(words).substitute(build=tmp_path, target="topic", seconds=1))
    done = fuzzing(*asked[:-1], f"-artifact_prefix={tmp_path}/x-", folder=tmp_path)
    assert "libFuzzer" in done.stderr and "expected argument" not in done.stderr, done.stderr


def test_what_is_asked_for_wrongly_is_named(tmp_path):
    done = fuzzing("run", "fram", folder=tmp_path)
    assert done.returncode == 64 and "no target fram; allowed: frame, profile" in done.stderr
