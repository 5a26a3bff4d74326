"""remap_file_pages() does things in the order of row 38, generation by generation, and what is
accessed afterwards is the other page of the file."""

from __future__ import annotations

import pytest

from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux.filemap import PRIVATE, SHARED, Mapping
from shootdown.linux.nonlinear import Nonlinear
from shootdown.linux.operations.fault import write_fault
from shootdown.linux.operations.remap_file_pages import remap_file_pages
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_ONLY, READ_WRITE, make_pte

from .recording import Page, Record, record

PAGES = [Page(1, references=2), Page(2, READ_ONLY, references=2)]
AWAY = [Page(2, references=3), PAGES[1]]
"""the first page shows the second page of the file"""
FILE = {
    "mapping.kind": [SHARED, SHARED],
    "mapping.folio": [1, 2],
    "mapping.i_size": [2],
    "dirty_bits.dirty": [1, 0],
}
"""the first page dirty, the second clean"""
BEFORE = {"nonlinear.ahead": [1], "nonlinear.vm_nonlinear": [1]}
"""the VMA is nonlinear already (until 3.19)"""


def remapped(
    kernel: str,
    state: dict[str, list[int]] | None = None,
    pages: list[Page] | None = None,
    locks: bool = False,
) -> Record:
    """Done once, on the file above."""
    return record(
        kernel,
        remap_file_pages,
        PAGES if pages is None else pages,
        parts=(Mapping, Nonlinear),
        state={**FILE, **(state or {})},
        locks=locks,
    )


EXPECTED = {
    "2.6.27": "S0-1 [P-0 C0-1] E0-1",
    "2.6.32": "S0-1 [P-0 C0-1] E0-1",
    "3.7": "S0-1 [P-0 C0-1] E0-1",
    "3.18": "S0-1 [P-0 C0-1] E0-1",
    "3.19": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1",
    "4.0": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1",
    "4.13": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1",
    "4.15": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1",
    "6.5": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1",
    "6.6": "S0-1 [P-0 C0-1 X0-1] E0-1",
    "6.18": "S0-1 [P-0 C0-1 X0-1] E0-1",
}


@pytest.mark.parametrize("kernel", EXPECTED)
def test_row_38(kernel: str) -> None:
    """Start and end around every page; who walks the table hears of it when it is flushed."""
    assert remapped(kernel).text == EXPECTED[kernel]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.18", "S0-1 [P-0 C0-1] E0-1"),
        ("3.19", "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1"),
        ("4.0", "S0-1 [P-0] X0-1 E0-1 C0-1 X0-1"),
        ("6.18", "S0-1 [P-0] E0-1 C0-1 X0-1"),
    ],
)
def test_a_page_that_is_clean(kernel: str, expected: str) -> None:
    """Before 4.0 every entry is flushed at once; munmap does that for dirty pages of files."""
    assert remapped(kernel, {"dirty_bits.dirty": [0, 0]}).text == expected


@pytest.mark.parametrize(
    ("kernel", "state", "expected"),
    [
        ("3.18", {}, "r . w S0-1 [P-0 C0-1] E0-1 ."),
        ("3.18", BEFORE, "r S0-1 [P-0 C0-1] E0-1 ."),
        ("4.0", {}, "w S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 ."),
        ("4.0", BEFORE, "w S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 ."),
    ],
)
def test_how_mmap_lock_is_held(kernel: str, state: dict[str, list[int]], expected: str) -> None:
    """For writing when the VMA becomes nonlinear, for reading when it is; always for writing since
    4.0."""
    pages = AWAY if state else PAGES
    assert remapped(kernel, state, pages, locks=True).text == expected


FOUR = [Page(1, references=2), Page(2, references=2), Page(), Page()]
LONGER = {
    "mapping.kind": [SHARED] * 4,
    "mapping.folio": [1, 2],
    "mapping.i_size": [4],
    "dirty_bits.dirty": [0, 0],
}


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.18", "S0-2 [P-0 C0-1] [P-1 C1-2] E0-2"),
        ("3.19", "S0-2 [P-0 C0-1 X0-1] [P-1 C1-2 X1-2] X0-2 E0-2"),
        ("4.0", "S0-2 [P-0] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 T0"),
        ("6.18", "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 X0-2 T0"),
    ],
)
def test_several_pages(kernel: str, expected: str) -> None:
    """One announcement for all; page tables are freed only since 4.0."""
    assert remapped(kernel, LONGER, FOUR).text == expected


@pytest.mark.parametrize("kernel", ["3.18", "6.18"])
@pytest.mark.parametrize(
    ("state", "pages"),
    [
        ({"mapping.kind": [PRIVATE, SHARED]}, PAGES),
        ({}, [Page(1, references=2, vma=NO_VMA), PAGES[1]]),
    ],
)
def test_what_is_refused(kernel: str, state: dict[str, list[int]], pages: list[Page]) -> None:
    """Private memory, and none."""
    assert remapped(kernel, state, pages).text == ""


def remap_and_write(task: Task, range: PageRange) -> None:
    """Somebody writes to the first page afterwards."""
    remap_file_pages(task, range)
    write_fault(task, PageRange(range.start, range.start + 1))


@pytest.mark.parametrize("kernel", ["2.6.27", "3.19", "4.0", "6.18"])
@pytest.mark.parametrize(("state", "found"), [({}, 2), (BEFORE, 1)])
def test_what_is_found_there(kernel: str, state: dict[str, list[int]], found: int) -> None:
    """The page of the file that was asked for; the one that was there has been made dirty."""
    there = 3 - found
    result = record(
        kernel,
        remap_and_write,
        AWAY if state else PAGES,
        choices=(0,),
        parts=(Mapping, Nonlinear),
        state={**FILE, **state},
    )
    assert result.state["mm.pte"][0] == make_pte(found, READ_WRITE)
    assert result.state["folios.dirty"][there] == 1
    assert result.state["nonlinear.ahead"] == [found - 1, 0]


def finish_a_fault(task: Task, range: PageRange) -> None:
    """A fault that has found the first page of the file maps it."""
    assert task.mm.mapping is not None
    task.mm.mapping.set_pte(range.start, EMPTY, Pte(1, READ_ONLY))


@pytest.mark.parametrize(("ahead", "expected"), [(0, "[P+0]"), (1, "")])
def test_a_fault_that_comes_late(ahead: int, expected: str) -> None:
    """pte_same(): the file pte names another page by now."""
    pages, state = [Page(), PAGES[1]], {**FILE, "nonlinear.ahead": [ahead]}
    found = record("3.18", finish_a_fault, pages, parts=(Mapping, Nonlinear), state=state)
    assert found.text == expected
