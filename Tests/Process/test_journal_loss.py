"""The journal is missing, empty, damaged, foreign, newer or read-only at start, or taken away under a running hub: alarms go on at
once, with the people who were known, loudly; nothing is acknowledged into a file without a name; the lost file is never touched."""

import http.client
import os
import random
import shutil
import sqlite3
import subprocess

import pytest

from support import LINKED, PULSE, as_root, escalation, free_port, heard, wait_for, wait_heard, webhook
from test_store import tmpfs


def home(make_hub, broker, receiver, **sections):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"), **sections)
    hub.patient = hub.person("Kari Nordmann")
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.patient)
    hub.device("bridge/thermometer", "t1", hub.patient)
    return hub


def files(hub):
    return [hub.state / ("journal.sqlite" + suffix) for suffix in ("", "-wal", "-shm")]


def start_without_journal(hub):
    """Ready it is not, and says so; but it answers."""
    hub.start(wait=False)

    def answers():
        hub.assert_running()
        try:
            return hub.api("GET", "/livez", timeout=2)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    wait_for(answers, 60, "the hub lives without its journal")


def links_up(hub):
    hub.link_is_up()
    wait_for(lambda: hub.status()["roles"].get("forward") == "connected", 30, "the forward role listens")


def press_is_told(hub, bridge, receiver):
    before = {e["alertId"] for e in heard(receiver, rule="sos", kind="raised")}
    bridge.sos("sos1")
    wait_for(lambda: {e["alertId"] for e in heard(receiver, rule="sos", kind="raised")} - before, 20, "the press is told")
    return ({e["alertId"] for e in heard(receiver, rule="sos", kind="raised")} - before).pop()


def is_loud(hub, receiver):
    status = hub.status()
    assert status["store"] == "emergency" and status["storeError"], status
    assert "JOURNAL LOST" in status["summary"]
    code, text = hub.api("GET", "/readyz")
    assert code == 503 and "JOURNAL LOST" in text, text
    wait_heard(receiver, "journalLost")


def empty(hub):
    for file in files(hub):
        file.unlink(missing_ok=True)


def text(hub):
    empty(hub)
    files(hub)[0].write_text("this is no database\n" * 500)


def foreign(hub):
    empty(hub)
    with sqlite3.connect(files(hub)[0]) as db:
        db.execute("CREATE TABLE x (y)")
        db.execute("PRAGMA application_id = 7")
    db.close()


def newer(hub):
    with sqlite3.connect(files(hub)[0]) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def zero(hub):
    empty(hub)
    files(hub)[0].touch()


def damaged(hub):
    """All but the first page is garbage."""
    size = files(hub)[0].stat().st_size
    for file in files(hub)[1:]:
        file.unlink(missing_ok=True)
    with files(hub)[0].open("r+b") as file:
        for offset in range(4096, size, 4096):
            file.seek(offset)
            file.write(random.Random(offset).randbytes(2048))


def folder_in_its_place(hub):
    empty(hub)
    files(hub)[0].mkdir()


def another_hubs(hub):
    """A sound journal, but of somebody else's people."""
    empty(hub)
    other = type(hub)(hub.folder / "other", free_port())
    other.start()
    other.person("Ola Other")
    assert other.stop() == 0
    for file, place in zip(files(other), files(hub)):
        if file.exists():
            shutil.copy(file, place)


def pipe(hub):
    """Opening it for reading waits for ever."""
    empty(hub)
    os.mkfifo(files(hub)[0])


def dangling(hub):
    empty(hub)
    files(hub)[0].symlink_to("/nonexistent/journal.sqlite")


def not_mounted(hub):
    """The state folder's disk is away: an empty folder is in its place."""
    shutil.move(hub.state, hub.folder / "disk")
    hub.state.mkdir()


@pytest.mark.parametrize("how", [empty, zero, text, foreign, newer, damaged, folder_in_its_place, another_hubs, pipe, dangling, not_mounted], ids=lambda f: f.__name__)
def test_a_start_without_the_journal(make_hub, broker, bridge, receiver, how):
    hub = home(make_hub, broker, receiver)
    first = press_is_told(hub, bridge, receiver)
    hub.alert_action(hub.alert("sos")["id"], "acknowledge")
    assert hub.stop() == 0
    how(hub)
    broken = files(hub)[0].read_bytes() if files(hub)[0].is_file() else None
    start_without_journal(hub)
    links_up(hub)
    assert [p["name"] for p in hub.get("/v1/patients")] == ["Kari Nordmann"]
    is_loud(hub, receiver)
    alarm = press_is_told(hub, bridge, receiver)
    assert alarm != first, "a new press is no known alarm"
    event = [e for e in heard(receiver, rule="sos") if e["alertId"] == alarm][0]
    assert "Kari Nordmann" in str(event), "and it says whose it is"
    # It can be acted on, and a restart goes on with it.
    wait_for(lambda: alarm in {a["id"] for a in hub.open_alerts()}, 20, "the alarm is on the list")
    hub.alert_action(alarm, "acknowledge")
    assert hub.stop() == 0
    start_without_journal(hub)
    assert alarm in {a["id"] for a in hub.open_alerts()}
    assert (files(hub)[0].read_bytes() if files(hub)[0].is_file() else None) == broken, "the lost file is untouched"
    assert hub.stop() == 0


