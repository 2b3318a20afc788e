"""`make bench-peers`: the hub beside what PyPI offers for the same work, in one run on one machine, as a table in Markdown.

Two comparisons. The road: MQTT in, store, another system out, of this hub and of thingsboard-gateway (road.py). The score: NEWS2 of the
same thousand sets of vital signs by `knutepunkt score`, vitalscore, zen-engine and clipspy (scores.py). A peer that is not installed is in
the table as not run. Figures are information; the program fails only when the hub itself could not be measured.

    /usr/bin/python3 Deploy/bench/peers.py [--only road|scores] [--binary FILE] [--markdown FILE] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import road
import scores

VENVS = road.ROOT / ".build-venv"
SETS = 1_000


def python_of(peer: str) -> Path | None:
    """The peer's own Python, when requirements.sh could install it."""
    folder = VENVS / f"peer-{peer}"
    return folder / "bin/python" if (folder / ".stamp").exists() else None


def requirement_of(peer: str) -> str:
    lines = (VENVS / f"peer-{peer}" / ".stamp").read_text().splitlines()
    return lines[-1].replace("==", " ")


# -- tables


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["--:"] * (len(header) - 1)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(figure: float, other: float) -> str:
    if not other or math.isnan(other):
        return ""
    ratio = figure / other
    return f" ({ratio:.2g} ×)" if ratio < 100 else f" ({ratio:.0f} ×)"


def milliseconds(seconds: float) -> str:
    return "–" if math.isnan(seconds) else f"{seconds * 1e3:.0f} ms" if seconds >= 0.1 else f"{seconds * 1e3:.1f} ms"


ROAD_HEADER = ["", "CPU a message", "p50", "p99", "private memory", "resident", "missing after kill -9", "ready again"]


def road_rows(binary: Path, say) -> tuple[list[list[str]], dict]:
    gateway = python_of("gateway")
    runs = [
        ("knutepunkt, core alone: durable", lambda f, b: road.Knutepunkt(f, b, binary, delivers=False)),
        ("knutepunkt, all roles: durable, out as FHIR", lambda f, b: road.Knutepunkt(f, b, binary, delivers=True)),
    ]
    if gateway:
        runs += [
            (f"{requirement_of('gateway')}, store `{storage}`", lambda f, b, s=storage: road.ThingsBoard(f, b, gateway, s))
            for storage in ("memory", "sqlite")
        ]
    found: dict[str, road.Result] = {}
    failed: dict[str, str] = {}
    for name, make in runs:
        say(f"{name} …")
        with tempfile.TemporaryDirectory(prefix="kp-road-") as folder:
            try:
                found[name] = road.run(make, Path(folder))
            except (OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
                if name.startswith("knutepunkt"):
                    raise
                failed[name] = str(error).splitlines()[0]
    whole = found["knutepunkt, all roles: durable, out as FHIR"]
    rows = []
    for name, r in found.items():
        with_ratio = not name.startswith("knutepunkt")
        rows.append([
            name, f"{r.cpu_microseconds:.0f} µs" + (ratio(r.cpu_microseconds, whole.cpu_microseconds) if with_ratio else ""),
            milliseconds(r.latency(50)) + (ratio(r.latency(50), whole.latency(50)) if with_ratio else ""), milliseconds(r.latency(99)),
            f"{r.memory['Private'] / 1e6:.0f} MB", f"{r.memory['Rss'] / 1e6:.0f} MB", f"{r.missing} of {r.acknowledged}",
            f"{r.ready_again_seconds:.1f} s",
        ])
    rows += [[name, f"not run: {why}"] + [""] * (len(ROAD_HEADER) - 2) for name, why in failed.items()]
    if not gateway:
        rows.append(["thingsboard-gateway", "not run: not installed"] + [""] * (len(ROAD_HEADER) - 2))
    as_json = {
        name: {
            "cpuMicrosecondsAMessage": r.cpu_microseconds, "p50Seconds": r.latency(50), "p99Seconds": r.latency(99), "memory": r.memory,
            "acknowledged": r.acknowledged, "missing": r.missing, "readyAgainSeconds": r.ready_again_seconds,
        } for name, r in found.items()
    }
    return rows, as_json | {name: {"notRun": why} for name, why in failed.items()}


SCORE_HEADER = ["", "agrees with knutepunkt", "CPU a score"]


def score_rows(binary: Path, say) -> tuple[list[list[str]], dict]:
    sets = scores.vital_sets(SETS)
    say("knutepunkt score …")
    ours = scores.ours(binary, sets)
    rows = [["knutepunkt score, JSON text in and out", "–", f"{ours['microseconds']:.1f} µs"]]
    as_json = {"knutepunkt": ours["microseconds"]}
    for name, words in (("vitalscore", "its own NEWS2"), ("zen", "the chart as expressions"), ("clips", "the chart as rules")):
        python = python_of(name)
        if not python:
            rows.append([name, "not run: not installed", ""])
            continue
        say(f"{name} …")
        try:
            theirs = scores.theirs(name, python, sets)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            rows.append([requirement_of(name), f"not run: {error}", ""])
            continue
        agree = sum(a == b for a, b in zip(ours["totals"], theirs["totals"]))
        spent = theirs["microseconds"]
        rows.append([
            f"{requirement_of(name)}, {words}, values in memory", f"{agree} of {SETS}", f"{spent:.1f} µs{ratio(spent, ours['microseconds'])}"])
        as_json[name] = {"agree": agree, "microseconds": spent}
    return rows, as_json


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))), "unknown processor")
    count = sum(line.startswith("processor") for line in lines)
    release = Path("/proc/sys/kernel/osrelease").read_text().strip().split("-")[0]
    return f"{count} × {model}, Linux {release}, Python {sys.version.split()[0]}, load {Path('/proc/loadavg').read_text().split()[0]} at the start"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("road", "scores"))
    parser.add_argument("--binary", type=Path, default=road.ROOT / ".build/release/knutepunkt")
    parser.add_argument("--markdown", type=Path, default=road.ROOT / ".build/bench/peers.md")
    parser.add_argument("--json", type=Path, default=road.ROOT / ".build/bench/peers.json")
    options = parser.parse_args()

    def say(text: str):
        print(text, file=sys.stderr, flush=True)

    parts, results, began = [machine() + ".", ""], {}, time.monotonic()
    if options.only != "scores":
        rows, results["road"] = road_rows(options.binary, say)
        parts += [
            f"The road: {road.RATE} messages a second from {road.PEOPLE} devices, each with four vital signs and QoS 1, for {road.MEASURED_SECONDS} s"
            f" after {road.WARM_UP_SECONDS} s; then kill -9, a new start at once, {road.AFTER_KILL_SECONDS} s more. Ratios: to knutepunkt with all"
            " roles.", "", table(ROAD_HEADER, rows), "",
        ]
    if options.only != "road":
        rows, results["scores"] = score_rows(options.binary, say)
        parts += [f"The score: {SETS} random sets of vital signs, {scores.ROUNDS} times, warm.", "", table(SCORE_HEADER, rows), ""]
    text = "\n".join(parts)
    for file, content in ((options.markdown, text), (options.json, json.dumps(results, indent=1) + "\n")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    print(text)
    say(f"{time.monotonic() - began:.0f} s; written to {options.markdown} and {options.json}")


if __name__ == "__main__":
    main()
