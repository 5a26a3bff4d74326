"""The searches of a case, kept: each is made once, in order, whatever becomes of the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits, SearchResult
from shootdown.scenarios import check
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.keeping import Keep
from shootdown.scenarios.shortest import find_shortest
from shootdown.scenarios.system import Scenario


def scenario(operation: str) -> Scenario:
    """KVM under one operation."""
    operations = (OPERATIONS[operation],)
    return Request(DRIVERS["kvm"], "kvm", (6, 6, 0), operations=operations).cases[0]


def test_a_machine_that_was_too_small_is_not_searched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every size is a search of its own, kept by itself; resumed, none is made again."""
    effort = Effort(keep=Keep(tmp_path))
    first = check_case(scenario("fork"), effort)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"fork.{number}.result" for number in range(len(names))]
    assert len(names) > 1
    monkeypatch.setattr(check, "search", None)
    assert check_case(scenario("fork"), effort) == first


def test_a_case_that_was_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    """The searches before it are read, the one that was cut is taken up."""
    effort = Effort(keep=Keep(tmp_path))
    whole = check_case(scenario("fork"), Effort())
    for states in (whole.states // 3, whole.states // 2):
        cut = check_case(scenario("fork"), replace(effort, limits=Limits(states=states)))
        assert cut.verdict == "undecided"
    found = check_case(scenario("fork"), effort)
    assert replace(found, seconds=0.0, memory=0) == replace(whole, seconds=0.0, memory=0)


def test_time_counts_anew() -> None:
    """What a search took that was kept is not taken from the time of the one after it."""
    given: list[float | None] = []

    def make(reductions: Reductions, limits: Limits) -> SearchResult:
        given.append(limits.seconds)
        return SearchResult(
            verdict="violated",
            rule="freed-frame",
            states=1,
            transitions=1,
            depth=1,
            seconds=1000.0,
            path=(),
            start=0,
            reached=frozenset(),
            exercised=(),
            cut=None,
            reason=None,
            memory=1,
            engine="native",
        )

    find_shortest(scenario("fork"), Effort(limits=Limits(seconds=10.0)), Reductions(), make)
    assert given[0] == 10.0
    assert given[1] is not None and given[1] > 5.0
