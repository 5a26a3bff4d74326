"""`all_rules`: a shortest run for each rule that a case can break."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from models import protocols
from models.protocols import AssertsTwice, CountsForEver
from rules.drivers import NeverFlushes, OppositeLocks
from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.lang.model import Model, threads_of
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits
from shootdown.scenarios.all_rules import CUT
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase
from shootdown.scenarios.verdict import ScenarioResult

from . import slices

ALL = Effort(all_rules=True)


def check(
    driver: type[Driver], kernel: str, operation: str, effort: Effort = ALL
) -> ScenarioResult:
    operations = (OPERATIONS[operation],)
    (case,) = Request(driver, "", parse_version(kernel), operations=operations).cases
    return check_case(case, effort)


def found(result: ScenarioResult) -> list[tuple[str, int]]:
    """Each rule with the length of its run."""
    return [(row.rule, len(row.steps)) for row in result.broken]


@pytest.mark.parametrize(
    ("driver", "kernel", "operation", "expected", "states"),
    [
        ("naive-tlb", "3.18", "munmap", [("freed-frame", 10), ("freed-table", 23)], 2941),
        ("amd-iommu-v2", "3.18", "munmap", [("device-failure", 28), ("freed-table", 32)], 9351),
        ("kvm-no-sequence", "6.6", "mmap", [("freed-frame", 21), ("stale-translation", 24)], 6582),
    ],
)
def test_rules_of_shipped_drivers(
    driver: str, kernel: str, operation: str, expected: list[tuple[str, int]], states: int
) -> None:
    """Shortest first; counts are those of the last search, which saw everything but what lies
    behind a broken rule. They are given for a search that sees every state."""
    every_state = Reductions(partial_order=False, symmetry=False)
    result = check(DRIVERS[driver], kernel, operation, replace(ALL, reductions=every_state))
    assert (result.verdict, found(result), result.states) == ("violated", expected, states)
    assert result.complete and result.reason is None


def test_the_first_run_is_that_of_a_plain_check() -> None:
    """Asking for more changes nothing about what is found first."""
    plain = check(NeverFlushes, "3.18", "munmap", Effort())
    every = check(NeverFlushes, "3.18", "munmap")
    assert plain.counterexample == every.counterexample
    assert plain.rule == every.rule
    assert (plain.counterexamples, plain.complete) == ((), False)
    assert len(every.counterexamples) > 0


MODELS = [
    model
    for file in (protocols, slices)
    for model in vars(file).values()
    if isinstance(model, type) and issubclass(model, Model) and model.__module__ == file.__name__
    if threads_of(model) and model is not CountsForEver
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_reductions_miss_no_rule_of_a_model(model: type[Model]) -> None:
    """The same rules as in the full search, both to the end."""
    effort = Effort("python", all_rules=True)
    reduced = check_case(ModelCase(model), effort)
    full = check_case(ModelCase(model, merged=False), replace(effort, reductions=Reductions.none()))
    assert {(r.rule, r.sentence) for r in reduced.broken} == {
        (r.rule, r.sentence) for r in full.broken
    }
    assert reduced.complete and full.complete


@pytest.mark.parametrize(
    ("driver", "kernel", "operation"),
    [
        ("naive-tlb", "3.18", "mmap"),
        ("amd-iommu-v2", "3.18", "munmap"),
        ("kvm-no-sequence", "6.6", "munmap"),
    ],
)
def test_reductions_miss_no_rule_of_a_driver(driver: str, kernel: str, operation: str) -> None:
    """The same, with the same lengths: all but merging, which makes steps longer."""
    reduced = check(DRIVERS[driver], kernel, operation)
    without = Reductions(**{f.name: f.name == "merge" for f in fields(Reductions)})
    full = check(DRIVERS[driver], kernel, operation, replace(ALL, reductions=without))
    assert found(reduced) == found(full)
    assert reduced.complete and full.complete


def test_a_deadlock_is_one_of_the_rules() -> None:
    """The search goes on past states in which nobody can."""
    result = check(OppositeLocks, "6.6", "munmap")
    assert found(result) == [("deadlock", 8)]
    assert result.complete
    assert result.states > check(OppositeLocks, "6.6", "munmap", Effort()).states


def test_a_driver_that_holds_is_searched_once() -> None:
    """There is nothing to look past."""
    plain, every = (check(DRIVERS["kvm"], "6.6", "munmap", e) for e in (Effort(), ALL))
    assert replace(plain, seconds=0.0) == replace(every, seconds=0.0)
    assert every.complete


def test_engines_find_the_same_rules() -> None:
    """In the same order, with the same runs and counts."""
    efforts = (Effort("native", all_rules=True), Effort("python", all_rules=True))
    native, python = (check(DRIVERS["naive-tlb"], "3.18", "munmap", effort) for effort in efforts)
    assert replace(native, seconds=0.0, memory=0) == replace(python, seconds=0.0, memory=0)


def test_a_search_that_was_cut_does_not_say_that_it_found_all() -> None:
    """The rules found stay found; that there may be more is said."""
    effort = replace(ALL, limits=Limits(states=600))
    result = check(DRIVERS["naive-tlb"], "3.18", "munmap", effort)
    assert (result.verdict, result.complete) == ("violated", False)
    assert found(result)[0] == ("freed-frame", 10)
    assert result.reason is not None
    assert result.reason.endswith(f"{CUT}the limit on states was met")


def test_each_assertion_is_a_rule() -> None:
    """They share a name; the sentence tells them apart, and the one that holds is not there."""
    result = check_case(ModelCase(AssertsTwice), ALL)
    assert [row.sentence for row in result.broken] == ["the second is false"]
    assert result.complete


def test_a_model_that_outgrows_every_counter_is_not_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing broke, and nothing was decided."""
    monkeypatch.setattr("shootdown.scenarios.model_request.WIDEST_COUNTER", 4)
    result = check_case(ModelCase(CountsForEver), ALL)
    assert (result.verdict, result.complete, result.broken) == ("undecided", False, ())
