"""Steps taken at once after a step: `program.independence` says which, and why that is enough.

In the order in which both engines do it: the actors by index; the first that has a step which may
be taken at once, because whoever must be blocked for that is, takes it, and it begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shootdown.program.independence import MOST_EAGER, Independence

if TYPE_CHECKING:
    from shootdown.machine.interpreter import Interpreter, Outcome, Words


def eager_attempts(
    interpreter: Interpreter, table: Independence, words: Words
) -> Iterator[tuple[int, Outcome]]:
    """(actor, outcome) of the steps taken at once from a state on, and of those that were to be
    taken and turned out to be blocked. Ends with a step that breaks a rule, if there is one."""
    for _ in range(MOST_EAGER):
        taken: Outcome | None = None
        for actor in _candidates(interpreter, table, words):
            outcome = interpreter.only_step(words, actor)
            yield actor, outcome
            if outcome.enabled:
                taken = outcome
                break
        if taken is None or taken.broken is not None:
            return
        words = interpreter.form(taken.words)


def _candidates(interpreter: Interpreter, table: Independence, words: Words) -> Iterator[int]:
    """The actors whose step may be taken at once, if it is not blocked itself."""
    pcs = [interpreter.pc(words, actor) for actor in range(len(table.eager))]
    for actor in range(len(pcs)):
        group = table.group(pcs, actor)
        if group is not None and not any(interpreter.only_step(words, b).enabled for b in group):
            yield actor
