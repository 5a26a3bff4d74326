"""What every program must satisfy. Checked after every pass; a failure is our bug, never the user's."""

from __future__ import annotations

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

LOCKS = (Family.LOCK, Family.RWLOCK)


class IllFormed(AssertionError):
    """A pass produced a program that breaks a rule of this file."""


def check_program(program: Program) -> Program:
    """The program itself, if it is well formed.

    Raises:
        IllFormed: naming the actor, the operation and the rule it breaks.
    """
    for actor in program.actors:
        for index, operation in enumerate(actor.code):
            reason = _fault(program, actor, operation, index)
            if reason:
                raise IllFormed(f"{actor.name}[{index}] {operation}: {reason}")
        _check_steps(actor)
    for start in program.initials:
        for variable, index, value in start:
            kind = program.variables[variable].kind
            if not (kind.low <= value <= kind.high and index < program.variables[variable].length):
                raise IllFormed(f"start value {value} of {program.variables[variable].name}[{index}]")
    return program


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
            kind = program.variables[operation.variable].kind
            return None if kind.family in LOCKS else "not a lock"
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
        raise IllFormed(f"{actor.name} does not start at a point")
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
            raise IllFormed(f"{actor.name}[{index}] can fail after an effect of the same step")
        effect = isinstance(operation, Store | Release | Downgrade | Acquire | Check | Count)
        work += [(target, dirty or effect) for target in targets(operation, index)]


__all__ = ["IllFormed", "check_program"]
