"""userfaultfd(2): the faults, unmaps and moves of a range of memory, told to a monitor.

A monitor reads messages and answers faults by filling a page in. FORK, REMAP, REMOVE and UNMAP hold
up whoever caused them until the message has been read, so that the monitor must be another thread
or process than the one watched. Lengths and addresses are in bytes, whole pages
(Documentation/admin-guide/mm/userfaultfd.rst, include/uapi/linux/userfaultfd.h).

By default the descriptor is one of `UFFD_USER_MODE_ONLY`, which needs no right: faults that the
kernel takes for a process (in read(2), say) are then not told, they fail.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from shootdown.live.descriptor import Descriptor
from shootdown.live.errors import MissingMeansError, is_refusal
from shootdown.live.system import ioctl, system_call

USER_MODE_ONLY = 1
API = 0xAA

_IOCTL_API, _REGISTER, _UNREGISTER, _WAKE = 0xC018AA3F, 0xC020AA00, 0x8010AA01, 0x8010AA02
_COPY, _ZEROPAGE, _MOVE = 0xC028AA03, 0xC020AA04, 0xC028AA05
_WRITEPROTECT = 0xC018AA06

_MESSAGE = struct.Struct("=BBHIQQQ")


class Feature(IntFlag):
    """What a kernel can be asked to tell or do."""

    PAGEFAULT_FLAG_WP = 1 << 0
    EVENT_FORK = 1 << 1
    EVENT_REMAP = 1 << 2
    EVENT_REMOVE = 1 << 3
    MISSING_HUGETLBFS = 1 << 4
    MISSING_SHMEM = 1 << 5
    EVENT_UNMAP = 1 << 6
    SIGBUS = 1 << 7
    THREAD_ID = 1 << 8
    MINOR_HUGETLBFS = 1 << 9
    MINOR_SHMEM = 1 << 10
    EXACT_ADDRESS = 1 << 11
    WP_HUGETLBFS_SHMEM = 1 << 12
    WP_UNPOPULATED = 1 << 13
    POISON = 1 << 14
    WP_ASYNC = 1 << 15
    MOVE = 1 << 16


NOTHING = Feature(0)


class Mode(IntFlag):
    """Which faults of a range are told."""

    MISSING = 1
    WRITE_PROTECT = 2
    MINOR = 4


class FaultFlag(IntFlag):
    """What kind of fault it was; none of them: a read of a missing page."""

    WRITE = 1
    WRITE_PROTECT = 2
    MINOR = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """Somebody waits for a page."""

    address: int
    flags: FaultFlag
    thread: int
    """with the feature THREAD_ID, else 0"""


@dataclass(frozen=True, slots=True)
class Forked:
    """A child has the range too; `fd` is the descriptor of its own, to be closed by the reader."""

    fd: int


@dataclass(frozen=True, slots=True)
class Remapped:
    """mremap: from where to where, how long."""

    old: int
    new: int
    length: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The pages are gone, the mapping is not: MADV_DONTNEED, MADV_REMOVE."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unmapped:
    """The mapping is gone."""

    start: int
    end: int


Message = Fault | Forked | Remapped | Removed | Unmapped

_MESSAGES: dict[int, Callable[[int, int, int], Message]] = {
    0x12: lambda a, b, c: Fault(b, FaultFlag(a), c & 0xFFFFFFFF),
    0x13: lambda a, b, c: Forked(a & 0xFFFFFFFF),
    0x14: Remapped,
    0x15: lambda a, b, c: Removed(a, b),
    0x16: lambda a, b, c: Unmapped(a, b),
}


def decode_messages(data: bytes) -> list[Message]:
    """The messages that a read returned.

    Raises:
        ValueError: for an event that is not known, or half a message.
    """
    found = []
    if len(data) % _MESSAGE.size:
        raise ValueError(f"{len(data)} bytes are no whole number of messages of {_MESSAGE.size}")
    for event, _, _, _, a, b, c in _MESSAGE.iter_unpack(data):
        if event not in _MESSAGES:
            raise ValueError(f"userfaultfd event {event:#x} is not known")
        found.append(_MESSAGES[event](a, b, c))
    return found


class Userfaultfd(Descriptor):
    """A descriptor: ranges are registered with it, messages read from it, faults answered.

    Once it is closed, ranges are registered no more, and waiting faults go on as without.
    """

    def __init__(self, features: Feature = NOTHING, *, user_mode_only: bool = True) -> None:
        """Reading never waits: poll the `fd`, which is not inherited over exec.

        Raises:
            MissingMeansError: for a right or a feature that is not there.
        """
        self.fd = _open(os.O_CLOEXEC | os.O_NONBLOCK | (USER_MODE_ONLY if user_mode_only else 0))
        try:
            self.available = self._shake_hands(features)
        except BaseException:
            self.close()
            raise

    def _shake_hands(self, features: Feature) -> Feature:
        """What the kernel can do in all."""
        buffer = struct.pack("=QQQ", API, features, 0)
        try:
            _, available, _ = struct.unpack("=QQQ", self._control(_IOCTL_API, buffer))
        except OSError as error:
            if is_refusal(error):
                raise MissingMeansError(
                    "the right to hear of forks (CAP_SYS_PTRACE)",
                    "for the userfaultfd feature EVENT_FORK",
                    "run as root, or leave EVENT_FORK out",
                ) from error
            if error.errno == errno.EINVAL:
                raise MissingMeansError(
                    f"this kernel lacks one of the userfaultfd features {features!r}",
                    "to be told of that",
                    f"ask for fewer; {Userfaultfd().available!r} are there",
                ) from error
            raise
        return Feature(available & sum(feature.value for feature in Feature))

    def read(self) -> list[Message]:
        """What there is to be told now; nothing if there is nothing."""
        try:
            return decode_messages(os.read(self.fd, 64 * _MESSAGE.size))
        except BlockingIOError:
            return []

    def register(self, start: int, length: int, mode: Mode = Mode.MISSING) -> None:
        """Faults of this mode are told from now on, and unmaps and moves if asked for."""
        self._control(_REGISTER, struct.pack("=QQQQ", start, length, mode, 0))

    def unregister(self, start: int, length: int) -> None:
        """No more; who waits goes on."""
        self._control(_UNREGISTER, struct.pack("=QQ", start, length))

    def wake(self, start: int, length: int) -> None:
        """Let those who wait in the range try again."""
        self._control(_WAKE, struct.pack("=QQ", start, length))

    def copy(self, target: int, source: int, length: int) -> int:
        """Fill missing pages with a copy, all at once, and wake who waits; how many bytes."""
        buffer = struct.pack("=QQQQq", target, source, length, 0, 0)
        return int(struct.unpack("=QQQQq", self._control(_COPY, buffer))[4])

    def zero_page(self, start: int, length: int) -> int:
        """Fill missing pages with the zero page, and wake who waits; how many bytes."""
        buffer = struct.pack("=QQQq", start, length, 0, 0)
        return int(struct.unpack("=QQQq", self._control(_ZEROPAGE, buffer))[3])

    def move(self, target: int, source: int, length: int) -> int:
        """Move pages instead of copying them (Linux 6.8); how many bytes."""
        buffer = struct.pack("=QQQQq", target, source, length, 0, 0)
        return int(struct.unpack("=QQQQq", self._control(_MOVE, buffer))[4])

    def write_protect(self, start: int, length: int, protected: bool = True) -> None:
        """Writes fault from now on; or no more, and who waits goes on."""
        self._control(_WRITEPROTECT, struct.pack("=QQQ", start, length, int(protected)))

    def _control(self, request: int, buffer: bytes) -> bytes:
        """The structure, as the kernel leaves it."""
        memory = ctypes.create_string_buffer(buffer, len(buffer))
        ioctl(self.fd, request, ctypes.addressof(memory))
        return memory.raw


def _open(flags: int) -> int:
    try:
        return system_call("userfaultfd", flags)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            raise MissingMeansError(
                "this kernel has no userfaultfd",
                "to be told of faults and unmaps",
                "use a kernel built with CONFIG_USERFAULTFD",
            ) from error
        if is_refusal(error):
            raise MissingMeansError(
                "the right to handle faults of the kernel (CAP_SYS_PTRACE)",
                "for a userfaultfd that is not user_mode_only",
                "run as root, set vm.unprivileged_userfaultfd to 1, or use user_mode_only",
            ) from error
        raise
