"""What the process tests share: a hub with short words for what tests do often, and patience without sleeping.

The hub, the broker and the receivers are those of the demonstration (Deploy/demo); this adds registration through the
local API, which is quicker than a process per command. The command line itself is tested in test_command_line.py.
"""

from __future__ import annotations

from collections import Counter
import json
import os
import time

from broker import Broker, Publisher, accepts, free_port, wait_for  # noqa: F401  (re-exported)
from gateway import CONTROLLER, ROOT, CommandFailed, Destination, EventStream, Gateway, default_binary  # noqa: F401
from receiver import Receiver  # noqa: F401
import sigframes

NURSE = "Nina Nurse"
SECRET = "a-shared-secret-of-the-tests-0123456789"

# Bounds of the product in seconds, with room for a machine on which all else takes three times as long as on ours. What a test waits for
# may come as late as all the bounds on its way together.
#
# ReconnectPause: a link tries again within 10 s, however long or often its broker was away. What counts from "connected" begins then.
LINKED = 30
# HubWatch: listed after 3 s unwell, told after 30 s, over after 60 s well; and a pulse of a second.
LISTED, TOLD, OVER = 15, 45, 85
# The board and the roles hear of a change with the core's next pulse.
PULSE = 10


class Hub(Gateway):
    """A gateway with people and devices in a word each. All answers are those of the local API."""

    broker: Broker | None = None

    def post(self, path: str, body: dict, expect: int = 200):
        status, answer = self.api("POST", path, body)
        assert status == expect or (expect == 200 and status == 201), f"POST {path} → {status} {answer}"
        return answer

    def person(self, name: str = "Kari Test", national_id: str | None = None, **plan) -> str:
        body = {"name": name, "nationalID": national_id, "actor": "Installer", "reason": "test"}
        return self.post("/v1/patients", {k: v for k, v in body.items() if v is not None})["id"]

    def device(self, profile: str, address: str, patient: str | None = None, interval: int | None = 0, label: str | None = None) -> str:
        body = {
            "label": label or profile, "profile": profile, "address": address, "expectedIntervalSeconds": interval,
            "patient": patient, "actor": "Installer", "reason": "test",
        }
        device = self.post("/v1/devices", {k: v for k, v in body.items() if v is not None})["id"]
        self.wait_subscribed()
        return device

    def wait_subscribed(self):
        """What is sent before the broker has the hub's subscriptions is nobody's. Homes do not notice, tests would."""
        if self.broker and self.broker.process and self.processes:
            wait_for(lambda: "Sending SUBACK to demo-hub" in self.broker.log_text(), 30, "the broker has the hub's subscriptions")

    def plan(self, patient: str, *items: dict):
        return self.post(f"/v1/plans/{patient}", {"items": list(items), "actor": "Dr Test", "reason": "test"})

    def enter(self, patient: str, expect: int = 200, **values):
        body = {"patient": patient, "values": {k: str(v) for k, v in values.items()}, "origin": "staff", "actor": NURSE}
        return self.post("/v1/observations", body, expect)

    def all_alerts(self) -> list[dict]:
        return self.get("/v1/alerts?state=all&limit=1000")

    def open_alerts(self) -> list[dict]:
        return self.get("/v1/alerts?state=open&limit=1000")

    def alert(self, rule: str, seconds: float = 20, **fields) -> dict:
        """The newest alert of this rule with these fields, as soon as there is one."""
        def find():
            found = [a for a in self.all_alerts() if a["rule"] == rule and all(a.get(k) == v for k, v in fields.items())]
            return found[-1] if found else None
        try:
            return wait_for(find, seconds, f"alert {rule} {fields}")
        except TimeoutError as error:
            seen = [(a["rule"], a["state"], a["change"]) for a in self.all_alerts()]
            raise AssertionError(f"{error}; there are {seen}") from None

    def link_is_up(self):
        """As the hub sees it; just after its broker fell it may not have seen that yet."""
        wait_for(lambda: self.status()["links"][0]["state"] == "connected", LINKED, "the link is connected")

    def alert_action(self, alert: str, action: str, expect: int = 200, **words):
        return self.post(f"/v1/alerts/{alert}/{action}", {"actor": NURSE, **words}, expect)

    def metrics(self) -> dict[str, float]:
        """Sample (name with labels) → value of the Prometheus text."""
        status, text = self.http("/metrics")
        assert status == 200
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and not line.startswith("#")}

    def quarantined(self) -> Counter:
        return Counter(self.get("/v1/quarantine")["counts"])

    def values(self, code: str) -> list[str]:
        """Every stored value of one kind, in order, as decimals."""
        rows = self.sql(
            "SELECT o.mantissa m, o.exponent x FROM observation o JOIN vocabulary v ON v.domain = 'code' AND v.value = o.code"
            " WHERE v.name = ? ORDER BY o.sequence", code)
        return [decimal(row["m"], row["x"]) for row in rows]


