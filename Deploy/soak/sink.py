"""The receivers of a long run: a hospital's FHIR end and a response centre's webhook, which keep what the ledger asks about.

Unlike Deploy/demo/receiver.py they find a known identifier at once however many there are, and keep no request. A delivery that comes
again must be the same as the first; one that is not is an identity given twice.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
import hashlib
import hmac
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading
import time

import traffic

MEASUREMENT = "urn:knutepunkt:measurement"  # Says which measurement, not which resource: several resources may bear one.


class Sink:
    """One HTTP server: `/fhir` takes transactions, `/nurses` signed webhooks. `on_call(event)` and `on_value(number)` hear first arrivals."""

    def __init__(self, secret: str, on_call=lambda event: None, on_value=lambda number: None):
        self.secret, self.on_call, self.on_value = secret.encode(), on_call, on_value
        self.lock = threading.Lock()
        self.events: dict[str, tuple] = {}           # webhook id → what identifies the change
        self.alerts: dict[str, list[dict]] = {}      # alert id → its changes, as they came first
        self.again = 0                               # deliveries under a known id
        self.faults: list[str] = []
        self.known: dict[tuple, Decimal | None] = {}  # (type, identifier) → value
        self.temperatures: Counter = Counter()       # number → resources
        self.resent = 0
        self.failing = 0                             # status to answer with; 0: as it should be
        self.server: ThreadingHTTPServer | None = None
        self.port = 0

    def start(self) -> "Sink":
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = sink.take(self.path, self.headers, body)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json" if "resourceType" in answer else "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # Cut connections are what is tried.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def take(self, path: str, headers, body: bytes) -> tuple[int, dict]:
        if self.failing:
            return self.failing, {"error": "told to fail"}
        try:
            value = json.loads(body, parse_float=Decimal)
        except ValueError:
            return 400, {"error": "not JSON"}  # A request that was cut: the hub sends it again.
        if path.startswith("/fhir"):
            return 200, self.bundle(value)
        identity = headers.get("Knutepunkt-Id", "")
        signed = f"{headers.get('Knutepunkt-Timestamp', '')}.{identity}.".encode() + body
        wanted = "v1=" + hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
        with self.lock:
            if not any(hmac.compare_digest(wanted, one.strip()) for one in headers.get("Knutepunkt-Signature", "").split(",")):
                self.faults.append(f"the signature of {identity} is wrong")
                return 401, {"error": "signature"}
            is_new = self.change(identity, value)
        if is_new and value["kind"] == "raised" and value["rule"] == "sos":
            self.on_call(value)
        return 200, {"id": identity}

    def change(self, identity: str, value: dict) -> bool:
        # What happens to an alert once is the same change though it was told, lost in a crash before it was stored, and came again later.
        order = None if value["kind"] in ("raised", "resolved", "cleared") else value.get("order")
        mark = (*(value.get(k) for k in ("alertId", "kind", "rule", "priority", "state", "level", "revision")), order)
        known = self.events.get(identity)
        if known is None:
            self.events[identity] = mark
            kept = {k: value.get(k) for k in ("kind", "rule", "state", "order", "revision", "raisedAt")}
            self.alerts.setdefault(value["alertId"], []).append(kept | {"device": value.get("device", {}).get("hubDevice")})
            return True
        self.again += 1
        if known != mark:
            self.faults.append(f"webhook id {identity} was {known} and is {mark}")
        return False

    def bundle(self, bundle: dict) -> dict:
        answers, arrived = [], []
        with self.lock:
            for entry in bundle.get("entry", []):
                resource, request = entry.get("resource", {}), entry.get("request", {})
                answers.append({"response": self.resource(resource, request, arrived)})
        for number in arrived:
            self.on_value(number)
        return {"resourceType": "Bundle", "type": f"{bundle.get('type')}-response", "entry": answers}

    def resource(self, resource: dict, request: dict, arrived: list[int]) -> dict:
        kind = resource.get("resourceType", "?")
        given = resource.get("identifier", [])
        named = [f"{i.get('system')}|{i.get('value')}" for i in (given if isinstance(given, list) else [given]) if i.get("system") != MEASUREMENT]
        key = (kind, named[0] if named else request.get("url", ""))
        quantity = resource.get("valueQuantity", {})
        value = Decimal(quantity["value"]) if quantity.get("code") == "Cel" else None
        if not named and request.get("method") != "PUT":
            self.faults.append(f"a {kind} without an identifier")
        is_new = key not in self.known
        if is_new:
            self.known[key] = value
            number = traffic.number_of(value) if value is not None else None
            if number is not None:
                self.temperatures[number] += 1
                arrived.append(number)
        else:
            self.resent += 1
            if self.known[key] != value:
                self.faults.append(f"{kind} {key[1]} had the value {self.known[key]} and has {value}")
        status = "201 Created" if is_new else "200 OK"
        return {"status": status, "location": f"{kind}/{hashlib.md5(key[1].encode()).hexdigest()}/_history/1", "etag": 'W/"1"'}


class Latencies:
    """Samples of one kind of way, taken out a minute at a time. Bound: 20 000 a minute; more are counted and not kept."""

    def __init__(self):
        self.lock = threading.Lock()
        self.samples: list[float] = []
        self.begun: dict = {}

    def begin(self, key):
        with self.lock:
            if len(self.begun) > 50_000:
                self.begun.clear()
            self.begun.setdefault(key, time.monotonic())

    def forget(self, key):
        with self.lock:
            self.begun.pop(key, None)

    def end(self, key):
        with self.lock:
            began = self.begun.pop(key, None)
            if began is not None and len(self.samples) < 20_000:
                self.samples.append(time.monotonic() - began)

    def take(self) -> tuple[float, float, float, int]:
        """p50, p99, largest (ms; nan: none) and the number of samples since the last call."""
        with self.lock:
            samples, self.samples = sorted(self.samples), []
        if not samples:
            return float("nan"), float("nan"), float("nan"), 0
        at = lambda share: samples[min(len(samples) - 1, int(len(samples) * share))] * 1_000  # noqa: E731
        return at(0.5), at(0.99), samples[-1] * 1_000, len(samples)
