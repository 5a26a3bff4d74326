"""Taking steps at once changes no verdict, finds the same rules and reaches the same operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shootdown.machine.interpreter import Interpreter
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import DEADLOCK, SearchResult
from shootdown.machine.search import PythonSearch
from shootdown.program import independence
from shootdown.program.footprints import Footprint
from shootdown.program.held import LockUse
from shootdown.program.independence import Independence, find_independence
from shootdown.program.kind import integer
from shootdown.program.known import know_deadlock, know_rules
from shootdown.program.operation import Mode, Patience
from shootdown.program.program import Program

from .generate import programs as random_programs
from .programs import LOCK, Code, Model, rwlock
from .test_engines import HANDWRITTEN, LIMITS
from .test_team import without_cost

QUIETLY = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))

MIXED = st.booleans().flatmap(lambda apart: random_programs(apart=apart))

Rules = frozenset[tuple[str, str]]


def searched(program: Program, table: Independence | None) -> SearchResult:
    """With the interpreter."""
    return PythonSearch(program, LIMITS, independence=table).run()


def past(program: Program, rules: Rules) -> Program:
    """Looking past rules found broken before, as `--all-rules` does."""
    looked = know_rules(program, rules)
    return know_deadlock(looked) if (DEADLOCK, "") in rules else looked


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that is found by looking past one rule after the other."""

    rules: Rules
    reached: frozenset[tuple[int, int]]
    exercised: tuple[bool, ...]


def everything(program: Program, reduce: bool) -> Found | None:
    """None if there are too many states."""
    rules: Rules = frozenset()
    while True:
        looked = past(program, rules)
        result = searched(looked, find_independence(looked) if reduce else None)
        if result.cut:
            return None
        if result.rule is None:
            exercised = tuple(times > 0 for times in result.exercised)
            return Found(rules, result.reached, exercised)
        found = next((r for r in program.rules if r.name == result.rule), None)
        assert runs_to(looked, result)
        rules |= {(found.name, found.sentence) if found else (DEADLOCK, "")}


def runs_to(program: Program, result: SearchResult) -> bool:
    """Whether the path of a result is a run of the program that ends as the result says."""
    interpreter = Interpreter(program)
    words = interpreter.initial_states()[result.start]
    broken = None
    for taken in result.path:
        assert broken is None
        outcome = interpreter.step(words, taken.actor, taken.choices)
        assert outcome.enabled
        words, broken = outcome.words, outcome.broken
    if result.rule == DEADLOCK:
        return interpreter.expand(words).deadlock
    return broken is not None and program.rules[broken].name == result.rule


def assert_engines_equal(program: Program) -> SearchResult:
    """Both engines take the same steps at once: the same states in the same order."""
    table = find_independence(program)
    plain = PythonSearch(program, LIMITS, independence=table)
    expected = plain.run()
    with NativeSearch(program, LIMITS, independence=table, workers=2, grain=1) as native:
        found = native.run()
        states = native.states_in_order()
    assert without_cost(found) == without_cost(expected)
    assert states == plain.states_in_order()
    return expected


@QUIETLY
@given(MIXED)
def test_engines_agree_on_random_programs(program: Program) -> None:
    """States, order, counts, path and coverage, also with two threads."""
    assert_engines_equal(program)


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_engines_agree_on_handwritten_programs(name: str) -> None:
    """The same on programs by hand; and never more states, never another verdict."""
    program = HANDWRITTEN[name]
    found, full = assert_engines_equal(program), searched(program, None)
    if full.cut is None:
        assert (found.verdict, found.rule) == (full.verdict, full.rule)
        assert found.states <= full.states


@QUIETLY
@given(MIXED)
def test_the_same_is_found_in_random_programs(program: Program) -> None:
    """The same rules can be broken, deadlock is one of them; what can be reached, is."""
    full = everything(program, reduce=False)
    if full is not None:
        assert everything(program, reduce=True) == full


@QUIETLY
@given(MIXED)
def test_paths_are_runs(program: Program) -> None:
    """What is found at the end of steps taken at once is shown as a run, and not a shorter one."""
    full, found = searched(program, None), searched(program, find_independence(program))
    if full.cut is None and full.rule is not None:
        assert found.rule is not None
        assert runs_to(program, found)
        assert len(found.path) >= len(full.path)


# --- by hand: what must be thought of, and what happens without it ------------------------------


def started(model: Model, name: str, daemon: bool = False) -> Code:
    """The code of an actor after a first step of no matter: a start is expanded in full."""
    own = model.variable(f"start of {name}")
    code = model.code(name, daemon)
    code.point()
    code.store(own, 1)
    return code


def busy_and_wrong() -> Program:
    """One turns for ever in state of its own; the other breaks a rule."""
    model = Model()
    own, other = model.variable("own", integer(0, 3)), model.variable("other")
    rule = model.rule("never")
    code = model.code("busy", daemon=True)
    value = code.register("value", integer(0, 7))
    code.label("again")
    code.point()
    code.load(value, own)
    code.binary(value, value, "+", 1)
    code.binary(value, value, "%", 4)
    code.store(own, value)
    code.jump("again")
    code = model.code("wrong")
    code.point()
    code.store(other, 1)
    code.point()
    code.check(0, rule)
    code.halt()
    return model.build()


