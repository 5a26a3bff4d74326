"""What MADV_FREE gave up stays if it is written again, and somebody has to see that it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.start import PRIVATE
from shootdown.linux.task import Task
from shootdown.linux.vmscan import Reclaim
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

KERNEL = (6, 18, 0)


def _free(task: Task, range: PageRange, *, flushes: bool) -> None:
    """MADV_FREE with a mistake, and what reclaim does later: with nobody told, or nothing
    flushed."""
    mm = task.mm
    folios: Any = mm.folios
    bits: Any = mm.dirty_bits
    mm.begin(range)
    with mm.mmap_lock.read():
        with mm.page_table_lock:
            for page in range:
                pte = mm.pte[page]
                if pte.present:
                    bits.dirty[page] = False
                    folios.dirty[pte.frame] = False
                    folios.lazyfree[pte.frame] = True
                    folios.unsaved[pte.frame] = False
        if flushes:
            mm.arch.flush_tlb_range(range)
    mm.end(range)
    OPERATIONS["reclaim"].function(task, range)


def free_in_silence(task: Task, range: PageRange) -> None:
    """No start and no end: who mirrors the page goes on writing through a mapping that the kernel
    thinks nobody has made dirty."""
    _free(task, range, flushes=True)


def free_without_flush(task: Task, range: PageRange) -> None:
    """The same for a TLB, which has the dirty bit set already."""
    _free(task, range, flushes=False)


def search(driver: str, function: Callable[..., None]) -> ScenarioResult:
    """One operation on a page that belongs to the process alone."""
    operation = Operation("madvise_free", function, patterns=((PRIVATE,),), parts=(Reclaim,))
    scenario = Scenario(DRIVERS[driver], KERNEL, (operation,), Geometry(pages=1, frames=5))
    return check_case(scenario.sized, Effort())


@pytest.mark.parametrize(
    ("driver", "function"), [("kvm", free_in_silence), ("sva", free_without_flush)]
)
def test_a_write_that_nobody_sees_is_lost(driver: str, function: Callable[..., None]) -> None:
    """The page is given up by reclaim with what was written after MADV_FREE had returned."""
    result = search(driver, function)
    assert result.verdict == "violated"
    assert result.counterexample is not None
    assert result.counterexample.rule == "lost-write"


@pytest.mark.parametrize("driver", ["kvm", "sva"])
def test_as_linux_does_it(driver: str) -> None:
    """Start, end and flush are enough."""
    assert search(driver, OPERATIONS["madvise_free"].function).verdict == "holds"
