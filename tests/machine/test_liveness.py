"""Loops without progress, with both engines: which there are, and which run shows one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from shootdown.machine.liveness.lasso import CutShort
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.native.space import NativeSpace, look_for_native_loops
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, Limits, Liveness, SearchResult
from shootdown.machine.search import search
from shootdown.program.operation import Patience
from shootdown.program.program import Program

from . import lassos, programs
from .generate import programs as random_programs

LIMITS = Limits(states=1500)
ENGINES = pytest.mark.parametrize("engine", ["python", "native"])
EVERY_STATE = replace(Reductions.none(), dead_variables=True)
"""the reductions that looking for loops allows"""
BOTH = pytest.mark.parametrize("liveness", list(Liveness))


def judge(
    program: Program, liveness: Liveness = Liveness.SYSTEM, engine: Engine = "native"
) -> SearchResult:
    """Without what an engine may differ in."""
    found = search(program, LIMITS, engine, liveness=liveness)
    same = replace(found, seconds=0.0, memory=0, engine="native")
    return replace(same, reached=frozenset(), exercised=()) if found.cut else same


def shape(found: SearchResult) -> tuple[str, str | None, list[int], list[int]]:
    """Verdict, rule, and who moves on the stem and in the loop."""
    actors, loop = [step.actor for step in found.path], found.loop or 0
    return found.verdict, found.rule, actors[:loop], actors[loop:]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
@BOTH
def test_engines_agree(liveness: Liveness, program: Program) -> None:
    """Verdict, rule, stem and loop do not depend on the engine, and a lasso is one."""
    found = judge(program, liveness)
    assert found == judge(program, liveness, "python")
    if found.loop is not None:
        lassos.assert_is_lasso(program, found)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs())
@BOTH
def test_dead_registers_do_not_matter(liveness: Liveness, program: Program) -> None:
    """States that differ in dead registers only have the same loops."""
    lean = search(program, LIMITS, liveness=liveness)
    full = search(program, LIMITS, reductions=Reductions(dead_variables=False), liveness=liveness)
    if lean.cut is None and full.cut is None:
        assert (full.verdict, full.rule, full.starved) == (lean.verdict, lean.rule, lean.starved)


@ENGINES
def test_going_round_is_fine_if_something_gets_done(engine: Engine) -> None:
    """A loop is wrong only without progress."""
    assert shape(judge(lassos.spinner(True), engine=engine)) == ("holds", None, [], [])
    found = judge(lassos.spinner(False), engine=engine)
    assert shape(found) == ("violated", "no-progress", [], [0])


@ENGINES
def test_who_can_always_go_on_does(engine: Engine) -> None:
    """Polling ends because the other cannot be held up for ever, unless it may rest."""
    for patience in (Patience.MUST, Patience.IDLE):
        assert judge(lassos.polling(patience), engine=engine).verdict == "holds"
    found = judge(lassos.polling(Patience.REST), engine=engine)
    assert shape(found) == ("violated", "no-progress", [], [0])


@ENGINES
def test_locks_are_given_to_those_who_wait(engine: Engine) -> None:
    """Who waits for a lock that is free again and again gets it; a flag can be missed for ever."""
    assert judge(lassos.window(lock=True), engine=engine).verdict == "holds"
    found = judge(lassos.window(lock=False), engine=engine)
    assert shape(found) == ("violated", "no-progress", [], [0, 0])


@ENGINES
def test_a_lock_that_is_kept_is_waited_for(engine: Engine) -> None:
    """The loop lies where the lock is never free, although the owner could come out."""
    found = judge(lassos.staying_inside(), engine=engine)
    assert shape(found) == ("violated", "no-progress", [0], [0])
    asked_of_each = judge(lassos.staying_inside(), Liveness.EACH, engine)
    assert shape(asked_of_each) == shape(found)


@ENGINES
def test_one_can_starve_while_others_get_things_done(engine: Engine) -> None:
    """Somebody always enters Peterson's section; in a lock by test and set, not everybody."""
    lock = programs.lock_by_test_and_set()
    assert judge(lock, engine=engine).verdict == "holds"
    found = judge(lock, Liveness.EACH, engine)
    assert (found.verdict, found.rule, found.starved) == ("violated", "starvation", 0)
    lassos.assert_is_lasso(lock, found)


def test_a_search_that_was_cut_says_nothing() -> None:
    """Loops are only looked at in the whole state space."""
    found = search(programs.peterson(), Limits(states=20), liveness=Liveness.SYSTEM)
    assert (found.verdict, found.cut, found.liveness) == ("undecided", "states", None)


@ENGINES
def test_a_broken_rule_comes_first(engine: Engine) -> None:
    """A run that breaks a rule is shorter than any that goes on for ever."""
    found = search(programs.peterson(broken=True), engine=engine, liveness=Liveness.SYSTEM)
    assert (found.rule, found.loop, found.liveness) == ("alone", None, None)


@ENGINES
def test_no_room_for_the_graph(engine: Engine) -> None:
    """Where the search fits into memory and the graph does not, nothing is decided."""
    program = programs.big(2, 2, 4)
    plain = search(program, engine=engine, reductions=EVERY_STATE)
    limits = Limits(memory=plain.memory + 1000)
    found = search(program, limits, engine, liveness=Liveness.SYSTEM)
    assert (plain.verdict, found.verdict, found.cut) == ("holds", "undecided", "memory")
    assert found.reason is not None
    assert "loops" in found.reason


def test_no_time_for_the_graph() -> None:
    """The limit on time is one for the search and the loops together."""
    program = lassos.spinner(True)
    with NativeSearch(program, Limits()) as native:
        found = native.run()
        native.limits = Limits(seconds=0.0)
        late = look_for_native_loops(native, found, Liveness.SYSTEM, None)
    assert (late.verdict, late.cut) == ("undecided", "seconds")


def test_a_lost_state_is_noticed() -> None:
    """A graph with other steps than the search had is no ground for a verdict."""
    with NativeSearch(programs.peterson(), Limits()) as native:
        found = native.run()
        for wrong in (-1, 1):
            space = NativeSpace(native, found.transitions + wrong, None)
            with space, pytest.raises((AssertionError, CutShort)):
                space.record(lambda states: None)


@BOTH
def test_many_threads_find_the_same(liveness: Liveness) -> None:
    """The search may be shared; its states have the same numbers, so the lasso is the same."""
    program = programs.big(2, 2, 4)
    alone = search(program, liveness=liveness)
    shared = search(program, liveness=liveness, workers=3)
    assert replace(shared, seconds=0.0, memory=0) == replace(alone, seconds=0.0, memory=0)
