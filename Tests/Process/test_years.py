"""What operations does to a hub of some years, in small and under traffic: nothing is lost and nobody is told twice. How long it takes is
measured by `make years` on a quiet machine; here a start is only compared with an empty hub's."""

from contextlib import closing
import gzip
import json
import sqlite3
import sys

import pytest

from support import ROOT, default_binary

sys.path.insert(0, str(ROOT / "Deploy/years"))
import aged  # noqa: E402
import years  # noqa: E402

BENCHMARKS = default_binary().parent / "Benchmarks"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A journal of sixty thousand entries."""
    file = tmp_path_factory.mktemp("made") / "journal.sqlite"
    aged.make(file, 60_000, 400, BENCHMARKS)
    return file


def tables(db) -> dict[str, list[tuple]]:
    """Columns of each table, and the indices."""
    names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {n: [c[1:] for c in db.execute(f"PRAGMA table_info({n})")] for n in names}
    found["indices"] = sorted(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    return found


def test_the_journal_for_the_upgrade_is_as_the_release_before_made_it(small, folder):
    file = folder / "journal.sqlite"
    file.write_bytes(small.read_bytes())
    aged.to_version_3(file)
    with closing(sqlite3.connect(file)) as mine, closing(sqlite3.connect(":memory:")) as released:
        released.executescript(gzip.decompress((ROOT / "Tests/JournalTests/Released/version-3.sql.gz").read_bytes()).decode())
        assert tables(mine) == tables(released)
        migrations = "SELECT identifier FROM grdb_migrations ORDER BY 1"
        assert mine.execute(migrations).fetchall() == released.execute(migrations).fetchall()
        keys = "SELECT key FROM meta WHERE key <> 'decider' ORDER BY 1"
        assert mine.execute(keys).fetchall() == released.execute(keys).fetchall()


def test_everything_that_is_done_to_a_hub_of_some_years(small, folder):
    empty = years.Years(folder / "empty", 1, 1, say=lambda *_: None)
    try:
        # Without people nobody can be asked for: the core alone.
        ready = years.Ready(empty.short / "ready")
        empty.hub.environment["NOTIFY_SOCKET"] = str(ready.path)
        began = years.time.monotonic()
        empty.hub.start("core", wait=False)
        quickest = ready.wait(empty.hub, 60) - began
        ready.close()
    finally:
        empty.close()
    result = years.run(folder / "years", 60_000, seed=11, seconds=2, passed=0.2, made=small, say=lambda *_: None)
    assert result["wrong"] == [], result["wrong"]
    assert result["presses"] > 100 and result["surplus"] == 0, result
    rows = {row["what"]: row for row in result["rows"]}
    for name in (
        "nothing else", "upgrade from the release before", "sizes grown", "sizes shrunk to what fits", "backup", "verify",
        "purge of all but 1 d", "restore", "start of the restored hub",
    ):
        assert name in rows, rows.keys()
    assert result["before"]["entries"] == 60_000 and rows["purge of all but 1 d"]["rows gone"] > 40_000
    for row in result["rows"]:
        # A loaded machine may be slow for a moment; a start that reads the whole journal is slow in each row.
        assert row.get("start ms", 0) < 10 * max(0.2, quickest) * 1_000, (row, quickest)
    assert json.loads((folder / "years/years.json").read_text())["entries"] == 60_000
    assert "Nothing lost, told twice or given twice." in (folder / "years/table.txt").read_text()


def test_a_press_that_is_told_twice_is_found(folder):
    homes = years.Homes(1, 1)
    try:
        homes.buttons, homes.sent[5] = {"D5": 5}, 1
        raised = {"kind": "raised", "rule": "sos", "device": "D5"}
        homes.sink.alerts = {"a": [raised]}
        assert homes.faults() == []
        homes.sink.alerts["b"] = [raised]
        assert homes.faults() == ["button 5 was pressed 1 times and told 2 times"]
        homes.sink.alerts = {"a": [raised, raised]}
        assert homes.faults() == ["one id was raised 2 times"]
        homes.sink.alerts = {}
        assert homes.faults() == ["button 5 was pressed 1 times and told 0 times"]
    finally:
        homes.close()
