"""The protocols of `examples/models`: whoever searches them, and however fine the steps are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shootdown.machine.result import SearchResult
from shootdown.machine.search import search
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase
from shootdown.scenarios.target import find_targets

from .searching import FULL

FOLDER = Path(__file__).parents[2] / "examples" / "models"

# verdict, rule, states and transitions; then states and transitions when every access is a step
COUNTS: dict[str, tuple[str, str | None, int, int, int, int]] = {
    "01_peterson": ("holds", None, 72, 144, 72, 144),
    "01_peterson_polite_too_early": ("violated", "assertion", 152, 259, 152, 259),
    "02_ticket_lock": ("holds", None, 1984, 3792, 1984, 3792),
    "02_ticket_lock_not_atomic": ("violated", "assertion", 964, 2020, 964, 2020),
    "03_seqlock": ("holds", None, 2457, 6469, 2457, 6469),
    "03_seqlock_without_retry": ("violated", "assertion", 69, 140, 69, 140),
    "04_spsc_ring": ("holds", None, 309, 601, 309, 601),
    "04_spsc_ring_published_early": ("violated", "assertion", 38, 64, 38, 64),
    "05_bounded_buffer": ("holds", None, 282, 442, 360, 580),
    "05_bounded_buffer_waits_with_lock": ("violated", "deadlock", 46, 70, 50, 76),
    "05_bounded_buffer_without_second_look": ("violated", "index", 49, 72, 55, 82),
    "06_rcu": ("holds", None, 664, 1590, 664, 1590),
    "06_rcu_waits_too_early": ("violated", "assertion", 204, 419, 204, 419),
    "07_fair_lock": ("holds", None, 87, 174, 87, 174),
    "07_fair_lock_test_and_set": ("holds", None, 13, 26, 13, 26),
    "07_fair_lock_too_polite": ("holds", None, 45, 90, 45, 90),
    "08_work": ("holds", None, 15, 21, 25, 35),
    "08_work_not_waited_for": ("violated", "assertion", 15, 18, 27, 34),
    "09_call_rcu": ("holds", None, 147, 334, 147, 334),
    "09_call_rcu_too_early": ("violated", "assertion", 167, 315, 167, 315),
    "10_timer": ("holds", None, 9, 11, 9, 11),
    "10_timer_armed_again": ("violated", "assertion", 14, 17, 14, 17),
    "11_kfifo": ("holds", None, 112, 181, 130, 209),
    "11_kfifo_two_producers": ("violated", "deadlock", 183, 326, 207, 368),
}


def case_of(name: str) -> ModelCase:
    """The model of an example."""
    ((_, model),) = find_targets(str(FOLDER / f"{name}.py"))
    return ModelCase(model)


def without_cost(result: SearchResult) -> SearchResult:
    """What both engines must agree on."""
    return replace(result, seconds=0.0, memory=0, engine="python")


def test_every_example_is_counted() -> None:
    """A new example needs its row here."""
    assert sorted(COUNTS) == sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    """Exact; with every access a step of its own there may be more states, but no other verdict."""
    verdict, rule, *counts = COUNTS[name]
    for merged, expected in ((True, counts[:2]), (False, counts[2:])):
        result = check_case(replace(case_of(name), merged=merged), Effort(reductions=FULL))
        assert (result.verdict, result.rule) == (verdict, rule)
        assert [result.states, result.transitions] == expected


@pytest.mark.parametrize("name", COUNTS)
def test_engines_agree(name: str) -> None:
    """Same verdict, rule, states, transitions, depth, path, reached operations and exercise."""
    program = case_of(name).program()
    native, plain = (search(program, engine=engine) for engine in ("native", "python"))
    assert without_cost(native) == without_cost(plain)
