"""One step looked at again: what it read, and what its local values are called.

A race is understood from what the loser saw: the entry that was read too early, the counter that
had not moved yet. States do not tell; so the step is executed once more on a memory that takes
notes.

Registers have the names the compiler gave them (`t1`, `choice`, the name of a function that
returned). The source line that wrote one usually has a better name for it: `page = choose(…)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shootdown.machine.execution import Execution
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.program.kind import RIGHTS_NAMES, Family
from shootdown.program.layout import read_field, write_field
from shootdown.program.operation import Binary, Choose, Load, Move, Operation
from shootdown.program.program import Actor, Program, Variable
from shootdown.scenarios.verdict import Reading

RULES = "shootdown/rules/"
"""what a rule looks at is not read by the system"""

LOCKS = frozenset({Family.LOCK, Family.RWLOCK})

VMA = "mm.vma"

_assigned = re.compile(r"([A-Za-z_]\w*) = ").match


class _Notes:
    """A memory that remembers what was loaded by which operation."""

    def __init__(self, interpreter: Interpreter, words: Words) -> None:
        self.slots = interpreter.layout.variables
        self.words = list(words)
        self.execution: Execution | None = None
        self.loaded: list[tuple[int, int, int, int]] = []
        """(operation, variable, index, value)"""

    def load(self, variable: int, index: int) -> int:
        value = read_field(self.words, self.slots[variable].at(index))
        if self.execution is not None:
            self.loaded.append((self.execution.reached[-1], variable, index, value))
        return value

    def store(self, variable: int, index: int, value: int) -> None:
        write_field(self.words, self.slots[variable].at(index), value)


def find_reads(
    interpreter: Interpreter, words: Words, actor: int, choices: tuple[int, ...]
) -> tuple[Reading, ...]:
    """What the step read, each piece of state once, locks and ghosts left out."""
    program, notes = interpreter.program, _Notes(interpreter, words)
    registers = [0] * len(program.actors[actor].registers)
    view = interpreter.unpack(words).actors[actor]
    for register, value in view.registers:
        registers[register] = value
    given = iter(choices)
    execution = Execution(program, actor, registers, notes, lambda bound: next(given, 0))
    notes.execution = execution
    assert view.point is not None
    execution.run(view.point)
    return tuple(dict.fromkeys(_readings(program, program.actors[actor], notes)))


def _readings(program: Program, actor: Actor, notes: _Notes) -> Iterator[Reading]:
    for at, number, index, value in notes.loaded:
        variable, operation = program.variables[number], actor.code[at]
        if variable.ghost or variable.kind.family in LOCKS or not isinstance(operation, Load):
            continue
        if not operation.where.file.startswith(RULES):
            yield Reading(variable.label(index), show_value(variable, value))


def show_value(variable: Variable, value: int) -> str:
    """A value in words. Only the rights of a VMA are stored as plain numbers."""
    if variable.name == VMA:
        return RIGHTS_NAMES[value] or "none"
    return variable.kind.show(value)


def held_values(interpreter: Interpreter, words: Words, actor: int) -> tuple[str, ...]:
    """`pte = pfn 1 rw` for every local value with a name that an actor holds at its point."""
    row = interpreter.program.actors[actor]
    names = _names(row)
    shown = {}
    for register, value in interpreter.unpack(words).actors[actor].registers:
        if names[register] not in ("_", f"t{register}"):  # t7 is what the compiler calls its own
            shown[names[register]] = row.registers[register].kind.show(value)
    return tuple(f"{name} = {value}" for name, value in shown.items())


def _names(actor: Actor) -> list[str]:
    """What people call the registers: the last line that assigns one knows best."""
    names = [register.name for register in actor.registers]
    functions = {op.where.function.rpartition(".")[2] for op in actor.code}
    named = set()
    for operation in actor.code:
        target = _target(operation)
        match = _assigned(operation.where.text.strip())
        if target is None or match is None or target in named:
            continue
        names[target] = match.group(1)
        named.add(target)
    return [f"{n}()" if n in functions and r not in named else n for r, n in enumerate(names)]


def _target(operation: Operation) -> int | None:
    if isinstance(operation, Move | Binary | Choose | Load):
        return operation.dst.index
    return None
