"""What the hub's screens say of itself: `status`, `/readyz`, `doctor` and the nurses' board, asked as people and machines ask them."""

from __future__ import annotations

from dataclasses import dataclass
import html
import http.client
import json
import re
import subprocess
from urllib.parse import urlencode

from support import PULSE, wait_for


@dataclass
class Trouble:
    """One thing that does not work, in the words of each screen."""

    # Kind and name, as `status --json` has them: "linkDown street".
    problem: str
    # How its line begins on status, /readyz and doctor.
    words: str
    # What else status says: what is wrong, and what to do.
    sayings: tuple[str, ...]
    # What doctor says to do.
    step: str
    # The line on the board.
    board: str
    # False: alarms come in, go out and are kept all the same.
    is_grave: bool = True
    # What doctor's own look says beside what the core told it.
    own_look: str = ""


def problems(hub) -> list[str]:
    """Kind and name of everything that does not work, and of what is back and settles."""
    return named(hub.status()["problems"])


def standing(hub) -> list[str]:
    """Kind and name of what does not work at this moment: after several falls, the earlier ones are listed before the last is seen."""
    return named(problem for problem in hub.status()["problems"] if not problem.get("isSettling"))


def named(problems) -> list[str]:
    return sorted(" ".join(filter(None, (problem["kind"], problem.get("name")))) for problem in problems)


def status(hub) -> tuple[int, str]:
    """Exit and words of `knutepunkt status`."""
    done = hub.command("status", check=False)
    return done.returncode, done.stdout


def doctor(hub) -> tuple[int, list[dict]]:
    """Exit and lines of `knutepunkt doctor`, with the hub's environment and no more."""
    done = subprocess.run(
        [str(hub.binary), "doctor", "--config", str(hub.file), "--json"], capture_output=True, text=True, timeout=90,
        env={"PATH": "/usr/bin:/bin"} | hub.environment)
    return done.returncode, json.loads(done.stdout)["lines"]


def board(hub) -> str:
    """The nurses' board as a browser without scripts gets it."""
    link = hub.post("/v1/console/links", {"actor": "Nina Nurse"})["url"].split("lenke=")[1]
    connection = http.client.HTTPConnection("127.0.0.1", hub.console_port, timeout=20)
    connection.request("POST", "/inn", urlencode({"link": link}), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 303
    connection.request("GET", "/", headers={"Cookie": answer.getheader("set-cookie").split(";")[0]})
    answer = connection.getresponse()
    assert answer.status == 200
    return html.unescape(answer.read().decode())


def status_of(page: str) -> str:
    """The class of the header's word on whether alarms work: `core` alone is green and says that they do."""
    return re.search(r'<p class="([^"]*)" id="core-status">', page)[1]


def lines_of(page: str, is_grave: bool) -> list[str]:
    """What the banner, or the quiet line below it, says does not work."""
    part, = re.findall(rf'<ul id="hub-{"grave" if is_grave else "partial"}">(.*?)</ul>', page, re.DOTALL)
    return re.findall(r"<li>(.*?)</li>", part, re.DOTALL)


def is_told_on_every_screen(hub, trouble: Trouble, name: str):
    """Status, ready, doctor and the board: what is wrong, what it means, what to do. Nothing else is wrong."""
    code, said = status(hub)
    assert code == 75, (name, said)
    for words in (trouble.words, *trouble.sayings, trouble.board):
        assert words in said, (name, words, said)
    ready, reasons = hub.http("/readyz")
    first, *rest = reasons.splitlines()
    if trouble.is_grave:
        assert ready == 503 and first.startswith(trouble.words), (name, reasons)
    else:
        assert ready == 200 and first == "ready" and rest[0].startswith(trouble.words), (name, reasons)
    assert hub.http("/livez")[0] == 200, name
    code, lines = doctor(hub)
    told = [line for line in lines if line["area"] == "core" and line["state"] == "problem" and trouble.words in line["text"]]
    assert code == 1 and [trouble.step in line["next"] for line in told] == [True], (name, lines)
    if trouble.own_look:
        assert any(trouble.own_look in f"{line['area']} {line['text']}" and line["state"] == "problem" for line in lines), (name, lines)
    wait_for(lambda: lines_of(board(hub), trouble.is_grave) == [trouble.board], PULSE, f"{name}: the board says {trouble.board}", 0.3)
    page = board(hub)
    assert f'id="banner-{"hub" if trouble.is_grave else "part"}" role="{"alert" if trouble.is_grave else "status"}">' in page, f"{name}: hidden"
    assert status_of(page) == "core core-part", f"{name}: not green"


def is_green_on_every_screen(hub, name: str):
    """Nothing is wrong."""
    assert problems(hub) == [], name
    code, said = status(hub)
    assert code == 0 and "PROBLEM" not in said, (name, said)
    assert hub.http("/readyz") == (200, "ready\n"), name
    _, lines = doctor(hub)
    assert [line["text"] for line in lines if line["area"] == "core" and line["state"] == "problem"] == [], name
    wait_for(lambda: status_of(board(hub)) == "core", PULSE, f"{name}: the board is green", 0.3)
    page = board(hub)
    assert lines_of(page, True) == lines_of(page, False) == [], f"{name}: nothing is wrong on the board"
