"""The system calls that a program can make, as actors of a model: each waits for a row of digits,
performs the call, says what it returned, and waits again.

A row is a range and up to three more numbers, whatever the call makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shootdown.lang.declare import Int, PageRange, choose, indivisible, rest
from shootdown.lang.part import Part
from shootdown.linux.syscalls import madvise, userfaultfd
from shootdown.linux.syscalls.access import mem_write, process_vm_readv, process_vm_writev
from shootdown.linux.syscalls.brk import brk
from shootdown.linux.syscalls.files import (
    fallocate,
    ftruncate,
    punch_hole,
    pwrite,
    unmap_mapping_range,
)
from shootdown.linux.syscalls.fork import become_child, exit_mmap, fork
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
from shootdown.linux.syscalls.sync import fsync, msync
from shootdown.linux.vma import UFFD_MISSING

Call = Callable[[Process, PageRange, int, int, int], int]

NUMBERS = 1 << 20
"""one more than the largest number in a row"""
WIDTH = 5
"""numbers of a row"""


class Results(Part):
    """What the last call returned."""

    def __init__(self) -> None:
        self.label = "results"
        self.value = Int(-4096, 0)


class Caller(Part):
    """Makes one kind of call, again and again."""

    def __init__(self, process: Process, results: Results, call: Call) -> None:
        self.process = process
        self.results = results
        self.call = call

    def run(self) -> None:
        """Obey for ever."""
        while True:
            start, end, one, two, three = self.next()
            self.results.value = self.call(self.process, PageRange(start, end), one, two, three)

    @indivisible
    def next(self) -> tuple[int, int, int, int, int]:
        """The next row."""
        rest()
        start, end = choose(NUMBERS), choose(NUMBERS)
        one, two, three = choose(NUMBERS), choose(NUMBERS), choose(NUMBERS)
        return start, end, one, two, three


# --- what a row means ---------------------------------------------------------------------------


def _mmap(process: Process, range: PageRange, rights: int, file: int, offset: int) -> int:
    return mmap(process, range, rights, file, offset, shared=False)


def _mmap_shared(process: Process, range: PageRange, rights: int, file: int, offset: int) -> int:
    return mmap(process, range, rights, file, offset, shared=True)


def _munmap(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return munmap(process, range)


def _mprotect(process: Process, range: PageRange, rights: int, two: int, three: int) -> int:
    return mprotect(process, range, rights)


def _read(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return touch_all(process, range, False)


def _write(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return touch_all(process, range, True)


def _mlock(process: Process, range: PageRange, flags: int, two: int, three: int) -> int:
    return mlock(process, range, flags)


def _munlock(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return munlock(process, range)


def _mremap(process: Process, range: PageRange, new: int, flags: int, target: int) -> int:
    return mremap(process, Remap(range.start, len(range), new, flags, target))


def _madvise_flags(process: Process, range: PageRange, on: int, off: int, conditions: int) -> int:
    return madvise.madvise_flags(process, range, on, off, conditions)


def _advice(visit: madvise.Visit, discards: bool = False) -> Call:
    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return madvise.madvise(process, range, visit, discards)

    return call


def _collapse(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    with process.mm.mmap_lock.write():
        return madvise.walk_vmas(process, range, collapse)


def _populate_read(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return madvise_populate(process, range, False)


def _populate_write(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return madvise_populate(process, range, True)


def _ftruncate(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return ftruncate(process, range.start, range.end)


def _punch_hole(process: Process, range: PageRange, file: int, two: int, three: int) -> int:
    return punch_hole(process, file, range)


def _pwrite(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return pwrite(process, range.start, range.end)


def _zap_file(process: Process, range: PageRange, file: int, even_cows: int, three: int) -> int:
    if even_cows != 0:
        unmap_mapping_range(process, file, range, even_cows=True)
    else:
        unmap_mapping_range(process, file, range, even_cows=False)
    return 0


def _fork(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return fork(process)


def _become_child(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return become_child(process)


def _exit(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return exit_mmap(process)


# --- rarer ones ---------------------------------------------------------------------------------


def _nothing(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    """What no part of the model notices."""
    return 0


def _mmap_populate(process: Process, range: PageRange, rights: int, flags: int, three: int) -> int:
    return mmap_populate(process, range, rights, flags)


def _mmap_noreplace(process: Process, range: PageRange, rights: int, two: int, three: int) -> int:
    return mmap_noreplace(process, range, rights)


def _fallocate(process: Process, range: PageRange, file: int, two: int, three: int) -> int:
    return fallocate(process, file, range)


def _make_disk(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    process.files.make_disk(range.end)
    return 0


def _msync(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return msync(process, range)


def _fsync(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return fsync(process)


def _mincore(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return mincore(process, range)


def _mseal(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return mseal(process, range)


def _remap_file_pages(process: Process, range: PageRange, offset: int, two: int, three: int) -> int:
    return remap_file_pages(process, range, offset)


def _writev(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return process_vm_writev(process, range)


def _readv(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return process_vm_readv(process, range)


def _mem_write(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return mem_write(process, range)


def _mbind(process: Process, range: PageRange, bind: int, two: int, three: int) -> int:
    return mbind(process, range, bind != 0)


def _shmat(process: Process, range: PageRange, rights: int, number: int, three: int) -> int:
    return shmat(process, range, rights, number)


def _shmdt(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return shmdt(process, range.start)


def _brk(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return brk(process, range.start, range.end)


# --- /proc and userfaultfd ----------------------------------------------------------------------


def _clear_refs(process: Process, range: PageRange, what: int, two: int, three: int) -> int:
    return clear_refs(process, what)


def _pagemap_scan(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return pagemap_scan_wp(process, range)


def _uffd_register(process: Process, range: PageRange, modes: int, two: int, three: int) -> int:
    return userfaultfd.register(process, range, modes * UFFD_MISSING)


def _uffd_unregister(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return userfaultfd.unregister(process, range)


def _uffd_wp(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return userfaultfd.writeprotect(process, range, True)


def _uffd_unwp(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return userfaultfd.writeprotect(process, range, False)


def _uffd_copy(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return userfaultfd.copy(process, range)


def _uffd_zeropage(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    return userfaultfd.zeropage(process, range)


def _uffd_move(process: Process, range: PageRange, target: int, two: int, three: int) -> int:
    return userfaultfd.move(process, range, target)


CALLS: Mapping[str, Call] = {
    "mmap": _mmap,
    "mmap_shared": _mmap_shared,
    "munmap": _munmap,
    "mprotect": _mprotect,
    "read": _read,
    "write": _write,
    "mlock": _mlock,
    "munlock": _munlock,
    "mremap": _mremap,
    "madvise_flags": _madvise_flags,
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
    "populate_read": _populate_read,
    "populate_write": _populate_write,
    "ftruncate": _ftruncate,
    "punch_hole": _punch_hole,
    "pwrite": _pwrite,
    "zap_file": _zap_file,
    "fork": _fork,
    "become_child": _become_child,
    "exit": _exit,
    "nothing": _nothing,
    "mmap_populate": _mmap_populate,
    "mmap_noreplace": _mmap_noreplace,
    "fallocate": _fallocate,
    "make_disk": _make_disk,
    "msync": _msync,
    "fsync": _fsync,
    "mincore": _mincore,
    "mseal": _mseal,
    "remap_file_pages": _remap_file_pages,
    "process_vm_writev": _writev,
    "process_vm_readv": _readv,
    "mem_write": _mem_write,
    "mbind": _mbind,
    "shmat": _shmat,
    "shmdt": _shmdt,
    "brk": _brk,
    "clear_refs": _clear_refs,
    "pagemap_scan_wp": _pagemap_scan,
    "uffd_register": _uffd_register,
    "uffd_unregister": _uffd_unregister,
    "uffd_wp": _uffd_wp,
    "uffd_unwp": _uffd_unwp,
    "uffd_copy": _uffd_copy,
    "uffd_zeropage": _uffd_zeropage,
    "uffd_move": _uffd_move,
}
"""by name"""
