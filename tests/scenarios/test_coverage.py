"""Which ways conditions went: told exactly, by both engines, for drivers and models."""

from __future__ import annotations

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.result import Engine
from shootdown.scenarios.check import check_case, check_request, summarise
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase
from shootdown.scenarios.verdict import BranchCoverage, Coverage, merge_coverage

from .conditions import OneWay
from .drivers import Sulks

ENGINES: tuple[Engine, ...] = ("native", "python")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_condition_that_is_never_true(engine: Engine) -> None:
    """A mode that nothing switches on, asked for in two places; an inherited condition is
    the target's own, because the class it stands in is."""
    (scenario,) = Request(Sulks, "Sulks", (6, 6, 0), operations=(OPERATIONS["munmap"],)).cases
    covered = check_case(scenario, Effort(engine)).covered
    assert [(b.line, b.text, b.true, b.false) for b in covered.one_way] == [
        (20, "self.sulking", False, True),
        (26, "self.sulking", False, True),
    ]
    assert [b.text for b in covered.branches if b not in covered.one_way] == [
        "self.mm.page_fault(page, write, allow_retry=False)"
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_a_condition_count_each(engine: Engine) -> None:
    """`if` without `else`, `and`, `not`, a loop that never ends and one never entered."""
    covered = check_case(ModelCase(OneWay), Effort(engine)).covered
    assert [(b.text, b.true, b.false) for b in covered.branches] == [
        ("self.turn < 2", True, True),
        ("self.turn >= 0", True, False),
        ("self.turn == 7", False, True),
        ("self.turn == 1", True, True),
        ("self.never", False, True),
        ("self.turn > 5", False, True),
        ("self.never", False, False),
    ]
    assert [b.text for b in covered.one_way] == [
        "self.turn >= 0",
        "self.turn == 7",
        "self.never",
        "self.turn > 5",
    ]


def test_scenarios_together_went_more_ways() -> None:
    """What goes one way under one operation may go the other under another."""
    names = ("read_fault", "munmap")
    operations = tuple(OPERATIONS[name] for name in names)
    request = Request(DRIVERS["kvm"], "kvm", (6, 6, 0), operations=operations)
    results = list(check_request(request))
    alone = [[b.text for b in result.covered.one_way] for result in results]
    assert alone == [["self.mmu_invalidate_in_progress > 0"], []]
    assert summarise(request, results).covered.one_way == ()


def test_merging_ways() -> None:
    """One way here and the other there is both; never reached adds nothing."""

    def covered(*ways: tuple[bool, bool]) -> Coverage:
        branches = tuple(BranchCoverage("f", n, 0, "x", *way) for n, way in enumerate(ways))
        return Coverage(1, 1, (), (), branches)

    rows = [
        covered((True, False), (True, False), (False, False)),
        covered((False, True), (False, False), (False, False)),
    ]
    merged = merge_coverage(rows)
    assert [(b.true, b.false) for b in merged.branches] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert [b.line for b in merged.one_way] == [1]
