"""What is shipped beside the binary: units, configuration, completions, Makefile; each tried with its own tool."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from support import ROOT, default_binary

UNITS = sorted((ROOT / "systemd").glob("*.service")) + sorted((ROOT / "systemd").glob("*.target")) + sorted((ROOT / "systemd").glob("*.timer"))
SERVICES = [unit.name for unit in UNITS if unit.suffix == ".service"]


def run(*words, **options):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **options)


def test_systemd_analyze_verify_accepts_the_units(folder):
    for unit in UNITS:
        # The binary stands where it was built, not yet in /usr/bin.
        (folder / unit.name).write_text(unit.read_text().replace("/usr/bin/knutepunkt", str(default_binary())))
    done = run("systemd-analyze", "verify", "--man=no", *[folder / unit.name for unit in UNITS])
    said = [line for line in (done.stdout + done.stderr).splitlines() if "knutepunkt" in line]
    assert done.returncode == 0 and said == [], said


@pytest.mark.parametrize("unit", SERVICES)
def test_exposure_is_at_most_1_6(unit):
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", ROOT / "systemd" / unit)
    level = float(re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout).group(1))
    assert level <= 1.6, done.stdout


def test_bluetoothd_is_started_again(folder):
    """What is laid over Debian's unit: systemd takes it, and it says that a crash is not the end."""
    unit = folder / "bluetooth.service"
    unit.write_text("[Unit]\nDescription=stands for Debian's\n[Service]\nType=dbus\nBusName=org.bluez\nExecStart=/bin/true\n")
    over = folder / "bluetooth.service.d"
    shutil.copytree(ROOT / "systemd/bluetooth.service.d", over)
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert done.returncode == 0 and "bluetooth" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert "\nRestart=on-failure\n" in (over / "50-knutepunkt.conf").read_text()


def test_units_name_only_roles_and_options_that_exist():
    text = run(default_binary(), "run", "--help").stdout
    for unit in SERVICES:
        if unit == "knutepunkt-backup.service":
            assert "\nExecStart=/usr/bin/knutepunkt backup --config /etc/knutepunkt/knutepunkt.yaml\n" in (ROOT / "systemd" / unit).read_text()
            continue
        command = re.search(r"ExecStart=/usr/bin/knutepunkt run --role (\w+) --config", (ROOT / "systemd" / unit).read_text())
        assert command and command.group(1) in text


def test_sysusers_and_tmpfiles_are_understood(folder):
    for tool, name in (("systemd-sysusers", "knutepunkt.sysusers"), ("systemd-tmpfiles", "knutepunkt.tmpfiles")):
        words = [tool, f"--root={folder}", *(["--create"] if "tmpfiles" in tool else []), ROOT / "systemd" / name]
        (folder / "etc").mkdir(exist_ok=True)
        done = run(*words)
        assert done.returncode == 0, done.stderr
    assert "knutepunkt" in (folder / "etc/passwd").read_text()
    assert (folder / "etc/knutepunkt/secrets").stat().st_mode & 0o777 == 0o750


