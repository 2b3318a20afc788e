"""A hub on the journal of an earlier release: it goes on with its people, its open call and what waits; killed on the way it goes on from there;
a journal that is newer than the program is left as it is; a full disk is no reason to be silent."""

from contextlib import closing
import gzip
from pathlib import Path
import shutil
import signal
import sqlite3
from uuid import uuid4

import pytest

from support import ROOT, escalation, hospital, wait_for, webhook
from test_journal_loss import files, is_loud, links_up, press_is_told, start_without_journal
from test_store import fill, tmpfs

RELEASED = ROOT / "Tests/JournalTests/Released"

# The version of the journal's file that this program writes.
VERSION = 5


def put(hub, version: int) -> Path:
    """The journal of that version in the hub's place."""
    path = hub.state / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(gzip.decompress((RELEASED / f"version-{version}.sql.gz").read_bytes()).decode())
        # A hub of its own: the one of the file may run elsewhere on this machine, and one hub runs once.
        db.execute("UPDATE meta SET value = ? WHERE key = 'hub_id'", (str(uuid4()),))
    path.chmod(0o600)
    return path


def make(make_hub, broker, receiver, version, **sections):
    hub = make_hub(
        broker, [webhook(receiver), hospital(receiver)], start=False, escalation=escalation("nurses"),
        realtime={"patientsMax": 8, "devicesMax": 16, "alertsMax": 16}, **sections)
    put(hub, version)
    return hub


def grow(path: Path, entries: int):
    """Old samples that retention passed by, so that the way to this version has many steps."""
    with closing(sqlite3.connect(path)) as db, db:
        last, instant, wall = db.execute("SELECT sequence, instant, wall FROM entry ORDER BY sequence DESC LIMIT 1").fetchone()
        columns = len(db.execute("SELECT * FROM entry LIMIT 1").description)
        rows = ((last + n, instant, wall, None, 1, 2, 1, 1, 0, 0)[:columns] for n in range(1, entries + 1))
        db.executemany(f"INSERT INTO entry VALUES ({','.join('?' * columns)})", rows)
        db.execute(
            "INSERT INTO observation (sequence, code, mantissa, exponent, unit, quality, origin)"
            " SELECT sequence, 150456, 97, 0, 1, 0, 0 FROM entry WHERE sequence > ?", (last,))
        db.execute("UPDATE snapshot SET sequence = sequence + ?", (entries,))
        db.execute("UPDATE meta SET value = ? WHERE key = 'purged_through'", (last + entries - 200,))


def standing(path: Path) -> tuple[int, str | None]:
    """The file's version, and the row of a migration that is not finished."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        row = db.execute("SELECT value FROM meta WHERE key = 'migration'").fetchone()
        return db.execute("PRAGMA user_version").fetchone()[0], row and row[0]


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_journal_of_an_earlier_release_goes_on(make_hub, broker, bridge, receiver, version):
    hub = make(make_hub, broker, receiver, version)
    with closing(sqlite3.connect(hub.state / "journal.sqlite")) as db:
        open_call = db.execute("SELECT id FROM alert WHERE is_open = 1 AND rule = 1").fetchone()[0]
        entries = db.execute("SELECT count(*) FROM observation").fetchone()[0]
    hub.start()
    links_up(hub)
    assert {p["name"] for p in hub.get("/v1/patients")} == {"Kari Nordmann", "Ola Nordmann", "Eva Hansen"}
    assert open_call in {a["id"] for a in hub.open_alerts()}
    alarm = press_is_told(hub, bridge, receiver)
    assert alarm != open_call
    hub.alert_action(open_call, "acknowledge")
    assert hub.sql("SELECT count(*) n FROM observation")[0]["n"] >= entries
    assert hub.command("audit", "verify").returncode == 0
    wait_for(lambda: hub.sql("SELECT count(*) n FROM outbox o JOIN destination d ON d.number = o.destination WHERE d.name = 'hospital'")[0]["n"] == 0, 60, "what waited is delivered")
    assert standing(hub.state / "journal.sqlite") == (VERSION, None)


@pytest.mark.timeout(600)
def test_killed_on_the_way_it_goes_on_from_there(make_hub, broker, bridge, receiver):
    hub = make(make_hub, broker, receiver, 3)
    path = hub.state / "journal.sqlite"
    grow(path, 400_000)
    seen = set()
    for _ in range(12):
        hub.start(wait=False)
        process = hub.processes["all"]
        before = standing(path)

        def moved():
            try:
                return process.poll() is not None or standing(path) != before
            except sqlite3.OperationalError:
                return False

        wait_for(moved, 60, "a step is done")
        assert process.poll() is None, hub.log_tail("all", 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        hub.processes.pop("all")
        now = standing(path)
        seen.add(now)
        if now == (VERSION, None):
            break
    assert any(row for _, row in seen), "it was never met half way"
    hub.start(wait=False)
    hub.wait_ready(seconds=180)
    assert standing(path) == (VERSION, None)
    links_up(hub)
    press_is_told(hub, bridge, receiver)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM passed").fetchone()[0] >= 399_000
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_newer_journal_is_left_as_it_is_and_alarms_go_on(make_hub, broker, bridge, receiver):
    hub = make(make_hub, broker, receiver, 3)
    hub.start()
    links_up(hub)
    press_is_told(hub, bridge, receiver)
    hub.kill()
    # A newer program was killed, too: its number stands in the log.
    db = sqlite3.connect(hub.state / "journal.sqlite", isolation_level=None)
    db.execute("PRAGMA user_version = 99")
    saved = {file: file.read_bytes() for file in files(hub)}
    db.close()
    for file, content in saved.items():
        file.write_bytes(content)
    start_without_journal(hub)
    links_up(hub)
    is_loud(hub, receiver)
    assert "version 99" in hub.status()["storeError"]
    press_is_told(hub, bridge, receiver)
    assert {file: file.read_bytes() for file in files(hub)} == saved


def test_a_full_disk_on_the_way_is_no_silence(make_hub, broker, bridge, receiver, folder):
    with tmpfs(folder / "disk", "48m") as disk:
        hub = make(make_hub, broker, receiver, 3, state=disk / "state")
        path = hub.state / "journal.sqlite"
        # The earlier program's copy of the registry, which has who lives here.
        shutil.copy(path, hub.state / "registry.sqlite")
        with closing(sqlite3.connect(hub.state / "registry.sqlite")) as db:
            db.execute("PRAGMA journal_mode = DELETE")
        grow(path, 120_000)
        # Its log and index lie beside the file, as a program leaves them.
        with closing(sqlite3.connect(path)) as keeper:
            keeper.execute("SELECT count(*) FROM entry").fetchone()
            keeper.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            hog = fill(disk)
            start_without_journal(hub)
            links_up(hub)
            version, row = standing(path)
            assert row or version == 3, "it could not be finished"
            assert hub.status()["store"] == "emergency" and "no room" in hub.status()["storeError"], hub.status()["storeError"]
            press_is_told(hub, bridge, receiver)
            hub.stop()
        hog.unlink()
        hub.start()
        assert standing(path) == (VERSION, None)
        links_up(hub)
        press_is_told(hub, bridge, receiver)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert db.execute("SELECT count(*) FROM passed").fetchone()[0] >= 119_000
