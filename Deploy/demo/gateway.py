"""The real `knutepunkt` binary, started and asked from outside: its configuration, its processes, its command line.

Everything here goes through what people and other systems use: the configuration file, the command line, the local API
on the Unix socket, the journal file read through SQLite. Nothing is imported from the product.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
import http.client
import json
import os
from pathlib import Path
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from broker import accepts, free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
CONTROLLER = "974760673"


def default_binary() -> Path:
    return Path(os.environ.get("KNUTEPUNKT_BINARY", ROOT / ".build/debug/knutepunkt"))


@dataclass
class Destination:
    name: str
    kind: str
    url: str
    timeout: str = "5s"
    secret: str | None = None
    share: tuple = ("observations", "scores", "alerts", "doses")
    patients: str = "all"
    extra: dict = field(default_factory=dict)


class CommandFailed(Exception):
    def __init__(self, arguments, status, output, error):
        super().__init__(f"knutepunkt {' '.join(arguments)} → exit {status}: {error.strip() or output.strip()}")
        self.status, self.output, self.error = status, output, error


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    """One hub: a folder with its configuration, secrets, journal and logs, and the processes that serve it."""

    def __init__(self, folder: Path, broker_port: int, destinations: list[Destination] = (), binary: Path | None = None, **settings):
        """`settings` replace or add whole top-level sections of the configuration; `state` moves the journal."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.binary = Path(binary or default_binary())
        self.state = Path(settings.pop("state", self.folder / "state"))
        self.runtime = self.folder / "run"
        self.state.mkdir(parents=True, exist_ok=True)
        self.runtime.mkdir(exist_ok=True)
        self.socket = self.runtime / "knutepunkt.sock"
        self.console_port, self.observability_port = free_port(), free_port()
        self.file = self.folder / "knutepunkt.yaml"
        self.environment: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen] = {}
        self.configuration = self.default_configuration(broker_port, list(destinations))
        for key, value in settings.items():
            self.configuration[key] = value
        self.write_configuration()

    # -- configuration

    def default_configuration(self, broker_port: int, destinations: list[Destination]) -> dict:
        names = [d.name for d in destinations if "alerts" in d.share]
        return {
            "hub": {
                "name": "demo-hub", "controller": CONTROLLER, "timeZone": "Europe/Oslo", "language": "nb",
                "state": str(self.state), "runtime": str(self.runtime),
            },
            "profiles": {"folders": [str(ROOT / "DeviceProfiles")], "trust": "lab"},
            "realtime": {"patientsMax": 64, "devicesMax": 256, "alertsMax": 256},
            "escalation": {"receivers": [{"level": 0, "destinations": names}] if names else []},
            "links": {"mqtt": [{"name": "street", "host": "127.0.0.1", "port": broker_port}]},
            "destinations": [self.destination(d) for d in destinations],
            "sharing": [
                {"destination": d.name, "controller": CONTROLLER, "share": list(d.share), "patients": d.patients, "basis": "demonstration agreement 1"}
                for d in destinations
                if d.share
            ],
            "console": {"listen": f"127.0.0.1:{self.console_port}"},
            "observability": {"listen": f"127.0.0.1:{self.observability_port}"},
        }

    def destination(self, d: Destination) -> dict:
        section = {"name": d.name, "kind": d.kind, "url": d.url, "timeout": d.timeout, **d.extra}
        if d.secret is not None:
            file = self.folder / f"{d.name}.secret"
            file.write_text(d.secret + "\n")
            file.chmod(0o600)
            section["secretFile"] = str(file)
        return section

    def write_configuration(self):
        # JSON is YAML; one top-level section a line reads well enough.
        lines = [f"{key}: {json.dumps(value)}" for key, value in self.configuration.items()]
        self.file.write_text("\n".join(lines) + "\n")
        self.file.chmod(0o640)

    # -- life

    def start(self, role: str | None = None, wait: bool = True) -> "Gateway":
        """Starts `run`, or `run --role`; with `wait`, returns when the role can do its work."""
        name = role or "all"
        log = (self.folder / f"{name}.log").open("ab")
        command = [str(self.binary), "run", "--config", str(self.file)] + (["--role", role] if role else [])
        environment = {k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")} | self.environment
        self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)
        log.close()
        if wait and name in ("all", "core"):
            self.wait_ready(name)
        return self

    def wait_ready(self, name: str = "all", seconds: float = 60):
        def ready():
            self.assert_running(name)
            try:
                # Live and answering. `/readyz` says more: whether the broker, the other roles and the destinations are there too.
                return self.api("GET", "/livez", timeout=2)[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        wait_for(ready, seconds, f"{name} is ready")
        # The ports are opened beside the local API, and not before it. One that is taken is tried again after 10 s.
        for port in self.own_ports(name):
            wait_for(lambda: self.assert_running(name) or accepts(port), seconds, f"{name} listens on {port}")

    def own_ports(self, name: str) -> list[int]:
        """Ports that a process with this role opens, by the configuration."""
        sections = {"all": ("console", "observability"), "core": ("observability",)}[name]
        listens = [self.configuration.get(section, {}).get("listen", "off") for section in sections]
        return [int(listen.rpartition(":")[2]) for listen in listens if listen != "off"]

    def assert_running(self, name: str = "all"):
        process = self.processes[name]
        if process.poll() is not None:
            raise RuntimeError(f"knutepunkt ({name}) ended with {process.returncode}:\n{self.log_tail(name)}")

    def log_text(self, name: str = "all") -> str:
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def log_tail(self, name: str = "all", lines: int = 30) -> str:
        return "\n".join(self.log_text(name).splitlines()[-lines:])

    def stop(self, name: str | None = None, how: int = signal.SIGTERM, seconds: float = 15) -> int | None:
        """Ends one process, or all; gives the last one's exit status. One that does not end is killed, and that is an error."""
        status = None
        for key in [name] if name else list(self.processes):
            process = self.processes.pop(key, None)
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(how)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise TimeoutError(f"knutepunkt ({key}) did not end within {seconds:g} s of signal {how}:\n{self.log_tail(key)}") from None
        return status

    def kill(self, name: str | None = None):
        self.stop(name, signal.SIGKILL)

    # -- the command line

    def command(self, *arguments: str, check: bool = True, input: str | None = None, seconds: float = 60) -> subprocess.CompletedProcess:
        environment = dict(os.environ) | {"KNUTEPUNKT_SOCKET": str(self.socket)} | self.environment
        done = subprocess.run(
            [str(self.binary), *map(str, arguments)], input=input, stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True, text=True, timeout=seconds, env=environment,
        )
        if check and done.returncode != 0:
            raise CommandFailed([str(a) for a in arguments], done.returncode, done.stdout, done.stderr)
        return done

    def ask(self, *arguments: str, **options):
        """A command with --json: its answer."""
        return json.loads(self.command(*arguments, "--json", **options).stdout)

    def add_patient(self, name: str, national_id: str | None = None, actor: str = "Installer") -> str:
        more = ["--national-id", national_id] if national_id else []
        return self.ask("patient", "add", name, *more, "--as", actor, "--reason", "demonstration")["id"]

    def add_device(self, label: str, profile: str, address: str, patient: str | None = None, interval: int | None = None) -> str:
        more = ["--patient", patient] if patient else []
        more += ["--expected-interval", f"{interval}s"] if interval is not None else []
        return self.ask("device", "add", label, "--profile", profile, "--address", address, *more, "--as", "Installer", "--reason", "demonstration")["id"]

    def edit_record(self, patient: str, *fields: str, actor: str = "Installer"):
        return self.command("patient", "edit", patient, *fields, "--as", actor, "--reason", "demonstration")

    def set_plan(self, patient: str, *words: str, actor: str = "Dr Test", reason: str = "demonstration"):
        return self.command("plan", "set", patient, *words, "--as", actor, "--reason", reason)

    def observe(self, patient: str, actor: str = "Nina Nurse", **values):
        return self.ask("observe", patient, *[f"{key}={value}" for key, value in values.items()], "--as", actor)

    def alerts(self, everything: bool = True) -> list[dict]:
        return self.ask("alerts", "list", *(["--all"] if everything else []))

    def act(self, action: str, alert: str, actor: str = "Nina Nurse", **options):
        words = [w for key, value in options.items() for w in (f"--{key}", value)]
        return self.command("alerts", action, alert, "--as", actor, *words)

    # -- the local API, as any program on the machine may use it

    def api(self, method: str, path: str, body=None, timeout: float = 20):
        """(status, answer); the answer is text where it is not JSON."""
        with closing(UnixConnection(str(self.socket), timeout)) as connection:
            payload = json.dumps(body) if body is not None else None
            connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
            response = connection.getresponse()
            data = response.read().decode()
            try:
                return response.status, json.loads(data)
            except ValueError:
                return response.status, data

    def get(self, path: str):
        status, answer = self.api("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path} → {status} {answer}")
        return answer

    def status(self) -> dict:
        return self.get("/v1/status")

    def http(self, path: str, port: int | None = None, timeout: float = 15):
        with closing(http.client.HTTPConnection("127.0.0.1", port or self.observability_port, timeout=timeout)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    # -- the journal

    def sql(self, query: str, *arguments, file: Path | None = None) -> list[sqlite3.Row]:
        """Rows of the journal, read-only, while the hub runs or after."""
        with closing(sqlite3.connect(f"file:{file or self.state / 'journal.sqlite'}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(query, arguments).fetchall()

    def stored(self) -> int:
        """Observations, events and fixes in the journal."""
        return self.sql("SELECT count(*) FROM entry WHERE kind IN (1, 2, 3) AND device > 0")[0][0]

    def pending(self) -> int:
        return self.sql("SELECT count(*) FROM outbox")[0][0]

    def wait_stored(self, count: int, seconds: float = 30):
        wait_for(lambda: self.stored() >= count, seconds, f"{count} stored, {self.stored()} are", 0.05)

    def wait_delivered(self, seconds: float = 45):
        """What is in the outbox has arrived. What receivers heard of may not be there yet: it is told before it is stored."""
        wait_for(lambda: self.pending() == 0, seconds, "the outbox is empty", 0.05)


class EventStream(threading.Thread):
    """The local API's server-sent events, handed to a callback as (name, value) until closed."""

    def __init__(self, gateway: Gateway, callback):
        super().__init__(daemon=True)
        self.gateway, self.callback, self.ended = gateway, callback, threading.Event()
        self.opened = threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                with closing(UnixConnection(str(self.gateway.socket), 15)) as connection:
                    connection.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
                    response = connection.getresponse()
                    self.opened.set()
                    self.read(response)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.1)

    def read(self, response):
        name, data = "message", []
        while not self.ended.is_set():
            line = response.readline().decode().rstrip("\r\n")
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].strip())
            elif not line:
                if data:
                    self.callback(name, json.loads("\n".join(data)))
                elif response.isclosed():
                    return
                name, data = "message", []

    def close(self):
        self.ended.set()
