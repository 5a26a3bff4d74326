"""Searching one of all states that are alike finds what searching all of them finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings

from shootdown.machine.canonical import exchanged, make_plan, plain_changes
from shootdown.machine.fingerprint import fingerprint
from shootdown.machine.interpreter import Interpreter, View, Words
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, Limits, SearchResult
from shootdown.machine.search import PythonSearch, search
from shootdown.program import renaming as renamings
from shootdown.program.kind import FLAG, Family, Kind, integer
from shootdown.program.layout import Layout, make_layout
from shootdown.program.listing import list_program
from shootdown.program.operation import Patience
from shootdown.program.program import Program
from shootdown.program.renaming import Renaming, apply
from shootdown.program.symmetry import find_families
from shootdown.program.where import NOWHERE

from . import programs
from .programs import Model
from .test_engines import without_cost
from .twins import spoilt, twins

LIMITS = Limits(states=2000)
SYMMETRY = replace(Reductions.none(), dead_variables=True, symmetry=True)
EVERY_STATE = replace(Reductions.none(), dead_variables=True)
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def renamed(renaming: Renaming, view: View) -> View:
    """A state after renaming, found without bits."""
    variables = [list(row) for row in view.variables]
    for number, row in enumerate(view.variables):
        for index, value in enumerate(row):
            variable, image = renaming.elements[number][index]
            variables[variable][image] = apply(renaming.values[number][index], value)
    actors = list(view.actors)
    for number, actor in enumerate(view.actors):
        maps = renaming.registers[number]
        registers = tuple((r, apply(maps[r], value)) for r, value in actor.registers)
        actors[renaming.actors[number]] = replace(actor, registers=registers)
    return View(tuple(map(tuple, variables)), tuple(actors))


def all_states(program: Program, layout: Layout) -> list[Words] | None:
    """Every state, also behind a broken rule's neighbours; None if there are too many."""
    interpreter = Interpreter(program, layout)
    found = dict.fromkeys(interpreter.initial_states())
    work = list(found)
    for words in work:
        for actor in range(len(program.actors)):
            for outcome in interpreter.attempts(words, actor):
                if outcome.enabled and outcome.broken is None and outcome.words not in found:
                    found[outcome.words] = None
                    work.append(outcome.words)
        if len(work) > 1500:
            return None
    return work


def steps(
    interpreter: Interpreter, words: Words, actor: int
) -> list[tuple[bool, int | None, Words]]:
    """Everything an actor can do in a state, in an order of its own."""
    rows = (
        (o.enabled, o.broken, o.words if o.enabled and o.broken is None else ())
        for o in interpreter.attempts(words, actor)
    )
    return sorted(rows, key=repr)


def assert_changes_nothing(program: Program, keep_dead: bool = False) -> int:
    """Renaming commutes with every step of every reachable state; how many renamings there are."""
    layout = make_layout(program, keep_dead)
    families = find_families(program)
    plan = make_plan(program, layout, families)
    if plan is None:
        return 0
    interpreter = Interpreter(program, layout)
    rows = [renaming for family in families for renaming in family.exchanges]
    states = all_states(program, layout)
    if states is None:
        reject()
    for renaming, exchange in zip(rows, plan.exchanges, strict=True):
        for words in states:
            image = exchanged(exchange, words)
            assert interpreter.unpack(image) == renamed(renaming, interpreter.unpack(words))
            for actor, twin in enumerate(renaming.actors):
                here = [
                    (enabled, broken, exchanged(exchange, after) if after else ())
                    for enabled, broken, after in steps(interpreter, words, actor)
                ]
                assert sorted(here, key=repr) == steps(interpreter, image, twin)
    return len(rows)


def arrangements(program: Program) -> Iterator[list[Renaming]]:
    """Exchanges that lead to every permutation of every family, found by bubble sort."""
    families = find_families(program)

    def of(number: int) -> Iterator[list[Renaming]]:
        if number == len(families):
            yield []
            return
        family = families[number]
        for order in permutations(range(family.size)):
            row, swaps = list(order), []
            for _ in row:
                for place in range(len(row) - 1):
                    if row[place] > row[place + 1]:
                        row[place], row[place + 1] = row[place + 1], row[place]
                        swaps.append(family.exchanges[place])
            for rest in of(number + 1):
                yield swaps + rest

    return of(0)


def count_orbits(program: Program) -> int:
    """How many states there are if those that are alike count once; by trying everything."""
    plain = PythonSearch(program, Limits())
    plain.run()
    ways = list(arrangements(program))
    forms = set()
    for words in plain.packed_states():
        view = plain.interpreter.unpack(words)
        images = []
        for swaps in ways:
            image = view
            for renaming in swaps:
                image = renamed(renaming, image)
            images.append(repr(image))
        forms.add(min(images))
    return len(forms)


