"""Giving every way of a branch an operation of its own changes nothing but what can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from shootdown.machine import execution
from shootdown.machine.execution import Execution
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, Limits, SearchResult
from shootdown.machine.search import search
from shootdown.program.operation import Branch
from shootdown.program.program import Program
from shootdown.program.ways import Fork, split_branches
from shootdown.program.wellformed import check_program

from .generate import programs as random_programs
from .test_engines import HANDWRITTEN

LIMITS = Limits(states=800)


def search_watched(program: Program) -> tuple[SearchResult, set[tuple[int, int, bool]]]:
    """A search by the interpreter, and (actor, number of the branch, way) of all ways it took."""
    taken: set[tuple[int, int, bool]] = set()
    numbers = [
        {i: n for n, i in enumerate(i for i, op in enumerate(a.code) if isinstance(op, Branch))}
        for a in program.actors
    ]

    def watch(self: Execution, operation: Branch, index: int) -> int:
        taken.add((self.actor, numbers[self.actor][index], bool(self.value(operation.a))))
        return Execution._branch(self, operation, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(execution._EXECUTE, Branch, watch)
        return search(program, LIMITS, "python", reductions=Reductions.none()), taken


def ways_told(forks: tuple[Fork, ...], result: SearchResult) -> set[tuple[int, int, bool]]:
    """The same, from what was reached."""
    number = dict.fromkeys((fork.actor for fork in forks), 0)
    told = set()
    for fork in forks:
        for way, index in ((True, fork.true), (False, fork.false)):
            if (fork.actor, index) in result.reached:
                told.add((fork.actor, number[fork.actor], way))
        number[fork.actor] += 1
    return told


def plain(result: SearchResult) -> SearchResult:
    """What depends neither on the numbers of operations nor on how the search was made."""
    return replace(result, reached=frozenset(), seconds=0.0, memory=0, engine="python")


def assert_told(program: Program, engine: Engine) -> None:
    """Well formed, the same search, and exactly the ways that were taken."""
    files = {operation.where.file for actor in program.actors for operation in actor.code}
    split, forks = split_branches(program, files)
    check_program(split)
    expected, taken = search_watched(program)
    found = search(split, LIMITS, engine, reductions=Reductions.none())
    assert plain(found) == plain(expected)
    assert ways_told(forks, found) == taken


@pytest.mark.parametrize("engine", ["python", "native"])
@pytest.mark.parametrize("name", HANDWRITTEN)
def test_handwritten_programs(name: str, engine: Engine) -> None:
    """Verdict, counts and path stay; every way taken is told, and no other."""
    assert_told(HANDWRITTEN[name], engine)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
def test_random_programs(program: Program) -> None:
    """The same for any program, on both engines."""
    assert_told(program, "python")
    assert_told(program, "native")


def test_other_files_are_left_alone() -> None:
    """Only the branches that somebody asks about cost anything."""
    program = HANDWRITTEN["peterson"]
    assert split_branches(program, set()) == (program, ())
