"""The native engine is the interpreter, state for state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import Limits, SearchResult
from shootdown.machine.search import PythonSearch
from shootdown.program.layout import make_layout
from shootdown.program.program import Program

from . import programs
from .generate import programs as random_programs

LIMITS = Limits(states=1500)

HANDWRITTEN = {
    "peterson": programs.peterson(),
    "peterson broken": programs.peterson(broken=True),
    "opposite locks": programs.opposite_locks(),
    "readers and writer": programs.readers_and_writer(),
    "choices": programs.dependent_choices(),
    "counter": programs.wrapping_counter(),
    "too narrow": programs.wrapping_counter(2, limit=3),
    "guard": programs.guarded(),
    "no wake": programs.guarded(wakes=False),
    "starts": programs.several_starts(),
    "big": programs.big(2, 2, 4),
    "long array": programs.big(2, 1, 40),
}


def without_cost(result: SearchResult) -> SearchResult:
    """What both engines must agree on; after a cut the native one has looked a batch ahead."""
    same = replace(result, seconds=0.0, memory=0, engine="python")
    return replace(same, reached=frozenset(), exercised=()) if result.cut else same


def assert_equal(program: Program, keep_dead: bool = False) -> SearchResult:
    """Search with both engines and compare everything."""
    layout = make_layout(program, keep_dead)
    plain = PythonSearch(program, LIMITS, layout)
    expected = plain.run()
    with NativeSearch(program, LIMITS, layout) as native:
        found = native.run()
        states = native.packed_states()
    assert without_cost(found) == without_cost(expected)
    assert states == plain.packed_states()
    return expected


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_handwritten_programs_agree(name: str) -> None:
    """Both engines agree on every program written by hand."""
    assert_equal(HANDWRITTEN[name])


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
def test_random_programs_agree(program: Program) -> None:
    """Both engines agree on any well-formed program, in whichever form dead registers are kept."""
    lean = assert_equal(program)
    full = assert_equal(program, keep_dead=True)
    if lean.cut is None and full.cut is None:
        assert (full.verdict, full.rule, len(full.path)) == (
            lean.verdict,
            lean.rule,
            len(lean.path),
        )
        assert full.states >= lean.states


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_dead_registers_do_not_matter(name: str) -> None:
    """Keeping dead registers gives the same verdict and never fewer states."""
    program = HANDWRITTEN[name]
    lean, full = assert_equal(program), assert_equal(program, keep_dead=True)
    if lean.cut is None and full.cut is None:
        assert (full.verdict, full.rule, full.path) == (lean.verdict, lean.rule, lean.path)
        assert full.states >= lean.states
