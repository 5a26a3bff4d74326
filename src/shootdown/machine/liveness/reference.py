"""Graph and components in plain Python: slow, obvious, and what the native engine is held against.

The components are found by the method of Kosaraju and Sharir (two walks, one of them backwards),
another than that of the native engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.liveness.fairness import SYSTEM, Stay, is_at_work, stays_of
from shootdown.machine.liveness.lasso import CutShort, Edge
from shootdown.machine.result import StepTaken

EDGE_BYTES = 150
"""about what an edge weighs"""


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of the graph."""

    edge: Edge
    progressed: bool


class Part:
    """A set of states, with the steps that stay inside: a `Component` if they are connected."""

    def __init__(self, space: PythonSpace, watch: int, numbers: frozenset[int]) -> None:
        self.space = space
        self.watch = watch
        self.numbers = numbers

    @property
    def first(self) -> int:
        """The lowest number."""
        return min(self.numbers)

    @cached_property
    def movers(self) -> frozenset[int]:
        """The actors that take steps in it."""
        return frozenset(edge.actor for number in self.numbers for edge in self.steps(number))

    def steps(self, number: int) -> Sequence[Edge]:
        """The steps from a state that are not progress and stay inside."""
        return [
            step.edge
            for step in self.space.graph[number]
            if step.edge.target in self.numbers
            and not (step.progressed and self.watch in (SYSTEM, step.edge.actor))
        ]

    def enabled(self, number: int) -> frozenset[int]:
        """The actors that have a step in a state."""
        return frozenset(step.edge.actor for step in self.space.graph[number])

    def components(self) -> Iterator[Part]:
        """Its strongly connected components, single states without a step to themselves too."""
        back: dict[int, list[int]] = {number: [] for number in self.numbers}
        for number in self.numbers:
            for edge in self.steps(number):
                back[edge.target].append(number)
        left = set(self.numbers)
        for number in reversed(self._by_end()):
            if number in left:
                found = _reached(number, left, back)
                left -= found
                yield Part(self.space, self.watch, frozenset(found))

    def _by_end(self) -> list[int]:
        """The states in the order in which a walk into the depth is done with them."""
        ended: list[int] = []
        seen: set[int] = set()
        for root in sorted(self.numbers):
            if root in seen:
                continue
            seen.add(root)
            path = [(root, iter(self.steps(root)))]
            while path:
                number, rest = path[-1]
                following = next((e.target for e in rest if e.target not in seen), None)
                if following is None:
                    ended.append(number)
                    path.pop()
                else:
                    seen.add(following)
                    path.append((following, iter(self.steps(following))))
        return ended

    def fair(self) -> Iterator[Part]:
        """The components of its parts that hold fair loops; it is connected itself."""
        if not self.movers:
            return
        narrowed = self.numbers
        for actor in range(len(self.space.interpreter.program.actors)):
            stay = self.space.stay(self.first, actor)
            if actor in self.movers or stay is Stay.FREE:
                continue
            able = frozenset(n for n in self.numbers if actor in self.enabled(n))
            if stay is Stay.LOCK:
                narrowed -= able
            elif able == self.numbers:
                return
        if narrowed == self.numbers:
            yield self
            return
        for part in Part(self.space, self.watch, narrowed).components():
            yield from part.fair()


def _reached(start: int, among: set[int], back: dict[int, list[int]]) -> set[int]:
    """What a walk finds that stays among some states."""
    found, work = {start}, [start]
    while work:
        new = {number for number in back[work.pop()] if number in among} - found
        found |= new
        work += new
    return found


class Found(Protocol):
    """A search by the interpreter that is over."""

    @property
    def interpreter(self) -> Interpreter: ...

    def run_to(self, number: int) -> tuple[tuple[StepTaken, ...], int]:
        """The steps to a state, and the start."""


class PythonSpace:
    """The states of a finished search by the interpreter: a `Space`."""

    def __init__(
        self, search: Found, states: Sequence[Words], room: int, deadline: float | None
    ) -> None:
        """`room`: bytes for the graph; `deadline`: by the monotonic clock."""
        self.interpreter = search.interpreter
        self.run_to = search.run_to
        self.states = states
        self.room = room
        self.deadline = deadline
        self._stays = [stays_of(actor) for actor in self.interpreter.program.actors]

    @cached_property
    def graph(self) -> list[list[_Step]]:
        """The steps from every state, in the order of the search."""
        numbers = {words: number for number, words in enumerate(self.states)}
        graph, edges = [], 0
        for words in self.states:
            found = enumerate(self.interpreter.successors(words))
            row = [
                _Step(Edge(at, numbers[after.words], after.step.actor), after.progressed)
                for at, after in found
            ]
            graph.append(row)
            edges += len(row)
            if edges * EDGE_BYTES > self.room:
                raise CutShort("memory", "the limit on memory was met while looking for loops")
            if self.deadline is not None and time.monotonic() >= self.deadline:
                raise CutShort("seconds", "the limit on time was met while looking for loops")
        return graph

    def stay(self, number: int, actor: int) -> Stay:
        """What it takes to stay where an actor stands in a state."""
        return self._stays[actor][self.interpreter.pc(self.states[number], actor)]

    def words(self, number: int) -> Words:
        """A state."""
        return self.states[number]

    def component(self, watch: int) -> Part | None:
        """See `lasso.Space`."""
        among = frozenset(n for n in range(len(self.states)) if self._is_asked(n, watch))
        parts = Part(self, watch, among).components()
        fair = [found for part in parts for found in part.fair()]
        return min(fair, key=lambda part: part.first, default=None)

    def _is_asked(self, number: int, watch: int) -> bool:
        """Whether progress is asked for in a state."""
        if watch == SYSTEM:
            return True
        enabled = any(step.edge.actor == watch for step in self.graph[number])
        return is_at_work(self.stay(number, watch), enabled)
