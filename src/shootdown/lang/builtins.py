"""Builtins: Python itself computes them where all arguments are known. Where some are not, those
that make sense for values of the run are compiled.
"""

from __future__ import annotations

import ast
from typing import Any

from shootdown.lang.comparisons import is_known
from shootdown.lang.errors import RefusedError
from shootdown.lang.intrinsics import Intrinsics
from shootdown.lang.paging import PageRange
from shootdown.lang.values import (
    FALSE,
    TRUE,
    Dynamic,
    Items,
    Poison,
    Static,
    Struct,
    Value,
    kind_of,
)

STATIC_CALLS: tuple[Any, ...] = (
    len, range, min, max, bool, int, abs, isinstance, hasattr, getattr, enumerate, zip, reversed,
    sorted, list, tuple, str, type, any, all, sum,
)  # fmt: skip
"""builtins that Python itself computes when their arguments are known"""


def is_builtin(known: object) -> bool:
    """Whether it is one of them."""
    return any(known is builtin for builtin in STATIC_CALLS)


class Builtins(Intrinsics):
    """The part of the compiler that knows builtins."""

    def builtin_call(self, builtin: Any, positional: list[Value], named: dict[str, Value]) -> Value:
        if builtin is len and len(positional) == 1:
            return self.length(positional[0])
        if builtin is range and not all(isinstance(value, Static) for value in positional):
            return self._range(positional)
        if builtin in (bool, int) and len(positional) == 1 and isinstance(positional[0], Dynamic):
            return self._converted(builtin, positional[0])
        if not all(map(is_known, positional)):
            found = self._of_the_run(builtin, positional, named)
            if found is not None:
                return found
        known = [self.known(value) for value in positional]
        others = {name: self.known(value) for name, value in named.items()}
        result = self.compute(lambda: builtin(*known, **others))
        if builtin in (enumerate, zip, reversed, sorted, list):
            return Items(tuple(Static(member) for member in result))
        return self.static(result)

    def _converted(self, builtin: Any, value: Dynamic) -> Static | Dynamic:
        if builtin is bool and kind_of(value).high > 1:
            return self.compare(ast.NotEq(), value, Static(0))
        return value

    def _range(self, positional: list[Value]) -> Value:
        if len(positional) > 2:
            raise self.refuse(
                "range() with a step must be known before the model runs",
                "write range(…) without a step and multiply, or a `while` loop",
            )
        start, end = (Static(0), *positional)[-2:]
        return Struct(PageRange, {"start": start, "end": end})

    # --- with values of the run ---------------------------------------------------------------

    def _of_the_run(
        self, builtin: Any, positional: list[Value], named: dict[str, Value]
    ) -> Value | None:
        """What a builtin makes of arguments that are not all known; None if it cannot."""
        if Poison() in positional:
            raise RefusedError(None)
        if named:
            return None
        if builtin in (min, max):
            return self._extreme(builtin is min, positional)
        if builtin is abs and len(positional) == 1:
            return self._absolute(self.need_scalar(positional[0]))
        if builtin is sum and len(positional) <= 2:
            return self._sum(*positional)
        if builtin in (any, all) and len(positional) == 1:
            return self._some(self.members(positional[0]), builtin is all)
        return self._rearranged(builtin, positional)

    def _parts(self, value: Value) -> tuple[Value, ...]:
        return tuple(self.loaded(member) for member in self.members(value))

    def _extreme(self, least: bool, positional: list[Value]) -> Value:
        """min, max: the first of several equal ones, as in Python."""
        values = self._parts(positional[0]) if len(positional) == 1 else tuple(positional)
        numbers = [self.need_scalar(value) for value in values]
        best, *others = numbers
        for number in others:
            better = self.compare(ast.Lt(), *((number, best) if least else (best, number)))
            best = self._either(better, number, best)
        return best

    def _absolute(self, value: Static | Dynamic) -> Static | Dynamic:
        negative = self.arithmetic(ast.Sub(), Static(0), value)
        return self._either(self.compare(ast.Lt(), value, Static(0)), negative, value)

    def _either(
        self, condition: Static | Dynamic, then: Static | Dynamic, other: Static | Dynamic
    ) -> Static | Dynamic:
        """then if condition else other, all of them values already."""
        if isinstance(condition, Static):
            return then if self.truth_of(condition) else other
        register = self.temporary(kind_of(then).join(kind_of(other)), "either")
        yes, end = self.label(), self.label()
        self.assign(register, other)
        self.branch(condition, yes, end)
        self.place(yes)
        self.assign(register, then)
        self.place(end)
        return self.read(register)

    def _sum(self, values: Value, start: Value | None = None) -> Value:
        total = self.need_scalar(start or Static(0))
        for value in self._parts(values):
            total = self.arithmetic(ast.Add(), total, self.need_scalar(value))
        return total

    def _some(self, members: tuple[Value, ...], conjunction: bool) -> Value:
        found: Static | Dynamic = TRUE if conjunction else FALSE
        for member in members:
            truth = self.compare(ast.NotEq(), self.truth(self.loaded(member)), Static(0))
            found = self.static_and(found, truth) if conjunction else self.static_or(found, truth)
        return found

    def _rearranged(self, builtin: Any, positional: list[Value]) -> Value | None:
        """Builtins that put elements in another order, or in other company."""
        if builtin in (list, tuple) and len(positional) == 1:
            return Items(self._parts(positional[0]), builtin)
        if builtin is reversed and len(positional) == 1:
            return Items(self._parts(positional[0])[::-1], list)
        if builtin is enumerate and len(positional) == 1:
            parts = enumerate(self._parts(positional[0]))
            return Items(tuple(Items((Static(n), part)) for n, part in parts), list)
        if builtin is zip:
            rows = zip(*(self._parts(value) for value in positional), strict=False)
            return Items(tuple(map(Items, rows)), list)
        return None
