"""The access log: everything leaves a row, and a changed row is found."""

import shutil
import sqlite3

from support import escalation, wait_for, wait_heard, webhook


def busy(hub, bridge):
    patient = hub.person("Kari Nordmann", "21815410014")
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    hub.plan(patient, {"kind": "oxygen", "oxygen": "air"})
    bridge.sos("sos1")
    alert = hub.alert("sos")
    hub.alert_action(alert["id"], "acknowledge")
    hub.alert_action(alert["id"], "resolve", comment="Helped")
    hub.get("/v1/explain/" + alert["id"])
    return patient


def test_changes_commands_and_reads_are_in_the_log_with_who_and_why(hub, bridge):
    patient = busy(hub, bridge)
    # Who changes something waits for the row; who reads does not.
    wait_for(lambda: hub.sql("SELECT 1 FROM access_log WHERE action = 'read'"), 20, "what was read is in the log")
    rows = hub.sql("SELECT l.*, a.display_name who FROM access_log l LEFT JOIN actor a ON a.id = l.actor ORDER BY l.id")
    actions = {row["action"] for row in rows}
    assert any(row["who"] == "Nina Nurse" and row["patient"] == int(patient[1:]) for row in rows), actions
    assert any(row["who"] == "Dr Test" for row in rows)
    assert "read" in actions
    assert all("Nordmann" not in row["detail"] + row["purpose"] and "21815410014" not in row["detail"] + row["purpose"] for row in rows)


def test_an_untouched_log_verifies(hub, bridge):
    busy(hub, bridge)
    done = hub.command("audit", "verify")
    assert "intact" in done.stdout
    answer = hub.ask("audit", "verify")
    assert answer["intact"] and answer["rows"] > 5 and answer.get("firstBroken") is None


def tampered(hub, make_hub, broker, name: str, statement: str):
    """A hub on a copy of the journal in which somebody has changed something."""
    copy = hub.folder / name
    copy.mkdir()
    for file in hub.state.iterdir():
        if file.is_file():
            shutil.copy(file, copy / file.name)
    with sqlite3.connect(copy / "journal.sqlite") as db:
        db.execute(statement)
    db.close()
    return make_hub(broker, name=f"hub-{name}", state=copy)


def test_a_changed_a_removed_and_a_cut_row_are_found(make_hub, broker, bridge):
    hub = make_hub(broker)
    busy(hub, bridge)
    hub.stop()
    for name, statement, first in (
        ("changed", "UPDATE access_log SET purpose = 'nothing' WHERE id = 3", 3),
        ("removed", "DELETE FROM access_log WHERE id = 4", None),
        ("cut", "DELETE FROM access_log WHERE id = (SELECT max(id) FROM access_log)", None),
    ):
        rival = tampered(hub, make_hub, broker, name, statement)
        answer = rival.get("/v1/audit/verify")
        assert not answer["intact"], name
        if first:
            assert answer["firstBroken"] == first
        done = rival.command("audit", "verify", check=False)
        assert done.returncode == 65 and "broken" in done.stderr, name
        rival.stop()


def test_no_personal_data_in_the_systemd_journal_and_the_metrics(make_hub, broker, bridge):
    hub = make_hub(broker, escalation=escalation(), logging={"level": "debug"})
    busy(hub, bridge)
    status, metrics = hub.http("/metrics")
    assert status == 200
    for secret in ("Nordmann", "Kari", "21815410014"):
        assert secret not in hub.log_text(), secret
        assert secret not in metrics, secret
    assert not [f for f in hub.state.rglob("*") if "Nordmann" in f.name]


def test_the_journal_is_nobody_elses(hub):
    for file in hub.state.iterdir():
        try:
            mode = file.stat().st_mode
        except FileNotFoundError:
            continue  # A copy that was being made has its name now.
        assert mode & 0o007 == 0, file.name
    assert hub.socket.stat().st_mode & 0o002 == 0


def test_a_shortened_log_is_not_made_whole_by_the_next_row(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    busy(hub, bridge)
    hub.stop()
    head = [line.split("head=")[1].split()[0] for line in hub.log_text().splitlines() if "the access log ends here" in line][-1]
    with sqlite3.connect(hub.state / "journal.sqlite") as db:
        rows = db.execute("SELECT max(id) FROM access_log").fetchone()[0]
        db.execute("DELETE FROM access_log WHERE id > ?", (rows - 3,))
        # Who knows how it is made cuts the head with it.
        db.execute("UPDATE access_head SET rows = ?, hash = (SELECT hash FROM access_log WHERE id = ?)", (rows - 3, rows - 3))
    db.close()
    hub.start()
    wait_heard(receiver, "recordsDropped")
    for _ in range(2):
        hub.command("patient", "list")
    done = hub.command("audit", "verify", check=False)
    assert done.returncode == 65 and str(rows - 2) in done.stderr, done.stderr
    done = hub.command("audit", "verify", "--head", head, check=False)
    assert done.returncode == 65
    assert hub.command("audit", "verify", "--head", "nonsense", check=False).returncode == 64


def test_a_log_is_compared_with_a_head_from_the_systems_log(make_hub, broker, bridge):
    hub = make_hub(broker)
    busy(hub, bridge)
    hub.stop()
    head = [line.split("head=")[1].split()[0] for line in hub.log_text().splitlines() if "the access log ends here" in line][-1]
    hub.start()
    assert hub.command("audit", "verify", "--head", head).returncode == 0
    rows, digits = head.split(":")
    other = f"{rows}:{'0' * 64}"
    assert hub.command("audit", "verify", "--head", other, check=False).returncode == 65
    assert hub.command("audit", "verify", "--head", f"{int(rows) + 1000}:{digits}", check=False).returncode == 65
