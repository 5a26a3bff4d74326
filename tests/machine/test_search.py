"""What a search finds on programs small enough to check by hand, exactly, with both engines."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shootdown.machine.interpreter import Interpreter
from shootdown.machine.result import Engine, Limits, Progress, SearchResult, StepTaken
from shootdown.program.operation import Patience

from . import programs
from .searching import search

ENGINES = pytest.mark.parametrize("engine", ["python", "native"])


def counts(result: SearchResult) -> tuple[int, int, int]:
    """The three numbers every engine must get right."""
    return result.states, result.transitions, result.depth


def path(*actors: int) -> tuple[StepTaken, ...]:
    """Steps without choices."""
    return tuple(StepTaken(actor) for actor in actors)


@ENGINES
def test_peterson_holds(engine: Engine) -> None:
    """Peterson's algorithm excludes, and the whole space is seen."""
    result = search(programs.peterson(), engine=engine)
    assert (result.verdict, result.rule, result.path) == ("holds", None, ())
    assert counts(result) == (58, 98, 12)


@ENGINES
def test_peterson_with_its_writes_swapped_breaks(engine: Engine) -> None:
    """Giving the turn before raising the flag lets both in, in nine steps."""
    result = search(programs.peterson(broken=True), engine=engine)
    assert (result.verdict, result.rule) == ("violated", "alone")
    assert result.path == path(0, 1, 1, 1, 0, 0, 0, 0, 1)
    assert counts(result) == (80, 129, 9)


@ENGINES
def test_opposite_locks_deadlock(engine: Engine) -> None:
    """Each holds what the other wants after one step of each."""
    result = search(programs.opposite_locks(), engine=engine)
    assert (result.verdict, result.rule) == ("violated", "deadlock")
    assert result.path == path(0, 1)
    assert counts(result) == (7, 7, 3)


@ENGINES
def test_readers_exclude_the_writer(engine: Engine) -> None:
    """What is read twice under a read lock does not change; a downgraded writer is a reader."""
    result = search(programs.readers_and_writer(), engine=engine)
    assert result.verdict == "holds"
    assert counts(result) == (52, 84, 10)


def test_choices_turn_like_an_odometer() -> None:
    """The last Choose is fastest, and its radix may depend on the ones before."""
    program = programs.dependent_choices()
    machine = Interpreter(program)
    (start,) = machine.initial_states()
    found = [
        (successor.step.choices, machine.unpack(successor.words).variables[0][0])
        for successor in machine.successors(start)
    ]
    assert found == [((0,), 0), ((1, 0), 10), ((1, 1), 11), ((1, 2), 12)]


@ENGINES
def test_every_choice_is_searched(engine: Engine) -> None:
    """Four ways through one step lead to four states."""
    assert counts(search(programs.dependent_choices(), engine=engine)) == (5, 4, 1)


@ENGINES
def test_a_counter_wraps(engine: Engine) -> None:
    """A counter of two bits has four values, for ever."""
    result = search(programs.wrapping_counter(2), engine=engine)
    assert result.verdict == "holds"
    assert counts(result) == (4, 4, 3)


@ENGINES
def test_a_counter_can_be_too_narrow(engine: Engine) -> None:
    """A rule with the verdict `widen` asks for another program, not for a counterexample."""
    result = search(programs.wrapping_counter(2, limit=3), engine=engine)
    assert (result.verdict, result.rule) == ("widen", "wide enough")
    assert counts(result) == (3, 3, 3)
    assert result.exercised == (3,)


@ENGINES
@pytest.mark.parametrize(
    ("patience", "wakes", "verdict"),
    [
        (Patience.MUST, True, "holds"),
        (Patience.MUST, False, "violated"),
        (Patience.IDLE, False, "holds"),
        (Patience.REST, False, "holds"),
    ],
)
def test_who_waits_for_ever(engine: Engine, patience: Patience, wakes: bool, verdict: str) -> None:
    """Only an actor that must go on makes a deadlock by staying."""
    assert search(programs.guarded(patience, wakes), engine=engine).verdict == verdict


