"""Expressions of compiled functions to LLVM IR; `statements` does the rest of a function.

An expression becomes an operand and a kind. A number written out has the kind of what it meets; a
comparison is a flag of one bit until somebody wants a number. Whatever is not part of the language
is refused with its place: that is a mistake in this package.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from shootdown.machine.native.compiled import Primitive
from shootdown.machine.native.text import Text

if TYPE_CHECKING:
    from shootdown.machine.native.translate import Head, Translation

WIDTHS = {"Words": 64, "Halves": 32, "Bytes": 8}
"""kinds of arrays, and the bits of their elements"""
INT, WORD, FLAG, LITERAL, NONE = "int", "Word", "flag", "literal", "None"

_PLAIN = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
}
_KNOWN: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
}
"""what is done with two numbers written out"""
_COMPARE = {
    ast.Eq: ("eq", "eq"),
    ast.NotEq: ("ne", "ne"),
    ast.Lt: ("slt", "ult"),
    ast.LtE: ("sle", "ule"),
    ast.Gt: ("sgt", "ugt"),
    ast.GtE: ("sge", "uge"),
}


class NotInTheLanguageError(Exception):
    """A compiled function says something that cannot be translated."""


class Value(NamedTuple):
    """The result of an expression: an LLVM operand, and how to read its bits."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its fields, as operands."""

    type: type
    fields: dict[str, Value]


