"""Loops without progress, with both engines: which there are, and which run shows one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from shootdown.machine.result import Engine, Limits, Liveness, SearchResult
from shootdown.machine.search import search
from shootdown.program.program import Program

from .generate import programs as random_programs

LIMITS = Limits(states=1500)
BOTH = pytest.mark.parametrize("liveness", list(Liveness))


def judge(program: Program, liveness: Liveness, engine: Engine = "native") -> SearchResult:
    """Without what an engine may differ in."""
    found = search(program, LIMITS, engine, liveness=liveness)
    same = replace(found, seconds=0.0, memory=0, engine="native")
    return replace(same, reached=frozenset(), exercised=()) if found.cut else same


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
@BOTH
def test_engines_agree(liveness: Liveness, program: Program) -> None:
    """Verdict, rule, stem and loop do not depend on the engine."""
    assert judge(program, liveness) == judge(program, liveness, "python")
