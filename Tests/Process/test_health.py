"""What the hub has lost is told: on status (exit), /readyz, the receivers and as an alert, and taken back when it is there again."""

import signal
import subprocess

import pytest

from screens import problems, status
from support import LINKED, LISTED, OVER, PULSE, TOLD, escalation, wait_for, wait_heard, webhook


@pytest.fixture
def house(make_hub, broker, receiver):
    hub = make_hub(broker, [webhook(receiver)], start=False, escalation=escalation("nurses"))
    for role in ("core", "forward", "console"):
        hub.start(role)
    wait_for(lambda: problems(hub) == [] and hub.status()["links"][0]["state"] == "connected", 2 * LINKED, "everything is there")
    return hub


def hub_alerts(hub, state="open") -> list[str]:
    return sorted(a["rule"] for a in (hub.open_alerts() if state == "open" else hub.all_alerts()))


@pytest.mark.patient
@pytest.mark.timeout(420)  # What it waits for, added up.
def test_a_lost_broker_and_a_lost_board_are_told_and_taken_back(house, broker, receiver):
    assert status(house)[0] == 0 and house.http("/readyz")[0] == 200
    port = broker.port
    broker.kill()
    house.kill("console")
    # Lists show it within seconds: what, since when, what to do.
    wait_for(lambda: problems(house) == ["linkDown street", "roleDown console"], LISTED, "both problems")
    code, text = status(house)
    assert code == 75, text
    for word in ("link street not connected for", "nødrutinen", "knutepunkt doctor", "console role missing", "systemctl status knutepunkt-console"):
        assert word in text, text
    assert "backingOff" not in text and "waiting;" not in text, text
    ready, reasons = house.http("/readyz")
    assert ready == 503 and reasons.splitlines()[0].startswith("link street not connected for"), reasons
    assert house.http("/livez")[0] == 200, "the core lives"
    # Within the minute it is an alert, and the receiver hears it.
    wait_heard(receiver, "linkDown", seconds=TOLD)
    wait_heard(receiver, "roleDown", seconds=PULSE)
    # Receivers hear of it before it is stored.
    wait_for(lambda: hub_alerts(house) == ["linkDown", "roleDown"], 20, "both are stored")
    # Back again, and taken back.
    broker.start()
    assert broker.port == port
    house.start("console")
    # The minute until it is over begins only then, for each.
    wait_for(lambda: house.http("/readyz")[0] == 200, LINKED, "ready again")
    wait_for(lambda: house.status()["roles"]["console"] == "connected", LINKED, "the board is back")
    wait_heard(receiver, "linkDown", "cleared", seconds=OVER)
    wait_heard(receiver, "roleDown", "cleared", seconds=OVER)
    wait_for(lambda: status(house)[0] == 0, PULSE, "status has nothing to say")
    wait_for(lambda: hub_alerts(house) == [], 20, "it is stored that nothing is open")
    assert hub_alerts(house, "all") == ["linkDown", "roleDown"], "one alert each"


@pytest.mark.patient
def test_without_the_forward_role_the_core_says_that_nothing_leaves(house):
    house.kill("forward")
    wait_for(lambda: problems(house) == ["roleDown forward"], LISTED, "the missing role")
    code, text = status(house)
    assert code == 75 and "forward role missing" in text and "systemctl status knutepunkt-forward" in text
    assert house.http("/readyz")[0] == 503
    house.alert("roleDown", TOLD)
    house.start("forward")
    wait_for(lambda: house.http("/readyz")[0] == 200, LINKED, "ready again")


@pytest.mark.patient
@pytest.mark.parametrize("role", ["forward", "console"])
def test_a_role_that_is_stopped_is_no_role(house, role):
    """Its connection to the core stays open, and the socket takes what it is told for a quarter of an hour."""
    wait_for(lambda: set(house.status()["roles"].values()) == {"live", "connected"}, 30, "all are at work")
    house.processes[role].send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: problems(house) == [f"roleDown {role}"], 40, "the stopped role")
        assert house.status()["roles"][role] == "no sign of life"
        assert house.http("/readyz")[0] == (503 if role == "forward" else 200)
    finally:
        house.processes[role].send_signal(signal.SIGCONT)
    wait_for(lambda: problems(house) == [], 2 * LINKED, "at work again")


def test_the_local_socket_is_opened_again_when_its_file_is_removed(house, receiver, bridge):
    wait_for(lambda: set(house.status()["roles"].values()) == {"live", "connected"}, 30, "all are at work")
    house.device("zigbee2mqtt/sos-button", "sos1", house.person())
    house.socket.unlink()
    wait_for(lambda: house.socket.exists() and house.status()["roles"]["forward"] == "connected", 30, "the socket is back")
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    house.alert("sos", state="notified")


def test_a_plan_change_that_would_drop_a_limit_is_refused(hub):
    patient = hub.person()
    plan = ["plan", "set", patient, "--reason", "prescribed", "--socket", str(hub.socket)]

    def run(*words):
        return subprocess.run([str(hub.binary), *plan, *words], capture_output=True, text=True, timeout=90)

    assert run("--limit", "spo2:red<85,yellow<88").returncode == 0
    slip = run("--limit", "spo2:red>85")
    assert slip.returncode == 64 and "did you mean red<85?" in slip.stderr, slip.stderr
    partly = run("--limit", "spo2:red<83")
    assert partly.returncode == 65 and "yellow at 87 and below" in partly.stderr and "--replace" in partly.stderr, partly.stderr
    # The API is another door, with the same lock.
    item = {"kind": "limits", "signal": "spo2", "redHigh": "86"}
    hub.post(f"/v1/plans/{patient}", {"items": [item], "actor": "a", "reason": "r"}, expect=400)
    limits = hub.get(f"/v1/plans/{patient}")["items"][0]["item"]
    assert (limits["redLow"], limits["yellowLow"]) == ("84", "87"), "nothing was changed"
    meant = run("--limit", "spo2:red<83", "--replace")
    assert meant.returncode == 0 and "red at 84 and below, yellow at 87 and below → spo2: red at 82 and below" in meant.stderr, meant.stderr


