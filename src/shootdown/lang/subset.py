"""What the language refuses on sight, and the look over a class that finds all of it at once.

Lowering only sees what a scenario reaches with the options given. A driver's author wants to hear
about everything: `check_subset` therefore looks at the syntax alone, before anything is lowered,
beginning at given methods and following calls by name. Both speak from the one table in this file,
so a mistake found by both is the same diagnostic.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from shootdown.lang.errors import Collector, Diagnostic, in_order
from shootdown.lang.source import Source, find_function, is_shipped
from shootdown.program.where import Where

AT_MODULE = "define it as a method, or at module level"
AT_TOP = "import at the top of the file"
IN_STATE = "keep what changes in state variables"
ACTORS = "actors are the only concurrency"
LOOP = "write a `for` loop, or compute it in __init__"
DIRECTLY = "write it directly in any(…), all(…), sum(…), or as a list: […]"
IN_INIT = "build it in __init__"
PATTERN = "match a number, a flag or a member of an Enum, and ask for the rest with `if`"
NOTHING_RAISED = "nothing is raised in a model: `try: … finally: …` runs a block on every way out"

UNSUPPORTED: dict[type[ast.AST], tuple[str, str]] = {
    ast.TryStar: ("`except`", NOTHING_RAISED),
    ast.FunctionDef: ("a function inside a method", AT_MODULE),
    ast.AsyncFunctionDef: ("`async def`", ACTORS),
    ast.ClassDef: ("a class inside a method", "define it at module level"),
    ast.Raise: ("`raise`", "use `assert` for what must never happen"),
    ast.Import: ("`import` inside a method", AT_TOP),
    ast.ImportFrom: ("`import` inside a method", AT_TOP),
    ast.Global: ("`global`", IN_STATE),
    ast.Nonlocal: ("`nonlocal`", IN_STATE),
    ast.Delete: ("`del`", "assign EMPTY or 0 instead"),
    ast.Yield: ("`yield`", "call a method instead"),
    ast.YieldFrom: ("`yield from`", "call a method instead"),
    ast.Lambda: ("`lambda`", AT_MODULE),
    ast.NamedExpr: ("`:=`", "assign on a line of its own"),
    ast.SetComp: ("a set comprehension", LOOP),
    ast.DictComp: ("a dict comprehension", LOOP),
    ast.GeneratorExp: ("a generator expression", DIRECTLY),
    ast.Dict: ("a dict", IN_INIT),
    ast.Set: ("a set", "write a tuple: x in (1, 2)"),
    ast.MatchSequence: ("a sequence in `case`", PATTERN),
    ast.MatchMapping: ("a dict in `case`", PATTERN),
    ast.MatchClass: ("a class in `case`", PATTERN),
    ast.Starred: ("`*` before a value", "write the values out"),
    ast.Div: ("`/`", "numbers here are whole: use //"),
    ast.Pow: ("`**`", "use << for powers of two, or compute it in __init__"),
    ast.MatMult: ("`@` between values", "use + - * // % << >> & | ^"),
    ast.Invert: ("`~`", "use ^ with a mask"),
}
"""what is not part of the language, and what to write instead"""

WHILE_ELSE = ("`while … else` is not part of the language", "put the `else` block after the loop")
FOR_ELSE = ("`for … else` is not part of the language", "put the `else` block after the loop")
WITH_AS = ("`with … as` is not part of the language", "leave out the `as`")
CAPTURE = (
    "a name in `case` is not part of the language",
    "write `case _:`, and a dot before a constant of this file: `case Phase.BUSY:`",
)
EXCEPT = ("`except` is not part of the language", NOTHING_RAISED)
DOUBLE_STAR = ("`**` before a value is not part of the language", "write the values out")


def refusal(node: ast.AST) -> tuple[str, str]:
    """Message and help for a node that is not part of the language."""
    name, help = UNSUPPORTED.get(
        type(node), (f"`{type(node).__name__}`", "docs/language.md lists what is")
    )
    return f"{name} is not part of the language", help


def generator_of(node: ast.AST) -> ast.GeneratorExp | None:
    """The generator expression that is all a call is given."""
    match node:
        case ast.Call(args=[ast.GeneratorExp() as generator], keywords=[]):
            return generator
        case _:
            return None


def leaves_finally(block: Iterable[ast.AST], in_loop: bool = False) -> ast.stmt | None:
    """The first statement by which a `finally` block would be left before its end."""
    for node in block:
        if isinstance(node, ast.Return):
            return node
        if isinstance(node, ast.Break | ast.Continue) and not in_loop:
            return node
        if isinstance(node, ast.stmt | ast.match_case) and not isinstance(node, WHOLE):
            inside = in_loop or isinstance(node, ast.For | ast.While)
            found = leaves_finally(ast.iter_child_nodes(node), inside)
            if found is not None:
                return found
    return None


def way_out(node: ast.stmt) -> tuple[str, str]:
    """Message and help for a statement that leaves a `finally` block."""
    word = type(node).__name__.lower()
    message = f"`{word}` out of a `finally` block is not part of the language"
    return message, "write it after the `try`, or in it"


def refusals(node: ast.AST) -> list[tuple[str, str]]:
    """What is wrong with this node, its children aside."""
    match node:
        case ast.While(orelse=[_, *_]):
            return [WHILE_ELSE]
        case ast.For(orelse=[_, *_]):
            return [FOR_ELSE]
        case ast.With(items=items) if any(item.optional_vars for item in items):
            return [WITH_AS]
        case ast.Try(handlers=[_, *_]):
            return [EXCEPT]
        case ast.MatchAs(name=str()):
            return [CAPTURE]
        case ast.Call(keywords=keywords) if any(keyword.arg is None for keyword in keywords):
            return [DOUBLE_STAR]
        case ast.BinOp(op=part) | ast.AugAssign(op=part) | ast.UnaryOp(op=part):
            return [refusal(part)] if type(part) in UNSUPPORTED else []
        case _:
            return [refusal(node)] if type(node) in UNSUPPORTED else []


WHOLE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
    ast.MatchSequence, ast.MatchMapping, ast.MatchClass,
)  # fmt: skip
"""refused as one piece: what is inside is another function's, or follows"""


