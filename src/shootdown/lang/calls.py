"""Calls: what Python computes now, what builds values of the language, and the rest, inlined."""

from __future__ import annotations

import ast
from dataclasses import MISSING, fields
from types import FunctionType, MethodType
from typing import Any

from shootdown.lang.actions import ATOMIC_FUNCTIONS
from shootdown.lang.builtins import Builtins, is_builtin
from shootdown.lang.contexts import Context
from shootdown.lang.declaration import Declaration
from shootdown.lang.errors import RefusedError
from shootdown.lang.intrinsics import INTRINSICS
from shootdown.lang.locks import SharedLock, Spinlock
from shootdown.lang.paging import Pte
from shootdown.lang.part import Part
from shootdown.lang.scope import Scope, changing_names
from shootdown.lang.sections import SectionPart
from shootdown.lang.shapes import dataclass_fields
from shootdown.lang.source import find_function
from shootdown.lang.subset import generator_of
from shootdown.lang.values import (
    NONE,
    LockUse,
    Method,
    Parent,
    Poison,
    Static,
    Struct,
    Value,
    describe,
)
from shootdown.program.operation import Mode

KINDS = "shootdown.lang.state"
"""the module of the functions that declare state"""

DEEPEST = 60
"""calls inside calls; a model that needs more calls itself in a way the check below cannot see"""


