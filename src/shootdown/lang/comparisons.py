"""Comparisons: numbers, members, ranges, and whatever is made of parts."""

from __future__ import annotations

import ast
from dataclasses import fields
from types import FunctionType
from typing import Any, cast

from shootdown.lang.errors import RefusedError
from shootdown.lang.operators import PYTHON, Operators, is_state
from shootdown.lang.paging import Pte
from shootdown.lang.shapes import opened
from shootdown.lang.source import find_function
from shootdown.lang.values import (
    FALSE,
    NONE,
    TRUE,
    Dynamic,
    Items,
    Poison,
    Static,
    Struct,
    Value,
    describe,
    is_member,
    kind_of,
)
from shootdown.program.operation import Arithmetic

COMPARE: dict[type[ast.cmpop], tuple[Arithmetic, bool]] = {
    ast.Eq: (Arithmetic.EQ, False),
    ast.NotEq: (Arithmetic.NE, False),
    ast.Lt: (Arithmetic.LT, False),
    ast.LtE: (Arithmetic.LE, False),
    ast.Gt: (Arithmetic.LT, True),
    ast.GtE: (Arithmetic.LE, True),
}
"""the operator, and whether its operands change places"""

_STRICT: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.LtE: ast.Lt, ast.GtE: ast.Gt}


class Comparisons(Operators):
    """The part of the compiler that knows comparisons."""

    def inline(self, function: FunctionType, receiver: Value, arguments: list[Value]) -> Value:
        raise NotImplementedError  # `calls.Calls` has it

    def compare(self, op: ast.cmpop, a: Value, b: Value) -> Static | Dynamic:
        """a op b"""
        if Poison() in (a, b):
            raise RefusedError(None)
        if isinstance(op, ast.Is | ast.IsNot):
            return self._identical(a, b, isinstance(op, ast.Is))
        if not (is_state(a) or is_state(b)) and is_known(a) and is_known(b):
            return Static(self.compute(PYTHON[type(op)], _known(a), _known(b)))
        if isinstance(op, ast.In | ast.NotIn):
            found = self._contains(b, a)
            return self.negate(found) if isinstance(op, ast.NotIn) else found
        a, b = opened(self.loaded(a)), opened(self.loaded(b))
        if isinstance(a, Items | Struct) or isinstance(b, Items | Struct):
            return self._compare_parts(op, a, b)
        x, y = self.need_value(a), self.need_value(b)
        if is_member(x) or is_member(y):
            self._comparable(op, x, y)
        arithmetic, swap = COMPARE[type(op)]
        return self.binary(arithmetic, *((y, x) if swap else (x, y)))

    def _compare_parts(self, op: ast.cmpop, a: Value, b: Value) -> Static | Dynamic:
        """Tuples, lists and records: equal if all parts are; tuples and lists also have an order,
        that of the first parts that differ."""
        if isinstance(op, ast.Eq | ast.NotEq):
            found = self._equal(a, b)
            return found if isinstance(op, ast.Eq) else self.negate(found)
        if not (isinstance(a, Items) and isinstance(b, Items) and a.type is b.type):
            raise self.refuse(
                f"{describe(a)} and {describe(b)} have no order", "compare numbers or tuples"
            )
        strict = type(op)() if isinstance(op, ast.Lt | ast.Gt) else _STRICT[type(op)]()
        shorter = PYTHON[type(op)](len(a.values), len(b.values))
        result: Static | Dynamic = Static(shorter)
        for x, y in reversed(list(zip(a.values, b.values, strict=False))):
            further = self.static_and(self._equal(x, y), result)
            result = self.static_or(self.compare(strict, x, y), further)
        return result

    def _equal(self, a: Value, b: Value) -> Static | Dynamic:
        """a == b, part by part; an `__eq__` of one's own is called."""
        a, b = opened(self.loaded(a)), opened(self.loaded(b))
        match a, b:
            case (Static(value=range()), Struct()) | (Struct(), Static(value=range())):
                raise self.refuse("ranges are not compared", "compare where they start and end")
            case Struct(cls=cls), _ if not is_plain(equality := cast(Any, cls).__eq__):
                if not isinstance(equality, FunctionType):
                    raise self.refuse(f"{describe(a)} is only equal to itself", "compare its parts")
                return self.truth(self.inline(equality, a, [b]))
            case Struct(cls=cls), Struct(cls=other) if cls is other:
                names = [part.name for part in fields(cls) if part.compare]
                pairs = [(a.fields[name], b.fields[name]) for name in names]
            case Items(type=shape), Items(type=other) if shape is other and len(a.values) == len(
                b.values
            ):
                pairs = list(zip(a.values, b.values, strict=True))
            case (Items() | Struct(), _) | (_, Items() | Struct()):
                return FALSE
            case _:
                return self.compare(ast.Eq(), a, b)
        result: Static | Dynamic = TRUE
        for x, y in pairs:
            result = self.static_and(result, self._equal(x, y))
        return result

    def _comparable(self, op: ast.cmpop, a: Static | Dynamic, b: Static | Dynamic) -> None:
        """Members of one Enum are equal or not; nothing else can be asked."""
        if kind_of(a).title != kind_of(b).title:
            raise self.refuse(
                f"{describe(a)} is never equal to {describe(b)}", "compare members of one Enum"
            )
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise self.refuse("members of an Enum have no order", "use == or `in`")

    def _identical(self, a: Value, b: Value, wanted: bool) -> Static | Dynamic:
        if is_member(a) and is_member(b) and not (is_known(a) and is_known(b)):
            return self.compare(ast.Eq() if wanted else ast.NotEq(), a, b)
        if isinstance(a, Static) and isinstance(b, Static):
            return Static((a.value is b.value) == wanted)
        if NONE in (a, b):
            return Static(not wanted)
        raise self.refuse("`is` compares Python objects known before the model runs", "use ==")

    def _contains(self, container: Value, item: Value) -> Static | Dynamic:
        bounds = self.bounds_of(container)
        if bounds is not None:
            start, end = bounds
            item = self.need_value(item)
            above = self.compare(ast.LtE(), start, item)
            below = self.compare(ast.Lt(), item, end)
            return self.static_and(above, below)
        found: Static | Dynamic = FALSE
        for member in self.members(container):
            found = self.static_or(found, self.compare(ast.Eq(), item, self.loaded(member)))
        return found


def is_plain(equality: object) -> bool:
    """Whether an `__eq__` is the one that dataclass() wrote, which has no source."""
    return isinstance(equality, FunctionType) and find_function(equality) is None


def is_known(value: Value) -> bool:
    if isinstance(value, Items):
        return all(is_known(part) and not is_state(part) for part in value.values)
    return isinstance(value, Static)


def _known(value: Value) -> Any:
    if isinstance(value, Items):
        return value.type(_known(part) for part in value.values)
    known = value.value if isinstance(value, Static) else None
    return known.value if isinstance(known, Pte) else known
