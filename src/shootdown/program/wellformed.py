"""What every program must satisfy, checked after every pass.

A failure is our bug, never the user's.
"""

from __future__ import annotations

from collections.abc import Iterable

from shootdown.program.kind import Family
from shootdown.program.operation import (
    Acquire,
    Arithmetic,
    Binary,
    Check,
    Choose,
    Const,
    Count,
    Downgrade,
    Guard,
    Load,
    Mode,
    Operand,
    Operation,
    Point,
    Release,
    Store,
    reads,
    targets,
    writes,
)
from shootdown.program.program import Actor, Program

LOCK = Family.LOCK
LOCKS = (Family.LOCK, Family.RWLOCK)


class IllFormedError(AssertionError):
    """A pass produced a program that breaks a rule of this file."""


def check_program(program: Program) -> Program:
    """The program itself, if it is well formed.

    Raises:
        IllFormedError: naming the actor, the operation and the rule it breaks.
    """
    for actor in program.actors:
        for index, operation in enumerate(actor.code):
            reason = _fault(program, actor, operation, index)
            if reason:
                raise IllFormedError(f"{actor.name}[{index}] {operation}: {reason}")
        _check_steps(actor)
    _check_values(program)
    return program


def _check_values(program: Program) -> None:
    """Every variable starts with values of its kind, whichever start is taken."""
    for number, variable in enumerate(program.variables):
        if len(variable.initial) != variable.length:
            raise IllFormedError(f"{variable.name} starts with {len(variable.initial)} values")
        starts = [(number, index, value) for index, value in enumerate(variable.initial)]
        _check_start(program, starts)
    for start in program.initials:
        _check_start(program, start)


def _check_start(program: Program, start: Iterable[tuple[int, int, int]]) -> None:
    for number, index, value in start:
        variable = program.variables[number]
        if not 0 <= index < variable.length:
            raise IllFormedError(f"{variable.name} has no element {index} to start with {value}")
        if not variable.kind.low <= value <= variable.kind.high:
            raise IllFormedError(f"{variable.name}[{index}] cannot start with {value}")


def _fault(program: Program, actor: Actor, operation: Operation, index: int) -> str | None:
    """Why one operation cannot stand, or None."""
    registers = (*reads(operation), *([] if (w := writes(operation)) is None else [w]))
    if any(register >= len(actor.registers) for register in registers):
        return "no such register"
    if any(not 0 <= target < len(actor.code) for target in targets(operation, index)):
        return "leads out of the code"
    match operation:
        case Load() | Store():
            return _element_fault(program, operation.variable, operation.index)
        case Acquire() | Release() | Downgrade():
            return _lock_fault(program, operation)
        case Binary(operator=Arithmetic.DIV | Arithmetic.MOD, b=divisor):
            return None if _positive(divisor) else "divisor is not a positive constant"
        case Choose(bound=bound) if bound < 1:
            return "nothing to choose from"
        case Check(rule=rule) if rule >= len(program.rules):
            return "no such rule"
        case Count(counter=counter) if counter >= len(program.counters):
            return "no such counter"
        case _:
            return None


def _lock_fault(program: Program, operation: Acquire | Release | Downgrade) -> str | None:
    if operation.variable >= len(program.variables):
        return "no such variable"
    family = program.variables[operation.variable].kind.family
    if family not in LOCKS:
        return "not a lock"
    shared = isinstance(operation, Downgrade) or operation.mode is Mode.READ
    return "only a lock with readers is held for reading" if shared and family is LOCK else None


def _element_fault(program: Program, variable: int, index: Operand) -> str | None:
    if variable >= len(program.variables):
        return "no such variable"
    if isinstance(index, Const) and not 0 <= index.value < program.variables[variable].length:
        return "index out of range"
    return None


def _positive(operand: Operand) -> bool:
    return isinstance(operand, Const) and operand.value > 0


def _check_steps(actor: Actor) -> None:
    """A step starts at a point; guards and acquires stand before any effect of their step."""
    if not actor.code or not isinstance(actor.code[0], Point):
        raise IllFormedError(f"{actor.name} does not start at a point")
    for start in actor.points:
        _check_guards(actor, start)


def _check_guards(actor: Actor, start: int) -> None:
    """Walk the step from one point: after a store, release, check or count nothing may fail."""
    seen: set[tuple[int, bool]] = set()
    work = [(start + 1, False)]
    while work:
        index, dirty = work.pop()
        operation = actor.code[index]
        if (index, dirty) in seen or isinstance(operation, Point):
            continue
        seen.add((index, dirty))
        if dirty and isinstance(operation, Guard | Acquire):
            raise IllFormedError(f"{actor.name}[{index}] can fail after an effect of the same step")
        effect = isinstance(operation, Store | Release | Downgrade | Acquire | Check | Count)
        work += [(target, dirty or effect) for target in targets(operation, index)]
