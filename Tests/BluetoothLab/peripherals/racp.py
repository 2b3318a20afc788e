"""The Record Access Control Point (2A52) of the SIG, as devices with a memory have it.

It keeps the records, answers requests as the Pulse Oximeter and Glucose Services say, and can be told to misbehave. It
sends through two functions it is given, so that it knows nothing of radios.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
import struct

REPORT, DELETE, ABORT, COUNT, COUNT_RESPONSE, RESPONSE = range(1, 7)
NULL, ALL, UP_TO, FROM, RANGE, FIRST, LAST = range(7)
SUCCESS, OP_NOT_SUPPORTED, INVALID_OPERATOR, OPERATOR_NOT_SUPPORTED, INVALID_OPERAND = 1, 2, 3, 4, 5
NO_RECORDS, ABORT_UNSUCCESSFUL, NOT_COMPLETED, OPERAND_NOT_SUPPORTED = 6, 7, 8, 9
# ATT application errors of the service.
PROCEDURE_IN_PROGRESS, CCCD_IMPROPER = 0xFE, 0xFD


@dataclass
class Record:
    number: int
    frame: bytes
    # Sent after the frame on the context characteristic, where the device has one.
    context: bytes | None = None


class RecordStore:
    """The device's memory. Numbers never come again, so that what is told from the outside can be counted."""

    def __init__(self, capacity: int = 1000):
        self.capacity = capacity
        self.records: list[Record] = []
        self.next_number = 1
        self.deleted: list[int] = []
        self.overwritten = 0

    def add(self, make) -> Record:
        """`make(number)` gives frame and context."""
        frame, context = make(self.next_number)
        record = Record(self.next_number, frame, context)
        self.next_number += 1
        self.records.append(record)
        if len(self.records) > self.capacity:
            self.records.pop(0)
            self.overwritten += 1
        return record

    def select(self, operator: int, operand: bytes) -> list[Record]:
        """The records that a filter names. Raises `Refusal` with the SIG's response code."""
        if operator == ALL:
            chosen = list(self.records)
        elif operator in (FIRST, LAST):
            chosen = self.records[:1] if operator == FIRST else self.records[-1:]
        elif operator in (UP_TO, FROM, RANGE):
            if not operand:
                raise Refusal(INVALID_OPERAND)
            if operand[0] != 1:  # 1: by sequence number. By time is left out, as many meters leave it out.
                raise Refusal(OPERAND_NOT_SUPPORTED)
            if len(operand) != (5 if operator == RANGE else 3):
                raise Refusal(INVALID_OPERAND)
            first = struct.unpack_from("<H", operand, 1)[0]
            last = struct.unpack_from("<H", operand, 3)[0] if operator == RANGE else first
            if first > last:
                raise Refusal(INVALID_OPERAND)
            low, high = {UP_TO: (0, first), FROM: (first, 0xFFFF), RANGE: (first, last)}[operator]
            chosen = [r for r in self.records if low <= r.number <= high]
        elif operator == NULL:
            raise Refusal(INVALID_OPERATOR)
        else:
            raise Refusal(OPERATOR_NOT_SUPPORTED)
        if operator in (ALL, FIRST, LAST) and operand:
            raise Refusal(INVALID_OPERAND)
        return chosen

    def delete(self, chosen: list[Record]):
        gone = {r.number for r in chosen}
        self.records = [r for r in self.records if r.number not in gone]
        self.deleted += sorted(gone)


class Refusal(Exception):
    def __init__(self, code: int):
        super().__init__(f"RACP response code {code}")
        self.code = code


class AttError(Exception):
    def __init__(self, code: int):
        super().__init__(f"ATT error 0x{code:02x}")
        self.code = code


class ControlPoint:
    """Takes requests one at a time.

    `send(record)` sends one record and returns when it is on its way (notified) or confirmed (indicated); `answer(bytes)`
    indicates a response; `passed(point)` names the points at which the link may be cut in a test.
    """

    def __init__(self, store: RecordStore, operators: set[int], send, answer, passed):
        self.store, self.operators = store, operators
        self.send, self.answer, self.passed = send, answer, passed
        self.task: asyncio.Task | None = None
        self.busy = False
        self.requests: list[str] = []
        # Response code that the next delete gets instead of being carried out.
        self.refuse_delete: int | None = None

    def write(self, request: bytes, subscribed: bool):
        """A write to the characteristic. `AttError` is the write's own failure; all else is answered by indication."""
        self.requests.append(request.hex())
        operation = request[0] if request else 0
        if not subscribed:
            raise AttError(CCCD_IMPROPER)
        if operation == ABORT:
            self.disconnected()
            asyncio.get_running_loop().create_task(self.respond(ABORT, SUCCESS))
            return
        if self.busy:
            raise AttError(PROCEDURE_IN_PROGRESS)
        self.busy = True
        self.task = asyncio.get_running_loop().create_task(self.carry_out(request))

    def disconnected(self):
        if self.task is not None and not self.task.done():
            self.task.cancel()
        self.task, self.busy = None, False

    async def respond(self, operation: int, code: int):
        await self.finish(bytes([RESPONSE, NULL, operation, code]))

    async def finish(self, answer: bytes):
        # The next request may come as soon as the answer is heard, which is before its confirmation has been dealt with here.
        self.busy = False
        await self.answer(answer)

    async def carry_out(self, request: bytes):
        # The write's own response goes out first.
        await asyncio.sleep(0)
        operation, operator, operand = request[0] if request else 0, request[1] if len(request) > 1 else NULL, request[2:]
        try:
            if operation not in (REPORT, DELETE, COUNT):
                raise Refusal(OP_NOT_SUPPORTED)
            if operator != NULL and operator not in self.operators:
                raise Refusal(OPERATOR_NOT_SUPPORTED)
            chosen = self.store.select(operator, operand)
            if operation == COUNT:
                await self.finish(bytes([COUNT_RESPONSE, NULL]) + struct.pack("<H", len(chosen)))
                return
            if not chosen:
                raise Refusal(NO_RECORDS)
            if operation == REPORT:
                await self.report(chosen)
            else:
                await self.delete(chosen)
        except Refusal as refusal:
            await self.respond(operation, refusal.code)
        except ConnectionError:
            return  # The link went. What was not deleted is still there.

    async def report(self, chosen: list[Record]):
        for record in chosen:
            await self.passed("record")
            await self.send(record)
            await self.passed("record-sent")
        await self.passed("before-response")
        await self.respond(REPORT, SUCCESS)

    async def delete(self, chosen: list[Record]):
        await self.passed("before-delete")
        if self.refuse_delete is not None:
            code, self.refuse_delete = self.refuse_delete, None
            raise Refusal(code)
        self.store.delete(chosen)
        await self.passed("after-delete")
        await self.respond(DELETE, SUCCESS)
