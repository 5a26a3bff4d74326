"""Comprehensions, and `any` and `all` over generator expressions.

A list that a comprehension builds has its length before the model runs: what it goes over is
known, and so is which elements pass its `if`. `any` and `all` stop at the first element that
decides, as in Python, so they are chains of branches, or a loop over a range that only the run
knows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shootdown.lang.expressions import Expressions
from shootdown.lang.values import Dynamic, Items, Static, Value
from shootdown.program import kind as kinds

UNKNOWN_LENGTH = "how many elements there are must be known before the model runs"
LOOP = "write a `for` loop"


class Comprehensions(Expressions):
    """The part of the compiler that knows comprehensions."""

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> Value:
        """The elements, in a list."""
        found: list[Value] = []

        def add() -> None:
            found.append(self.own("element", self.loaded(self.expression(node.elt))))

        with self._names_of_its_own():
            self._elements(node.generators, add)
        return Items(tuple(found), list)

    @contextmanager
    def _names_of_its_own(self) -> Iterator[None]:
        """The names of a comprehension are nobody else's."""
        before = dict(self.scope.names)
        try:
            yield
        finally:
            self.scope.names = before

    def _elements(self, generators: list[ast.comprehension], each: Callable[[], None]) -> None:
        """Compile `each` for every element: `for … in … if …`, the first outermost."""
        if not generators:
            each()
            return
        first, *others = generators
        value = self.expression(first.iter)
        if self._is_counted(value):
            raise self.refuse(UNKNOWN_LENGTH, LOOP, self.scope.where(first.iter))
        for member in self.members(value):
            self._name_element(first.target, self.loaded(member))
            if all(self._passes(test) for test in first.ifs):
                self._elements(others, each)

    def _is_counted(self, value: Value) -> bool:
        """Whether this is a range that only the run knows."""
        bounds = self.bounds_of(value)
        return bounds is not None and not all(isinstance(bound, Static) for bound in bounds)

    def _passes(self, test: ast.expr) -> bool:
        value = self.truth(self.expression(test))
        if isinstance(value, Static):
            return self.truth_of(value)
        raise self.refuse(UNKNOWN_LENGTH, LOOP, self.scope.where(test))

    def _name_element(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.scope.names[target.id] = value
            return
        targets = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        values = self.members(value)
        if len(values) != len(targets):
            raise self.refuse(
                f"{len(values)} values for {len(targets)} names", "write a name for each value"
            )
        for part, member in zip(targets, values, strict=True):
            self._name_element(part, self.loaded(member))

    # --- any and all --------------------------------------------------------------------------

    def quantified(self, node: ast.GeneratorExp, conjunction: bool) -> Static | Dynamic:
        """any(… for …): whether some element is true; all(… for …): whether none is false."""
        decided, end = self.label(), self.label()

        def look() -> bool:
            """Go to `decided` if this element decides; whether that is certain now."""
            go_on = self.label()
            yes, no = (go_on, decided) if conjunction else (decided, go_on)
            with self.sometimes():
                known = self.condition(node.elt, yes, no)
            self.place(go_on)
            return known is (not conjunction)

        with self._names_of_its_own():
            surely = self._until(node.generators, decided, look)
        if surely or not self.leads_to(decided):
            self.place(decided)
            return Static(conjunction != surely)
        result = self.temporary(kinds.FLAG, "all" if conjunction else "any")
        self.assign(result, Static(conjunction))
        self.jump(end)
        self.place(decided)
        self.assign(result, Static(not conjunction))
        self.place(end)
        return self.read(result)

    def _until(
        self, generators: list[ast.comprehension], decided: int, look: Callable[[], bool]
    ) -> bool:
        """Compile `look` for every element until one surely decides."""
        if not generators:
            return look()
        first, *others = generators
        value = self.expression(first.iter)
        if self._is_counted(value):
            self._until_counted(generators, value, decided, look)
            return False
        for member in self.members(value):
            self._name_element(first.target, self.loaded(member))
            skip = self.label()
            passes = self._tests(first.ifs, skip)
            surely = passes is not False and self._until(others, decided, look)
            if surely and passes:
                return True
            if surely:
                self.jump(decided)
            self.place(skip)
        return False

    def _until_counted(
        self,
        generators: list[ast.comprehension],
        value: Value,
        decided: int,
        look: Callable[[], bool],
    ) -> None:
        first, *others = generators
        bounds = self.bounds_of(value)
        assert bounds is not None
        if not isinstance(first.target, ast.Name):
            raise self.refuse("a loop over a range has one name", "write one name after `for`")
        with self.sometimes(), self.counted(first.target.id, *bounds) as loop:
            if loop is None:
                return
            self.scope.names[first.target.id] = loop.index
            if self._tests(first.ifs, loop.step) is not False and self._until(
                others, decided, look
            ):
                self.jump(decided)

    def _tests(self, tests: list[ast.expr], skip: int) -> bool | None:
        """Go to `skip` unless all are true; True or False if that is known now."""
        certain: bool | None = True
        for test in tests:
            go_on = self.label()
            with self.sometimes():
                known = self.condition(test, go_on, skip)
            if known is False:
                return False
            certain = certain if known else None
            self.place(go_on)
        return certain
