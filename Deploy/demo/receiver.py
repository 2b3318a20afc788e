"""What stands at the other end: a hospital's FHIR server and a response centre's webhook, in one small HTTP server.

Every request is written as one JSON line before it is answered. The FHIR end takes transaction bundles, honours
`ifNoneExist` and PUT, and answers with a transaction-response; the webhook end checks the signature and echoes the
event's id. It can be told to fail (500, 400, 403), to answer late, to hang, or to be gone. It trusts nothing it gets.

    /usr/bin/python3 receiver.py --port 8080 --folder received --secret-file secret
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from dataclasses import dataclass, field
import hashlib
import hmac
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
from pathlib import Path
import threading
import time
from urllib.parse import parse_qs

from ports import free_port


@dataclass
class Behaviour:
    """How one path answers. `status` 200 is health; `delay` in seconds comes first, also before a failure."""

    status: int = 200
    delay: float = 0.0
    body: dict | None = None


@dataclass
class FHIRStore:
    """Resources by type, found again by identifier or id. Duplicates are kept, so that they can be counted."""

    resources: dict = field(default_factory=lambda: defaultdict(list))
    created: Counter = field(default_factory=Counter)
    resent: Counter = field(default_factory=Counter)
    errors: list = field(default_factory=list)
    bundles: int = 0

    def transaction(self, bundle: dict, statuses: dict[str, list[str]] | None = None) -> tuple[int, dict]:
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("transaction", "batch"):
            self.errors.append(f"not a transaction: {bundle.get('resourceType')} {bundle.get('type')}")
            return 400, outcome("the body is not a transaction bundle")
        self.bundles += 1
        answers = []
        for entry in bundle.get("entry", []):
            told = (statuses or {}).get(entry.get("resource", {}).get("resourceType"))
            answers.append({"status": told.pop(0)} if told else self.entry(entry))
        return 200, {"resourceType": "Bundle", "type": bundle["type"] + "-response", "entry": [{"response": a} for a in answers]}

    def entry(self, entry: dict) -> dict:
        request, resource = entry.get("request", {}), entry.get("resource", {})
        kind = resource.get("resourceType", "?")
        method = request.get("method")
        if method == "PUT":
            reference = request.get("url", "")
            name = reference.partition("/")[2]
            if "?" in reference:
                return self.conditional(kind, resource, reference.partition("?")[2], update=True)
            for index, known in enumerate(self.resources[kind]):
                if known.get("id") == name:
                    self.resources[kind][index] = resource
                    self.resent[kind] += 1
                    return answer(200, kind, name)
            return self.create(kind, {**resource, "id": name})
        if method == "POST":
            condition = request.get("ifNoneExist")
            return self.conditional(kind, resource, condition) if condition else self.create(kind, resource)
        self.errors.append(f"method {method!r}")
        return answer(405, kind, "?")

    def conditional(self, kind: str, resource: dict, condition: str, update=False) -> dict:
        wanted = parse_qs(condition).get("identifier", [""])[0]
        if not wanted:
            self.errors.append(f"a condition without identifier: {condition}")
        for index, known in enumerate(self.resources[kind]):
            if wanted in identifiers(known):
                self.resent[kind] += 1
                if update:
                    self.resources[kind][index] = {**resource, "id": known["id"]}
                return answer(200, kind, known["id"])
        if wanted not in identifiers(resource):
            self.errors.append(f"{kind}: the condition {wanted} names an identifier that the resource lacks")
        return self.create(kind, resource)

    def create(self, kind: str, resource: dict) -> dict:
        self.created[kind] += 1
        resource.setdefault("id", f"{kind[:3].lower()}{self.created[kind]}")
        self.resources[kind].append(resource)
        return answer(201, kind, resource["id"])

    def duplicates(self) -> list[str]:
        """Identifiers that more than one resource of a kind carries. One that finds doubles is no identity but a hint."""
        result = []
        for kind, resources in self.resources.items():
            for name, count in Counter(i for r in resources for i in identifiers(r)).items():
                if count > 1 and not name.startswith(("|", "urn:knutepunkt:measurement|")):
                    result.append(f"{kind} {name} ×{count}")
        return result


def identifiers(resource: dict) -> list[str]:
    value = resource.get("identifier", [])
    return [f"{i.get('system', '')}|{i.get('value', '')}" for i in (value if isinstance(value, list) else [value])]


def answer(status: int, kind: str, name: str) -> dict:
    words = {200: "200 OK", 201: "201 Created", 405: "405 Method Not Allowed"}
    return {"status": words[status], "location": f"{kind}/{name}/_history/1", "etag": 'W/"1"'}


def outcome(text: str) -> dict:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid", "diagnostics": text}]}


class Receiver:
    """One HTTP server. `/fhir` is the FHIR end; every other path is a webhook named after it."""

    def __init__(self, folder: Path, secrets: dict[str, str] | None = None, port: int = 0):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets = secrets or {}
        self.lock = threading.RLock()
        self.behaviour: dict[str, Behaviour] = defaultdict(Behaviour)
        self.fhir: dict[str, FHIRStore] = defaultdict(FHIRStore)
        self.bundles: list[dict] = []
        self.events: dict[str, list[dict]] = defaultdict(list)
        self.deliveries: dict[str, Counter] = defaultdict(Counter)
        # A name in a Patient that matches several records of ours (412), and what single entries of a type are answered with.
        self.conflicts: dict[str, str] = {}
        self.entry_status: dict[str, dict[str, list[str]]] = defaultdict(dict)
        # Webhooks that take stamps within five minutes of their clock only, as docs/webhook.md says.
        self.strict: set[str] = set()
        # Webhooks that answer "ok" instead of the echo.
        self.plain: set[str] = set()
        self.refused: list[str] = []
        self.requests: Counter = Counter()
        self.arrivals: dict[str, list[float]] = defaultdict(list)
        # Kept while the receiver is away, so not one that the kernel gives.
        self.port = port or free_port()
        self.server: ThreadingHTTPServer | None = None

    # -- life

    def start(self) -> "Receiver":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                receiver.handle(self)

            do_PUT = do_POST

            def do_GET(self):
                if "?" in self.path:
                    return receiver.reply(self, 200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
                receiver.reply(self, 200, {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1"})

            def log_message(self, *_):
                pass

            def log_error(self, form, *words):
                """What the library answers by itself: a request that is none, a method or a line that it does not take."""
                receiver.refused.append(f"not by us: {form % words}")

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # A client that goes away in the middle is one of the things under test.

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        """Gone: connections are refused until `start` again, on the same port."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path.lstrip('/')}"

    # -- requests

    def handle(self, request: BaseHTTPRequestHandler):
        name = request.path.strip("/").split("?")[0]
        if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = read_chunks(request.rfile)
        else:
            body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        with self.lock:
            self.requests[name] += 1
            self.arrivals[name].append(time.monotonic())
            behaviour = self.behaviour[name]
            status, delay, fixed = behaviour.status, behaviour.delay, behaviour.body
        if delay:
            time.sleep(delay)
        if status >= 300:
            return self.reply(request, status, fixed or outcome(f"told to answer {status}"))
        with self.lock:
            status, answered = self.accept(name, request.headers, body)
            self.write(name, status, body)
        self.reply(request, status, answered)

    def accept(self, name: str, headers, body: bytes) -> tuple[int, dict]:
        try:
            value = json.loads(body)
        except ValueError:
            self.refused.append(f"{name}: not JSON")
            return 400, outcome("not JSON")
        if name.startswith("fhir"):
            conflict = self.conflicts.get(name)
            if conflict and any(conflict in json.dumps(e["resource"]) for e in value.get("entry", [])):
                return 412, outcome("several records match")
            self.bundles.append(value)
            return self.fhir[name].transaction(value, self.entry_status[name])
        return self.webhook(name, headers, body, value)

    def webhook(self, name: str, headers, body: bytes, value: dict) -> tuple[int, dict]:
        secret = self.secrets.get(name)
        timestamp = headers.get("Knutepunkt-Timestamp", "")
        identity = headers.get("Knutepunkt-Id", value.get("id", ""))
        if secret is not None:
            signed = f"{timestamp}.{identity}.".encode() + body
            wanted = "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
            # Several signatures stand side by side while a secret is being changed: one of them must be ours.
            given = headers.get("Knutepunkt-Signature", "").split(",")
            if not any(hmac.compare_digest(wanted, one.strip()) for one in given):
                self.refused.append(f"{name}: signature of {identity}")
                return 401, {"error": "signature"}
            if name in self.strict and abs(time.time() - int(timestamp)) >= 300:
                self.refused.append(f"{name}: stamp of {identity}")
                return 401, {"error": "stamp"}
        self.deliveries[name][identity] += 1
        if self.deliveries[name][identity] == 1:
            self.events[name].append(value)
        return 200, "ok" if name in self.plain else {"id": identity}

    def write(self, name: str, status: int, body: bytes):
        line = {"at": time.time(), "path": name, "status": status, "body": body.decode(errors="replace")}
        with (self.folder / f"{name.replace('/', '-')}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    @staticmethod
    def reply(request: BaseHTTPRequestHandler, status: int, value: dict | str):
        payload = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/fhir+json" if "resourceType" in value else "application/json")
        request.send_header("Content-Length", str(len(payload)))
        request.end_headers()
        request.wfile.write(payload)

    # -- questions

    def set(self, name: str, status: int = 200, delay: float = 0.0, body: dict | None = None):
        with self.lock:
            self.behaviour[name] = Behaviour(status, delay, body)

    def resources(self, kind: str, name: str = "fhir") -> list[dict]:
        with self.lock:
            return list(self.fhir[name].resources[kind])

    def heard(self, name: str) -> list[dict]:
        with self.lock:
            return list(self.events[name])


def read_chunks(stream) -> bytes:
    body = b""
    while True:
        size = int(stream.readline().split(b";")[0].strip() or b"0", 16)
        if size == 0:
            while stream.readline().strip():
                pass
            return body
        body += stream.read(size)
        stream.readline()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--secret-file", type=Path, help="the webhooks' shared secret")
    arguments = parser.parse_args()
    secret = arguments.secret_file.read_text().strip() if arguments.secret_file else None
    secrets = defaultdict(lambda: secret) if secret else {}
    receiver = Receiver(arguments.folder, secrets, arguments.port).start()
    print(f"FHIR at {receiver.url('fhir')}, webhooks at {receiver.url('NAME')}, lines in {arguments.folder}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
