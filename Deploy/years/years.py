"""Years: a journal of ten million entries over 400 days, and everything that operations does to one, each under traffic.

    /usr/bin/python3 Deploy/years/years.py --entries 10000000 --folder .build/years [--seed 7] [--quiet-lock FILE]

The journal is made by the core and the writer themselves (`Benchmarks years-journal`). Then the hub runs on it as its three roles beside
mosquitto, homes press alarm buttons and send values, and one after the other: nothing is done (the base of all ratios), a restart, a
restart with a cold disk cache, the upgrade from the release before, other sizes, a backup, its proof, a purge of all but a day, and a
restore into another folder while the first hub still serves. Each has a row: how long it took, press → response centre against the base,
how long a value entered by hand waited for the disk, the start afterwards, memory, files. Written as Markdown (table.txt) and JSON (years.json).

Exit status 1: a press was lost, told twice or told under another's id, or rows are missing. Times are for people to judge.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
import fcntl
import json
import os
from pathlib import Path
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("years", "soak", "demo")]

import aged  # noqa: E402
from broker import Broker, free_port, wait_for  # noqa: E402
from gateway import ROOT, Destination, Gateway, default_binary  # noqa: E402
from homes import SECRET, Homes, spread  # noqa: E402
import table  # noqa: E402

ROLES = ("core", "forward", "console")
SIZES = {"patientsMax": 256, "devicesMax": 1_024, "alertsMax": 4_096}
GROWN = {"patientsMax": 4_096, "devicesMax": 16_384, "alertsMax": 16_384}
# What is there still fits: 120 people, 480 devices, and the alerts that the nurse has not closed yet.
SHRUNK = {"patientsMax": 128, "devicesMax": 512, "alertsMax": 1_024}
# As knutepunkt-backup.service starts it: Nice=19, IOSchedulingClass=idle.
LOW = ("nice", "-n", "39", "ionice", "-c", "3")
# For how long the lock of builds is held at a time, at least; a row that has begun is finished.
LOCK_SECONDS = 140


def cpu_seconds() -> float:
    """What all processors of the machine have done so far: who reads the figures must know whether it was ours alone."""
    fields = [int(f) for f in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Ready:
    """systemd's side of sd_notify, for one start."""

    def __init__(self, path: Path):
        self.path = path
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def wait(self, hub: Gateway, seconds: float) -> float:
        """The moment of READY=1."""
        deadline = time.monotonic() + seconds
        self.socket.settimeout(0.2)
        while time.monotonic() < deadline:
            try:
                if b"READY=1" in self.socket.recv(4_096).split(b"\n"):
                    return time.monotonic()
            except TimeoutError:
                hub.assert_running("core")
        raise TimeoutError(f"the core was not ready within {seconds:g} s\n{hub.log_tail('core')}")

    def close(self):
        self.socket.close()
        self.path.unlink(missing_ok=True)


