"""Expressions: from a syntax node to a value.

What is known now is computed now; the rest becomes operations. `and`, `or` and conditions branch
as in C, because looking at shared state is a step and must not happen needlessly.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import FunctionType, MethodType
from typing import Any

from shootdown.lang.declare import Declaration, PageRange, Pte
from shootdown.lang.emitter import Emitter
from shootdown.lang.errors import Refused
from shootdown.lang.scope import Scope, Slot
from shootdown.lang.values import (
    FALSE,
    TRUE,
    Dynamic,
    Items,
    Method,
    Parent,
    Poison,
    Static,
    Struct,
    Value,
    describe,
    is_scalar,
    kind_of,
    operand_of,
)
from shootdown.program import kind as kinds
from shootdown.program.kind import Family
from shootdown.program.operation import Arithmetic, Branch

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
COMPARE: dict[type[ast.cmpop], tuple[Arithmetic, bool]] = {
    ast.Eq: (Arithmetic.EQ, False),
    ast.NotEq: (Arithmetic.NE, False),
    ast.Lt: (Arithmetic.LT, False),
    ast.LtE: (Arithmetic.LE, False),
    ast.Gt: (Arithmetic.LT, True),
    ast.GtE: (Arithmetic.LE, True),
}
"""the operator, and whether its operands change places"""

PYTHON: dict[Arithmetic, Callable[[Any, Any], Any]] = {
    Arithmetic.ADD: operator.add,
    Arithmetic.SUB: operator.sub,
    Arithmetic.MUL: operator.mul,
    Arithmetic.DIV: operator.floordiv,
    Arithmetic.MOD: operator.mod,
    Arithmetic.AND: operator.and_,
    Arithmetic.OR: operator.or_,
    Arithmetic.XOR: operator.xor,
    Arithmetic.SHL: operator.lshift,
    Arithmetic.SHR: operator.rshift,
    Arithmetic.EQ: operator.eq,
    Arithmetic.NE: operator.ne,
    Arithmetic.LT: operator.lt,
    Arithmetic.LE: operator.le,
}


class Expressions(Emitter):
    """The part of the compiler that knows expressions. Calls are added by a subclass."""

    scope: Scope

    def call(self, node: ast.Call) -> Value:
        raise NotImplementedError  # `calls.Calls` has it

    def inline(self, function: FunctionType, receiver: Value, arguments: list[Value]) -> Value:
        raise NotImplementedError  # `calls.Calls` has it

    def expression(self, node: ast.expr) -> Value:
        """The value of any expression."""
        before, self.where = self.where, self.scope.where(node)
        try:
            return self._dispatch(node)
        finally:
            self.where = before

    def _dispatch(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant():
                return Static(node.value)
            case ast.Name():
                return self.name(node.id)
            case ast.Attribute():
                return self.attribute(self.expression(node.value), node.attr)
            case ast.Subscript():
                return self.subscript(self.expression(node.value), self.expression(node.slice))
            case ast.Call():
                return self.call(node)
            case ast.BinOp():
                return self._binop(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare() | ast.BoolOp():
                return self._condition_value(node)
            case ast.IfExp():
                return self._conditional(node)
            case ast.Tuple():
                return Items(tuple(self.expression(element) for element in node.elts))
            case ast.List():
                return Items(tuple(self.expression(element) for element in node.elts))
            case ast.JoinedStr():
                return self._joined(node)
            case _:
                raise self.refuse(
                    f"a {type(node).__name__} expression is not part of the language",
                    "compute it in __init__, or write it with plain assignments and `if`",
                )

    def scalar(self, node: ast.expr) -> Static | Dynamic:
        """An expression that has to be a number, a flag or a page-table entry."""
        return self.need_scalar(self.expression(node), self.scope.where(node))

    def need_scalar(self, value: Value, where: Any = None) -> Static | Dynamic:
        if isinstance(value, Poison):
            raise Refused(None)
        if not is_scalar(value) or not isinstance(value, Static | Dynamic):
            raise self.refuse(
                f"a number, a flag or a page-table entry is needed here, not {describe(value)}",
                where=where,
            )
        return value

    # --- names, attributes, elements ----------------------------------------------------------

    def name(self, name: str) -> Value:
        found = self.scope.names.get(name)
        if isinstance(found, Slot):
            return self.read_slot(found)
        if found is not None:
            return found
        outer = self.scope.outer(name)
        if outer is None:
            near = get_close_matches(name, self.scope.names, 1)
            raise self.refuse(
                f"`{name}` has no value here", f"did you mean `{near[0]}`?" if near else ""
            )
        return outer

    def read_slot(self, slot: Slot) -> Value:
        if slot.register is not None:
            return self.read(slot.register)
        parts = {name: self.read_slot(part) for name, part in slot.parts.items()}
        if slot.shape is tuple or slot.shape is None:
            return Items(tuple(parts.values()))
        return Struct(slot.shape, parts)

    def attribute(self, value: Value, name: str) -> Value:
        """value.name"""
        match value:
            case Poison():
                raise Refused(None)
            case Struct() if name in value.fields:
                return value.fields[name]
            case Struct():
                return self._class_attribute(value, value.cls, name)
            case Dynamic(kind=kind) if kind.family is Family.PTE:
                if name == "value":
                    return Dynamic(value.operand, kinds.integer(kind.low, kind.high))
                return self._class_attribute(value, Pte, name)
            case Parent():
                return self._object_attribute(super(value.above, value.instance), name)
            case Static():
                return self._object_attribute(value.value, name)
            case _:
                raise self.refuse(f"{describe(value)} has no attribute `{name}`")

    def _class_attribute(self, value: Value, cls: type, name: str) -> Value:
        found = getattr(cls, name, None)
        if isinstance(found, property) and isinstance(found.fget, FunctionType):
            return self.inline(found.fget, value, [])
        if isinstance(found, FunctionType):
            return Method(found, value)
        raise self._no_attribute(cls.__name__, name, dir(cls))

    def _object_attribute(self, instance: Any, name: str) -> Value:
        descriptor = getattr(type(instance), name, None)
        if isinstance(descriptor, property) and isinstance(descriptor.fget, FunctionType):
            if isinstance(instance, Declaration):
                return Static(getattr(instance, name))
            return self.inline(descriptor.fget, Static(instance), [])
        try:
            found = getattr(instance, name)
        except AttributeError:
            names = [*vars(instance), *dir(type(instance))] if hasattr(instance, "__dict__") else []
            raise self._no_attribute(_title(instance), name, names) from None
        return self.static(found)

    def _no_attribute(self, owner: str, name: str, names: list[str]) -> Refused:
        public = [candidate for candidate in names if not candidate.startswith("_")]
        near = get_close_matches(name, public, 1)
        return self.refuse(
            f"{owner} has no attribute `{name}`",
            f"did you mean `{near[0]}`?" if near else "",
        )

    def static(self, found: Any) -> Value:
        """A Python object as a value: state is read, everything else stays what it is."""
        if isinstance(found, Declaration) and not (found.is_array or found.is_lock):
            return self.load(found, Static(0))
        return Static(found)

    def subscript(self, value: Value, index: Value) -> Value:
        """value[index]"""
        match value, index:
            case (Poison(), _) | (_, Poison()):
                raise Refused(None)
            case Static(value=Declaration(is_array=True) as declaration), _:
                return self.load(declaration, self.need_scalar(index))
            case Items(), Static(value=int(position)) if position < len(value.values):
                return value.values[position]
            case Static(value=list() | tuple() | dict() as known), Static(value=key):
                return self._static_element(known, key)
            case Static(value=list() | tuple()), Dynamic():
                raise self.refuse(
                    "the element of a Python list must be known before the model runs",
                    "loop over the list and compare, or declare the values as state",
                )
            case _:
                raise self.refuse(f"{describe(value)} has no elements")

    def _static_element(self, known: Any, key: Any) -> Value:
        try:
            return self.static(known[key])
        except (LookupError, TypeError):
            raise self.refuse(f"there is no element {key!r}") from None

    # --- operators ----------------------------------------------------------------------------

    def _binop(self, node: ast.BinOp) -> Value:
        a, b = self.scalar(node.left), self.scalar(node.right)
        return self.arithmetic(node.op, a, b)

    def arithmetic(self, op: ast.operator, a: Static | Dynamic, b: Static | Dynamic) -> Value:
        found = BINARY.get(type(op))
        if found is None:
            raise self.refuse(
                f"the operator {type(op).__name__} is not part of the language",
                "numbers here are whole: use // % << >> & | ^ + - *",
            )
        if isinstance(a, Static) and isinstance(b, Static):
            try:
                return Static(PYTHON[found](a.value, b.value))
            except (ArithmeticError, TypeError, ValueError) as error:
                raise self.refuse(f"this cannot be computed: {error}") from None
        if found in (Arithmetic.DIV, Arithmetic.MOD) and not (
            isinstance(b, Static) and isinstance(b.value, int) and b.value > 0
        ):
            raise self.refuse("the divisor must be a positive constant")
        return self.binary(found, a, b)

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.scalar(node.operand)
        match node.op:
            case ast.Not():
                return self.negate(value)
            case ast.USub():
                return self.arithmetic(ast.Sub(), Static(0), value)
            case ast.UAdd():
                return value
            case _:
                raise self.refuse("`~` is not part of the language", "use ^ with a mask")

    def negate(self, value: Static | Dynamic) -> Static | Dynamic:
        if isinstance(value, Static):
            return Static(not _truth(value))
        return self.binary(Arithmetic.EQ, value, Static(0))

    def compare(self, op: ast.cmpop, a: Value, b: Value) -> Static | Dynamic:
        """a op b"""
        if isinstance(op, ast.In | ast.NotIn):
            found = self._contains(b, self.need_scalar(a))
            return self.negate(found) if isinstance(op, ast.NotIn) else found
        if isinstance(op, ast.Is | ast.IsNot):
            return self._identical(a, b, isinstance(op, ast.Is))
        if isinstance(a, Static) and isinstance(b, Static) and not (is_scalar(a) and is_scalar(b)):
            same = a.value == b.value
            return Static(same if isinstance(op, ast.Eq) else not same)
        x, y = self.need_scalar(a), self.need_scalar(b)
        found_operator, swap = COMPARE[type(op)]
        if swap:
            x, y = y, x
        if isinstance(x, Static) and isinstance(y, Static):
            return Static(PYTHON[found_operator](_number(x), _number(y)))
        return self.binary(found_operator, x, y)

    def _identical(self, a: Value, b: Value, wanted: bool) -> Static:
        if isinstance(a, Static) and isinstance(b, Static):
            return Static((a.value is b.value) == wanted)
        if Static(None) in (a, b):
            return Static(not wanted)
        raise self.refuse("`is` compares Python objects known before the model runs", "use ==")

    def _contains(self, container: Value, item: Static | Dynamic) -> Static | Dynamic:
        bounds = self.bounds_of(container)
        if bounds is not None:
            start, end = bounds
            above = self.compare(ast.LtE(), start, item)
            below = self.compare(ast.Lt(), item, end)
            if isinstance(above, Static) or isinstance(below, Static):
                return self._static_and(above, below)
            return self.binary(Arithmetic.AND, above, below)
        members = self.members(container)
        found: Static | Dynamic = FALSE
        for member in members:
            same = self.compare(ast.Eq(), item, member)
            found = self._static_or(found, same)
        return found

    def _static_and(self, a: Static | Dynamic, b: Static | Dynamic) -> Static | Dynamic:
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Static):
                return other if _truth(one) else FALSE
        return self.binary(Arithmetic.AND, a, b)

    def _static_or(self, a: Static | Dynamic, b: Static | Dynamic) -> Static | Dynamic:
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Static):
                return TRUE if _truth(one) else other
        return self.binary(Arithmetic.OR, a, b)

    def bounds_of(self, value: Value) -> tuple[Static | Dynamic, Static | Dynamic] | None:
        """Start and end of a range of whole numbers, or None for anything else."""
        match value:
            case Struct(cls=cls, fields=parts) if cls is PageRange:
                return self.need_scalar(parts["start"]), self.need_scalar(parts["end"])
            case Static(value=PageRange(start=start, end=end)):
                return Static(start), Static(end)
            case Static(value=range() as known) if known.step == 1:
                return Static(known.start), Static(known.stop)
            case _:
                return None

    def members(self, value: Value) -> tuple[Value, ...]:
        """The elements of a list or tuple known now."""
        match value:
            case Items():
                return value.values
            case Static(value=list() | tuple() | range() | dict() | frozenset() as known):
                return tuple(self.static(member) for member in known)
            case Poison():
                raise Refused(None)
            case _:
                raise self.refuse(
                    f"{describe(value)} cannot be looped over",
                    "loop over a page range, a range(…), or a list built in __init__",
                )

    # --- conditions ---------------------------------------------------------------------------

    def condition(self, node: ast.expr, then: int, other: int) -> bool | None:
        """Branch on an expression; True or False if it is known now (and nothing was emitted)."""
        before, self.where = self.where, self.scope.where(node)
        try:
            return self._condition(node, then, other)
        finally:
            self.where = before

    def _condition(self, node: ast.expr, then: int, other: int) -> bool | None:
        match node:
            case ast.BoolOp(op=op, values=[*first, last]):
                conjunction = isinstance(op, ast.And)
                for part in first:
                    go_on = self.label()
                    known = self.condition(
                        part, go_on if conjunction else then, other if conjunction else go_on
                    )
                    self.place(go_on)
                    if known is not None and known != conjunction:
                        return self._settled(known, then, other)
                known = self.condition(last, then, other)
                return known if known is None else self._settled(known, then, other)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                known = self.condition(operand, other, then)
                return None if known is None else not known
            case ast.Compare(ops=[_, _, *_]):
                return self._chain(node, then, other)
            case ast.Compare():
                left = self.expression(node.left)
                right = self.expression(node.comparators[0])
                value: Static | Dynamic = self.compare(node.ops[0], left, right)
            case _:
                value = self._truth_value(node)
        if isinstance(value, Static):
            return _truth(value)
        self.branch(value, then, other)
        return None

    def _settled(self, known: bool, then: int, other: int) -> bool | None:
        """A later part decides, but an earlier part may already have branched: then jump."""
        if any(self._leads_to(label) for label in (then, other)):
            self.jump(then if known else other)
            return None
        return known

    def _leads_to(self, label: int) -> bool:
        return any(
            isinstance(operation, Branch) and label in (operation.then, operation.other)
            for operation in self.code
        )

    def _truth_value(self, node: ast.expr) -> Static | Dynamic:
        value = self.expression(node)
        if isinstance(value, Static) and not isinstance(value.value, Declaration):
            return Static(_truth(value))
        bounds = self.bounds_of(value)
        if bounds is not None:
            return self.compare(ast.Lt(), *bounds)
        return self.need_scalar(value)

    def _chain(self, node: ast.Compare, then: int, other: int) -> bool | None:
        left: Value = self.expression(node.left)
        result: Static | Dynamic = TRUE
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.expression(right_node)
            result = self._static_and(result, self.compare(op, left, right))
            left = right
        if isinstance(result, Static):
            return _truth(result)
        self.branch(result, then, other)
        return None

    def _condition_value(self, node: ast.expr) -> Value:
        """A condition where its value is wanted: branch, and put 1 or 0 into a register."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left = self.expression(node.left)
            return self.compare(node.ops[0], left, self.expression(node.comparators[0]))
        then, other, end = self.label(), self.label(), self.label()
        known = self._condition(node, then, other)
        if known is not None:
            for label in (then, other, end):
                self.place(label)
            return Static(known)
        register = self.temporary(kinds.FLAG, "condition")
        for label, value in ((then, TRUE), (other, FALSE)):
            self.place(label)
            self.assign(register, value)
            self.jump(end)
        self.place(end)
        return self.read(register)

    def _conditional(self, node: ast.IfExp) -> Value:
        then, other, end = self.label(), self.label(), self.label()
        known = self.condition(node.test, then, other)
        if known is not None:
            for label in (then, other, end):
                self.place(label)
            return self.expression(node.body if known else node.orelse)
        self.place(then)
        a = self.scalar(node.body)
        register = self.register("either")
        self.assign(register, a)
        self.jump(end)
        self.place(other)
        self.assign(register, self.scalar(node.orelse))
        self.jump(end)
        self.place(end)
        return self.read(register)

    def _joined(self, node: ast.JoinedStr) -> Value:
        text = ""
        for part in node.values:
            value = self.expression(part.value if isinstance(part, ast.FormattedValue) else part)
            if not isinstance(value, Static):
                raise self.refuse("a text can only be built from what is known before the run")
            text += str(value.value)
        return Static(text)

    def make_pte(self, frame: Static | Dynamic, rights: Static | Dynamic) -> Static | Dynamic:
        """Pte(frame, rights); without rights the entry is empty whatever the frame."""
        if isinstance(frame, Static) and isinstance(rights, Static):
            return Static(Pte(frame.value, rights.value))
        if isinstance(rights, Static) and rights.value == 0:
            return Static(Pte(0, 0))
        frames = self.tables.options.geometry.frames
        shifted = self.arithmetic(ast.LShift(), frame, Static(kinds.RIGHTS_BITS))
        entry = self.arithmetic(ast.BitOr(), self.need_scalar(shifted), rights)
        whole = kinds.pte(frames)
        found = Dynamic(operand_of(self.need_scalar(entry)), whole)
        if kind_of(rights).low > 0:
            return found
        register, filled, end = self.temporary(whole, "pte"), self.label(), self.label()
        self.assign(register, Static(0))
        self.branch(rights, filled, end)
        self.place(filled)
        self.assign(register, found)
        self.place(end)
        return self.read(register)


def _truth(value: Static) -> bool:
    known = value.value
    return bool(known.value) if isinstance(known, Pte) else bool(known)


def _number(value: Static) -> Any:
    return value.value.value if isinstance(value.value, Pte) else value.value


def _title(instance: Any) -> str:
    if isinstance(instance, MethodType):
        return f"method `{instance.__name__}`"
    return f"{type(instance).__name__}"


def dataclass_fields(cls: type) -> tuple[str, ...]:
    """Field names of a frozen dataclass; empty for any other class."""
    if not is_dataclass(cls):
        return ()
    return tuple(field.name for field in fields(cls))
