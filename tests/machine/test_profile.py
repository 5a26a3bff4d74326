"""How often each operation is executed: exactly, by either engine, changing no search."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from shootdown.machine.profile import Profiler
from shootdown.machine.result import Engine, Limits
from shootdown.machine.search import search
from shootdown.program.operation import Point
from shootdown.program.program import Program

from . import programs
from .generate import programs as random_programs
from .test_engines import HANDWRITTEN

LIMITS = Limits(states=600)


def counted(program: Program, engine: Engine) -> Counter[tuple[int, int]]:
    """Operations executed from all states found."""
    profiler = Profiler()
    search(program, LIMITS, engine, after=profiler)
    return profiler.counts


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_engines_count_the_same(name: str) -> None:
    """Every operation of every program by hand."""
    program = HANDWRITTEN[name]
    assert counted(program, "native") == counted(program, "python")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
def test_engines_count_the_same_in_any_program(program: Program) -> None:
    """Steps that break a rule or do not happen are counted as far as they get."""
    assert counted(program, "native") == counted(program, "python")


def test_what_is_counted() -> None:
    """A step that leads somewhere is a transition; Peterson's every step does."""
    program = programs.peterson()
    found = search(program, after=Profiler())
    counts = counted(program, "native")
    points = {(a, i) for a, actor in enumerate(program.actors) for i in actor.points}
    assert sum(times for place, times in counts.items() if place in points) == found.transitions
    assert all(isinstance(program.actors[a].code[i], Point) for a, i in points)
    assert counts.keys() == found.reached
