"""A counterexample step by step.

The search knows only who moved and what was chosen. Running those steps again in the reference
interpreter gives the states in between, and comparing neighbours gives what changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shootdown.machine.interpreter import Interpreter, Outcome, Words
from shootdown.machine.result import DEADLOCK, SearchResult, StepTaken
from shootdown.machine.trace import Trace, trace_step
from shootdown.program.operation import Choose, Patience, Point
from shootdown.program.program import Program
from shootdown.program.where import Where
from shootdown.scenarios.hindsight import find_reads, find_unchanged, held_values, show_value
from shootdown.scenarios.lasso import remarks, sentence_of, who_stands_by
from shootdown.scenarios.relevance import relevant_steps
from shootdown.scenarios.verdict import Change, Counterexample, SourceLine, Step
from shootdown.scenarios.waiting import Ledger, who_waits

SHIPPED = "shootdown/"
HARDWARE = "shootdown/devices/"


def explain_path(program: Program, result: SearchResult) -> Counterexample:
    """The counterexample of a violated search, in words."""
    interpreter = Interpreter(program)
    words = interpreter.initial_states()[result.start]
    start = tuple(_describe_start(interpreter, words))
    steps, traces, before, broken = [], [], words, None
    passed: list[Words] = []
    for taken in result.path:
        before = words
        passed.append(words)
        outcome = interpreter.step(words, taken.actor, taken.choices)
        traces.append(trace_step(interpreter, words, taken.actor, outcome.choices))
        steps.append(_step(interpreter, words, outcome, traces[-1]))
        words, broken = outcome.words, outcome
    if result.rule == DEADLOCK:
        stopped = _stopped(interpreter, words)
        steps = _mark(steps, relevant_steps(program, traces, stopped))
        held = tuple(who_waits(Ledger(interpreter, traces), words))
        return Counterexample(DEADLOCK, "nobody waits for ever", start, tuple(steps), held)
    if result.loop is not None:
        states = passed[result.loop :]
        return _explain_lasso(
            interpreter, result, start=start, steps=steps, traces=traces, states=states
        )
    steps = _mark(steps, relevant_steps(program, traces))
    assert broken is not None and broken.broken is not None
    actor = result.path[-1].actor
    rule = program.rules[broken.broken]  # assertions share a name, and have sentences of their own
    place = _broken_at(program.actors[actor].code[broken.reached[-1]].where, steps[-1])
    held = held_values(interpreter, before, actor)
    return Counterexample(rule.name, rule.sentence, start, tuple(steps), held, place)


def _explain_lasso(
    interpreter: Interpreter,
    result: SearchResult,
    *,
    start: tuple[Change, ...],
    steps: list[Step],
    traces: Sequence[Trace],
    states: Sequence[Words],
) -> Counterexample:
    """A run whose last steps, from `states` on, go on for ever."""
    program, loop = interpreter.program, result.loop
    assert loop is not None and result.rule is not None
    stopped = _stopped(interpreter, states[0])
    ends = range(loop, len(traces) + len(stopped))
    steps = _mark(steps, relevant_steps(program, traces, stopped, ends))
    held = (*who_stands_by(interpreter, traces, states), *remarks(program))
    sentence = sentence_of(program, result)
    return Counterexample(result.rule, sentence, start, tuple(steps), held, loop=loop)


def explain_meeting(
    program: Program, path: Sequence[StepTaken], start: int, actors: Sequence[int]
) -> tuple[tuple[Change, ...], tuple[Step, ...]]:
    """The start and the steps of a run that brings some actors to their next accesses."""
    interpreter = Interpreter(program)
    words = interpreter.initial_states()[start]
    begin = tuple(_describe_start(interpreter, words))
    steps, traces = [], []
    for taken in path:
        outcome = interpreter.step(words, taken.actor, taken.choices)
        traces.append(trace_step(interpreter, words, taken.actor, outcome.choices))
        steps.append(_step(interpreter, words, outcome, traces[-1]))
        words = outcome.words
    ahead = [
        trace_step(interpreter, words, actor, outcome.choices)
        for actor in actors
        for outcome in interpreter.attempts(words, actor)
    ]
    return begin, tuple(_mark(steps, relevant_steps(program, traces, ahead)))


def _broken_at(where: Where, last: Step) -> SourceLine | None:
    """A step may go on for some lines; what it broke at its end is not always where it began. If
    that is in a method of ours, the line that called it is named."""
    place = next((place for place in where.chain if not place.file.startswith(SHIPPED)), None)
    if place is None or (place.file, place.line) == (last.file, last.line):
        return None
    return SourceLine(place.file, place.line, place.text.strip())


def _mark(steps: list[Step], relevant: frozenset[int]) -> list[Step]:
    """The steps, each saying whether it matters."""
    return [replace(step, relevant=number in relevant) for number, step in enumerate(steps)]


def _stopped(interpreter: Interpreter, words: Words) -> list[Trace]:
    """Every step that cannot be taken, up to where it is stopped."""
    return [
        trace_step(interpreter, words, actor, outcome.choices)
        for actor in range(len(interpreter.program.actors))
        for outcome in interpreter.attempts(words, actor)
        if not outcome.enabled
    ]


def _step(interpreter: Interpreter, words: Words, outcome: Outcome, trace: Trace) -> Step:
    program, actor = interpreter.program, trace.actor
    point = interpreter.point(words, actor)
    assert point is not None
    place = place_of_step(point)
    return Step(
        program.actors[actor].name,
        place.file,
        place.line,
        place.column,
        place.function,
        place.text.strip(),
        tuple(_choices(program, actor, outcome)),
        find_reads(program, trace),
        tuple(_changes(interpreter, words, outcome.words)),
        find_unchanged(program, trace),
        taken=outcome.choices,
    )


def place_of_step(point: Point) -> Where:
    """The line a reader knows: inside a hardware model that is where its user called it.

    The same goes for an actor that may rest or waits for work: its caller says more.
    """
    place = point.where
    outside = next((w for w in place.chain if not w.file.startswith(HARDWARE)), None)
    if outside is not None:
        return outside
    if point.patience is not Patience.MUST and place.caller is not None:
        return place.caller
    return place


def _choices(program: Program, actor: int, outcome: Outcome) -> Iterator[str]:
    """`page = 1` for each choice; the name is what the source line assigns to."""
    code = program.actors[actor].code
    chosen = [code[index] for index in outcome.reached if isinstance(code[index], Choose)]
    for operation, digit in zip(chosen, outcome.choices, strict=False):
        name = operation.where.text.split("=")[0].strip()
        if name.isidentifier():
            yield f"{name} = {digit}"


def _changes(interpreter: Interpreter, before: Words, after: Words) -> Iterator[Change]:
    """Every variable that differs, ghosts left out."""
    old, new = interpreter.unpack(before), interpreter.unpack(after)
    for number, variable in enumerate(interpreter.program.variables):
        if variable.ghost:
            continue
        pairs = zip(old.variables[number], new.variables[number], strict=True)
        for index, (a, b) in enumerate(pairs):
            if a != b:
                yield Change(
                    variable.label(index), show_value(variable, a), show_value(variable, b)
                )


def _describe_start(interpreter: Interpreter, words: Words) -> Iterator[Change]:
    """What is not empty at the beginning."""
    view = interpreter.unpack(words)
    for variable, values in zip(interpreter.program.variables, view.variables, strict=True):
        for index, value in enumerate(values):
            if value and not variable.ghost:
                yield Change(variable.label(index), "", show_value(variable, value))
