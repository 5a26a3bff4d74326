"""Assignment: to local names, and to state."""

from __future__ import annotations

import ast

from shootdown.lang.calls import Calls
from shootdown.lang.declaration import Declaration
from shootdown.lang.errors import RefusedError
from shootdown.lang.subset import refusal
from shootdown.lang.values import Dynamic, Poison, Static, Value, describe


class Assignments(Calls):
    """The part of the compiler that knows assignment."""

    def assign_target(self, target: ast.expr, value: Value) -> None:
        """target = value"""
        match target:
            case ast.Name():
                self.bind(target.id, value)
            case ast.Tuple() | ast.List():
                self._assign_parts(target.elts, value)
            case ast.Attribute() | ast.Subscript():
                declaration, index = self.target_place(target)
                self.store(declaration, index, self.need_value(value))
            case _:
                raise self.refuse(*refusal(target), where=self.scope.where(target))

    def _assign_parts(self, targets: list[ast.expr], value: Value) -> None:
        """a, b = value: all of the value is read before anything is assigned."""
        values = [self.own("part", self.loaded(member)) for member in self.members(value)]
        if len(values) != len(targets):
            raise self.refuse(
                f"{len(values)} values for {len(targets)} names", "write a name for each value"
            )
        for target, member in zip(targets, values, strict=True):
            self.assign_target(target, member)

    def target_place(
        self, target: ast.Attribute | ast.Subscript
    ) -> tuple[Declaration, Static | Dynamic]:
        """The state variable, and the index in it, that an assignment names."""
        if isinstance(target, ast.Subscript):
            array = self.expression(target.value)
            index = self.scalar(target.slice)
            found = array.value if isinstance(array, Static) else None
            if isinstance(found, Declaration) and found.is_array:
                return found, index
            raise self.refuse(
                f"{describe(array)} cannot be changed while the model runs",
                "declare state for what changes: an Array(element, length) in __init__",
            )
        owner = self.expression(target.value)
        if isinstance(owner, Poison):
            raise RefusedError(None)
        name = target.attr
        found = getattr(owner.value, name, None) if isinstance(owner, Static) else None
        if not isinstance(found, Declaration) or found.is_array or found.is_lock:
            raise self.refuse(
                f"`{ast.unparse(target)}` is not state that can be assigned",
                f"declare it in __init__, for instance: self.{name} = Int(0, 7)",
                self.scope.where(target),
            )
        return found, Static(0)

    def augmented(self, node: ast.AugAssign) -> None:
        """target op= value: the target is read first, as in Python."""
        if isinstance(node.target, ast.Name):
            old = self.own("old", self.need_scalar(self.name(node.target.id)))
            new = self.arithmetic(node.op, self.need_scalar(old), self.scalar(node.value))
            self.bind(node.target.id, new)
            return
        declaration, index = self.target_place(node.target)
        self.judging += declaration.ghost  # what Ghost state is updated with stays Ghost state
        old = self.need_scalar(self.load(declaration, index))
        amount = self.scalar(node.value)
        self.judging -= declaration.ghost
        self.store(declaration, index, self.arithmetic(node.op, old, amount))
