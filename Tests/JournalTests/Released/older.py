#!/usr/bin/env python3
"""Writes version-2.sql.gz and version-1.sql.gz from version-3.sql.gz: the same life of a hub in the tables of those programs.

The programs of versions 1 and 2 cannot be built any more in reasonable time, so their files are made backwards from what a real hub of
version 3 wrote: each column and table that a later version added is taken out, each that it removed is put in again and filled by the rule
that the older program followed (git: JournalSchema.swift and JournalTransaction.swift of 0.1 and 0.2). From version 3 on, files are a real
program's own: make.py.
"""

import gzip
from pathlib import Path
import sqlite3

HERE = Path(__file__).resolve().parent


def load(version: int) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(gzip.decompress((HERE / f"version-{version}.sql.gz").read_bytes()).decode())
    return db


def write(version: int, db: sqlite3.Connection):
    lines = [f"PRAGMA application_id = {db.execute('PRAGMA application_id').fetchone()[0]};", f"PRAGMA user_version = {version};", *db.iterdump()]
    (HERE / f"version-{version}.sql.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))


def to_version_2(db: sqlite3.Connection):
    """Histories were chains: each observation names the person's one of the same code before it."""
    db.execute(
        "CREATE TABLE observation_latest (\n  patient INTEGER NOT NULL, code INTEGER NOT NULL, sequence INTEGER NOT NULL,"
        " PRIMARY KEY (patient, code)\n) STRICT, WITHOUT ROWID")
    rows = db.execute("SELECT o.sequence, e.patient, o.code FROM observation o JOIN entry e USING (sequence) ORDER BY sequence").fetchall()
    latest = {}
    for sequence, patient, code in rows:
        db.execute("UPDATE observation SET previous = ? WHERE sequence = ?", (latest.get((patient, code)), sequence))
        latest[patient, code] = sequence
    db.executemany("INSERT INTO observation_latest VALUES (?, ?, ?)", [(p, c, s) for (p, c), s in latest.items()])
    db.execute("DELETE FROM grdb_migrations WHERE identifier LIKE '3:%'")
    db.execute("UPDATE run SET version = '0.2.0'")
    db.execute("UPDATE meta SET value = replace(value, '0.3.0', '0.2.0') WHERE key = 'decider'")


def to_version_1(db: sqlite3.Connection):
    """Transitions had no number, bound or second reason, marks no count and time, devices no abilities."""
    dropped = {
        "alert_transition": ["revision", "upper", "also_rule", "also_value", "also_bound", "also_upper", "also_subject"],
        "entry": ["more_follows"], "alert_command": ["standing"], "device": ["abilities"], "registry_change": ["abilities"],
        "delivery_mark": ["taken", "wall"],
    }
    for table, columns in dropped.items():
        for column in columns:
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    db.execute("DELETE FROM counter WHERE name = 'alert'")
    db.execute("DELETE FROM meta WHERE key IN ('decider', 'journal_id')")
    db.execute("DELETE FROM grdb_migrations WHERE identifier LIKE '2:%'")
    db.execute("UPDATE run SET version = '0.1.0'")


if __name__ == "__main__":
    db = load(3)
    for version, change in ((2, to_version_2), (1, to_version_1)):
        change(db)
        db.commit()
        write(version, db)
