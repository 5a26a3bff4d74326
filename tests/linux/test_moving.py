"""UFFDIO_MOVE, breakpoints, page tables of the kernel: their order, generation by generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.kernel_tables import KernelTables
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.operations.kernel_pgtable import pmd_free_pte_page
from shootdown.linux.operations.uprobe import install_breakpoint, remove_breakpoint
from shootdown.linux.operations.userfaultfd_move import userfaultfd_move
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY, READ_WRITE, make_pte

from .recording import Page, record

ONE, TWO, SHARED = Page(1), Page(2), Page(3, READ_ONLY, references=2)
ABSENT, ZERO = Page(), Page(ZERO_FRAME, READ_ONLY)
TEXT = Page(1, READ_ONLY, references=2, vma=READ_ONLY)
TRAP = Page(1, READ_ONLY, vma=READ_ONLY)


def install(task: Task, range: PageRange) -> None:
    """A breakpoint in the first page."""
    install_breakpoint(task.mm, range.start)


def remove(task: Task, range: PageRange) -> None:
    """And away with it."""
    remove_breakpoint(task.mm, range.start)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("6.8", "S0-1 [P-0 C0-1 X0-1 P+2] E0-1 S1-2 [P-1 C1-2 X1-2 P+3] E1-2"),
        ("6.17", "S0-1 [P-0 C0-1 X0-1 P+2] E0-1 S1-2 [P-1 C1-2 X1-2 P+3] E1-2"),
        ("6.18", "S0-2 [P-0 P+2 P-1 P+3 C0-2 X0-2] E0-2"),
        ("6.19", "S0-2 [P-0 P+2 P-1 P+3 C0-2 X0-2] E0-2"),
    ],
)
def test_move(kernel: str, expected: str) -> None:
    """Row 44: only the source is announced; from 6.18 on pages in a row are flushed together."""
    found = record(kernel, userfaultfd_move, [ONE, TWO, ABSENT, ABSENT])
    assert found.text == expected
    assert found.state["mm.pte"] == [0, 0, make_pte(1, READ_WRITE), make_pte(2, READ_WRITE)]


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([SHARED, ONE, ABSENT, ABSENT], "S0-2 E0-2"),
        ([ONE, SHARED, ABSENT, ABSENT], "S0-2 [P-0 P+2 C0-1 X0-1] E0-2 S1-2 E1-2"),
        ([ONE, ABSENT, TWO, ABSENT], "S0-2 E0-2"),
        ([ABSENT, ONE, ABSENT, ABSENT], "S0-2 E0-2"),
        ([ZERO, ONE, ABSENT, ABSENT],
         "S0-2 [P-0 C0-1 X0-1 P+2] E0-2 S1-2 [P-1 P+3 C1-2 X1-2] E1-2"),
    ],
)  # fmt: skip
def test_what_cannot_be_moved(pages: list[Page], expected: str) -> None:
    """Row 44: it ends at a page that others have, or that is not there, or whose place is taken;
    announced all the same. The zero page goes alone."""
    assert record("6.18", userfaultfd_move, pages).text == expected


@pytest.mark.parametrize(
    ("function", "page", "kernel", "expected"),
    [
        (install, TEXT, "3.7", "S0-1 [P-0 C0-1 N0 P+0] E0-1"),
        (install, TEXT, "3.19", "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1"),
        (install, TEXT, "6.6", "S0-1 [P-0 C0-1 X0-1 N0 P+0] E0-1"),
        (install, TEXT, "6.15", "S0-1 [P-0 C0-1 X0-1 P+0] E0-1"),
        (install, TEXT, "6.16", "S0-1 [P-0 C0-1 X0-1 P+0] E0-1 [P-0 C0-1 X0-1 P+0]"),
        (remove, TRAP, "3.19", "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1 R1"),
        (remove, TRAP, "6.15", "S0-1 [P-0 C0-1 X0-1 P+0] E0-1 R1"),
        (remove, TRAP, "6.16", "S0-1 [P-0 C0-1 X0-1] E0-1 R1"),
    ],
)
def test_breakpoints(function: Callable[..., None], page: Page, kernel: str, expected: str) -> None:
    """Row 40: a private copy takes the place of the text; from 6.16 on it is then rewritten in
    place, and taken away when the breakpoint is."""
    assert record(kernel, function, [page]).text == expected


@pytest.mark.parametrize(("kernel", "expected"), [("5.2", ""), ("6.18", ""), ("6.19", "X0-2")])
def test_tables_of_the_kernel(kernel: str, expected: str) -> None:
    """Row 54: until 6.18 no notifier hears of it."""
    found = record(kernel, pmd_free_pte_page, [ONE, TWO], parts=(KernelTables,))
    assert found.text == expected
    assert found.state["kernel_tables.present"] == [0]
