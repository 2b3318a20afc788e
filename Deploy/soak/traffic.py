"""What the homes send: temperatures and presses, each of which is known again wherever it turns up, and garbage between them.

A temperature's number n is the value 36.10000 + n/100000 and belongs to thermometer n % THERMOMETERS; none scores a point. A press is
known by its button and by the battery level that the same frame reports. `Sender` is an MQTT client that never sends a message twice:
what it has no answer for when its connection ends is unsure, and is said to be so. A client that sends again would make doubles of its
own, which nobody could tell from the hub's.
"""

from __future__ import annotations

from decimal import Decimal
import json
import random
import socket
import struct
import threading
import time

import sigframes

THERMOMETERS = 10
NUMBERS = 190_000
BUTTONS = 20
BATTERIES = range(40, 101)


def value_of(number: int) -> Decimal:
    return Decimal(3_610_000 + number).scaleb(-5)


def number_of(value: Decimal) -> int | None:
    """The number whose value this is."""
    scaled = value * 100_000 - 3_610_000
    return int(scaled) if scaled == int(scaled) and 0 <= scaled < NUMBERS else None


def temperature(number: int) -> tuple[str, bytes]:
    return f"ble/t{number % THERMOMETERS}/2a1c", bytes([0]) + sigframes.float32(value_of(number), -5)


def press(button: int, battery: int, serial: int) -> tuple[str, bytes]:
    return f"zigbee2mqtt/s{button}", json.dumps({"action": "emergency", "battery": battery, "linkquality": serial}).encode()


def garbage(chance: random.Random) -> tuple[str, bytes]:
    """What the hub refuses: strangers, short frames, half a text."""
    kind = chance.randrange(3)
    if kind == 0:
        return f"ble/stranger{chance.randrange(50)}/2a1c", chance.randbytes(12)
    if kind == 1:
        return f"ble/t{chance.randrange(THERMOMETERS)}/2a1c", chance.randbytes(2)
    return f"zigbee2mqtt/s{chance.randrange(BUTTONS)}", b'{"action": ' + chance.randbytes(3).hex().encode()


def key_of(topic: str, payload: bytes) -> tuple | None:
    """`("value", number)` or `("press", button, battery)`; None for what is neither."""
    if topic.startswith("ble/t") and topic.endswith("/2a1c") and len(payload) == 5 and payload[0] == 0:
        mantissa = int.from_bytes(payload[1:4], "little", signed=True)
        return ("value", mantissa - 3_610_000) if payload[4] == 0xFB and 0 <= mantissa - 3_610_000 < NUMBERS else None
    if topic.startswith("zigbee2mqtt/s"):
        try:
            body = json.loads(payload)
            return ("press", int(topic[13:]), body["battery"])
        except (ValueError, KeyError, TypeError):
            return None
    return None


# -- MQTT 3.1.1, as little of it as a publisher needs

def packet(kind: int, body: bytes) -> bytes:
    head, number = bytearray([kind]), len(body)
    while True:
        number, digit = divmod(number, 128)
        head.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(head) + body


def packets(buffer: bytearray):
    """Takes whole packets from the buffer's front: (first byte, body)."""
    while len(buffer) >= 2:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(buffer):
                return
            digit = buffer[at]
            length |= (digit & 127) << shift
            at, shift = at + 1, shift + 7
            if not digit & 128:
                break
        if len(buffer) < at + length:
            return
        kind, body = buffer[0], bytes(buffer[at:at + length])
        del buffer[:at + length]
        yield kind, body


def text(value: str) -> bytes:
    return struct.pack("!H", len(value.encode())) + value.encode()


class Sender:
    """One publisher with QoS 1. `taken(key)` and `unsure(key)` are called from its reading thread; each key once, one of the two."""

    WINDOW = 500  # Messages without an answer. Beyond it `send` waits, so that a slow broker is not flooded.

    def __init__(self, port: int, name: str, taken, unsure):
        self.port, self.name, self.taken, self.unsure = port, name, taken, unsure
        self.lock = threading.Condition()
        self.socket: socket.socket | None = None
        self.open: dict[int, tuple] = {}
        self.last = 0

    def connect(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                link = socket.create_connection(("127.0.0.1", self.port), timeout=2)
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link.sendall(packet(0x10, text("MQTT") + bytes([4, 2]) + struct.pack("!H", 0) + text(self.name)))
                if link.recv(4)[:2] != b"\x20\x02":
                    raise OSError("no CONNACK")
                link.settimeout(None)
                self.socket = link
                threading.Thread(target=self.read, args=(link,), daemon=True).start()
                return True
            except OSError:
                time.sleep(0.1)
        return False

    def send(self, topic: str, payload: bytes, key, seconds: float = 60) -> bool:
        """False: the broker was not there, and nothing was sent."""
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.open) < self.WINDOW, seconds):
                return False
            if self.socket is None and not self.connect(seconds):
                return False
            self.last = self.last % 65_535 + 1
            while self.last in self.open:
                self.last = self.last % 65_535 + 1
            self.open[self.last] = key
            link, message = self.socket, packet(0x32, text(topic) + struct.pack("!H", self.last) + payload)
        try:
            link.sendall(message)
        except OSError:
            self.ended(link)
        return True

    def read(self, link: socket.socket):
        buffer = bytearray()
        try:
            while piece := link.recv(65_536):
                buffer += piece
                for kind, body in packets(buffer):
                    if kind >> 4 == 4:
                        with self.lock:
                            key = self.open.pop(struct.unpack("!H", body[:2])[0], None)
                            self.lock.notify_all()
                        if key is not None:
                            self.taken(key)
        except OSError:
            pass
        self.ended(link)

    def ended(self, link: socket.socket):
        with self.lock:
            if self.socket is not link:
                return
            self.socket = None
            lost, self.open = list(self.open.values()), {}
            self.lock.notify_all()
        link.close()
        for key in lost:
            if key is not None:
                self.unsure(key)

    def flush(self, seconds: float) -> bool:
        with self.lock:
            return self.lock.wait_for(lambda: not self.open, seconds)

    def close(self):
        link = self.socket
        if link:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
