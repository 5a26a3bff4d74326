"""UFFDIO_MOVE, breakpoints, page tables of the kernel: right ones hold, mistakes are found."""

from __future__ import annotations

import pytest

from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY

from .trying import attempt, instead, outcome

KERNELS = {
    "userfaultfd_move": ("6.8", "6.18", "6.19"),
    "uprobe": ("3.7", "3.19", "4.15", "6.6", "6.16", "6.19"),
}


@pytest.mark.parametrize(
    ("operation", "kernel"), [(name, kernel) for name in KERNELS for kernel in KERNELS[name]]
)
def test_what_linux_does_holds(operation: str, kernel: str) -> None:
    """Rows 40 and 44."""
    version = tuple(int(part) for part in kernel.split("."))
    assert outcome(attempt("kvm", kernel, operation)) == ("holds", None)
    if version >= (3, 19):
        walker = "sva" if version >= (6, 6) else "invalidate-range"
        assert outcome(attempt(walker, kernel, operation)) == ("holds", None)


def move_without_flush(task: Task, range: PageRange) -> None:
    """The page is in its new place, and still in every TLB at the old one."""
    mm = task.mm
    source, destination = range.start, range.start + len(range) // 2
    mm.begin(range)
    with mm.mmap_lock.read(), mm.page_table_lock:
        pte = mm.pte[source]
        if pte.present and not mm.pte[destination].present:
            mm.pte[source] = EMPTY
            mm.pte[destination] = pte
    mm.end(range)


def break_in_place_of_text(task: Task, range: PageRange) -> None:
    """A breakpoint whose page takes the place of another without a word."""
    mm = task.mm
    page = range.start
    this = PageRange(page, page + 1)
    unused = mm.memory.alloc_page()
    mm.begin(this)
    with mm.mmap_lock.write():
        with mm.page_table_lock:
            pte = mm.pte[page]
            if pte.present:
                mm.arch.ptep_clear_flush(page)
                mm.pte[page] = Pte(unused, READ_ONLY)
                unused = pte.frame
        mm.memory.put_page(unused)
    mm.end(this)


@pytest.mark.parametrize("driver", ["kvm", "sva"])
def test_a_move_that_nobody_hears_of(driver: str) -> None:
    """Row 44: a device goes on using the page at the address where it was."""
    found = attempt(driver, "6.18", instead("userfaultfd_move", move_without_flush))
    assert outcome(found) == ("violated", "stale-translation")


def test_a_breakpoint_that_nobody_hears_of() -> None:
    """Row 40: what walks the table is flushed with the CPUs, KVM is not told."""
    broken = instead("uprobe", break_in_place_of_text)
    assert outcome(attempt("kvm", "6.18", broken)) == ("violated", "stale-translation")
    assert outcome(attempt("sva", "6.18", broken)) == ("holds", None)


@pytest.mark.parametrize(
    ("driver", "kernel", "expected"),
    [
        ("invalidate-range", "5.2", ("violated", "freed-table")),
        ("sva", "6.18", ("violated", "freed-table")),
        ("sva", "6.19", ("holds", None)),
        ("kvm", "6.18", ("holds", None)),
    ],
)
def test_tables_of_the_kernel(driver: str, kernel: str, expected: tuple[str, str | None]) -> None:
    """B41: until 6.18 hardware that walks the process's table could keep a pointer to a table of
    the kernel that was freed."""
    assert outcome(attempt(driver, kernel, "pmd_free_pte_page")) == expected
