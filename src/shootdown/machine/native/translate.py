"""Compiled functions (see `compiled`) to LLVM IR.

Every function becomes one internal function of the module, and every entry one more that the
outside can call, `i64 name(i64, …)`: there a record is handed over as the address of its fields,
everywhere else as its fields, one argument each. Locals are stack slots that LLVM turns into
values.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shootdown.machine.native.compiled import Shape
from shootdown.machine.native.expressions import INT, NONE, WIDTHS, WORD, NotInTheLanguageError
from shootdown.machine.native.statements import Writer
from shootdown.machine.native.text import Text

_SCALARS = {"int": INT, "bool": INT, "Word": WORD, "None": NONE, **{name: name for name in WIDTHS}}


@dataclass(frozen=True, slots=True)
class Head:
    """What a caller has to know of a function."""

    name: str
    parameters: tuple[tuple[str, str | type], ...]
    """names, with the kind or the class of a record"""
    kinds: tuple[str, ...]
    """of what it returns"""
    tree: ast.FunctionDef
    names: dict[str, Any]
    """the globals of its module"""
    inlined: bool

    @property
    def gives(self) -> str:
        """The type it returns."""
        if self.kinds == (NONE,):
            return "void"
        return "i64" if len(self.kinds) == 1 else f"{{ {', '.join(['i64'] * len(self.kinds))} }}"


class Translation:
    """One module: `entry` for each function that the outside calls, then `text`."""

    def __init__(self, shape: Shape) -> None:
        self.constants: dict[type, Shape] = {Shape: shape}
        self.declarations: dict[str, None] = {}
        self._heads: dict[Callable[..., Any], Head] = {}
        self._waiting: list[Head] = []
        self._lines: list[str] = []

    def entry(self, function: Callable[..., Any]) -> None:
        """Translate a function and all it calls, and let it be called from outside."""
        head = self.head(function)
        text = Text()
        arguments, passed = [], []
        for name, kind in head.parameters:
            if isinstance(kind, str):
                arguments.append(f"i64 %a.{name}")
                passed.append(f"i64 %a.{name}")
            elif kind not in self.constants:
                arguments.append(f"ptr %a.{name}")
                for place in range(len(kind.__annotations__)):
                    at = text.set(f"getelementptr i64, ptr %a.{name}, i64 {place}")
                    passed.append(f"i64 {text.set(f'load i64, ptr {at}')}")
        call = f"call {head.gives} @{head.name}({', '.join(passed)})"
        outer = function.__name__
        if head.kinds == (NONE,):
            text.line(call)
            text.line("ret i64 0")
        else:
            text.line(f"ret i64 {text.set(call)}")
        self._lines += [f"define i64 @{outer}({', '.join(arguments)}) {{", *text.lines, "}"]
        while self._waiting:
            self._lines += Writer(self, self._waiting.pop()).write()

    @property
    def text(self) -> str:
        """The module."""
        return "\n".join([*self.declarations, *self._lines])

    def declare(self, line: str) -> None:
        """Make sure that something from outside is known."""
        self.declarations[f"declare {line}"] = None

    def head(self, function: Callable[..., Any]) -> Head:
        """What there is to know of a function; it gets translated too."""
        if function not in self._heads:
            self._heads[function] = head = self._read(function)
            self._waiting.append(head)
        return self._heads[function]

    def _read(self, function: Callable[..., Any]) -> Head:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        names = function.__globals__
        parameters = tuple((a.arg, _kind(a.annotation, names)) for a in tree.args.args)
        if isinstance(tree.returns, ast.Subscript):
            assert isinstance(tree.returns.slice, ast.Tuple)
            kinds = tuple(_scalar(part, names) for part in tree.returns.slice.elts)
        else:
            kinds = (_scalar(tree.returns, names),)
        module = function.__module__.rpartition(".")[2]
        name = f"{module}.{function.__name__}"
        return Head(name, parameters, kinds, tree, names, function.__dict__["inlined"])


def _kind(annotation: ast.expr | None, names: dict[str, Any]) -> str | type:
    """A kind of number, or a class of records."""
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return NONE
    if not isinstance(annotation, ast.Name):
        raise NotInTheLanguageError(ast.unparse(annotation) if annotation else "no annotation")
    scalar = _SCALARS.get(annotation.id)
    return scalar if scalar else _record_class(names[annotation.id])


def _record_class(found: Any) -> type:
    if not (isinstance(found, type) and issubclass(found, tuple)):
        raise NotInTheLanguageError(f"{found} is no record")
    return found


def _scalar(annotation: ast.expr | None, names: dict[str, Any]) -> str:
    kind = _kind(annotation, names)
    if not isinstance(kind, str):
        raise NotInTheLanguageError(f"a function cannot return {kind}")
    return kind
