"""What the hub costs: CPU a message and wake-ups, beside a real broker, at a steady rate and at rest.

The release binary runs in one process with the roles that the configuration wants; people have pulse oximeters behind MQTT, and 200
messages a second (SpO₂ and pulse) come at an even pace. CPU is utime + stime of all the hub's threads from /proc; broker, publisher and
receivers are other processes and not counted. Each configuration runs alone, so that figures are comparable within one run of this file
only: another load on the machine makes them larger.

    /usr/bin/python3 Deploy/bench/cost.py [--binary FILE] [--seconds 10] [--rate 200] [--idle 30] [--only core,forward,console,fhir,idle] [--threads]

What it does not do: latency (Sources/Benchmarks), many persons, alarms.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Deploy/demo"))

from broker import Broker, Publisher, free_port, wait_for  # noqa: E402
from gateway import Destination, Gateway  # noqa: E402
import sigframes  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
PEOPLE = 40
WARM_UP_SECONDS = 3

CONFIGURATIONS = {
    # What runs: (role, destinations, console).
    "core": ("the core alone, until durable", "core", False, False),
    "forward": ("with the forward role, nothing to deliver", None, False, False),
    "console": ("with the console, no browser open", None, False, True),
    "fhir": ("with a FHIR destination, no console", None, True, False),
    "all": ("all roles, FHIR delivered, no browser", None, True, True),
}


def threads(pid: int) -> dict[str, dict]:
    """CPU seconds and context switches of every thread, by id."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            run_nanoseconds = int((task / "schedstat").read_text().split()[0])
            status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[task.name] = {
            "name": name, "cpu": run_nanoseconds / 1e9, "ticks": (int(fields[11]) + int(fields[12])) / TICK,
            "switches": int(status["voluntary_ctxt_switches"]),
        }
    return found


