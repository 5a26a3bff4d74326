"""Names inside one inlined call, and what they hold where several ways through the code meet.

A name that is assigned more than once lives in registers (`Slot`), so it may change while the
model runs. Any other name simply stands for a value. Where ways meet, a name keeps its value only
if it is the same on all of them; otherwise it becomes `Unclear`, and using it is refused. So the
compiler never takes a name to hold what only a branch that was not taken would have given it.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import FunctionType
from typing import TypeGuard

from shootdown.lang.source import Source
from shootdown.lang.values import NONE, Poison, Static, Value, describe, is_scalar
from shootdown.program.operation import Reg
from shootdown.program.where import Where


@dataclass(frozen=True, slots=True)
class Slot:
    """A name that changes: it lives in registers, one per scalar of its value."""

    shape: type | None
    """the dataclass it holds, `tuple`, `list`, or None for a scalar"""
    parts: dict[str, Slot]
    register: Reg | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """A name without a value that is known to be the one; `why` continues the name."""

    why: str
    help: str


UNSET = Unclear(
    "may have no value here: not every way to this place assigns it", "assign it on every way here"
)

Binding = Value | Slot | Unclear
Names = dict[str, Binding]


@dataclass(slots=True)
class Loop:
    """Where `continue` and `break` go, how many locks are held there, and the names at each."""

    again: int
    leave: int
    held: int
    again_names: list[Names] = field(default_factory=list)
    leave_names: list[Names] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """One call: the function, its names, and how it returns."""

    function: FunctionType
    source: Source
    node: ast.FunctionDef
    caller: Where | None
    receiver: Value | None
    held: int
    """locks held when the call began"""
    depth: int
    """branches and loops around the call that are decided only when running"""
    leave: int
    """the label after the call"""
    names: Names = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    """the registers of each name that changes, whether or not it holds a value here"""
    changing: set[str] = field(default_factory=set)
    """names that live in slots"""
    loops: list[Loop] = field(default_factory=list)
    ended: bool = False
    """the rest of the current block cannot be reached"""
    jumped: bool = False
    """some `return` jumps to `leave`"""
    returned_nothing: bool = False
    """some such `return` has no value"""
    result: Slot | None = None
    """what such a `return` sets"""
    value: Value = NONE
    """what the call returns if no `return` has to jump"""
    refused: bool = False
    """a `return` was refused, so the result is not known"""
    places: dict[int, Where] = field(default_factory=dict)

    def where(self, node: ast.AST) -> Where:
        """The place of a node of this function."""
        found = self.places.get(id(node))
        if found is None:
            found = self.source.where(node, self.function.__qualname__, self.caller)
            self.places[id(node)] = found
        return found

    def is_local(self, name: str) -> bool:
        """Whether Python takes the name for a local one of the function."""
        return name in local_names(self.node)

    def outer(self, name: str) -> Static | None:
        """A name from outside the function: closure, module, builtins."""
        function = self.function
        if name in function.__code__.co_freevars:
            cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
            try:
                return Static(cell.cell_contents)
            except ValueError:  # a name of the enclosing function that has no value yet
                return None
        for space in (function.__globals__, vars(builtins)):
            if name in space:
                return Static(space[name])
        return None


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes from this one on, without the targets of comprehensions: those are names of the
    comprehension, not of the function."""
    work = [node]
    while work:
        node = work.pop()
        yield node
        hidden = node.target if isinstance(node, ast.comprehension) else None
        work += [child for child in ast.iter_child_nodes(node) if child is not hidden]


@cache
def stored_names(node: ast.stmt) -> frozenset[str]:
    """Names that a statement assigns, or some statement in it."""
    return frozenset(child.id for child in walk(node) if _is_store(child))


@cache
def local_names(node: ast.FunctionDef) -> frozenset[str]:
    """Parameters, and names that the function assigns."""
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return stored_names(node) | {argument.arg for argument in arguments}


@cache
def can_leave(loop: ast.For) -> bool:
    """Whether there is a `break` or `continue` in a loop."""
    return any(isinstance(child, ast.Break | ast.Continue) for child in ast.walk(loop))


def loaded_outside(function: ast.FunctionDef, loop: ast.For) -> set[str]:
    """Names that the function reads somewhere outside of a loop."""
    inside = {id(child) for child in ast.walk(loop)}
    return {
        child.id
        for child in ast.walk(function)
        if isinstance(child, ast.Name)
        and isinstance(child.ctx, ast.Load)
        and id(child) not in inside
    }


@cache
def changing_names(node: ast.FunctionDef) -> frozenset[str]:
    """Names assigned more than once in a function, a parameter counting as assigned.

    What a `finally` block assigns is assigned on every way out. The target of a `for` is bound
    anew by each loop. It only counts if it is also assigned otherwise, read outside of such loops,
    or the target of a loop inside such a loop.
    """
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    tally: Tally[str] = Tally(argument.arg for argument in arguments)
    loops: dict[str, list[ast.For]] = {}
    targets: set[int] = set()
    for child in walk(node):
        if isinstance(child, ast.For):
            for name in ast.walk(child.target):
                if isinstance(name, ast.Name):
                    loops.setdefault(name.id, []).append(child)
                    targets.add(id(name))
    for child in walk(node):
        if isinstance(child, ast.AugAssign) and isinstance(child.target, ast.Name):
            tally[child.target.id] += 1
        if _is_store(child) and id(child) not in targets:
            tally[child.id] += 1
        if isinstance(child, ast.Try):  # compiled once for each way out
            tally.update(name for last in child.finalbody for name in stored_names(last))
    again = {name for name, found in loops.items() if tally[name] or _outlives(node, name, found)}
    return frozenset({name for name, times in tally.items() if times > 1} | again)


def _is_store(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _outlives(function: ast.FunctionDef, name: str, loops: Sequence[ast.For]) -> bool:
    """Whether the target of these loops is read outside their bodies, or they are nested."""
    inside: set[int] = set()
    for loop in loops:
        found = {id(child) for statement in loop.body for child in ast.walk(statement)}
        if any(id(other) in found for other in loops):
            return True
        inside |= found
    return any(
        isinstance(child, ast.Name)
        and child.id == name
        and isinstance(child.ctx, ast.Load)
        and id(child) not in inside
        for child in ast.walk(function)
    )


def merge(ways: Sequence[Names]) -> Names:
    """The names where several ways meet."""
    first, *others = ways
    if not others:
        return dict(first)
    every = dict.fromkeys(name for way in ways for name in way)
    return {name: _meet(name, [way.get(name, UNSET) for way in ways]) for name in every}


def _meet(name: str, found: Sequence[Binding]) -> Binding:
    first = found[0]
    for other in found:
        if isinstance(other, Poison):
            return other
        if isinstance(other, Unclear):
            return other
    different = [other for other in found[1:] if not _same(first, other)]
    if not different:
        return first
    one, two = _describe(first), _describe(different[0])
    return Unclear(
        f"may hold different things here: {one} or {two}",
        "let it hold a number, a flag or a page-table entry on every way here",
    )


def _describe(binding: Binding) -> str:
    if isinstance(binding, Slot):
        return "a value of the run"
    return "?" if isinstance(binding, Unclear) else describe(binding)


def _same(a: Binding, b: Binding) -> bool:
    if isinstance(a, Static) and isinstance(b, Static):
        if a.value is b.value:
            return True
        scalars = is_scalar(a) and is_scalar(b)
        return scalars and type(a.value) is type(b.value) and bool(a.value == b.value)
    return a is b or a == b
