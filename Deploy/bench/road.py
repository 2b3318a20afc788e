"""One gateway on the road from the broker to another system: 200 messages a second, each with four vital signs, for some twenty seconds.

What is measured of each gateway, in the same way: CPU of its processes (utime + stime of /proc, its children's too) a message, memory,
the time from the publish to the message's arrival at the other end, and what is missing there at the end after the gateway was killed
with SIGKILL in the middle and started again at once. Broker, publisher and the other end are processes of their own and not counted.
Missing is a message that the broker acknowledged to its publisher and that never came out.

Used by peers.py; knows nothing of tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Deploy/demo"))

from broker import Broker, Publisher, free_port, wait_for  # noqa: E402
from collector import number_of, temperature_of  # noqa: E402
from gateway import Destination, Gateway  # noqa: E402

NAN = float("nan")
TICK = os.sysconf("SC_CLK_TCK")
PEOPLE = 40
RATE = 200
WARM_UP_SECONDS = 4
MEASURED_SECONDS = 12
AFTER_KILL_SECONDS = 5
# Nothing more is waited for when nothing has come for so long.
QUIET_SECONDS = 8
DRAIN_SECONDS = 25


def topic_of(person: int) -> str:
    return f"knutepunkt/devices/v{person}/vitals"


def message(number: int) -> str:
    """The same bytes for every gateway."""
    values = {"spo2": 95 + number % 4, "pulse": 60 + number % 20, "respiration": 14 + number % 5, "temperature": temperature_of(number)}
    return json.dumps(values)


# -- what the kernel says of a process and its children


def family(pid: int) -> list[int]:
    found, rest = [], [pid]
    while rest:
        one = rest.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                rest += [int(child) for child in task.read_text().split()]
            except OSError:
                pass
    return found


def cpu_seconds(pid: int) -> float:
    total = 0.0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def memory_bytes(pid: int) -> dict[str, int]:
    """`Rss`, and `Private`: what only these processes have and no file could give back."""
    sums = {"Rss": 0, "Private": 0}
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name = line.split(":")[0]
            if name == "Rss":
                sums["Rss"] += int(line.split()[1]) * 1024
            elif name == "Private_Dirty":
                sums["Private"] += int(line.split()[1]) * 1024
    return sums


# -- the gateways


class Knutepunkt:
    """The hub. `delivers`: all roles in one process, FHIR out, the console open to browsers that do not come; else the core alone, whose
    other end is its own journal: what is there is durable."""

    def __init__(self, folder: Path, broker: Broker, binary: Path, delivers: bool):
        self.broker, self.delivers = broker, delivers
        destinations = []
        if delivers:
            self.other_end = Collector("fhir", free_port())
            destinations = [Destination("hospital", "fhir", f"http://127.0.0.1:{self.other_end.port}/fhir", share=("observations",))]
        self.hub = Gateway(folder / "hub", broker.port, destinations, binary)
        if not delivers:
            self.other_end = Journal(self.hub)

    def start(self):
        self.hub.start(None if self.delivers else "core")
        for person in range(PEOPLE if not self.hub.get("/v1/patients") else 0):
            body = {"name": f"Person {person}", "actor": "Installer", "reason": "bench"}
            patient = self.hub.api("POST", "/v1/patients", body)[1]["id"]
            device = {
                "label": f"monitor {person}", "profile": "generic/mqtt-vitals", "address": f"v{person}", "expectedIntervalSeconds": 0,
                "patient": patient, "actor": "Installer", "reason": "bench",
            }
            status, answer = self.hub.api("POST", "/v1/devices", device)
            if status not in (200, 201):
                raise RuntimeError(f"the hub refused a device: {answer}")
        wait_for(lambda: "Sending SUBACK to demo-hub" in self.broker.log_text(), 10, "the hub subscribes")

    @property
    def pid(self) -> int:
        return self.hub.processes["all" if self.delivers else "core"].pid

    def kill(self):
        self.hub.kill()

    def end(self):
        self.hub.stop()
        self.other_end.end()


class ThingsBoard:
    """thingsboard-gateway with its MQTT connector; the platform is a client of a second broker."""

    def __init__(self, folder: Path, broker: Broker, python: Path, storage: str):
        self.folder, self.broker, self.python = folder / "thingsboard", broker, python
        self.platform_broker = Broker(folder / "platform").start()
        self.other_end = Collector("thingsboard", self.platform_broker.port)
        config = self.folder / "config"
        config.mkdir(parents=True)
        package = next(python.parents[1].glob("lib/python*/site-packages/thingsboard_gateway"))
        # Its own configuration with the least changed: where the platform is, which store, no statistics, no rate limits.
        general = json.loads((package / "config/tb_gateway.json").read_text())
        general["thingsboard"] |= {
            "host": "127.0.0.1", "port": self.platform_broker.port, "remoteConfiguration": False,
            "statistics": {"enable": False}, "security": {"type": "accessToken", "accessToken": "bench"},
        }
        general["storage"] |= {"type": storage, "data_file_path": str(self.folder / "data") + "/", "data_folder_path": str(self.folder / "data") + "/"}
        general["connectors"] = [{"type": "mqtt", "name": "street", "configuration": "mqtt.json"}]
        (config / "tb_gateway.json").write_text(json.dumps(general))
        series = [{"type": kind, "key": key, "value": "${" + key + "}"} for key, kind in
                  (("spo2", "integer"), ("pulse", "integer"), ("respiration", "integer"), ("temperature", "double"))]
        connector = {
            # A session that the broker keeps while the gateway is away, so that a kill costs it as little as it can.
            "broker": {
                "host": "127.0.0.1", "port": broker.port, "clientId": "thingsboard", "version": 5, "maxMessageNumberPerWorker": 10,
                "maxNumberOfWorkers": 100, "cleanSession": False, "cleanStart": False, "sessionExpiryInterval": 3600,
                "security": {"type": "anonymous"},
            },
            "mapping": [{
                "topicFilter": "knutepunkt/devices/+/vitals", "subscriptionQos": 1,
                "converter": {
                    "type": "json", "sendDataOnlyOnChange": False, "timeout": 60000, "attributes": [], "timeseries": series,
                    "deviceInfo": {
                        "deviceNameExpressionSource": "topic", "deviceNameExpression": "(?<=devices/)(.*?)(?=/vitals)",
                        "deviceProfileExpressionSource": "constant", "deviceProfileExpression": "default",
                    },
                },
            }],
            "requestsMapping": {},
        }
        (config / "mqtt.json").write_text(json.dumps(connector))
        shutil.copy(package / "config/logs.json", config / "logs.json")
        (self.folder / "logs").mkdir()
        (self.folder / "data").mkdir()
        self.process: subprocess.Popen | None = None

    def start(self):
        subscriptions = self.broker.log_text().count("Sending SUBACK to thingsboard")
        environment = dict(os.environ) | {"TB_GW_CONFIG_DIR": str(self.folder / "config")}
        program = "from thingsboard_gateway.tb_gateway import main; main()"
        with (self.folder / "output.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.python), "-c", program], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"thingsboard-gateway ended: {(self.folder / 'output.log').read_text()[-2000:]}")
            return self.broker.log_text().count("Sending SUBACK to thingsboard") > subscriptions
        wait_for(ready, 60, "thingsboard-gateway subscribes", 0.1)

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.other_end.end()
        self.platform_broker.stop()


class Journal:
    """What the hub has stored, in the place of an other end. It says nothing of when: its times are the hub's own."""

    def __init__(self, hub: Gateway):
        self.hub = hub

    def count(self) -> int:
        return len(self.arrivals())

    def arrivals(self) -> dict[int, float]:
        rows = self.hub.sql(
            "SELECT o.mantissa m, o.exponent x FROM observation o JOIN vocabulary v ON v.domain = 'code' AND v.value = o.code"
            " WHERE v.name = 'temperature'")
        return {number_of(row["m"] * 10 ** row["x"]): float("nan") for row in rows}

    def end(self):
        pass


