"""The ring buffer: order, wrapping, freeing; records decoded."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator

import pytest

from shootdown.live.perf_ring import HEAD, TAIL, Ring, decode_lost, decode_sample

SIZE = mmap.PAGESIZE
"""bytes of a ring of one page"""


@pytest.fixture
def file() -> Iterator[int]:
    """What a kernel would map: a page of control and one of data."""
    fd = os.memfd_create("ring")
    os.ftruncate(fd, mmap.PAGESIZE + SIZE)
    yield fd
    os.close(fd)


def write(fd: int, position: int, record: bytes) -> int:
    """As the kernel writes a record, byte after byte; the position after it."""
    for byte in record:
        os.pwrite(fd, bytes([byte]), mmap.PAGESIZE + position % SIZE)
        position += 1
    os.pwrite(fd, struct.pack("=Q", position), HEAD)
    return position


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHH", kind, 0, 8 + len(body)) + body


def tail(fd: int) -> int:
    return int(struct.unpack("=Q", os.pread(fd, 8, TAIL))[0])


def test_in_order(file: int) -> None:
    """All records there are, once, and their room is given back."""
    ring = Ring(file, 1)
    assert list(ring.records()) == []
    end = write(file, write(file, 0, record(9, b"first___")), record(2, b"second__"))
    assert list(ring.records()) == [(9, b"first___"), (2, b"second__")]
    assert (tail(file), list(ring.records())) == (end, [])
    ring.close()


@pytest.mark.parametrize("before", [SIZE - 4, SIZE - 8, SIZE - 13, 7 * SIZE - 20])
def test_around_the_end(file: int, before: int) -> None:
    """A record, or its header, goes on at the beginning of the buffer."""
    for at in (HEAD, TAIL):
        os.pwrite(file, struct.pack("=Q", before), at)
    end = write(file, before, record(9, bytes(range(64))))
    ring = Ring(file, 1)
    assert list(ring.records()) == [(9, bytes(range(64)))]
    assert tail(file) == end
    ring.close()


def test_freed_one_by_one(file: int) -> None:
    """Who stops reading keeps what he has not read."""
    write(file, write(file, 0, record(9, b"first___")), record(9, b"second__"))
    ring = Ring(file, 1)
    assert next(ring.records()) == (9, b"first___")
    assert tail(file) == 0
    assert [body for _, body in ring.records()] == [b"first___", b"second__"]
    ring.close()


def test_sample() -> None:
    """Every part of a sample; markers between the stacks of a call chain are no addresses."""
    marker = (1 << 64) - 128
    chain = struct.pack("=QQQQ", 3, marker, 0xFFFFFFFF81000010, 0xFFFFFFFF81000020)
    body = struct.pack("=QIIQII", 1, 20, 21, 300, 4, 0) + chain + struct.pack("=I", 6) + b"rawraw"
    sample = decode_sample(body + b"\0\0")
    assert (sample.ip, sample.pid, sample.tid, sample.time, sample.cpu) == (1, 20, 21, 300, 4)
    assert sample.callchain == (0xFFFFFFFF81000010, 0xFFFFFFFF81000020)
    assert sample.raw == b"rawraw"


def test_lost() -> None:
    """How many."""
    assert decode_lost(struct.pack("=QQ", 5, 976)) == 976
