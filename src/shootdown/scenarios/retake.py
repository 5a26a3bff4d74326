"""The steps of a saved run, taken exactly or by their lines of source.

Exactly: each saved step is one step of its actor. By lines: each stands for a line, and before it
its actor may take some steps that are new, while a line that is gone is left out. Either way the
steps are steps of the present program, so a rule that breaks is broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.result import DEADLOCK, StepTaken
from shootdown.machine.trace import trace_step
from shootdown.program.operation import Acquire
from shootdown.program.program import Program
from shootdown.scenarios.saved_run import SavedStep
from shootdown.scenarios.timeline import place_of_step

MOST_NEW = 12
"""steps of one actor in front of a line that it should come to"""


@dataclass(frozen=True, slots=True)
class Taken:
    """How far it went."""

    steps: tuple[StepTaken, ...]
    rule: str | None
    """what the last step, or standing still after it, breaks"""
    reason: str
    """why the next one cannot be taken, if there is a next one"""
    parted: int | None
    """the first saved step at another line of source, counted from 1"""


class _StoppedError(Exception):
    """A step cannot be taken; the text says why."""


def take_exactly(interpreter: Interpreter, words: Words, saved: Sequence[SavedStep]) -> Taken:
    """Every saved step, until one cannot be taken or a rule breaks."""
    steps: list[StepTaken] = []
    parted: int | None = None
    for number, step in enumerate(saved, 1):
        try:
            actor = _actor(interpreter.program, step)
            if parted is None and _line(interpreter, words, actor) not in ("", step.text):
                parted = number
            words, rule = _take(interpreter, words, actor, tuple(step.choices))
        except _StoppedError as stopped:
            return Taken(tuple(steps), None, str(stopped), parted)
        steps.append(StepTaken(actor, tuple(step.choices)))
        if rule is not None:
            return Taken(tuple(steps), rule, "", parted)
    return Taken(tuple(steps), _stuck(interpreter, words), "", parted)


def take_by_lines(interpreter: Interpreter, words: Words, saved: Sequence[SavedStep]) -> Taken:
    """To the line of every saved step, as far as its actor comes to it, and past it."""
    steps: list[StepTaken] = []
    rule: str | None = None
    for step in saved:
        try:
            actor = _actor(interpreter.program, step)
            words, new = _come_to(interpreter, words, actor, step.text)
            steps += new
            if _line(interpreter, words, actor) == step.text:
                words, rule = _take(interpreter, words, actor, tuple(step.choices))
                steps.append(StepTaken(actor, tuple(step.choices)))
        except _StoppedError:
            continue
        if rule is not None:
            break
    return Taken(tuple(steps), rule or _stuck(interpreter, words), "", None)


def _come_to(
    interpreter: Interpreter, words: Words, actor: int, line: str
) -> tuple[Words, list[StepTaken]]:
    """The steps of an actor, without choices, up to a line; none if it does not come there."""
    now, steps = words, list[StepTaken]()
    while _line(interpreter, now, actor) != line:
        try:
            now, rule = _take(interpreter, now, actor, ())
        except _StoppedError:
            return words, []
        steps.append(StepTaken(actor))
        if rule is not None or len(steps) > MOST_NEW:
            return words, []
    return now, steps


def _stuck(interpreter: Interpreter, words: Words) -> str | None:
    return DEADLOCK if interpreter.expand(words).deadlock else None


def _actor(program: Program, step: SavedStep) -> int:
    names = [actor.name for actor in program.actors]
    if step.actor not in names:
        raise _StoppedError(f"there is no {step.actor!r} any more, only {', '.join(names)}")
    return names.index(step.actor)


def _line(interpreter: Interpreter, words: Words, actor: int) -> str:
    """The line of source where an actor stands, as a step of a counterexample has it."""
    point = interpreter.point(words, actor)
    if point is None:
        return ""
    return place_of_step(point).text.strip()


def _take(
    interpreter: Interpreter, words: Words, actor: int, choices: tuple[int, ...]
) -> tuple[Words, str | None]:
    """The state after a step, and the rule that it breaks."""
    name = interpreter.program.actors[actor].name
    if interpreter.point(words, actor) is None:
        raise _StoppedError(f"{name} is done, and takes no step more")
    try:
        outcome = interpreter.step(words, actor, choices)
    except ValueError:
        raise _StoppedError(f"{name} has not as many ways to choose from as it had") from None
    if len(outcome.choices) != len(choices):
        counts = f"{len(choices)} times, now {len(outcome.choices)}"
        raise _StoppedError(f"{name} chose {counts}")
    if not outcome.enabled:
        raise _StoppedError(_say_blocked(interpreter, words, actor, choices))
    if outcome.broken is None:
        return outcome.words, None
    rule = interpreter.program.rules[outcome.broken]
    if rule.verdict == "widen":
        raise _StoppedError(f"{name} needs a larger machine than the run was found on: {rule.name}")
    return outcome.words, rule.name


def _say_blocked(
    interpreter: Interpreter, words: Words, actor: int, choices: tuple[int, ...]
) -> str:
    trace = trace_step(interpreter, words, actor, choices)
    row = interpreter.program.actors[actor]
    last = row.code[trace.operations[-1]]
    where = f"at {last.where.file}:{last.where.line}"
    if not isinstance(last, Acquire):
        return f"{row.name} waits for a condition {where}"
    lock = interpreter.program.variables[last.variable]
    held = lock.kind.show(interpreter.unpack(words).variables[last.variable][0])
    return f"{row.name} waits for {lock.name} ({held}) {where}"
