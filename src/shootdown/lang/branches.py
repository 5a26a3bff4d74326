"""Branches: `if` and `match`.

A branch decided while compiling leaves no trace: the other block is not even looked at. `match` is
a chain of `if … elif` over a subject that is read once; over all members of an Enum, the last case
needs no test and nothing comes after it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from shootdown.lang.errors import RefusedError
from shootdown.lang.leaving import Leaving
from shootdown.lang.scope import Names, merge
from shootdown.lang.subset import CAPTURE, refusal
from shootdown.lang.values import (
    FALSE,
    TRUE,
    Dynamic,
    Poison,
    Static,
    Value,
    is_scalar,
    operand_of,
)
from shootdown.program.kind import Family
from shootdown.program.operation import Const, Operand


class Branches(Leaving):
    """The part of the compiler that knows `if` and `match`."""

    def if_statement(self, node: ast.If) -> None:
        """if test: body, else: orelse"""
        then, other = self.label(), self.label()
        known = self.condition(node.test, then, other)
        if known is not None:
            self.body(node.body if known else node.orelse)
            return
        self._two_ways(then, other, lambda: self.body(node.body), lambda: self.body(node.orelse))

    def _two_ways(
        self, then: int, other: int, first: Callable[[], None], second: Callable[[], None]
    ) -> None:
        """The blocks at two labels, and going on after them."""
        end = self.label()
        self.depth += 1
        before = dict(self.scope.names)
        ways: list[Names] = []
        for label, block in ((then, first), (other, second)):
            self.place(label)
            self.scope.names = dict(before)
            block()
            if not self.scope.ended:
                ways.append(self.scope.names)
                self.jump(end)
            self.scope.ended = False
        self.place(end)
        self.depth -= 1
        self.meet(ways)

    def meet(self, ways: list[Names]) -> None:
        """Go on where these ways meet; without any, nothing can be here."""
        self.scope.ended = not ways
        if ways:
            self.scope.names = merge(ways)

    # --- match --------------------------------------------------------------------------------

    def match_statement(self, node: ast.Match) -> None:
        """match subject: cases"""
        subject = self.own("subject", self.expression(node.subject))
        if isinstance(subject, Poison):
            raise RefusedError(None)
        self._cases(subject, node.cases, _possible(subject))

    def _cases(self, subject: Value, cases: list[ast.match_case], left: set[Operand]) -> None:
        """The first case that fits. `left` is what the subject may still be, if that is known."""
        if not cases:
            return
        case, *others = cases
        then, other = self.label(), self.label()
        known = self._case(case, subject, left, then, other)
        if known is None:
            self._two_ways(
                then,
                other,
                lambda: self.body(case.body),
                lambda: self._cases(subject, others, left),
            )
        elif known:
            self.body(case.body)
        else:
            self._cases(subject, others, left)

    def _case(
        self, case: ast.match_case, subject: Value, left: set[Operand], then: int, other: int
    ) -> bool | None:
        """Branch on whether a case fits; True or False if that is known now."""
        guarded = self.label() if case.guard else then
        before, self.place_now = self.place_now, (self.scope, case.pattern)
        values: list[Static] = []
        fits = self._fits(case.pattern, subject, values)
        if left and not case.guard:
            left -= {operand_of(value) for value in values if is_scalar(value)}
            fits = fits if left else TRUE
        known = self._branch_on(fits, guarded, other)
        self.place_now = before
        if case.guard is None or known is False:
            return known
        self.place(guarded)
        with self.sometimes():
            known = self.condition(case.guard, then, other)
        return known if known is None else self._settled(known, then, other)

    def _fits(self, pattern: ast.pattern, subject: Value, values: list[Static]) -> Static | Dynamic:
        """Whether a pattern fits; the values it names are added to `values`."""
        match pattern:
            case ast.MatchValue(value=node):
                value = self.expression(node)
                if not isinstance(value, Static):
                    raise self.refuse(
                        "a `case` needs a value known before the model runs",
                        "write `if` and `==`",
                        self.scope.where(node),
                    )
                values.append(value)
                return self.compare(ast.Eq(), subject, value)
            case ast.MatchSingleton(value=known):
                values.append(Static(known))
                is_flag = isinstance(subject, Dynamic) and subject.kind.family is Family.FLAG
                same = ast.Eq() if is_flag and known is not None else ast.Is()
                return self.compare(same, subject, Static(known))
            case ast.MatchOr(patterns=patterns):
                found: Static | Dynamic = FALSE
                for part in patterns:
                    found = self.static_or(found, self._fits(part, subject, values))
                return found
            case ast.MatchAs(name=None):
                return TRUE
            case _:
                text = CAPTURE if isinstance(pattern, ast.MatchAs) else refusal(pattern)
                raise self.refuse(*text, where=self.scope.where(pattern))


def _possible(subject: Value) -> set[Operand]:
    """Everything a member of an Enum or a flag may be; nothing for other subjects."""
    if not isinstance(subject, Dynamic) or subject.kind.family not in (Family.ENUM, Family.FLAG):
        return set()
    kind = subject.kind
    return {Const(value) for value in range(kind.low, kind.high + 1)}
