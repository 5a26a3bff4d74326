"""Reductions together: either engine does the same with any of them, and finds what all find."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits, SearchResult
from shootdown.machine.search import search
from shootdown.program.program import Program

from .generate import programs as random_programs
from .test_engines import HANDWRITTEN, without_cost
from .twins import twins

LIMITS = Limits(states=1500)

COMBINATIONS = [
    replace(Reductions(), dead_variables=dead, partial_order=order, symmetry=alike)
    for dead, order, alike in product((True, False), repeat=3)
]
"""merging is done before there is a program"""

PROGRAMS = st.one_of(random_programs(), random_programs(apart=True), twins())


def searched(program: Program, reductions: Reductions) -> SearchResult:
    """With both engines, which agree."""
    native, plain = (
        search(program, LIMITS, engine, reductions=reductions) for engine in ("native", "python")
    )
    assert without_cost(native) == without_cost(plain)
    return native


def assert_all_find_the_same(program: Program) -> None:
    """A verdict of the full search is that of any other; what holds was reached and exercised by
    the same. (With symmetry an operation counts for all actors that are alike, also where they
    start differently.)"""
    full = searched(program, Reductions.none())
    for reductions in COMBINATIONS:
        found = searched(program, reductions)
        if full.cut is None:
            assert found.cut is None
            assert (found.verdict == "holds") == (full.verdict == "holds")
        if full.verdict == "holds":
            assert found.states <= full.states
            assert found.reached >= full.reached
            assert reductions.symmetry or found.reached == full.reached
            assert [n > 0 for n in found.exercised] == [n > 0 for n in full.exercised]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(PROGRAMS)
def test_random_programs(program: Program) -> None:
    """Any program, also of actors that are alike, or have little to do with each other."""
    assert_all_find_the_same(program)


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_handwritten_programs(name: str) -> None:
    """Every program by hand."""
    assert_all_find_the_same(HANDWRITTEN[name])
