"""A record access control point with stored records: report, delete, abort, count, and each way to fail at it.

Layout of the SIG's 2A52: opcode, operator, operand. Records leave in the order they were stored, each as one
notification of the record characteristic; the response is an indication of 2A52.
"""

from __future__ import annotations

import asyncio
from collections import Counter
import struct
from typing import Callable

REPORT, DELETE, ABORT, COUNT, COUNT_RESPONSE, RESPONSE = 1, 2, 3, 4, 5, 6
ALL, UP_TO, FROM = 1, 2, 3
SUCCESS, NOT_SUPPORTED, NO_RECORDS, ABORT_UNSUCCESSFUL, NOT_COMPLETED = 1, 2, 6, 7, 8
NAMES = {REPORT: "report", DELETE: "delete", ABORT: "abort", COUNT: "count"}


class RecordStore:
    """The records of one peripheral. `sequence_at`: where a record's u16 number stands, for operators ≤ and ≥."""

    def __init__(self, characteristic: str, control: str = "2A52", sequence_at: int | None = None, pause: float = 0.0):
        self.characteristic = characteristic
        self.control = control
        self.sequence_at = sequence_at
        self.pause = pause
        self.records: list[bytes] = []
        # Every record that was ever deleted, in order: what the hub has answered for.
        self.deleted: list[bytes] = []
        self.requests: Counter = Counter()
        # A response code instead of the deed, per opcode; consumed once each.
        self.answers: dict[int, list[int]] = {}
        # The link falls after this many more records.
        self.drop_after: int | None = None
        # Called on the loop: `hook(name, number)` with "report", "count", "delete", "abort" before the deed and the number of records
        # that it is about, "record" before one leaves, "deleted" between the deed and its answer.
        self.hook: Callable[[str, int], None] | None = None
        # Opcodes that are neither carried out nor answered.
        self.ignored: set[int] = set()
        self.aborted = False
        self.reporting: asyncio.Task | None = None

    def sequence(self, record: bytes) -> int:
        return struct.unpack_from("<H", record, self.sequence_at)[0]

    def selected(self, operator: int, operand: bytes) -> list[bytes]:
        if operator == ALL:
            return list(self.records)
        if self.sequence_at is None or operator not in (UP_TO, FROM) or len(operand) < 3:
            return []
        # The operand begins with the filter type; 1 is the sequence number.
        bound = struct.unpack_from("<H", operand, 1)[0]
        return [r for r in self.records if (self.sequence(r) <= bound if operator == UP_TO else self.sequence(r) >= bound)]

    def written(self, peripheral, value: bytes):
        if len(value) < 2:
            return
        opcode, operator, operand = value[0], value[1], value[2:]
        self.requests[opcode] += 1
        self.tell(NAMES.get(opcode, "unknown"), len(self.selected(operator, operand)))
        chosen = self.selected(operator, operand)
        forced = self.answers.get(opcode)
        if opcode in self.ignored:
            return
        if forced:
            self.respond(peripheral, opcode, forced.pop(0))
        elif opcode == REPORT:
            self.aborted = False
            self.reporting = peripheral.spawn(self.report(peripheral, chosen))
        elif opcode == ABORT:
            self.aborted = True
            self.respond(peripheral, opcode, SUCCESS)
        elif opcode == COUNT:
            peripheral.notify_now(self.control, struct.pack("<BBH", COUNT_RESPONSE, 0, len(chosen)))
        elif opcode == DELETE:
            self.records = [r for r in self.records if r not in chosen]
            self.deleted += chosen
            self.tell("deleted", len(chosen))
            self.respond(peripheral, opcode, SUCCESS if chosen else NO_RECORDS)
        else:
            self.respond(peripheral, opcode, NOT_SUPPORTED)

    def tell(self, name: str, number: int):
        if self.hook:
            self.hook(name, number)

    async def report(self, peripheral, chosen: list[bytes]):
        link = peripheral.generation
        for number, record in enumerate(chosen):
            self.tell("record", number)
            if self.pause:
                await asyncio.sleep(self.pause)
            if self.aborted or peripheral.generation != link or not peripheral.connected:
                return
            if self.drop_after is not None:
                if self.drop_after == 0:
                    self.drop_after = None
                    return peripheral.drop_now()
                self.drop_after -= 1
            peripheral.notify_now(self.characteristic, record)
        self.respond(peripheral, REPORT, SUCCESS if chosen else NO_RECORDS)

    def respond(self, peripheral, opcode: int, code: int):
        peripheral.notify_now(self.control, bytes([RESPONSE, 0, opcode, code]))
