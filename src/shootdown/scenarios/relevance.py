"""Which steps of a run matter for how it ends: dynamic slicing, backwards from the broken check.

A step matters if the last one does not happen as it did without it (Korel and Laski, "Dynamic
program slicing", Information Processing Letters 29(3), 1988; here over steps, not statements). From
a step that matters, these matter too:

* data: who wrote last what it reads, in shared state or in a register of its actor. A write of the
  value that was there is a write: a flush of an empty TLB may be the whole story;
* decisions: where its actor decided last, at a branch or a wait, to come here (`program.control`);
* what did not happen: where somebody decided, after what it reads was written, not to write it
  (Gyimóthy, Beszédes and Forgács, "An efficient relevant slicing method for debugging", 1999). A
  flag that was up too early may have kept somebody from initialising what is then used;
* locks: a step inside a section matters together with its taking the lock; and of two sections of
  one lock that matter, what the first had done to the lock before the second began.

Everything else could have been left undone: take every step that does not matter as its actor only
moving on, neither reading nor writing, and the run breaks the same rule at the same operation, with
the same values read by every step that matters. Steps are never torn apart; a step matters as a
whole or not at all.

A deadlock ends with nobody moving. What everybody waits for then takes the place of the last step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shootdown.machine.execution import Ending
from shootdown.machine.trace import Trace, Write
from shootdown.program.control import controllers
from shootdown.program.operation import (
    Acquire,
    Branch,
    Downgrade,
    Operation,
    Release,
    Store,
    reads,
    writes,
)
from shootdown.program.program import Actor, Program


def relevant_steps(
    program: Program,
    traces: Sequence[Trace],
    waiting: Sequence[Trace] = (),
    ends: Iterable[int] = (),
) -> frozenset[int]:
    """The numbers of the steps of a run that matter.

    They matter for its last step or, for a deadlock, for what everybody is `waiting` for: the steps
    that could not be taken. Or for other steps, if `ends` names some.
    """
    run = _Run(program)
    for trace in (*traces, *waiting):
        run.add(trace)
    last = range(len(traces), len(traces) + len(waiting)) if waiting else [len(traces) - 1]
    return frozenset(number for number in run.needed(ends or last) if number < len(traces))


@dataclass(slots=True)
class _Section:
    """From the step that takes a lock to the one that gives it back, by number."""

    actor: int
    first: int
    downgrade: int | None = None
    last: int | None = None

    def spans(self, step: int) -> bool:
        """Whether a step of the same actor is inside, ends included."""
        return self.first <= step and (self.last is None or step <= self.last)

    def ends_by(self, step: int) -> Iterable[int]:
        """What it had done to the lock by then, after taking it."""
        return (end for end in (self.downgrade, self.last) if end is not None and end <= step)


class _Run:
    """Goes through a run once, noting for each step which earlier ones it needs."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.controllers = [controllers(actor) for actor in program.actors]
        self.deciders = _deciders(program, self.controllers)
        self.actors: list[int] = []
        self.needs: list[set[int]] = []
        self.sections: dict[int, list[_Section]] = defaultdict(list)
        """of each lock, in the order of taking it"""
        self._stored: dict[tuple[int, int], int] = {}
        self._defined: dict[tuple[int, int], int] = {}
        self._decided: dict[tuple[int, int], tuple[int, int]] = {}
        """when an operation of an actor was last executed, and in which step"""
        self._clock = 0

    def add(self, trace: Trace) -> None:
        """The next step."""
        number, actor = len(self.needs), trace.actor
        self.actors.append(actor)
        self.needs.append(set())
        code = self.program.actors[actor].code
        for index in trace.operations:
            self._decisions(number, actor, index)
            self._registers(number, actor, code[index])
        self._data(number, code, trace)
        stopped = trace.ending is Ending.BLOCKED
        for index in trace.operations[:-1] if stopped else trace.operations:
            self._locks(number, actor, code[index])
        if stopped:
            self._wait(number, code[trace.operations[-1]])

    def _decisions(self, number: int, actor: int, index: int) -> None:
        """The latest decision that led to an operation."""
        made = [
            self._decided[actor, decision]
            for decision in self.controllers[actor][index]
            if (actor, decision) in self._decided
        ]
        if made:
            self.needs[number].add(max(made)[1])
        self._clock += 1
        self._decided[actor, index] = (self._clock, number)

    def _registers(self, number: int, actor: int, operation: Operation) -> None:
        for register in reads(operation):
            if (actor, register) in self._defined:
                self.needs[number].add(self._defined[actor, register])
        defined = writes(operation)
        if defined is not None:
            self._defined[actor, defined] = number

    def _data(self, number: int, code: Sequence[Operation], trace: Trace) -> None:
        """Who wrote what is read. What locks do to their variables is left to their sections."""
        for access in trace.accesses:
            if isinstance(code[access.operation], Acquire | Release | Downgrade):
                continue
            place = access.variable, access.index
            if isinstance(access, Write):
                self._stored[place] = number
                continue
            written = self._stored.get(place, -1)
            if written >= 0:
                self.needs[number].add(written)
            self._omissions(number, access.variable, written)
            self.needs[number].update(_ends(self.sections.get(access.variable, ())))

    def _omissions(self, number: int, variable: int, written: int) -> None:
        """Who decided, after a place was written, not to write it again."""
        for decision in self.deciders[variable]:
            step = self._decided.get(decision, (0, -1))[1]
            if step > written:
                self.needs[number].add(step)

    def _locks(self, number: int, actor: int, operation: Operation) -> None:
        match operation:
            case Acquire():
                section = _Section(actor, number)
                self.sections[operation.variable].append(section)
            case Release() | Downgrade():
                held = [s for s in self.sections[operation.variable] if s.actor == actor]
                for section in held[-1:]:
                    if isinstance(operation, Release):
                        section.last = number
                    else:
                        section.downgrade = number

    def _wait(self, number: int, operation: Operation) -> None:
        """Who holds the lock that a step could not take."""
        if isinstance(operation, Acquire):
            held = [s for s in self.sections[operation.variable] if s.last is None]
            self.needs[number].update(_ends(held))

    def needed(self, ends: Iterable[int]) -> set[int]:
        """These steps, and all that they need."""
        found: set[int] = set()
        work = list(ends)
        while work:
            fresh = set(work) - found
            found |= fresh
            work = [step for number in fresh for step in self.needs[number]]
            work = [step for step in (*work, *self._order(found)) if step not in found]
        return found

    def _order(self, found: set[int]) -> Iterable[int]:
        """What the locks ask of steps that matter: to hold them, and to have let go of them."""
        for sections in self.sections.values():
            taken = []
            for section in sections:
                own = (step for step in found if self.actors[step] == section.actor)
                if any(section.spans(step) for step in own):
                    yield section.first
                    taken.append(section)
            for at, section in enumerate(taken):
                if section.last in found and section.downgrade is not None:
                    yield section.downgrade
                for later in taken[at + 1 :]:
                    yield from section.ends_by(later.first)


def _deciders(
    program: Program, controllers: Sequence[Sequence[frozenset[int]]]
) -> dict[int, set[tuple[int, int]]]:
    """For each variable the branches, as (actor, operation), that can keep a store from it."""
    found: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for number, actor in enumerate(program.actors):
        for index, operation in enumerate(actor.code):
            if isinstance(operation, Store):
                branches = _above(actor, controllers[number], index)
                found[operation.variable].update((number, branch) for branch in branches)
    return found


def _above(actor: Actor, controllers: Sequence[frozenset[int]], index: int) -> set[int]:
    """The branches that an operation hangs on, directly or through others."""
    found: set[int] = set()
    work = [index]
    while work:
        fresh = controllers[work.pop()] - found
        found |= fresh
        work += fresh
    return {decision for decision in found if isinstance(actor.code[decision], Branch)}


def _ends(sections: Iterable[_Section]) -> Iterable[int]:
    """Every step that did something to a lock."""
    for section in sections:
        steps = (section.first, section.downgrade, section.last)
        yield from (step for step in steps if step is not None)
