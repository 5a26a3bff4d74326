"""The interpreter and machine code see the same states of shipped drivers of each kind.

The interpreter takes twenty thousand states a second, so a driver is compared on one kernel, three
of them under every operation, and larger searches only up to a number of states. What comes after
the cut runs through the same code; `drivers.test_table` holds its counts.
"""

from __future__ import annotations

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

LIMITS = Limits(states=3000)
EVERYWHERE = ("kvm", "sva", "invalidate-range")
"""drivers that are compared under every operation"""
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


def without_cost(result: SearchResult) -> SearchResult:
    """What both engines must agree on; after a cut the native one has looked a batch ahead."""
    same = replace(result, seconds=0.0, memory=0, engine="python")
    return replace(same, reached=frozenset(), exercised=()) if result.cut else same


@pytest.mark.parametrize(
    ("driver", "operation"),
    [(d, o) for d in KERNELS for o in (OPERATIONS if d in EVERYWHERE else EVERYDAY)],
)
def test_engines_agree(driver: str, operation: str) -> None:
    """Same verdict, rule, states, transitions, depth, path, reached operations and exercise."""
    kernel = parse_version(KERNELS[driver])
    if not OPERATIONS[operation].is_for(kernel, callbacks_of(DRIVERS[driver])):
        pytest.skip("this kernel has no such operation, or it is for other drivers")
    request = Request(DRIVERS[driver], driver, kernel, operations=(OPERATIONS[operation],))
    (scenario,) = request.cases
    program = scenario.program()
    native, plain = (search(program, LIMITS, engine) for engine in ("native", "python"))
    assert without_cost(native) == without_cost(plain)
