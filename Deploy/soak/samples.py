"""What a long run measures each minute, and whether it stayed flat.

A row holds, for each role, private memory and resident memory (KiB), descriptors, threads, CPU seconds and the process id; the sizes of
the journal's files (bytes); the latencies since the last row (ms); and how much was sent and stored. `verdict` compares the rows with
bounds that are written here, beside their reasons. Growth is the median of all slopes between two rows of one process (Theil and Sen's),
times how long the run was: single bad minutes, which a fault made, do not move it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
import math
import os
from pathlib import Path
import statistics
import time

WAYS = ("call", "store", "value")  # press → webhook; value → PUBACK of the hub; value → FHIR server
TICK = os.sysconf("SC_CLK_TCK")


def of_process(pid: int) -> dict[str, float]:
    """nan for a process that is not there just now."""
    try:
        sizes = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, _, value = line.partition(":")
            sizes[name] = int(value.split()[0])
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return {
            "private": sizes["Private_Dirty"] + sizes["Private_Clean"], "rss": sizes["Rss"], "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(fields[17]), "cpu": (int(fields[11]) + int(fields[12])) / TICK, "pid": pid,
        }
    except (OSError, KeyError, ValueError):
        return {name: math.nan for name in ("private", "rss", "descriptors", "threads", "cpu", "pid")}


class Samples:
    """Takes rows and writes each to a CSV file at once, so that a run that is cut short keeps what it has."""

    def __init__(self, world, file: Path):
        self.world, self.file, self.began = world, file, time.monotonic()
        self.rows: list[dict[str, float]] = []

    def take(self):
        world = self.world
        row: dict[str, float] = {"seconds": round(time.monotonic() - self.began, 1)}
        for name in world.names:
            process = world.hub.processes.get(name)
            found = of_process(process.pid if process and process.poll() is None else -1)
            row |= {f"{name}.{what}": value for what, value in found.items()}
        for name, suffix in (("journal", ""), ("wal", "-wal"), ("ballast", ".ballast")):
            file = world.hub.state / f"journal.sqlite{suffix}"
            row[name] = file.stat().st_size if file.exists() else math.nan
        for way, latencies in zip(WAYS, (world.calls, world.stores, world.values)):
            row[f"{way}.p50"], row[f"{way}.p99"], row[f"{way}.max"], row[f"{way}.count"] = (round(v, 2) for v in latencies.take())
        row["sent"], row["acknowledged"] = world.ledger.sent, world.ledger.acknowledged.total()
        self.rows.append(row)
        is_new = not self.file.exists()
        with self.file.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if is_new:
                writer.writeheader()
            writer.writerow(row)


def read(file: Path) -> list[dict[str, float]]:
    with file.open(newline="") as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


# -- flat?

@dataclass
class Finding:
    what: str
    typical: float
    growth: float
    allowed: float
    unit: str

    @property
    def is_right(self) -> bool:
        return self.growth <= self.allowed

    def line(self) -> str:
        return f"  {'ok   ' if self.is_right else 'WRONG'} {self.what:28} {self.typical:12.1f} {self.unit:4} grows {self.growth:+10.1f} of {self.allowed:.1f} allowed"


def growth(rows: list[dict[str, float]], column: str, process: str | None = None) -> tuple[float, float]:
    """(median, growth over the run) of a column. With `process`, only rows of one and the same process are compared."""
    known = [r for r in rows if not math.isnan(r.get(column, math.nan))]
    if len(known) < 4:
        return math.nan, 0.0
    step = max(1, len(known) // 300)  # 300 rows are 45 000 pairs.
    known = known[::step]
    slopes = [
        (b[column] - a[column]) / (b["seconds"] - a["seconds"])
        for i, a in enumerate(known) for b in known[i + 1:]
        if b["seconds"] > a["seconds"] and (process is None or a[process] == b[process])
    ]
    span = known[-1]["seconds"] - known[0]["seconds"]
    return statistics.median(r[column] for r in known), statistics.median(slopes) * span if slopes else 0.0


def verdict(rows: list[dict[str, float]], roles: tuple[str, ...], warm_up: float = 0.25) -> list[Finding]:
    """Bounds on everything that must stay flat. `warm_up`: the share of the run that is left out, while caches fill."""
    rows = rows[int(len(rows) * warm_up):]
    findings = []

    def flat(what: str, column: str, share: float, least: float, unit: str, process: str | None = None):
        """It may grow by a share of what is usual, or by `least` where that is little."""
        usual, grown = growth(rows, column, process)
        if not math.isnan(usual):
            findings.append(Finding(what, usual, grown, max(usual * share, least), unit))

    for role in roles:
        # 10 %: malloc's arenas settle for hours. 4 MiB: what one large bundle and its answer take.
        flat(f"{role} private memory", f"{role}.private", 0.10, 4_096, "KiB", f"{role}.pid")
        # A connection to each destination and of each reader may be open or not.
        flat(f"{role} descriptors", f"{role}.descriptors", 0.05, 6, "", f"{role}.pid")
        flat(f"{role} threads", f"{role}.threads", 0.05, 3, "", f"{role}.pid")
    # The log is moved to the file at 8 MiB and never passes 32 MiB while nobody holds it.
    flat("write-ahead log", "wal", 0.5, 8 << 20, "B")
    for way, text in zip(WAYS, ("press → webhook p50", "value → PUBACK p50", "value → FHIR p50")):
        # Faults stand in the 99th percentile; half of all samples see none.
        flat(text, f"{way}.p50", 0.5, 25, "ms")
    # The file itself grows with what is stored, and each record costs the same at the end as at the beginning.
    costs = [
        {"seconds": b["seconds"], "cost": (b["journal"] - a["journal"]) / (b["acknowledged"] - a["acknowledged"])}
        for a, b in zip(rows[::6], rows[6::6]) if b["acknowledged"] > a["acknowledged"]
    ]
    usual, grown = growth(costs, "cost")
    if not math.isnan(usual):
        findings.append(Finding("journal, a message", usual, grown, max(usual * 0.25, 150), "B"))
    return findings
