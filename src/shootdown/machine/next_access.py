"""What an actor touches next, and whether others may touch it at the same time.

An actor stands at a point. If the point was set for an access, that access is what happens next, at
once and by itself. In any other step only what is *marked* counts (hardware, a wait): all of it
happens at once. Plain accesses further on in a step are private (`program.points`) and nobody else
can be near them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.trace import trace_step
from shootdown.program.layout import Field
from shootdown.program.operation import (
    Acquire,
    Load,
    Manner,
    Operation,
    Point,
    Store,
    targets,
)
from shootdown.program.program import Actor, Program


@dataclass(frozen=True, slots=True, order=True)
class Touch:
    """One access to one element, about to happen."""

    variable: int
    element: int
    actor: int
    index: int
    """of the operation in the actor's code"""
    write: bool
    marked: bool

    def races_with(self, other: Touch) -> bool:
        """Two accesses to one element, one of them a write, one of them plain."""
        return (
            (self.variable, self.element) == (other.variable, other.element)
            and (self.write or other.write)
            and not (self.marked and other.marked)
        )


def contested_variables(program: Program) -> frozenset[int]:
    """Variables that several actors touch, one of them to write, and not always marked."""
    actors: dict[int, set[int]] = {}
    written, plain = set(), set()
    for number, actor in enumerate(program.actors):
        for operation in filter(_is_access, actor.code):
            assert isinstance(operation, Load | Store)
            actors.setdefault(operation.variable, set()).add(number)
            if isinstance(operation, Store):
                written.add(operation.variable)
            if operation.manner is Manner.PLAIN:
                plain.add(operation.variable)
    several = {variable for variable, who in actors.items() if len(who) > 1}
    return frozenset(several & written & plain)


def step_operations(actor: Actor, point: int) -> Mapping[int, Operation]:
    """Everything that can be executed between a point and the next one, by index in the code."""
    found: dict[int, Operation] = {}
    work = list(targets(actor.code[point], point))
    while work:
        index = work.pop()
        operation = actor.code[index]
        if index in found or isinstance(operation, Point):
            continue
        found[index] = operation
        work += targets(operation, index)
    return found


def own_access(actor: Actor, point: int) -> int | None:
    """The index of the access that a point was set for."""
    operation = actor.code[point]
    if not isinstance(operation, Point) or operation.access is None:
        return None
    variable, index = operation.access.variable, point + 1
    while not isinstance(actor.code[index], Load | Store | Point):
        index += 1
    found = actor.code[index]
    is_it = isinstance(found, Load | Store) and found.variable == variable
    return index if is_it and _is_access(found) else None


def _is_access(operation: Operation) -> bool:
    """Whether the system, not a rule, touches shared state here."""
    return isinstance(operation, Load | Store) and operation.manner is not Manner.RULE


@dataclass(frozen=True, slots=True)
class Stop:
    """A point at which an actor is about to touch something contested."""

    actor: int
    pc: int
    own: int | None
    accesses: frozenset[int]
    """indexes of the operations that count"""
    fields: tuple[Field, ...]
    """what of a state decides which elements they touch"""


def find_stops(interpreter: Interpreter) -> tuple[Stop, ...]:
    """All of them, by actor and point."""
    program = interpreter.program
    contested = contested_variables(program)
    stops = (
        _stop(interpreter, contested, number, pc)
        for number, actor in enumerate(program.actors)
        for pc in range(len(actor.points))
    )
    return tuple(stop for stop in stops if stop.accesses)


def _stop(interpreter: Interpreter, contested: frozenset[int], actor: int, pc: int) -> Stop:
    code = interpreter.program.actors[actor]
    step = step_operations(code, code.points[pc])
    own = own_access(code, code.points[pc])
    accesses = frozenset(
        index
        for index, operation in step.items()
        if isinstance(operation, Load | Store)
        and operation.variable in contested
        and (index == own or operation.manner is Manner.MARKED)
    )
    fields = [field for _, field in interpreter.layout.actors[actor].registers[pc]]
    if accesses - {own}:  # what is touched later may depend on anything read before
        read = {op.variable for op in step.values() if isinstance(op, Load | Acquire)}
        fields += [
            slots.at(index)
            for slots in (interpreter.layout.variables[variable] for variable in sorted(read))
            for index in range(slots.length)
        ]
    return Stop(actor, pc, own, accesses, tuple(fields))


def next_touches(interpreter: Interpreter, words: Words, stop: Stop) -> frozenset[Touch]:
    """What the actor may touch in its next step from this state, whatever it chooses."""
    found: set[Touch] = set()
    for outcome in interpreter.attempts(words, stop.actor):
        found.update(_touches(interpreter, words, stop, outcome.choices))
    return frozenset(found)


def _touches(
    interpreter: Interpreter, words: Words, stop: Stop, choices: tuple[int, ...]
) -> Iterator[Touch]:
    """Of one way to take the step."""
    code = interpreter.program.actors[stop.actor].code
    for access in trace_step(interpreter, words, stop.actor, choices).accesses:
        operation = code[access.operation]
        if access.operation in stop.accesses and isinstance(operation, Load | Store):
            yield Touch(
                access.variable,
                access.index,
                stop.actor,
                access.operation,
                isinstance(operation, Store),
                operation.manner is Manner.MARKED,
            )
