"""The operations by name."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from shootdown.linux.filemap import Mapping
from shootdown.linux.ksm import Ksm
from shootdown.linux.markers import Markers
from shootdown.linux.migrate import Migration
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
from shootdown.linux.operations.operation import OLDEST, KnownBug, Operation
from shootdown.linux.operations.reclaim import madvise_pageout, reclaim
from shootdown.linux.operations.special import AGING, DEVICES, OTHERS, WATCHING
from shootdown.linux.operations.swapoff import swapoff
from shootdown.linux.operations.truncate import punch_hole, truncate
from shootdown.linux.operations.writeback import dax_writeback, fsync
from shootdown.linux.start import ABSENT, ANONYMOUS, PRIVATE
from shootdown.linux.start_backed import (
    FILE,
    FILE_RECLAIMABLE,
    MERGEABLE,
    MERGED,
    RECLAIMABLE,
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

FROM_OUTSIDE = ("truncate", "punch_hole", "fsync", "dax_writeback", "reclaim", "reclaim_file")
"""those that find the address space by the reverse mapping and do not use it (mm_users)"""

_FILES = tuple(
    Operation(
        name,
        function,
        since=since,
        patterns=patterns,
        parts=(Mapping,),
        outside=name in FROM_OUTSIDE,
    )
    for name, function, since, patterns in (
        ("file_read_fault", read_fault, OLDEST, FILE),
        ("file_write_fault", write_fault, OLDEST, FILE),
        ("file_munmap", munmap, OLDEST, UNMAPPED_FILE),
        ("truncate", truncate, OLDEST, FILE),
        ("punch_hole", punch_hole, OLDEST, FILE),
        ("fsync", fsync, OLDEST, SHARED_FILE),
        ("dax_writeback", dax_writeback, (4, 11, 0), SHARED_FILE),
        ("wp_shared_mapping_range", wp_shared_mapping_range, (5, 5, 0), SHARED_FILE),
        (
            "clean_record_shared_mapping_range",
            clean_record_shared_mapping_range,
            (5, 5, 0),
            SHARED_FILE,
        ),
    )
)

_PAGES = tuple(
    Operation(
        name,
        function,
        since=since,
        patterns=patterns,
        parts=parts,
        outside=name in FROM_OUTSIDE,
    )
    for name, function, since, patterns, parts in (
        ("reclaim", reclaim, OLDEST, RECLAIMABLE, (Reclaim,)),
        ("reclaim_file", reclaim, OLDEST, FILE_RECLAIMABLE, (Mapping, Reclaim)),
        ("madvise_pageout", madvise_pageout, (5, 4, 0), RECLAIMABLE, (Reclaim,)),
        ("madvise_free", madvise_free, (4, 5, 0), ANONYMOUS, (Reclaim,)),
        ("migrate_pages", migrate_pages, OLDEST, ((PRIVATE, ABSENT),), (Migration,)),
        ("migrate_file", migrate_pages, OLDEST, FILE_RECLAIMABLE, (Mapping, Migration)),
        ("swap_in", write_fault, OLDEST, SWAPPED_OUT, (Reclaim,)),
        ("swapoff", swapoff, OLDEST, SWAPPED_OUT, (Reclaim,)),
        ("ksm_merge", ksm_merge, (2, 6, 32), MERGEABLE, (Ksm,)),
        ("ksm_unmerge", ksm_unmerge, (2, 6, 32), MERGED, (Ksm,)),
    )
)

NEW_PAGE_FIRST = KnownBug(
    "replaced-page",
    "set_pte_at_notify() let CPUs write the new page before mirrors left the old: 48af0d7cb3c8",
    since=(2, 6, 32),
    until=(3, 5, 99),
    drivers=("kvm-2.6.27",),
)
"""of write faults that copy (`linux/notifiers/v3_6.py`)"""
_COPYING = ("write_fault", "mlock", "file_write_fault", "swap_in", "ksm_unmerge")


def _with_bugs(operation: Operation) -> Operation:
    """The row, with what was wrong with all that copy."""
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