class Years:
    def __init__(self, folder: Path, seed: int, seconds: float, lock: Path | None = None, say=print, presses: float = 10, readings: float = 40):
        """`seconds`: how long traffic is measured where an operation does not say it itself."""
        self.folder, self.seconds, self.lock, self.say = Path(folder).resolve(), seconds, lock, say
        self.folder.mkdir(parents=True, exist_ok=True)
        # A Unix socket's path has 107 bytes.
        self.short = Path(tempfile.mkdtemp(prefix="kp-years."))
        port = free_port()
        self.broker = Broker(self.short / "broker", port=port, configuration=(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nautosave_interval 1\nmax_inflight_messages 1000\nmax_queued_messages 0\n"
            "set_tcp_nodelay true\n"))
        self.broker.file.write_text(self.broker.file.read_text().replace("log_type all", "log_type error\nlog_type warning"))
        self.broker.start()
        self.homes = Homes(port, seed, presses, readings)
        self.hub = self.gateway("hub")
        self.rows: list[dict] = []
        self.held, self.held_since = None, 0.0
        self.passed = 0.0
        self.faults: list[str] = []

    def gateway(self, name: str) -> Gateway:
        sink = f"http://127.0.0.1:{self.homes.sink.port}"
        return Gateway(
            self.short / name, self.broker.port, [
                Destination("nurses", "webhook", f"{sink}/nurses", secret=SECRET, share=("alerts",)),
                Destination("hospital", "fhir", f"{sink}/fhir", share=("observations", "scores")),
            ], state=self.folder / name,
            escalation={"high": ["1h"], "receivers": [{"level": 0, "destinations": ["nurses"]}]},
            realtime=SIZES | {"lockMemory": False},
            # Longer than the journal is old: nothing goes before it is meant to.
            journal={"retention": "430d"})

    @property
    def journal(self) -> Path:
        return self.hub.state / "journal.sqlite"

    # -- the hub

    def start(self, seconds: float = 600) -> float:
        """All roles. From the core's spawn to READY, when alarms are accepted, seconds."""
        ready = Ready(self.short / "ready")
        self.hub.environment["NOTIFY_SOCKET"] = str(ready.path)
        began = time.monotonic()
        self.hub.start("core", wait=False)
        del self.hub.environment["NOTIFY_SOCKET"]
        took = ready.wait(self.hub, seconds) - began
        ready.close()
        for role in ROLES[1:]:
            self.hub.start(role)
        self.homes.serve(self.hub)
        return took

    def stop(self):
        for role in reversed(ROLES):
            if self.hub.stop(role, seconds=60) != 0:
                self.faults.append(f"{role} did not end well")

    def connected(self):
        wait_for(lambda: self.hub.status()["links"][0]["state"] == "connected", 60, "the link is up")
        wait_for(lambda: self.hub.status()["roles"].get("forward") == "connected", 60, "the forward role listens")

    def peak(self) -> float:
        """The core's largest resident memory since `quiet`, MiB."""
        status = Path(f"/proc/{self.hub.processes['core'].pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    # -- measuring

    def quiet(self):
        """From here on something is measured: with the lock that builds on this machine take, if one was named. Held for some minutes, then
        given away once, so that nobody waits for all of it."""
        if self.lock is None or self.held and time.monotonic() - self.held_since < LOCK_SECONDS:
            return
        self.loud()
        self.held = self.lock.open("w")
        fcntl.flock(self.held, fcntl.LOCK_EX)
        self.held_since = time.monotonic()

    def loud(self):
        if self.held:
            self.held.close()
            self.held = None
            time.sleep(1)

    @contextmanager
    def row(self, name: str):
        """What is measured belongs to this row of the table."""
        row = {"what": name}
        if "core" in self.hub.processes:
            self.quiet()
            Path(f"/proc/{self.hub.processes['core'].pid}/clear_refs").write_text("5")
        began, busy = time.monotonic(), cpu_seconds()
        yield row
        until = row.pop("until", time.monotonic())
        row["machine CPU"] = (cpu_seconds() - busy) / (time.monotonic() - began)
        if not self.homes.settle(90):
            self.faults.append(f"{name}: {self.homes.missing()} presses were not told")
        began = row.pop("from", began)
        calls, stored = self.homes.since(began, until)
        row["press"], row["store"] = spread(calls), spread(stored)
        row["core MiB"] = self.peak()
        row |= aged.sizes(self.journal)
        self.rows.append(row)
        self.say(table.line(row, self.rows[0]))

    def traffic(self, seconds: float):
        self.homes.begin()
        time.sleep(seconds)

    def idle(self):
        self.connected()
        self.traffic(1)
        with self.row("nothing else") as row:
            row["took"] = self.seconds
            time.sleep(self.seconds)

    def restart(self, name: str, change=lambda: None, seconds: float | None = None, **sections):
        """The hub ends and starts while people press. What is pressed meanwhile waits at the broker, for as long as `waited` says: until the
        forward role has started, too. The row's latencies are of presses after that. `change` is not measured: nobody presses then."""
        self.quiet()
        self.homes.pause()
        self.homes.settle()
        stopping = time.monotonic()
        self.stop()
        stopped = time.monotonic() - stopping
        change()
        self.hub.configuration |= sections
        self.hub.write_configuration()
        self.homes.begin()
        time.sleep(0.3)
        with self.row(name) as row:
            began = time.monotonic()
            row["start ms"] = self.start() * 1_000
            row["stop ms"] = stopped * 1_000
            self.connected()
            row["from"] = time.monotonic()
            row["took"] = row["from"] - began
            time.sleep(seconds or self.seconds / 2)
            self.homes.settle()
            # Of who pressed before: how long the start kept them waiting, beyond the time before it.
            row["waited ms"] = max((c.began + c.seconds - max(c.began, began) for c in self.homes.since(0, row["from"])[0] if c.began + c.seconds > began), default=0) * 1_000
        row["notes"] = [n for n in self.hub.status().get("notes", [])]
        return row

    def command(self, name: str, *words, before: tuple = ()) -> dict:
        """A command beside the running hub, with a row of its own. `before`: what it is started with."""
        with self.row(name) as row:
            began = time.monotonic()
            process = subprocess.Popen([*before, str(self.hub.binary), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output = process.stdout.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            row["until"] = time.monotonic()
            row["took"] = row["until"] - began
            row["command MiB"], row["command CPU s"] = usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime
            if process.returncode != 0:
                self.faults.append(f"{name} ended with {process.returncode}: {output[-300:]}")
        return row

    # -- what is tried

    def rows_unchanged(self, before: dict[str, int], what: str, of: Path | None = None):
        after = aged.counts(of or self.journal)
        # Scores of what the older program's retention is said to have passed by: retention looks at them again.
        kept = set(before) - ({"scores"} if self.passed else set())
        lost = {name: (before[name], after[name]) for name in sorted(kept) if after[name] < before[name]}
        if lost:
            self.faults.append(f"{what}: rows are missing: {lost}")

    def upgrade(self, passed: float):
        before, self.passed = {}, passed

        def age():
            before.update(aged.counts(self.journal))
            aged.to_version_3(self.journal, passed)

        self.restart("upgrade from the release before", age)
        self.rows_unchanged(before, "upgrade")
        if aged.number(self.journal, "PRAGMA user_version") <= 3:
            self.faults.append("the journal was not brought up to date")

    def resize(self):
        self.restart("sizes grown", realtime=self.hub.configuration["realtime"] | GROWN)
        row = self.restart("sizes shrunk to what fits", realtime=self.hub.configuration["realtime"] | SHRUNK)
        if any("Max" in note for note in row["notes"]):
            self.faults.append(f"what fits did not fit: {row['notes']}")
        row = self.restart("sizes smaller than what is there", realtime=self.hub.configuration["realtime"] | {"devicesMax": 100})
        if not any("devicesMax" in note for note in row["notes"]):
            self.faults.append(f"nothing was said of the size that is too small: {row['notes']}")
        self.restart("sizes as before", realtime=self.hub.configuration["realtime"] | SIZES)

    def backup(self) -> tuple[Path, Path]:
        key, file = self.folder / "years.key", self.folder / "years.age"
        for old in (key, file):
            old.unlink(missing_ok=True)
        subprocess.run([str(self.hub.binary), "backup", "keygen", "--output", str(key)], check=True, capture_output=True)
        public = next(line.split()[-1] for line in key.read_text().splitlines() if "public key" in line)
        self.command("backup", "backup", "--config", self.hub.file, "--to", file, "--recipient", public, before=LOW)
        self.command("verify", "verify", file, "--key", key, "--work", self.folder)
        return file, key

    def purge(self, days: int = 1):
        """All but a day. The step's own pace decides how long that takes."""
        last, before = aged.number(self.journal, "SELECT max(sequence) FROM entry"), aged.counts(self.journal)
        self.restart("retention lowered", journal={"retention": f"{days}d"}, seconds=0.1)
        with self.row(f"purge of all but {days} d") as row:
            began, through = time.monotonic(), aged.purged_through(self.journal)
            goal, moved = aged.purgeable(self.journal, int(time.time() * 1_000) - days * 86_400_000), began
            while through < goal and time.monotonic() - moved < 120:
                time.sleep(0.25)
                now = aged.purged_through(self.journal)
                if now != through:
                    through, moved = now, time.monotonic()
            row["took"] = time.monotonic() - began
            row["purged through"] = through
            # Some seconds of traffic where there was little to purge.
            time.sleep(max(0, self.seconds / 4 - row["took"]))
        if through < goal:
            self.faults.append(f"the purge stands at {through} of {goal}")
        after = aged.counts(self.journal)
        row["rows gone"] = before["observations"] - after["observations"]
        row["entries a second"] = round(row["rows gone"] / max(0.001, row["took"]))
        for kept in ("alerts", "transitions", "people", "devices", "access rows"):
            if after[kept] < before[kept]:
                self.faults.append(f"purge: {kept} are gone")
        if row["rows gone"] < 0.5 * last:
            self.faults.append(f"only {row['rows gone']} of {last} were purged")
        self.restart("restart after the purge")

    def restore(self, file: Path, key: Path):
        """Into another folder, while the first hub still serves; then that one goes on in its place."""
        other = self.gateway("other")
        self.command("restore", "restore", file, "--config", other.file, "--key", key, "--reason", "years", "--yes")
        told = set(self.homes.sink.alerts)

        def exchange():
            self.hub = other

        self.restart("start of the restored hub", exchange)
        again = [a for a in self.homes.sink.alerts if a in told and sum(c["kind"] == "raised" for c in self.homes.sink.alerts[a]) > 1]
        if again:
            self.faults.append(f"the restored hub gave {len(again)} ids again")

    def close(self):
        self.loud()
        self.homes.pause()
        for role in reversed(ROLES):
            if role in self.hub.processes:
                self.hub.stop(role, seconds=60)
        self.homes.close()
        self.broker.stop()
        shutil.rmtree(self.short, ignore_errors=True)


def run(folder: Path, entries: int, days: int = 400, seed: int = 7, seconds: float = 40, passed: float = 0, made: Path | None = None,
        lock: Path | None = None, say=print, presses: float = 10, readings: float = 40) -> dict:
    """`made`: a journal that was made before, which is copied. Needs five times the journal's size of disk: five gigabytes for ten million
    entries."""
    years = Years(folder, seed, seconds, lock, say, presses, readings)
    if made is None:
        aged.make(years.journal, entries, days, default_binary().parent / "Benchmarks")
    else:
        shutil.copy(made, years.journal)
    # What the kernel still had to write of it would be measured.
    os.sync()
    try:
        before = aged.counts(years.journal)
        first = years.start()
        years.idle()
        years.restart("restart")
        years.restart("restart, nothing in the disk cache", lambda: aged.forget_pages(years.hub.state))
        years.upgrade(passed)
        years.resize()
        file, key = years.backup()
        years.rows_unchanged(before, "at the backup")
        years.purge()
        years.restore(file, key)
        years.rows_unchanged(before, "restore")
        years.restart("restart of the restored hub, nothing in the disk cache", lambda: aged.forget_pages(years.hub.state))
        if years.hub.command("audit", "verify", check=False, seconds=600).returncode != 0:
            years.faults.append("the access log is broken")
    finally:
        years.close()
    faults = years.faults + years.homes.faults()
    result = {
        "entries": entries, "days": days, "seed": seed, "first start ms": first * 1_000, "presses": years.homes.sent.total(),
        "readings": years.homes.readings, "surplus": years.homes.surplus, "rows": years.rows, "before": before, "wrong": faults,
    }
    (folder / "years.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "table.txt").write_text(table.markdown(result))
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--seconds", type=float, default=40, help="of traffic where an operation does not say how long")
    parser.add_argument("--passed", type=float, default=0, help="share of the entries that the upgrade has to walk over")
    parser.add_argument("--made", type=Path, help="a journal of an earlier run, which is copied")
    parser.add_argument("--quiet-lock", type=Path, help="held while something is measured, so that builds that take it wait")
    parser.add_argument("--folder", type=Path, default=ROOT / ".build/years")
    parser.add_argument("--keep", action="store_true", help="leave the journals where they are")
    arguments = parser.parse_args()
    say = lambda *words: print(*words, flush=True)  # noqa: E731
    for name in ("hub", "other"):
        shutil.rmtree(arguments.folder / name, ignore_errors=True)
    result = run(
        arguments.folder, arguments.entries, arguments.days, arguments.seed, arguments.seconds, arguments.passed, arguments.made,
        arguments.quiet_lock, say)
    if not arguments.keep:
        for name in ("hub", "other"):
            shutil.rmtree(arguments.folder / name, ignore_errors=True)
        (arguments.folder / "years.age").unlink(missing_ok=True)
    say("", table.markdown(result))
    say(f"written to {arguments.folder}: table.txt and years.json")
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
