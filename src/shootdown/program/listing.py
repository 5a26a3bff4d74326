"""A program and its layout printed for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shootdown.program.frames import find_frames
from shootdown.program.layout import Field, Layout
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
    Progress,
    Release,
    Store,
)
from shootdown.program.program import Actor, Program
from shootdown.program.symmetry import find_families


def list_program(program: Program) -> Iterator[str]:
    """The lines of a readable listing: variables, then each actor's code with its source lines."""
    for variable in program.variables:
        size = f"[{variable.length}]" if variable.array else ""
        ghost = "  (ghost)" if variable.ghost else ""
        kind = f"{variable.kind.family.value} {variable.kind.low}..{variable.kind.high}"
        yield f"{variable.name}{size}: {kind}, {variable.kind.bits} bits{ghost}"
    yield from _alike(program)
    for actor in program.actors:
        yield ""
        yield f"{actor.name}{' (daemon)' if actor.daemon else ''}:"
        for index, operation in enumerate(actor.code):
            place = operation.where
            text = describe(program, actor, operation)
            yield f"{index:5}  {text:<48} {place}  {place.text.strip()}"


def _alike(program: Program) -> Iterator[str]:
    """What a search need not tell apart: `alike: device0 + worker0, device1 + worker1`."""
    for family in find_families(program):
        columns = (" + ".join(program.actors[a].name for a in column) for column in family.columns)
        yield f"alike: {', '.join(columns)}"
    frames = find_frames(program)
    if frames:
        cursor = program.variables[frames.cursor].name
        yield f"alike: frames 1 to {frames.count - 1}, handed out by {cursor}"


def list_layout(program: Program, layout: Layout) -> Iterator[str]:
    """Where each variable and actor lies, and how many bits and words a state takes."""
    yield f"{layout.bits} bits in {layout.words} words"
    for variable, slots in zip(program.variables, layout.variables, strict=True):
        size = f" x {variable.length}" if variable.array else ""
        yield f"  word {slots.word} bit {slots.shift:2}  {slots.bits} bits{size}  {variable.name}"
    for actor, frame in zip(program.actors, layout.actors, strict=True):
        yield f"{_bits(frame.pc)}  {actor.name}.pc"
        for point, row in enumerate(frame.registers):
            for register, field in row:
                name = f"{actor.name}.{actor.registers[register].name} at point {point}"
                yield f"{_bits(field)}  {name}"


def _bits(field: Field) -> str:
    return f"  word {field.word} bit {field.shift:2}  {field.bits} bits"


def describe(program: Program, actor: Actor, operation: Operation) -> str:
    """One operation in one line, with names instead of numbers."""
    names = _Names(program, actor)
    match operation:
        case Move() | Binary() | Choose() | Load():
            return f"{names.value(operation.dst)} = {_result(names, operation)}"
        case Store():
            return f"{names.element(operation)} = {names.value(operation.a)}"
        case Acquire() | Release() | Downgrade():
            return _lock(names, operation)
        case Jump() | Branch() | Point() | Guard() | Halt():
            return _control(names, operation)
        case Check():
            return f"check {names.value(operation.a)}: {program.rules[operation.rule].name}"
        case Count():
            return f"count {names.value(operation.a)} {program.counters[operation.counter]}"
        case Progress():
            return "progress"


@dataclass(frozen=True, slots=True)
class _Names:
    """What the numbers in the operations of an actor are called."""

    program: Program
    actor: Actor

    def value(self, operand: Operand) -> str:
        if isinstance(operand, Const):
            return str(operand.value)
        return self.actor.registers[operand.index].name

    def variable(self, number: int) -> str:
        return self.program.variables[number].name

    def element(self, operation: Load | Store) -> str:
        row = self.program.variables[operation.variable]
        return f"{row.name}[{self.value(operation.index)}]" if row.array else row.name


def _result(names: _Names, operation: Move | Binary | Choose | Load) -> str:
    match operation:
        case Move():
            return names.value(operation.a)
        case Binary():
            sides = names.value(operation.a), names.value(operation.b)
            return f" {operation.operator.value} ".join(sides)
        case Choose():
            return f"choose({operation.bound})"
        case Load():
            return names.element(operation)


def _lock(names: _Names, operation: Acquire | Release | Downgrade) -> str:
    lock = names.variable(operation.variable)
    match operation:
        case Acquire():
            return f"acquire {lock} {operation.mode.value}"
        case Release():
            return f"release {lock} {operation.mode.value}"
        case Downgrade():
            return f"downgrade {lock}"


def _control(names: _Names, operation: Jump | Branch | Point | Guard | Halt) -> str:
    match operation:
        case Jump():
            return f"jump {operation.target}"
        case Branch():
            then, other = operation.then, operation.other
            return f"if {names.value(operation.a)} jump {then} else {other}"
        case Point(patience=Patience.MUST):
            return "point"
        case Point():
            return f"point, {operation.patience.value}"
        case Guard():
            return f"only if {names.value(operation.a)}"
        case Halt():
            return "halt"