def test_a_call_that_nobody_had_taken_is_raised_again(make_hub, broker, bridge, receiver):
    hub = home(make_hub, broker, receiver)
    first = press_is_told(hub, bridge, receiver)
    hub.alert("sos", id=first)
    hub.stop()
    empty(hub)
    start_without_journal(hub)
    wait_for(lambda: {e["alertId"] for e in heard(receiver, rule="sos", kind="raised")} - {first}, 30, "the open call is told again")


def test_the_journal_comes_back(make_hub, broker, bridge, receiver):
    hub = home(make_hub, broker, receiver)
    bridge.temperature("t1", "36.5")
    hub.wait_stored(1)
    hub.stop()
    for file in files(hub):
        file.rename(str(file) + ".away")
    start_without_journal(hub)
    links_up(hub)
    bridge.temperature("t1", "37.5")
    emergency = hub.state / "journal.emergency-1.sqlite"
    wait_for(lambda: hub.sql("SELECT count(*) FROM observation", file=emergency)[0][0] == 1, 20, "what comes in is stored apart")
    ola = hub.person("Ola Nordmann")
    hub.device("zigbee2mqtt/sos-button", "sos2", ola)
    hub.plan(ola, {"kind": "oxygen", "oxygen": "air"})
    hub.stop()
    for file in files(hub):
        os.rename(str(file) + ".away", file)
    hub.start()
    assert hub.status()["store"] == "writing"
    assert hub.values("temperature") == ["36.5"]
    kept = hub.state / "journal.kept-1.sqlite"
    assert hub.sql("SELECT count(*) FROM observation", file=kept)[0][0] == 1, "it is kept"
    assert any("journal.kept-1.sqlite" in note for note in hub.status()["notes"]), hub.status()["notes"]
    assert press_is_told(hub, bridge, receiver)
    # Who was registered meanwhile goes on being watched.
    assert [p["name"] for p in hub.get("/v1/patients")] == ["Kari Nordmann", "Ola Nordmann"]
    assert hub.get(f"/v1/plans/{ola}")["items"], "with the plan"
    bridge.sos("sos2")
    wait_for(lambda: any("Ola Nordmann" in str(e) for e in heard(receiver, rule="sos", kind="raised")), 20, "Ola's press is told")


def test_a_read_only_disk_at_start(make_hub, broker, bridge, receiver, folder):
    with tmpfs(folder / "disk", "24m") as disk:
        hub = home(make_hub, broker, receiver, state=disk / "state")
        hub.stop()
        subprocess.run([*as_root(), "mount", "-o", "remount,ro", str(disk)], check=True)
        try:
            start_without_journal(hub)
            links_up(hub)
            before = broker.log_text().count("Received PUBACK from demo-hub")
            is_loud(hub, receiver)
            assert press_is_told(hub, bridge, receiver)
            bridge.temperature("t1", "37.7")
            wait_for(lambda: hub.status()["observations"] >= 1, 20, "values are decided about")
            assert broker.log_text().count("Received PUBACK from demo-hub") == before, "nothing is acknowledged from memory"
            hub.stop()
        finally:
            subprocess.run([*as_root(), "mount", "-o", "remount,rw", str(disk)], check=True)
        hub.start()
        wait_for(lambda: hub.values("temperature") == ["37.7"], LINKED, "the broker had kept it")


# MARK: under a running hub


def delete(hub):
    empty(hub)


def delete_database(hub):
    files(hub)[0].unlink()


def rename_all(hub):
    for file in files(hub):
        file.rename(hub.state / ("old" + file.name))


def delete_log(hub):
    files(hub)[1].unlink()
    files(hub)[2].unlink()


def replace(hub):
    shutil.copy(files(hub)[0], hub.state / "copy")
    os.replace(hub.state / "copy", files(hub)[0])


def truncate_log(hub):
    os.truncate(files(hub)[1], 0)


def truncate_database(hub):
    os.truncate(files(hub)[0], 8192)


def empty_database(hub):
    os.truncate(files(hub)[0], 0)


def garble(hub):
    with files(hub)[0].open("r+b") as file:
        for offset in range(4096, files(hub)[0].stat().st_size, 4096):
            file.seek(offset)
            file.write(random.Random(offset).randbytes(4096))


def listed(hub) -> set:
    """Ids of the open alerts; none while the journal cannot be read."""
    status, alerts = hub.api("GET", "/v1/alerts?state=open&limit=1000")
    return {a["id"] for a in alerts} if status == 200 else set()


