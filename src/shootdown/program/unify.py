"""Guess the renaming that goes with a permutation of actors.

Code of two actors that are alike differs in constants and in the variables it names: thread 0 sets
`wants[0]`, thread 1 `wants[1]`; thread 0 waits for `turn == 1`, thread 1 for `turn == 0`. Reading
both side by side tells where elements go, and how the values of some registers and elements have to
be renamed. Values flow: what is loaded from an element is renamed as the element is, so registers
and elements are collected into classes that share one map of values (union-find), and each pair
of constants met adds a pair to the map of its class.

Nothing here is trusted: `renaming.is_automorphism` checks what comes out.
"""

from __future__ import annotations

from shootdown.program.operation import (
    Acquire,
    Binary,
    Branch,
    Check,
    Const,
    Downgrade,
    Guard,
    Load,
    Move,
    Operand,
    Operation,
    Reg,
    Release,
    Store,
)
from shootdown.program.program import Program
from shootdown.program.renaming import EQUALITY, LOCKS, Element, Renaming, ValueMap, held_values

Node = tuple[str, int, int]
"""("register", actor, register) or ("element", variable, index)"""


class _ConflictError(Exception):
    """The actors are not alike."""


def guess_renaming(program: Program, actors: tuple[int, ...]) -> Renaming | None:
    """The only renaming that can go with the permutation of actors, if there is one."""
    try:
        return _Guess(program, actors).renaming()
    except _ConflictError:
        return None


class _Guess:
    """What the code of actors and of their images says about each other."""

    def __init__(self, program: Program, actors: tuple[int, ...]) -> None:
        self.program = program
        self.actors = actors
        self.parents: dict[Node, Node] = {}
        self.pairs: list[tuple[Node, int, int]] = []
        """(register or element, value, what it has to become)"""
        self.plain: list[Node] = []
        """registers and elements with whose values the program computes"""
        self.places: dict[Element, Element] = {}
        self.indexed: list[tuple[int, int, Node]] = []
        """(variable, its image, the register that is the index)"""
        for number, image in enumerate(actors):
            self._read_actor(number, image)

    # --- reading ------------------------------------------------------------------------------

    def _read_actor(self, number: int, image: int) -> None:
        one, other = self.program.actors[number].code, self.program.actors[image].code
        if len(one) != len(other):
            raise _ConflictError
        for operation, twin in zip(one, other, strict=True):
            self._read(number, operation, twin)

    def _read(self, actor: int, one: Operation, other: Operation) -> None:
        match one, other:
            case Move(), Move():
                self._flows(actor, one.a, other.a, _register(actor, one.dst))
            case Binary(), Binary():
                self._read_binary(actor, one, other)
            case Load() | Store(), Load() | Store():
                self._read_access(actor, one, other)
            case (Branch() | Guard() | Check(), Branch() | Guard() | Check()):
                if isinstance(one.a, Reg):
                    self.pairs.append((_register(actor, one.a), 0, 0))
            case (Acquire() | Release() | Downgrade(), Acquire() | Release() | Downgrade()):
                self._place((one.variable, 0), (other.variable, 0))
            case _:
                if type(one) is not type(other):
                    raise _ConflictError

    def _read_binary(self, actor: int, one: Binary, other: Binary) -> None:
        operands = [operand for operand in (one.a, one.b) if isinstance(operand, Reg)]
        self.plain.append(_register(actor, one.dst))
        if one.operator not in EQUALITY or not operands:
            self.plain += [_register(actor, operand) for operand in operands]
            return
        node = _register(actor, operands[0])
        self._flows(actor, one.a, other.a, node)
        self._flows(actor, one.b, other.b, node)

    def _read_access(self, actor: int, one: Load | Store, other: Load | Store) -> None:
        variable, twin = one.variable, other.variable
        element: Node = ("element", variable, 0)
        if isinstance(one.index, Const) and isinstance(other.index, Const):
            self._place((variable, one.index.value), (twin, other.index.value))
            element = ("element", variable, one.index.value)
        elif isinstance(one.index, Reg):
            self.indexed.append((variable, twin, _register(actor, one.index)))
            for index in range(1, self.program.variables[variable].length):
                self._join(element, ("element", variable, index))
        if isinstance(one, Load):
            self._join(_register(actor, one.dst), element)
        elif isinstance(other, Store):
            self._flows(actor, one.a, other.a, element)

    def _flows(self, actor: int, one: Operand, other: Operand, node: Node) -> None:
        """The value of an operand gets into a class of registers and elements."""
        if isinstance(one, Reg):
            self._join(_register(actor, one), node)
        elif isinstance(other, Const):
            self.pairs.append((node, one.value, other.value))
        else:
            raise _ConflictError

    def _place(self, element: Element, image: Element) -> None:
        if self.places.setdefault(element, image) != image:
            raise _ConflictError

    # --- classes ------------------------------------------------------------------------------

    def _root(self, node: Node) -> Node:
        while (parent := self.parents.get(node, node)) != node:
            self.parents[node] = self.parents.get(parent, parent)
            node = parent
        return node

    def _join(self, one: Node, other: Node) -> None:
        self.parents[self._root(one)] = self._root(other)

    # --- putting together ---------------------------------------------------------------------

    def renaming(self) -> Renaming:
        """Raises _ConflictError where the pieces do not fit."""
        for variable, _, index in self.indexed:  # where elements go, the numbers of elements go
            rows = [(e, image) for e, image in self.places.items() if e[0] == variable]
            self.pairs += [(index, element[1], image[1]) for element, image in rows]
        maps = self._maps()
        for variable, twin, index in self.indexed:
            if self.program.variables[variable].length != self.program.variables[twin].length:
                raise _ConflictError
            renamed = dict(maps.get(self._root(index), ()))
            for place in range(self.program.variables[variable].length):
                self._place((variable, place), (twin, renamed.get(place, place)))
        elements: list[tuple[Element, ...]] = []
        values: list[tuple[ValueMap, ...]] = []
        for number, variable_ in enumerate(self.program.variables):
            row = [(number, index) for index in range(variable_.length)]
            elements.append(tuple(self.places.get(element, element) for element in row))
            if variable_.kind.family in LOCKS:
                values.append((held_values(variable_.kind, self.actors),))
            else:
                values.append(tuple(maps.get(self._root(("element", *e)), ()) for e in row))
        registers = tuple(
            tuple(
                maps.get(self._root(("register", number, register)), ())
                for register in range(len(actor.registers))
            )
            for number, actor in enumerate(self.program.actors)
        )
        return Renaming(self.actors, tuple(elements), tuple(values), registers)

    def _maps(self) -> dict[Node, ValueMap]:
        """The map of each class in which some value changes."""
        found: dict[Node, dict[int, int]] = {}
        for node, old, new in self.pairs:
            row = found.setdefault(self._root(node), {})
            if row.setdefault(old, new) != new:
                raise _ConflictError
        maps = {node: _closed(row) for node, row in found.items()}
        if any(maps.get(self._root(node)) for node in self.plain):
            raise _ConflictError
        return {node: values for node, values in maps.items() if values}


def _register(actor: int, register: Reg) -> Node:
    return ("register", actor, register.index)


def _closed(row: dict[int, int]) -> ValueMap:
    """The smallest permutation with these pairs; without the values that stay."""
    closed = dict(row)
    images = set(row.values())
    if len(images) != len(row):
        raise _ConflictError
    for start in row.keys() - images:
        end = start
        while end in row:
            end = row[end]
        closed[end] = start
    return tuple(sorted((old, new) for old, new in closed.items() if old != new))
