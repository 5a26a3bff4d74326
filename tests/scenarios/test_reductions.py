"""No reduction changes what a check says about a shipped driver; each is tested alone and all."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import pytest

import shootdown
from everyday import OPERATIONS as FEW
from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits
from shootdown.scenarios.check import check_request
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.kernels import default_kernel
from shootdown.scenarios.shortest import NOT_SHORTEST
from shootdown.scenarios.verdict import ScenarioResult

# under madvise_dontneed
EXPECTED = {
    "amd-iommu-v2": ("violated", "device-failure"),
    "naive-tlb": ("violated", "freed-frame"),
    "invalidate-range": ("holds", None),
    "sva": ("holds", None),
    "kvm": ("holds", None),
    "kvm-no-in-progress": ("violated", "freed-frame"),
    "kvm-no-sequence": ("violated", "freed-frame"),
}

WITHOUT = {
    **{f.name: replace(Reductions(), **{f.name: False}) for f in fields(Reductions)},
    "any": Reductions.none(),
}

UNMERGED = replace(Reductions.none(), dead_variables=True)

WITHOUT_IN_PAIRS = {
    **{f.name: replace(Reductions(), **{f.name: False}) for f in fields(Reductions)},
    "all but dead_variables": UNMERGED,
}
"""with dead registers a pair has millions of states"""

SOME = ("munmap", "madvise_dontneed")
PAIRS = ("munmap", "write_fault")


def request(name: str, reductions: Reductions) -> Request:
    """Everyday operations alone, on the newest kernel the driver runs on."""
    kernel = default_kernel(DRIVERS[name])
    assert kernel is not None
    effort = Effort(reductions=reductions)
    return Request(DRIVERS[name], name, kernel, operations=FEW, effort=effort)


@cache
def alone(name: str, reductions: Reductions) -> dict[str, ScenarioResult]:
    """What is found by operation, once for all tests: all of them with all reductions and with
    none if the driver holds, SOME in between and of drivers that break something."""
    asked = request(name, reductions)
    ends = reductions in (Reductions(), Reductions.none())
    if not ends or EXPECTED[name][0] == "violated":
        asked = replace(asked, operations=tuple(OPERATIONS[operation] for operation in SOME))
    return {result.name: result for result in check_request(asked)}


@cache
def in_pairs(name: str, reductions: Reductions) -> tuple[ScenarioResult, ...]:
    """Two operations at once, where locks are contended."""
    wanted = tuple(OPERATIONS[operation] for operation in PAIRS)
    return tuple(check_request(replace(request(name, reductions), operations=wanted, pairs=True)))


def said(result: ScenarioResult) -> tuple[str, str, str | None]:
    """What must never change."""
    return result.name, result.verdict, result.rule


@pytest.mark.parametrize("without", WITHOUT)
@pytest.mark.parametrize("name", EXPECTED)
def test_verdicts(name: str, without: str) -> None:
    """What is searched has the same verdict and rule. What holds has no more states, but for a few
    where a smaller step happens to be taken at once, and a larger one is not."""
    reduced, full = alone(name, Reductions()), alone(name, WITHOUT[without])
    for operation, result in full.items():
        assert said(reduced[operation]) == said(result)
        if result.verdict == "holds" and without != "merge":
            assert reduced[operation].states <= result.states
    found = reduced["madvise_dontneed"]
    assert (found.verdict, found.rule) == EXPECTED[name]


@pytest.mark.parametrize("without", WITHOUT_IN_PAIRS)
@pytest.mark.parametrize("name", ["kvm", "sva"])
def test_pairs(name: str, without: str) -> None:
    """Two operations at once agree too."""
    reduced, full = in_pairs(name, Reductions()), in_pairs(name, WITHOUT_IN_PAIRS[without])
    assert [said(result) for result in reduced] == [said(result) for result in full]
    assert {result.verdict for result in reduced} == {"holds"}
    assert all(a.states <= b.states for a, b in zip(reduced, full, strict=True))


@pytest.mark.parametrize("name", EXPECTED)
def test_partial_order_keeps_everything_else(name: str) -> None:
    """Lines, ways and rules reached are the same, and a broken rule has the very same result."""
    for operation, full in alone(name, WITHOUT["partial_order"]).items():
        reduced = alone(name, Reductions())[operation]
        assert reduced.covered == full.covered
        if reduced.verdict == "violated" and reduced.size == full.size:
            costs = {"seconds": 0.0, "memory": 0}
            assert replace(reduced, **costs) == replace(full, **costs)


@pytest.mark.parametrize("name", ["kvm", "sva", "invalidate-range"])
def test_all_together_are_worth_it(name: str) -> None:
    """Over the operations of a driver that holds, less than a tenth of the states are left."""
    reduced, full = (
        sum(result.states for result in alone(name, chosen).values())
        for chosen in (Reductions(), Reductions.none())
    )
    assert reduced * 10 <= full


def test_merging_alone() -> None:
    """Exact counts with and without merging, where nothing else is left out but dead registers."""
    merged, full = (
        {result.name: result.states for result in in_pairs("kvm", chosen)}
        for chosen in (replace(UNMERGED, merge=True), UNMERGED)
    )
    assert merged == {
        "munmap + munmap": 19413,
        "munmap + write_fault": 36607,
        "write_fault + write_fault": 243666,
    }
    assert full == {
        "munmap + munmap": 122354,
        "munmap + write_fault": 230727,
        "write_fault + write_fault": 843304,
    }


def test_a_run_that_may_be_too_long_says_so() -> None:
    """Where the limits end the search for a shortest run, the run found first is shown."""
    name = "kvm-no-sequence"
    whole = alone(name, Reductions())["munmap"]
    effort = Effort(limits=Limits(states=whole.states - 1))
    wanted = replace(request(name, Reductions()), operations=(OPERATIONS["munmap"],))
    (cut,) = check_request(replace(wanted, effort=effort))
    assert (cut.verdict, cut.rule) == (whole.verdict, whole.rule)
    assert cut.reason is not None
    assert cut.reason.startswith(NOT_SHORTEST)
    assert cut.counterexample is not None
    assert whole.counterexample is not None
    assert len(cut.counterexample.steps) >= len(whole.counterexample.steps)


@pytest.mark.parametrize("name", [field.name for field in fields(Reductions)])
def test_switches_of_the_python_call(name: str) -> None:
    """`shootdown.check` has a keyword for each reduction, and each of them saves states."""
    with_all = shootdown.check("kvm", "6.6", "write_fault")
    without = shootdown.check("kvm", "6.6", "write_fault", **{name: False})  # type: ignore[arg-type]
    assert with_all.verdict == without.verdict == "holds"
    assert with_all.scenarios[0].states < without.scenarios[0].states