def as_root() -> list[str]:
    """What to put before a command that needs root; sudo without a question, as Deploy/requirements.sh needs it anyway."""
    return [] if os.getuid() == 0 else ["sudo", "-n"]


def stop_all(hubs):
    """Ends what a factory of hubs has started."""
    for hub in hubs:
        for process in list(hub.processes):
            try:
                hub.stop(process, seconds=5)
            except TimeoutError:
                pass  # Killed by then; a test about stopping says so itself.


def decimal(mantissa: int, exponent: int) -> str:
    from decimal import Decimal

    return f"{Decimal(mantissa).scaleb(exponent).normalize():f}"


class Bridge(Publisher):
    """A home's bridge: sends devices' bytes through the broker."""

    def __init__(self, broker: Broker, client_id: str = "bridge", **options):
        super().__init__(broker.port, client_id, **options)

    def oximeter(self, address: str, spo2: int, pulse: int):
        return self.send(f"ble/{address}/2a5f", sigframes.plx_continuous(spo2, pulse))

    def temperature(self, address: str, value, **options):
        from decimal import Decimal

        exponent = Decimal(value).as_tuple().exponent
        frame = bytes([0]) + sigframes.float32(value, exponent)
        return self.send(f"ble/{address}/2a1c", frame, **options)

    def cuff(self, address: str, systolic: int, diastolic: int, pulse: int):
        return self.send(f"ble/{address}/2a35", sigframes.blood_pressure(systolic, diastolic, (systolic + 2 * diastolic) // 3, pulse))

    def sos(self, address: str):
        return self.send(f"zigbee2mqtt/{address}", json.dumps({"action": "emergency", "battery": 80, "linkquality": 100}))


def numbered_temperatures(count: int, start: int = 0) -> list[str]:
    """Distinct values, so that each can be found again: 36.000, 36.001, …"""
    return [f"{36 + (start + n) / 1000:.3f}" for n in range(count)]


def normal(values: list[str]) -> list[str]:
    from decimal import Decimal

    return [f"{Decimal(v).normalize():f}" for v in values]


def webhook(receiver: Receiver, name: str = "nurses", share=("alerts",), **options) -> Destination:
    receiver.secrets[name] = SECRET
    return Destination(name, "webhook", receiver.url(name), secret=SECRET, share=share, **options)


def hospital(receiver: Receiver, name: str = "hospital", path: str = "fhir", **options) -> Destination:
    return Destination(name, "fhir", receiver.url(path), **options)


def escalation(*names: str, high=("60s",), medium=("5m",), low=("1h",)) -> dict:
    return {
        "high": list(high), "medium": list(medium), "low": list(low),
        "receivers": [{"level": level, "destinations": list(names)} for level in (0, 1)] if names else [],
    }


def wait_for_a_new_second():
    """Waits until the wall clock shows another second: what a device then says in whole seconds is of now, and not of the moment
    before it was registered."""
    now = int(time.time())
    wait_for(lambda: int(time.time()) > now, 5, "a new second")


def subscriptions(broker: Broker) -> int:
    """How often the broker has taken the hub's subscriptions: the hub sends them with each connection."""
    return broker.log_text().count("Sending SUBACK to demo-hub")


def restarted(broker: Broker):
    """Killed and there again, and the hub with it: not merely still called connected by a hub that has not noticed yet."""
    before = subscriptions(broker)
    broker.kill()
    broker.start()
    wait_for(lambda: subscriptions(broker) > before, LINKED, "the hub is back at the broker")


def heard(receiver: Receiver, name: str = "nurses", rule: str | None = None, kind: str | None = None) -> list[dict]:
    return [e for e in receiver.heard(name) if (rule is None or e["rule"] == rule) and (kind is None or e["kind"] == kind)]


def wait_heard(receiver: Receiver, rule: str, kind: str = "raised", name: str = "nurses", seconds: float = 20, count: int = 1) -> list[dict]:
    def find():
        found = heard(receiver, name, rule, kind)
        return found if len(found) >= count else None
    try:
        return wait_for(find, seconds, f"{name} hears {rule} {kind}")
    except TimeoutError as error:
        raise AssertionError(f"{error}; it heard {[(e['rule'], e['kind']) for e in receiver.heard(name)]}; refused {receiver.refused}") from None
