"""The command line as installers and scripts use it: words, exit codes, JSON, and what it says when something is wrong."""

import json
import os
import shutil
import subprocess

from support import ROOT, as_root, default_binary, escalation, hospital, webhook


def knutepunkt(*words, **options):
    environment = dict(os.environ) | options.pop("environment", {})
    return subprocess.run(
        [str(default_binary()), *map(str, words)], capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL, env=environment, **options)


def test_a_day_at_the_command_line(make_hub, broker, bridge, receiver):
    hub = make_hub(broker, [hospital(receiver), webhook(receiver)], escalation=escalation("nurses"))
    patient = hub.ask("patient", "add", "Kari Nordmann", "--national-id", "21815410014", "--as", "Installer", "--reason", "moved in")
    assert patient["id"] == "P1" and patient["name"] == "Kari Nordmann"
    device = hub.ask("device", "add", "SOS button, hall", "--profile", "zigbee2mqtt/sos-button", "--address", "sos-hall", "--patient", "P1",
                     "--expected-interval", "30m", "--as", "Installer")
    assert device["patient"] == "P1" and device["expectedIntervalSeconds"] == 1800
    oximeter = hub.ask("device", "add", "Oximeter", "--profile", "bridge/pulse-oximeter", "--address", "o1", "--as", "Installer")
    assert oximeter["patient"] is None if "patient" in oximeter else True
    assert hub.ask("device", "assign", "D2", "P1", "--as", "Installer")["patient"] == "P1"
    plan = hub.ask("plan", "set", "P1", "--scale", "2", "--oxygen", "oxygen", "--limit", "spo2:red<85,yellow<88,delay=5m,hysteresis=2",
                   "--dose", "0=08:00+30m", "--night", "23:00-06:00+10m", "--geofence", "59.91,10.75,300m", "--as", "Dr Berg", "--reason", "prescribed")
    kinds = {item["item"]["kind"]: item for item in plan["items"]}
    assert set(kinds) == {"spo2Scale", "oxygen", "limits", "dose", "nightWatch", "geofence"}
    assert kinds["spo2Scale"]["author"] == "Dr Berg" and kinds["spo2Scale"]["reason"] == "prescribed"
    assert kinds["limits"]["item"]["redLow"] == "84" and kinds["limits"]["item"]["yellowLow"] == "87"

    bridge.oximeter("o1", 90, 80)
    hub.wait_stored(1)
    entered = hub.ask("observe", "P1", "respiration=18", "consciousness=A", "systolic=120", "temperature=37.0", "--as", "Nina Nurse")
    assert len(entered["sequences"]) == 4 and entered["score"]["complete"] and entered["score"]["low"] == 2
    bridge.sos("sos-hall")
    alert = hub.alert("sos")
    listed = hub.ask("alerts", "list")
    assert [a["id"] for a in listed] == [alert["id"]]
    assert hub.ask("alerts", "acknowledge", alert["id"][:8], "--as", "Nina Nurse")["state"] == "acknowledged"
    assert hub.command("alerts", "acknowledge", alert["id"], "--as", "Nina", check=False).returncode == 65, "twice is not possible"
    assert hub.command("alerts", "resolve", alert["id"], "--as", "Nina", check=False).returncode == 64, "a comment is required"
    assert hub.ask("alerts", "resolve", alert["id"], "--comment", "Helped up", "--as", "Nina Nurse")["state"] == "resolved"
    assert hub.ask("alerts", "list") == []
    assert len(hub.ask("alerts", "list", "--all")) == 1

    explained = hub.ask("explain", alert["id"])
    assert explained["rule"] == "sos" and explained["evidence"] and [s["change"] for s in explained["history"]][-1] == "resolved"
    score = hub.ask("explain", "P1")
    assert {e["what"] for e in score["evidence"]} >= {"respiration", "spo2", "systolic", "temperature"}
    assert hub.command("explain", "P1").stdout.count("\n") > 5

    status = hub.ask("status")
    assert status["live"] and status["patients"] == 1 and status["devices"] == 2
    assert "live" in hub.command("status").stdout
    assert hub.ask("quarantine", "list")["frames"] == []
    hub.wait_delivered()
    assert hub.ask("outbox", "list") == []
    assert hub.ask("audit", "verify")["intact"]
    assert hub.ask("console", "link", "--as", "Nina Nurse")["url"].startswith("http")
    assert [p["id"] for p in hub.ask("patient", "list")] == ["P1"]
    assert len(hub.ask("device", "list")) == 2
    hub.command("device", "release", "D2", "--reason", "returned", "--as", "Installer")
    hub.command("device", "end", "D2", "--reason", "broken", "--as", "Installer")
    assert len(hub.ask("device", "list")) == 1
    hub.command("patient", "end", "P1", "--reason", "moved", "--as", "Installer")
    assert hub.ask("patient", "list") == []


