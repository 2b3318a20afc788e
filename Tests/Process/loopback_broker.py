"""A broker of a few lines on loopback, conformant where a test does not tell it otherwise: mosquitto cannot be told to lose a
packet, or to count packet identifiers from 1 on each connection, which the specification allows (an identifier is free
again once it is acknowledged).
"""

from __future__ import annotations

import socket
import struct
import threading

from support import free_port


def remaining_length(number: int) -> bytes:
    out = b""
    while True:
        number, digit = divmod(number, 128)
        out += bytes([digit | (0x80 if number else 0)])
        if not number:
            return out


def receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class LoopbackBroker:
    """One session, MQTT 5 or 3.1.1, QoS 1. Unacknowledged messages are sent again, with DUP, at each connect."""

    def __init__(self):
        self.port = free_port()
        self.connections = 0
        self.acknowledged: list[int] = []
        self.unacknowledged: dict[int, tuple[str, bytes]] = {}
        self.version = 5
        self.socket: socket.socket | None = None
        self.is_known = False
        self.subscribed = threading.Event()
        self.greeting = b""  # What follows CONNACK at once.
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket):
        try:
            while True:
                kind, body = self.packet(connection)
                self.answer(connection, kind >> 4, body)
        except (OSError, EOFError):
            pass
        finally:
            connection.close()
            if self.socket is connection:
                self.socket = None

    def packet(self, connection) -> tuple[int, bytes]:
        kind = receive(connection, 1)[0]
        length, shift = 0, 0
        while True:
            digit = receive(connection, 1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return kind, receive(connection, length)

    def answer(self, connection, kind: int, body: bytes):
        five = self.version == 5
        if kind == 1:
            self.version = body[6]
            # One session: who comes beside it, to say which hub it is, may not (docs/backup.md).
            name = body[10 + (1 + body[10] if self.version == 5 else 0):]
            if name[2:].startswith(b"claim-"):
                connection.sendall(b"\x20\x03\x00\x87\x00" if self.version == 5 else b"\x20\x02\x00\x05")
                raise EOFError
            self.connections += 1
            present = int(self.is_known)
            self.is_known = True
            connection.sendall(b"\x20\x03" + bytes([present, 0, 0]) if self.version == 5 else b"\x20\x02" + bytes([present, 0]))
            self.socket = connection
            for number, (topic, payload) in list(self.unacknowledged.items()):
                self.raw_publish(topic, payload, number, dup=True)
            if self.greeting:
                connection.sendall(self.greeting)
        elif kind == 8:
            at = 2 + (1 + body[2] if five else 0)
            filters = 0
            while at < len(body):
                at += 3 + struct.unpack("!H", body[at:at + 2])[0]
                filters += 1
            codes = body[:2] + (b"\0" if five else b"") + b"\1" * filters
            connection.sendall(b"\x90" + remaining_length(len(codes)) + codes)
            self.subscribed.set()
        elif kind == 3:
            if body and len(body) > 2:
                length = struct.unpack("!H", body[:2])[0]
                connection.sendall(b"\x40\x02" + body[2 + length:4 + length])
        elif kind == 4:
            number = struct.unpack("!H", body[:2])[0]
            self.acknowledged.append(number)
            self.unacknowledged.pop(number, None)
        elif kind == 12:
            connection.sendall(b"\xd0\x00")

    def raw_publish(self, topic: str, payload: bytes, number: int, dup: bool = False):
        name = topic.encode()
        body = struct.pack("!H", len(name)) + name + struct.pack("!H", number) + (b"\0" if self.version == 5 else b"") + payload
        self.socket.sendall(bytes([0x3A if dup else 0x32]) + remaining_length(len(body)) + body)

    def publish(self, topic: str, payload: bytes, number: int):
        self.unacknowledged[number] = (topic, payload)
        self.raw_publish(topic, payload, number)

    def lose(self, topic: str, payload: bytes, number: int):
        """A message whose first way ends in a dead connection: it comes with the next one."""
        self.unacknowledged[number] = (topic, payload)

    def drop(self):
        """Ends the connection; the hub comes back by itself."""
        self.subscribed.clear()
        if self.socket:
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        """Closing alone would leave the thread in `accept`, and with it the port open."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