@pytest.mark.parametrize("wrong", ["password", "user", "nothing"])
def test_the_doctor_knocks_with_the_configured_credentials(make_hub, folder, wrong):
    from broker import Broker, free_port

    etc = folder / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("")
    subprocess.run(["mosquitto_passwd", "-b", str(etc / "passwd"), "hub", "sesame"], check=True, capture_output=True)
    port = free_port()
    broker = Broker(folder / "locked", f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {etc / 'passwd'}\n", port).start()
    try:
        (etc / "secret").write_text("wrong\n" if wrong == "password" else "sesame\n")
        (etc / "secret").chmod(0o600)
        user = "nobody" if wrong == "user" else "hub"
        hub = make_hub(broker, start=False, links={"mqtt": [
            {"name": "home", "host": "127.0.0.1", "port": port, "username": user, "passwordFile": str(etc / "secret")}]})
        done = subprocess.run([str(hub.binary), "doctor", "--config", str(hub.file)], capture_output=True, text=True, timeout=90)
        line = next(line for line in done.stdout.splitlines() if "mqtt home" in line)
        if wrong == "nothing":
            assert line.startswith("✓ good") and "lets hub in" in line, line
        else:
            assert done.returncode == 1 and "user name or password is wrong" in line and user in line, line
            assert "passwordFile" in done.stdout and "No problems" not in done.stdout
            assert "sesame" not in done.stdout
    finally:
        broker.stop()


def test_metrics_are_what_their_names_say(make_hub, broker, receiver):
    """promtool's rules: a total is a counter, everything has a HELP line, no label of a summary on a gauge."""
    hub = make_hub(broker, [webhook(receiver)], escalation=escalation("nurses"))
    wanted = (
        "knutepunkt_outbox_pending", "knutepunkt_outbox_oldest_age_seconds", "knutepunkt_role_connected", "knutepunkt_problem",
        "knutepunkt_alerts_unacknowledged", "knutepunkt_devices_silent", "knutepunkt_ready", "knutepunkt_build_info")
    # Those of a role are there with the role.
    wait_for(lambda: all(f"# TYPE {name} " in hub.http("/metrics")[1] for name in wanted), 30, f"all of {wanted}")
    status, text = hub.http("/metrics")
    assert status == 200
    kinds = dict(line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE"))
    helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert set(kinds) == helped, sorted(set(kinds) ^ helped)
    for name, kind in kinds.items():
        assert name.endswith("_total") == (kind == "counter"), f"{name} is a {kind}"
    assert "quantile=" not in text


def test_a_device_without_an_interval_gets_what_is_usual(hub):
    """A cuff that is registered without a word about its use: its silence is told all the same, and whoever registers it hears so."""
    def add(*words):
        return subprocess.run([str(hub.binary), "device", "add", *words, "--socket", str(hub.socket)], capture_output=True, text=True, timeout=90)

    usual = add("Cuff", "--profile", "sig/blood-pressure", "--address", "C0:FF:EE:00:00:01")
    assert usual.returncode == 0 and "silent for more than 26 h" in usual.stderr, usual.stderr
    never = add("Scale", "--profile", "sig/weight-scale", "--address", "C0:FF:EE:00:00:02", "--expected-interval", "0s")
    assert never.returncode == 0 and "Nobody is told" in never.stderr, never.stderr
    assert [d["expectedIntervalSeconds"] for d in hub.get("/v1/devices")] == [26 * 3600, 0]


def test_corrections_and_the_access_log(hub):
    patient = hub.person("Kari Nordman")
    device = hub.device("bridge/pulse-oximeter", "o1", patient)

    def run(*words):
        return subprocess.run([str(hub.binary), *words, "--socket", str(hub.socket)], capture_output=True, text=True, timeout=90)

    assert "Nobody is told" in run("device", "edit", device, "--label", "Oximeter", "--reason", "test").stdout
    edited = run("device", "edit", device, "--expected-interval", "30h", "--reason", "used daily")
    assert edited.returncode == 0 and "silent for more than 30 h" in edited.stdout, edited.stderr
    assert run("patient", "edit", patient, "--name", "Kari Nordmann", "--reason", "misspelt").returncode == 0
    assert run("patient", "edit", patient, "--name", "Kari\x1b[2J", "--reason", "x").returncode == 65, "no escape sequence in a name"
    hub.kill()
    hub.start()
    known, = hub.get("/v1/patients")
    assert known["name"] == "Kari Nordmann" and known["devices"] == [device]
    kept, = hub.get("/v1/devices")
    assert (kept["label"], kept["expectedIntervalSeconds"], kept["patient"]) == ("Oximeter", 108000, patient)
    rows = run("audit", "list", "--patient", patient).stdout.splitlines()
    assert any("misspelt" in row for row in rows), rows
    assert all(patient in row for row in rows)
