"""What every check has in common, whatever is checked: cases, and the question they belong to.

A `Case` is one state space. It can be built, it knows the next larger one of its kind, and it says
how a finished search of it is to be judged. A `Question` is all the cases that a user asked for by
naming one target: each operation for a driver, the one case of a model. `scenarios.check` and
`scenarios.pool` search any question, and know neither drivers nor models.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Protocol

from shootdown.lang.source import shown_path
from shootdown.machine.result import SearchResult
from shootdown.program.program import Program
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.verdict import Coverage, Subject, Verdict

Judgement = tuple[Verdict, str | None]
"""a verdict, and why it is undecided or what its holding does not cover"""

WIDEST_COUNTER = 16
"""bits"""


class Case(Protocol):
    """One state space to search."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def size(self) -> Mapping[str, int]:
        """`pages: 2`: how large what was searched is. `report` has a noun for each word."""

    @property
    def recipe(self) -> Mapping[str, object]:
        """All that it is made of beside target and kernel, in words and numbers: what
        `scenarios.saved_run.Recipe` has a field for."""

    @property
    def files(self) -> frozenset[str]:
        """Where the target is written: coverage counts the lines in these files."""

    def program(self) -> Program:
        """Make the objects and compile them.

        Raises:
            ModelError: for what is not a valid model.
        """

    def larger(self, rule: str) -> Case | None:
        """The case on a machine where this limit is further away, if there is one."""

    def judge(self, program: Program, result: SearchResult, covered: Coverage) -> Judgement:
        """The verdict of a search; only a case knows what of it was worth nothing."""


class Question(Protocol):
    """What to check: a target and its cases."""

    @property
    def subject(self) -> Subject:
        """What reports say about the target before anything was searched."""

    @property
    def effort(self) -> Effort: ...

    @property
    def cases(self) -> Sequence[Case]:
        """In the order of the report."""

    def refuse_mistakes(self) -> None:
        """Find all mistakes of the target at once, before the first search.

        Raises:
            ModelError: with every one of them.
        """


def settled(result: SearchResult) -> Judgement:
    """What a search found, for a case with nothing to add."""
    if result.verdict == "widen":
        return "undecided", f"the model reaches its largest size and still breaks {result.rule}"
    return result.verdict, result.reason


def files_of(cls: type, base: type) -> frozenset[str]:
    """The files, as reports name them, of all methods that a class has beyond a base class."""
    above = takewhile(lambda each: each is not base, cls.__mro__)
    members = (member for each in above for member in vars(each).values())
    return frozenset(
        shown_path(member.__code__.co_filename) for member in members if inspect.isfunction(member)
    )
