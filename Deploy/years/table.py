"""The rows of a run of years.py, for people: a line each while it runs, and a table at the end."""

from __future__ import annotations


def number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def against(row: dict, base: dict, what: str = "p99") -> str:
    """How many times the base's."""
    mine, idle = row["press"].get(what), base["press"].get(what)
    return f"{mine / idle:.1f}" if mine and idle else "–"


def line(row: dict, base: dict) -> str:
    press, store = row["press"], row["store"]
    return (
        f"{row['what']:<52} {number(row.get('took')):>6} s  start {number(row.get('start ms')):>6} ms  press p50 {number(press.get('p50'))} "
        f"p99 {number(press.get('p99'))} max {number(press.get('max'))} ms (x{against(row, base)} of {press['count']})  "
        f"store p99 {number(store.get('p99'))} ms  core {number(row['core MiB'])} MiB  machine {number(row['machine CPU'])} CPU")


def markdown(result: dict) -> str:
    rows = result["rows"]
    base = rows[0]
    lines = [
        f"{result['entries']} entries over {result['days']} days, {result['before']['scores']} scores, {result['before']['alerts']} alerts, "
        f"{result['before']['people']} people, {result['before']['devices']} devices. {result['presses']} presses and {result['readings']} "
        f"readings were sent meanwhile. First start {number(result['first start ms'])} ms.", "",
        "| Under traffic | took s | start ms | pressed meanwhile waited ms | press → webhook p50, p99, max ms | p99 against idle | stored by hand p50, p99, max ms "
        "| core MiB | command MiB | journal MB, log MB | machine CPU |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        press, store = row["press"], row["store"]
        three = lambda s: ", ".join(number(s.get(k)) for k in ("p50", "p99", "max"))  # noqa: E731
        lines.append(
            f"| {row['what']} | {number(row.get('took'))} | {number(row.get('start ms'))} | {number(row.get('waited ms'))} | {three(press)} | "
            f"{against(row, base)} | {three(store)} | {number(row['core MiB'])} | {number(row.get('command MiB'))} | "
            f"{row['journal'] / 1e6:.0f}, {row['log'] / 1e6:.0f} | {number(row['machine CPU'])} |")
    purged = [r for r in rows if "rows gone" in r]
    lines += [""] + [f"Purged: {r['rows gone']} observations in {r['took']:.0f} s, {r['entries a second']} a second." for r in purged]
    lines += [""] + ([f"NOT RIGHT: {fault}" for fault in result["wrong"]] or ["Nothing lost, told twice or given twice."])
    return "\n".join(lines) + "\n"
