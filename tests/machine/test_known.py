"""Looking past rules that are known: exactly the runs in which they do not break."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import DEADLOCK, Limits, SearchResult
from shootdown.machine.search import PythonSearch, search
from shootdown.program.known import know_deadlock, know_rules
from shootdown.program.operation import Patience
from shootdown.program.program import Program

from . import programs
from .generate import programs as random_programs

LIMITS = Limits(states=1500)
QUIETLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

Ends = tuple[set[Words], set[str]]


def unbroken(program: Program, known: set[str]) -> Ends | None:
    """By brute force: the states that runs without a known violation reach, and the rules that the
    next step can break. None if there are too many states."""
    interpreter = Interpreter(program)
    found = dict.fromkeys(interpreter.initial_states())
    queue, broken = list(found), set()
    for words in queue:
        steps = [
            (actor, outcome)
            for actor in range(len(program.actors))
            for outcome in interpreter.attempts(words, actor)
            if outcome.enabled
        ]
        for _, outcome in steps:
            if outcome.broken is not None:
                broken.add(program.rules[outcome.broken].name)
            elif outcome.words not in found:
                found[outcome.words] = None
                queue.append(outcome.words)
        if _is_deadlock(interpreter, words, {actor for actor, _ in steps}):
            broken.add(DEADLOCK)
        if len(queue) > 1500:
            return None
    return set(queue), broken - known


def _is_deadlock(interpreter: Interpreter, words: Words, movers: set[int]) -> bool:
    points = [interpreter.point(words, a) for a in range(len(interpreter.program.actors))]
    patience = {a: point.patience for a, point in enumerate(points) if point is not None}
    goes_on = any(patience[actor] is not Patience.REST for actor in movers)
    must = any(p is Patience.MUST and a not in movers for a, p in patience.items())
    return must and not goes_on


def past(program: Program, known: set[str]) -> Program:
    rules = {(rule.name, rule.sentence) for rule in program.rules if rule.name in known}
    looked = know_rules(program, rules)
    return know_deadlock(looked) if DEADLOCK in known else looked


def search_both(program: Program) -> tuple[SearchResult, set[Words]]:
    """With both engines, which must agree."""
    plain = PythonSearch(program, LIMITS)
    expected = plain.run()
    with NativeSearch(program, LIMITS) as native:
        found = native.run()
        assert native.packed_states() == plain.packed_states()
    assert (found.verdict, found.rule, found.path) == (
        expected.verdict,
        expected.rule,
        expected.path,
    )
    assert found.transitions == expected.transitions
    if not found.cut:
        assert found.exercised == expected.exercised
    return expected, plain.packed_states()


@QUIETLY
@given(random_programs())
def test_one_search_for_each_rule_finds_every_rule(program: Program) -> None:
    """Looking past what was found, until nothing is: the rules found are those that brute force
    finds to be breakable before any known one breaks, and the last search saw all states."""
    known: set[str] = set()
    for _ in range(4):
        truth = unbroken(program, known)
        if truth is None:
            return
        result, states = search_both(past(program, known))
        if result.rule is None:
            assert (result.verdict, truth) == ("holds", (states, set()))
            return
        assert result.rule in truth[1]
        assert result.rule not in known
        known.add(result.rule)
    raise AssertionError("a program with two rules can break three things at most")


@QUIETLY
@given(random_programs())
def test_reductions_miss_no_rule(program: Program) -> None:
    """With all of them, a search past known rules finds another rule exactly if there is one."""
    known: set[str] = set()
    for _ in range(4):
        truth = unbroken(program, known)
        if truth is None:
            return
        result = search(past(program, known), LIMITS, "python", reductions=Reductions())
        assert (result.rule is not None) == bool(truth[1])
        if result.rule is None:
            assert result.verdict == "holds"
            return
        assert result.rule in truth[1]
        known.add(result.rule)


def test_a_step_that_leads_nowhere_is_no_deadlock() -> None:
    """Both processes of a broken Peterson break the rule when they enter last; nobody is stuck."""
    program = programs.peterson(broken=True)
    first, _ = search_both(program)
    assert first.verdict == "violated"
    result, _ = search_both(past(program, {first.rule or ""}))
    assert result.verdict == "holds"
    assert result.exercised[0] > 0


def test_a_known_deadlock() -> None:
    """Every state is seen, and the two who wait are left to wait."""
    program = programs.opposite_locks()
    first, _ = search_both(program)
    assert first.rule == DEADLOCK
    result, states = search_both(past(program, {DEADLOCK}))
    assert result.verdict == "holds"
    assert unbroken(program, {DEADLOCK}) == (states, set())
