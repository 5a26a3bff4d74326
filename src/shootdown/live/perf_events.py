"""perf_event_open(2) for tracepoints: what one thread or CPU passes, in order, losses counted.

Events are bound to a file descriptor: they touch nothing else in the system and are gone when it is
closed. Every tracepoint writes to the ring of the first one, so the order between them is kept.

    with TracepointEvents([find_tracepoint("kvm:kvm_unmap_hva_range")]) as events:
        ...
        for sample in events.drain():
            print(sample.values["start"], sample.callchain)
        assert events.lost == 0

Threads that start later are not seen by events bound to a thread; those bound to a CPU (`pid=-1,
cpu=N`) see everybody there.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from shootdown.closing import Closing
from shootdown.live.errors import MissingMeansError, is_refusal
from shootdown.live.perf_ring import LAYOUT, LOST, SAMPLE, Ring, decode_lost, decode_sample
from shootdown.live.system import ioctl, system_call
from shootdown.live.tracepoints import Tracepoint

TYPE_TRACEPOINT = 2
FORMAT_LOST = 1 << 4
"""read(2) also tells how many events were dropped (Linux 6.0)"""
DISABLED, EXCLUDE_CALLCHAIN_USER = 1 << 0, 1 << 22
CLOSE_ON_EXEC = 8
ENABLE, DISABLE, SET_OUTPUT, SET_FILTER = 0x2400, 0x2401, 0x2405, 0x40082406

PAGES = 1024
"""4 MiB of ring: some 20,000 samples with call chains"""

_UPROBE = Path("/sys/bus/event_source/devices/uprobe/type")

WHY = "to record tracepoints"


class _Attributes(ctypes.Structure):
    """struct perf_event_attr as of PERF_ATTR_SIZE_VER5."""

    _fields_: ClassVar = [
        ("type", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("config", ctypes.c_uint64),
        ("sample_period", ctypes.c_uint64),
        ("sample_type", ctypes.c_uint64),
        ("read_format", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
        ("wakeup_events", ctypes.c_uint32),
        ("bp_type", ctypes.c_uint32),
        ("config1", ctypes.c_uint64),
        ("config2", ctypes.c_uint64),
        ("branch_sample_type", ctypes.c_uint64),
        ("sample_regs_user", ctypes.c_uint64),
        ("sample_stack_user", ctypes.c_uint32),
        ("clockid", ctypes.c_int32),
        ("sample_regs_intr", ctypes.c_uint64),
        ("aux_watermark", ctypes.c_uint32),
        ("sample_max_stack", ctypes.c_uint16),
        ("reserved", ctypes.c_uint16),
    ]


@dataclass(frozen=True, slots=True)
class Sample:
    """A tracepoint was passed."""

    tracepoint: Tracepoint
    pid: int
    tid: int
    time: int
    """nanoseconds of the clock of perf"""
    cpu: int
    callchain: tuple[int, ...]
    """addresses in the kernel, the innermost first"""
    values: Mapping[str, int]
    """the numbers among the fields"""


class TracepointEvents(Closing):
    """Open and disabled; then enabled, drained as often as one likes, disabled; then closed."""

    def __init__(
        self,
        tracepoints: Sequence[Tracepoint],
        *,
        pid: int = 0,
        cpu: int = -1,
        filters: Mapping[str, str] | None = None,
        pages: int = PAGES,
        stack: int = 24,
    ) -> None:
        """`pid` 0 is this thread, -1 everybody (on one CPU); `cpu` -1 is any (of one thread).

        `filters` are conditions that the kernel applies, by the name of a tracepoint: `start < 4096
        && end > 0`. `pages` of ring is a power of two, `stack` the most addresses of a call chain.

        Raises:
            MissingMeansError: for a right or a feature that is not there.
            ValueError: for a filter that the kernel does not understand.
        """
        self._by_id = {tracepoint.id: tracepoint for tracepoint in tracepoints}
        self._layouts: dict[tuple[int, int], tuple[tuple[str, ...], struct.Struct]] = {}
        """of records, by tracepoint and size"""
        self._fds: list[int] = []
        self._ring: Ring | None = None
        self._told = 0
        """lost, by LOST records"""
        self._counts_losses = True
        try:
            for tracepoint in tracepoints:
                self._add(tracepoint, pid, cpu, stack, (filters or {}).get(tracepoint.name))
            self._ring = _map(self._fds[0], pages)
            for fd in self._fds[1:]:
                ioctl(fd, SET_OUTPUT, self._fds[0])
        except BaseException:
            self.close()
            raise

    def _add(
        self, tracepoint: Tracepoint, pid: int, cpu: int, stack: int, condition: str | None
    ) -> None:
        fd = self._open(tracepoint, pid, cpu, stack)
        self._fds.append(fd)
        if condition is None:
            return
        text = ctypes.create_string_buffer(condition.encode())
        try:
            ioctl(fd, SET_FILTER, ctypes.addressof(text))
        except OSError as error:
            raise ValueError(f"{tracepoint} has no filter `{condition}`: {error}") from error

    def _open(self, tracepoint: Tracepoint, pid: int, cpu: int, stack: int) -> int:
        try:
            return _open(tracepoint, pid, cpu, stack, FORMAT_LOST if self._counts_losses else 0)
        except OSError as error:
            if error.errno == errno.EINVAL and self._counts_losses:  # Linux before 6.0
                self._counts_losses = False
                return self._open(tracepoint, pid, cpu, stack)
            raise _explain(error, tracepoint) from error

    def __enter__(self) -> TracepointEvents:
        self.enable()
        return self

    def close(self) -> None:
        """Give everything back; more than once does no harm."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        while self._fds:
            os.close(self._fds.pop())

    def enable(self) -> None:
        """From now on."""
        for fd in self._fds:
            ioctl(fd, ENABLE)

    def disable(self) -> None:
        """Until now; what is in the ring stays there."""
        for fd in self._fds:
            ioctl(fd, DISABLE)

    def drain(self) -> list[Sample]:
        """What was recorded since the last time, in order."""
        assert self._ring is not None, "the events are closed"
        found = []
        for kind, body in self._ring.records():
            if kind == LOST:
                self._told += decode_lost(body)
            elif kind == SAMPLE:
                found.append(self._decode(body))
        return found

    def _decode(self, body: bytes) -> Sample:
        raw = decode_sample(body)
        (number,) = struct.unpack_from("=H", raw.raw)
        tracepoint = self._by_id[number]
        key = number, len(raw.raw)
        if key not in self._layouts:
            self._layouts[key] = tracepoint.layout(len(raw.raw))
        names, form = self._layouts[key]
        values = dict(zip(names, form.unpack_from(raw.raw), strict=True))
        return Sample(tracepoint, raw.pid, raw.tid, raw.time, raw.cpu, raw.callchain, values)

    @property
    def lost(self) -> int:
        """Events dropped because the ring was full. Before Linux 6.0 losses at the very end are
        not known."""
        if not self._counts_losses:
            return self._told
        return sum(struct.unpack("=QQ", os.read(fd, 16))[1] for fd in self._fds)