class Collector:
    """collector.py under way."""

    def __init__(self, kind: str, port: int):
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("collector.py")), kind, str(port)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the collector did not start")

    def ask(self, what: str) -> str:
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def count(self) -> int:
        return int(self.ask("count"))

    def arrivals(self) -> dict[int, float]:
        found = {int(number): at for number, at in json.loads(self.ask("end")).items()}
        self.process.wait(10)
        return found

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


# -- the run


@dataclass
class Result:
    cpu_microseconds: float
    memory: dict[str, int]
    sent: int
    acknowledged: int
    missing: int
    # Of what was sent before the kill, seconds; each that came out.
    latencies: list[float] = field(default_factory=list)
    ready_again_seconds: float = 0

    def latency(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


def publish(port: int, seconds: float):
    """Runs in a process of its own, so that its pace does not depend on the measuring."""
    publisher = Publisher(port, "bench-street")
    acknowledged: dict[int, float] = {}
    publisher.client.on_publish = lambda client, userdata, mid: acknowledged.setdefault(mid, time.monotonic())
    sent: dict[int, tuple[float, int]] = {}
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        number = len(sent)
        if number <= (now - began) * RATE:
            info = publisher.send(topic_of(number % PEOPLE), message(number))
            sent[number] = (now, info.mid)
        else:
            time.sleep(began + number / RATE - now)
    deadline = time.monotonic() + 10
    while len(acknowledged) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.05)
    publisher.close()
    print(json.dumps({number: (at, mid in acknowledged) for number, (at, mid) in sent.items()}))


