#!/usr/bin/env python3
"""A receiver for FHIR transactions and webhooks, for tests: receiver.py FOLDER [tls] prints "port N", then serves
until it is ended or its input closes. With `tls` it shows receiver-certificate.pem, which nobody but a test trusts.

The first part of the path says how it behaves (/ok, /status-500, /slow, ...). It keeps what conditional creates and
updates give it, so that a resend is found and not made twice. GET /log returns every request, GET /store the counts.
It shares no code with the product: what it understands of FHIR is written here a second time, on purpose.
"""
import gzip
import json
import pathlib
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

folder = pathlib.Path(sys.argv[1])
lock = threading.Lock()
log = []
store = {}  # (type, identifier search) -> number of times it was made


def transaction(bundle, entry_status=None, skip=0):
    """The answer to a transaction: 201 for what is new, 200 for what is there."""
    answers = []
    for number, entry in enumerate(bundle["entry"]):
        request = entry["request"]
        kind, _, query = request["url"].partition("?")
        condition = unquote(request.get("ifNoneExist") or query)
        own = entry["resource"]["identifier"]
        if not any(condition == "identifier=%s|%s" % (i.get("system"), i["value"]) for i in own):
            return None  # The condition must be one of the resource's own identifiers.
        key = "%s?%s" % (kind, condition)
        status = "200 OK"
        if key not in store:
            store[key] = 1
            status = "201 Created"
        elif request["method"] == "PUT":
            store[key] += 1
        if entry_status and number == len(bundle["entry"]) - 1:
            outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "value", "diagnostics": "bad value"}]}
            answers.append({"response": {"status": entry_status, "outcome": outcome}})
            continue
        answers.append({"response": {"status": status, "location": "%s/%d/_history/1" % (kind, number + 1)}})
    (folder / "store.json").write_text(json.dumps(store))
    if skip:
        answers = answers[:-skip]
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, body):
        log.append({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body})
        (folder / "log.json").write_text(json.dumps(log))

    def answer(self, status, content, kind="application/fhir+json", fields=()):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlparse(self.path)
        mode = url.path.split("/")[1]
        with lock:
            self.note("")
            kind = url.path.split("/")[-1]
            condition = "identifier=" + parse_qs(url.query)["identifier"][0]
            total = 2 if mode == "several" and "%s?%s" % (kind, condition) in store else 0
        self.answer(200, {"resourceType": "Bundle", "type": "searchset", "total": total})

    def do_POST(self):
        mode = self.path.split("/")[1]
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with lock:
            self.note(body)
        if mode == "ok" or mode == "several" or mode == "conflict":
            with lock:
                result = transaction(json.loads(body)) if mode != "conflict" else None
            if mode == "ok":
                return self.answer(200, result) if result else self.answer(400, {"resourceType": "OperationOutcome"})
            return self.answer(412, {"resourceType": "OperationOutcome", "issue": [{"code": "multiple-matches"}]})
        if mode.startswith("status-"):
            quoted = "rejected: " + body[:5000]  # Servers quote what they refuse.
            outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid", "diagnostics": quoted}]}
            fields = [("Retry-After", "7")] if mode == "status-429" else []
            fields += [("Location", "/ok" if "Bundle" in body else "/echo")] if mode in ("status-307", "status-301") else []
            return self.answer(int(mode[7:]), outcome, fields=fields)
        if mode.startswith("elsewhere-"):
            return self.answer(307, {}, fields=[("Location", "http://127.0.0.1:%s/ok" % mode[10:])])
        if mode == "loop":
            return self.answer(308, {}, fields=[("Location", "/loop")])
        if mode == "word":
            return self.answer(200, b"ok", "text/html")
        if mode == "nothing":
            return self.answer(204, b"")
        if mode == "gzip":
            with lock:
                value = transaction(json.loads(body)) if "Bundle" in body else {"id": json.loads(body)["id"]}
            return self.answer(200, gzip.compress(json.dumps(value).encode()), fields=[("Content-Encoding", "gzip")])
        if mode == "bomb":
            return self.answer(200, gzip.compress(b" " * 200_000_000), fields=[("Content-Encoding", "gzip")])
        if mode == "entry-400" or mode == "entry-412":
            with lock:
                return self.answer(200, transaction(json.loads(body), entry_status=mode[6:] + " Error"))
        if mode == "short":
            with lock:
                return self.answer(200, transaction(json.loads(body), skip=1))
        if mode == "garbage":
            return self.answer(200, b"<html>Please sign in</html>", "text/html")
        if mode == "huge":
            return self.answer(200, b"[" + b" " * (5 * 1024 * 1024) + b"]")
        if mode == "close":
            self.close_connection = True
            return self.connection.close()
        if mode == "slow":
            return time.sleep(3)
        if mode == "trickle":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(30):
                try:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
            return
        if mode == "echo":
            return self.answer(202, {"id": json.loads(body)["id"].upper(), "more": True}, "application/json")
        if mode == "stranger":
            return self.answer(200, {"id": "00000000-0000-8000-8000-000000000000"}, "application/json")
        self.answer(404, b"no such mode", "text/plain")


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.daemon_threads = True
if "tls" in sys.argv[2:]:
    here = pathlib.Path(__file__).parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(here / "receiver-certificate.pem", here / "receiver-key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("port %d" % server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()  # Ends with the test that started it, however that ended.