def assert_same_answer(program: Program) -> tuple[SearchResult, SearchResult]:
    """With and without symmetry: same verdict, as many steps, a run that happens, same lines."""
    reduced, full = (
        search(program, LIMITS, "native", reductions=r) for r in (SYMMETRY, EVERY_STATE)
    )
    assume(full.cut is None)
    assert reduced.states <= full.states
    assert (reduced.verdict, len(reduced.path)) == (full.verdict, len(full.path))
    if full.verdict == "holds":
        assert reduced.depth <= full.depth
        assert lines(program, reduced) == lines(program, full)
        assert [n > 0 for n in reduced.exercised] == [n > 0 for n in full.exercised]
    else:
        assert_happens(program, reduced)
    return reduced, full


def lines(program: Program, result: SearchResult) -> set[tuple[int, int]]:
    """What was reached; threads that are alike run the same lines."""
    first = list(range(len(program.actors)))
    for family in find_families(program):
        for row in zip(*family.columns, strict=True):
            first = [row[0] if actor in row else actor for actor in first]
    return {(first[actor], index) for actor, index in result.reached}


def assert_happens(program: Program, result: SearchResult) -> None:
    """The path is a run of the program that ends as the result says."""
    interpreter = Interpreter(program)
    words = interpreter.initial_states()[result.start]
    broken = None
    for step in result.path:
        outcome = interpreter.step(words, step.actor, step.choices)
        assert outcome.enabled
        assert broken is None
        words, broken = outcome.words, outcome.broken
    if result.rule == "deadlock":
        assert interpreter.expand(words).deadlock
    else:
        assert broken is not None
        assert program.rules[broken].name == result.rule


@SETTINGS
@given(twins())
def test_what_is_alike_is_found_and_changes_nothing(program: Program) -> None:
    """Threads with the same code are found to be alike, and exchanging them commutes with steps."""
    assert assert_changes_nothing(program) == len(program.actors) - 1
    assert_changes_nothing(program, keep_dead=True)


@SETTINGS
@given(spoilt())
def test_what_is_not_alike_is_left_alone(program: Program) -> None:
    """Whatever is still exchanged after one thread was changed commutes with steps."""
    assert_changes_nothing(program)


@SETTINGS
@given(twins())
def test_the_answer_is_that_of_the_full_search(program: Program) -> None:
    """Verdict, length of the counterexample, depth, coverage; and each orbit is one state."""
    reduced, full = assert_same_answer(program)
    if full.verdict == "holds" and full.states <= 800:
        assert reduced.states == count_orbits(program)


@SETTINGS
@given(spoilt())
def test_the_answer_of_spoilt_programs_is_that_of_the_full_search(program: Program) -> None:
    """The same where only some threads, or none, are alike."""
    assert_same_answer(program)


@SETTINGS
@given(twins())
def test_engines_agree_on_forms(program: Program) -> None:
    """Both engines keep the same forms in the same order, and end with the same run."""
    layout = make_layout(program)
    plan = make_plan(program, layout, find_families(program))
    plain = PythonSearch(program, LIMITS, layout, plan)
    expected = plain.run()
    with NativeSearch(program, LIMITS, layout, plan) as native:
        found = native.run()
        states = [tuple(row) for row in native.rows().tolist()]
    assert without_cost(found) == without_cost(expected)
    assert states == plain.states_in_order()


def shared_counter(threads: int) -> Program:
    """Threads that each add one to a number, in two steps; an array that outgrows a word."""
    model = Model()
    number = model.variable("number", integer(0, threads))
    seen = model.variable("seen", integer(0, threads), 40)
    for me in range(threads):
        code = model.code(f"thread{me}")
        value = code.register("value", integer(0, threads + 1))
        code.point()
        code.load(value, number)
        code.point()
        code.binary(value, value, "+", 1)
        code.store(number, value)
        code.store(seen, value, me)
        code.halt()
    return model.build()


@pytest.mark.parametrize(("threads", "states"), [(2, 8), (3, 22), (4, 63), (5, 184), (6, 539)])
@pytest.mark.parametrize("engine", ["native", "python"])
def test_counts(threads: int, states: int, engine: Engine) -> None:
    """Orbits, exactly, up to six threads; they are those found by trying everything."""
    program = shared_counter(threads)
    found = search(program, engine=engine, reductions=SYMMETRY)
    if threads < 5:
        assert count_orbits(program) == found.states
    assert (found.verdict, found.states) == ("holds", states)


def test_many_threads() -> None:
    """Seven threads are only sorted: more states than orbits, fewer than without, same answer."""
    program = shared_counter(7)
    native, plain = (
        search(program, engine=engine, reductions=SYMMETRY) for engine in ("native", "python")
    )
    assert without_cost(native) == without_cost(plain)
    assert native.verdict == "holds"
    assert native.depth == 14