class Calls(Builtins):
    """The part of the compiler that knows calls."""

    def body(self, statements: list[ast.stmt]) -> None:
        raise NotImplementedError  # `statements.Statements` has it

    def atomic_call(self, function: FunctionType, node: ast.Call) -> Value:
        raise NotImplementedError  # `atomics.Atomics` has it

    def call(self, node: ast.Call) -> Value:
        """function(arguments)"""
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return self._super()
        callee = self.expression(node.func)
        known = callee.value if isinstance(callee, Static) else None
        if isinstance(known, FunctionType) and known in INTRINSICS:
            return INTRINSICS[known](self, node)
        if isinstance(known, FunctionType) and known in ATOMIC_FUNCTIONS:
            return self.atomic_call(known, node)
        if (generator := generator_of(node)) is not None and is_builtin(known):
            if known in (any, all):
                return self.quantified(generator, known is all)
            return self.apply(callee, [self.comprehension(generator)], {})
        positional, named = self.arguments(node)
        return self.apply(callee, positional, named)

    def apply(self, callee: Value, positional: list[Value], named: dict[str, Value]) -> Value:
        """Call a value that is not one of the language's own functions."""
        match callee:
            case Poison():
                raise RefusedError(None)
            case Method():
                return self.inline(callee.function, callee.receiver, positional, named)
            case Static(value=MethodType(__self__=SharedLock() | Spinlock() as lock) as method):
                return self._lock_method(lock, method.__name__)
            case Static(value=MethodType(__self__=SectionPart() as part) as method) if (
                method.__name__ in part.sections()
            ):
                return Static(part.sections()[method.__name__])
            case Static(value=MethodType(__func__=FunctionType() as function) as method):
                return self.inline(function, Static(method.__self__), positional, named)
            case Static(value=FunctionType() as function) if function.__module__ == KINDS:
                raise self.refuse(
                    f"`{function.__name__}` declares state, which only __init__ can do",
                    f"write self.x = {function.__name__}(…) there, and assign to it here",
                )
            case Static(value=FunctionType() as function):
                self._refuse_others(function, positional)
                return self.inline(function, None, positional, named)
            case Static(value=type() as cls) if cls is Pte:
                return self._pte(positional)
            case Static(value=type() as cls) if dataclass_fields(cls):
                return self._record(cls, positional, named)
            case Static(value=builtin) if is_builtin(builtin):
                return self.builtin_call(builtin, positional, named)
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
        scope = Scope(
            function,
            source,
            node,
            self.where,
            receiver,
            held=len(self.held),
            depth=self.depth,
            leave=self.label(),
        )
        arguments = [*([] if receiver is None else [receiver]), *positional]
        values = self._bind(function, node, arguments, named or {}, receiver is not None)
        scope.changing |= changing_names(node)
        return self._run(scope, values)

    def _run(self, scope: Scope, values: dict[str, Value]) -> Value:
        before = getattr(self, "scope", None)
        indivisible = bool(getattr(scope.function, "__indivisible__", False))
        is_ghost = bool(getattr(scope.function, "__ghost__", False))
        context: Context | None = getattr(scope.function, "__context__", None)
        contexts = self.contexts
        if indivisible and not self.atomic:
            self.point()
        self.atomic += indivisible or is_ghost
        self.ghosts += is_ghost
        if context is not None:
            self.contexts = (*contexts, context)
        self.stack.append(scope)
        self.scope = scope
        where = self.where
        for name, value in values.items():
            if name in scope.changing:
                self.bind(name, value)
            else:  # nothing the caller's name stands for can change before the call ends
                scope.names[name] = value
        self.body(scope.node.body)
        self.where = where
        self.place(scope.leave)
        self.stack.pop()
        if before is not None:
            self.scope = before
        self.atomic -= indivisible or is_ghost
        self.ghosts -= is_ghost
        self.contexts = contexts
        result = self._result(scope)
        if is_ghost and result != NONE and not (self.ghosts or self.judging):
            raise self.refuse(
                f"`{scope.function.__name__}` is @ghost, so the system cannot see what it returns",
                "use it in require(…), in assert or in another @ghost method",
            )
        return result

    def _result(self, scope: Scope) -> Value:
        if scope.refused:
            return Poison()
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

    def _refuse_others(self, function: FunctionType, positional: list[Value]) -> None:
        """A function of ours that says which part it needs gets no other: `schedule_work(3)`."""
        if not function.__module__.startswith("shootdown.lang."):
            return
        for annotation, value in zip(function.__annotations__.values(), positional, strict=False):
            needed = function.__globals__.get(annotation)
            if not (isinstance(needed, type) and issubclass(needed, Part)):
                continue
            if isinstance(value, Poison):
                raise RefusedError(None)
            if not (isinstance(value, Static) and isinstance(value.value, needed)):
                raise self.refuse(
                    f"`{function.__name__}` is for {needed.__name__}, not for {describe(value)}",
                    f"declare one in __init__: self.x = {needed.__name__}(…)",
                )

    def _refuse_recursion(self, function: FunctionType, receiver: Value | None) -> None:
        for scope in self.stack:
            same = scope.function is function
            if same and (not isinstance(receiver, Static) or scope.receiver == receiver):
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
        is_method: bool,
    ) -> dict[str, Value]:
        """The values of the parameters."""
        if node.args.vararg or node.args.kwarg:
            raise self.refuse(f"`{function.__name__}` takes *args or **kwargs", "name each one")
        parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        every = [*parameters, *(argument.arg for argument in node.args.kwonlyargs)]
        shown = every[is_method:]
        help = f"it is declared as {function.__name__}({', '.join(shown)})"
        if len(positional) > len(parameters):
            given, most = len(positional) - is_method, len(parameters) - is_method
            raise self.refuse(f"`{function.__qualname__}` takes {most} values, not {given}", help)
        values = dict(zip(parameters, positional, strict=False))
        for name in named:
            if name not in every:
                raise self.refuse(f"`{function.__qualname__}` takes no `{name}`", help)
            if name in values:
                raise self.refuse(f"`{function.__qualname__}` gets `{name}` twice", help)
        values |= named
        for name, value in _defaults(function, parameters).items():
            values.setdefault(name, Static(value))
        missing = [name for name in every if name not in values]
        if missing:
            raise self.refuse(f"`{function.__qualname__}` needs a value for `{missing[0]}`", help)
        return values

    def _super(self) -> Value:
        cls, receiver = self.scope.outer("__class__"), self.scope.receiver
        if cls is None or not isinstance(receiver, Static):
            raise self.refuse(
                "super() only works inside a method of a part", "call the function by its name"
            )
        return Parent(receiver.value, cls.value)

    # --- objects ------------------------------------------------------------------------------

    def _lock_method(self, lock: Declaration, name: str) -> Value:
        match name:
            case "read":
                return LockUse(lock, Mode.READ)
            case "write":
                return LockUse(lock, Mode.WRITE)
            case "bh":
                return LockUse(lock, Mode.WRITE, Context.SOFTIRQ)
            case "irqsave":
                return LockUse(lock, Mode.WRITE, Context.HARDIRQ)
            case _:
                self.downgrade(lock)  # `attribute` lets nothing else through
                return NONE

    def _pte(self, positional: list[Value]) -> Value:
        if len(positional) != 2:
            raise self.refuse("Pte takes a frame and rights", "write Pte(frame, READ_WRITE)")
        return self.make_pte(*(self.need_scalar(value) for value in positional))

    def _record(self, cls: type, positional: list[Value], named: dict[str, Value]) -> Value:
        names = dataclass_fields(cls)
        ordered = [part.name for part in fields(cls) if not part.kw_only]
        parts = {**dict(zip(ordered, positional, strict=False)), **named}
        twice = set(ordered[: len(positional)]) & set(named)
        for part in fields(cls):
            if part.default is not MISSING:
                parts.setdefault(part.name, Static(part.default))
        if len(positional) > len(ordered) or twice or set(parts) != set(names):
            raise self.refuse(
                f"{cls.__name__} takes {', '.join(names)}",
                "give each field that has no default, once",
            )
        if all(isinstance(value, Static) for value in parts.values()):
            known = {n: v.value for n, v in parts.items() if isinstance(v, Static)}
            return Static(self.compute(lambda: cls(**known)))
        if hasattr(cls, "__post_init__"):
            raise self.refuse(
                f"{cls.__name__} has a __post_init__, so its values must be known before the run",
                "use a dataclass without one",
            )
        return Struct(cls, {name: parts[name] for name in names})


def _defaults(function: FunctionType, parameters: list[str]) -> dict[str, Any]:
    defaults = function.__defaults__ or ()
    tail = parameters[len(parameters) - len(defaults) :]
    return {**dict(zip(tail, defaults, strict=True)), **(function.__kwdefaults__ or {})}
