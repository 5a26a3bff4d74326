"""Operators: arithmetic, truth and length, computed now where all is known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, TypeGuard

from shootdown.lang.declaration import Declaration
from shootdown.lang.emitter import WIDEST, Emitter
from shootdown.lang.errors import RefusedError
from shootdown.lang.paging import PageRange, Pte
from shootdown.lang.subset import refusal
from shootdown.lang.values import (
    FALSE,
    TRUE,
    Dynamic,
    Items,
    Poison,
    Static,
    Struct,
    Value,
    describe,
    is_member,
    is_scalar,
    kind_of,
    operand_of,
)
from shootdown.program import kind as kinds
from shootdown.program.operation import Arithmetic

BINARY: dict[type[ast.operator], Arithmetic] = {
    ast.Add: Arithmetic.ADD,
    ast.Sub: Arithmetic.SUB,
    ast.Mult: Arithmetic.MUL,
    ast.FloorDiv: Arithmetic.DIV,
    ast.Mod: Arithmetic.MOD,
    ast.BitAnd: Arithmetic.AND,
    ast.BitOr: Arithmetic.OR,
    ast.BitXor: Arithmetic.XOR,
    ast.LShift: Arithmetic.SHL,
    ast.RShift: Arithmetic.SHR,
}
PYTHON: dict[type[ast.operator | ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


class Operators(Emitter):
    """The part of the compiler that knows operators."""

    def need_value(self, value: Value, node: ast.expr | None = None) -> Static | Dynamic:
        """The value, which has to be a number, a flag, a page-table entry or a member."""
        if is_member(value) and isinstance(value, Static | Dynamic):
            return value
        return self.need_scalar(value, node)

    def need_scalar(self, value: Value, node: ast.expr | None = None) -> Static | Dynamic:
        """The value, which has to be a number, a flag or a page-table entry."""
        if isinstance(value, Poison):
            raise RefusedError(None)
        is_number = is_scalar(value) and not is_member(value)
        if not is_number or not isinstance(value, Static | Dynamic):
            raise self.refuse(
                f"a number, a flag or a page-table entry is needed here, not {describe(value)}",
                remedy(value),
                None if node is None else self.stack[-1].where(node),
            )
        return value

    def compute(self, function: Callable[..., Any], *known: Any) -> Any:
        """What Python makes of values known now."""
        try:
            return function(*known)
        except RefusedError:
            raise
        except Exception as error:
            raise self.refuse(
                f"this cannot be computed: {type(error).__name__}: {error}",
                "Python computes it before the model runs, and fails: change the values",
            ) from None

    # --- arithmetic ---------------------------------------------------------------------------

    def arithmetic(
        self, op: ast.operator, a: Static | Dynamic, b: Static | Dynamic
    ) -> Static | Dynamic:
        """a op b, for whole numbers."""
        found = BINARY.get(type(op))
        if found is None:
            raise self.refuse(*refusal(op))
        if isinstance(a, Static) and isinstance(b, Static):
            return Static(self.compute(PYTHON[type(op)], a.value, b.value))
        if found in (Arithmetic.DIV, Arithmetic.MOD) and not (
            isinstance(b, Static) and isinstance(b.value, int) and b.value > 0
        ):
            raise self.refuse(
                "the divisor must be a positive constant",
                "compute it in __init__, or count in a loop",
            )
        if found in (Arithmetic.SHL, Arithmetic.SHR):
            amount = kind_of(b)
            if amount.low < 0 or amount.high > WIDEST:
                raise self.refuse(
                    f"the shift could be by {amount.low} to {amount.high} bits",
                    f"shift by 0 to {WIDEST}: declare the amount as Int(0, …), or mask it with &",
                )
        return self.binary(found, a, b)

    def negate(self, value: Static | Dynamic) -> Static | Dynamic:
        """not value"""
        if isinstance(value, Static):
            return Static(not self.truth_of(value))
        return self.binary(Arithmetic.EQ, value, Static(0))

    def truth_of(self, value: Static) -> bool:
        """bool(value), for a value known now."""
        known = value.value
        return bool(known.value) if isinstance(known, Pte) else bool(self.compute(bool, known))

    def truth(self, value: Value) -> Static | Dynamic:
        """A value as a condition: whatever is known, a number, or a range that is not empty."""
        if isinstance(value, Static) and not isinstance(value.value, Declaration):
            return Static(self.truth_of(value))
        if isinstance(value, Items):
            return Static(bool(value.values))
        bounds = self.bounds_of(value)
        if bounds is not None:
            return self.compare(ast.Lt(), *bounds)
        return self.need_scalar(value)

    def static_and(self, a: Static | Dynamic, b: Static | Dynamic) -> Static | Dynamic:
        """Both of two flags."""
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Static):
                return other if self.truth_of(one) else FALSE
        return self.binary(Arithmetic.AND, a, b)

    def static_or(self, a: Static | Dynamic, b: Static | Dynamic) -> Static | Dynamic:
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Static):
                return TRUE if self.truth_of(one) else other
        return self.binary(Arithmetic.OR, a, b)

    def compare(self, op: ast.cmpop, a: Value, b: Value) -> Static | Dynamic:
        raise NotImplementedError  # `comparisons.Comparisons` has it

    # --- ranges and lists ---------------------------------------------------------------------

    def bounds_of(self, value: Value) -> tuple[Static | Dynamic, Static | Dynamic] | None:
        """Start and end of a range of whole numbers, or None for anything else."""
        match value:
            case Struct(cls=cls, fields=parts) if issubclass(cls, PageRange):
                return self.need_scalar(parts["start"]), self.need_scalar(parts["end"])
            case Static(value=PageRange(start=start, end=end)):
                return Static(start), Static(end)
            case Static(value=range() as known) if known.step == 1:
                return Static(known.start), Static(known.stop)
            case _:
                return None

    def length(self, value: Value) -> Static | Dynamic:
        """len(value); a range that ends before it starts is empty."""
        bounds = self.bounds_of(value)
        if isinstance(value, Static) and is_array(value.value):
            return Static(self.tables.length(value.value))
        if bounds is None:
            return Static(len(self.members(value)))
        size = self.arithmetic(ast.Sub(), bounds[1], bounds[0])
        if isinstance(size, Static):
            return Static(max(0, size.value))
        if size.kind.low >= 0:
            return size
        some = self.binary(Arithmetic.LT, Static(0), size)
        product = self.binary(Arithmetic.MUL, size, some)
        return Dynamic(operand_of(product), kinds.integer(0, max(0, size.kind.high)))

    def members(self, value: Value) -> tuple[Value, ...]:
        """The elements of a list or tuple known now; state among them is not read yet."""
        match value:
            case Items():
                return value.values
            case Static(value=list() | tuple() | range() | dict() as known):
                return tuple(Static(member) for member in known)
            case Static(value=set() | frozenset() as known) if all(type(m) is int for m in known):
                return tuple(Static(member) for member in sorted(known))
            case Poison():
                raise RefusedError(None)
            case _:
                raise self.refuse(
                    f"{describe(value)} cannot be looped over",
                    "loop over a page range, a range(…), or a list built in __init__",
                )

    def loaded(self, value: Value) -> Value:
        """The value itself; if it is a single piece of state, what that holds now."""
        if is_state(value) and isinstance(value, Static):
            return self.load(value.value, Static(0))
        return value

    def static(self, found: Any) -> Value:
        """A Python object as a value: state is read, everything else stays what it is."""
        return self.loaded(Static(found))


def remedy(value: Value) -> str:
    """What to write for a value that is no number."""
    if is_member(value):
        return "compare members with == or `in`; for numbers declare Int(low, high, names=…)"
    if isinstance(value, Items | Struct):
        return "take it apart: use one of its parts"
    return "use a value of one of these kinds"


def is_array(known: Any) -> TypeGuard[Declaration]:
    """Whether a Python object is an array of state."""
    return isinstance(known, Declaration) and known.is_array


def is_state(value: Value) -> bool:
    """Whether the value is a single piece of state, still to be read."""
    if not isinstance(value, Static) or not isinstance(value.value, Declaration):
        return False
    return not (value.value.is_array or value.value.is_lock)
