"""Memory system calls on addresses one chooses, and touching pages with or without a signal.

Python's `mmap` hides addresses and keeps its mappings; a test of the kernel needs neither. Whatever
touches memory here lets other threads run meanwhile, one of which may have to answer the fault. All
sizes and addresses are in bytes. Constants are those of x86-64 and arm64 (include/uapi/asm-generic/
mman-common.h, include/uapi/linux/mman.h).
"""

from __future__ import annotations

import ctypes
import mmap as _mmap
import os

from shootdown.live.system import function_of_libc, last_error

PAGE = _mmap.PAGESIZE

PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC = 0, 1, 2, 4
READ_WRITE = PROT_READ | PROT_WRITE
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS = 0x1, 0x2, 0x10, 0x20
MAP_NORESERVE, MAP_FIXED_NOREPLACE = 0x4000, 0x100000
MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP = 1, 2, 4
MADV_DONTNEED, MADV_FREE, MADV_REMOVE = 4, 8, 9
MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP = 14, 15, 16, 17
MADV_COLD, MADV_PAGEOUT, MADV_COLLAPSE = 20, 21, 25

_FAILED = ctypes.c_void_p(-1).value
_p, _n, _i = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_map = function_of_libc("mmap", _p, _p, _n, _i, _i, _i, ctypes.c_long)
_unmap = function_of_libc("munmap", _i, _p, _n)
_protect = function_of_libc("mprotect", _i, _p, _n, _i)
_advise = function_of_libc("madvise", _i, _p, _n, _i)
_remap = function_of_libc("mremap", _p, _p, _n, _n, _i, _p)
_copy = function_of_libc("memcpy", _p, _p, _p, _n)
_read = function_of_libc("read", ctypes.c_ssize_t, _i, _p, _n)
_write = function_of_libc("write", ctypes.c_ssize_t, _i, _p, _n)


def mmap(  # noqa: PLR0917 - as in mmap(2)
    address: int,
    size: int,
    protection: int = READ_WRITE,
    flags: int = MAP_PRIVATE | MAP_ANONYMOUS,
    fd: int = -1,
    offset: int = 0,
) -> int:
    """mmap(2): the address. 0 lets the kernel choose, MAP_FIXED replaces what is there."""
    return _address(_map(address, size, protection, flags, fd, offset), "mmap")


def munmap(address: int, size: int) -> None:
    """munmap(2)"""
    _done(_unmap(address, size), "munmap")


def mprotect(address: int, size: int, protection: int) -> None:
    """mprotect(2)"""
    _done(_protect(address, size, protection), "mprotect")


def madvise(address: int, size: int, advice: int) -> None:
    """madvise(2)"""
    _done(_advise(address, size, advice), "madvise")


def mremap(address: int, size: int, new_size: int, flags: int = 0, target: int = 0) -> int:
    """mremap(2): the new address. `target` counts with MREMAP_FIXED."""
    return _address(_remap(address, size, new_size, flags, target), "mremap")


def load(address: int, size: int) -> bytes:
    """Read memory as a program does. A fault that nobody answers is a signal."""
    buffer = ctypes.create_string_buffer(size)
    _copy(ctypes.addressof(buffer), address, size)
    return buffer.raw


def store(address: int, data: bytes) -> None:
    """Write memory as a program does. A fault that nobody answers is a signal."""
    _copy(address, ctypes.addressof(ctypes.create_string_buffer(data, len(data))), len(data))


def touch_read(address: int) -> None:
    """Have the kernel read a byte: a read fault, without a signal where there is nothing.

    Raises:
        OSError: EFAULT, if it cannot be read.
    """
    peek(address, 1)


def peek(address: int, size: int) -> bytes:
    """Have the kernel read up to a page: what is there, without a signal where there is nothing.

    Raises:
        OSError: EFAULT, if the first byte cannot be read.
    """
    reader, writer = os.pipe()
    try:
        _done(_write(writer, address, size), "write")
        return os.read(reader, size)
    finally:
        os.close(reader)
        os.close(writer)


def touch_write(address: int, value: int = 0) -> None:
    """Have the kernel write a byte: a write fault, without a signal where it is not allowed.

    Raises:
        OSError: EFAULT, if it cannot be written.
    """
    reader, writer = os.pipe()
    try:
        os.write(writer, bytes([value]))
        _done(_read(reader, address, 1), "read")
    finally:
        os.close(reader)
        os.close(writer)


def _done(result: int, name: str) -> None:
    if result < 0:
        raise last_error(name)


def _address(result: int | None, name: str) -> int:
    if result is None or result == _FAILED:
        raise last_error(name)
    return result
