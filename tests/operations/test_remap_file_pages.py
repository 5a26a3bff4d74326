"""remap_file_pages(): what Linux does holds, and mistakes are found (row 38)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.catalogue import OPERATIONS, find_operation
from shootdown.linux.task import Task

from .trying import attempt, instead, outcome

RIGHT = (
    ("kvm-2.6.27", "2.6.27"), ("kvm-2.6.27", "3.6"), ("kvm", "3.18"), ("kvm", "3.19"),
    ("invalidate-range-3.19", "3.19"), ("invalidate-range-3.19", "4.0"), ("kvm", "4.13"),
    ("invalidate-range", "4.13"), ("invalidate-range", "4.15"), ("kvm", "6.6"), ("sva", "6.6"),
    ("sva", "6.19"),
)  # fmt: skip


@pytest.mark.parametrize(("driver", "kernel"), RIGHT)
def test_what_linux_does_holds(driver: str, kernel: str) -> None:
    """On the kernels before and after each change of it, or of the API."""
    assert outcome(attempt(driver, kernel, "remap_file_pages")) == ("holds", None)


@pytest.mark.parametrize("other", ["remap_file_pages", "file_munmap", "file_write_fault"])
@pytest.mark.parametrize(("driver", "kernel"), [("kvm", "3.18"), ("sva", "6.6")])
def test_beside_another_operation(driver: str, kernel: str, other: str) -> None:
    """Two at a time."""
    assert outcome(attempt(driver, kernel, "remap_file_pages", other)) == ("holds", None)


def test_who_would_not_find_the_page() -> None:
    """It is not tried beside operations that look for a page of the file at its own place alone."""
    refused = {
        name
        for name, operation in OPERATIONS.items()
        if not operation.goes_with(find_operation("remap_file_pages"))
    }
    assert refused == {name for name, operation in OPERATIONS.items() if operation.linear}
    assert {"truncate", "fsync", "reclaim_file", "migrate_file"} < refused
    assert not refused & {"file_munmap", "mprotect", "munmap", "remap_file_pages"}


def _replace_first(task: Task, range: PageRange, zap: Callable[[Mm, int], None]) -> None:
    """The first page shows the second page of the file, with this done to its entry."""
    mm = task.mm
    assert mm.nonlinear is not None
    with mm.mmap_lock.write(), mm.page_table_lock:
        if mm.pte[range.start].present:
            zap(mm, range.start)
            mm.nonlinear.ahead[range.start] = 1


def replaces_in_silence(task: Task, range: PageRange) -> None:
    """CPUs are flushed; there is no start and no end."""
    task.mm.begin(range)
    _replace_first(task, range, _clear_and_flush)
    task.mm.end(range)


def replaces_without_flush(task: Task, range: PageRange) -> None:
    """There are start and end, and nobody is flushed."""
    _announced(task, range, _clear)


def replaces_and_forgets(task: Task, range: PageRange) -> None:
    """The dirty bit goes with the entry."""
    _announced(task, range, _clear_and_flush_clean)


def _announced(task: Task, range: PageRange, zap: Callable[[Mm, int], None]) -> None:
    mm = task.mm
    announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "remap_file_pages")
    mm.begin(range)
    mm.notifiers.invalidate_range_start(announced)
    _replace_first(task, range, zap)
    mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def _clear_and_flush(mm: Mm, page: int) -> None:
    pte = mm.pte[page]
    mm.arch.ptep_clear_flush(page)
    mm.cleared_dirty(page, pte.frame)
    mm.memory.put_page(pte.frame)


def _clear_and_flush_clean(mm: Mm, page: int) -> None:
    pte = mm.pte[page]
    mm.ptep_clear_flush_notify(page)
    if mm.dirty_bits is not None:
        mm.dirty_bits.dirty[page] = False
    mm.memory.put_page(pte.frame)


def _clear(mm: Mm, page: int) -> None:
    pte = mm.pte[page]
    mm.pte[page] = EMPTY
    mm.cleared_dirty(page, pte.frame)
    mm.memory.put_page(pte.frame)


@pytest.mark.parametrize(
    ("broken", "driver", "kernel", "cpus", "expected"),
    [
        (replaces_in_silence, "kvm", "3.18", 0, ("violated", "stale-translation")),
        (replaces_without_flush, "kvm", "3.18", 1, ("violated", "stale-translation")),
        (replaces_without_flush, "sva", "6.6", 0, ("violated", "stale-translation")),
        (replaces_and_forgets, "sva", "6.6", 0, ("violated", "lost-dirty-bit")),
    ],
)
def test_a_mistake_is_found(
    broken: Callable[[Task, PageRange], None],
    driver: str,
    kernel: str,
    cpus: int,
    expected: tuple[str, str],
) -> None:
    """Who goes on using the old page of the file is found out, and so is a write that is lost."""
    operation = instead("remap_file_pages", broken)
    assert outcome(attempt(driver, kernel, operation, cpus=cpus)) == expected