def check_subset(cls: type, roots: Iterable[str]) -> list[Diagnostic]:
    """Everything in these methods of a class, and in what they call by name, that is not part of
    the language; in order of file and line.

    Followed are `self.method` and `super().method` in the class and its bases, functions of the
    same file, and methods that `__init__` gives away to run later: `Work(self.poll)`. Shipped base
    classes of a class of yours are taken as correct.
    """
    look = _Look(cls)
    for name in (*roots, *_given_away(cls)):
        look.method(cls.__mro__, name)
    return in_order(look.errors.found.values())


def _given_away(cls: type) -> Iterator[str]:
    """The names of methods that are arguments of calls in `__init__`."""
    for base in cls.__mro__:
        made = vars(base).get("__init__")
        found = find_function(made) if isinstance(made, FunctionType) else None
        for node in ast.walk(found[1]) if found else ():
            for given in node.args if isinstance(node, ast.Call) else ():
                if isinstance(given, ast.Attribute) and isinstance(given.value, ast.Name):
                    yield given.attr


@dataclass(slots=True)
class _Look:
    """One look over a class; each function once."""

    cls: type
    seen: set[FunctionType] = field(default_factory=set)
    errors: Collector = field(default_factory=Collector)

    def method(self, classes: Iterable[type], name: str) -> None:
        """The method or property of that name in the first class that has it."""
        for cls in classes:
            if name in vars(cls):
                if is_shipped(cls) and not is_shipped(self.cls):
                    return
                for function in _functions(vars(cls)[name]):
                    self.function(function, cls)
                return

    def function(self, function: FunctionType, owner: type | None) -> None:
        """One function, and what it calls."""
        found = find_function(function)
        if function in self.seen or found is None:
            return
        self.seen.add(function)
        source, node = found
        for child in _nodes(node.body):
            for message, help in refusals(child):
                self._add(function, source, child, message, help)
            left = leaves_finally(child.finalbody) if isinstance(child, ast.Try) else None
            if left is not None:
                self._add(function, source, left, *way_out(left))
            if isinstance(child, ast.Attribute) and owner is not None:
                self._follow(node, child, owner)
            elif isinstance(child, ast.Call) and isinstance(child.func, ast.Name):
                called = function.__globals__.get(child.func.id)
                if isinstance(called, FunctionType) and _same_file(called, function):
                    self.function(called, None)

    def _follow(self, node: ast.FunctionDef, child: ast.Attribute, owner: type) -> None:
        first = node.args.args[0].arg if node.args.args else None
        match child.value:
            case ast.Name(id=name) if name == first:
                self.method(self.cls.__mro__, child.attr)
            case ast.Call(func=ast.Name(id="super"), args=[]):
                mro = self.cls.__mro__
                self.method(mro[mro.index(owner) + 1 :], child.attr)

    def _add(
        self, function: FunctionType, source: Source, node: ast.AST, message: str, help: str
    ) -> None:
        where: Where = source.where(node, function.__qualname__, None)
        self.errors.add(Diagnostic(where, message, help, before=source.before(where)))


def _functions(member: Any) -> Iterator[FunctionType]:
    """The functions behind a name of a class: a method, a property, a static method."""
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, staticmethod | classmethod):
        member = member.__func__
    if isinstance(member, FunctionType):
        yield member


def _same_file(called: FunctionType, function: FunctionType) -> bool:
    return called.__code__.co_filename == function.__code__.co_filename


def _nodes(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes below some statements, without the insides of functions and classes there, and
    without annotations, which Python does not evaluate either."""
    work = list(statements)[::-1]
    while work:
        node = work.pop()
        yield node
        if isinstance(node, WHOLE):
            continue
        children = ast.iter_child_nodes(node)
        if isinstance(node, ast.Call) and (generator := generator_of(node)) is not None:
            children = iter([node.func, *ast.iter_child_nodes(generator)])
        if isinstance(node, ast.AnnAssign):
            children = iter([c for c in (node.target, node.value) if c is not None])
        work += [c for c in children if not isinstance(c, ast.operator | ast.unaryop)][::-1]
