"""Receivers on bare sockets: what an HTTP server may legally answer, and what a broken or hostile one does.

One listener serves all behaviours: the first segment of the path names one. It shares no code with a web server, so that
interim answers, odd endings and bombs go over the wire exactly as written here.
"""

from __future__ import annotations

from collections import defaultdict
import gzip
import json
import socket
import threading
import time


def reply(body: bytes = b"ok", status: str = "200 OK", *fields: str, version: str = "HTTP/1.1", length: bool = True) -> bytes:
    lines = [f"{version} {status}", *fields] + ([f"Content-Length: {len(body)}"] if length else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawServer:
    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Lock()
        self.events = defaultdict(list)      # behaviour → (id, kind, method) of each request
        self.connections = 0
        self.pushed = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def url(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.port}/{behaviour}"

    def stop(self):
        """Nobody is answered any more. Closing alone would leave the thread in `accept`, and with it the port open."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()

    def ids(self, behaviour: str) -> list[str]:
        with self.lock:
            return [event[0] for event in self.events[behaviour]]

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            connection.settimeout(60)
            try:
                while (request := self.read(connection)) and self.answer(connection, *request):
                    pass
            except OSError:
                pass

    @staticmethod
    def read(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return None
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        while len(body) < int(fields.get("content-length", 0)):
            part = connection.recv(65536)
            if not part:
                return None
            body += part
        method, path, _ = lines[0].split(" ")
        return method, path, fields, body

    def answer(self, connection, method, path, fields, body) -> bool:
        """Whether the connection goes on."""
        name = path.strip("/").split("/")[0]
        identity = fields.get("knutepunkt-id", "")
        with self.lock:
            self.events[path.strip("/")].append((identity, json.loads(body).get("kind") if body else None, method))
        send = connection.sendall
        match name:
            case "word": send(reply())
            case "empty": send(reply(b"", "204 No Content", length=False))
            case "accepted": send(reply(b"", "202 Accepted"))
            case "no-reason": send(b"HTTP/1.1 200 \r\ncontent-length:2\r\n\r\nok")
            case "odd-fields": send(b"HTTP/1.1 200 OK\r\nX-Empty:\r\ncOnTeNt-LeNgTh:   2  \r\n\r\nok")
            case "own-json": send(reply(json.dumps({"id": 17, "status": "received"}).encode()))
            case "own-id": send(reply(json.dumps({"id": "case-4711"}).encode()))
            case "echo": send(reply(json.dumps({"id": identity}).encode()))
            case "http10":
                send(reply(b"ok", "200 OK", version="HTTP/1.0", length=False))
                return False
            case "until-close":
                send(reply(b"ok", "200 OK", "Connection: close", length=False))
                return False
            case "chunked":
                send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2;name=value\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
            case "continue":
                for _ in range(3):
                    send(b"HTTP/1.1 100 Continue\r\n\r\n")
                send(reply())
            case "hints":
                send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
                time.sleep(0.1)
                send(reply())
            case "gzip": send(reply(gzip.compress(json.dumps({"id": identity}).encode()), "200 OK", "Content-Encoding: gzip"))
            case "piecemeal":
                for byte in reply():
                    send(bytes([byte]))
                    time.sleep(0.005)
            case "redirect-301" | "redirect-302" | "redirect-303" | "redirect-307" | "redirect-308":
                if path.endswith("/there"):
                    send(reply())
                else:
                    send(reply(b"", f"{name[-3:]} Elsewhere", f"Location: /{name}/there"))
            case "closes-kept":
                # Keeps the connection, and closes it soon after: whoever sends meanwhile sends it again.
                send(reply())
                time.sleep(0.3)
                return False
            case "another-event": send(reply(json.dumps({"id": "00000000-0000-8000-8000-000000000000"}).encode()))
            case "page": send(reply(b"\xef\xbb\xbf\n<!DOCTYPE html><html><body>Sign in</body></html>", "200 OK", "Content-Type: text/html"))
            case "loop": send(reply(b"", "307 Round", f"Location: /{name}"))
            case "downgrade": send(reply(b"", "301 Moved", "Location: http://user:word@127.0.0.1:1/"))
            case "stranger": send(reply(b"", "308 Moved", f"Location: {self.elsewhere}"))
            case "drip":
                send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while True:
                    send(b"x")
                    time.sleep(0.05)
            case "endless-head":
                send(b"HTTP/1.1 200 OK\r\n")
                while True:
                    send(b"X-A: " + b"z" * 60000 + b"\r\n")
                    self.pushed += 60000
            case "endless-interim":
                while True:
                    send(b"HTTP/1.1 100 Continue\r\n\r\n")
                    self.pushed += 25
            case "endless-body":
                send(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    send(b"10000\r\n" + b"y" * 65536 + b"\r\n")
                    self.pushed += 65536
            case "bomb": send(reply(BOMB, "503 Bomb", "Content-Encoding: gzip"))
            case "two-lengths": send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nokokok")
            case "cut":
                send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                return False
            case "silent":
                time.sleep(30)
                return False
            case "busy": send(reply(b"", "429 Busy", "Retry-After: 4294967295"))
            case _: send(reply(b"", "404 Nothing"))
        return True

    elsewhere = "http://127.0.0.1:1/"


BOMB = gzip.compress(b"0" * 50_000_000, 6)
