"""Real models: any number of workers finds what the interpreter finds, and all find everything."""

from __future__ import annotations

from functools import cache

import pytest

from everyday import OPERATIONS
from shootdown.drivers.catalogue import DRIVERS
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import Limits
from shootdown.program.program import Program
from shootdown.scenarios.driver_request import Request

from .searching import search
from .test_team import WORKERS, assert_same, without_cost

SCENARIOS = [
    ("kvm", "munmap"),
    ("kvm-no-sequence", "madvise_dontneed"),
    ("sva", "fork"),
    ("invalidate-range", "munmap"),
    ("amd-iommu-v2", "mprotect"),
]


@cache
def model(driver: str, operation: str) -> Program:
    """The program of a scenario."""
    request = Request(DRIVERS[driver], driver, (6, 6, 0), OPERATIONS)
    found = [case for case in request.cases if case.name == operation]
    return (found[0] if found else request.cases[0]).program()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize(("driver", "operation"), SCENARIOS)
def test_the_first_states_agree(driver: str, operation: str, workers: int) -> None:
    """The interpreter's first states, cut at the same place."""
    assert_same(model(driver, operation), Limits(states=1500), workers, grain=16)


@pytest.mark.parametrize(("driver", "operation"), SCENARIOS)
def test_whole_searches_agree(driver: str, operation: str) -> None:
    """Far beyond what the interpreter can do: every number of workers has the same result."""
    program = model(driver, operation)
    expected = without_cost(search(program, Limits(states=1_000_000)))
    for workers in WORKERS[1:]:
        with NativeSearch(program, Limits(states=1_000_000), workers=workers, grain=64) as native:
            assert without_cost(native.run()) == expected
