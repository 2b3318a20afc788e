"""Copies of the journal: taken under a running hub, proven, restored on another machine, and nothing given or told twice. Debian's
`age` and `tar` are asked as well: a backup must open without knutepunkt."""

from collections import Counter
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest

from support import default_binary, escalation, heard, hospital, numbered_temperatures, wait_for, wait_heard, webhook
from test_journal_loss import start_without_journal


def run(hub, *words, input=None, check=True):
    """A command whose streams are bytes."""
    done = subprocess.run(
        [str(hub.binary), *map(str, words)], input=input, stdin=subprocess.DEVNULL if input is None else None, capture_output=True, timeout=120)
    assert not check or done.returncode == 0, done.stderr.decode()
    return done


@pytest.fixture
def key(folder):
    """(file with the secret half, public half)"""
    file = folder / "backup.key"
    subprocess.run([str(default_binary()), "backup", "keygen", "--output", str(file)], check=True, capture_output=True)
    assert file.stat().st_mode & 0o777 == 0o600
    public = subprocess.run(["age-keygen", "-y", str(file)], check=True, capture_output=True, text=True).stdout.strip()
    assert f"# public key: {public}" in file.read_text(), "age-keygen finds the same public half"
    return file, public


def home(make_hub, broker, receiver, name="hub", start=True, **sections):
    hub = make_hub(
        broker, [webhook(receiver), hospital(receiver)], escalation=escalation("nurses", high=("1h",)), name=name, start=start, **sections)
    return hub


def furnish(hub):
    hub.patient = hub.person("Kari Nordmann")
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.patient)
    hub.device("bridge/thermometer", "t1", hub.patient)
    return hub


def links_up(hub):
    wait_for(lambda: hub.status()["links"][0]["state"] == "connected", 20, "the link is up")
    wait_for(lambda: hub.status()["roles"].get("forward") == "connected", 20, "the forward role listens")


def raised(receiver):
    return {e["alertId"] for e in heard(receiver, rule="sos", kind="raised")}


def press(hub, bridge, receiver):
    """A press that is told; its id."""
    before = raised(receiver)
    bridge.sos("sos1")
    wait_for(lambda: raised(receiver) - before, 10, "the press is told")
    return (raised(receiver) - before).pop()


def backup(hub, file, public, *more):
    return run(hub, "backup", "--config", hub.file, "--to", file, "--recipient", public, *more)


def restore(hub, file, key, *more, check=True):
    return run(hub, "restore", file, "--config", hub.file, "--key", key, "--reason", "the board is broken", "--yes", *more, check=check)


def test_a_backup_under_traffic(make_hub, broker, bridge, receiver, folder, key):
    secret, public = key
    hub = furnish(home(make_hub, broker, receiver))
    stop, sent = threading.Event(), []

    def traffic():
        for value in numbered_temperatures(4_000):
            if stop.is_set():
                return
            bridge.temperature("t1", value)
            sent.append(value)
            time.sleep(0.002)

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        wait_for(lambda: hub.stored() >= 200, 20, "values come in")
        piped = run(hub, "backup", "--config", hub.file, "--to", "-", "--recipient", public).stdout
        backup(hub, folder / "second.age", public)
    finally:
        stop.set()
        thread.join()
    (folder / "piped.age").write_bytes(piped)
    assert (folder / "second.age").stat().st_mode & 0o777 == 0o600
    # The hub took everything in meanwhile.
    hub.wait_stored(len(sent))
    assert hub.values("temperature") == [v.rstrip("0").rstrip(".") for v in sent]
    assert [f.name for f in hub.state.iterdir() if f.name.endswith(".part")] == []
    for name in ("piped.age", "second.age"):
        verdict = json.loads(run(hub, "verify", folder / name, "--key", secret, "--json").stdout)
        assert verdict["sound"] and verdict["encrypted"] and verdict["findings"] == []
        manifest = verdict["manifest"]
        assert 200 <= manifest["counts"]["observations"] <= len(sent) and manifest["counts"]["people"] == 1
        # A whole prefix of what was sent: one moment of the journal.
        inside = folder / f"in-{name}"
        inside.mkdir()
        plain = subprocess.run(["age", "--decrypt", "-i", secret, folder / name], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", inside], input=plain, check=True)
        subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=inside, check=True)
        with sqlite3.connect(inside / "journal.sqlite") as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("SELECT count(*) FROM observation").fetchone()[0] == manifest["counts"]["observations"]
        db.close()
    # The journal itself, while it is being written.
    assert b"sound" in run(hub, "verify", hub.state / "journal.sqlite").stdout


