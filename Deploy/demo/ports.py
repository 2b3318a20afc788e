"""Loopback ports for servers that are started later than their port is chosen, or stopped for a while.

A port that the kernel gives (port 0) is one of those from which it also takes the near end of outgoing connections: once closed,
any connection of the machine may have it, before a server opens it or in the minute in which its server is away. So these come from
below that range, and each process has some hundreds of its own, which no other process that asks here is given.
"""

from __future__ import annotations

import itertools
from pathlib import Path
import random
import socket

FIRST, SIZE = 10_000, 400
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Block:
    """The ports of this process. A socket in the abstract namespace marks them as taken until the process ends, however it ends."""

    def __init__(self):
        starts = list(range(FIRST, int(OUTGOING.read_text().split()[0]) - SIZE + 1, SIZE))
        random.SystemRandom().shuffle(starts)
        for start in starts:
            self.mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self.mark.bind(f"\0knutepunkt-ports-{start}")
            except OSError:
                self.mark.close()
                continue
            self.ports = itertools.cycle(range(start, start + SIZE))
            return
        raise OSError(f"no ports are left: each block from {FIRST} to those of outgoing connections ({OUTGOING}) is another process's")

    def next(self) -> int:
        """One that nobody listens on, and that was given longest ago."""
        for port in itertools.islice(self.ports, SIZE):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
        raise OSError("no port is free")


block: Block | None = None


def free_port() -> int:
    """A loopback port that is free, and that nobody gets by chance."""
    global block
    block = block or Block()
    return block.next()