def workers_of_devices() -> Program:
    """Two devices that each have a worker, and two tasks: three kinds of actors, two families."""
    model = Model()
    requested = model.variable("requested", FLAG, 2)
    total = model.variable("total", integer(0, 3))
    lock = model.variable("lock", Kind(Family.LOCK, 0, 6))
    for me in range(2):
        code = model.code(f"device{me}")
        code.point()
        code.store(requested, 1, me)
        code.halt()
    for me in range(2):
        code = model.code(f"worker{me}")
        asked = code.register("asked")
        code.point()
        code.load(asked, requested, me)
        code.guard(asked)
        code.store(requested, 0, me)
        code.halt()
    for me in range(2):
        code = model.code(f"task{me}")
        value = code.register("value", integer(0, 4))
        code.point()
        code.acquire(lock)
        code.load(value, total)
        code.point()
        code.binary(value, value, "+", 1)
        code.store(total, value)
        code.release(lock)
        code.halt()
    return model.build()


def test_actors_that_belong_together_move_together() -> None:
    """A device changes places with its worker; tasks do so by themselves."""
    program = workers_of_devices()
    names = [
        [[program.actors[actor].name for actor in column] for column in family.columns]
        for family in find_families(program)
    ]
    assert names == [[["task0"], ["task1"]], [["device0", "worker0"], ["device1", "worker1"]]]
    listed = [line for line in list_program(program) if line.startswith("alike: ")]
    assert listed == ["alike: task0, task1", "alike: device0 + worker0, device1 + worker1"]
    assert assert_changes_nothing(program) == 2
    found = search(program, reductions=SYMMETRY)
    assert found.states == count_orbits(program)


def test_the_walk_meets_every_arrangement() -> None:
    """Exchanges of neighbours, one after the other, give each permutation once."""
    for size in range(1, 7):
        row = list(range(size))
        met = {tuple(row)}
        for place in plain_changes(size):
            row[place], row[place + 1] = row[place + 1], row[place]
            met.add(tuple(row))
        count = len([*plain_changes(size)]) + 1
        assert len(met) == count == len([*permutations(range(size))])


def test_a_wrong_renaming_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the check of renamings let everything pass, these tests would see it."""
    model = Model()
    shared = model.variable("shared", integer(0, 2))
    for value in (1, 2):
        code = model.code(f"thread{value}")
        code.point()
        code.store(shared, value)
        code.point()
        code.binary(code.register("sum", integer(0, 9)), value, "+", 1)
        code.store(shared, 0 if value == 1 else 1)
        code.halt()
    program = model.build()
    assert find_families(program) == ()
    plain = Renaming((1, 0), (((0, 0),),), (((),),), ((), ((),)))
    plain = replace(plain, registers=tuple(((),) * len(a.registers) for a in program.actors))
    assert not renamings.is_automorphism(program, plain)
    monkeypatch.setattr("shootdown.program.symmetry.is_automorphism", lambda *_: True)
    monkeypatch.setattr("shootdown.program.symmetry.guess_renaming", lambda *_: plain)
    with pytest.raises(AssertionError):
        assert_changes_nothing(program)


def test_lines_of_their_own_need_starts_of_their_own() -> None:
    """Who is alike in everything but place and start is kept apart, so that no line is taken for
    reached because another was; with a start for each of them both are reached, and both count."""
    model = Model()
    open_ = model.variable("open", FLAG, 2)
    for me in range(2):
        code = model.code(f"thread{me}")
        seen = code.register("seen")
        code.point(Patience.IDLE)
        code.load(seen, open_, me)
        code.guard(seen)
        code.halt()
    model.initials = (((open_, 0, 1),),)
    here = model.build()
    first, second = here.actors
    moved = tuple(replace(o, where=replace(NOWHERE, line=9)) for o in second.code)
    there = replace(here, actors=(first, replace(second, code=moved)))
    both = replace(there, initials=(*here.initials, ((open_, 1, 1),)))
    assert [len(find_families(program)) for program in (here, there, both)] == [1, 0, 1]
    reached = [search(program, reductions=SYMMETRY).reached for program in (there, both)]
    assert reached == [search(p, reductions=EVERY_STATE).reached for p in (there, both)]
    assert search(both, reductions=SYMMETRY).states == 2


def test_a_loop_in_a_fixed_order_tells_actors_apart() -> None:
    """Who waits for thread 0 and then for thread 1 does not treat them alike."""
    model = Model()
    done = model.variable("done", FLAG, 2)
    for me in range(2):
        code = model.code(f"thread{me}")
        code.point()
        code.store(done, 1, me)
        code.halt()
    code = model.code("waiter")
    seen = code.register("seen")
    for who in range(2):
        code.point()
        code.load(seen, done, who)
        code.guard(seen)
    code.halt()
    assert find_families(model.build()) == ()


def test_checkpoints_know_what_was_kept(tmp_path: Path) -> None:
    """A checkpoint of forms is not one of states."""
    program = programs.peterson()
    layout = make_layout(program)
    plan = make_plan(program, layout, find_families(program))
    assert plan is not None
    assert fingerprint(program, layout, plan) != fingerprint(program, layout)