@ENGINES
@pytest.mark.parametrize("resting", [True, False])
def test_rest_does_not_keep_others_alive(engine: Engine, resting: bool) -> None:
    """An actor that may stop for good is no hope for one that waits."""
    model = programs.Model()
    flag = model.variable("flag")
    waiter, spinner = model.code("waiter"), model.code("spinner", daemon=True)
    seen = waiter.register("seen")
    waiter.point()
    waiter.load(seen, flag)
    waiter.guard(seen)
    waiter.halt()
    spinner.label("again")
    spinner.point(Patience.REST if resting else Patience.IDLE)
    spinner.store(flag, 0)
    spinner.jump("again")
    result = search(model.build(), engine=engine)
    assert (result.verdict == "violated") is resting
    assert result.path == ()


@ENGINES
def test_starts_are_distinct_and_in_order(engine: Engine) -> None:
    """Equal starts count once; the counterexample names the start it begins at."""
    result = search(programs.several_starts(), engine=engine)
    assert (result.verdict, result.start, result.path) == ("violated", 2, path(0))
    assert counts(result) == (3, 2, 1)


@ENGINES
def test_reached_goes_up_to_what_failed(engine: Engine) -> None:
    """A guard that fails was reached; what stands behind it was not."""
    result = search(programs.guarded(wakes=False), engine=engine)
    assert result.reached == {(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)}


@ENGINES
def test_a_path_can_be_replayed(engine: Engine) -> None:
    """The steps of a counterexample, taken one by one, break the rule at the last."""
    program = programs.peterson(broken=True)
    result = search(program, engine=engine)
    machine = Interpreter(program)
    words = machine.initial_states()[result.start]
    broken = None
    for step in result.path:
        assert broken is None
        outcome = machine.step(words, step.actor, step.choices)
        assert outcome.enabled
        words, broken = outcome.words, outcome.broken
    assert broken is not None and program.rules[broken].name == result.rule
    assert machine.unpack(words).variables[2] == (2,)


@ENGINES
@pytest.mark.parametrize(
    ("limits", "cut"),
    [
        (Limits(states=500), "states"),
        (Limits(states=1), "states"),
        (Limits(states=0), "states"),
        (Limits(seconds=0.0), "seconds"),
        (Limits(memory=20_000), "memory"),
        (Limits(memory=0), "memory"),
    ],
)
def test_a_cut_search_is_undecided(engine: Engine, limits: Limits, cut: str) -> None:
    """Whatever stops a search early, it does not hold, and it says what stopped it."""
    result = search(programs.big(2, 2, 4), limits, engine)
    assert (result.verdict, result.cut, result.rule) == ("undecided", cut, None)
    assert result.reason
    if limits.states is not None:
        assert result.states == limits.states


@ENGINES
def test_the_exact_number_of_states_is_enough(engine: Engine) -> None:
    """A limit that is not exceeded does not cut."""
    result = search(programs.big(2, 2, 4), Limits(states=3633), engine)
    assert (result.verdict, result.cut, *counts(result)) == ("holds", None, 3633, 6774, 12)


def test_a_big_search_grows_its_table() -> None:
    """Several tables later the numbers are those of the interpreter (which takes a minute)."""
    told: list[Progress] = []
    result = search(programs.big(3, 2, 4), progress=told.append)
    assert result.verdict == "holds"
    assert counts(result) == (257096, 648649, 18)
    assert result.memory < 32 * result.states


def test_memory_is_cut_in_the_middle() -> None:
    """A limit on memory stops a big search where its next table would break it."""
    limit = 3 << 20
    result = search(programs.big(3, 2, 4), Limits(memory=limit))
    assert (result.verdict, result.cut) == ("undecided", "memory")
    assert result.states > 10_000
    assert result.memory <= limit


def test_progress_is_told() -> None:
    """A search that takes a while says where it stands, with growing numbers."""
    told: list[Progress] = []
    search(programs.big(3, 2, 6), Limits(seconds=1.5), "python", told.append)
    assert len(told) >= 2
    assert all(a.states <= b.states and a.depth <= b.depth for a, b in pairwise(told))
    assert all(a.memory <= b.memory for a, b in pairwise(told))
    assert all(p.rate > 0 for p in told[1:])
    assert all(p.memory < p.memory_limit and p.most_states > p.states for p in told)


def test_progress_tells_rate_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native engine, too, says how fast it is and what it uses."""
    monkeypatch.setattr("shootdown.machine.native.search.PROGRESS_SECONDS", 0.0)
    told: list[Progress] = []
    result = search(programs.big(3, 2, 4), progress=told.append)
    assert len(told) > 2
    assert all(0 < p.memory <= result.memory for p in told)
    assert all(p.rate >= 0 for p in told) and told[1].rate > 0