def test_every_read_has_json_that_parses_and_text_without_colour_in_a_pipe(hub):
    for words in (["status"], ["patient", "list"], ["device", "list"], ["alerts", "list"], ["outbox", "list"], ["quarantine", "list"], ["audit", "verify"]):
        json.loads(hub.command(*words, "--json").stdout)
        assert "\x1b[" not in hub.command(*words).stdout, words


def test_exit_codes_when_nothing_runs(folder):
    nowhere = {"KNUTEPUNKT_SOCKET": str(folder / "nothing.sock")}
    for words in (["status"], ["alerts", "list"], ["patient", "add", "X"], ["observe", "P1", "respiration=12"]):
        done = knutepunkt(*words, environment=nowhere)
        assert done.returncode == 69, (words, done.stderr)
        assert "running" in done.stderr and len(done.stderr.splitlines()) <= 4


def test_wrong_usage_is_64_and_says_what_is_allowed():
    for words, said in (
        (["nonsense"], "nonsense"), (["observe", "P1", "respiration"], "KEY=VALUE"), (["observe", "Kari", "respiration=12"], "P7"),
        (["plan", "set", "P1", "--scale", "3", "--reason", "x"], "allowed"), (["plan", "set", "P1", "--reason", "x"], "--scale"),
        (["device", "add", "X", "--profile", "a/b", "--address", "c", "--expected-interval", "soon"], "30m"),
        (["patient", "add", "X", "--national-id", "123"], "11 digits"), (["run", "--role", "king"], "core"),
    ):
        done = knutepunkt(*words)
        assert done.returncode == 64, (words, done.returncode, done.stderr)
        assert said in done.stderr, (words, done.stderr)


def test_what_the_core_refuses_is_65_and_names_the_reason(hub):
    hub.person()
    for words, said in (
        (["observe", "P99", "respiration=12"], "P99"), (["explain", "00000000-0000-0000-0000-000000000000"], "alert"),
        (["device", "add", "X", "--profile", "no/such", "--address", "a"], "no/such"), (["plan", "show", "P42"], "P42"),
        (["observe", "P1", "temperature=400"], "temperature"), (["alerts", "acknowledge", "ffffffff"], "ffffffff"),
    ):
        done = hub.command(*words, check=False)
        assert done.returncode == 65, (words, done.returncode, done.stdout, done.stderr)
        assert said in done.stderr, (words, done.stderr)


def test_two_devices_cannot_have_one_address(hub):
    hub.device("bridge/thermometer", "t1")
    body = {"label": "Other", "profile": "bridge/thermometer", "address": "t1", "actor": "Installer", "reason": "test"}
    status, answer = hub.api("POST", "/v1/devices", body)
    assert status == 409 and answer["error"], answer


def test_profile_commands_need_no_hub(folder):
    profiles = ROOT / "DeviceProfiles"
    done = knutepunkt("profile", "check", profiles)
    assert done.returncode == 0, done.stdout + done.stderr
    done = knutepunkt("profile", "list", profiles)
    assert done.returncode == 0 and "zigbee2mqtt/sos-button" in done.stdout, done.stderr
    broken = folder / "DeviceProfiles/sig/broken.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text((profiles / "sig/thermometer.yaml").read_text().replace("sig/thermometer", "sig/broken") + "\nnonsense: 1\n")
    done = knutepunkt("profile", "check", folder / "DeviceProfiles")
    assert done.returncode in (65, 78), done.stdout + done.stderr
    line = len(broken.read_text().splitlines())
    assert f"broken.yaml:{line}:1: " in done.stdout + done.stderr, done.stdout + done.stderr


def test_help_and_version_are_quick_and_whole():
    assert knutepunkt("--version").stdout.startswith("knutepunkt ")
    text = knutepunkt("--help").stdout
    for word in ("run", "check", "status", "patient", "device", "plan", "observe", "alerts", "explain", "outbox", "score", "profile", "78"):
        assert word in text, word


def test_a_reader_that_goes_away_is_no_fault(hub):
    done = subprocess.run(
        ["bash", "-c", f"{hub.binary} status --help | head -1; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, timeout=90)
    assert done.returncode in (0, 141), done.stderr


def test_strangers_may_not_speak_to_the_core(hub, folder):
    # The binary may stand in a folder that is closed to others: a copy with its resources stands in one that is not.
    open_folder = folder / "open"
    open_folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    shutil.copy2(hub.binary, open_folder)
    for bundle in default_binary().parent.glob("*.resources"):
        shutil.copytree(bundle, open_folder / bundle.name)
    hub.folder.chmod(0o755)
    hub.folder.parent.chmod(0o755)
    hub.runtime.chmod(0o755)
    done = subprocess.run(
        [*as_root(), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(open_folder / hub.binary.name), "status", "--socket", str(hub.socket)],
        capture_output=True, text=True, timeout=90)
    assert done.returncode == 77, (done.returncode, done.stderr)
