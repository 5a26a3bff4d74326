"""What to check about a model: every interleaving of its threads, once.

A model brings its own rules, its assertions. One that asserts nothing still holds: deadlock and the
ranges of its numbers were checked, and the result says that it was only these.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.geometry import Geometry
from shootdown.lang.model import Model, threads_of
from shootdown.lang.tables import INDEX, RANGE, UNDERFLOW, WIDTH, Options
from shootdown.machine.result import SearchResult
from shootdown.program.operation import Guard, Operation, Patience, Point
from shootdown.program.program import Actor, Program
from shootdown.scenarios.case import WIDEST_COUNTER, Judgement, files_of, settled
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.target import blame
from shootdown.scenarios.verdict import Coverage, Subject

LIMITS = frozenset(rule.name for rule in (RANGE, INDEX, UNDERFLOW, WIDTH))
"""rules that numbers have by themselves"""

UNASSERTED = "no assertion was ever reached: only deadlock and the ranges of numbers were checked"
UNASSERTED_BUT_LIVE = (
    "no assertion was ever reached: only deadlock, progress and the ranges of numbers were checked"
)


@dataclass(frozen=True, slots=True)
class ModelCase:
    """The one case of a model."""

    model: type[Model]
    counter_bits: int = 3
    merged: bool = True
    """False: every access is a step of its own, where nobody could notice too"""
    endless: bool = False
    """what is asked is about runs that go on for ever, too"""

    @property
    def name(self) -> str:
        """The class is all there is to name."""
        return self.model.__name__

    @property
    def size(self) -> Mapping[str, int]:
        """A model is as large as it is written."""
        return {"threads": sum(len(t.names("")) for t in threads_of(self.model).values())}

    @property
    def recipe(self) -> Mapping[str, object]:
        """It has few sizes of its own."""
        return {"counter_bits": self.counter_bits, "merged": self.merged, "endless": self.endless}

    @property
    def files(self) -> frozenset[str]:
        """Where the model is written."""
        return files_of(self.model, Model)

    def program(self) -> Program:
        """Instantiate the model and compile its threads.

        Raises:
            ModelError: for a model whose __init__ raises, or that is not a valid one.
        """
        model = blame(inspect.getsourcefile(self.model) or "", self.model)
        options = Options(Geometry(), self.counter_bits, merged=self.merged, overlaps=self.endless)
        entries = entries_of(model)
        program = compile_system(entries, options)
        # The actors after the threads, of work and timers, say themselves where they are idle.
        threads, others = program.actors[: len(entries)], program.actors[len(entries) :]
        return replace(program, actors=(*map(_settle_daemon, threads), *others))

    def larger(self, rule: str) -> ModelCase | None:
        """With wider counters."""
        if rule == WIDTH.name and self.counter_bits < WIDEST_COUNTER:
            return replace(self, counter_bits=self.counter_bits + 1)
        return None

    def judge(self, program: Program, result: SearchResult, covered: Coverage) -> Judgement:
        """What holds holds; it may be little."""
        pairs = zip(program.rules, result.exercised, strict=True)
        asserted = any(times for rule, times in pairs if rule.name not in LIMITS)
        if result.verdict == "holds" and not asserted:
            return "holds", UNASSERTED if result.liveness is None else UNASSERTED_BUT_LIVE
        return settled(result)


def entries_of(model: Model) -> list[Entry]:
    """An actor for each thread. Numbered ones are given their number."""
    found = []
    for method, threads in threads_of(type(model)).items():
        for number, name in enumerate(threads.names(method)):
            arguments = () if threads.count is None else (number,)
            found.append(Entry(name, getattr(model, method), threads.daemon, arguments))
    return found


def _settle_daemon(actor: Actor) -> Actor:
    """A daemon may stay in a `wait_until` for ever; a lock that never comes is still a deadlock."""
    if not actor.daemon:
        return actor
    code = actor.code
    points = (_settle_point(operation, code[n + 1 :]) for n, operation in enumerate(code))
    return replace(actor, code=tuple(points))


def _settle_point(operation: Operation, rest: Sequence[Operation]) -> Operation:
    match operation:
        case Point(patience=Patience.MUST) if _waits(rest):
            return replace(operation, patience=Patience.IDLE)
        case _:
            return operation


def _waits(rest: Sequence[Operation]) -> bool:
    """Whether the step that these operations begin waits for a condition."""
    return next((isinstance(o, Guard) for o in rest if isinstance(o, Guard | Point)), False)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A question about a model."""

    model: type[Model]
    target: str
    effort: Effort = field(default_factory=Effort)

    @property
    def subject(self) -> Subject:
        """The model, on no kernel."""
        return Subject(self.target, None, None, (self.model.__name__,))

    @property
    def cases(self) -> list[ModelCase]:
        """One."""
        effort = self.effort
        return [
            ModelCase(
                self.model,
                merged=effort.reductions.merge,
                endless=effort.liveness is not None,
            )
        ]

    def refuse_mistakes(self) -> None:
        """Its one case finds all of them."""
