"""System calls about memory beyond those of `memory`: rarer ones, some of them new.

Sizes and addresses are in bytes. Errors are OSError with the number of the call's error.
"""

from __future__ import annotations

import ctypes
import os
import struct
from array import array
from collections.abc import Sequence

from shootdown.live.memory import PAGE
from shootdown.live.system import function_of_libc, last_error, system_call

MS_SYNC = 4
KEEP_SIZE, PUNCH_HOLE = 1, 3
"""modes of fallocate; a hole keeps the size too"""
MPOL_DEFAULT, MPOL_BIND = 0, 2
MPOL_MF_MOVE = 2
SHM_RDONLY, SHM_REMAP = 0o10000, 0o40000
IPC_PRIVATE, IPC_CREAT, IPC_RMID = 0, 0o1000, 0

_SET_MM, _SET_MM_MAP = 35, 14
"""prctl(PR_SET_MM, PR_SET_MM_MAP, …)"""

_p, _n, _i, _l = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_long
_msync = function_of_libc("msync", _i, _p, _n, _i)
_mincore = function_of_libc("mincore", _i, _p, _n, _p)
_fallocate = function_of_libc("fallocate", _i, _i, _i, _l, _l)
_shmget = function_of_libc("shmget", _i, _i, _n, _i)
_shmat = function_of_libc("shmat", _l, _i, _p, _i)
_shmdt = function_of_libc("shmdt", _i, _p)
_shmctl = function_of_libc("shmctl", _i, _i, _i, _p)
_prctl = function_of_libc("prctl", _i, _i, _l, _l, _l, _l)
_writev = function_of_libc("process_vm_writev", _l, _i, _p, _l, _p, _l, _l)
_readv = function_of_libc("process_vm_readv", _l, _i, _p, _l, _p, _l, _l)


def _done(result: int, name: str) -> int:
    if result < 0:
        raise last_error(name)
    return int(result)


def msync(address: int, size: int, flags: int = MS_SYNC) -> None:
    """msync(2)"""
    _done(_msync(address, size, flags), "msync")


def mincore(address: int, size: int) -> bytes:
    """mincore(2): a byte for each page."""
    buffer = ctypes.create_string_buffer(max(-(-size // PAGE), 1))
    _done(_mincore(address, size, ctypes.addressof(buffer)), "mincore")
    return buffer.raw[: -(-size // PAGE)]


def mseal(address: int, size: int) -> None:
    """mseal(2), Linux 6.10"""
    system_call("mseal", address, size, 0)


def remap_file_pages(address: int, size: int, page: int) -> None:
    """remap_file_pages(2): the memory shows the file from this page on."""
    system_call("remap_file_pages", address, size, 0, page, 0)


def fallocate(fd: int, mode: int, offset: int, size: int) -> None:
    """fallocate(2)"""
    _done(_fallocate(fd, mode, offset, size), "fallocate")


def process_madvise(spans: Sequence[tuple[int, int]], advice: int) -> int:
    """process_madvise(2) on oneself: how many bytes, of ranges of address and size."""
    vector = array("Q", [part for span in spans for part in span])
    fd = os.pidfd_open(os.getpid())
    try:
        return system_call("process_madvise", fd, vector.buffer_info()[0], len(spans), advice, 0)
    finally:
        os.close(fd)


def process_mrelease(pidfd: int) -> None:
    """process_mrelease(2), Linux 5.15: what a process that is being killed has, is given back."""
    system_call("process_mrelease", pidfd, 0)


def mbind(address: int, size: int, policy: int, nodes: int, flags: int) -> None:
    """mbind(2); `nodes` is a mask."""
    mask = array("Q", [nodes])
    place, bits = (mask.buffer_info()[0], 64) if nodes else (0, 0)
    system_call("mbind", address, size, policy, place, bits, flags)


def move_pages(addresses: Sequence[int], node: int) -> int:
    """move_pages(2) of this process: how many pages could not be moved."""
    count = len(addresses)
    pages, nodes = array("Q", addresses), array("i", [node] * count)
    status = array("i", [0] * count)
    places = (part.buffer_info()[0] for part in (pages, nodes, status))
    return system_call("move_pages", 0, count, *places, MPOL_MF_MOVE)


def vm_write(address: int, pages: int) -> int:
    """process_vm_writev(2) to oneself, a byte of each page: how many."""
    return _copy(_writev, address, pages, "process_vm_writev")


def vm_read(address: int, pages: int) -> int:
    """process_vm_readv(2) from oneself, a byte of each page: how many."""
    return _copy(_readv, address, pages, "process_vm_readv")


def _copy(function: object, address: int, pages: int, name: str) -> int:
    assert callable(function)
    buffer = ctypes.create_string_buffer(max(pages, 1))
    here = array("Q", [ctypes.addressof(buffer), pages])
    there = array("Q", [part for page in range(pages) for part in (address + page * PAGE, 1)])
    vectors = (here.buffer_info()[0], 1, there.buffer_info()[0], pages)
    return _done(function(os.getpid(), *vectors, 0), name)


def shmget(size: int) -> int:
    """shmget(2): a new segment, for this process and its children."""
    return _done(_shmget(IPC_PRIVATE, size, IPC_CREAT | 0o600), "shmget")


def shmat(segment: int, address: int, flags: int) -> int:
    """shmat(2): the address."""
    return _done(_shmat(segment, address, flags), "shmat")


def shmdt(address: int) -> None:
    """shmdt(2)"""
    _done(_shmdt(address), "shmdt")


def shm_remove(segment: int) -> None:
    """shmctl(IPC_RMID): the segment goes with its last mapping. Linux lets it be mapped until
    then."""
    _done(_shmctl(segment, IPC_RMID, 0), "shmctl")


# --- brk ----------------------------------------------------------------------------------------

_MAP = struct.Struct("=11QQIi")
"""struct prctl_mm_map: from start_code to env_end, auxv, its size, exe_fd"""

_STAT = (26, 27, 45, 46, 47, 0, 28, 48, 49, 50, 51)
"""where its parts stand in /proc/PID/stat (proc(5)); the break does not"""


def move_brk(start: int, before: int, after: int) -> None:
    """brk(2) on a heap that begins at `start` and has its end at `before`: to `after`.

    The process has a heap already, in use; it is taken away for the moment by PR_SET_MM_MAP. What
    needs memory meanwhile gets it by mmap, since the heap cannot grow.

    Raises:
        OSError: ENOMEM, if the end stays where it was.
    """
    own = _own_map()
    lent = (*own[:4], start, before, *own[6:])
    _set_map(lent)
    try:
        reached = system_call("brk", after)
    finally:
        _set_map(own)
    if reached != after:
        raise OSError(12, os.strerror(12), "brk")


def _own_map() -> tuple[int, ...]:
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    values = [int(fields[number - 3]) if number else system_call("brk", 0) for number in _STAT]
    return tuple(values)


def _set_map(values: tuple[int, ...]) -> None:
    buffer = ctypes.create_string_buffer(_MAP.pack(*values, 0, 0, -1), _MAP.size)
    _done(_prctl(_SET_MM, _SET_MM_MAP, ctypes.addressof(buffer), _MAP.size, 0), "prctl")
