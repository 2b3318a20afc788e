"""The rows of a long run as one page of SVG: a panel for each kind of quantity, over the same hours, with the faults as ticks below.

    /usr/bin/python3 Deploy/soak/plot.py samples.csv samples.svg
"""

from __future__ import annotations

from html import escape
import math
from pathlib import Path
import sys

import samples

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 960, 150, 70, 190, 46, 44
COLOURS = ("#1f4e79", "#b03a2e", "#1e8449", "#7d3c98", "#b7950b", "#566573")


def panels(roles: tuple[str, ...]) -> list[tuple]:
    """(title, unit, divisor, logarithmic, [(column, name)])"""
    return [
        ("Private memory", "MiB", 1_024, False, [(f"{r}.private", r) for r in roles]),
        ("Descriptors and threads", "", 1, False, [(f"{r}.descriptors", f"{r}: descriptors") for r in roles] + [(f"{r}.threads", f"{r}: threads") for r in roles]),
        ("Press to webhook", "ms", 1, True, [("call.p50", "p50"), ("call.p99", "p99")]),
        ("Value to the hub's PUBACK", "ms", 1, True, [("store.p50", "p50"), ("store.p99", "p99")]),
        ("Value to the FHIR server", "ms", 1, True, [("value.p50", "p50"), ("value.p99", "p99")]),
        ("Files", "MiB", 1 << 20, False, [("journal", "journal"), ("wal", "write-ahead log"), ("ballast", "ballast")]),
        ("CPU, of one processor", "%", 0.01, False, [(f"{r}.load", r) for r in roles]),
    ]


def with_load(rows: list[dict], roles: tuple[str, ...]) -> list[dict]:
    """CPU seconds a second since the row before, of the same process."""
    done = [dict(row) for row in rows]
    for role in roles:
        for before, row in zip([None] + done, done):
            same = before is not None and before[f"{role}.pid"] == row[f"{role}.pid"] and row["seconds"] > before["seconds"]
            row[f"{role}.load"] = (row[f"{role}.cpu"] - before[f"{role}.cpu"]) / (row["seconds"] - before["seconds"]) if same else math.nan
    return done


def steps(high: float) -> list[float]:
    """Three to six round numbers from 0 to at least `high`."""
    size = 10 ** math.floor(math.log10(high / 4)) if high > 0 else 1
    size = next(size * factor for factor in (1, 2, 5, 10) if high / (size * factor) <= 5)
    return [size * n for n in range(math.ceil(high / size) + 1)] if high > 0 else [0, 1]


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def panel(index: int, rows: list[dict], spec: tuple, hours: float) -> str:
    title, unit, divisor, logarithmic, columns = spec
    top = TOP + index * (PANEL + GAP)
    values = [row[c] / divisor for row in rows for c, _ in columns if not math.isnan(row.get(c, math.nan))]
    out = [f'<text x="{LEFT}" y="{top - 8}" font-weight="600">{escape(title)}{f" ({unit})" if unit else ""}</text>']
    if not values:
        return "\n".join(out + [f'<text x="{LEFT + 10}" y="{top + 30}" fill="#777">nothing measured</text>'])
    if logarithmic:
        low = 10 ** math.floor(math.log10(max(min(values), 0.1)))
        high = 10 ** math.ceil(math.log10(max(max(values), low * 10)))
        marks = [low * 10 ** n for n in range(round(math.log10(high / low)) + 1)]
        place = lambda v: top + PANEL * (1 - math.log10(max(v, low) / low) / math.log10(high / low))  # noqa: E731
    else:
        marks = steps(max(values))
        place = lambda v: top + PANEL * (1 - v / marks[-1])  # noqa: E731
    across = lambda seconds: LEFT + (WIDTH - LEFT - RIGHT) * seconds / 3_600 / hours  # noqa: E731
    for mark in marks:
        y = place(mark)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{number(mark)}</text>')
    for order, (column, name) in enumerate(columns):
        colour, pieces, piece = COLOURS[order % len(COLOURS)], [], []
        for row in rows:
            value = row.get(column, math.nan)
            if math.isnan(value):
                pieces, piece = pieces + [piece], []
            else:
                piece.append(f"{across(row['seconds']):.1f},{place(value / divisor):.1f}")
        for points in pieces + [piece]:
            if len(points) == 1:
                x, y = points[0].split(",")
                out.append(f'<circle cx="{x}" cy="{y}" r="1.5" fill="{colour}"/>')
            elif points:
                out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
        y = top + 12 + order * 17
        out.append(f'<line x1="{WIDTH - RIGHT + 12}" x2="{WIDTH - RIGHT + 32}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 38}" y="{y}">{escape(name)}</text>')
    return "\n".join(out)


def draw(rows: list[dict], roles: tuple[str, ...], faults: list[tuple[float, str]], title: str) -> str:
    rows = with_load(rows, roles)
    specs = panels(roles)
    hours = max(rows[-1]["seconds"] / 3_600, 1e-3) if rows else 1
    height = TOP + len(specs) * (PANEL + GAP) + 40
    bottom = TOP + len(specs) * (PANEL + GAP) - GAP
    across = lambda seconds: LEFT + (WIDTH - LEFT - RIGHT) * min(seconds / 3_600 / hours, 1)  # noqa: E731
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(title)}</text>',
    ]
    parts += [panel(index, rows, spec, hours) for index, spec in enumerate(specs)]
    for seconds, what in faults:
        x = across(seconds)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom + 8}" y2="{bottom + 18}" stroke="#b03a2e" stroke-opacity="0.6"><title>{escape(what)}</title></line>')
    parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{bottom + 17}">faults</text>')
    in_minutes = hours < 2
    for mark in steps(hours * (60 if in_minutes else 1)):
        x = across(mark * (60 if in_minutes else 3_600))
        if x <= WIDTH - RIGHT + 1 and mark <= hours * (60 if in_minutes else 1):
            parts.append(f'<text x="{x:.1f}" y="{bottom + 34}" text-anchor="middle" fill="#555">{number(mark)} {"min" if in_minutes else "h"}</text>')
    return "\n".join(parts + ["</svg>", ""])


def main():
    rows = samples.read(Path(sys.argv[1]))
    roles = tuple(name.removesuffix(".pid") for name in rows[0] if name.endswith(".pid"))
    Path(sys.argv[2]).write_text(draw(rows, roles, [], Path(sys.argv[1]).stem))


if __name__ == "__main__":
    main()
