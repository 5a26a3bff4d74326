"""Operations on huge pages, by name: rows 8, 10 and 25 to 37 of the call-site table."""

from __future__ import annotations

from functools import partial

from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.hugetlb import Hugetlb
from shootdown.linux.operations.collapse import (
    collapse_huge_page,
    collapse_pte_mapped_thp,
    retract_page_tables,
)
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.fork import fork
from shootdown.linux.operations.hugetlb import (
    hugetlb_fork,
    hugetlb_mprotect,
    hugetlb_mremap,
    hugetlb_try_to_unmap,
    hugetlb_unmap,
    hugetlb_unshare,
    hugetlb_wp,
    hugetlb_wp_contiguous,
)
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.move_page_tables import move_page_tables
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.operations.operation import KnownBug, Operation
from shootdown.linux.operations.split_huge_pmd import (
    dontneed_part_of_huge,
    split_file_huge_pmd,
    split_huge_pmd,
)
from shootdown.linux.start import (
    ABSENT,
    FILE,
    HUGE,
    HUGE_FILE,
    HUGE_LEFT,
    HUGE_SHARED,
    HUGE_ZERO,
    HUGETLB_SHARED,
    NOTHING,
    PRIVATE,
    SHARED,
    TABLE,
)
from shootdown.linux.version import Version

THP: Version = (2, 6, 38)

_THP = tuple(
    Operation(name, function, since, patterns=tuple((c,) for c in each), parts=(HugeMemory,))
    for name, function, since, each in (
        ("read_fault_huge", read_fault, THP, (ABSENT, HUGE_ZERO)),
        ("write_fault_huge", write_fault, THP, (ABSENT, HUGE_SHARED, HUGE_LEFT, HUGE_ZERO)),
        ("munmap_huge", munmap, THP, (HUGE, HUGE_SHARED)),
        ("madvise_dontneed_huge", madvise_dontneed, THP, (HUGE, HUGE_SHARED)),
        ("dontneed_part_of_huge", dontneed_part_of_huge, THP, (HUGE, HUGE_SHARED)),
        ("mprotect_huge", mprotect, THP, (HUGE, HUGE_SHARED)),
        ("fork_huge", fork, THP, (HUGE, HUGE_SHARED)),
        ("split_huge_pmd", split_huge_pmd, THP, (HUGE, HUGE_SHARED)),
        ("split_file_huge_pmd", split_file_huge_pmd, (4, 8, 0), (HUGE_FILE,)),
        ("collapse_huge_page", collapse_huge_page, THP, (PRIVATE, SHARED)),
    )
)

_MOVES = (
    Operation(
        "move_normal_pmd",
        move_page_tables,
        since=(4, 20, 0),
        patterns=((PRIVATE, SHARED, NOTHING, NOTHING),),
        own_starts=True,
        parts=(HugeMemory,),
        tables=2,
    ),
    Operation(
        "move_huge_pmd",
        move_page_tables,
        since=(3, 1, 0),
        patterns=((HUGE, HUGE, NOTHING, NOTHING),),
        own_starts=True,
        parts=(HugeMemory,),
        tables=2,
    ),
)

_NOT_BROADCAST = ("x86", "arm64", "powerpc")
"""where a flush of the CPUs does not reach a device that walks their page tables by itself; with
broadcast maintenance it does, whatever the notifiers say"""

_UNANNOUNCED = "B24: file collapse without notifiers, fixed by f268f6cf875f (6.1)"
_FILE_COLLAPSE = (
    Operation(
        "collapse_pte_mapped_thp",
        collapse_pte_mapped_thp,
        since=(5, 4, 0),
        patterns=((FILE,),),
        own_starts=True,
        parts=(HugeMemory,),
        known_bugs=(
            KnownBug("stale-translation", _UNANNOUNCED, until=(6, 0, 99), drivers=("kvm",)),
            KnownBug(
                "stale-translation",
                _UNANNOUNCED,
                until=(6, 0, 99),
                drivers=("invalidate-range",),
                archs=_NOT_BROADCAST,
            ),
        ),
    ),
    Operation(
        "retract_page_tables",
        retract_page_tables,
        since=(4, 8, 0),
        patterns=((TABLE,),),
        parts=(HugeMemory,),
        known_bugs=(
            KnownBug(
                "freed-table",
                _UNANNOUNCED,
                until=(6, 0, 99),
                drivers=("invalidate-range-3.19", "invalidate-range"),
                archs=_NOT_BROADCAST,
            ),
            KnownBug(
                "device-failure",
                "derived: no mmap_lock (1d65b771bc08) while invalidate_range comes with the end",
                since=(6, 5, 0),
                until=(6, 5, 99),
                drivers=("invalidate-range",),
                archs=("x86", "powerpc"),
            ),
        ),
    ),
)

_NARROW = "B25: range of one huge page where a whole table goes (dff11abe280b, 017b1660df89, 4.19)"
_FIRST_PAGE = "B7: invalidate_page tells of the first page of a huge one (until 4.13)"
_of_hugetlb = partial(Operation, parts=(Hugetlb,))
_HUGETLB = (
    _of_hugetlb(
        "hugetlb_unmap",
        hugetlb_unmap,
        patterns=((HUGETLB_SHARED,), (PRIVATE,)),
        known_bugs=(KnownBug("stale-translation", _NARROW, until=(4, 18, 99)),),
    ),
    _of_hugetlb(
        "hugetlb_mprotect",
        hugetlb_mprotect,
        patterns=((HUGETLB_SHARED,), (PRIVATE,)),
        known_bugs=(KnownBug("stale-translation", _NARROW, until=(4, 18, 99)),),
    ),
    _of_hugetlb(
        "hugetlb_unshare",
        hugetlb_unshare,
        since=(5, 13, 0),
        patterns=((HUGETLB_SHARED,),),
    ),
    _of_hugetlb(
        "hugetlb_mremap",
        hugetlb_mremap,
        since=(5, 16, 0),
        patterns=((PRIVATE, NOTHING),),
        own_starts=True,
    ),
    _of_hugetlb(
        "hugetlb_fork",
        hugetlb_fork,
        patterns=((PRIVATE, SHARED),),
        known_bugs=(
            KnownBug(
                "stale-permission",
                "B15: fork without notifier",
                until=(3, 6, 99),
            ),
        ),
    ),
    _of_hugetlb(
        "hugetlb_wp",
        hugetlb_wp,
        patterns=((SHARED, PRIVATE),),
        known_bugs=(
            KnownBug(
                "stale-translation",
                "B15: copy-on-write without notifier (3edd4fc9537d)",
                until=(2, 6, 36),
            ),
        ),
    ),
    _of_hugetlb(
        "hugetlb_try_to_unmap",
        hugetlb_try_to_unmap,
        since=(2, 6, 36),
        patterns=((PRIVATE,),),
        known_bugs=(
            KnownBug("freed-frame", _FIRST_PAGE, until=(4, 12, 99), drivers=("kvm-2.6.27", "kvm")),
            KnownBug(
                "freed-frame",
                _FIRST_PAGE,
                until=(4, 12, 99),
                drivers=("invalidate-range-3.19",),
                archs=_NOT_BROADCAST,
            ),
        ),
    ),
    _of_hugetlb(
        "hugetlb_wp_contiguous",
        hugetlb_wp_contiguous,
        since=(4, 5, 0),
        patterns=((SHARED,),),
    ),
)

HUGE_PAGES = (*_THP, *_FILE_COLLAPSE, *_MOVES, *_HUGETLB)
