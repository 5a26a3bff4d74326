"""The operations by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from shootdown.lang.declare import PageRange
from shootdown.linux.filemap import Mapping
from shootdown.linux.ksm import Ksm
from shootdown.linux.migrate import Migration
from shootdown.linux.mm import Mm
from shootdown.linux.operations.aging import (
    damon_young,
    folio_referenced_one,
    page_idle_clear_pte_refs_one,
    walk_pte_range,
)
from shootdown.linux.operations.clear_refs import clear_refs_write
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.fork import fork
from shootdown.linux.operations.ksm import ksm_merge, ksm_unmerge
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.mapping_dirty_helpers import (
    clean_record_shared_mapping_range,
    wp_shared_mapping_range,
)
from shootdown.linux.operations.migrate_pages import migrate_pages
from shootdown.linux.operations.mmap import mmap
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.operations.numa_balancing import change_prot_numa, numa_balancing
from shootdown.linux.operations.oom_reaper import oom_reap_task_mm
from shootdown.linux.operations.pagemap_scan import do_pagemap_scan
from shootdown.linux.operations.reclaim import madvise_pageout, reclaim
from shootdown.linux.operations.swapoff import swapoff
from shootdown.linux.operations.truncate import punch_hole, truncate
from shootdown.linux.operations.userfaultfd_wp import userfaultfd_writeprotect
from shootdown.linux.operations.writeback import dax_writeback, fsync
from shootdown.linux.soft_dirty import SoftDirty
from shootdown.linux.start import ABSENT, ANONYMOUS, GUARDED, PRIVATE, WATCHED, Pattern
from shootdown.linux.start_backed import (
    FILE,
    FILE_RECLAIMABLE,
    MERGEABLE,
    MERGED,
    RECLAIMABLE,
    SHARED_FILE,
    SWAPPED_OUT,
)
from shootdown.linux.task import Task
from shootdown.linux.userfaultfd import AsyncUserfaultfd, Userfaultfd
from shootdown.linux.version import Version
from shootdown.linux.vmscan import Reclaim
from shootdown.linux.young import Young


class UnknownOperationError(ValueError):
    """There is no such operation."""


OLDEST: Version = (2, 6, 27)


@dataclass(frozen=True, slots=True)
class KnownBug:
    """Kernels whose own code is wrong here: there a correct driver breaks a rule, and has to."""

    rule: str
    """the rule that it breaks"""
    source: str
    """commit, CVE or entry of the literature"""
    since: Version = OLDEST
    until: Version = (99, 0, 0)
    """the last kernel that has the bug"""
    drivers: tuple[str, ...] = ()
    """those it can be seen with; empty: all"""
    archs: tuple[str, ...] = ()
    """where it can be seen; empty: everywhere"""

    def concerns(self, driver: str, kernel: Version, arch: str) -> bool:
        """Whether it shows with this driver on this kernel and architecture."""
        return (
            self.since <= kernel <= self.until
            and (not self.drivers or driver in self.drivers)
            and (not self.archs or arch in self.archs)
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that a scenario can run: its name and its function of a task and a range."""

    name: str
    function: Callable[[Task, PageRange], None]
    since: Version = OLDEST
    """the first kernel that has it"""
    until: Version | None = None
    """the last one, if it is gone"""
    patterns: tuple[Pattern, ...] = ANONYMOUS
    """address spaces on which it is worth looking at"""
    known_bugs: tuple[KnownBug, ...] = ()
    """kernels on which it is wrong"""
    parts: tuple[Callable[[Mm], object], ...] = ()
    """parts of the address space that a scenario without such an operation does without: each is
    made with it, and makes itself known to it"""

    def exists_in(self, kernel: Version) -> bool:
        """Whether a kernel has it."""
        return self.since <= kernel and (self.until is None or kernel <= self.until)

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


_WATCHING = (
    Operation(
        "clear_refs_write", clear_refs_write, since=(3, 11, 0), patterns=WATCHED, parts=(SoftDirty,)
    ),
    Operation(
        "userfaultfd_writeprotect",
        userfaultfd_writeprotect,
        since=(5, 7, 0),
        patterns=GUARDED,
        parts=(Userfaultfd,),
    ),
    Operation(
        "do_pagemap_scan",
        do_pagemap_scan,
        since=(6, 7, 0),
        patterns=GUARDED,
        parts=(AsyncUserfaultfd,),
    ),
)
"""who writes is watched"""

_AGING = (
    Operation("folio_referenced_one", folio_referenced_one, parts=(Young,)),
    Operation(
        "page_idle_clear_pte_refs_one",
        page_idle_clear_pte_refs_one,
        since=(4, 3, 0),
        parts=(Young,),
    ),
    Operation("damon_young", damon_young, since=(5, 15, 0), parts=(Young,)),
    Operation(
        "walk_pte_range",
        walk_pte_range,
        since=(6, 1, 0),
        parts=(Young,),
        known_bugs=(
            KnownBug(
                "lost-reference",
                "1d4832becdc2",
                since=(6, 1, 0),
                until=(6, 13, 0),
                drivers=("kvm-aging",),
            ),
        ),
    ),
)
"""who was used is asked"""

_OTHERS = (
    Operation("change_prot_numa", change_prot_numa, since=(3, 15, 0), parts=(numa_balancing,)),
    Operation("oom_reap_task_mm", oom_reap_task_mm, since=(4, 14, 0)),
)

_ANONYMOUS_MEMORY = tuple(
    Operation(function.__name__, function)
    for function in (read_fault, write_fault, mmap, munmap, madvise_dontneed, mprotect, fork)
)

_FILES = tuple(
    Operation(name, function, since=since, patterns=patterns, parts=(Mapping,))
    for name, function, since, patterns in (
        ("file_read_fault", read_fault, OLDEST, FILE),
        ("file_write_fault", write_fault, OLDEST, FILE),
        ("file_munmap", munmap, OLDEST, SHARED_FILE),
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
    Operation(name, function, since=since, patterns=patterns, parts=parts)
    for name, function, since, patterns, parts in (
        ("reclaim", reclaim, OLDEST, RECLAIMABLE, (Reclaim,)),
        ("reclaim_file", reclaim, OLDEST, FILE_RECLAIMABLE, (Mapping, Reclaim)),
        ("madvise_pageout", madvise_pageout, (5, 4, 0), RECLAIMABLE, (Reclaim,)),
        ("migrate_pages", migrate_pages, OLDEST, ((PRIVATE, ABSENT),), (Migration,)),
        ("migrate_file", migrate_pages, OLDEST, FILE_RECLAIMABLE, (Mapping, Migration)),
        ("swap_in", write_fault, OLDEST, SWAPPED_OUT, (Reclaim,)),
        ("swapoff", swapoff, OLDEST, SWAPPED_OUT, (Reclaim,)),
        ("ksm_merge", ksm_merge, (2, 6, 32), MERGEABLE, (Ksm,)),
        ("ksm_unmerge", ksm_unmerge, (2, 6, 32), MERGED, (Ksm,)),
    )
)

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (*_ANONYMOUS_MEMORY, *_FILES, *_PAGES, *_WATCHING, *_AGING, *_OTHERS)
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
