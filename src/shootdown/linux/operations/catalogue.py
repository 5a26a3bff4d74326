"""The operations by name."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from shootdown.linux.filemap import Mapping
from shootdown.linux.ksm import Ksm
from shootdown.linux.markers import Markers
from shootdown.linux.migrate import Migration
from shootdown.linux.nonlinear import Nonlinear
from shootdown.linux.operations.brk import brk
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.fork import fork
from shootdown.linux.operations.huge_pages import HUGE_PAGES
from shootdown.linux.operations.ksm import ksm_merge, ksm_unmerge
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.madvise_free import madvise_free
from shootdown.linux.operations.madvise_guard import madvise_guard_install, madvise_guard_remove
from shootdown.linux.operations.mapping_dirty_helpers import (
    clean_record_shared_mapping_range,
    wp_shared_mapping_range,
)
from shootdown.linux.operations.migrate_pages import migrate_pages
from shootdown.linux.operations.mlock import mlock
from shootdown.linux.operations.mmap import mmap
from shootdown.linux.operations.mmu_notifier import LIFETIME
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.mremap import mremap, mremap_dontunmap, mremap_grow, mremap_shrink
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.operations.operation import KnownBug, Operation
from shootdown.linux.operations.reclaim import madvise_pageout, reclaim
from shootdown.linux.operations.remap_file_pages import remap_file_pages
from shootdown.linux.operations.special import AGING, DEVICES, OTHERS, WATCHING
from shootdown.linux.operations.swapoff import swapoff
from shootdown.linux.operations.truncate import madvise_remove, punch_hole, truncate
from shootdown.linux.operations.writeback import dax_writeback, fsync
from shootdown.linux.start import ABSENT, PRIVATE
from shootdown.linux.start_backed import (
    FILE,
    FILE_RECLAIMABLE,
    MERGEABLE,
    MERGED,
    RECLAIMABLE,
    REMAPPED_FILE,
    SHARED_FILE,
    SWAPPED_OUT,
    UNMAPPED_FILE,
)
from shootdown.linux.vmscan import Reclaim

__all__ = ["OPERATIONS", "KnownBug", "Operation", "UnknownOperationError", "find_operation"]


class UnknownOperationError(ValueError):
    """There is no such operation."""


_ANONYMOUS_MEMORY = tuple(
    Operation(function.__name__, function)
    for function in (read_fault, write_fault, mmap, munmap, madvise_dontneed, mprotect, fork)
)

_VMAS = (
    Operation("mremap", mremap),
    Operation("mremap_dontunmap", mremap_dontunmap, since=(5, 7, 0)),
    Operation("mremap_shrink", mremap_shrink),
    Operation("mremap_grow", mremap_grow),
    Operation("brk", brk),
    Operation("mlock", mlock),
    Operation("madvise_guard_install", madvise_guard_install, since=(6, 13, 0), parts=(Markers,)),
    Operation("madvise_guard_remove", madvise_guard_remove, since=(6, 13, 0), parts=(Markers,)),
)
"""VMAs that grow, shrink and move"""

_on_file = partial(Operation, parts=(Mapping,))
_by_file = partial(_on_file, linear=True)

_FILES = (
    _on_file("file_read_fault", read_fault, patterns=FILE),
    _on_file("file_write_fault", write_fault, patterns=FILE),
    _on_file("file_munmap", munmap, patterns=UNMAPPED_FILE),
    Operation(
        "remap_file_pages",
        remap_file_pages,
        patterns=REMAPPED_FILE,
        parts=(Mapping, Nonlinear),
        nonlinear=True,
    ),
    _by_file("truncate", truncate, patterns=FILE, outside=True),
    _by_file("punch_hole", punch_hole, patterns=FILE, outside=True),
    _by_file("madvise_remove", madvise_remove, (3, 5, 0), patterns=FILE),
    _by_file("fsync", fsync, patterns=SHARED_FILE, outside=True),
    _by_file("dax_writeback", dax_writeback, (4, 11, 0), patterns=SHARED_FILE, outside=True),
    _by_file("wp_shared_mapping_range", wp_shared_mapping_range, (5, 5, 0), patterns=SHARED_FILE),
    _by_file(
        "clean_record_shared_mapping_range",
        clean_record_shared_mapping_range,
        since=(5, 5, 0),
        patterns=SHARED_FILE,
    ),
)
"""pages of a file; whoever finds the address space by the reverse mapping is no user of it"""

_on_pages = partial(Operation, parts=(Reclaim,))
_by_page = partial(Operation, linear=True)
_reclaim = partial(_by_page, parts=(Reclaim,), patterns=RECLAIMABLE)
_of_ksm = partial(Operation, since=(2, 6, 32), parts=(Ksm,))

_PAGES = (
    _reclaim("reclaim", reclaim, outside=True),
    _by_page(
        "reclaim_file",
        reclaim,
        patterns=FILE_RECLAIMABLE,
        parts=(Mapping, Reclaim),
        outside=True,
    ),
    _reclaim("madvise_pageout", madvise_pageout, (5, 4, 0)),
    _on_pages("madvise_free", madvise_free, (4, 5, 0)),
    _by_page("migrate_pages", migrate_pages, patterns=((PRIVATE, ABSENT),), parts=(Migration,)),
    _by_page("migrate_file", migrate_pages, patterns=FILE_RECLAIMABLE, parts=(Mapping, Migration)),
    _on_pages("swap_in", write_fault, patterns=SWAPPED_OUT),
    _on_pages("swapoff", swapoff, patterns=SWAPPED_OUT),
    _of_ksm("ksm_merge", ksm_merge, patterns=MERGEABLE),
    _of_ksm("ksm_unmerge", ksm_unmerge, patterns=MERGED),
)

NEW_PAGE_FIRST = KnownBug(
    "replaced-page",
    "set_pte_at_notify() let CPUs write the new page before mirrors left the old: 48af0d7cb3c8",
    since=(2, 6, 32),
    until=(3, 5, 99),
    drivers=("kvm-2.6.27",),
)
"""of write faults that copy (`linux/notifiers/v3_6.py`)"""
LATE_INVALIDATE_PAGE = KnownBug(
    "discarded-page",
    "B5: invalidate_page after the page-table lock, for a page of MADV_FREE (3.7 and 4.5 to 4.10)",
    since=(4, 5, 0),
    until=(4, 10, 99),
    drivers=("kvm-2.6.27",),
)
"""of reclaim (`linux/notifiers/v3_7.py`)"""
_COPYING = ("write_fault", "mlock", "file_write_fault", "swap_in", "ksm_unmerge")


def _with_bugs(operation: Operation) -> Operation:
    """The row, with what was wrong with all that copy, and with reclaim."""
    if operation.name == "reclaim":
        return replace(operation, known_bugs=(LATE_INVALIDATE_PAGE,))
    if operation.name not in _COPYING:
        return operation
    return replace(operation, known_bugs=(*operation.known_bugs, NEW_PAGE_FIRST))


OPERATIONS: dict[str, Operation] = {
    operation.name: _with_bugs(operation)
    for operation in (
        *_ANONYMOUS_MEMORY,
        *_VMAS,
        *_FILES,
        *_PAGES,
        *WATCHING,
        *AGING,
        *DEVICES,
        *OTHERS,
        *HUGE_PAGES,
        *LIFETIME,
    )
}


def find_operation(name: str) -> Operation:
    """The operation of that name.

    Raises:
        UnknownOperationError: with the nearest name, and all of them.
    """
    if name in OPERATIONS:
        return OPERATIONS[name]
    near = get_close_matches(name, OPERATIONS, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UnknownOperationError(
        f"there is no operation `{name}`; {hint}known are {', '.join(OPERATIONS)}"
    )
