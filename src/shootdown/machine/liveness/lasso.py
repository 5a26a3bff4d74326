"""A loop of a component, as short as its excuses allow, and the lasso it makes.

The loop begins at the state of the component with the lowest number, which no other of its states
comes before in the search, so the stem is a shortest one. From there it goes to the nearest step or
state that gives an actor its excuse, from there to the next, and when all have theirs, back. Ties
go to the step that comes first in the order of the search, so both engines find the same loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.liveness.fairness import SYSTEM, Stay, stays_of, watched
from shootdown.machine.result import (
    NO_PROGRESS,
    STARVATION,
    Cut,
    Liveness,
    SearchResult,
    StepTaken,
)
from shootdown.program.program import Program


class Edge(NamedTuple):
    """A step from one state to another."""

    ordinal: int
    """which of the steps from its state it is"""
    target: int
    actor: int


class Component(Protocol):
    """Some states from which fair loops without progress go through all of them."""

    @property
    def first(self) -> int:
        """The lowest number of a state in it."""

    @property
    def movers(self) -> frozenset[int]:
        """The actors that take steps in it."""

    def steps(self, number: int) -> Sequence[Edge]:
        """The steps from a state that are not progress and stay inside."""

    def enabled(self, number: int) -> frozenset[int]:
        """The actors that have a step in a state, one that leads out of the component too."""


class Space(Protocol):
    """The states of a search that is over, and how it found them."""

    @property
    def interpreter(self) -> Interpreter: ...

    def component(self, watch: int) -> Component | None:
        """The component without progress of an actor, or of anybody, in which a fair loop begins
        soonest.

        Raises:
            CutShort: if a limit is met.
        """

    def words(self, number: int) -> Words:
        """A state."""

    def run_to(self, number: int) -> tuple[tuple[StepTaken, ...], int]:
        """The steps by which the search found a state, and the start, of `initials`."""


class CutShort(Exception):  # noqa: N818 - it is no error: a limit was met
    """Looking for loops met a limit."""

    def __init__(self, cut: Cut, reason: str) -> None:
        super().__init__(cut, reason)
        self.cut: Cut = cut
        self.reason = reason

    def cut_off(self, found: SearchResult) -> SearchResult:
        """A search that held, which therefore says nothing."""
        return replace(found, verdict="undecided", cut=self.cut, reason=self.reason)


@dataclass(frozen=True, slots=True)
class _Place:
    """A step on the way round: from which state, and which of its steps."""

    number: int
    edge: Edge


def look_for_loops(
    program: Program, space: Space, found: SearchResult, liveness: Liveness
) -> SearchResult:
    """What a search that held says once its loops have been looked at."""
    found = replace(found, liveness=liveness)
    try:
        for watch in watched(program, liveness):
            component = space.component(watch)
            if component is not None:
                return _lasso(space, component, watch, found)
    except CutShort as short:
        return short.cut_off(found)
    return found


def _lasso(space: Space, component: Component, watch: int, found: SearchResult) -> SearchResult:
    stem, start = space.run_to(component.first)
    loop = tuple(
        space.interpreter.successors(space.words(place.number))[place.edge.ordinal].step
        for place in _fair_loop(space, component)
    )
    return replace(
        found,
        verdict="violated",
        rule=NO_PROGRESS if watch == SYSTEM else STARVATION,
        path=stem + loop,
        loop=len(stem),
        starved=None if watch == SYSTEM else watch,
        start=start,
    )


def _fair_loop(space: Space, component: Component) -> list[_Place]:
    """The steps once round."""
    at = component.first
    must_move, without_excuse = _demands(space, component)
    loop: list[_Place] = []

    def settles(edge: Edge) -> set[int]:
        """The actors of which nothing more is wanted after this step."""
        able = component.enabled(edge.target)
        return {edge.actor} & must_move | {
            actor for actor in without_excuse if actor == edge.actor or actor not in able
        }

    while must_move or without_excuse:
        way = _way(component, at, lambda edge: bool(settles(edge)))
        loop += way
        settled = settles(way[-1].edge)
        must_move, without_excuse = must_move - settled, without_excuse - settled
        at = way[-1].edge.target
    if at != component.first or not loop:
        loop += _way(component, at, lambda edge: edge.target == component.first)
    return loop


def _demands(space: Space, component: Component) -> tuple[set[int], set[int]]:
    """The actors that have to move on the way round, and those that have to move or to be seen
    unable to.

    Whoever waits for a lock must never be able to get it, or move; it moves if it can.
    """
    words, interpreter = space.words(component.first), space.interpreter
    able = component.enabled(component.first)
    must_move, without_excuse = set(), set()
    for number, actor in enumerate(interpreter.program.actors):
        stay = stays_of(actor)[interpreter.pc(words, number)]
        if stay is Stay.LOCK and number in component.movers:
            must_move.add(number)
        elif stay in (Stay.WEAK, Stay.IDLE) and number in able:
            without_excuse.add(number)
    return must_move, without_excuse


def _way(component: Component, start: int, ends: Callable[[Edge], bool]) -> list[_Place]:
    """The shortest way from a state whose last step is such a one; there is one."""
    came: dict[int, _Place] = {}
    for place in _outward(component, start, came):
        if ends(place.edge):
            return _back(place, start, came)
    raise AssertionError("a component has no way round")


def _outward(component: Component, start: int, came: dict[int, _Place]) -> Iterator[_Place]:
    """Every step of the component, nearest first; `came` tells how a state was found."""
    queue = [start]
    for number in queue:
        for edge in component.steps(number):
            place = _Place(number, edge)
            yield place
            if edge.target != start and edge.target not in came:
                came[edge.target] = place
                queue.append(edge.target)


def _back(last: _Place, start: int, came: dict[int, _Place]) -> list[_Place]:
    way = [last]
    while way[-1].number != start:
        way.append(came[way[-1].number])
    return way[::-1]
