"""`make demo` is itself a test: a minute of a street, and everything has to add up. Here without a terminal."""

import subprocess

import pytest

from screen import Board, LiveScreen, Resident, fit, width
from support import ROOT, default_binary


@pytest.mark.timeout(330)
def test_the_demonstration_adds_up():
    done = subprocess.run(
        ["/usr/bin/python3", ROOT / "Deploy/demo/demo.py", "--binary", default_binary()],
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "\x1b[" not in done.stdout, "plain lines where there is no terminal"
    assert "Right:" in done.stdout


def test_the_live_screen_fits_any_terminal():
    board = Board(length=60)
    board.residents = {name: Resident(name, "COPD, home oxygen, scale 2") for name in ("Solveig Berg", "Øystein Å. Nordahl-Hansen")}
    score = {"low": 6, "high": 9, "complete": False, "band": "medium", "missing": ["temperature"], "changeSinceLast": 4}
    board.scored("Solveig Berg", score)
    alert = {"id": "1", "changeID": "1", "rule": "sos", "priority": "high", "state": "raised", "change": "raised", "patientName": "Kari", "text": "Har trykket på alarmen"}
    assert board.alerted(alert) and not board.alerted(alert), "one change is told once"
    for columns, rows in ((40, 20), (80, 24), (200, 60)):
        for line in LiveScreen(board).lines(columns, rows):
            assert width(fit(line, columns)) == columns
