"""One step of a counterexample looked at again: every operation, what it read and what it wrote.

A search keeps no more of a run than who moved. The step is executed once more, on a memory that
takes notes.
"""

from __future__ import annotations

from dataclasses import dataclass

from shootdown.machine.execution import FUEL, Ending, Execution
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.program.layout import read_field, write_field


@dataclass(frozen=True, slots=True)
class Read:
    """An operation saw the value of an element."""

    operation: int
    variable: int
    index: int
    value: int


@dataclass(frozen=True, slots=True)
class Write:
    """An operation gave an element a value, perhaps the one it had."""

    operation: int
    variable: int
    index: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Trace:
    """What a step did; of one that did not happen, what it did until it was stopped."""

    actor: int
    operations: tuple[int, ...]
    """indexes of the operations executed, in order"""
    accesses: tuple[Read | Write, ...]
    """of shared state, in order"""
    ending: Ending


class _Notes:
    """A memory that remembers who loaded and stored what."""

    def __init__(self, interpreter: Interpreter, words: Words) -> None:
        self.slots = interpreter.layout.variables
        self.words = list(words)
        self.reached: list[int] = []
        self.accesses: list[Read | Write] = []

    def load(self, variable: int, index: int) -> int:
        value = read_field(self.words, self.slots[variable].at(index))
        self.accesses.append(Read(self.reached[-1], variable, index, value))
        return value

    def store(self, variable: int, index: int, value: int) -> None:
        field = self.slots[variable].at(index)
        before = read_field(self.words, field)
        self.accesses.append(Write(self.reached[-1], variable, index, before, value))
        write_field(self.words, field, value)


def trace_step(
    interpreter: Interpreter, words: Words, actor: int, choices: tuple[int, ...] = ()
) -> Trace:
    """The step that an actor takes, or tries to take, in this state; it has not halted."""
    program, notes = interpreter.program, _Notes(interpreter, words)
    registers = [0] * len(program.actors[actor].registers)
    view = interpreter.unpack(words).actors[actor]
    for register, value in view.registers:
        registers[register] = value
    given = iter(choices)
    execution = Execution(program, actor, registers, notes, lambda bound: next(given, 0), fuel=FUEL)
    notes.reached = execution.reached
    assert view.point is not None
    ending, _ = execution.run(view.point)
    return Trace(actor, tuple(execution.reached), tuple(notes.accesses), ending)
