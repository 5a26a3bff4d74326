"""One step looked at again: what it read, what it wrote in vain, how its local values are called.

A race is understood from what the loser saw: the entry that was read too early, the counter that
had not moved yet. States do not tell, but the trace of a step does.

Registers have the names the compiler gave them (`t1`, `choice`, the name of a function that
returned). The source line that wrote one usually has a better name for it: `page = choose(…)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.trace import Read, Trace, Write
from shootdown.program.kind import RIGHTS_NAMES, Family
from shootdown.program.operation import Binary, Choose, Load, Move, Operation
from shootdown.program.program import Actor, Program, Variable
from shootdown.scenarios.verdict import Reading

RULES = "shootdown/rules/"
"""what a rule looks at is not read by the system"""

LOCKS = frozenset({Family.LOCK, Family.RWLOCK})

VMA = "mm.vma"

_assigned = re.compile(r"([A-Za-z_]\w*) = ").match


def find_reads(program: Program, trace: Trace) -> tuple[Reading, ...]:
    """What a step read, each piece of state once, locks and ghosts left out."""
    seen = (a for a in _of_the_system(program, trace) if isinstance(a, Read))
    return tuple(dict.fromkeys(_reading(program, a.variable, a.index, a.value) for a in seen))


def find_unchanged(program: Program, trace: Trace) -> tuple[Reading, ...]:
    """What a step wrote that had the same value before and after, locks and ghosts left out."""
    first: dict[tuple[int, int], int] = {}
    last: dict[tuple[int, int], int] = {}
    for access in _of_the_system(program, trace):
        if isinstance(access, Write):
            place = access.variable, access.index
            first.setdefault(place, access.before)
            last[place] = access.after
    return tuple(
        _reading(program, *place, value) for place, value in last.items() if first[place] == value
    )


def _of_the_system(program: Program, trace: Trace) -> Iterator[Read | Write]:
    """The accesses that belong to the system, not to its locks and not to a rule."""
    code = program.actors[trace.actor].code
    for access in trace.accesses:
        variable, operation = program.variables[access.variable], code[access.operation]
        if variable.ghost or variable.kind.family in LOCKS:
            continue
        if not operation.where.file.startswith(RULES):
            yield access


def _reading(program: Program, number: int, index: int, value: int) -> Reading:
    variable = program.variables[number]
    return Reading(variable.label(index), show_value(variable, value))


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
