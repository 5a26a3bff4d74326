"""Operations of a program as rows of digits for the model's calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shootdown.conform.caller import WIDTH
from shootdown.conform.place import Place
from shootdown.linux.syscalls.madvise import ANONYMOUS_ONLY, DISCARDS, PRIVATE_ONLY
from shootdown.linux.syscalls.mremap import FIXED
from shootdown.linux.vma import (
    ANONYMOUS,
    ATTACHMENTS,
    DISK,
    DONTCOPY,
    DONTDUMP,
    HUGEPAGE,
    LOCKED,
    LOCKONFAULT,
    MEMFD,
    MERGEABLE,
    NOHUGEPAGE,
    RAND_READ,
    SEQ_READ,
    WIPEONFORK,
)
from shootdown.live.programs import SEGMENT, Operation
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

RIGHTS = {"none": PROT_NONE, "r": READ_ONLY, "rw": READ_WRITE}
FLAGS = {
    "NORMAL": (0, RAND_READ | SEQ_READ),
    "SEQUENTIAL": (SEQ_READ, RAND_READ),
    "RANDOM": (RAND_READ, SEQ_READ),
    "DONTFORK": (DONTCOPY, 0),
    "DOFORK": (0, DONTCOPY),
    "WIPEONFORK": (WIPEONFORK, 0),
    "KEEPONFORK": (0, WIPEONFORK),
    "DONTDUMP": (DONTDUMP, 0),
    "DODUMP": (0, DONTDUMP),
    "HUGEPAGE": (HUGEPAGE, NOHUGEPAGE),
    "NOHUGEPAGE": (NOHUGEPAGE, HUGEPAGE),
    "MERGEABLE": (MERGEABLE, 0),
    "UNMERGEABLE": (0, MERGEABLE),
}
"""the flags that an advice sets, and clears"""
CONDITIONS = {
    "WIPEONFORK": ANONYMOUS_ONLY | DISCARDS, "DONTFORK": DISCARDS, "MERGEABLE": PRIVATE_ONLY,
}  # fmt: skip
WALKS = (
    "DONTNEED", "DONTNEED_LOCKED", "FREE", "COLD", "PAGEOUT", "WILLNEED", "REMOVE",
    "GUARD_INSTALL", "GUARD_REMOVE", "COLLAPSE",
)  # fmt: skip


class UnknownCallError(Exception):
    """The model does not know a call, or this form of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A call and its numbers: first page, page behind the last, and what else it takes."""

    name: str
    numbers: tuple[int, ...] = ()

    @property
    def digits(self) -> tuple[int, ...]:
        """As many as an actor asks for."""
        return (*self.numbers, *(0,) * (WIDTH - len(self.numbers)))


def row_of(operation: Operation, place: Place, new_file: Callable[[], int]) -> Row:
    """The row of an operation of the process itself.

    Raises:
        UnknownCallError: if there is none.
    """
    match operation:
        case ("mmap_anon", int(page), int(count), str(rights)):
            return Row("mmap", (*_pages(place, page, count), RIGHTS[rights], ANONYMOUS))
        case ("mprotect", int(page), int(count), str(rights)):
            return Row("mprotect", (*_pages(place, page, count), RIGHTS[rights]))
        case ("munmap" | "read" | "write" | "munlock" as name, int(page), int(count)):
            return Row(name, _pages(place, page, count))
        case ("mlock", int(page), int(count)):
            return Row("mlock", (*_pages(place, page, count), LOCKED))
        case ("mlock_onfault", int(page), int(count)):
            return Row("mlock", (*_pages(place, page, count), LOCKED | LOCKONFAULT))
        case ("madvise", int(page), int(count), "POPULATE_READ"):
            return Row("populate_read", _pages(place, page, count))
        case ("madvise", int(page), int(count), "POPULATE_WRITE"):
            return Row("populate_write", _pages(place, page, count))
        case ("madvise", int(page), int(count), str(advice)) if advice in WALKS:
            return Row(advice, _pages(place, page, count))
        case ("madvise", int(page), int(count), str(advice)) if advice in FLAGS:
            flags = (*FLAGS[advice], CONDITIONS.get(advice, 0))
            return Row("madvise_flags", (*_pages(place, page, count), *flags))
        case ("mremap", int(page), int(old), int(new), int(flags), int(target)):
            place.at(page + new), place.at(target + new)
            where = place.at(target) if flags & FIXED else 0
            return Row("mremap", (*_pages(place, page, old), new, flags, where))
    return _row_of_file(operation, place, new_file)


def _row_of_file(operation: Operation, place: Place, new_file: Callable[[], int]) -> Row:
    """Of an operation on files."""
    match operation:
        case ("mmap_shanon", int(page), int(count), str(rights)):
            return Row("mmap_shared", (*_pages(place, page, count), RIGHTS[rights], new_file()))
        case ("mmap_shared", int(page), int(count), str(rights), int(offset)):
            at = _pages(place, page, count)
            return Row("mmap_shared", (*at, RIGHTS[rights], MEMFD, offset))
        case ("mmap_private", int(page), int(count), str(rights), int(offset)):
            return Row("mmap", (*_pages(place, page, count), RIGHTS[rights], MEMFD, offset))
        case ("mmap_disk_shared", int(page), int(count), str(rights), int(offset)):
            at = _pages(place, page, count)
            return Row("mmap_shared", (*at, RIGHTS[rights], DISK, offset))
        case ("mmap_disk_private", int(page), int(count), str(rights), int(offset)):
            return Row("mmap", (*_pages(place, page, count), RIGHTS[rights], DISK, offset))
        case ("ftruncate", int(size)):
            return Row("ftruncate", (MEMFD, size))
        case ("punch", int(offset), int(count)):
            return Row("punch_hole", (offset, offset + count, MEMFD))
        case ("pwrite", int(offset)):
            return Row("pwrite", (MEMFD, offset))
        case ("fallocate", int(offset), int(count)):
            return Row("fallocate", (offset, offset + count, MEMFD))
        case ("remap_file_pages", int(page), int(count), int(offset)):
            return Row("remap_file_pages", (*_pages(place, page, count), offset))
    return _rarer_row(operation, place)


def _rarer_row(operation: Operation, place: Place) -> Row:
    match operation:
        case ("spawn",) | ("move_pages", _, _):
            return Row("nothing")
        case ("mmap_populate" | "mmap_locked" as name, int(page), int(count), str(rights)):
            flags = LOCKED if name == "mmap_locked" else 0
            return Row("mmap_populate", (*_pages(place, page, count), RIGHTS[rights], flags))
        case ("mmap_noreplace", int(page), int(count), str(rights)):
            return Row("mmap_noreplace", (*_pages(place, page, count), RIGHTS[rights]))
        case ("fsync",):
            return Row("fsync")
        case ("mincore" | "msync" | "mseal" | "process_vm_writev" | "process_vm_readv"
              | "mem_write" as name, int(page), int(count)):  # fmt: skip
            return Row(name, _pages(place, page, count))
        case ("mbind", int(page), int(count), str(policy)):
            return Row("mbind", (*_pages(place, page, count), int(policy == "bind")))
        case ("shmdt", int(page)):
            return Row("shmdt", (place.at(page),))
        case ("brk", int(before), int(after)):
            return Row("brk", (place.at(before), place.at(after)))
        case ("clear_refs", int(what)):
            return Row("clear_refs", (0, 0, what))
    return _row_of_userfaultfd(operation, place)


MODES = {"missing": 1, "wp": 2, "both": 3}
"""of a userfaultfd, as `memory_calls` takes them"""


def _row_of_userfaultfd(operation: Operation, place: Place) -> Row:
    """Of what is asked of a userfaultfd, and of a scan that protects."""
    match operation:
        case ("uffd_unregister" | "uffd_wp" | "uffd_unwp" | "uffd_copy" | "uffd_zeropage"
              | "pagemap_scan_wp" as name, int(page), int(count)):  # fmt: skip
            return Row(name, _pages(place, page, count))
        case ("uffd_register", int(page), int(count), str(mode)):
            return Row("uffd_register", (*_pages(place, page, count), MODES[mode]))
        case ("uffd_move", int(page), int(count), int(target)):
            place.at(target + count)
            return Row("uffd_move", (*_pages(place, page, count), place.at(target)))
    raise UnknownCallError


def row_of_shmat(page: int, rights: str, place: Place, number: int) -> Row:
    """shmat(2), for the `number`th time."""
    if number >= ATTACHMENTS:
        raise UnknownCallError(f"more than {ATTACHMENTS - 1} attachments are not modelled")
    return Row("shmat", (*_pages(place, page, SEGMENT), RIGHTS[rights], number))


def _pages(place: Place, page: int, count: int) -> tuple[int, int]:
    return place.at(page), place.at(page + count)
