"""What a disk may hold after a cut: the rules of Tests/PowerCut, without a kernel. The cuts themselves are a phase of Deploy/test.sh."""

import random
import struct

from compose import SECTOR, Log, after_the_cut, apply


def record(kind: bytes, offset: int = 0, data: bytes = b"") -> bytes:
    return struct.pack("<cQQ", kind, offset, len(data)) + data


def log_of(folder, *records: bytes, **options) -> Log:
    file = folder / "writes.log"
    file.write_bytes(b"".join(records))
    return Log.read(file, **options)


def page(letter: bytes) -> bytes:
    return letter * 4_096


def test_what_was_flushed_is_there_whole_and_in_order(folder):
    log = log_of(folder, record(b"W", 0, page(b"a")), record(b"W", 0, page(b"b")), record(b"F"), record(b"W", 0, page(b"c")))
    assert (log.flushes, log.durable, len(log.writes)) == (1, 2, 3)
    image, seen = folder / "image", set()
    for seed in range(200):
        image.write_bytes(bytes(4_096))
        apply(image, after_the_cut(log, random.Random(seed))[0])
        data = image.read_bytes()
        sectors = [data[at:at + SECTOR] for at in range(0, 4_096, SECTOR)]
        assert all(sector in (b"b" * SECTOR, b"c" * SECTOR) for sector in sectors), "of the flushed page or the next, sector by sector"
        seen.add(data in (page(b"b"), page(b"c")) or "torn")
    assert seen == {True, "torn"}, "lost, kept and torn all come"


def test_later_writes_are_lost_and_reordered(folder):
    log = log_of(folder, record(b"F"), *[record(b"W", n * 4_096, page(bytes([65 + n]))) for n in range(6)])
    gaps = orders = 0
    for seed in range(300):
        writes, _ = after_the_cut(log, random.Random(seed))
        offsets = [offset // 4_096 for offset, _ in writes]
        gaps += bool(offsets) and len(set(offsets)) <= max(offsets)
        orders += offsets != sorted(offsets)
    assert gaps > 30 and orders > 30, "a later write is kept where an earlier one is not, and comes before it"


def test_a_record_that_was_cut_off_was_never_done(folder):
    whole = record(b"W", 0, page(b"a"))
    for length in (*range(20), SECTOR, 4_096, len(whole) - 1):
        assert log_of(folder, record(b"F"), whole[:length]).writes == []
    assert len(log_of(folder, record(b"F"), whole).writes) == 1


def test_a_disk_that_lies_forgets_its_last_flushes(folder):
    records = [record(b"W", 0, page(b"a")), record(b"F"), record(b"W", 0, page(b"b")), record(b"F"), record(b"W", 0, page(b"c")), record(b"F")]
    assert [log_of(folder, *records, forgets=n).durable for n in range(5)] == [3, 2, 1, 0, 0]
