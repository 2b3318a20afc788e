"""The other end of the road, in a process of its own: takes what a gateway delivers and notes when each message came out.

A message is known by its body temperature, which no other has (36.0000, 36.0001, …; road.py). `fhir PORT` is a FHIR server that takes
every transaction at once; `thingsboard PORT` is a client of the broker on that port that plays the platform: it tells a gateway that
asks that there are no rate limits. A line on standard input ends it: it prints {"number": first arrival, …} as JSON and exits.

    /usr/bin/python3 Deploy/bench/collector.py fhir|thingsboard PORT
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import itertools
import json
import socket
import sys
import threading
import time

NORMAL = 36
arrivals: dict[int, float] = {}


def number_of(temperature) -> int:
    """36.0123 → 123."""
    return round((float(temperature) - NORMAL) * 10_000)


def temperature_of(number: int) -> float:
    return round(NORMAL + number / 10_000, 4)


def note(temperature, now: float):
    arrivals.setdefault(number_of(temperature), now)


class FHIRServer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # One packet an answer: else its body waits for the peer's delayed acknowledgement.
    ids = itertools.count(1)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        now = time.monotonic()
        entries = []
        for entry in json.loads(body)["entry"]:
            resource = entry["resource"]
            for coding in resource.get("code", {}).get("coding", []):
                if coding.get("code") == "8310-5":
                    note(resource["valueQuantity"]["value"], now)
            entries.append({"response": {"status": "201 Created", "location": f"{resource['resourceType']}/{next(self.ids)}/_history/1"}})
        answer = json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    def log_message(self, *_):
        pass


class QuickServer(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address


def play_platform(port: int):
    import paho.mqtt.client as mqtt

    none = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}
    limits = {"maxPayloadSize": 65_536, "maxInflightMessages": 1_000, "rateLimits": none, "gatewayRateLimits": none}

    def on_message(client, _, message):
        now = time.monotonic()
        if message.topic.startswith("v1/devices/me/rpc/request/"):
            number = message.topic.rsplit("/", 1)[1]
            client.publish(f"v1/devices/me/rpc/response/{number}", json.dumps(limits), qos=1)
        elif message.topic == "v1/gateway/telemetry":
            for packs in json.loads(message.payload).values():
                for pack in packs:
                    if "temperature" in pack.get("values", {}):
                        note(pack["values"]["temperature"], now)

    client = mqtt.Client(client_id="platform")
    client.on_message = on_message
    client.on_connect = lambda c, *_: c.subscribe([("v1/gateway/telemetry", 1), ("v1/devices/me/rpc/request/+", 1)])
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not subscribed.wait(10):
        raise TimeoutError("the platform's broker grants the subscription")


def main():
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "fhir":
        threading.Thread(target=QuickServer(("127.0.0.1", port), FHIRServer).serve_forever, daemon=True).start()
    else:
        play_platform(port)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "count":
            print(len(arrivals), flush=True)
        else:
            break
    print(json.dumps(arrivals), flush=True)


if __name__ == "__main__":
    main()
