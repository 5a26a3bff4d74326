"""The functions of `actions` that act: choose, wait_until, rest, require, count, unreachable."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, EnumType
from types import FunctionType
from typing import Any, cast

from shootdown.lang import actions
from shootdown.lang.comprehensions import Comprehensions
from shootdown.lang.errors import RefusedError
from shootdown.lang.state import enum_kind
from shootdown.lang.subset import DOUBLE_STAR, refusal
from shootdown.lang.tables import ASSERTION
from shootdown.lang.values import (
    FALSE,
    NONE,
    Dynamic,
    Items,
    Poison,
    Static,
    Value,
    describe,
    is_member,
    operand_of,
)
from shootdown.program import kind as kinds
from shootdown.program.operation import Check, Count, Patience, Point, Progress, Store
from shootdown.program.program import Rule


class Intrinsics(Comprehensions):
    """The part of the compiler that knows the functions of `actions`."""

    def arguments(self, node: ast.Call) -> tuple[list[Value], dict[str, Value]]:
        """The values given to a call, by position and by name."""
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                raise self.refuse(*refusal(argument), where=self.scope.where(argument))
        if any(keyword.arg is None for keyword in node.keywords):
            raise self.refuse(*DOUBLE_STAR)
        positional = [self.expression(argument) for argument in node.args]
        named = {str(keyword.arg): self.expression(keyword.value) for keyword in node.keywords}
        return positional, named

    def known(self, value: Value) -> Any:
        """The Python object behind a value, which has to be known now."""
        match value:
            case Static():
                return value.value
            case Items(values=values):
                return value.type(self.known(member) for member in values)
            case Poison():
                raise RefusedError(None)
            case _:
                raise self.refuse(
                    f"this needs values known before the model runs, not {describe(value)}",
                    "use comparisons and `if` on values of the run",
                )

    def choose_call(self, node: ast.Call) -> Value:
        """choose(4), choose(range), choose(False, True)"""
        options, named = self.arguments(node)
        if not named and options and all(is_member(option) for option in options):
            return self._choose_member([self.known(option) for option in options])
        if len(options) == 1 and not named:
            return self._choose_from(options[0])
        known = [value.value for value in options if isinstance(value, Static)]
        if named or len(known) != len(options) or not _consecutive(known):
            raise self.refuse(
                "choose() takes a number, a range, or consecutive constants",
                "write choose(n), choose(range) or choose(False, True)",
            )
        picked = self.choose(len(known))
        if isinstance(known[0], bool) and isinstance(picked, Dynamic):
            return Dynamic(picked.operand, kinds.FLAG)
        return self.arithmetic(ast.Add(), picked, Static(known[0])) if known[0] else picked

    def _choose_from(self, value: Value) -> Value:
        if isinstance(value, Static) and isinstance(value.value, EnumType):
            return self._choose_member(list(value.value))
        bounds = self.bounds_of(value)
        if bounds is None and isinstance(value, Static) and isinstance(value.value, int):
            bounds = Static(0), value
        if bounds is None or not all(isinstance(bound, Static) for bound in bounds):
            raise self.refuse(
                "what to choose from must be known before the model runs",
                "choose from all there can be, and go on only with what fits: wait_until(…)",
            )
        start, end = (self.known(bound) for bound in bounds)
        if end <= start:
            raise self.refuse(
                "there is nothing to choose from: the range is empty", "give it at least one value"
            )
        return self.arithmetic(ast.Add(), self.choose(end - start), Static(start))

    def _choose_member(self, members: list[Enum]) -> Value:
        every = list(type(members[0])) if members else []
        first = every.index(members[0]) if members else 0
        is_row = members == every[first : first + len(members)]
        if not (members and is_row and is_member(Static(members[0]))):
            raise self.refuse(
                "choose() takes an Enum, or members in the order of their definition",
                "write choose(Phase) or choose(Phase.IDLE, Phase.BUSY)",
            )
        picked = self.choose(len(members))
        if isinstance(picked, Static):
            return Static(members[0])
        picked = self.arithmetic(ast.Add(), picked, Static(first)) if first else picked
        kind = replace(enum_kind(type(members[0])), low=first, high=first + len(members) - 1)
        return Dynamic(operand_of(picked), kind)

    def wait_call(self, node: ast.Call) -> Value:
        """wait_until(condition, idle=False)"""
        named = {k.arg: self.known(self.expression(k.value)) for k in node.keywords}
        if len(node.args) != 1 or set(named) - {"idle"}:
            raise self.refuse(
                "wait_until takes one condition, and idle=True for a worker",
                "join conditions with `and`",
            )
        self._stay(Patience.IDLE if named.get("idle") else Patience.MUST)
        self.atomic += 1
        before = len(self.code)
        value = self.truth(self.expression(node.args[0]))
        self.atomic -= 1
        acts = Store | Check | Count | Progress
        if any(isinstance(operation, acts) for operation in self.code[before:]):
            raise self.refuse(
                "what `wait_until` waits for changes or checks something",
                "a condition can only look: change state after it, read an index before it",
            )
        self.guard(value)
        return NONE

    def rest_call(self, node: ast.Call) -> Value:
        """rest()"""
        self._nothing(node, "rest")
        self._stay(Patience.REST)
        return NONE

    def _stay(self, patience: Patience) -> None:
        """A point of this patience; at the start of an indivisible step, the one already there."""
        last = self.code[-1] if self.code else None
        if self.atomic == 1 and not self.ghosts and isinstance(last, Point):
            self.code[-1] = replace(last, where=self.where, patience=patience)
        else:
            self.point(patience)

    def require_call(self, node: ast.Call) -> Value:
        """require(condition, rule)"""
        if len(node.args) != 2 or node.keywords:
            raise self.refuse(
                "require takes a condition and a rule", "write require(condition, RULE)"
            )
        rule = self.expression(node.args[1])
        if not isinstance(rule, Static) or not hasattr(rule.value, "sentence"):
            raise self.refuse(
                "the second argument of require must be a rule",
                "make an object with a `name`, a `sentence` and a `verdict`, or use assert",
            )
        if self.tables.options.checked:
            found = Rule(rule.value.name, rule.value.sentence, rule.value.verdict)
            self.check(self.judged(node.args[0]), found)
        return NONE

    def judged(self, node: ast.expr) -> Static | Dynamic:
        """The truth of a condition that judges the model, and may therefore look at Ghost state."""
        self.judging += 1
        value = self.truth(self.expression(node))
        self.judging -= 1
        return value

    def count_call(self, node: ast.Call) -> Value:
        """count(name, amount=1). When nothing is counted, the amount is not even looked at."""
        if self.tables.options.counted:
            self._count(node)
        else:
            with self.unrecorded():
                self._count(node)
        return NONE

    def _count(self, node: ast.Call) -> None:
        positional, named = self.arguments(node)
        values = [*positional, *([named.pop("amount")] if "amount" in named else [])]
        if named or len(values) not in (1, 2):
            raise self.refuse(
                "count takes a name and an amount", 'write count("walks"), count("pages", 2)'
            )
        amount = self.need_scalar(values[1]) if len(values) > 1 else Static(1)
        self.count(str(self.known(values[0])), amount)

    def might_sleep_call(self, node: ast.Call) -> Value:
        """might_sleep()"""
        self._nothing(node, "might_sleep")
        self.may_sleep()
        return NONE

    def processor_call(self, node: ast.Call) -> Value:
        """smp_processor_id()"""
        self._nothing(node, "smp_processor_id")
        return Static(self.actor)

    def _nothing(self, node: ast.Call, name: str) -> None:
        if node.args or node.keywords:
            raise self.refuse(f"{name} takes nothing", f"write {name}()")

    def progress_call(self, node: ast.Call) -> Value:
        """progress()"""
        self._nothing(node, "progress")
        if self.tables.options.checked:
            self.emit(Progress(self.where))
        return NONE

    def unreachable_call(self, node: ast.Call) -> Value:
        """unreachable()"""
        self._nothing(node, "unreachable")
        self.check(FALSE, ASSERTION)
        self.scope.ended = True
        return NONE


def _consecutive(known: list[Any]) -> bool:
    """At least two whole numbers or flags, each one more than the one before."""
    if len(known) < 2 or not all(isinstance(option, int) for option in known):
        return False
    return known == [*range(known[0], known[0] + len(known))]


INTRINSICS: dict[FunctionType, Callable[[Intrinsics, ast.Call], Value]] = {
    cast(FunctionType, function): method
    for function, method in (
        (actions.choose, Intrinsics.choose_call),
        (actions.wait_until, Intrinsics.wait_call),
        (actions.rest, Intrinsics.rest_call),
        (actions.require, Intrinsics.require_call),
        (actions.count, Intrinsics.count_call),
        (actions.unreachable, Intrinsics.unreachable_call),
        (actions.progress, Intrinsics.progress_call),
        (actions.might_sleep, Intrinsics.might_sleep_call),
        (actions.smp_processor_id, Intrinsics.processor_call),
    )
}
