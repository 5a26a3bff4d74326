"""Operations that watch who writes, or who uses what: their order, generation by generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.aging import (
    damon_young,
    folio_referenced_one,
    page_idle_clear_pte_refs_one,
    walk_pte_range,
)
from shootdown.linux.operations.clear_refs import clear_refs_write
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.numa_balancing import change_prot_numa, numa_balancing
from shootdown.linux.operations.oom_reaper import oom_reap_task_mm
from shootdown.linux.operations.pagemap_scan import do_pagemap_scan
from shootdown.linux.operations.userfaultfd_wp import mwriteprotect_range
from shootdown.linux.soft_dirty import SoftDirty
from shootdown.linux.task import Task
from shootdown.linux.userfaultfd import AsyncUserfaultfd, Userfaultfd
from shootdown.linux.young import Young
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

from .recording import Page, record

PRIVATE, SHARED = Page(1), Page(2, READ_ONLY, references=2)
GUARDED = Page(3, READ_ONLY)
ABSENT = Page()


def protect(task: Task, range: PageRange) -> None:
    """UFFDIO_WRITEPROTECT with UFFDIO_WRITEPROTECT_MODE_WP"""
    mwriteprotect_range(task, range, True)


def resolve(task: Task, range: PageRange) -> None:
    """UFFDIO_WRITEPROTECT without"""
    mwriteprotect_range(task, range, False)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.14", "S0-2 [P~0] E0-2 C0-2"),
        ("3.19", "S0-2 [P~0] X0-2 E0-2 C0-2"),
        ("5.4", "S0-2 [P~0] X0-2 E0-2 C0-2"),
        ("5.6", "S0-2 [P~0] X0-2 E0-2"),
        ("5.10", "S0-2 [P~0] X0-2 E0-2"),
        ("5.11", "S0-2 [P~0] X0-2 E0-2 C0-2"),
        ("6.6", "S0-2 [P~0] E0-2 C0-2 X0-2"),
        ("6.19", "S0-2 [P~0] E0-2 C0-2 X0-2"),
    ],
)
def test_soft_dirty(kernel: str, expected: str) -> None:
    """Row 41: the whole address space, and the flush after end; from 5.6 to 5.10 none at all."""
    found = record(
        kernel,
        clear_refs_write,
        [PRIVATE, SHARED],
        parts=(SoftDirty,),
        state={"soft_dirty.dirty": [1, 0]},
    )
    assert found.text == expected
    assert found.state["soft_dirty.dirty"] == [0, 0]


@pytest.mark.parametrize(("kernel", "lock"), [("5.10", "r"), ("5.11", "w")])
def test_soft_dirty_and_mmap_lock(kernel: str, lock: str) -> None:
    """Since 5.11 nobody can fault meanwhile."""
    text = record(kernel, clear_refs_write, [PRIVATE], parts=(SoftDirty,), locks=True).text
    assert text.split()[0] == lock


@pytest.mark.parametrize(
    ("pages", "dirty"), [([ABSENT], 1), ([Page(1, READ_ONLY)], 1), ([SHARED], 1)]
)
def test_a_write_fault_is_remembered(pages: list[Page], dirty: int) -> None:
    """Whatever way a write goes, the bit is set."""
    found = record("6.18", write_fault, pages, choices=(0,), parts=(SoftDirty,))
    assert found.state["soft_dirty.dirty"] == [dirty]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("5.7", "S0-3 [P~0] X0-3 E0-3 C0-3"),
        ("6.1", "S0-3 [P~0] X0-3 E0-3 C0-3 X0-3"),
        ("6.6", "S0-3 [P~0] E0-3 C0-3 X0-3"),
        ("6.19", "S0-3 [P~0] E0-3 C0-3 X0-3"),
    ],
)
def test_write_protection(kernel: str, expected: str) -> None:
    """Row 43: as mprotect. What is not there, or protected already, does not change."""
    found = record(
        kernel,
        protect,
        [PRIVATE, GUARDED, ABSENT],
        parts=(Userfaultfd,),
        state={"userfaultfd.wp": [0, 1, 0]},
    )
    assert found.text == expected
    assert found.state["userfaultfd.wp"] == [1, 1, 0]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("5.7", "S0-2 X0-2 E0-2 C0-2"),
        ("6.1", "S0-2 X0-2 E0-2"),
        ("6.6", "S0-2 [P^1] E0-2 C0-2 X0-2"),
        ("6.19", "S0-2 [P^1] E0-2 C0-2 X0-2"),
    ],
)
def test_protection_taken_away(kernel: str, expected: str) -> None:
    """Row 43: announced too; from 6.2 on an exclusive page can be written at once."""
    found = record(
        kernel,
        resolve,
        [SHARED, GUARDED],
        parts=(Userfaultfd,),
        state={"userfaultfd.wp": [1, 1]},
    )
    assert found.text == expected
    assert found.state["userfaultfd.wp"] == [0, 0]


@pytest.mark.parametrize("kernel", ["6.7", "6.19"])
def test_pagemap_scan(kernel: str) -> None:
    """Row 42: the whole request; a flush for each table in which something changed, inside."""
    found = record(
        kernel,
        do_pagemap_scan,
        [PRIVATE, SHARED, GUARDED, GUARDED, ABSENT, PRIVATE],
        parts=(AsyncUserfaultfd,),
        state={"userfaultfd.wp": [0, 0, 1, 1, 0, 0]},
    )
    assert found.text == "S0-6 [P~0 C0-2 X0-2] [P~5 C4-6 X4-6] E0-6"
    assert found.state["userfaultfd.wp"] == [1, 1, 1, 1, 0, 1]


def test_an_asynchronous_fault_sends_nothing() -> None:
    """WP_ASYNC: the bit goes, and the write goes on as it would without."""
    found = record(
        "6.18",
        write_fault,
        [GUARDED],
        choices=(0,),
        parts=(AsyncUserfaultfd,),
        state={"userfaultfd.wp": [1]},
    )
    assert (found.text, found.state["userfaultfd.wp"]) == ("[P^0]", [0])


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.15", "S0-3 [P~0] E0-3 C0-3"),
        ("3.19", "S0-3 [P~0] X0-3 E0-3 C0-3"),
        ("6.1", "S0-3 [P~0] X0-3 E0-3 C0-3 X0-3"),
        ("6.6", "S0-3 [P~0] E0-3 C0-3 X0-3"),
    ],
)
def test_numa_hints(kernel: str, expected: str) -> None:
    """Row 5: as mprotect; what others share is left out."""
    found = record(kernel, change_prot_numa, [PRIVATE, SHARED, ABSENT], parts=(numa_balancing,))
    assert found.text == expected


@pytest.mark.parametrize(
    ("function", "page", "rights"),
    [
        (read_fault, Page(1, PROT_NONE), READ_WRITE),
        (write_fault, Page(1, PROT_NONE), READ_WRITE),
        (read_fault, Page(1, PROT_NONE, vma=READ_ONLY), READ_ONLY),
        (read_fault, Page(1, PROT_NONE, references=2), READ_ONLY),
    ],
)
def test_a_hinting_fault_sends_nothing(
    function: Callable[..., None], page: Page, rights: int
) -> None:
    """Row 6: the entry gets its rights back, and the one to write if nobody else has the page."""
    found = record("6.18", function, [page], choices=(0,), parts=(numa_balancing,))
    assert found.text == "[P^0]"
    assert found.state["mm.pte"] == [(1 << 2) + rights]


@pytest.mark.parametrize(
    ("function", "kernel", "expected"),
    [
        (folio_referenced_one, "3.7", "[F0-1] [F1-2]"),
        (folio_referenced_one, "6.19", "[F0-1] [F1-2]"),
        (page_idle_clear_pte_refs_one, "4.3", "[Y0-1] [Y1-2]"),
        (page_idle_clear_pte_refs_one, "6.19", "[Y0-1] [Y1-2]"),
        (damon_young, "5.15", "[Y0-1] [Y1-2] [Q0] [Q1]"),
        (walk_pte_range, "6.13", ""),
        (walk_pte_range, "6.14", "[Y0-1] [Y1-2]"),
    ],
)
def test_young(function: Callable[..., None], kernel: str, expected: str) -> None:
    """Rows 48 and 49: entry by entry, under the lock, without start and end; x86 flushes nothing.
    Absent entries are not asked for."""
    found = record(
        kernel,
        function,
        [PRIVATE, SHARED, ABSENT],
        parts=(Young,),
        state={"young.accessed": [1, 1, 0]},
    )
    assert found.text == expected
    assert found.state["young.accessed"] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("4.14", ""),
        ("4.16", ""),
        ("4.19", "S0-2 [P-0] [P-1] X0-2 E0-2 C0-2 X0-2 R1"),
        ("6.6", "S0-2 [P-0] [P-1] E0-2 C0-2 X0-2 R1"),
        ("6.19", "S0-2 [P-0] [P-1] E0-2 C0-2 X0-2 R1"),
    ],
)
def test_oom_reaper(kernel: str, expected: str) -> None:
    """Row 45: like MADV_DONTNEED; before 4.19 it leaves those alone who might block."""
    assert record(kernel, oom_reap_task_mm, [PRIVATE, SHARED]).text == expected


def test_a_written_page_may_be_written_again() -> None:
    """A fault on a page that may be written already changes nothing, watched or not."""
    found = record("6.18", write_fault, [PRIVATE], choices=(0,), parts=(SoftDirty,))
    assert found.text == ""
    assert found.state["mm.pte"] == [(1 << 2) + READ_WRITE]