@pytest.mark.parametrize(
    "how", [delete, delete_database, rename_all, delete_log, replace, truncate_log, truncate_database, empty_database, garble], ids=lambda f: f.__name__
)
def test_a_journal_taken_away_under_a_running_hub(make_hub, broker, bridge, receiver, how):
    hub = home(make_hub, broker, receiver)
    first = press_is_told(hub, bridge, receiver)
    wait_for(lambda: first in {a["id"] for a in hub.open_alerts()}, 20, "it is stored")
    bridge.temperature("t1", "36.5")
    hub.wait_stored(3)
    if how in (truncate_database, empty_database, garble):
        # Idle for two seconds, and all is in the database file; and the copy knows of the call.
        wait_for(lambda: files(hub)[1].stat().st_size == 0 and files(hub)[0].stat().st_size > 100_000, 30, "the log is moved to the file")
        wait_for(lambda: hub.sql("SELECT count(*) FROM alert", file=hub.state / "registry.sqlite")[0][0] == 1, 30, "the copy is up to date")
    how(hub)
    presses = [press_is_told(hub, bridge, receiver) for _ in range(3)]
    wait_for(lambda: (listed(hub) or True) and heard(receiver, rule="journalLost", kind="raised"), 40, "the loss is told")
    bridge.temperature("t1", "37.5")
    # Every call is in a journal that has a name, and on the list; that from before too.
    if how is garble:
        presses = [press_is_told(hub, bridge, receiver)]
    wait_for(lambda: set(presses) <= listed(hub), 40, "the calls are on the list")
    if how is not garble:
        wait_for(lambda: first in listed(hub), 20, "what was open is not forgotten")
    hub.kill()
    start_without_journal(hub)
    if how is replace:
        # The other file is the journal now: the calls are in the one that was kept, and are told again.
        wait_for(lambda: len([a for a in hub.open_alerts() if a["rule"] == "sos"]) >= 4, 45, "the calls are raised again")
    else:
        wait_for(lambda: set(presses) <= listed(hub), 45, "a crash loses none of them")
    assert [p["name"] for p in hub.get("/v1/patients")] == ["Kari Nordmann"]
    assert press_is_told(hub, bridge, receiver)
    hub.assert_running()


def test_a_journal_that_is_deleted_is_written_anew_with_all_that_it_held(make_hub, broker, bridge, receiver):
    hub = home(make_hub, broker, receiver)
    bridge.temperature("t1", "36.5")
    hub.wait_stored(1)
    empty(hub)
    bridge.temperature("t1", "37.5")
    wait_for(lambda: files(hub)[0].exists() and hub.values("temperature") == ["36.5", "37.5"], 30, "it is there again, whole")
    wait_for(lambda: hub.status()["store"] == "writing", PULSE, "the store is well")
    wait_heard(receiver, "journalLost")
    assert hub.command("audit", "verify").returncode == 0
    hub.kill()
    hub.start()
    assert hub.values("temperature") == ["36.5", "37.5"]


@pytest.mark.parametrize("roles", [[None], ["core", "forward", "console"]], ids=["one process", "roles"])
def test_another_program_that_opens_and_closes_the_journal_takes_nothing(make_hub, broker, bridge, receiver, roles):
    """Somebody with `sqlite3` writes, and ends. Who closes a journal that nobody else seems to have open moves the log into it and removes
    the log. The hub must be seen to have it open."""
    hub = make_hub(broker, [webhook(receiver)], start=False, escalation=escalation("nurses"))
    for role in roles:
        hub.start(role)
    hub.device("bridge/thermometer", "t1", hub.person("Kari Nordmann"))
    links_up(hub)
    if len(roles) > 1:
        # The core alone: what the others hold open keeps nobody away any more.
        hub.stop("console")
        hub.stop("forward")
    log = files(hub)[1].stat().st_ino
    for n in range(1, 4):
        bridge.temperature("t1", f"36.{n}")
        hub.wait_stored(n)
        db = sqlite3.connect(files(hub)[0], isolation_level=None, timeout=10)
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
        db.close()
        assert files(hub)[1].exists() and files(hub)[1].stat().st_ino == log, "its log was taken away"
    assert "written anew" not in hub.log_text(roles[0] or "all") and heard(receiver, rule="journalLost") == []


def test_an_older_journal_is_told(make_hub, broker, bridge, receiver):
    hub = home(make_hub, broker, receiver)
    hub.stop()
    for file in files(hub):
        shutil.copy(file, hub.folder / file.name)
    hub.start()
    for n in range(5):
        bridge.temperature("t1", f"36.{n}")
    hub.wait_stored(5)
    hub.stop()
    for file in files(hub):
        shutil.copy(hub.folder / file.name, file)
    start_without_journal(hub)
    wait_heard(receiver, "journalLost")
    assert "JOURNAL TOO OLD" in hub.status()["summary"]
    links_up(hub)
    assert press_is_told(hub, bridge, receiver)
