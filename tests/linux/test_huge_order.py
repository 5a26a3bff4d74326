"""Operations on huge pages do things in the order of rows 8, 10 and 25 to 37."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.hugetlb import Hugetlb
from shootdown.linux.memory import ZERO_FRAME
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
from shootdown.linux.operations.split_huge_pmd import (
    dontneed_part_of_huge,
    split_file_huge_pmd,
    split_huge_pmd,
)
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_ONLY

from .recording import Page, record

THP = (HugeMemory,)
HUGE = [Page(1, huge=True), Page(2, huge=True)]
SHARED = [Page(1, READ_ONLY, 2, huge=True), Page(2, READ_ONLY, 2, huge=True)]
FILE = [Page(1, references=2, huge=True), Page(2, references=2, huge=True)]
ZERO = [Page(ZERO_FRAME, READ_ONLY, huge=True)] * 2
NOTHING = [Page(table=False)] * 2
SMALL = [Page(1), Page(2, READ_ONLY, 2)]
SMALL_FILE = [Page(1, references=2), Page(2, references=2)]
SMALL_SHARED = [Page(1, READ_ONLY, 2), Page(2, READ_ONLY, 2)]
EMPTY_TABLE = [Page(), Page()]
SHARED_TABLE = [Page(1, references=2, shared=True), Page(2, references=2, shared=True)]
FREE = [Page(vma=NO_VMA, table=False)] * 2

MUNMAP = {  # rows 1 and 31
    "3.14": "S0-2 [H-0 P-0 P-1 T0] E0-2 C0-2 R2 R1",
    "4.15": "S0-2 [H-0 P-0 P-1 T0] X0-2 E0-2 C0-2 X0-2 R2 R1",
    "6.18": "S0-2 [H-0 P-0 P-1 T0] E0-2 C0-2 X0-2 R2 R1",
}
PART = {  # rows 3 and 25, nested
    "3.14": "S1-2 S0-2 E0-2 [P~0 P~1 C0-2 H-0 P^0 P^1] [P-1] E1-2 C1-2 R2",
    "4.15": "S1-2 S0-2 [P~0 P~1 C0-2 H-0 P^0 P^1] E0-2 [P-1] X1-2 E1-2 C1-2 X1-2 R2",
    "6.18": "S1-2 S0-2 [P~0 P~1 C0-2 X0-2 H-0 P^0 P^1] E0-2 [P-1] E1-2 C1-2 X1-2 R2",
}
SPLIT = {  # row 25
    "3.14": "S0-2 E0-2 [P~0 P~1 C0-2 H-0 P^0 P^1]",
    "3.19": "S0-2 X0-2 E0-2 [P~0 P~1 C0-2 H-0 P^0 P^1]",
    "4.15": "S0-2 [P~0 P~1 C0-2 H-0 P^0 P^1] E0-2",
    "6.18": "S0-2 [P~0 P~1 C0-2 X0-2 H-0 P^0 P^1] E0-2",
}
SPLIT_FILE = {
    "4.15": "S0-2 [H-0 P-0 P-1 C0-2 X0-2] E0-2",
    "6.18": "S0-2 [H-0 P-0 P-1 C0-2 X0-2] E0-2",
}
WRITE_ZERO = {  # row 26
    "3.14": "S0-2 [H-0 P-0 P-1 C0-2 H+0 P+0 P+1] E0-2",
    "4.15": "S0-2 [H-0 P-0 P-1 C0-2 X0-2 H+0 P+0 P+1] E0-2",
    "6.6": "S0-2 [P~0 P~1 C0-2 X0-2 H-0 P^0 P^1] E0-2 S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2",
    "6.18": "S0-2 [H-0 P-0 P-1 C0-2 X0-2 H+0 P+0 P+1] E0-2",
}
WRITE_SHARED = {  # row 26, then row 11
    "3.14": "S0-2 [H-0 P-0 P-1 C0-2 H+0 P+0 P+1] E0-2",
    "4.15": "S0-2 [H-0 P-0 P-1 C0-2 X0-2 H+0 P+0 P+1] E0-2",
    "6.18": "S0-2 [P~0 P~1 C0-2 X0-2 H-0 P^0 P^1] E0-2 S1-2 [P-1 C1-2 X1-2 P+1] E1-2",
}
MPROTECT = {
    "3.14": "S0-2 [P~0 P~1] C0-2 E0-2",
    "4.15": "S0-2 [P~0 P~1] X0-2 E0-2 C0-2",
    "6.18": "S0-2 [P~0 P~1] E0-2 C0-2 X0-2",
}
FORK = {
    "3.14": "S0-2 [P~0 P~1] E0-2 C0-2",
    "4.15": "S0-2 [P~0 P~1] X0-2 E0-2 C0-2",
    "6.18": "S0-2 [P~0 P~1] E0-2 C0-2 X0-2",
}
COLLAPSE = {  # row 28
    "3.14": "S0-2 [U0 C0-2] E0-2 [P-0 R1] [P-1] [H+0 P+0 P+1]",
    "4.15": "S0-2 [U0 C0-2] X0-2 E0-2 [P-0 R1] [P-1] [H+0 P+0 P+1]",
    "6.18": "S0-2 [U0 C0-2 X0-2] E0-2 [P-0 R1] [P-1] [H+0 P+0 P+1]",
}
COLLAPSE_PTE_MAPPED = {  # row 29
    "6.0": "[P-0] [P-1] [U0 C0-2] T0",
    "6.1": "S0-2 [P-0] [P-1] [U0 C0-2] X0-2 E0-2 T0",
    "6.18": "S0-2 [P-0] [P-1] [U0 C0-2 X0-2] E0-2 T0",
}
RETRACT = {  # row 30
    "4.15": "[U0 C0-2] T0",
    "6.1": "S0-2 [U0 C0-2] X0-2 E0-2 T0",
    "6.18": "S0-2 [U0 C0-2 X0-2] E0-2 T0",
}
MOVE_TABLE = {  # rows 7 and 8
    "5.10": "S0-2 [U0 P+2 P-0 P+3 P-1 C0-2] X0-2 E0-2 S0-2 X0-2 E0-2",
    "6.18": "S0-2 [U0 P+2 P-0 P+3 P-1 C0-2 X0-2] E0-2 S0-2 E0-2",
}
MOVE_HUGE = {
    "4.15": "S0-2 [H+1 H-0 P+2 P-0 P+3 P-1] C0-2 X0-2 E0-2 S0-2 X0-2 E0-2",
    "4.19": "S0-2 [H+1 H-0 P+2 P-0 P+3 P-1 C0-2] X0-2 E0-2 S0-2 X0-2 E0-2",
    "6.18": "S0-2 [H+1 H-0 P+2 P-0 P+3 P-1 C0-2 X0-2] E0-2 S0-2 E0-2",
}
Case = tuple[Callable[..., None], list[Page], dict[str, str]]
CASES: list[Case] = [
    (munmap, HUGE, MUNMAP),
    (madvise_dontneed, HUGE, MUNMAP),
    (dontneed_part_of_huge, HUGE, PART),
    (split_huge_pmd, HUGE, SPLIT),
    (split_file_huge_pmd, FILE, SPLIT_FILE),
    (write_fault, ZERO, WRITE_ZERO),
    (write_fault, SHARED, WRITE_SHARED),
    (mprotect, HUGE, MPROTECT),
    (fork, HUGE, FORK),
    (collapse_huge_page, SMALL, COLLAPSE),
    (collapse_pte_mapped_thp, SMALL_FILE, COLLAPSE_PTE_MAPPED),
    (retract_page_tables, EMPTY_TABLE, RETRACT),
    (move_page_tables, SMALL + FREE, MOVE_TABLE),
    (move_page_tables, HUGE + FREE, MOVE_HUGE),
]

UNMAP_ONE = {  # row 33
    "3.14": "S0-1 [P-0] E0-1 C0-1 R1",
    "4.15": "S0-1 [P-0] X0-1 E0-1 C0-1 X0-1 R1",
    "4.19": "S0-2 [P-0] X0-2 E0-2 C0-1 X0-1 R1",
    "6.18": "S0-2 [P-0] E0-2 C0-1 X0-1 R1",
}
UNMAP_SHARED = {  # row 33; B25 up to 4.18
    "3.14": "S0-1 [U0 P-0 P-1] C0-1 E0-1",
    "4.15": "S0-1 [U0 P-0 P-1] C0-1 X0-1 X0-1 E0-1",
    "4.19": "S0-2 [U0 P-0 P-1] C0-2 X0-2 X0-2 E0-2",
    "6.18": "S0-2 [U0 P-0 P-1] C0-2 X0-2 E0-2",
}
PROTECT_ONE = {  # row 35
    "3.14": "S0-1 [P~0] C0-1 E0-1",
    "4.15": "S0-1 [P~0] C0-1 X0-1 X0-1 E0-1",
    "4.19": "S0-2 [P~0] C0-2 X0-2 X0-2 E0-2",
    "6.18": "S0-2 [P~0] C0-2 X0-2 E0-2",
}
UNSHARE = {  # row 36
    "5.15": "S0-2 [U0 P-0 P-1] C0-2 X0-2 X0-2 E0-2",
    "6.18": "S0-2 [U0 P-0 P-1] C0-2 X0-2 E0-2",
}
MOVE_ONE = {  # row 37
    "6.1": "S0-2 [P-0 P+1] C0-2 X0-2 X0-2 E0-2",
    "6.18": "S0-2 [P-0 P+1] C0-2 X0-2 E0-2",
}
FORK_HUGETLB = {  # row 10; B15 up to 3.6
    "3.6": "[P~0] C0-2",
    "3.14": "S0-2 [P~0] E0-2 C0-2",
    "4.15": "S0-2 [P~0] X0-2 E0-2 C0-2",
    "6.18": "S0-2 [P~0] E0-2 C0-2 X0-2",
}
COPY_ONE = {  # row 34
    "3.14": "S0-1 [P-0 C0-1 P+0] E0-1",
    "4.15": "S0-1 [P-0 C0-1 X0-1 P+0] X0-1 E0-1",
    "6.18": "S0-1 [P-0 C0-1 X0-1 P+0] E0-1",
}
COPY_RUN = {
    "4.15": "S0-2 [P-0 P-1 C0-2 X0-2 P+0 P+1] X0-2 E0-2",
    "6.18": "S0-2 [P-0 P-1 C0-2 X0-2 P+0 P+1] E0-2",
}
UNMAP_RUN = {  # row 13; B7 up to 4.12
    "3.6": "[P-0 P-1 C0-2 I0] R1 R2",
    "3.14": "[P-0 P-1 C0-2] I0 R1 R2",
    "4.11": "[P-0 P-1 C0-2 I0] R1 R2",
    "4.15": "S0-2 [P-0 P-1 C0-2 X0-2] X0-2 E0-2 R1 R2",
    "6.18": "S0-2 [P-0 P-1 C0-2 X0-2] E0-2 R1 R2",
}
HUGETLB_CASES: list[Case] = [
    (hugetlb_try_to_unmap, [Page(1), Page(2)], UNMAP_RUN),
    (hugetlb_unmap, SMALL, UNMAP_ONE),
    (hugetlb_unmap, SHARED_TABLE, UNMAP_SHARED),
    (hugetlb_mprotect, SMALL, PROTECT_ONE),
    (hugetlb_mprotect, SHARED_TABLE, UNMAP_SHARED),
    (hugetlb_unshare, SHARED_TABLE, UNSHARE),
    (hugetlb_mremap, [Page(1), Page(vma=NO_VMA)], MOVE_ONE),
    (hugetlb_fork, SMALL, FORK_HUGETLB),
    (hugetlb_wp, SMALL_SHARED, COPY_ONE),
    (hugetlb_wp_contiguous, SMALL_SHARED, COPY_RUN),
]


def named(value: object) -> str:
    """Ids of tests."""
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("function", "pages", "expected"), CASES, ids=named)
def test_huge_pages(
    function: Callable[..., None], pages: list[Page], expected: dict[str, str]
) -> None:
    """Two pages under one huge entry, or to be put under one."""
    found = {
        kernel: record(kernel, function, pages, choices=(1,), parts=THP).text for kernel in expected
    }
    assert found == expected


@pytest.mark.parametrize(("function", "pages", "expected"), HUGETLB_CASES, ids=named)
def test_hugetlb(
    function: Callable[..., None], pages: list[Page], expected: dict[str, str]
) -> None:
    """Two huge pages of hugetlb in one table."""
    found = {
        kernel: record(kernel, function, pages, choices=(0,), parts=(Hugetlb,)).text
        for kernel in expected
    }
    assert found == expected


def test_a_first_touch_brings_a_huge_page() -> None:
    """Row 50: a write gives a new huge page, a read the huge zero page; nobody is told."""
    assert record("6.18", write_fault, NOTHING, choices=(1,), parts=THP).text == "[H+0 P+0 P+1]"
    found = record("6.18", read_fault, NOTHING, choices=(0,), parts=THP)
    assert found.text == "[H+0 P+0 P+1]"
    assert found.state["memory.refcount"] == [1, 0, 0, 0, 0, 0, 0, 0]


def test_no_huge_page_beside_a_table_or_across_vmas() -> None:
    """Where a table exists, or the block is not all in one VMA, a page of its own is mapped."""
    assert record("6.18", write_fault, EMPTY_TABLE, choices=(0,), parts=THP).text == "[P+0]"
    halves = [Page(table=False), Page(vma=READ_ONLY, table=False)]
    assert record("6.18", write_fault, halves, choices=(0,), parts=THP).text == "[P+0]"


def test_a_huge_page_is_reused_as_a_whole() -> None:
    """Row 12: the sole owner gets the right for all pages in one step."""
    left = [Page(1, READ_ONLY, huge=True), Page(2, READ_ONLY, huge=True)]
    assert record("6.18", write_fault, left, choices=(1,)).text == "[P^0 P^1]"


def test_a_split_huge_page_keeps_its_references() -> None:
    """After the copy of one page the child has one more frame for itself, and we the other."""
    found = record("6.18", write_fault, SHARED, choices=(1,))
    assert found.state["memory.refcount"] == [1, 2, 1, 0, 1, 0, 0, 0]
    assert found.state["mm.table"] == [1]


@pytest.mark.parametrize("function", [munmap, mprotect, madvise_dontneed])
def test_what_is_covered_in_part_is_split_first(function: Callable[..., None]) -> None:
    """Row 25 inside rows 1, 3 and 4: the operation announces its own range first."""
    text = record("6.18", function, HUGE, range=PageRange(1, 2)).text
    assert text.startswith("S1-2 S0-2 [P~0 P~1 C0-2 X0-2 H-0 P^0 P^1] E0-2 [P")
