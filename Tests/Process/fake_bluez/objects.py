"""What stands on the bus: objects with interfaces and properties, the answers that a handler can give, and faults.

An object belongs to the thread of the fake's loop; nothing here is touched from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

from dbus_next import Variant

BLUEZ = "org.bluez."
# Interfaces are named by their last part wherever a test says one: "Device1.Connect".
FREEDESKTOP = {"Properties", "ObjectManager", "Introspectable", "Peer"}


def full_name(interface: str) -> str:
    """Device1 → org.bluez.Device1; a name with a dot stays."""
    if "." in interface:
        return interface
    return ("org.freedesktop.DBus." if interface in FREEDESKTOP else BLUEZ) + interface


def short_name(interface: str | None) -> str:
    return (interface or "?").rpartition(".")[2]


class BluezError(Exception):
    """An error reply. A name without a dot belongs to org.bluez.Error."""

    def __init__(self, name: str, text: str = ""):
        super().__init__(f"{name}: {text}")
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text or TEXTS.get(name, "")


# The texts of src/error.c.
TEXTS = {
    "AlreadyConnected": "Already Connected", "AlreadyExists": "Already Exists", "AuthenticationCanceled": "Authentication Canceled",
    "AuthenticationFailed": "Authentication Failed", "AuthenticationRejected": "Authentication Rejected",
    "AuthenticationTimeout": "Authentication Timeout", "ConnectionAttemptFailed": "Page Timeout", "DoesNotExist": "Does Not Exist",
    "InProgress": "In Progress", "InvalidArguments": "Invalid arguments in method call", "NotConnected": "Not Connected",
    "NotReady": "Resource Not Ready", "NotSupported": "Operation is not supported",
}


@dataclass
class Answer:
    """A reply with this signature and body, right or wrong."""

    signature: str = ""
    body: list = field(default_factory=list)
    fds: list[int] = field(default_factory=list)


class Never:
    """No reply, ever."""


@dataclass
class Later:
    """The true answer, after `seconds`."""

    seconds: float


@dataclass
class Fault:
    """What a method answers instead of the truth: for `times` calls (None: all) at paths that start with `path`."""

    member: str
    outcome: Any
    path: str = "/"
    times: int | None = 1

    def fits(self, member: str, path: str) -> bool:
        return self.member == member and path.startswith(self.path) and self.times != 0

    def use(self):
        if self.times is not None:
            self.times -= 1
        return self.outcome


class Exported:
    """One object. `properties[interface][name]` is a Variant; `owner` is what its methods act on."""

    def __init__(self, path: str, owner: Any, properties: dict[str, dict[str, Variant]]):
        self.path = path
        self.owner = owner
        self.properties = {full_name(name): values for name, values in properties.items()}


Handler = Callable[..., Any]
