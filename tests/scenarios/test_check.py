"""From a request to results: scenarios, starts, coverage, the same answer every time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.result import Limits, Progress
from shootdown.scenarios import system
from shootdown.scenarios.check import check_case, check_request, summarise
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import System
from shootdown.scenarios.verdict import Coverage, ScenarioResult, merge_coverage, overall

from .drivers import Sulks

EVERYDAY = tuple(
    OPERATIONS[name]
    for name in (
        "read_fault", "write_fault", "mmap", "munmap", "madvise_dontneed", "mprotect", "fork",
    )
)  # fmt: skip
"""enough for what a request does with operations, whatever they are"""


def request(driver: str, *operations: str, pages: int = 2) -> Request:
    """Some operations on 6.6."""
    chosen = tuple(OPERATIONS[name] for name in operations) or EVERYDAY
    return Request(DRIVERS[driver], driver, (6, 6, 0), operations=chosen, pages=pages)


def without_time(result: ScenarioResult) -> ScenarioResult:
    """The result as far as it is the same on any machine."""
    return replace(result, seconds=0.0)


def test_one_scenario_for_each_operation() -> None:
    """In the order of the catalogue; pairs include an operation with itself."""
    pairs = replace(request("kvm"), pairs=True).cases
    assert len(pairs) == 28
    assert [s.name for s in request("kvm").cases] == [each.name for each in EVERYDAY]
    assert [s.name for s in pairs[:2]] == ["read_fault + read_fault", "read_fault + write_fault"]
    assert {s.geometry.tasks for s in pairs} == {2}


def test_actors_and_their_order() -> None:
    """Tasks, CPUs, devices, workers: the order decides which counterexample is first."""
    wanted = replace(request("sva"), pairs=True, devices=2, user_cpus=1)
    program = wanted.cases[0].program()
    assert [actor.name for actor in program.actors] == [
        "task0",
        "task1",
        "cpu1",
        "device0",
        "device1",
        "worker0",
        "worker1",
    ]
    shadow = request("kvm", "munmap").cases[0].program()
    assert [actor.name for actor in shadow.actors] == ["task0", "device0"]


@pytest.mark.parametrize(("pages", "starts"), [(1, 1), (2, 3), (3, 3)])
def test_alternative_starts(pages: int, starts: int) -> None:
    """Page 1 starts shared, absent or left; with one page there is only one start."""
    (scenario,) = request("kvm", "munmap", pages=pages).cases
    assert len(System(scenario).starts()) == starts
    assert len(scenario.program().initials) == starts


def test_coverage_names_lines_never_reached() -> None:
    """A mode that nothing switches on shows as two lines of the driver."""
    (scenario,) = Request(Sulks, "Sulks", (6, 6, 0), operations=(OPERATIONS["munmap"],)).cases
    result = check_case(scenario, Effort())
    assert result.verdict == "holds"
    assert [line.text for line in result.covered.never] == [
        "self.device.flush_all()",
        "return INVALID",
    ]
    assert [line.line for line in result.covered.never] == [21, 27]
    assert (result.covered.lines, result.covered.reached) == (9, 7)


@pytest.mark.parametrize(
    ("driver", "never"),
    [
        ("sva", ["return INVALID"]),
        ("kvm", ["return True"]),
        ("invalidate-range", ["return INVALID"]),
    ],
)
def test_coverage_of_several_operations(driver: str, never: list[str]) -> None:
    """A line counts when one operation reaches it: only an unmapped page is refused."""
    kernel = (4, 15, 0) if driver == "invalidate-range" else (6, 6, 0)
    asked = replace(request(driver), kernel=kernel)
    results = list(check_request(asked))
    merged = summarise(asked, results).covered
    assert merged.never == ()
    assert merged.lines == merged.reached
    read_fault = results[0].covered
    assert [line.text for line in read_fault.never] == never


@pytest.mark.parametrize("driver", ["kvm", "sva", "naive-tlb", "amd-iommu-v2"])
def test_two_checks_give_one_answer(driver: str) -> None:
    """Verdicts, counts, coverage and counterexamples are equal in every run."""
    asked = request(driver, "write_fault", "munmap", "fork")
    first, second = ([without_time(result) for result in check_request(asked)] for _ in range(2))
    assert first == second


def test_engines_give_one_answer() -> None:
    """Counterexample and coverage do not depend on the engine."""
    asked = request("naive-tlb", "munmap")
    (native,) = check_request(asked)
    (python,) = check_request(replace(asked, effort=Effort("python")))
    assert without_time(replace(native, memory=0)) == without_time(replace(python, memory=0))


def test_time_is_shared_by_all_scenarios() -> None:
    """A limit on seconds holds for the whole request; what comes after it is undecided."""
    asked = replace(request("kvm"), effort=Effort(limits=Limits(seconds=0.0)))
    results = list(check_request(asked))
    assert [result.verdict for result in results] == ["undecided"] * 7
    assert {result.reason for result in results} == {"the limit on time was met"}
    assert summarise(asked, results).verdict == "undecided"


def test_a_summary() -> None:
    """The whole is violated if one part is, and keeps all parts."""
    asked = request("naive-tlb", "read_fault", "munmap")
    result = summarise(asked, list(check_request(asked)))
    assert (result.target, result.kernel, result.arch) == ("naive-tlb", "6.6", "x86")
    assert result.verdict == "violated"
    assert [(part.name, part.verdict) for part in result.scenarios] == [
        ("read_fault", "holds"),
        ("munmap", "violated"),
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "undecided"], "undecided"),
        (["undecided", "violated"], "violated"),
        ([], "undecided"),
    ],
)
def test_overall(verdicts: list[str], expected: str) -> None:
    """Nothing checked is nothing decided."""
    assert overall(verdicts) == expected  # type: ignore[arg-type]


def test_merging_nothing() -> None:
    """Scenarios that were never searched say nothing about coverage."""
    empty = Coverage(0, 0, (), ())
    assert merge_coverage([]) == empty
    assert merge_coverage([empty]) == empty


def test_progress_names_the_scenario() -> None:
    """Whoever waits hears which scenario is being searched."""
    told: list[tuple[str, Progress]] = []
    (scenario,) = request("kvm", "write_fault").cases
    check_case(scenario, Effort("python"), lambda name, p: told.append((name, p)))
    assert {name for name, _ in told} <= {"write_fault"}


def test_a_sequence_number_that_would_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sequence count of one bit two invalidations look like none. The checker asks for more
    bits until wrapping is excluded, and where there are none the scenario is undecided."""
    (usual,) = request("kvm", "munmap").cases
    narrow = replace(usual, counter_bits=1)
    found, expected = check_case(narrow, Effort()), check_case(usual, Effort())
    assert (found.verdict, found.states) == ("holds", expected.states)
    monkeypatch.setattr(system, "WIDEST_COUNTER", 1)
    found = check_case(narrow, Effort())
    assert found.verdict == "undecided"
    assert found.reason == "the model reaches its largest size and still breaks counter-width"
