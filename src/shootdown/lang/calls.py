"""Calls: what the language knows by itself, what Python computes now, and everything else inlined."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType, MethodType
from typing import Any

from shootdown.lang import declare
from shootdown.lang.declare import Declaration, PageRange, Pte, RwSemaphore
from shootdown.lang.emitter import ASSERTION
from shootdown.lang.errors import Refused
from shootdown.lang.expressions import Expressions, dataclass_fields
from shootdown.lang.scope import Scope, changing_names
from shootdown.lang.source import find_function
from shootdown.lang.values import (
    FALSE,
    NONE,
    Dynamic,
    Items,
    LockUse,
    Method,
    Parent,
    Poison,
    Static,
    Struct,
    Value,
    describe,
    kind_of,
)
from shootdown.program.operation import Mode, Patience, Point
from shootdown.program.program import Rule

STATIC_CALLS: tuple[Any, ...] = (
    len, range, min, max, bool, int, abs, isinstance, hasattr, getattr, enumerate, zip, reversed,
    sorted, list, tuple, str, type, any, all, sum,
)  # fmt: skip
"""builtins that Python itself computes when their arguments are known"""

DEEPEST = 60
"""calls inside calls; a model that needs more calls itself in a way the check below cannot see"""


class Calls(Expressions):
    """The part of the compiler that knows calls."""

    stack: list[Scope]

    def body(self, statements: list[ast.stmt]) -> None:
        raise NotImplementedError  # `statements.Statements` has it

    def call(self, node: ast.Call) -> Value:
        """function(arguments)"""
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return self._super()
        callee = self.expression(node.func)
        known = callee.value if isinstance(callee, Static) else None
        intrinsic = self._intrinsics().get(known) if isinstance(known, FunctionType) else None
        if intrinsic is not None:
            return intrinsic(node)
        positional = [self.expression(self._plain(argument)) for argument in node.args]
        named = {self._keyword(k): self.expression(k.value) for k in node.keywords}
        return self.apply(callee, positional, named)

    def apply(self, callee: Value, positional: list[Value], named: dict[str, Value]) -> Value:
        """Call a value that is not one of the language's own functions."""
        match callee:
            case Poison():
                raise Refused(None)
            case Method():
                return self.inline(callee.function, callee.receiver, positional, named)
            case Static(value=MethodType(__self__=RwSemaphore() as lock) as method):
                return self._lock_method(lock, method.__name__)
            case Static(value=MethodType(__func__=FunctionType() as function) as method):
                return self.inline(function, Static(method.__self__), positional, named)
            case Static(value=FunctionType() as function):
                return self.inline(function, None, positional, named)
            case Static(value=type() as cls) if cls is Pte:
                return self._pte(positional)
            case Static(value=type() as cls) if dataclass_fields(cls):
                return self._record(cls, positional, named)
            case Static(value=builtin) if builtin in STATIC_CALLS:
                return self._static_call(builtin, positional, named)
            case _:
                raise self.refuse(
                    f"{describe(callee)} cannot be called in a model",
                    "call methods of parts, plain functions, or compute it in __init__",
                )

    # --- inlining -----------------------------------------------------------------------------

    def inline(
        self,
        function: FunctionType,
        receiver: Value | None,
        positional: list[Value],
        named: dict[str, Value] | None = None,
    ) -> Value:
        """Compile the body of a function here; its result. Without checks there are no rules."""
        if getattr(function, "__ghost__", False) and not self.tables.options.checked:
            return NONE
        found = find_function(function)
        if found is None:
            raise self.refuse(
                f"`{function.__qualname__}` has no source, so it cannot be compiled",
                "define it with `def` in a file",
            )
        source, node = found
        self._refuse_recursion(function, receiver)
        arguments = [*([] if receiver is None else [receiver]), *positional]
        names = self._bind(function, node, arguments, named or {})
        scope = Scope(
            function, source, node, self.where, len(self.held), self.depth, self.label(), dict(names)
        )
        scope.changing = changing_names(node)
        return self._run(scope)

    def _run(self, scope: Scope) -> Value:
        before = getattr(self, "scope", None)
        indivisible = bool(getattr(scope.function, "__indivisible__", False))
        is_ghost = bool(getattr(scope.function, "__ghost__", False))
        if indivisible and not self.atomic:
            self.point()
        self.atomic += indivisible or is_ghost
        self.ghosts += is_ghost
        self.stack.append(scope)
        self.scope = scope
        where = self.where
        self.body(scope.node.body)
        self.where = where
        self.place(scope.leave)
        self.stack.pop()
        if before is not None:
            self.scope = before
        self.atomic -= indivisible or is_ghost
        self.ghosts -= is_ghost
        return self._result(scope)

    def _result(self, scope: Scope) -> Value:
        if not scope.jumped:
            return scope.value
        if scope.result is None:
            return NONE
        if not scope.ended:
            raise self.refuse(
                f"`{scope.function.__name__}` returns a value in one place and none at its end",
                "return a value on every way out",
            )
        return self.read_slot(scope.result)

    def _refuse_recursion(self, function: FunctionType, receiver: Value | None) -> None:
        for scope in self.stack:
            same = scope.function is function
            if same and (not isinstance(receiver, Static) or scope.names.get("self") == receiver):
                raise self.refuse(
                    f"`{function.__qualname__}` calls itself",
                    "calls are inlined, so recursion has no end here: write a loop",
                )
        if len(self.stack) >= DEEPEST:
            raise self.refuse(f"calls are nested deeper than {DEEPEST}", "look for recursion")

    def _bind(
        self,
        function: FunctionType,
        node: ast.FunctionDef,
        positional: list[Value],
        named: dict[str, Value],
    ) -> dict[str, Value]:
        parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        if node.args.vararg or node.args.kwarg:
            raise self.refuse(f"`{function.__name__}` takes *args or **kwargs", "name each one")
        values = dict(zip(parameters, positional, strict=False))
        only = [argument.arg for argument in node.args.kwonlyargs]
        unknown = [name for name in named if name not in (*parameters, *only) or name in values]
        if len(positional) > len(parameters) or unknown:
            extra = f"no `{unknown[0]}`" if unknown else f"{len(parameters)}, not {len(positional)}"
            raise self.refuse(
                f"`{function.__qualname__}` takes {extra}",
                f"it is declared as {function.__name__}({', '.join((*parameters, *only))})",
            )
        values.update(named)
        defaults = function.__defaults__ or ()
        tail = parameters[len(parameters) - len(defaults) :]
        for name, value in (*zip(tail, defaults, strict=True), *(function.__kwdefaults__ or {}).items()):
            values.setdefault(name, Static(value))
        missing = [name for name in (*parameters, *only) if name not in values]
        if missing:
            raise self.refuse(
                f"`{function.__qualname__}` needs a value for `{missing[0]}`",
                f"it is declared as {function.__name__}({', '.join((*parameters, *only))})",
            )
        return values

    def _super(self) -> Value:
        cls = self.scope.outer("__class__")
        receiver = self.scope.names.get(self.scope.node.args.args[0].arg)
        if cls is None or not isinstance(receiver, Static):
            raise self.refuse("super() only works inside a method of a part")
        return Parent(receiver.value, cls.value)

    def _plain(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            raise self.refuse("*arguments are not part of the language", "write them out")
        return node

    def _keyword(self, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            raise self.refuse("**arguments are not part of the language", "write them out")
        return keyword.arg

    # --- objects ------------------------------------------------------------------------------

    def _lock_method(self, lock: Declaration, name: str) -> Value:
        match name:
            case "read":
                return LockUse(lock, Mode.READ)
            case "write":
                return LockUse(lock, Mode.WRITE)
            case _:
                self.downgrade(lock)
                return NONE

    def _pte(self, positional: list[Value]) -> Value:
        if len(positional) != 2:
            raise self.refuse("Pte takes a frame and rights: Pte(frame, READ_WRITE)")
        return self.make_pte(*(self.need_scalar(value) for value in positional))

    def _record(self, cls: type, positional: list[Value], named: dict[str, Value]) -> Value:
        names = dataclass_fields(cls)
        parts = {**dict(zip(names, positional, strict=False)), **named}
        if len(positional) > len(names) or set(parts) != set(names):
            raise self.refuse(f"{cls.__name__} takes {', '.join(names)}")
        if all(isinstance(value, Static) for value in parts.values()):
            return Static(cls(**{n: v.value for n, v in parts.items() if isinstance(v, Static)}))
        return Struct(cls, parts)

    def _static_call(self, builtin: Any, positional: list[Value], named: dict[str, Value]) -> Value:
        if builtin is len and len(positional) == 1:
            return self._length(positional[0])
        if builtin is range and not all(isinstance(value, Static) for value in positional):
            return self._range(positional)
        if builtin in (bool, int) and len(positional) == 1 and isinstance(positional[0], Dynamic):
            return self._converted(builtin, positional[0])
        known = [self._known(value) for value in (*positional, *named.values())]
        try:
            result = builtin(*known[: len(positional)], **dict(zip(named, known[len(positional) :])))
        except Exception as error:
            raise self.refuse(f"{builtin.__name__}() cannot be computed: {error}") from None
        if builtin in (enumerate, zip, reversed, sorted, list):
            return Items(tuple(Static(member) for member in result))
        return self.static(result)

    def _known(self, value: Value) -> Any:
        match value:
            case Static():
                return value.value
            case Items(values=values):
                return tuple(self._known(member) for member in values)
            case _:
                raise self.refuse(
                    f"this needs values known before the model runs, not {describe(value)}",
                    "use comparisons and `if` on values of the run",
                )

    def _converted(self, builtin: Any, value: Dynamic) -> Static | Dynamic:
        if builtin is bool and kind_of(value).high > 1:
            return self.compare(ast.NotEq(), value, Static(0))
        return value

    def _length(self, value: Value) -> Value:
        bounds = self.bounds_of(value)
        if bounds is None:
            return Static(len(self.members(value)))
        return self.arithmetic(ast.Sub(), bounds[1], bounds[0])

    def _range(self, positional: list[Value]) -> Value:
        if len(positional) > 2:
            raise self.refuse("range() with a step must be known before the model runs")
        start, end = (Static(0), *positional)[-2:]
        return Struct(PageRange, {"start": start, "end": end})

    # --- the language's own functions ---------------------------------------------------------

    def _intrinsics(self) -> dict[Any, Callable[[ast.Call], Value]]:
        return {
            declare.choose: self._choose,
            declare.wait_until: self._wait_until,
            declare.rest: self._rest,
            declare.require: self._require,
            declare.count: self._count,
            declare.unreachable: self._unreachable,
        }

    def _choose(self, node: ast.Call) -> Value:
        options = [self.expression(self._plain(argument)) for argument in node.args]
        if len(options) == 1:
            return self._choose_from(options[0])
        known = [value.value for value in options if isinstance(value, Static)]
        first = int(known[0]) if known else 0
        if len(known) < 2 or [int(k) for k in known] != list(range(first, first + len(known))):
            raise self.refuse(
                "choose() takes a number, a range, or consecutive constants",
                "write choose(n), choose(range) or choose(False, True)",
            )
        picked = self.choose(len(known))
        if first:
            return self.arithmetic(ast.Add(), picked, Static(first))
        return Dynamic(picked.operand, kind_of(Static(True))) if isinstance(
            known[0], bool
        ) and isinstance(picked, Dynamic) else picked

    def _choose_from(self, value: Value) -> Value:
        bounds = self.bounds_of(value)
        if bounds is None and isinstance(value, Static) and isinstance(value.value, int):
            bounds = Static(0), value
        if bounds is None or not all(isinstance(bound, Static) for bound in bounds):
            raise self.refuse("what to choose from must be known before the model runs")
        start, end = (self._known(bound) for bound in bounds)
        if end <= start:
            raise self.refuse("there is nothing to choose from: the range is empty")
        return self.arithmetic(ast.Add(), self.choose(end - start), Static(start))

    def _wait_until(self, node: ast.Call) -> Value:
        named = {self._keyword(k): self._known(self.expression(k.value)) for k in node.keywords}
        if len(node.args) != 1 or set(named) - {"idle"}:
            raise self.refuse("wait_until takes one condition, and idle=True for a worker")
        self._stay(Patience.IDLE if named.get("idle") else Patience.MUST)
        self.atomic += 1
        value = self.need_scalar(self.expression(node.args[0]))
        self.atomic -= 1
        self.guard(value)
        return NONE

    def _rest(self, node: ast.Call) -> Value:
        self._stay(Patience.REST)
        return NONE

    def _stay(self, patience: Patience) -> None:
        """A point with this patience; at the start of an indivisible step, the one already there."""
        last = self.code[-1] if self.code else None
        if self.atomic == 1 and not self.ghosts and isinstance(last, Point):
            self.code[-1] = replace(last, where=self.where, patience=patience)
        else:
            self.point(patience)

    def _require(self, node: ast.Call) -> Value:
        if len(node.args) != 2:
            raise self.refuse("require takes a condition and a rule")
        rule = self.expression(node.args[1])
        if not isinstance(rule, Static) or not hasattr(rule.value, "sentence"):
            raise self.refuse("the second argument of require must be a rule")
        if self.tables.options.checked:
            value = self.need_scalar(self.expression(node.args[0]))
            self.check(value, Rule(rule.value.name, rule.value.sentence, rule.value.verdict))
        return NONE

    def _count(self, node: ast.Call) -> Value:
        values = [self.expression(argument) for argument in node.args]
        amount = self.need_scalar(values[1]) if len(values) > 1 else Static(1)
        self.count(str(self._known(values[0])), amount)
        return NONE

    def _unreachable(self, node: ast.Call) -> Value:
        self.check(FALSE, ASSERTION)
        self.scope.ended = True
        return NONE