def test_the_example_configuration_is_accepted(folder):
    shutil.copy(ROOT / "Deploy/knutepunkt.example.yaml", folder / "knutepunkt.yaml")
    text = (folder / "knutepunkt.yaml").read_text()
    profiles = folder / "DeviceProfiles"
    profiles.symlink_to(ROOT / "DeviceProfiles")
    text = text.replace("/usr/share/knutepunkt/DeviceProfiles", str(profiles)).replace(", /etc/knutepunkt/profiles", "")
    (folder / "knutepunkt.yaml").write_text(text)
    secrets = folder / "secrets"
    secrets.mkdir()
    for name in re.findall(r"secrets/([\w.-]+)", text):
        (secrets / name).write_text("a secret of sufficient length\n")
        (secrets / name).chmod(0o600)
    done = run(default_binary(), "check", "--config", folder / "knutepunkt.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_complete(shell, folder):
    done = run(default_binary(), "--generate-completion-script", shell)
    assert done.returncode == 0 and "knutepunkt" in done.stdout
    for word in ("patient", "alerts", "outbox", "profile", "score", "explain"):
        assert word in done.stdout, word
    if shell == "bash":
        (folder / "completion").write_text(done.stdout)
        assert run("bash", "-n", folder / "completion").returncode == 0


class Systemd:
    """A socket of our own stands in for systemd's: what arrives there is what systemd gets."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(30)
        self.seen: list[str] = []

    def start(self, hub):
        environment = dict(os.environ) | {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": "2000000"}
        command = ["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh", str(hub.binary), "run", "--config", str(hub.file)]
        with (hub.folder / "all.log").open("ab") as log:
            hub.processes["all"] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        return hub.processes["all"]

    def until(self, what: str, times: int = 1) -> str:
        """The message that holds `what` for the n-th time from now on."""
        found = ""
        while times > 0:
            found = self.socket.recv(65536).decode()
            self.seen.append(found)
            times -= what in found
        return found


@pytest.fixture
def systemd(folder):
    systemd = Systemd(folder)
    yield systemd
    systemd.socket.close()


def test_ready_status_and_watchdog_are_told_to_systemd(make_hub, broker, systemd):
    hub = make_hub(broker, start=False)
    process = systemd.start(hub)
    systemd.until("READY=1")
    systemd.until("WATCHDOG=1", 3)
    status = [line for message in systemd.seen for line in message.splitlines() if line.startswith("STATUS=")]
    assert status and len(status[0]) > 15, systemd.seen
    process.terminate()
    systemd.until("STOPPING=1")
    assert process.wait(30) == 0


def test_reload_keeps_the_hub_running_and_tells_systemd(make_hub, broker, systemd):
    """`systemctl reload` sends SIGHUP; systemd 252 wants RELOADING=1 and MONOTONIC_USEC in one message, then READY=1."""
    hub = make_hub(broker, start=False)
    process = systemd.start(hub)
    systemd.until("READY=1")
    process.send_signal(signal.SIGHUP)
    message = systemd.until("RELOADING=1")
    assert "MONOTONIC_USEC=" in message, message
    systemd.until("READY=1")
    assert process.poll() is None and hub.status()["live"]


def test_make_help_lists_what_the_readme_promises():
    text = run("make", "-s", "help", cwd=ROOT).stdout
    for target in ("demo", "test", "bench", "format", "lint", "build", "install"):
        assert f"make {target} " in text


def test_requirements_can_be_repeated_and_say_nothing_when_nothing_is_missing():
    done = run(ROOT / "Deploy/requirements.sh", "test")
    assert done.returncode == 0 and done.stdout == "", done.stdout
    assert run(ROOT / "Deploy/requirements.sh", "everything").returncode == 64


def test_bad_configurations_exit_78_and_say_where(folder):
    file = folder / "bad.yaml"
    cases = {
        "hub: {controller: \"974760673\"}\nnonsense: 1\n": "2:1: ",
        "hub: {controller: \"123\"}\n": "1:19: ",
        "hub:\n  controller: \"974760673\"\n  timeZone: Mars/Olympus\n": "3:13: ",
        "hub: {controller: \"974760673\"}\nescalation: {high: [soon]}\n": "2:21: ",
        "hub: [\n": ":",
        "hub: {controller: \"974760673\"}\ndestinations:\n  - {name: a, kind: pigeon, url: https://x.example}\n": "3:21: ",
    }
    for text, place in cases.items():
        file.write_text(text)
        for words in (["check"], ["run"]):
            done = run(default_binary(), *words, "--config", file)
            assert done.returncode == 78, (text, words, done.returncode, done.stderr)
            assert f"{file}:" in done.stdout + done.stderr and place in done.stdout + done.stderr, (text, done.stdout + done.stderr)
    assert run(default_binary(), "run", "--config", folder / "missing.yaml").returncode == 78
