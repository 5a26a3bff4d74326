"""Compiled functions to LLVM IR, statement by statement. See `compiled` for what may be said."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from shootdown.machine.native.expressions import (
    INT,
    LITERAL,
    NONE,
    WIDTHS,
    Expressions,
    NotInTheLanguageError,
    Record,
    Value,
)


class Writer(Expressions):
    """Writes one function."""

    def write(self) -> list[str]:
        """The whole function."""
        arguments = []
        for name, kind in self.head.parameters:
            arguments += self._parameter(name, kind)
        self._block(self.head.tree.body)
        if not self._dead:
            if self.head.kinds != (NONE,):
                raise NotInTheLanguageError(f"{self.head.name} may end without a result")
            self.text.line("ret void")
        style = "alwaysinline " if self.head.inlined else ""
        given = ", ".join(arguments)
        first = f"define internal {self.head.gives} @{self.head.name}({given}) {style}nounwind {{"
        return [first, "entry:", *self._slots, *self.text.lines, "}"]

    def _parameter(self, name: str, kind: str | type) -> list[str]:
        """The arguments that make up a parameter."""
        if isinstance(kind, str):
            self._slot(name, kind)
            self.text.line(f"store i64 %a.{name}, ptr %v.{name}")
            return [f"i64 %a.{name}"]
        constants = self.module.constants.get(kind)
        if constants is not None:
            known = {f: Value(str(getattr(constants, f)), INT) for f in kind.__annotations__}
            self._records[name] = Record(kind, known)
            return []
        kinds = {field: _kind_of(note) for field, note in kind.__annotations__.items()}
        fields = {field: Value(f"%a.{name}.{field}", kind) for field, kind in kinds.items()}
        self._records[name] = Record(kind, fields)
        return [f"i64 {operand.text}" for operand in fields.values()]

    def _block(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            if self._dead:
                raise self._refuse(statement, "nothing gets here")
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                self._assign(target, value)
            case ast.AugAssign(target=target, op=how, value=value):
                old = ast.copy_location(_loaded(target), target)
                new = ast.copy_location(ast.BinOp(old, how, value), node)
                self._assign(target, new)
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                pass
            case ast.Expr(value=ast.Call() as call):
                self._call(call)
            case ast.If():
                self._if(node)
            case ast.While():
                self._while(node)
            case ast.For():
                self._for(node)
            case ast.Return(value=value):
                self._return(value)
            case ast.Continue():
                self._go(self._loops[-1][0])
            case ast.Break():
                self._go(self._loops[-1][1])
            case _:
                raise self._refuse(node, ast.unparse(node))

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Tuple):
            self._put(target, self._number(value))
            return
        if isinstance(value, ast.Tuple):
            values = [self._number(part) for part in value.elts]
        else:
            values = self._parts(value)
        for one, what in zip(target.elts, values, strict=True):
            self._put(one, what)

    def _parts(self, node: ast.expr) -> list[Value]:
        """What a call returns, one by one."""
        if not isinstance(node, ast.Call):
            raise self._refuse(node, "only a call gives many values")
        whole, head = self._call_function(node)
        return [
            Value(self.text.set(f"extractvalue {head.gives} {whole}, {place}"), kind)
            for place, kind in enumerate(head.kinds)
        ]

    def _put(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            known = self._kinds.get(target.id)
            kind = value.kind if value.kind != LITERAL else known or INT
            self._slot(target.id, kind)
            self.text.line(f"store i64 {value.text}, ptr %v.{target.id}")
        elif isinstance(target, ast.Subscript):
            at, bits = self._element(target)
            text = value.text
            if bits < 64:
                text = self.text.set(f"trunc i64 {text} to i{bits}")
            self.text.line(f"store i{bits} {text}, ptr {at}")
        else:
            raise self._refuse(target, ast.unparse(target))

    def _if(self, node: ast.If) -> None:
        then, other, after = self._label("then"), self._label("else"), self._label("after")
        self._branch(node.test, then, other if node.orelse else after)
        self._begin(then)
        self._block(node.body)
        ends = [self._dead]
        if not self._dead:
            self._go(after)
        if node.orelse:
            self._begin(other)
            self._block(node.orelse)
            ends.append(self._dead)
            if not self._dead:
                self._go(after)
        if len(ends) == 2 and all(ends):
            self._dead = True
        else:
            self._begin(after)

    def _while(self, node: ast.While) -> None:
        head, body, after = self._label("head"), self._label("body"), self._label("after")
        for_ever = isinstance(node.test, ast.Constant) and node.test.value is True
        self._begin(head)
        if for_ever:
            self._go(body)
        else:
            self._branch(node.test, body, after)
        self._begin(body)
        self._loops.append((head, after))
        self._block(node.body)
        self._loops.pop()
        if not self._dead:
            self._go(head)
        self._dead = True
        if not for_ever or _breaks(node.body):
            self._begin(after)

    def _for(self, node: ast.For) -> None:
        """`for name in range(…)`; the step is a constant."""
        start, stop, step = self._range(node.iter)
        if not isinstance(node.target, ast.Name):
            raise self._refuse(node, "a loop has one variable")
        counter = self._label("counter.")
        self._slot(counter, INT)
        self.text.line(f"store i64 {start.text}, ptr %v.{counter}")
        labels = [self._label(name) for name in ("head", "body", "next", "after")]
        head, body, following, after = labels
        self._begin(head)
        now = self.text.set(f"load i64, ptr %v.{counter}")
        relation = "slt" if step > 0 else "sgt"
        flag = self.text.set(f"icmp {relation} i64 {now}, {stop.text}")
        self.text.fork(flag, body, after)
        self._dead = True
        self._begin(body)
        self._put(node.target, Value(now, INT))
        self._loops.append((following, after))
        self._block(node.body)
        self._loops.pop()
        self._begin(following)
        self.text.bump(f"%v.{counter}", str(step))
        self._go(head)
        self._begin(after)

    def _range(self, node: ast.expr) -> tuple[Value, Value, int]:
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "range"):
            raise self._refuse(node, "only a range can be gone through")
        given = [self._number(argument) for argument in node.args]
        if len(given) == 1:
            return Value("0", LITERAL), given[0], 1
        return given[0], given[1], int(given[2].text) if len(given) == 3 else 1

    def _return(self, value: ast.expr | None) -> None:
        kinds = self.head.kinds
        if value is None:
            self.text.line("ret void")
        elif len(kinds) == 1:
            self.text.line(f"ret i64 {self._number(value).text}")
        elif isinstance(value, ast.Tuple) and len(value.elts) == len(kinds):
            whole = "undef"
            for place, part in enumerate(value.elts):
                number = self._number(part).text
                whole = self.text.set(
                    f"insertvalue {self.head.gives} {whole}, i64 {number}, {place}"
                )
            self.text.line(f"ret {self.head.gives} {whole}")
        else:
            raise self._refuse(value, "another number of results")
        self._dead = True


def _kind_of(annotation: Any) -> str:
    """The kind of a field of a record, whose annotation is a name that need not be evaluated."""
    name = str(getattr(annotation, "__forward_arg__", annotation))
    if name not in (INT, *WIDTHS):
        raise NotInTheLanguageError(f"a field cannot be {name}")
    return name


def _loaded(target: ast.expr) -> ast.expr:
    """What was assigned to, to be read."""
    return ast.parse(ast.unparse(target), mode="eval").body


def _breaks(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop with this body can be left by `break`."""
    for statement in body:
        if isinstance(statement, ast.Break):
            return True
        if isinstance(statement, ast.If) and _breaks([*statement.body, *statement.orelse]):
            return True
    return False
