"""A private mosquitto on a free loopback port, for the demonstration and the process tests.

It owns its process, its folder and nothing else, and is stopped by its process id. It can be killed as a power cut
kills, and started again on the same port with the same stored sessions.
"""

from __future__ import annotations

from pathlib import Path
import shutil
import signal
import socket
import subprocess
import time

import paho.mqtt.client as mqtt

from ports import free_port  # noqa: F401  (whoever starts a broker needs ports for others too)


def wait_for(condition, seconds: float, what: str, every: float = 0.02):
    """The condition's first true answer; a TimeoutError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(every)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name: str) -> str:
    """A daemon's path: Debian keeps them outside an ordinary user's PATH."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if not found:
        raise FileNotFoundError(f"{name} is not installed (Deploy/requirements.sh demo)")
    return found


class Broker:
    def __init__(self, folder: Path, configuration: str | None = None, port: int | None = None):
        """`configuration` replaces the plain anonymous loopback listener."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.log = self.folder / "mosquitto.log"
        self.process: subprocess.Popen | None = None
        # The broker would drop root for the user mosquitto, who cannot write a private folder: it stays who it is.
        store = f"user root\npersistence true\npersistence_location {self.folder}/\nlog_dest file {self.log}\nlog_type all\nconnection_messages true\n"
        text = configuration or (
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nautosave_interval 1\n"
            "max_inflight_messages 1000\nmax_queued_messages 0\nset_tcp_nodelay true\n"
        )
        self.file = self.folder / "mosquitto.conf"
        self.file.write_text(store + text)

    def start(self) -> "Broker":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program("mosquitto"), "-c", str(self.file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started it, who then stops things in order.
            )
        def up():
            if self.process.poll() is not None:
                raise RuntimeError(f"mosquitto ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
            return accepts(self.port)
        wait_for(up, 30, "mosquitto listens")
        return self

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, how: int = signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(10)
        self.process = None

    def kill(self):
        self.stop(signal.SIGKILL)


class Publisher:
    """Sends payload bytes with QoS 1 and knows which of them the broker has taken."""

    def __init__(self, port: int, client_id: str, host: str = "127.0.0.1", configure=None):
        self.client = mqtt.Client(client_id=client_id, clean_session=True)
        self.client.max_inflight_messages_set(500)
        self.client.max_queued_messages_set(0)
        # Left to itself it doubles its pauses up to two minutes.
        self.client.reconnect_delay_set(1, 3)
        if configure:
            configure(self.client)
        self.taken = 0
        self.client.on_publish = self._on_publish
        self.client.connect(host, port, keepalive=30)
        self.client.loop_start()
        wait_for(self.client.is_connected, 30, f"{client_id} is connected to the broker")

    def _on_publish(self, client, userdata, mid):
        self.taken += 1

    def send(self, topic: str, payload: bytes | str, retain=False, qos=1):
        return self.client.publish(topic, payload, qos=qos, retain=retain)

    def flush(self, message, seconds: float = 30):
        """Waits until the broker has acknowledged this message."""
        message.wait_for_publish(seconds)
        if not message.is_published():
            raise TimeoutError("the broker did not take the message")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
