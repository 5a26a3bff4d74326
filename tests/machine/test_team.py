"""Many threads find what one finds: the same states in the same order, whatever their number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import Limits, SearchResult
from shootdown.machine.search import PythonSearch
from shootdown.program.program import Program

from . import programs
from .generate import programs as random_programs
from .test_engines import HANDWRITTEN

WORKERS = (1, 2, 3, 4)


def without_cost(result: SearchResult) -> SearchResult:
    """What does not depend on how the search was made."""
    return replace(result, seconds=0.0, memory=0, engine="python")


def assert_same(program: Program, limits: Limits, workers: int, grain: int = 1) -> SearchResult:
    """Search with threads, sharing even the smallest levels, and with the interpreter."""
    plain = PythonSearch(program, limits)
    expected = plain.run()
    with NativeSearch(program, limits, workers=workers, grain=grain) as native:
        found = native.run()
        states = native.states_in_order()
    assert without_cost(found) == without_cost(expected)
    assert states == plain.states_in_order()
    return expected


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("name", HANDWRITTEN)
def test_handwritten_programs_agree(name: str, workers: int) -> None:
    """Verdict, counts, path, coverage and the very order of states, on every program by hand."""
    assert_same(HANDWRITTEN[name], Limits(states=1500), workers)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs(), st.sampled_from(WORKERS), st.integers(0, 1500), st.integers(1, 40))
def test_random_programs_agree(program: Program, workers: int, most: int, grain: int) -> None:
    """Any program, cut at any number of states, shared from any length of a level on."""
    assert_same(program, Limits(states=most), workers, grain)


@pytest.mark.parametrize("most", [100, 101, 102, 2000, 3000, 3632, 3633])
@pytest.mark.parametrize("workers", WORKERS)
def test_a_cut_is_exact(workers: int, most: int) -> None:
    """Cut at a number of states, in whatever state of whatever block that happens."""
    result = assert_same(programs.big(2, 2, 4), Limits(states=most), workers)
    assert result.verdict == ("holds" if most == 3633 else "undecided")


@pytest.mark.parametrize("most", [2000, 3633])
def test_hands_may_come_later(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that gets more threads while it runs finds what one thread finds."""
    monkeypatch.setattr("shootdown.machine.native.search.FIRST_BUDGET", 64)
    monkeypatch.setattr("shootdown.machine.native.search.CALL_SECONDS", 1e-6)
    program, limits = programs.big(2, 2, 4), Limits(states=most)
    free = iter([1, 1, 2, 2, 3, 1, 2, *[4] * 1000])
    crews: list[int] = []
    with NativeSearch(program, limits, workers=3, hands=lambda: next(free), grain=1) as native:
        assemble = native._assemble

        def count(hands: int) -> None:
            crews.append(hands)
            assemble(hands)

        monkeypatch.setattr(native, "_assemble", count)
        found = native.run()
    assert crews == [2, 3]
    assert without_cost(found) == without_cost(PythonSearch(program, limits).run())
