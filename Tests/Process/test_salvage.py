"""A hub reads its own damaged journal into a fresh one while it works on: without room, with room that runs out in the middle, damaged while
it runs, and killed at each step. Alarms go on in all of it, and the loss is told."""

import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from support import LINKED, heard, numbered_temperatures, wait_for, wait_heard
from test_backup import furnish, home, press, raised, run, without_two_leaves
from test_store import fill, tmpfs

VALUES = 1_500


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "salvage_steps.so"
    compiler = shutil.which("clang") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("salvage_steps.c"), "-ldl"], check=True)
    return library


def filled(hub, bridge, receiver):
    """A hub at rest with an open call and many values; the call."""
    furnish(hub)
    hub.link_is_up()
    call = press(hub, bridge, receiver)
    for value in numbered_temperatures(VALUES):
        bridge.temperature("t1", value)
    hub.wait_stored(VALUES + 1, 60)
    hub.wait_delivered(60)
    assert hub.stop() == 0
    return call


def break_journal(hub):
    """Damaged where a start reads, in pages that hold nobody."""
    journal = hub.state / "journal.sqlite"
    journal.write_bytes(without_two_leaves(journal, "delivery_mark"))
    for suffix in ("-wal", "-shm"):
        (hub.state / f"journal.sqlite{suffix}").unlink(missing_ok=True)
    return journal.read_bytes()


def start(hub):
    hub.start()
    hub.link_is_up()
    assert hub.status()["store"] == "emergency", hub.status()


def note(hub, words, seconds=40):
    wait_for(lambda: any(words in n for n in hub.status()["notes"]), seconds, f"a note: {words}")
    return next(n for n in hub.status()["notes"] if words in n)


def nothing_is_left(hub):
    return [f.name for f in hub.state.iterdir() if ".salvag" in f.name or f.name.startswith("damaged-") or ".exchange" in f.name] == []


def goes_on_from_the_fresh_one(hub, bridge, receiver, call):
    """After a restart: all values, everybody, and the call from before the damage."""
    assert hub.stop() == 0
    hub.start()
    hub.link_is_up()
    assert hub.status()["store"] != "emergency" or "TOO OLD" in hub.status()["summary"], hub.status()
    assert len(hub.values("temperature")) == VALUES
    assert call in {a["id"] for a in hub.open_alerts() if a["rule"] == "sos"}
    assert [p["name"] for p in hub.get("/v1/patients")] == ["Kari Nordmann"]
    assert press(hub, bridge, receiver)


def test_no_room_for_the_fresh_one(make_hub, broker, bridge, receiver, folder):
    with tmpfs(folder / "disk", "48m") as disk:
        hub = home(make_hub, broker, receiver, state=disk / "state")
        filled(hub, bridge, receiver)
        broken = break_journal(hub)
        start(hub)
        assert press(hub, bridge, receiver)
        told = note(hub, "could not be exchanged")
        assert "MiB are free" in told and "knutepunkt salvage or a backup" in told, told
        wait_heard(receiver, "journalLost")
        assert nothing_is_left(hub) and (hub.state / "journal.sqlite").read_bytes() == broken
        assert press(hub, bridge, receiver)
        # With room, the next start does it.
        hub.stop()
        subprocess.run(["mount", "-o", "remount,size=256m", str(disk)], check=True)
        start(hub)
        note(hub, "in its place")
        hub.stop()


@pytest.mark.parametrize("left", [20 << 20, 0], ids=["less than is left to the hub", "none at all"])
def test_room_runs_out_in_the_middle(make_hub, broker, bridge, receiver, folder, steps, left):
    """Somebody else fills the disk after it has begun. The hub's own emergency journal is on it, and comes first."""
    with tmpfs(folder / "disk", "160m") as disk:
        hub = home(make_hub, broker, receiver, state=disk / "state")
        filled(hub, bridge, receiver)
        broken = break_journal(hub)
        log = folder / "steps"
        hub.environment = {
            "LD_PRELOAD": str(steps), "SALVAGE_STEP": "8", "SALVAGE_SIGNAL": str(int(signal.SIGSTOP)), "SALVAGE_LOG": str(log)}
        hub.start(wait=False)
        process = hub.processes["all"]
        wait_for(lambda: log.exists() and log.read_text().count("\n") >= 8, 60, "it has begun")
        wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", 20, "it is stopped")
        if left:
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            with (disk / "hog").open("wb") as hog:
                os.posix_fallocate(hog.fileno(), 0, free - left)
        else:
            fill(disk)
        process.send_signal(signal.SIGCONT)
        hub.wait_ready()
        hub.environment = {}
        hub.link_is_up()
        assert press(hub, bridge, receiver)
        told = note(hub, "could not be exchanged")
        assert "left to the hub" in told or "full" in told or "space" in told, told
        wait_heard(receiver, "journalLost")
        assert nothing_is_left(hub) and (hub.state / "journal.sqlite").read_bytes() == broken
        assert press(hub, bridge, receiver)
        if left:
            # The emergency's journal had room all the while.
            bridge.temperature("t1", "40.0")
            emergency = hub.state / "journal.emergency-1.sqlite"
            wait_for(lambda: hub.sql("SELECT count(*) FROM observation", file=emergency)[0][0] >= 1, 20, "values are stored")
        hub.stop()
        (disk / "hog").unlink()
        start(hub)
        note(hub, "in its place")
        hub.stop()


