"""A length of cable that can be bad: a TCP proxy on loopback between the hub and a broker or a receiver.

`set` chooses what it does from now on, for connections that stand and for new ones: `good`; `slow` (each piece waits); `trickle` (one
byte at a time); `silent` (half-open: everything is taken and nothing comes out, until it is good again). `cut` ends every connection in
the middle of the next piece that passes. `tap(connection, from_client, data)` sees what comes in, before the cable does anything to it.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time


class Wire:
    def __init__(self, to_port: int, seed: int = 0, tap=None):
        self.to_port, self.tap, self.chance = to_port, tap, random.Random(seed)
        self.state = threading.Condition()
        self.mode, self.pause = "good", 0.0
        self.cuts = 0
        self.open: set[tuple] = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ended = False
        threading.Thread(target=self.accept, daemon=True).start()

    def set(self, mode: str, pause: float = 0.05):
        """`pause` in seconds: before each piece when slow, after each byte when it trickles."""
        assert mode in ("good", "slow", "trickle", "silent"), mode
        with self.state:
            self.mode, self.pause = mode, pause
            self.state.notify_all()

    def cut(self):
        """Ends every connection: some after a part of the next piece, those where nothing passes within 0.3 s at once."""
        with self.state:
            self.cuts += 1
            number, pairs = self.cuts, list(self.open)
            self.state.notify_all()
        time.sleep(0.3)
        for pair in pairs:
            self.end(pair)
        return number

    def accept(self):
        while not self.ended:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to_port), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (near, far)
            with self.state:
                self.open.add(pair)
                cuts = self.cuts
            threading.Thread(target=self.pump, args=(pair, near, far, True, cuts), daemon=True).start()
            threading.Thread(target=self.pump, args=(pair, far, near, False, cuts), daemon=True).start()

    def pump(self, pair, source: socket.socket, sink: socket.socket, from_client: bool, cuts: int):
        try:
            while piece := source.recv(65_536):
                if self.tap:
                    self.tap(pair, from_client, piece)
                if self.cuts != cuts:
                    sink.sendall(piece[:self.chance.randrange(len(piece))])
                    break
                self.pass_on(sink, piece, cuts)
        except OSError:
            pass
        self.end(pair)

    def pass_on(self, sink: socket.socket, piece: bytes, cuts: int):
        at = 0
        while at < len(piece):
            with self.state:
                self.state.wait_for(lambda: self.mode != "silent" or self.cuts != cuts or self.ended)
                mode, pause = self.mode, self.pause
            if self.cuts != cuts:
                raise OSError("cut")
            if mode == "trickle":
                sink.sendall(piece[at:at + 1])
                at += 1
                time.sleep(pause)
            else:
                if mode == "slow":
                    time.sleep(pause)
                sink.sendall(piece[at:])
                at = len(piece)

    def end(self, pair):
        with self.state:
            if pair not in self.open:
                return
            self.open.discard(pair)
        for end in pair:
            try:
                # A reset, as of a cable that is gone; and both pumps wake up.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def close(self):
        self.ended = True
        self.set("good")
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for pair in list(self.open):
            self.end(pair)


class Tap:
    """Reads MQTT as it passes between hub and broker, and tells what the broker delivered with QoS 1 and the hub acknowledged."""

    def __init__(self, client_id: str, delivered, acknowledged):
        """`delivered(topic, payload, number, is_repeat)` and `acknowledged(number)`, of connections under this client id only."""
        self.client_id, self.delivered, self.acknowledged = client_id, delivered, acknowledged
        self.lock = threading.Lock()
        self.buffers: dict[tuple, bytearray] = {}
        self.version: dict[tuple, int] = {}

    def __call__(self, pair, from_client: bool, data: bytes):
        from traffic import packets

        with self.lock:
            if from_client and (pair, True) not in self.buffers and len(self.buffers) > 64:
                self.buffers = {k: v for k, v in self.buffers.items() if k[0] is pair or k[0][0].fileno() >= 0}
            buffer = self.buffers.setdefault((pair, from_client), bytearray())
            buffer += data
            for kind, body in packets(buffer):
                self.packet(pair, from_client, kind, body)

    def packet(self, pair, from_client: bool, kind: int, body: bytes):
        if from_client and kind >> 4 == 1:
            at = 10
            if body[6] == 5:
                properties, used = variable(body, at)
                at += used + properties
            length = struct.unpack("!H", body[at:at + 2])[0]
            if body[at + 2:at + 2 + length].decode() == self.client_id:
                self.version[pair] = body[6]
        elif pair not in self.version:
            return
        elif from_client and kind >> 4 == 4:
            self.acknowledged(struct.unpack("!H", body[:2])[0])
        elif not from_client and kind >> 4 == 3 and kind & 6:
            length = struct.unpack("!H", body[:2])[0]
            at = 4 + length
            if self.version[pair] == 5:
                properties, used = variable(body, at)
                at += used + properties
            self.delivered(body[2:2 + length].decode(errors="replace"), body[at:], struct.unpack("!H", body[2 + length:4 + length])[0], bool(kind & 8))


def variable(body: bytes, at: int) -> tuple[int, int]:
    """A number of MQTT's variable length, and how many bytes it takes."""
    number = 0
    for used in range(4):
        number |= (body[at + used] & 127) << (7 * used)
        if not body[at + used] & 128:
            return number, used + 1
    return number, 4
