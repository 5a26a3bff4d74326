"""The ring buffer of perf events: records in the order in which they were written.

The kernel writes behind `data_head`, the reader frees up to `data_tail`; both only ever grow, and a
position is their value modulo the size (struct perf_event_mmap_page, include/uapi/linux/
perf_event.h). A record that finds no room is dropped and counted. The drop itself is told by a LOST
record once a later record finds room: whoever must know for certain reads the count of the event.

The reader may run while others write. On x86-64 nothing more is needed; elsewhere what is watched
should stand still, because Python has no barrier to offer between reading `data_head` and the data.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

LOST, SAMPLE = 2, 9
"""types of records, PERF_RECORD_LOST and PERF_RECORD_SAMPLE"""

IP, TID, TIME, CALLCHAIN, CPU, RAW = 1, 2, 4, 0x20, 0x80, 0x400
LAYOUT = IP | TID | TIME | CPU | CALLCHAIN | RAW
"""the sample_type whose samples `decode_sample` reads"""

HEAD, TAIL = 1024, 1032
"""byte offsets of data_head and data_tail in the first page"""

_CONTEXTS = (1 << 64) - 4096
"""from here on a value in a call chain is no address but PERF_CONTEXT_…"""

_header = struct.Struct("=IHH")
_sample = struct.Struct("=QIIQIIQ")
_u32 = struct.Struct("=I")
_u64 = struct.Struct("=Q")
_lost = struct.Struct("=QQ")


@dataclass(frozen=True, slots=True)
class RawSample:
    """One event: who, when, where in the kernel, and its bytes."""

    ip: int
    pid: int
    tid: int
    time: int
    """nanoseconds of the clock of perf, which grows"""
    cpu: int
    callchain: tuple[int, ...]
    """addresses in the kernel, the innermost first"""
    raw: bytes


class Ring:
    """A mapped ring buffer: a page of control, and 2^n pages of data."""

    def __init__(self, fd: int, pages: int) -> None:
        """Raises OSError if the kernel does not map it; `pages` is a power of two."""
        self._size = pages * mmap.PAGESIZE
        self._map = mmap.mmap(fd, mmap.PAGESIZE + self._size)

    def close(self) -> None:
        self._map.close()

    def records(self) -> Iterator[tuple[int, bytes]]:
        """(type, body) of every record there is now; each is freed when the next is asked for."""
        (head,) = _u64.unpack_from(self._map, HEAD)
        (tail,) = _u64.unpack_from(self._map, TAIL)
        while tail < head:
            kind, _, size = _header.unpack(self._bytes(tail, _header.size))
            body = self._bytes(tail + _header.size, size - _header.size)
            tail += size
            yield kind, body
            _u64.pack_into(self._map, TAIL, tail)

    def _bytes(self, position: int, count: int) -> bytes:
        """Bytes of data, around the end if need be."""
        start = position % self._size
        first = min(count, self._size - start)
        base = mmap.PAGESIZE
        return (
            self._map[base + start : base + start + first] + self._map[base : base + count - first]
        )


def decode_sample(body: bytes) -> RawSample:
    """A sample of LAYOUT."""
    ip, pid, tid, time, cpu, _, depth = _sample.unpack_from(body)
    at = _sample.size
    chain = struct.unpack_from(f"={depth}Q", body, at)
    at += 8 * depth
    (size,) = _u32.unpack_from(body, at)
    raw = body[at + _u32.size : at + _u32.size + size]
    kernel = tuple(address for address in chain if address < _CONTEXTS)
    return RawSample(ip, pid, tid, time, cpu, kernel, raw)


def decode_lost(body: bytes) -> int:
    """How many events a LOST record stands for."""
    return int(_lost.unpack_from(body)[1])
