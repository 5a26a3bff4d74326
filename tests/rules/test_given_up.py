"""Who works on a page for the process, and the process that lets go of it meanwhile: nothing is
lost then, and nothing stays behind of what an entry had said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.geometry import Geometry
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.operations.operation import Operation
from shootdown.linux.operations.reclaim import reclaim
from shootdown.linux.start import ABSENT, PRIVATE, Condition, Pattern
from shootdown.linux.start_backed import LAZYFREE
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

from .broken_backed import ForgetsDirtyBit
from .checking import steps

KERNEL = (6, 18, 0)
ONE_PAGE: tuple[Pattern, ...] = ((LAZYFREE,), (PRIVATE,))


def search(
    driver: str, *operations: Operation, pages: int, patterns: tuple[Pattern, ...]
) -> ScenarioResult:
    """These at the same time, from these starts."""
    alike = tuple(replace(each, patterns=patterns) for each in operations)
    scenario = Scenario(DRIVERS[driver], KERNEL, alike, Geometry(pages=pages, frames=5))
    return check_case(scenario.sized, Effort())


@pytest.mark.parametrize("driver", ["kvm", "sva"])
@pytest.mark.parametrize("other", ["munmap", "madvise_dontneed"])
def test_reclaim_of_a_page_that_the_process_drops(driver: str, other: str) -> None:
    """The entry is gone when reclaim comes to it, and so is the page, with what was written: by
    the will of the process."""
    both = OPERATIONS["reclaim"], OPERATIONS[other]
    assert search(driver, *both, pages=1, patterns=ONE_PAGE).verdict == "holds"


@pytest.mark.parametrize(
    "other",
    ["uprobe", "clear_refs_write", "userfaultfd_writeprotect", "do_pagemap_scan"],
)
def test_reclaim_of_a_page_whose_entry_says_more(other: str) -> None:
    """A copy in the place of the page; bits that a swap entry keeps, and a new page has not."""
    both = OPERATIONS["reclaim"], OPERATIONS[other]
    assert search("kvm", *both, pages=1, patterns=ONE_PAGE).verdict == "holds"


@pytest.mark.parametrize("start", [LAZYFREE, PRIVATE], ids=lambda start: start.name)
def test_reclaim_of_a_page_that_moves(start: Condition) -> None:
    """mremap() takes the dirty bit and the swap entry along, and what it has moved stays mapped."""
    both = OPERATIONS["reclaim"], OPERATIONS["mremap_dontunmap"]
    found = search("kvm", *both, pages=2, patterns=((start, ABSENT),))
    assert found.verdict == "holds"


@pytest.mark.parametrize("other", ["munmap", "madvise_dontneed"])
def test_a_write_that_reclaim_loses_beside_it(other: str) -> None:
    """Who lets go of some page excuses nobody who forgets the dirty bit of a page that stays."""
    broken = Operation("broken", reclaim, parts=(ForgetsDirtyBit,))
    result = search("sva", broken, OPERATIONS[other], pages=1, patterns=((LAZYFREE,),))
    assert (result.verdict, result.rule, steps(result)) == ("violated", "lost-write", 15)


def test_a_page_that_is_not_merged_is_not_lost() -> None:
    """ksmd gives the reference back, and the page stays where it was."""
    both = OPERATIONS["ksm_merge"], OPERATIONS["reclaim"]
    assert search("sva", *both, pages=2, patterns=((PRIVATE, PRIVATE),)).verdict == "holds"