class Expressions:
    """Writes the expressions of one function."""

    def __init__(self, module: Translation, head: Head) -> None:
        self.module = module
        self.head = head
        self.text = Text()
        self._labels = 0
        self._slots: list[str] = []
        self._kinds: dict[str, str] = {}
        self._records: dict[str, Record] = {}
        self._loops: list[tuple[str, str]] = []
        """of the loops around here where `continue` and `break` go on"""
        self._dead = False
        """whether nothing gets here"""

    def _slot(self, name: str, kind: str) -> None:
        """Room for a local."""
        known = self._kinds.setdefault(name, kind)
        if known != kind:
            raise self._refuse(self.head.tree, f"{name} is {known} here and {kind} there")
        line = f"  %v.{name} = alloca i64"
        if line not in self._slots:
            self._slots.append(line)

    def room(self, length: int) -> str:
        """The address of so many 64-bit numbers that live as long as the function runs."""
        name = f"%room{len(self._slots)}"
        self._slots.append(f"  {name} = alloca [{length} x i64]")
        return self.text.set(f"ptrtoint ptr {name} to i64")

    def _refuse(self, node: ast.AST, reason: str) -> NotInTheLanguageError:
        line = getattr(node, "lineno", 0)
        return NotInTheLanguageError(f"{self.head.name}, line {line} of it: {reason}")

    def _label(self, what: str) -> str:
        self._labels += 1
        return f"{what}{self._labels}"

    def _begin(self, label: str) -> None:
        """A basic block begins; the one before goes on there if it has not gone elsewhere."""
        if not self._dead:
            self.text.jump(label)
        self.text.label(label)
        self._dead = False

    def _go(self, label: str) -> None:
        self.text.jump(label)
        self._dead = True

    def _branch(self, node: ast.expr, yes: str, no: str) -> None:
        """Go on at one of two blocks."""
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                for part in values[:-1]:
                    more = self._label("and")
                    self._branch(part, more, no)
                    self._begin(more)
                self._branch(values[-1], yes, no)
            case ast.BoolOp(op=ast.Or(), values=values):
                for part in values[:-1]:
                    more = self._label("or")
                    self._branch(part, yes, more)
                    self._begin(more)
                self._branch(values[-1], yes, no)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._branch(operand, no, yes)
            case _:
                self.text.fork(self._flag(node), yes, no)
                self._dead = True

    def _flag(self, node: ast.expr) -> str:
        value = self._value(node)
        if value.kind == FLAG:
            return value.text
        return self.text.set(f"icmp ne i64 {value.text}, 0")

    def _number(self, node: ast.expr) -> Value:
        """An expression as 64 bits."""
        value = self._value(node)
        if value.kind == FLAG:
            return Value(self.text.set(f"zext i1 {value.text} to i64"), INT)
        return value

    def _value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() as number):
                return Value(str(_signed(int(number))), LITERAL)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(value=ast.Name(id=name), attr=field) if name in self._records:
                return self._records[name].fields[field]
            case ast.Subscript():
                return Value(self._get(node), INT)
            case ast.BinOp(left=left, op=how, right=right):
                return self._binary(node, how, self._number(left), self._number(right))
            case ast.UnaryOp(op=ast.USub() | ast.Invert() as how, operand=operand):
                return self._unary(isinstance(how, ast.USub), self._number(operand))
            case ast.Compare(ops=[ast.In()], comparators=[ast.Tuple(elts=options)]):
                return self._one_of(node.left, options)
            case ast.Compare(ops=[_]):
                return self._comparison(node)
            case ast.IfExp() | ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return self._chosen(node)
            case ast.Call():
                return self._call(node)
        raise self._refuse(node, ast.unparse(node))

    def _unary(self, negates: bool, value: Value) -> Value:
        if value.kind == LITERAL:
            number = int(value.text)
            return Value(str(-number if negates else ~number), LITERAL)
        how = f"sub i64 0, {value.text}" if negates else f"xor i64 {value.text}, -1"
        return Value(self.text.set(how), value.kind)

    def _name(self, node: ast.expr, name: str) -> Value:
        if name in self._kinds:
            return Value(self.text.set(f"load i64, ptr %v.{name}"), self._kinds[name])
        constant = self.head.names.get(name)
        if not isinstance(constant, int):
            raise self._refuse(node, f"{name} is no number")
        return Value(str(_signed(int(constant))), LITERAL)

    def _element(self, node: ast.Subscript) -> tuple[str, int]:
        """A pointer to an element of an array, and the bits it has."""
        address, index = self._number(node.value), self._number(node.slice)
        if address.kind not in WIDTHS:
            raise self._refuse(node, f"{ast.unparse(node.value)} is no array")
        bits = WIDTHS[address.kind]
        base = self.text.set(f"inttoptr i64 {address.text} to ptr")
        return self.text.set(f"getelementptr i{bits}, ptr {base}, i64 {index.text}"), bits

    def _get(self, node: ast.Subscript) -> str:
        """An element of an array."""
        at, bits = self._element(node)
        value = self.text.set(f"load i{bits}, ptr {at}")
        return value if bits == 64 else self.text.set(f"zext i{bits} {value} to i64")

    def _binary(self, node: ast.expr, how: ast.operator, a: Value, b: Value) -> Value:
        if a.kind == b.kind == LITERAL:
            return Value(str(_signed(_KNOWN[type(how)](int(a.text), int(b.text)))), LITERAL)
        if isinstance(how, ast.RShift):
            shift = "lshr" if a.kind == WORD else "ashr"
            return Value(self.text.set(f"{shift} i64 {a.text}, {b.text}"), a.kind)
        kind = self._common(node, a, b)
        if type(how) in _PLAIN:
            text = self.text.set(f"{_PLAIN[type(how)]} i64 {a.text}, {b.text}")
            return Value(text, kind)
        if isinstance(how, ast.FloorDiv | ast.Mod):
            return Value(self._divide(isinstance(how, ast.FloorDiv), kind, a, b), kind)
        raise self._refuse(node, ast.unparse(node))

    def _divide(self, wants_quotient: bool, kind: str, a: Value, b: Value) -> str:
        """Python rounds down, the hardware towards 0."""
        if kind == WORD:
            how = "udiv" if wants_quotient else "urem"
            return self.text.set(f"{how} i64 {a.text}, {b.text}")
        rest = self.text.set(f"srem i64 {a.text}, {b.text}")
        uneven = self.text.set(f"icmp ne i64 {rest}, 0")
        mixed = self.text.set(f"xor i64 {rest}, {b.text}")
        differ = self.text.set(f"icmp slt i64 {mixed}, 0")
        down = self.text.set(f"and i1 {uneven}, {differ}")
        if wants_quotient:
            quotient = self.text.set(f"sdiv i64 {a.text}, {b.text}")
            one = self.text.set(f"zext i1 {down} to i64")
            return self.text.set(f"sub i64 {quotient}, {one}")
        raised = self.text.set(f"add i64 {rest}, {b.text}")
        return self.text.set(f"select i1 {down}, i64 {raised}, i64 {rest}")

    def _common(self, node: ast.expr, a: Value, b: Value) -> str:
        """The kind of two operands; a number written out has none of its own."""
        first, second = (INT if kind in WIDTHS else kind for kind in (a.kind, b.kind))
        if LITERAL in (first, second):
            return second if first == LITERAL else first
        if first != second:
            raise self._refuse(node, f"{first} and {second} in {ast.unparse(node)}")
        return first

    def _compare(self, node: ast.expr, how: ast.cmpop, a: Value, b: Value) -> str:
        signed, unsigned = _COMPARE[type(how)]
        relation = unsigned if self._common(node, a, b) == WORD else signed
        return self.text.set(f"icmp {relation} i64 {a.text}, {b.text}")

    def _comparison(self, node: ast.Compare) -> Value:
        a, b = self._number(node.left), self._number(node.comparators[0])
        return Value(self._compare(node, node.ops[0], a, b), FLAG)

    def _one_of(self, left: ast.expr, options: Sequence[ast.expr]) -> Value:
        value = self._number(left)
        flags = [self._compare(left, ast.Eq(), value, self._number(o)) for o in options]
        found = flags[0]
        for flag in flags[1:]:
            found = self.text.set(f"or i1 {found}, {flag}")
        return Value(found, FLAG)

    def _chosen(self, node: ast.expr) -> Value:
        """A value that depends on a condition: only what is needed is computed."""
        chosen = self._label("chosen.")
        yes, no, after = self._label("yes"), self._label("no"), self._label("after")
        if isinstance(node, ast.Compare):
            between = node.comparators[0]
            first = ast.Compare(node.left, node.ops[:1], [between])
            second = ast.Compare(between, node.ops[1:], node.comparators[1:])
            node = ast.copy_location(ast.BoolOp(ast.And(), [first, second]), node)
        if isinstance(node, ast.IfExp):
            test, options = node.test, (node.body, node.orelse)
        else:
            test, options = node, (ast.Constant(1), ast.Constant(0))
        self._branch(test, yes, no)
        kind = LITERAL
        for label, option in zip((yes, no), options, strict=True):
            self._begin(label)
            value = self._number(option)
            kind = self._common(node, Value("", kind), value)
            self._slots += [s for s in [f"  %v.{chosen} = alloca i64"] if s not in self._slots]
            self.text.line(f"store i64 {value.text}, ptr %v.{chosen}")
            self._go(after)
        self._begin(after)
        return Value(self.text.set(f"load i64, ptr %v.{chosen}"), INT if kind == LITERAL else kind)

    def _call(self, node: ast.Call) -> Value:
        name = ast.unparse(node.func)
        if name in ("min", "max"):
            a, b = (self._number(argument) for argument in node.args)
            flag = self._compare(node, ast.Lt() if name == "min" else ast.Gt(), a, b)
            text = self.text.set(f"select i1 {flag}, i64 {a.text}, i64 {b.text}")
            return Value(text, self._common(node, a, b))
        called = self.head.names.get(name)
        if isinstance(called, Primitive):
            operands = [self._number(argument).text for argument in node.args]
            return Value(called.write(self, *operands), called.kind)
        text, head = self._call_function(node)
        return Value(text, head.kinds[0])

    def _call_function(self, node: ast.Call) -> tuple[str, Head]:
        """Call another compiled function."""
        called = self.head.names.get(ast.unparse(node.func))
        if called is None or not hasattr(called, "inlined"):
            raise self._refuse(node, f"{ast.unparse(node.func)} is not compiled")
        head = self.module.head(called)
        passed: list[str] = []
        for argument, (name, kind) in zip(node.args, head.parameters, strict=True):
            passed += self._argument(argument, name, kind)
        call = f"call {head.gives} @{head.name}({', '.join(passed)})"
        if head.gives == "void":
            self.text.line(call)
            return "", head
        return self.text.set(call), head

    def _argument(self, node: ast.expr, name: str, kind: str | type) -> list[str]:
        if isinstance(kind, str):
            value = self._number(node)
            if kind in WIDTHS and value.kind != kind:
                raise self._refuse(node, f"{name} has to be {kind}")
            self._common(node, value, Value("", kind))
            return [f"i64 {value.text}"]
        record = self._records.get(ast.unparse(node))
        if record is None or record.type is not kind:
            raise self._refuse(node, f"{name} has to be a {kind.__name__}")
        if kind in self.module.constants:
            return []
        return [f"i64 {operand.text}" for operand in record.fields.values()]


def _signed(number: int) -> int:
    """A 64-bit pattern as LLVM writes constants."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number
