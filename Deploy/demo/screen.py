"""What the demonstration shows while it runs: a live view on a terminal, plain lines anywhere else.

`Board` holds what is known (people, scores with trend, alerts with age, deliveries); `LiveScreen` draws it four times a
second in place; `PlainScreen` prints a line when something happens. Neither decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import os
import re
import shutil
import sys
import threading
import time
import unicodedata

RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
RED, GREEN, YELLOW, BLUE, CYAN, ORANGE, WHITE = (f"\x1b[{c}m" for c in ("31", "32", "33", "34", "36", "38;5;208", "97"))
BANDS = {"none": GREEN, "low": YELLOW, "lowMedium": ORANGE, "medium": ORANGE, "high": RED}
PRIORITIES = {"high": (RED, "***"), "medium": (YELLOW, "** "), "low": (CYAN, "*  ")}


RULES = {
    "news2High": "NEWS2 7 or more", "news2Medium": "NEWS2 5–6", "news2SingleThree": "NEWS2 a single 3", "sos": "SOS", "fall": "fall",
    "doseMissed": "dose missed", "doorOpenAtNight": "door open at night", "geofenceExit": "left the agreed area", "signalLoss": "signal lost",
}


@dataclass
class Resident:
    name: str
    home: str
    latest: str = "…"
    score: dict | None = None
    trail: list = field(default_factory=list)


@dataclass
class Board:
    """Everything on the screen. Any thread writes, one reads; the lock is short."""

    started: float = field(default_factory=time.monotonic)
    length: float = 60
    residents: dict = field(default_factory=dict)
    alerts: dict = field(default_factory=dict)
    counts: dict = field(default_factory=lambda: dict(sent=0, stored=0, fhir=0, webhook=0, pending=0))
    story: list = field(default_factory=list)
    phase: str = "starting"
    lock: threading.RLock = field(default_factory=threading.RLock)
    listeners: list = field(default_factory=list)

    def tell(self, text: str, colour: str = ""):
        with self.lock:
            self.story.append((time.monotonic() - self.started, text, colour))
            for listener in self.listeners:
                listener(text, colour)

    def measured(self, name: str, text: str):
        with self.lock:
            self.residents[name].latest = text

    def scored(self, name: str, score: dict):
        with self.lock:
            resident = self.residents[name]
            before = resident.score
            if before and (before["low"], before["high"], before["missing"]) == (score["low"], score["high"], score["missing"]):
                return
            resident.score = score
            if not resident.trail or resident.trail[-1] != score["low"]:
                resident.trail.append(score["low"])
            self.tell(f"{name}: NEWS2 {score_text(score)}", BANDS.get(score["band"], ""))

    def alerted(self, alert: dict):
        """True when this change of this alert is new."""
        with self.lock:
            known = self.alerts.get(alert["id"])
            if known and known["changeID"] == alert["changeID"]:
                return False
            self.alerts[alert["id"]] = {**alert, "seen": known["seen"] if known else time.monotonic(), "last": time.monotonic()}
            colour, mark = PRIORITIES.get(alert["priority"], ("", "*"))
            if alert["change"] in ("resolved", "cleared", "acknowledged", "responding"):
                colour = GREEN
            if alert["change"] not in ("suspected", "notified"):
                who = alert.get("patientName") or "the hub"
                self.tell(f"{mark.strip()} {alert['change']}: {RULES.get(alert['rule'], alert['rule'])}, {who}: {alert['text']}", colour)
            return True


def score_text(score: dict) -> str:
    if score["complete"]:
        text = str(score["low"])
    else:
        text = f"{score['low']}–{score['high']} ({len(score['missing'])} missing)"
    change = score.get("changeSinceLast")
    return text + (f" ({change:+d})" if change else "")


def trend(trail: list) -> str:
    """The last scores as a small curve."""
    marks = "▁▂▃▄▅▆▇█"
    return "".join(marks[min(7, value * 7 // 12)] for value in trail[-10:])


def width(text: str) -> int:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain)


def fit(text: str, columns: int) -> str:
    """Exactly so wide: cut, or filled with spaces."""
    if width(text) <= columns:
        return text + " " * (columns - width(text))
    result, used = "", 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", text):
        if part.startswith("\x1b"):
            result += part
            continue
        for character in part:
            if used >= columns - 1:
                return result + "…" + RESET
            result, used = result + character, used + width(character)
    return result


class LiveScreen(threading.Thread):
    """Draws the board in place, four times a second, on the alternate screen."""

    def __init__(self, board: Board):
        super().__init__(daemon=True)
        self.board, self.ended = board, threading.Event()

    def start(self):
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        super().start()

    def run(self):
        while not self.ended.wait(0.25):
            self.draw()

    def close(self):
        if not self.ended.is_set():
            self.ended.set()
            self.join(2)
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            sys.stdout.flush()

    def draw(self):
        size = shutil.get_terminal_size((100, 36))
        with self.board.lock:
            lines = self.lines(size.columns, size.lines)
        text = "\x1b[H" + "\n".join(fit(line, size.columns) + RESET for line in lines[: size.lines])
        sys.stdout.write(text + "\x1b[J")
        sys.stdout.flush()

    def lines(self, columns: int, rows: int) -> list[str]:
        board = self.board
        passed = time.monotonic() - board.started
        share = min(1, passed / board.length)
        bar = "━" * int(share * 30)
        result = [
            f"{BOLD}Knutepunkt: a street of six homes{RESET}   {CYAN}{bar}{DIM}{'─' * (30 - len(bar))}{RESET} {passed:3.0f} s   {board.phase}",
            "",
            f"{DIM}{fit('Resident', 16)}{fit('Home', 29)}{fit('NEWS2', 22)}Latest{RESET}",
        ]
        for resident in board.residents.values():
            score = resident.score
            badge = f"{DIM}–{RESET}"
            if score:
                badge = f"{BANDS.get(score['band'], '')}{BOLD}{score_text(score)}{RESET} {DIM}{trend(resident.trail)}{RESET}"
            result.append(f"{fit(resident.name, 15)} {DIM}{fit(resident.home, 28)}{RESET} {fit(badge, 21)} {resident.latest}")
        result += ["", f"{DIM}{fit('Alerts', 45)}{fit('State', 15)}Age{RESET}"]
        for alert in sorted(board.alerts.values(), key=lambda a: a["seen"])[-9:]:
            colour, mark = PRIORITIES.get(alert["priority"], ("", "*"))
            if alert["state"] in ("resolved", "cleared"):
                colour = DIM
            label = f"{mark} {RULES.get(alert['rule'], alert['rule'])}, {alert.get('patientName') or 'the hub'}"
            result.append(f"{colour}{fit(label, 44)}{RESET} {fit(alert['state'], 14)} {time.monotonic() - alert['seen']:4.0f} s")
        counts = board.counts
        result += [
            "",
            f"{DIM}Messages sent{RESET} {counts['sent']}   {DIM}records stored{RESET} {counts['stored']}   {DIM}resources at the hospital{RESET} {counts['fhir']}"
            f"   {DIM}events at the response centre{RESET} {counts['webhook']}   {DIM}waiting{RESET} {counts['pending']}",
            "",
        ]
        room = max(3, rows - len(result) - 1)
        for at, text, colour in board.story[-room:]:
            result.append(f"{DIM}{at:5.1f} s{RESET} {colour}{text}{RESET}")
        return result


class PlainScreen:
    """A line for each thing that happens, for pipes and logs."""

    def __init__(self, board: Board):
        self.board = board
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def start(self):
        self.board.listeners.append(self.line)

    def line(self, text: str, colour: str):
        passed = time.monotonic() - self.board.started
        print(f"{passed:6.1f} s  {text}", flush=True)

    def close(self):
        if self.line in self.board.listeners:
            self.board.listeners.remove(self.line)


def screen_for(board: Board):
    capable = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and "NO_COLOR" not in os.environ
    return LiveScreen(board) if capable else PlainScreen(board)
