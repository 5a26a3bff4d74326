"""A program and its layout printed for people: `shootdown check --show-program`, `--show-layout`."""

from __future__ import annotations

from collections.abc import Iterator

from shootdown.program.layout import Layout
from shootdown.program.operation import (
    Acquire,
    Binary,
    Branch,
    Check,
    Choose,
    Const,
    Count,
    Downgrade,
    Guard,
    Halt,
    Jump,
    Load,
    Move,
    Operand,
    Operation,
    Patience,
    Point,
    Release,
    Store,
)
from shootdown.program.program import Actor, Program


def list_program(program: Program) -> Iterator[str]:
    """The lines of a readable listing: variables, then each actor's code with its source lines."""
    for variable in program.variables:
        size = f"[{variable.length}]" if variable.array else ""
        ghost = "  (ghost)" if variable.ghost else ""
        kind = f"{variable.kind.family.value} {variable.kind.low}..{variable.kind.high}"
        yield f"{variable.name}{size}: {kind}, {variable.kind.bits} bits{ghost}"
    for actor in program.actors:
        yield ""
        yield f"{actor.name}{' (daemon)' if actor.daemon else ''}:"
        for index, operation in enumerate(actor.code):
            place = operation.where
            yield f"{index:5}  {describe(program, actor, operation):<48} {place}  {place.text.strip()}"


def list_layout(program: Program, layout: Layout) -> Iterator[str]:
    """Where each variable and actor lies, and how many bits and words a state takes."""
    yield f"{layout.bits} bits in {layout.words} words"
    for variable, slots in zip(program.variables, layout.variables, strict=True):
        size = f" x {variable.length}" if variable.array else ""
        yield f"  word {slots.word} bit {slots.shift:2}  {slots.bits} bits{size}  {variable.name}"
    for actor, frame in zip(program.actors, layout.actors, strict=True):
        yield f"  word {frame.pc.word} bit {frame.pc.shift:2}  {frame.pc.bits} bits  {actor.name}.pc"
        for point, row in enumerate(frame.registers):
            for register, field in row:
                name = f"{actor.name}.{actor.registers[register].name} at point {point}"
                yield f"  word {field.word} bit {field.shift:2}  {field.bits} bits  {name}"


def describe(program: Program, actor: Actor, operation: Operation) -> str:
    """One operation in one line, with names instead of numbers."""

    def value(operand: Operand) -> str:
        if isinstance(operand, Const):
            return str(operand.value)
        return actor.registers[operand.index].name

    def element(variable: int, index: Operand) -> str:
        row = program.variables[variable]
        return f"{row.name}[{value(index)}]" if row.array else row.name

    match operation:
        case Move():
            return f"{value(operation.dst)} = {value(operation.a)}"
        case Binary():
            a, b = value(operation.a), value(operation.b)
            return f"{value(operation.dst)} = {a} {operation.operator.value} {b}"
        case Choose():
            return f"{value(operation.dst)} = choose({operation.bound})"
        case Load():
            return f"{value(operation.dst)} = {element(operation.variable, operation.index)}"
        case Store():
            return f"{element(operation.variable, operation.index)} = {value(operation.a)}"
        case Acquire() | Release():
            verb = "acquire" if isinstance(operation, Acquire) else "release"
            return f"{verb} {program.variables[operation.variable].name} {operation.mode.value}"
        case Downgrade():
            return f"downgrade {program.variables[operation.variable].name}"
        case Jump():
            return f"jump {operation.target}"
        case Branch():
            return f"if {value(operation.a)} jump {operation.then} else {operation.other}"
        case Point():
            return "point" if operation.patience is Patience.MUST else f"point, {operation.patience.value}"
        case Guard():
            return f"only if {value(operation.a)}"
        case Halt():
            return "halt"
        case Check():
            return f"check {value(operation.a)}: {program.rules[operation.rule].name}"
        case Count():
            return f"count {value(operation.a)} {program.counters[operation.counter]}"