def process_cpu(pid: int) -> float:
    """Seconds of the whole process, with threads that have ended meanwhile."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def counters(hub: Gateway) -> dict:
    """What else the hub did in the time: commits, and reads of the board."""
    _, text = hub.http("/metrics")
    wanted = ("knutepunkt_commits_total",)
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith(wanted)}


class Difference:
    def __init__(self, pid: int):
        self.pid, self.before, self.cpu, self.at = pid, threads(pid), process_cpu(pid), time.monotonic()

    def take(self) -> dict:
        after, seconds = threads(self.pid), time.monotonic() - self.at
        by_name: dict[str, list] = {}
        for number, now in after.items():
            was = self.before.get(number, {"cpu": 0, "switches": 0})
            row = by_name.setdefault(now["name"], [0.0, 0])
            row[0] += now["cpu"] - was["cpu"]
            row[1] += now["switches"] - was["switches"]
        cpu = sum(row[0] for row in by_name.values())
        # Threads that ended in between are in the process's own account only, which counts in hundredths of a second.
        return {
            "seconds": seconds, "cpu": max(cpu, process_cpu(self.pid) - self.cpu - 0.02), "switches": sum(row[1] for row in by_name.values()),
            "threads": by_name,
        }


def publish(port: int, rate: float, seconds: float):
    """Runs in a process of its own, so that its pace does not depend on the measuring."""
    publisher = Publisher(port, "bench-bridge")
    count, began = 0, time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if count <= (now - began) * rate:
            publisher.send(f"ble/o{count % PEOPLE}/2a5f", sigframes.plx_continuous(95 + count // PEOPLE % 4, 60 + count % 20))
            count += 1
        else:
            time.sleep(began + count / rate - now)
    wait_for(lambda: publisher.taken >= count, 20, "the broker has taken all")
    publisher.close()
    print(count)


def run(name: str, options, folder: Path) -> dict:
    words, role, has_fhir, has_console = CONFIGURATIONS["all" if name == "idle" else name]
    broker = Broker(folder / "broker").start()
    receiver = None
    hub = None
    try:
        destinations = []
        if has_fhir:
            port = free_port()
            receiver = subprocess.Popen(
                [sys.executable, str(ROOT / "Deploy/bench/fhir_sink.py"), str(port)], stdout=subprocess.PIPE, text=True)
            receiver.stdout.readline()
            destinations = [Destination("hospital", "fhir", f"http://127.0.0.1:{port}/fhir")]
        settings = {} if has_console else {"console": {"listen": "off"}}
        if options.window:
            link = {"name": "street", "host": "127.0.0.1", "port": broker.port, "ackHold": options.window}
            settings |= {"journal": {"groupWindow": options.window}, "links": {"mqtt": [link]}}
        hub = Gateway(folder / "hub", broker.port, destinations, options.binary, **settings)
        hub.start(role)
        for number in range(PEOPLE):
            body = {"name": f"Person {number}", "actor": "Installer", "reason": "bench"}
            patient = hub.api("POST", "/v1/patients", body)[1]["id"]
            device = {
                "label": f"oximeter {number}", "profile": "bridge/pulse-oximeter", "address": f"o{number}", "expectedIntervalSeconds": 0,
                "patient": patient, "actor": "Installer", "reason": "bench",
            }
            status, answer = hub.api("POST", "/v1/devices", device)
            assert status in (200, 201), answer
        wait_for(lambda: "Sending SUBACK to demo-hub" in broker.log_text(), 10, "the broker has the hub's subscriptions")
        pid = hub.processes[role or "all"].pid
        if name == "idle":
            time.sleep(5)
            measured = Difference(pid)
            time.sleep(options.idle)
            result = measured.take() | {"words": "all roles at rest, no browser", "messages": 0}
            return result
        seconds = WARM_UP_SECONDS + options.seconds + 1
        source = subprocess.Popen(
            [sys.executable, __file__, "--publish", str(broker.port), "--rate", str(options.rate), "--seconds", str(seconds)],
            stdout=subprocess.PIPE, text=True)
        time.sleep(WARM_UP_SECONDS)
        stored, commits = hub.stored(), counters(hub)
        bundles = hub_bundles(receiver, port) if receiver else 0
        measured = Difference(pid)
        if options.perf:
            subprocess.run(["perf", "record", "-q", "-F", "999", "-g", "-p", str(pid), "-o", f"{options.perf}.{name}", "--", "sleep", str(options.seconds)])
        else:
            time.sleep(options.seconds)
        result = measured.take()
        result["messages"] = (hub.stored() - stored) / 2
        result["commits"] = sum(counters(hub).values()) - sum(commits.values())
        if receiver:
            result["bundles"] = hub_bundles(receiver, port) - bundles
        sent = int(source.communicate(timeout=60)[0].split()[-1])
        hub.wait_stored(sent * 2, 30)
        if receiver:
            hub.wait_delivered(60)
        return result | {"words": words}
    finally:
        if hub:
            hub.stop()
        broker.stop()
        if receiver:
            receiver.terminate()
            receiver.wait(10)


def hub_bundles(receiver, port: int) -> int:
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/bundles", timeout=5) as answer:
        return int(answer.read())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/knutepunkt")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--only", default="core,forward,console,fhir,all,idle")
    parser.add_argument("--window", help="journal.groupWindow and ackHold, like 50ms, in place of the defaults")
    parser.add_argument("--threads", action="store_true", help="CPU and wake-ups by thread")
    parser.add_argument("--perf", help="record with perf into FILE.configuration")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--publish", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        return publish(options.publish, options.rate, options.seconds)
    results = {}
    print(f"{'':44} {'CPU µs/msg':>10} {'CPU %':>7} {'wake-ups/s':>10} {'commits/s':>9} {'bundles/s':>9}")
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory(prefix="knutepunkt-cost-") as folder:
            result = results[name] = run(name, options, Path(folder))
        seconds, messages = result["seconds"], result["messages"]
        each = f"{result['cpu'] / messages * 1e6:10.0f}" if messages else f"{'–':>10}"
        print(
            f"{result['words']:44} {each} {result['cpu'] / seconds * 100:7.2f} {result['switches'] / seconds:10.1f}"
            f" {result.get('commits', 0) / seconds:9.1f} {result.get('bundles', 0) / seconds:9.1f}", flush=True)
        if options.threads:
            for thread, (cpu, switches) in sorted(result["threads"].items(), key=lambda row: -row[1][0]):
                if cpu > 0 or switches:
                    of_message = f"{cpu / messages * 1e6:10.0f}" if messages else f"{cpu / seconds * 1e6:8.0f}/s"
                    print(f"    {thread:40} {of_message} {cpu / seconds * 100:7.2f} {switches / seconds:10.1f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
