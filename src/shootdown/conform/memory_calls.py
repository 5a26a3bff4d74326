"""Calls on a range of memory: how it is mapped, what is read and written, what is advised, and what
/proc and a userfaultfd do with it."""

from __future__ import annotations

from collections.abc import Mapping

from shootdown.conform.caller import (
    Call,
    of_range,
    of_range_and_number,
    of_range_and_numbers,
    of_two,
)
from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls import madvise, userfaultfd
from shootdown.linux.syscalls.access import mem_write, process_vm_readv, process_vm_writev
from shootdown.linux.syscalls.brk import brk
from shootdown.linux.syscalls.huge import collapse
from shootdown.linux.syscalls.mbind import mbind
from shootdown.linux.syscalls.mincore import mincore
from shootdown.linux.syscalls.mlock import mlock, munlock
from shootdown.linux.syscalls.mmap import mmap, mmap_noreplace, mmap_populate
from shootdown.linux.syscalls.mprotect import mprotect
from shootdown.linux.syscalls.mremap import Remap, mremap
from shootdown.linux.syscalls.mseal import mseal
from shootdown.linux.syscalls.munmap import munmap
from shootdown.linux.syscalls.populate import madvise_populate, touch_all
from shootdown.linux.syscalls.proc import clear_refs, pagemap_scan_wp
from shootdown.linux.syscalls.process import Process
from shootdown.linux.syscalls.remap_file_pages import remap_file_pages
from shootdown.linux.syscalls.shm import shmat, shmdt
from shootdown.linux.vma import UFFD_MISSING


def _mmap(shared: bool) -> Call:
    def call(process: Process, range: PageRange, rights: int, file: int, offset: int) -> int:
        return mmap(process, range, rights, file, offset, shared=shared)

    return call


def _touch(writes: bool) -> Call:
    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return touch_all(process, range, writes)

    return call


def _mremap(process: Process, range: PageRange, new: int, flags: int, target: int) -> int:
    return mremap(process, Remap(range.start, len(range), new, flags, target))


def _mbind(process: Process, range: PageRange, bind: int, two: int, three: int) -> int:
    return mbind(process, range, bind != 0)


def _shmdt(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return shmdt(process, range.start)


def _advice(visit: madvise.Visit, discards: bool = False) -> Call:
    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return madvise.madvise(process, range, visit, discards)

    return call


def _collapse(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    with process.mm.mmap_lock.write():
        return madvise.walk_vmas(process, range, collapse)


def _populate(writes: bool) -> Call:
    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return madvise_populate(process, range, writes)

    return call


def _clear_refs(process: Process, range: PageRange, what: int, two: int, three: int) -> int:
    return clear_refs(process, what)


def _uffd_register(process: Process, range: PageRange, modes: int, two: int, three: int) -> int:
    return userfaultfd.register(process, range, modes * UFFD_MISSING)


def _uffd_writeprotect(protects: bool) -> Call:
    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return userfaultfd.writeprotect(process, range, protects)

    return call


MEMORY_CALLS: Mapping[str, Call] = {
    "mmap": _mmap(shared=False),
    "mmap_shared": _mmap(shared=True),
    "mmap_populate": of_range_and_numbers(mmap_populate),
    "mmap_noreplace": of_range_and_number(mmap_noreplace),
    "munmap": of_range(munmap),
    "mprotect": of_range_and_number(mprotect),
    "mremap": _mremap,
    "mlock": of_range_and_number(mlock),
    "munlock": of_range(munlock),
    "mincore": of_range(mincore),
    "mseal": of_range(mseal),
    "mbind": _mbind,
    "remap_file_pages": of_range_and_number(remap_file_pages),
    "shmat": of_range_and_numbers(shmat),
    "shmdt": _shmdt,
    "brk": of_two(brk),
    "read": _touch(writes=False),
    "write": _touch(writes=True),
    "process_vm_writev": of_range(process_vm_writev),
    "process_vm_readv": of_range(process_vm_readv),
    "mem_write": of_range(mem_write),
    "madvise_flags": madvise.madvise_flags,
    "DONTNEED": _advice(madvise.dontneed, discards=True),
    "DONTNEED_LOCKED": _advice(madvise.dontneed_locked, discards=True),
    "FREE": _advice(madvise.free, discards=True),
    "COLD": _advice(madvise.cold),
    "PAGEOUT": _advice(madvise.reclaim),
    "WILLNEED": _advice(madvise.willneed),
    "REMOVE": _advice(madvise.remove, discards=True),
    "GUARD_INSTALL": _advice(madvise.guard_install, discards=True),
    "GUARD_REMOVE": _advice(madvise.guard_remove),
    "COLLAPSE": _collapse,
    "populate_read": _populate(writes=False),
    "populate_write": _populate(writes=True),
    "clear_refs": _clear_refs,
    "pagemap_scan_wp": of_range(pagemap_scan_wp),
    "uffd_register": _uffd_register,
    "uffd_unregister": of_range(userfaultfd.unregister),
    "uffd_wp": _uffd_writeprotect(protects=True),
    "uffd_unwp": _uffd_writeprotect(protects=False),
    "uffd_copy": of_range(userfaultfd.copy),
    "uffd_zeropage": of_range(userfaultfd.zeropage),
    "uffd_move": of_range_and_number(userfaultfd.move),
}
"""by name"""
