"""Services and characteristics of a peripheral, as short as a test wants to write them.

`Service("1822", Characteristic("2A5F", "notify"))`. A characteristic knows its subscription: a socket from
AcquireNotify, or clients from StartNotify, never both (BlueZ locks one out while the other is there).
"""

from __future__ import annotations

import asyncio
import socket
from typing import Callable

from dbus_next import Variant

from .objects import BluezError, Exported

BASE = "0000{}-0000-1000-8000-00805f9b34fb"


def uuid(short: str) -> str:
    """2A5F → the full form in small letters, as BlueZ gives it."""
    return BASE.format(short.lower()) if len(short) == 4 else short.lower()


class Characteristic:
    def __init__(self, name: str, flags: str = "read", value: bytes = b"", on_write: Callable | None = None, encrypted: bool = False):
        """`flags` separated by spaces, as BlueZ names them. `on_write(peripheral, bytes)` runs on the fake's loop."""
        self.uuid = uuid(name)
        self.name = name.upper()
        self.flags = flags.split()
        self.value = value
        self.on_write = on_write
        self.encrypted = encrypted
        # Called on the loop, with the peripheral, when somebody has subscribed and may hear.
        self.on_subscribe: Callable | None = None
        self.path = ""
        self.exported: Exported | None = None
        # The old handle of a device whose firmware has changed: every access fails.
        self.is_stale = False
        self.written: list[tuple[bytes, str | None]] = []
        self.pipe: socket.socket | None = None
        self.pipe_owner: str | None = None
        self.clients: set[str] = set()
        # The connection in which somebody last asked for notifications; StartNotify's clients live longer than one.
        self.subscribed_in = 0
        self.sent = 0
        # What nobody had subscribed to, or the pipe had no room for.
        self.lost = 0

    @property
    def is_subscribed(self) -> bool:
        return self.pipe is not None or bool(self.clients)

    def properties(self, service_path: str, mtu: int) -> dict:
        values = {
            "UUID": Variant("s", self.uuid), "Service": Variant("o", service_path), "Value": Variant("ay", b""),
            "Flags": Variant("as", self.flags), "MTU": Variant("q", mtu),
        }
        if {"notify", "indicate"} & set(self.flags):
            values |= {"Notifying": Variant("b", bool(self.clients)), "NotifyAcquired": Variant("b", self.pipe is not None)}
        if "write-without-response" in self.flags:
            values["WriteAcquired"] = Variant("b", False)
        return {"GattCharacteristic1": values}

    def close_pipe(self) -> bool:
        if self.pipe is None:
            return False
        asyncio.get_running_loop().remove_reader(self.pipe)
        self.pipe.close()
        self.pipe, self.pipe_owner = None, None
        return True

    def check_access(self, peripheral):
        if self.is_stale:
            raise BluezError("Failed", "Operation failed with ATT error: 0x0a")
        if self.encrypted and not (peripheral.bonded and peripheral.device_bonded):
            raise BluezError("NotPermitted", "Not paired")


class Service:
    def __init__(self, name: str, *characteristics: Characteristic):
        self.uuid = uuid(name)
        self.characteristics = list(characteristics)
        self.path = ""
