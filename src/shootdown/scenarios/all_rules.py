"""Every rule that a case can break, one shortest run for each.

A search stops at the first broken rule. With `--all-rules` the case is searched again, past every
rule found so far (`program.known`), until a search finds nothing more. Each of these is an ordinary
search, so everything that is said about one holds for all: any engine and any number of workers
find the same rules in the same order, with the same runs. The price is one search for each broken
rule and one more.

The first run is the one that a plain check finds. A later one is a shortest run among those that
break none of the rules found before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shootdown.machine.result import DEADLOCK
from shootdown.program.known import know_deadlock, know_rules
from shootdown.program.program import Program
from shootdown.scenarios.verdict import Counterexample, ScenarioResult

CUT = "not every rule was looked for, "


@dataclass(frozen=True, slots=True)
class Known:
    """The rules found broken so far, each by name and sentence."""

    rules: frozenset[tuple[str, str]] = frozenset()

    def past(self, program: Program) -> Program:
        """The program that a search for further rules runs over."""
        if not self.rules:
            return program
        program = know_rules(program, self.rules)
        names = {name for name, _ in self.rules}
        return know_deadlock(program) if DEADLOCK in names else program

    def adding(self, found: Counterexample) -> Known:
        """With one more."""
        return Known(self.rules | {(found.rule, found.sentence)})


def merge_searches(rows: Sequence[ScenarioResult]) -> ScenarioResult:
    """One result of the searches of one case, in order.

    What was seen is what the last one saw, which went past every broken rule.
    """
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        return first
    found = [row.counterexample for row in rows if row.counterexample is not None]
    reasons = [row.reason for row in rows if row.verdict == "violated" and row.reason]
    if not last.complete:
        reasons.append(f"{CUT}{last.reason or 'and no reason was given'}")
    return replace(
        last,
        verdict="violated",
        rule=first.rule,
        seconds=sum(row.seconds for row in rows),
        counterexample=first.counterexample,
        counterexamples=tuple(found[1:]),
        reason="; ".join(dict.fromkeys(reasons)) or None,
        memory=max(row.memory for row in rows),
    )
