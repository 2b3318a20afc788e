"""The long run in small: it runs, it says what is not flat, and its picture is one."""

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

import plot
import samples
import soak

ROLES = ("core", "forward", "console")


def rows(count: int = 120, **growing) -> list[dict[str, float]]:
    """A flat run of two hours; `growing` adds so much of a column at each row."""
    flat = {"seconds": 0.0, "journal": 1e6, "wal": 8e6, "ballast": 4e6, "sent": 0.0, "acknowledged": 0.0}
    for role in ROLES:
        flat |= {f"{role}.private": 20_000, f"{role}.rss": 60_000, f"{role}.descriptors": 40, f"{role}.threads": 12, f"{role}.cpu": 1.0, f"{role}.pid": 7}
    for way in samples.WAYS:
        flat |= {f"{way}.p50": 20.0, f"{way}.p99": 80.0, f"{way}.max": 100.0, f"{way}.count": 60}
    steps = {"seconds": 60, "journal": 360_000, "sent": 1_800, "acknowledged": 1_800} | {k.replace("__", "."): v for k, v in growing.items()}
    return [{name: value + n * steps.get(name, 0) + (n * 7 % 5) * 0.002 * value for name, value in flat.items()} for n in range(count)]


def wrong(of: list[dict[str, float]]) -> list[str]:
    return [finding.what for finding in samples.verdict(of, ROLES) if not finding.is_right]


def test_a_flat_run_is_flat():
    assert wrong(rows()) == []


@pytest.mark.parametrize("growing, what", [
    ({"core__private": 200}, "core private memory"), ({"forward__private": 200}, "forward private memory"),
    ({"core__descriptors": 0.2}, "core descriptors"), ({"console__threads": 0.1}, "console threads"), ({"wal": 200_000}, "write-ahead log"),
    ({"call__p50": 1}, "press → webhook p50"), ({"store__p50": 1}, "value → PUBACK p50"), ({"value__p50": 1}, "value → FHIR p50"),
])
def test_what_grows_is_found(growing, what):
    assert wrong(rows(**growing)) == [what]


def test_a_journal_that_costs_more_and_more_is_found():
    of = rows()
    for n, row in enumerate(of):
        row["journal"] += 3_000 * n * n
    assert wrong(of) == ["journal, a message"]


def test_bad_minutes_and_restarts_are_no_growth():
    of = rows()
    for n, row in enumerate(of):
        if n % 9 == 0:
            row["call.p50"], row["core.descriptors"] = 5_000, 90
        if n >= 60:
            # Started anew: its memory is not compared with that of the process before.
            row["core.pid"], row["core.private"] = 8, 30_000 + row["core.private"]
    of[30] |= {"core.private": math.nan, "core.descriptors": math.nan}
    assert wrong(of) == []


@pytest.mark.patient
@pytest.mark.timeout(900)
def test_a_minute_and_a_half_of_it(folder):
    result = soak.run(0.025, 3, folder / "soak", pause=10, every=3, say=lambda *_, **__: None)
    # Load on this machine is nobody's fault: latencies are judged in long runs.
    assert [w for w in result["wrong"] if "p50" not in w] == [], result
    assert result["figures"]["messages sent"] > 1_000 and sum(result["faults"].values()) >= 3, result
    picture = (folder / "soak/samples.svg").read_text()
    root = ElementTree.fromstring(picture)
    assert len(root.findall("{*}polyline")) >= 12, "memory, descriptors, latencies, files, CPU"
    assert "nothing measured" not in picture
    kept = samples.read(folder / "soak/samples.csv")
    assert len(kept) >= 20 and kept[-1]["sent"] == result["figures"]["messages sent"]
    assert json.loads((folder / "soak/verdict.json").read_text())["seed"] == 3
    assert plot.draw([], ROLES, [], "nothing").startswith("<svg")


def test_a_lost_value_makes_it_red(folder):
    def lose(world):
        key = next(k for k in world.ledger.taken if k[0] == "value")
        world.ledger.taken[key] += 1

    result = soak.run(0.004, 4, folder / "red", pause=60, every=1, say=lambda *_, **__: None, plant=lose)
    assert any(fault.startswith("values lost: 1") for fault in result["wrong"]), result
    assert "NOT RIGHT" in (folder / "red/samples.svg").read_text()
