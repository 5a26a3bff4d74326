"""Looking past rules that were found broken: the pass behind `--all-rules`.

A search ends with the first broken rule. To find the next rule, the same search runs over a program
in which that rule is *known*: a step that breaks it can be taken and leads nowhere. So

* every run of the new program is a run of the old one in which no known rule breaks, and every such
  run is one of the new program: what the next search finds is a shortest run that breaks a rule not
  known yet, and breaks no other before;
* an actor whose only steps lead nowhere is not stuck, since it could move; a known rule thus never
  turns into a deadlock that is none. (A failing `Guard` in its place would do just that.)

A known deadlock is made by patience: where nobody must go on, nobody is stuck, and no state, step
or check is another than before.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from shootdown.program.operation import Operation, Patience, Point
from shootdown.program.program import Actor, Program, Rule

KNOWN = "known"
"""the verdict of a rule that a search looks past"""


def know_rules(program: Program, broken: Collection[tuple[str, str]]) -> Program:
    """The program with these rules known. A rule is a name and a sentence: assertions share one
    name, and only the sentence tells which of them it is."""
    rules = tuple(
        _know(rule) if (rule.name, rule.sentence) in broken else rule for rule in program.rules
    )
    return replace(program, rules=rules)


def _know(rule: Rule) -> Rule:
    return replace(rule, verdict=KNOWN)


def know_deadlock(program: Program) -> Program:
    """The program in which nobody waits in vain, because everybody may wait for ever."""
    return replace(program, actors=tuple(map(_let_wait, program.actors)))


def _let_wait(actor: Actor) -> Actor:
    return replace(actor, code=tuple(map(_let_rest, actor.code)))


def _let_rest(operation: Operation) -> Operation:
    match operation:
        case Point(patience=Patience.MUST):
            return replace(operation, patience=Patience.IDLE)
        case _:
            return operation
