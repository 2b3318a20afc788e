"""`make demo` is itself a test: a minute of a street, and everything has to add up. Here without a terminal."""

import subprocess
import sys

import pytest

from support import ROOT, default_binary


@pytest.mark.timeout(150)
def test_the_demonstration_adds_up():
    done = subprocess.run(
        ["/usr/bin/python3", ROOT / "Deploy/demo/demo.py", "--binary", default_binary()],
        capture_output=True, text=True, timeout=140, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "\x1b[" not in done.stdout, "plain lines where there is no terminal"
    assert "Right:" in done.stdout