def _open(tracepoint: Tracepoint, pid: int, cpu: int, stack: int, read_format: int) -> int:
    attributes = _Attributes(
        type=TYPE_TRACEPOINT,
        size=ctypes.sizeof(_Attributes),
        config=tracepoint.id,
        sample_period=1,
        sample_type=LAYOUT,
        read_format=read_format,
        flags=DISABLED | EXCLUDE_CALLCHAIN_USER,
        sample_max_stack=stack,
    )
    return system_call("perf_event_open", ctypes.addressof(attributes), pid, cpu, -1, CLOSE_ON_EXEC)


def open_uprobe(path: str, offset: int) -> int:
    """A descriptor; until it is closed there is a breakpoint at this byte of a file, wherever this
    thread's process maps it so that it could be executed.

    Raises:
        MissingMeansError: if this kernel has no such breakpoints, or they are not allowed.
        OSError: with the error of the call.
    """
    name = ctypes.create_string_buffer(path.encode())
    try:
        kind = int(_UPROBE.read_text(encoding="utf-8"))
        attributes = _Attributes(
            type=kind,
            size=ctypes.sizeof(_Attributes),
            sample_period=1,
            flags=DISABLED,
            config1=ctypes.addressof(name),
            config2=offset,
        )
        return system_call(
            "perf_event_open", ctypes.addressof(attributes), 0, -1, -1, CLOSE_ON_EXEC
        )
    except FileNotFoundError as error:
        raise MissingMeansError(
            "this kernel has no uprobes", "for uprobe", "use one built with CONFIG_UPROBE_EVENTS"
        ) from error
    except PermissionError as error:
        raise MissingMeansError(
            "the right to set uprobes (CAP_PERFMON)", "for uprobe", "run as root"
        ) from error


def _map(fd: int, pages: int) -> Ring:
    try:
        return Ring(fd, pages)
    except PermissionError as error:
        raise MissingMeansError(
            f"{pages} pages of locked memory for a ring buffer",
            WHY,
            "use a smaller ring, run with CAP_IPC_LOCK, or raise kernel.perf_event_mlock_kb",
        ) from error


def _explain(error: OSError, tracepoint: Tracepoint) -> Exception:
    """What lacks, where that is what it is."""
    if is_refusal(error):
        return MissingMeansError(
            "the right to record tracepoints (CAP_PERFMON)",
            f"to see {tracepoint}",
            "run as root, or give the interpreter the right: setcap cap_perfmon+ep …; what "
            "others may do without it is said by kernel.perf_event_paranoid",
        )
    if error.errno == errno.ENOSYS:
        return MissingMeansError(
            "this kernel has no perf events", WHY, "use a kernel built with CONFIG_PERF_EVENTS"
        )
    if error.errno in (errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP):
        return MissingMeansError(
            f"this kernel has no tracepoint number {tracepoint.id}",
            f"to see {tracepoint}",
            "look its number up again: it changes from boot to boot",
        )
    return error
