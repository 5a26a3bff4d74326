"""What a search is asked for and what it found, as plain records.

A result carries the verdict and what the verdict rests on: how much was seen, how deep, and whether
something stopped the search early. A search that was cut is `undecided`, whatever it saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Verdict = Literal["holds", "violated", "undecided", "widen"]
"""`widen`: a counter is too narrow for this model; rebuild the program with a wider one"""

Engine = Literal["native", "python"]

Cut = Literal["states", "seconds", "memory"]

DEADLOCK = "deadlock"
"""The name of the rule that every model has: somebody who must go on can go on."""

NO_PROGRESS = "no-progress"
"""The name of the rule about runs that go on for ever: somebody gets something done"""

STARVATION = "starvation"
"""The same about one actor: it gets something done, as long as it has something to do"""


class Liveness(Enum):
    """What is asked of runs that go on for ever (`machine.liveness`)."""

    SYSTEM = "system"
    """somebody gets something done, again and again"""
    EACH = "each"
    """everybody does who has something to do and is asked for progress"""

    @classmethod
    def asked(cls, system: bool, each: bool) -> Liveness | None:
        """What two switches ask for."""
        return cls.EACH if each else cls.SYSTEM if system else None


class WorkerError(RuntimeError):
    """A thread of a search died, so there is no result: our bug."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"a thread of the search died: {self.reason}"


class UnsoundError(AssertionError):
    """A search that was over had not seen everything, so there is no result: our bug."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where to stop. None: no limit; for `memory` three quarters of what is available."""

    states: int | None = None
    seconds: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step of a run: who moved, and what its Chooses yielded, in order."""

    actor: int
    choices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands; `queue` states are found and not yet expanded."""

    states: int
    queue: int
    depth: int
    seconds: float
    memory: int = 0
    """bytes in use"""
    rate: float = 0.0
    """states found per second, since the last time"""
    memory_limit: int = 0
    """bytes that may be in use"""
    state_bytes: int = 0
    """bytes of one state, without its share of the table"""
    most_states: int = 0
    """about how many states the limits allow"""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The outcome of one search.

    The counterexample starts at `program.initials[start]` and takes the steps of `path`; the last
    of them breaks `rule`, except for a deadlock, where the state after the last step is the
    deadlock, and for a run that gets nowhere, which takes the steps from `path[loop]` on for ever.
    """

    verdict: Verdict
    rule: str | None
    """the broken rule, for `violated` and `widen`"""
    states: int
    """different states stored; the state at a broken check is not one of them"""
    transitions: int
    """successors generated, the violating one included"""
    depth: int
    """steps from a start to the deepest state found"""
    seconds: float
    path: tuple[StepTaken, ...]
    start: int
    reached: frozenset[tuple[int, int]]
    """(actor, operation index) of everything executed, in steps that did not happen too"""
    exercised: tuple[int, ...]
    """how often each rule of the program was checked"""
    cut: Cut | None
    """what stopped an undecided search"""
    reason: str | None
    """the cut in words"""
    memory: int
    """most bytes of states, parents, table and buffers at any time"""
    engine: Engine
    liveness: Liveness | None = None
    """what was asked of runs that go on for ever; None: nothing"""
    loop: int | None = None
    """where in `path` the steps begin that repeat for ever"""
    starved: int | None = None
    """the actor that gets nothing done while others do"""