def read_too_late() -> Program:
    """The second must read before the first writes for the rule to break."""
    model = Model()
    shared, rule = model.variable("shared"), model.rule("seen")
    code = started(model, "writer")
    code.point()
    code.store(shared, 1)
    code.halt()
    code = started(model, "reader")
    seen = code.register("seen")
    code.point()
    code.load(seen, shared)
    code.check(seen, rule)
    code.halt()
    return model.build()


def rest_and_wait() -> Program:
    """A device that may stop where it rests: whoever counts on its step waits for ever."""
    model = Model()
    own, flag = model.variable("own"), model.variable("flag")
    code = started(model, "device", daemon=True)
    code.label("again")
    code.point(Patience.REST)
    code.store(own, 1)
    code.point()
    code.store(flag, 1)
    code.jump("again")
    code = started(model, "task")
    seen = code.register("seen")
    code.point()
    code.load(seen, flag)
    code.guard(seen)
    code.halt()
    return model.build()


def woken_by_a_third() -> Program:
    """The first conflicts with the second only, who waits; the third wakes the second, who then
    overtakes the first."""
    model = Model()
    flag, shared = model.variable("flag"), model.variable("shared")
    rule = model.rule("seen")
    code = started(model, "first")
    code.point()
    code.store(shared, 1)
    code.halt()
    code = started(model, "second")
    seen = code.register("seen")
    code.point()
    code.load(seen, flag)
    code.guard(seen)
    code.point()
    code.load(seen, shared)
    code.check(seen, rule)
    code.halt()
    code = started(model, "third")
    code.point()
    code.store(flag, 1)
    code.halt()
    return model.build()


def stolen_lock() -> Program:
    """A lock given back by one who does not hold it protects nothing."""
    model = Model()
    lock, shared = model.variable("lock", LOCK), model.variable("shared")
    rule = model.rule("seen")
    code = started(model, "holder")
    code.point()
    code.acquire(lock)
    code.store(shared, 1)
    code.point()
    code.store(shared, 0)
    code.release(lock)
    code.halt()
    code = started(model, "thief")
    code.point()
    code.release(lock)
    code.halt()
    code = started(model, "reader")
    seen = code.register("seen")
    code.point()
    code.acquire(lock)
    code.load(seen, shared)
    code.binary(seen, seen, "==", 0)
    code.check(seen, rule)
    code.release(lock)
    code.halt()
    return model.build()


def one_reader_too_many() -> Program:
    """A lock with room for one reader: who comes second may find it full, and break a rule."""
    model = Model()
    lock, shared = model.variable("lock", rwlock(1, 2)), model.variable("shared")
    rule = model.rule("seen")
    code = started(model, "early")
    code.point()
    code.acquire(lock, Mode.READ)
    code.halt()
    code = started(model, "late")
    seen = code.register("seen")
    code.point()
    code.acquire(lock, Mode.READ)
    code.load(seen, shared)
    code.check(seen, rule)
    code.halt()
    return model.build()


Break = Callable[[pytest.MonkeyPatch], None]


def forget_reads(patch: pytest.MonkeyPatch) -> None:
    """Only writes conflict."""
    patch.setattr(Footprint, "conflicts", lambda a, b: bool(a.writes & b.writes))


def forget_rest(patch: pytest.MonkeyPatch) -> None:
    """An actor that may rest goes on at once."""
    patch.setattr(independence._Step, "is_plain", property(lambda step: not step.chooses))


def forget_wakes(patch: pytest.MonkeyPatch) -> None:
    """Who waits now waits for ever."""
    make = independence._Tables.make

    def made(tables: independence._Tables, wakes: bool) -> object:
        found = make(tables, wakes)
        if not wakes:
            return found
        return tuple(tuple(tuple((False,) * len(r) for r in t) for t in row) for row in found)

    patch.setattr(independence._Tables, "make", made)


def trust_every_lock(patch: pytest.MonkeyPatch) -> None:
    """Locks are always given back by their holders."""
    patch.setattr(LockUse, "_misused", lambda use: iter(()))


def always_room(patch: pytest.MonkeyPatch) -> None:
    """There is always room for one more reader."""
    patch.setattr(LockUse, "_never_full", lambda use, lock: True)


MISTAKES: dict[str, tuple[Callable[[], Program], Break]] = {
    "reads": (read_too_late, forget_reads),
    "rest": (rest_and_wait, forget_rest),
    "wakes": (woken_by_a_third, forget_wakes),
    "locks": (stolen_lock, trust_every_lock),
    "readers": (one_reader_too_many, always_room),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_must_be_thought_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of the condition is needed: without it the reduced search misses what breaks."""
    make, mistake = MISTAKES[name]
    program = make()
    full = everything(program, reduce=False)
    assert full is not None
    assert full.rules
    assert everything(program, reduce=True) == full
    mistake(monkeypatch)
    wrong = everything(program, reduce=True)
    assert wrong is not None
    assert wrong.rules < full.rules


def test_nobody_is_put_off_for_ever() -> None:
    """Steps that could go on at once for ever stop, and the others get their turn."""
    program = busy_and_wrong()
    assert find_independence(program) is not None
    result = assert_engines_equal(program)
    assert (result.verdict, result.rule) == ("violated", "never")