def test_what_age_encrypted_is_verified_and_a_backup_needs_somebody_to_be_for(make_hub, broker, receiver, folder, key):
    secret, public = key
    hub = furnish(home(make_hub, broker, receiver))
    assert run(hub, "backup", "--config", hub.file, "--to", folder / "x", check=False).returncode == 64
    assert not (folder / "x").exists()
    run(hub, "backup", "--config", hub.file, "--to", folder / "plain.tar", "--unencrypted")
    subprocess.run(["age", "-r", public, "-o", folder / "by-age.age", folder / "plain.tar"], check=True)
    assert run(hub, "verify", folder / "by-age.age", "--key", secret).returncode == 0
    assert run(hub, "verify", folder / "plain.tar").returncode == 0
    hub.stop()
    run(hub, "backup", "--config", hub.file, "--to", folder / "stopped.tar", "--unencrypted")
    assert json.loads(run(hub, "verify", folder / "stopped.tar", "--json").stdout)["manifest"]["counts"]["people"] == 1


def test_verify_finds_what_is_wrong(make_hub, broker, receiver, folder, key):
    secret, public = key
    hub = furnish(home(make_hub, broker, receiver))
    backup(hub, folder / "b.age", public)
    whole = (folder / "b.age").read_bytes()

    def verdict(content, *words):
        (folder / "wrong").write_bytes(content)
        return run(hub, "verify", folder / "wrong", *words, check=False).returncode

    assert verdict(whole, "--key", secret) == 0
    assert verdict(whole) == 66, "no key"
    other = folder / "other.key"
    run(hub, "backup", "keygen", "--output", other)
    assert verdict(whole, "--key", other) == 66, "another key"
    assert verdict(whole[:-1], "--key", secret) == 65 and verdict(whole[: len(whole) // 2], "--key", secret) == 65 and verdict(b"") == 65
    for place in (200, len(whole) // 2, len(whole) - 5):
        assert verdict(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], "--key", secret) == 65, place
    assert verdict(b"no backup at all" * 100) == 65
    assert run(hub, "verify", folder / "absent", check=False).returncode == 66
    assert not [f for f in os.listdir("/var/tmp") if f.startswith("knutepunkt-")]


def test_restored_on_another_machine(make_hub, broker, bridge, receiver, folder, key):
    """The case of the trial: presses and values after the copy, all told, then the machine is lost."""
    secret, public = key
    original = furnish(home(make_hub, broker, receiver))
    links_up(original)
    first = press(original, bridge, receiver)
    bridge.temperature("t1", "36.5")
    original.wait_stored(2)
    original.wait_delivered()
    backup(original, folder / "b.age", public)
    later = [press(original, bridge, receiver) for _ in range(3)]
    bridge.temperature("t1", "37.1")
    bridge.temperature("t1", "37.2")
    ola = original.person("Ola Nordmann")
    for alert in original.open_alerts():
        original.alert_action(alert["id"], "resolve", comment="ok")
    original.wait_stored(7)
    original.wait_delivered()
    hub_id = original.sql("SELECT value FROM meta WHERE key = 'hub_id'")[0][0]
    assert original.stop() == 0
    told, observed = Counter(e["alertId"] for e in heard(receiver, kind="raised")), len(receiver.resources("Observation"))

    hub = home(make_hub, broker, receiver, name="new", start=False)
    done = restore(hub, folder / "b.age", secret)
    assert b"generation 2" in done.stdout and b"must not run again" in done.stdout
    hub.start()
    links_up(hub)
    # What was open then is open now, under its id; and nobody is told of it again as if it were new.
    assert [a["id"] for a in hub.open_alerts() if a["rule"] == "sos"] == [first]
    # The hub says what is missing, as for a journal that is too old.
    assert "JOURNAL TOO OLD" in hub.status()["summary"], hub.status()["summary"]
    wait_heard(receiver, "journalLost", seconds=10)
    new = [press(hub, bridge, receiver) for _ in range(3)]
    assert len(set(new)) == 3 and not set(new) & {first, *later}, "no id is given twice"
    bridge.temperature("t1", "38.1")
    bridge.temperature("t1", "38.2")
    wait_for(lambda: hub.values("temperature") == ["36.5", "38.1", "38.2"], 10, "values are stored")
    hub.wait_delivered()
    wait_for(lambda: len(receiver.resources("Observation")) >= observed + 2, 10, "and reach the record system")
    after = Counter(e["alertId"] for e in heard(receiver, kind="raised"))
    assert {a: after[a] for a in told} == dict(told), "nothing is told twice"
    # Numbers of people, too: Ola's is never somebody else's.
    mari = hub.person("Mari Nordmann")
    assert mari != ola and int(mari[1:]) > 300_000
    hub.device("zigbee2mqtt/sos-button", "sos2", mari)
    before = raised(receiver)
    bridge.sos("sos2")
    wait_for(lambda: any("Mari Nordmann" in str(e) for e in heard(receiver, rule="sos", kind="raised") if e["alertId"] not in before), 10, "hers is told")
    assert hub.sql("SELECT value FROM meta WHERE key = 'hub_id'")[0][0] == hub_id
    gap = hub.sql("SELECT reason, wall_from, wall_to FROM gap")
    assert [g["reason"] for g in gap] == ["restored"] and gap[0]["wall_from"] < gap[0]["wall_to"]
    row = [r for r in hub.get("/v1/audit?limit=50") if r["action"] == "restore"]
    assert len(row) == 1 and row[0]["purpose"] == "the board is broken" and row[0]["actor"]
    assert hub.get("/v1/audit/verify")["intact"]
    # A restart goes on with all of it.
    assert hub.stop() == 0
    hub.start()
    assert {a["id"] for a in hub.open_alerts() if a["rule"] == "sos"} >= {first, *new}
    links_up(hub)
    assert press(hub, bridge, receiver) not in {first, *later, *new}
    wait_for(lambda: "JOURNAL TOO OLD" not in hub.status()["summary"], 10, "it was told")


def test_deadlines_go_on(make_hub, broker, bridge, receiver, folder, key):
    """An alert that nobody took before the copy escalates on the restored hub, at its own time."""
    secret, public = key
    sections = {"escalation": escalation("nurses", high=("6s", "1h"))}
    original = make_hub(broker, [webhook(receiver)], **sections)
    furnish(original)
    links_up(original)
    first = press(original, bridge, receiver)
    wait_for(lambda: original.alert("sos")["id"] == first, 5, "it is stored")
    backup(original, folder / "b.age", public)
    original.kill()
    hub = make_hub(broker, [webhook(receiver)], name="new", start=False, **sections)
    restore(hub, folder / "b.age", secret)
    hub.start()
    event = wait_heard(receiver, "sos", kind="escalated", seconds=20)[0]
    assert event["alertId"] == first


def test_what_the_copy_did_not_know_as_delivered_goes_out(make_hub, broker, bridge, receiver, folder, key):
    secret, public = key
    original = furnish(home(make_hub, broker, receiver))
    links_up(original)
    receiver.set("fhir", status=503)
    bridge.temperature("t1", "36.9")
    original.wait_stored(1)
    wait_for(lambda: original.pending() >= 1, 10, "it waits")
    backup(original, folder / "b.age", public)
    original.kill()
    receiver.set("fhir", status=200)
    hub = home(make_hub, broker, receiver, name="new", start=False)
    restore(hub, folder / "b.age", secret)
    hub.start()
    hub.wait_delivered()
    assert len([o for o in receiver.resources("Observation") if "8310-5" in json.dumps(o["code"])]) == 1


def test_one_hub_runs_once_on_a_machine(make_hub, broker, receiver, folder, key):
    secret, public = key
    original = furnish(home(make_hub, broker, receiver))
    backup(original, folder / "b.age", public)
    other = home(make_hub, broker, receiver, name="new", start=False)
    restore(other, folder / "b.age", secret)
    for _ in range(3):
        other.start(wait=False)
        assert other.processes["all"].wait(20) == 75
        other.processes.clear()
    assert "runs on this machine already" in other.log_text() and f"process {original.processes['all'].pid}" in other.log_text()
    assert original.status()["live"]
    # Another hub is no matter of it.
    third = make_hub(broker, name="third")
    third.stop()
    original.kill()
    other.start()
    assert [p["name"] for p in other.get("/v1/patients")] == ["Kari Nordmann"]
    original.start(wait=False)
    assert original.processes["all"].wait(20) == 75
    original.processes.clear()


def test_restore_refuses_what_it_should(make_hub, broker, receiver, folder, key):
    secret, public = key
    hub = furnish(home(make_hub, broker, receiver))
    backup(hub, folder / "b.age", public)
    assert restore(hub, folder / "b.age", secret, check=False).returncode == 65, "a journal is there"
    done = restore(hub, folder / "b.age", secret, "--force", check=False)
    assert done.returncode == 75 and b"stop the hub first" in done.stderr, done.stderr
    assert hub.stop() == 0
    before = (hub.state / "journal.sqlite").read_bytes()
    refused = run(hub, "restore", folder / "b.age", "--config", hub.file, "--key", secret, "--reason", "x", "--force", check=False)
    assert refused.returncode == 64 and b"--yes" in refused.stderr, "nobody can be asked"
    (folder / "cut.age").write_bytes((folder / "b.age").read_bytes()[:-20])
    assert restore(hub, folder / "cut.age", secret, "--force", check=False).returncode == 65
    names = {f.name for f in hub.state.iterdir()}
    assert not [n for n in names if "restore" in n], names
    assert (hub.state / "journal.sqlite").read_bytes() == before
    restore(hub, folder / "b.age", secret, "--force")
    moved = [f for f in hub.state.iterdir() if f.name.startswith("before-restore-")]
    assert len(moved) == 1 and (moved[0] / "journal.sqlite").exists()
    # On the same machine the registry's copies lie beside it, and know of a life that is over.
    hub.start()
    assert "JOURNAL TOO OLD" in hub.status()["summary"] and not list(hub.state.glob("journal.emergency-*"))
    ola = hub.person("Ola Nordmann")
    assert int(ola[1:]) > 300_000
    assert hub.stop() == 0
    for file in hub.state.glob("journal.sqlite*"):
        file.unlink()
    start_without_journal(hub)
    assert sorted(p["name"] for p in hub.get("/v1/patients")) == ["Kari Nordmann", "Ola Nordmann"], "the copies are of the new life"


def test_the_timers_backups(make_hub, broker, receiver, folder, key):
    secret, public = key
    shelf = folder / "shelf"
    shelf.mkdir()
    hub = furnish(home(make_hub, broker, receiver, backup={"recipients": [public], "folder": str(shelf), "keep": 2}))
    for name in ("knutepunkt-demo-hub-20200101T000000Z.age", "knutepunkt-demo-hub-20200102T000000Z.age", "other.age"):
        (shelf / name).touch()
    run(hub, "backup", "--config", hub.file)
    names = sorted(f.name for f in shelf.iterdir())
    assert len(names) == 3 and "knutepunkt-demo-hub-20200102T000000Z.age" in names and "other.age" in names, names
    newest = [n for n in names if n.startswith("knutepunkt-demo-hub-202") and "2020" not in n[:24]]
    assert run(hub, "verify", shelf / newest[0], "--key", secret).returncode == 0
    last = json.loads((hub.state / "backup.json").read_text())
    assert last["path"] == str(shelf / newest[0])
    plain = home(make_hub, broker, receiver, name="plain", start=False)
    assert run(plain, "backup", "--config", plain.file, check=False).returncode == 78


# MARK: E5: the log beside a stopped hub's file


@pytest.mark.parametrize("how", ["zeroed", "emptied", "removed"])
def test_a_log_that_is_damaged_after_a_clean_stop_takes_nothing_with_it(make_hub, broker, bridge, receiver, how):
    """A clean stop leaves nothing in the log: whatever becomes of it, and without any copy of the registry, the hub is the same."""
    hub = furnish(home(make_hub, broker, receiver))
    links_up(hub)
    first = press(hub, bridge, receiver)
    for value in numbered_temperatures(50):
        bridge.temperature("t1", value)
    hub.wait_stored(51)
    assert hub.stop() == 0
    log = hub.state / "journal.sqlite-wal"
    size = log.stat().st_size
    if how == "removed":
        log.unlink()
    else:
        log.write_bytes(bytes(size or 65_536) if how == "zeroed" else b"")
    for file in [*hub.state.rglob("registry.sqlite*"), *hub.runtime.rglob("registry.sqlite*")]:
        file.unlink()
    hub.start()
    assert len(hub.values("temperature")) == 50
    assert first in {a["id"] for a in hub.open_alerts()}
    assert "JOURNAL" not in hub.status()["summary"]


@pytest.mark.parametrize("how", ["zeroed", "emptied", "removed"])
def test_a_log_that_is_lost_after_a_kill_is_told(make_hub, broker, bridge, receiver, how):
    """What was acknowledged stood in the log alone. The mark in the runtime folder knows that, even of values that no copy tells of."""
    hub = furnish(home(make_hub, broker, receiver))
    links_up(hub)
    assert hub.stop() == 0
    hub.start()
    links_up(hub)
    for value in numbered_temperatures(50):
        bridge.temperature("t1", value)
    hub.wait_stored(50)
    hub.kill()
    log = hub.state / "journal.sqlite-wal"
    assert log.stat().st_size > 0
    if how == "removed":
        log.unlink()
    else:
        log.write_bytes(bytes(log.stat().st_size) if how == "zeroed" else b"")
    # Copies of the registry are some seconds old: they do not know of values that came since.
    for file in [*hub.state.rglob("registry.sqlite*"), *hub.runtime.rglob("registry.sqlite*")]:
        file.unlink()
    hub.start()
    assert "JOURNAL TOO OLD" in hub.status()["summary"]
    assert len(hub.values("temperature")) < 50


# MARK: salvage and export


def without_two_leaves(journal, table: str) -> bytes:
    """The journal with garbage for two leaves in the middle of a table: the root's children are listed in it."""
    with sqlite3.connect(f"file:{journal}?immutable=1", uri=True) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    db.close()
    content = bytearray(journal.read_bytes())
    page = 4096
    at = (root - 1) * page
    assert content[at] in (2, 5), "the table has more than one page"
    cells = int.from_bytes(content[at + 3 : at + 5], "big")
    pointers = [int.from_bytes(content[at + 12 + 2 * n : at + 14 + 2 * n], "big") for n in range(cells)]
    children = [int.from_bytes(content[at + p : at + p + 4], "big") for p in pointers]
    assert len(children) >= 5
    for child in (children[1], children[3]):
        content[(child - 1) * page : child * page] = os.urandom(page)
    return bytes(content)


def test_a_damaged_journal_is_salvaged(make_hub, broker, bridge, receiver, folder):
    hub = furnish(home(make_hub, broker, receiver))
    links_up(hub)
    first = press(hub, bridge, receiver)
    count = 3_000
    for value in numbered_temperatures(count):
        bridge.temperature("t1", value)
    hub.wait_stored(count + 1, 60)
    hub.wait_delivered(60)
    assert hub.stop() == 0
    journal = hub.state / "journal.sqlite"
    content = without_two_leaves(journal, "observation")
    damaged = folder / "damaged.sqlite"
    damaged.write_bytes(content)
    before = damaged.read_bytes()
    assert run(hub, "verify", damaged, check=False).returncode == 65
    salvaged = folder / "salvaged.sqlite"
    report = json.loads(run(hub, "salvage", damaged, salvaged, "--config", hub.file, "--json").stdout)
    assert damaged.read_bytes() == before, "the damaged file is untouched"
    tables = {t["name"]: t for t in report["tables"]}
    lost = count - tables["observation"]["rows"]
    assert 0 < lost < count / 2 and len(tables["observation"]["lost"]) == 2, tables["observation"]
    assert [n for n, t in tables.items() if not t["isWhole"]] == ["observation"]
    assert run(hub, "verify", salvaged).returncode == 0
    assert run(hub, "salvage", damaged, salvaged, "--config", hub.file, check=False).returncode == 65, "it is there already"
    # The hub goes on with it.
    shutil.copy(salvaged, journal)
    for suffix in ("-wal", "-shm"):
        (hub.state / f"journal.sqlite{suffix}").unlink(missing_ok=True)
    told = Counter(e["alertId"] for e in heard(receiver, kind="raised"))
    hub.start()
    assert "JOURNAL TOO OLD" in hub.status()["summary"]
    assert [a["id"] for a in hub.open_alerts() if a["rule"] == "sos"] == [first]
    links_up(hub)
    assert press(hub, bridge, receiver) != first
    after = Counter(e["alertId"] for e in heard(receiver, kind="raised"))
    assert {a: after[a] for a in told} == dict(told)
    assert any(r["action"] == "salvage" and "observation" in r["detail"] for r in hub.get("/v1/audit?limit=50"))


def test_a_hub_salvages_its_own_journal(make_hub, broker, bridge, receiver):
    """Alarms go on in the emergency journal; the next start goes on from what could be read, and knows what came in meanwhile."""
    hub = furnish(home(make_hub, broker, receiver))
    links_up(hub)
    first = press(hub, bridge, receiver)
    count = 3_000
    for value in numbered_temperatures(count):
        bridge.temperature("t1", value)
    hub.wait_stored(count + 1, 60)
    hub.wait_delivered(60)
    assert hub.stop() == 0
    journal = hub.state / "journal.sqlite"
    broken = without_two_leaves(journal, "delivery_mark")
    journal.write_bytes(broken)
    for suffix in ("-wal", "-shm"):
        (hub.state / f"journal.sqlite{suffix}").unlink(missing_ok=True)
    hub.start()
    links_up(hub)
    assert hub.status()["store"] == "emergency", "a start reads the marks of what came, and finds the damage"
    meanwhile = press(hub, bridge, receiver)
    assert meanwhile != first
    wait_for(lambda: any("in its place" in note for note in hub.status()["notes"]), 30, "the damaged journal is read into a fresh one")
    note = next(note for note in hub.status()["notes"] if "in its place" in note)
    assert "delivery_mark" in note and "Restart knutepunkt-core" in note
    kept = [*hub.state.glob("damaged-*/journal.sqlite")]
    assert [file.read_bytes() for file in kept] == [broken], "the damaged journal is kept as it was"
    assert run(hub, "verify", journal).returncode == 0
    assert hub.stop() == 0
    hub.start()
    links_up(hub)
    assert "JOURNAL TOO OLD" in hub.status()["summary"]
    assert len(hub.values("temperature")) == count
    calls = {a["id"] for a in hub.open_alerts() if a["rule"] == "sos"}
    # The emergency raised the open call again, under an id of its own; both calls of the emergency are raised again now.
    assert first in calls and len(calls) == 3, "no call is lost"
    assert hub.get("/v1/patients")[0]["name"] == "Kari Nordmann"
    assert any(r["action"] == "salvage" for r in hub.get("/v1/audit?limit=50"))


def test_export(make_hub, broker, bridge, receiver, folder):
    hub = furnish(home(make_hub, broker, receiver))
    links_up(hub)
    first = press(hub, bridge, receiver)
    ola = hub.person("Ola, \"Nordmann\"")
    hub.device("bridge/thermometer", "t2", ola)
    for n, value in enumerate(numbered_temperatures(2_500)):
        bridge.temperature("t1" if n % 5 else "t2", value)
    hub.wait_stored(2_501, 60)
    hub.alert_action(first, "resolve", comment="on the floor")

    def export(*words, check=True):
        return run(hub, "export", *words, "--config", hub.file, "--reason", "asked for", "--as", "Anna Admin", check=check)

    def lines(*words):
        return [json.loads(line) for line in export(*words).stdout.decode().splitlines()]

    everything = lines("observations")
    values = [v for v in everything if v["code"] == "temperature"]
    assert len(values) == 2_500 and [v["sequence"] for v in values] == sorted(v["sequence"] for v in values)
    assert {v["code"] for v in values} == {"temperature"} and values[0]["loinc"] == "8310-5" and values[0]["unit"] == "Cel"
    assert sorted(v["value"] for v in values if v["patient"] == ola) == sorted(v["value"] for v in lines("observations", "--patient", ola))
    assert len(lines("observations", "--patient", ola)) == 500
    assert lines("observations", "--from", "2100-01-01") == [] and lines("observations", "--to", "2100-01-01T00:00:00Z") == everything
    alerts = [a for a in lines("alerts", "--patient", hub.patient) if a["alert"] == first]
    assert [a["change"] for a in alerts][0] == "raised" and alerts[-1]["state"] == "resolved" and alerts[-1]["comment"] == "on the floor"
    registry = lines("registry", "--patient", ola)
    assert {r["type"] for r in registry} == {"person", "assignment"} and registry[0]["name"] == "Ola, \"Nordmann\""
    log = lines("access-log")
    exports = [r for r in log if r["action"] == "export"]
    assert exports[0]["by"] == "Anna Admin" and exports[0]["purpose"] == "asked for" and exports[0]["detail"] == "observations"
    assert any(r["patient"] == ola for r in exports)
    table = export("registry", "--format", "csv").stdout.decode().split("\r\n")
    assert table[0] == "type,patient,name,nationalID,from,to" and any('"Ola, ""Nordmann"""' in line for line in table)
    run(hub, "export", "observations", "--config", hub.file, "--reason", "x", "--output", folder / "out.ndjson")
    assert (folder / "out.ndjson").stat().st_mode & 0o777 == 0o600
    assert hub.stop() == 0
    before = len(exports)
    assert lines("observations") == everything
    assert hub.sql("SELECT count(*) FROM access_log WHERE action = 'export'")[0][0] > before
    assert run(hub, "verify", hub.state / "journal.sqlite").returncode == 0
