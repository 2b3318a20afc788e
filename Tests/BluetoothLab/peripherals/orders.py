"""Orders to the simulated home, one JSON line each: from scenarios (in threads) and from the lab's own proof."""

from __future__ import annotations

import json
import socket
import threading


class OrderRefused(Exception):
    """The home says why."""


class HomeClient:
    def __init__(self, path: str = "/run/home.sock", seconds: float = 30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.file = self.socket.makefile("rwb")
        self.lock = threading.Lock()

    def order(self, **order):
        with self.lock:
            self.file.write(json.dumps(order).encode() + b"\n")
            self.file.flush()
            line = self.file.readline()
        if not line:
            raise OrderRefused("the home has gone")
        answer = json.loads(line)
        if not answer["ok"]:
            raise OrderRefused(f"{order}: {answer['error']}")
        return answer["answer"]

    def home(self, do: str, **more):
        return self.order(do=do, **more)

    def add(self, kind: str, name: str, address: str, **options) -> "RemoteDevice":
        self.order(do="add", kind=kind, name=name, address=address, options=options)
        return RemoteDevice(self, name, address)


class RemoteDevice:
    """One device of the home: `oximeter.tell("value", spo2=84)`."""

    def __init__(self, client: HomeClient, name: str, address: str):
        self.client, self.name, self.address = client, name, address

    def tell(self, do: str, **more):
        return self.client.order(to=self.name, do=do, **more)

    @property
    def status(self) -> dict:
        return self.tell("status")
