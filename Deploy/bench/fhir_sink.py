"""A FHIR server that takes everything at once and keeps nothing: what stands at the other end when only the hub's own cost counts.

It answers each transaction with one `201 Created` an entry, over kept connections. `GET /bundles` says how many it took.

    /usr/bin/python3 fhir_sink.py PORT
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import itertools
import json
import sys

taken = 0
numbers = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global taken
        bundle = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        taken += 1
        entries = []
        for entry in bundle["entry"]:
            kind = entry["resource"]["resourceType"]
            entries.append({"response": {"status": "201 Created", "location": f"{kind}/{next(numbers)}/_history/1"}})
        self.answer(json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries}), "application/fhir+json")

    def do_GET(self):
        self.answer(str(taken), "text/plain")

    def answer(self, text: str, kind: str):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    print("listening", flush=True)
    server.serve_forever()