def run(make, folder: Path) -> Result:
    """`make(folder, broker)` gives the gateway."""
    broker = Broker(folder / "broker").start()
    gateway = None
    try:
        gateway = make(folder, broker)
        gateway.start()
        time.sleep(2)
        seconds = WARM_UP_SECONDS + MEASURED_SECONDS + AFTER_KILL_SECONDS
        source = subprocess.Popen([sys.executable, __file__, str(broker.port), str(seconds)], stdout=subprocess.PIPE, text=True)
        time.sleep(WARM_UP_SECONDS)
        cpu, began = cpu_seconds(gateway.pid), time.monotonic()
        time.sleep(MEASURED_SECONDS)
        cpu, lasted = cpu_seconds(gateway.pid) - cpu, time.monotonic() - began
        memory = memory_bytes(gateway.pid)
        killed = time.monotonic()
        gateway.kill()
        gateway.start()
        ready_again = time.monotonic() - killed
        sent = {int(number): row for number, row in json.loads(source.communicate(timeout=60)[0]).items()}
        acknowledged = [number for number, (_, was) in sent.items() if was]
        drain(gateway, len(acknowledged))
        arrivals = gateway.other_end.arrivals()
        latencies = [arrivals[n] - at for n, (at, _) in sent.items() if arrivals.get(n, NAN) > 0 and began <= at < killed - 0.5]
        return Result(
            cpu_microseconds=cpu / (lasted * RATE) * 1e6, memory=memory, sent=len(sent), acknowledged=len(acknowledged),
            missing=sum(number not in arrivals for number in acknowledged), latencies=latencies, ready_again_seconds=ready_again)
    finally:
        if gateway:
            gateway.end()
        broker.stop()


def drain(gateway, wanted: int):
    """Waits until everything came out, or nothing has come for a while."""
    count, last = -1, time.monotonic()
    deadline = last + DRAIN_SECONDS
    while time.monotonic() < min(deadline, last + QUIET_SECONDS):
        now = gateway.other_end.count()
        if now >= wanted:
            return
        if now != count:
            count, last = now, time.monotonic()
        time.sleep(0.2)


if __name__ == "__main__":
    publish(int(sys.argv[1]), float(sys.argv[2]))
