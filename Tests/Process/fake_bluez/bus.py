"""A private dbus-daemon of the session kind, and questions that only the daemon can answer: match rules, who is who."""

from __future__ import annotations

from pathlib import Path
import select
import socket
import subprocess

from broker import wait_for

# No service files, no policy: whoever reaches the socket may own any name. The limits are those of Debian's system bus.
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_replies_per_connection">50000</limit>
</busconfig>
"""


class PrivateBus:
    """A bus of the test's own. It can die and come back under the same address."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "bus"
        self.address = f"unix:path={self.socket}"
        self.process: subprocess.Popen | None = None

    def start(self) -> "PrivateBus":
        file = self.folder / "bus.conf"
        file.write_text(CONFIGURATION.format(socket=self.socket))
        self.socket.unlink(missing_ok=True)
        with (self.folder / "dbus-daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["dbus-daemon", f"--config-file={file}", "--nofork", "--nopidfile", "--nosyslog"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        wait_for(self.accepts, 10, "the private bus accepts connections")
        return self

    def accepts(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"dbus-daemon ended with {self.process.returncode}")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self):
        if self.process:
            if self.process.poll() is None:
                self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class PatientSocket:
    """For dbus-next's writer, which takes a full socket for the end of the connection: it waits until there is room."""

    def __init__(self, sock: socket.socket):
        self.sock = sock

    def send(self, data) -> int:
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0  # The writer comes again when the socket is writable.

    def sendmsg(self, data, ancillary) -> int:
        while True:
            try:
                return self.sock.sendmsg(data, ancillary)
            except BlockingIOError:
                select.select([], [self.sock], [], 5)


async def ask_daemon(bus, member: str, signature: str = "", body=(), interface: str = "org.freedesktop.DBus"):
    """The dbus-daemon's own answer; raises what it answers as an error."""
    from dbus_next import Message, MessageType

    reply = await bus.call(Message(
        destination="org.freedesktop.DBus", path="/org/freedesktop/DBus", interface=interface,
        member=member, signature=signature, body=list(body)))
    if reply.message_type == MessageType.ERROR:
        raise RuntimeError(f"{member}: {reply.error_name} {reply.body}")
    return reply.body[0] if reply.body else None


async def name_of_process(bus, pid: int) -> list[str]:
    """The unique names of a process on this bus."""
    names = []
    for name in await ask_daemon(bus, "ListNames"):
        if not name.startswith(":"):
            continue
        try:
            if await ask_daemon(bus, "GetConnectionUnixProcessID", "s", [name]) == pid:
                names.append(name)
        except RuntimeError:
            pass  # It left between the two questions.
    return names


async def match_rules(bus, pid: int) -> list[str]:
    """Every match rule that a process holds at the daemon, sorted; doubles stay doubles."""
    rules = await ask_daemon(bus, "GetAllMatchRules", interface="org.freedesktop.DBus.Debug.Stats")
    return sorted(rule for name in await name_of_process(bus, pid) for rule in rules.get(name, []))
