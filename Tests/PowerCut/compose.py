"""What a disk may hold after its power was cut: everything up to the last flush, and of what was written since then a part.

Each later write is kept or lost on its own, whole or torn at sectors of 512 bytes, and they are done in any order: a disk may keep its
cache's newest page and lose an older one. Nothing else is damaged. That is the contract of a disk that does what it is told about
flushes. One that lies about them is imitated to show that these runs can fail: on it nothing may be promised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import random
import struct

SECTOR = 512


@dataclass
class Log:
    """Writes (offset, bytes) in order, and how many of them were flushed."""

    writes: list[tuple[int, bytes]]
    flushes: int
    durable: int

    @classmethod
    def read(cls, file: Path, forgets: int = 0) -> "Log":
        """`forgets`: the last so many flushes were confirmed and not done."""
        data, at, writes, flushed = file.read_bytes(), 0, [], []
        # The last record may be cut off: it was never done.
        while at + 17 <= len(data):
            kind, offset, length = struct.unpack_from("<cQQ", data, at)
            if kind == b"F":
                flushed.append(len(writes))
            elif at + 17 + length > len(data):
                break
            else:
                writes.append((offset, data[at + 17:at + 17 + length]))
            at += 17 + length
        kept = flushed[:len(flushed) - forgets] if forgets < len(flushed) else []
        return cls(writes, len(flushed), kept[-1] if kept else 0)


def torn(write: tuple[int, bytes], chance: random.Random) -> list[tuple[int, bytes]]:
    """A part of a write, in sectors."""
    offset, data = write
    sectors = [(offset + at, data[at:at + SECTOR]) for at in range(0, len(data), SECTOR)]
    how = chance.randrange(3)
    if how == 0:
        return sectors[:chance.randint(0, len(sectors))]
    if how == 1:
        return sectors[chance.randint(0, len(sectors)):]
    return [sector for sector in sectors if chance.random() < 0.5]


def after_the_cut(log: Log, chance: random.Random) -> tuple[list[tuple[int, bytes]], str]:
    """The writes that reached the medium, in the order in which they did, and a word for what happened."""
    before, since = log.writes[:log.durable], log.writes[log.durable:]
    kept = chance.choice([0.0, 0.2, 0.5, 0.8, 1.0])
    rest: list[tuple[int, bytes]] = []
    chosen = [write for write in since if chance.random() < kept]
    if chance.random() < 0.7:
        chance.shuffle(chosen)
    for write in chosen:
        rest += torn(write, chance) if chance.random() < 0.3 else [write]
    return before + rest, f"{len(since)} unflushed writes, {len(chosen)} of them kept in part or whole"


def apply(image: Path, writes: list[tuple[int, bytes]]):
    with image.open("r+b") as file:
        for offset, data in writes:
            file.seek(offset)
            file.write(data)
