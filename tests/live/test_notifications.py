"""What the kernel tells a notifier about one call after another: facts of Linux 6.18 on x86-64."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

import pytest

from shootdown.live.callbacks import LostEventsError
from shootdown.live.errors import MissingMeansError
from shootdown.live.memory import (
    MADV_COLD,
    MADV_DONTDUMP,
    MADV_DONTNEED,
    MADV_FREE,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PAGE,
    PROT_READ,
    READ_WRITE,
    load,
    madvise,
    mprotect,
    mremap,
    munmap,
    store,
)
from shootdown.live.notifications import NotificationLog, find_cause

from .conftest import PAGES

Row = tuple[int, int, str]
MOVE = MREMAP_MAYMOVE | MREMAP_FIXED


class Told:
    """Notifications in pages of the region: `(500, 1100, "unmap_vmas")`."""

    def __init__(self, log: NotificationLog, region: int) -> None:
        self.log, self.region = log, region

    def __call__(self) -> list[Row]:
        found = self.log.take()
        assert {each.callback for each in found} <= {"invalidate_range_start"}
        return [(self._page(each.start), self._page(each.end), each.cause) for each in found]

    def _page(self, address: int) -> int:
        assert address % PAGE == 0
        return (address - self.region) // PAGE

    def at(self, page: int) -> int:
        """The address of a page."""
        return self.region + page * PAGE


@pytest.fixture
def told(region: int) -> Iterator[Told]:
    """What was told about the region since one asked last."""
    if not platform.release().startswith("6.18."):
        pytest.skip(f"these are facts of Linux 6.18, this is {platform.release()}")
    try:
        log = NotificationLog(region, region + PAGES * PAGE)
        log.__enter__()
    except MissingMeansError as error:
        pytest.skip(str(error))
    yield Told(log, region)
    log.__exit__(None, None, None)


def test_faults_that_only_map(told: Told) -> None:
    """First touches are not told; a write to the zero page is."""
    store(told.at(3), b"x")
    load(told.at(5), 1)
    assert told() == []
    store(told.at(5), b"x")
    assert told() == [(5, 6, "do_wp_page")]


def test_unmap(told: Told) -> None:
    """The request, whether touched or not."""
    munmap(told.at(0), 4 * PAGE)
    assert told() == [(0, 4, "unmap_vmas")]


def test_unmap_in_the_middle(told: Told) -> None:
    """A cut inside a block of 2 MiB tells the whole block first, at both ends, with no huge page
    anywhere; if there is a page table nearby."""
    store(told.at(3), b"x")
    munmap(told.at(500), 600 * PAGE)
    assert told() == [
        (0, 512, "__split_huge_pmd"),
        (1024, 1536, "__split_huge_pmd"),
        (500, 1100, "unmap_vmas"),
    ]


def test_forgetting(told: Told) -> None:
    """DONTNEED and FREE tell the request; COLD nothing."""
    store(told.at(3), b"x")
    madvise(told.at(2), 4 * PAGE, MADV_DONTNEED)
    ((start, end, cause),) = told()
    assert (start, end, cause.startswith("zap_page_range_single")) == (2, 6, True)
    madvise(told.at(2), 4 * PAGE, MADV_FREE)
    assert told() == [(2, 6, "madvise_free_single_vma")]
    madvise(told.at(2), 4 * PAGE, MADV_COLD)
    assert told() == []


def test_protecting(told: Told) -> None:
    """Told where there are page tables, in both directions; not where nothing was ever touched."""
    mprotect(told.at(0), 512 * PAGE, PROT_READ)
    mprotect(told.at(0), 512 * PAGE, READ_WRITE)
    assert told() == []
    store(told.at(0), b"x")
    mprotect(told.at(0), 512 * PAGE, PROT_READ)
    assert told() == [(0, 512, "change_protection")]
    mprotect(told.at(0), 512 * PAGE, READ_WRITE)
    assert told() == [(0, 512, "change_protection")]


def test_collateral(told: Told) -> None:
    """A flag of one page, which changes nothing about any page, tells all of its 2 MiB."""
    store(told.at(0), b"x")
    madvise(told.at(7), PAGE, MADV_DONTDUMP)
    assert told() == [(0, 512, "__split_huge_pmd")]


def test_moving(told: Told) -> None:
    """The old range twice, once for moving and once for unmapping; DONTUNMAP once."""
    store(told.at(20), b"x")
    mremap(told.at(0), 512 * PAGE, 512 * PAGE, MOVE, told.at(4096))
    assert told() == [(0, 512, "move_page_tables"), (0, 512, "unmap_vmas")]
    store(told.at(600), b"x")
    mremap(told.at(512), 512 * PAGE, 512 * PAGE, MOVE | MREMAP_DONTUNMAP, told.at(8192))
    assert told() == [(512, 1024, "move_page_tables")]
    munmap(told.at(4096), 512 * PAGE)
    munmap(told.at(8192), 512 * PAGE)


def test_fork(told: Told) -> None:
    """The whole mapping if a page of it was ever written, each time; then page by page."""
    for expected in ([], [(0, PAGES, "copy_page_range")], [(0, PAGES, "copy_page_range")]):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert told() == expected
        if not expected:
            store(told.at(9), b"x")


def test_call_chain(told: Told) -> None:
    """From the machinery of the notifiers out to the system call."""
    munmap(told.at(0), PAGE)
    (each,) = told.log.take()
    assert any("mmu_notifier" in name for name in each.callchain)
    assert any(name.endswith("sys_munmap") for name in each.callchain)
    assert each.callchain.index(each.cause) < len(each.callchain) - 1


def test_losses_are_an_error(region: int) -> None:
    """What is not all is not given out."""
    try:
        with NotificationLog(region, region + PAGES * PAGE, pages=1) as log:
            for page in range(PAGES):
                madvise(region + page * PAGE, PAGE, MADV_DONTNEED)
            with pytest.raises(LostEventsError, match="notifications were lost"):
                log.take()
    except MissingMeansError as error:
        pytest.skip(str(error))


def test_cause() -> None:
    """The innermost function that has something to do with memory."""
    chain = (
        "perf_trace_kvm_unmap_hva_range", "kvm_mmu_notifier_invalidate_range_start",
        "__mmu_notifier_invalidate_range_start", "unmap_vmas", "do_vmi_munmap",
    )  # fmt: skip
    assert find_cause(chain) == "unmap_vmas"
    assert find_cause(chain[:3]) == "unknown"
