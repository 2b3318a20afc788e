"""A journal of years: made by the benchmarks' program, which lets the core decide and the writer write every entry; and put back into the
tables of the release before, for trying the upgrade. Nothing of the product is imported here."""

from __future__ import annotations

from contextlib import closing
import os
from pathlib import Path
import sqlite3
import subprocess

# What version 3 did not have, and what it had (Sources/JournalFiles/Tables). A process test compares with what that program wrote.
LATER_TABLES = ("needed_entry", "needed_score", "passed", "retention", "clock_believed", "clock_doubt", "episode", "person_record")
LATER_COLUMNS = (
    ("clock_anchor", "begins_run"), ("clock_anchor", "id_epoch"), ("registry_change", "news2_from_day"), ("registry_change", "is_pregnant"),
)
MIGRATIONS = (
    "1: entries, outcomes, registry, outbox, access log",
    "2: alert transitions have a number, a bound and a second reason",
    "3: observations are found by looking back, not along chains",
)
PROGRAM = "0.3.0"


def make(file: Path, entries: int, days: int, program: Path):
    """`program`: Benchmarks, built beside the hub. Some two minutes for ten million entries."""
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(program), "years-journal", str(file), "--entries", str(entries), "--days", str(days)], check=True)
    # What lies beside it belongs to the process that wrote it.
    for suffix in (".ballast", ".writer"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)


def to_version_3(file: Path, passed: float = 0):
    """The hub has stopped. `passed`: the share of the entries that the older program's retention is said to have looked at and left,
    which the upgrade walks over."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN")
        for table in LATER_TABLES:
            db.execute(f"DROP TABLE {table}")
        for table, column in LATER_COLUMNS:
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute("DELETE FROM meta WHERE key = 'claim_key'")
        db.execute("CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        db.executemany("INSERT INTO grdb_migrations VALUES (?)", [(m,) for m in MIGRATIONS])
        if passed:
            last = db.execute("SELECT max(sequence) FROM entry").fetchone()[0]
            db.execute("UPDATE meta SET value = ? WHERE key = 'purged_through'", (int(last * passed),))
        db.execute("UPDATE run SET version = ?", (PROGRAM,))
        db.execute("UPDATE meta SET value = ? || substr(value, instr(value, ' ')) WHERE key = 'decider'", (PROGRAM,))
        db.execute("PRAGMA user_version = 3")
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def counts(file: Path) -> dict[str, int]:
    """What a journal holds, as numbers that an operation on it must leave as they are. Reads the whole file."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as db:
        one = lambda sql: db.execute(sql).fetchone()[0]  # noqa: E731
        return {
            "entries": one("SELECT count(*) FROM entry"), "observations": one("SELECT count(*) FROM observation"),
            "scores": one("SELECT count(*) FROM score"), "alerts": one("SELECT count(*) FROM alert"),
            "transitions": one("SELECT count(*) FROM alert_transition"), "people": one("SELECT count(*) FROM patient"),
            "devices": one("SELECT count(*) FROM device"), "access rows": one("SELECT count(*) FROM access_log"),
        }


def number(file: Path, sql: str):
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(sql).fetchone()[0]


def purged_through(file: Path) -> int:
    return number(file, "SELECT value FROM meta WHERE key = 'purged_through'")


def purgeable(file: Path, before: int) -> int:
    """How far retention comes when what is older than `before` (ms since 1970) may go: to the older snapshot at most. By halving."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as db:
        one = lambda sql, *more: db.execute(sql, more).fetchone()[0]  # noqa: E731
        low, high = 0, one("SELECT min(sequence) FROM snapshot")
        while low < high:
            middle = (low + high + 1) // 2
            if one("SELECT wall FROM entry WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1", middle) < before:
                low = middle
            else:
                high = middle - 1
        return low


def forget_pages(folder: Path):
    """The kernel no longer holds the files' pages in memory: the next start reads the disk, as after a power cut."""
    for file in folder.glob("*.sqlite*"):
        with file.open("rb") as open_file:
            os.fsync(open_file.fileno())
            os.posix_fadvise(open_file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sizes(file: Path) -> dict[str, int]:
    """Bytes of the journal and of its log."""
    log = Path(f"{file}-wal")
    return {"journal": file.stat().st_size, "log": log.stat().st_size if log.exists() else 0}
