"""Names inside one inlined call."""

from __future__ import annotations

import ast
from collections import Counter as Tally
from dataclasses import dataclass, field
from types import FunctionType

from shootdown.lang.source import Source
from shootdown.lang.values import NONE, Static, Value
from shootdown.program.operation import Reg
from shootdown.program.where import Where


@dataclass(frozen=True, slots=True)
class Slot:
    """A name that changes: it lives in registers, one per scalar of its value."""

    shape: type | None
    """the dataclass it holds, `tuple`, or None for a scalar"""
    parts: dict[str, Slot]
    register: Reg | None = None


@dataclass(slots=True)
class Loop:
    """Where `continue` and `break` go, and how many locks are held there."""

    again: int
    leave: int
    held: int
    left: bool = False
    """some `break` was compiled"""
    again_used: bool = False
    """some `continue` was compiled"""


@dataclass(slots=True)
class Scope:
    """One call: the function, its names, and how it returns."""

    function: FunctionType
    source: Source
    node: ast.FunctionDef
    caller: Where | None
    held: int
    """locks held when the call began"""
    depth: int
    """branches and loops around the call that are decided only when running"""
    leave: int
    """the label after the call"""
    names: dict[str, Value | Slot] = field(default_factory=dict)
    changing: frozenset[str] = frozenset()
    """names assigned in more than one place"""
    loops: list[Loop] = field(default_factory=list)
    unrolled: list[int] = field(default_factory=list)
    """`depth` at the start of each loop being unrolled"""
    ended: bool = False
    """the rest of the current block cannot be reached"""
    jumped: bool = False
    """some `return` jumps to `leave`"""
    result: Slot | None = None
    """what such a `return` sets"""
    value: Value = NONE
    """what the call returns if no `return` has to jump"""

    def where(self, node: ast.AST) -> Where:
        """The place of a node of this function."""
        return self.source.where(node, self.function.__qualname__, self.caller)

    def outer(self, name: str) -> Static | None:
        """A name from outside the function: closure, module, builtins."""
        cells = self.function.__closure__ or ()
        for free, cell in zip(self.function.__code__.co_freevars, cells, strict=True):
            if free == name:
                return Static(cell.cell_contents)
        for space in (self.function.__globals__, self.function.__builtins__):
            if name in space:
                return Static(space[name])
        return None


def changing_names(node: ast.FunctionDef) -> frozenset[str]:
    """Names assigned more than once in a function.

    A parameter counts as assigned. The target of a `for` does not: each loop binds it anew.
    """
    loops = {id(n.target) for n in ast.walk(node) if isinstance(n, ast.For)}
    tally: Tally[str] = Tally(argument.arg for argument in node.args.args)
    for child in ast.walk(node):
        if id(child) in loops:
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            tally[child.id] += 1
        if isinstance(child, ast.AugAssign) and isinstance(child.target, ast.Name):
            tally[child.target.id] += 1
    return frozenset(name for name, times in tally.items() if times > 1)