def damage_while_it_runs(hub, table):
    """The pages are changed below the hub's hands; its own file stays the same one."""
    journal = hub.state / "journal.sqlite"
    wait_for(lambda: (hub.state / "journal.sqlite-wal").stat().st_size == 0, 30, "all is in the file")
    sound, broken = journal.read_bytes(), without_two_leaves(journal, table)
    with journal.open("r+b") as file:
        for at in range(0, len(sound), 4096):
            if sound[at : at + 4096] != broken[at : at + 4096]:
                file.seek(at)
                file.write(broken[at : at + 4096])
        os.fsync(file.fileno())


def test_damaged_while_it_runs_and_found_by_who_reads(make_hub, broker, bridge, receiver):
    """Nothing reads those pages but the proof of the access log. Who asks for it finds out; till then all goes on, and after it."""
    hub = home(make_hub, broker, receiver)
    furnish(hub)
    hub.link_is_up()
    call = press(hub, bridge, receiver)
    for number in range(250):
        hub.enter(hub.patient, temperature=f"36.{number % 10}")
    assert hub.get("/v1/audit/verify")["intact"]
    assert hub.stop() == 0
    hub.start()
    hub.link_is_up()
    damage_while_it_runs(hub, "access_log")
    assert press(hub, bridge, receiver)
    assert hub.status()["store"] == "writing", "nobody has read it yet"
    for _ in range(3):
        assert hub.api("GET", "/v1/audit/verify")[0] != 200
    wait_heard(receiver, "journalLost", seconds=40)
    meanwhile = press(hub, bridge, receiver)
    told = note(hub, "in its place")
    assert "access_log" in told, told
    assert press(hub, bridge, receiver) != meanwhile
    assert hub.stop() == 0
    hub.start()
    hub.link_is_up()
    assert len(hub.values("temperature")) == 250
    calls = {a["id"] for a in hub.open_alerts() if a["rule"] == "sos"}
    assert call in calls and len(calls) >= 3
    assert not hub.get("/v1/audit/verify")["intact"], "what is missing of the access log stays visible"
    assert press(hub, bridge, receiver)


def test_damaged_and_found_by_the_retention(make_hub, broker, bridge, receiver):
    """What is only removed again is read by nobody else: the retention must not keep it to itself."""
    hub = home(make_hub, broker, receiver)
    call = filled(hub, bridge, receiver)
    journal = hub.state / "journal.sqlite"
    day = 86_400_000
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE entry SET wall = wall - ?", (3 * day,))
        db.execute("UPDATE outcome SET wall = wall - ?", (3 * day,))
    db.close()
    for _ in range(3):
        # Nothing is removed that one of the last two snapshots needs.
        hub.start()
        assert hub.stop() == 0
    journal.write_bytes(without_two_leaves(journal, "observation"))
    hub.configuration["journal"] = {**hub.configuration.get("journal", {}), "retention": "1d"}
    hub.write_configuration()
    hub.start()
    hub.link_is_up()
    assert press(hub, bridge, receiver)
    wait_heard(receiver, "journalLost", seconds=60)
    assert press(hub, bridge, receiver)
    note(hub, "in its place")
    hub.stop()
    assert call


def test_killed_at_each_step(make_hub, broker, bridge, receiver, folder, steps):
    """Whatever a kill leaves, the next start goes on: alarms at once, and at the end the fresh journal with everything."""
    hub = home(make_hub, broker, receiver)
    call = filled(hub, bridge, receiver)
    broken = break_journal(hub)
    pristine = folder / "pristine"
    shutil.copytree(hub.state, pristine)

    def begin_anew():
        shutil.rmtree(hub.state)
        shutil.copytree(pristine, hub.state)
        shutil.rmtree(hub.runtime, ignore_errors=True)
        hub.runtime.mkdir()

    log = folder / "steps"
    hub.environment = {"LD_PRELOAD": str(steps), "SALVAGE_LOG": str(log)}
    start(hub)
    note(hub, "in its place")
    hub.stop()
    lines = log.read_text().splitlines()
    kinds = {line.split()[1] for line in lines}
    assert {"rename", "mkdir", "unlink", "fsync", "write"} <= kinds | {"fdatasync"}, lines
    # Each change of a name, and of the many writes and flushes some.
    names = [n for n, line in enumerate(lines, 1) if line.split()[1] in ("rename", "mkdir", "unlink")]
    chosen = sorted({*names, *range(2, len(lines), max(1, len(lines) // 6))})
    for number in chosen:
        begin_anew()
        hub.environment = {"LD_PRELOAD": str(steps), "SALVAGE_STEP": str(number), "SALVAGE_SIGNAL": str(int(signal.SIGKILL))}
        hub.start(wait=False)
        assert hub.processes["all"].wait(60) == -signal.SIGKILL, f"step {number}: {lines[number - 1]}"
        hub.processes.clear()
        hub.environment = {}
        what = f"killed before step {number}, {lines[number - 1]}"
        hub.start()
        wait_for(lambda: hub.status()["links"][0]["state"] == "connected", LINKED, "the link is up")
        assert press(hub, bridge, receiver), what
        if hub.status()["store"] == "emergency" and not "TOO OLD" in hub.status()["summary"]:
            note(hub, "in its place")
            assert hub.stop() == 0
            hub.start()
        assert len(hub.values("temperature")) == VALUES, what
        assert call in {a["id"] for a in hub.open_alerts() if a["rule"] == "sos"}, what
        kept = [*hub.state.glob("damaged-*/journal.sqlite")]
        assert [file.read_bytes() for file in kept] == [broken], what
        left = [f.name for f in hub.state.iterdir() if ".salvag" in f.name or ".exchange" in f.name]
        assert left == [], what
        assert hub.stop() == 0
