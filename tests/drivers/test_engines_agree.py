"""The interpreter and machine code see the same states of shipped drivers of each kind.

The interpreter takes a few thousand states a second, so a driver is compared on one kernel, and
larger searches only up to a number of states. Every operation is compared with a driver that has
page tables of its own, and with one of three others, in turn: two whose hardware walks those of
the CPU, and one that keeps to intervals. What comes after the cut runs through the same code;
`drivers.test_table` holds its counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from everyday import EVERYDAY
from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version
from shootdown.machine.result import Limits, SearchResult
from shootdown.machine.search import search
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.kernels import callbacks_of

LIMITS = Limits(states=1000)
OWN_TABLES, WALKERS, INTERVALS = "kvm", ("sva", "invalidate-range"), "test-hmm"
KERNELS = {
    "amd-iommu-v2": "3.15",
    "naive-tlb": "3.7",
    "invalidate-range": "4.15",
    "sva": "6.19",
    "kvm": "6.6",
    "kvm-no-in-progress": "3.19",
    "kvm-no-sequence": "6.5",
    "test-hmm": "6.12",
}


def meet(driver: str, operation: str) -> bool:
    """Whether the kernel has such an operation, and it is for this driver."""
    kernel = parse_version(KERNELS[driver])
    return OPERATIONS[operation].is_for(kernel, callbacks_of(DRIVERS[driver]))


def cases() -> Iterator[tuple[str, str]]:
    """(driver, operation) of everything that is compared."""
    for number, operation in enumerate(OPERATIONS):
        yield from [(OWN_TABLES, operation)] * meet(OWN_TABLES, operation)
        others = [driver for driver in (*WALKERS, INTERVALS) if meet(driver, operation)]
        if others:
            yield others[number % len(others)], operation
    for driver in KERNELS:
        yield from ((driver, operation) for operation in EVERYDAY)


def without_cost(result: SearchResult) -> SearchResult:
    """What both engines must agree on; after a cut the native one has looked a batch ahead."""
    same = replace(result, seconds=0.0, memory=0, engine="python")
    return replace(same, reached=frozenset(), exercised=()) if result.cut else same


@pytest.mark.parametrize(("driver", "operation"), list(dict.fromkeys(cases())))
def test_engines_agree(driver: str, operation: str) -> None:
    """Same verdict, rule, states, transitions, depth, path, reached operations and exercise."""
    kernel = parse_version(KERNELS[driver])
    request = Request(DRIVERS[driver], driver, kernel, operations=(OPERATIONS[operation],))
    (scenario,) = request.cases
    program = scenario.program()
    native, plain = (search(program, LIMITS, engine) for engine in ("native", "python"))
    assert without_cost(native) == without_cost(plain)


def test_no_operation_is_left_out() -> None:
    """Each is for some driver that is compared; but for the exit of a module whose subscriptions
    are freed later, which no shipped driver has (`tests/linux/test_lifetime.py` has one)."""
    assert {operation for _, operation in cases()} == {*OPERATIONS} - {"mmu_notifier_synchronize"}
