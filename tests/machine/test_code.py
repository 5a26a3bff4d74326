"""How code is made, and what is remembered, decides how long a search takes and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from shootdown.machine import interpreter
from shootdown.machine.native import jit, space
from shootdown.machine.native import search as native
from shootdown.machine.result import Engine, Limits, Liveness, SearchResult
from shootdown.machine.search import search
from shootdown.program.program import Program

from . import lassos, programs
from .generate import programs as random_programs

LIMITS = Limits(states=600)


def found(program: Program, engine: Engine = "native", **options: Liveness) -> SearchResult:
    """Without what it cost."""
    result = search(program, LIMITS, engine, **options)  # type: ignore[arg-type]
    return replace(result, seconds=0.0, memory=0)


def test_the_same_program_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is kept, and another program gets other code."""
    made: list[str] = []
    monkeypatch.setattr(jit, "make_quick_object", _watched(made))
    jit.quick_code.cache_clear()
    first = found(programs.peterson())
    assert found(programs.peterson()) == first
    assert len(made) == 1
    assert found(programs.peterson(broken=True)).verdict == "violated"
    assert len(made) == 2


def _watched(made: list[str]) -> object:
    make = jit.make_quick_object

    def watch(ir: str) -> bytes:
        made.append(ir)
        return make(ir)

    return watch


@pytest.mark.parametrize("program", [programs.big(2, 2, 4), programs.peterson(broken=True)])
def test_better_code_finds_the_same(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that goes on with code made the long way ends as one that does not."""
    quick = found(program)
    made: list[str] = []
    full = native.MachineCode
    monkeypatch.setattr(native, "MachineCode", lambda ir: made.append(ir) or full(ir))
    monkeypatch.setattr(native, "QUICK_SECONDS", -1)
    monkeypatch.setattr(native, "FIRST_BUDGET", 1)
    assert found(program) == quick
    assert len(made) == 1


@pytest.mark.parametrize("useful", [True, False])
def test_loops_are_the_same_with_better_code(useful: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording steps in either code gives the same graph."""
    quick = found(lassos.spinner(useful), liveness=Liveness.SYSTEM)
    monkeypatch.setattr(space, "QUICK_STATES", 0)
    assert found(lassos.spinner(useful), liveness=Liveness.SYSTEM) == quick
    assert quick.verdict == ("holds" if useful else "violated")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
def test_what_the_interpreter_remembers_does_not_matter(program: Program) -> None:
    """Forms and steps worked out anew each time are the same."""
    with_memory = found(program, "python")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter, "REMEMBERED", 0)
        assert found(program, "python") == with_memory
