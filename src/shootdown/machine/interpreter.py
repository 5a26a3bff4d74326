"""The reference: steps of a program on packed states, in plain Python.

Every other way of running a program is measured against this one, so it stays slow and obvious. It
also rebuilds counterexamples: a native search stores only who was whose parent, and the first
successor here that equals the child is the step the search took.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from shootdown.machine.canonical import Plan, canonical
from shootdown.machine.eager import eager_attempts
from shootdown.machine.execution import FUEL, Ending, Execution
from shootdown.machine.result import StepTaken
from shootdown.program.independence import Independence
from shootdown.program.layout import Layout, make_layout, read_field, write_field
from shootdown.program.operation import Patience, Point
from shootdown.program.program import Program

Words = tuple[int, ...]
"""A packed state."""

REMEMBERED = 1 << 14
"""canonical forms, and steps taken at once, that are not worked out again: neighbours in a search
have most of their successors in common"""


@dataclass(frozen=True, slots=True)
class ActorView:
    """Where one actor stands."""

    pc: int
    point: int | None
    """index of its point in the code; None: it has halted"""
    registers: tuple[tuple[int, int], ...]
    """(register, value) of those alive here"""


@dataclass(frozen=True, slots=True)
class View:
    """A state unpacked for people: every variable's elements, and every actor."""

    variables: tuple[tuple[int, ...], ...]
    actors: tuple[ActorView, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempted step did."""

    enabled: bool
    """False: it did not happen, and `words` is the state before it"""
    words: Words
    broken: int | None
    """the rule it broke: `words` is the moment of the check, with pc and registers from before"""
    choices: tuple[int, ...]
    """the choices it took; those not given are 0"""
    radices: tuple[int, ...]
    """how many there were to choose from, each time"""
    reached: tuple[int, ...]
    """indexes of the operations executed"""
    checked: tuple[int, ...]
    """rules checked"""
    counts: tuple[tuple[int, int], ...]
    """(counter, amount)"""
    leads_nowhere: bool = False
    """it broke a rule that is known already (`program.known`): `words` is the state before it"""
    progressed: bool = False
    """it got something done"""


@dataclass(frozen=True, slots=True)
class Successor:
    """A step that can be taken, and the state it leads to."""

    step: StepTaken
    words: Words
    broken: int | None = None
    progressed: bool = False
    through: tuple[Words, ...] = ()
    """the states between it and `words`, where others' steps were taken at once after it"""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Every step from one state, up to and including the first that breaks a rule."""

    successors: tuple[Successor, ...]
    attempts: tuple[tuple[int, Outcome], ...]
    """(actor, outcome) of all that was tried, steps that did not happen included"""
    deadlock: bool
    """nobody who goes on can, and somebody who must go on is among them"""


class _Packed:
    """A packed state while a step changes it."""

    __slots__ = ("layout", "words")

    def __init__(self, layout: Layout, words: Words) -> None:
        self.layout = layout
        self.words = list(words)

    def load(self, variable: int, index: int) -> int:
        return read_field(self.words, self.layout.variables[variable].at(index))

    def store(self, variable: int, index: int, value: int) -> None:
        write_field(self.words, self.layout.variables[variable].at(index), value)


class _Choices:
    """Given choices first, then zeros; remembers both the choices and their radices."""

    __slots__ = ("given", "radices", "taken")

    def __init__(self, given: tuple[int, ...]) -> None:
        self.given = given
        self.taken: list[int] = []
        self.radices: list[int] = []

    def __call__(self, bound: int) -> int:
        position = len(self.taken)
        digit = self.given[position] if position < len(self.given) else 0
        if not 0 <= digit < bound:
            raise ValueError(f"choice {position} is {digit}, but must be below {bound}")
        self.taken.append(digit)
        self.radices.append(bound)
        return digit


class Interpreter:
    """Runs steps of one program on packed states of one layout."""

    def __init__(
        self,
        program: Program,
        layout: Layout | None = None,
        plan: Plan | None = None,
        independence: Independence | None = None,
    ) -> None:
        self.program = program
        self.layout = layout or make_layout(program)
        self.plan = plan
        self.independence = independence
        self._points = tuple(actor.points for actor in program.actors)
        self._canonical = lru_cache(REMEMBERED)(partial(canonical, plan)) if plan else None
        self._only_step = lru_cache(REMEMBERED)(self.step)

    def form(self, words: Words) -> Words:
        """The state that a search keeps for this one: its canonical form, with a plan for it."""
        return self._canonical(words) if self._canonical else words

    def initial_states(self) -> list[Words]:
        """The starts of `program.initials`, in that order; every actor at its first point."""
        return [self._initial(start) for start in self.program.initials]

    def _initial(self, start: tuple[tuple[int, int, int], ...]) -> Words:
        words = [0] * self.layout.words
        for variable, slots in zip(self.program.variables, self.layout.variables, strict=True):
            for index, value in enumerate(variable.initial):
                write_field(words, slots.at(index), value)
        for number, index, value in start:
            write_field(words, self.layout.variables[number].at(index), value)
        for frame in self.layout.actors:
            for _, field in frame.registers[0]:
                write_field(words, field, 0)
        return tuple(words)

    def pc(self, words: Words, actor: int) -> int:
        """The number of the point an actor stands at; `halted` if it is done."""
        return read_field(words, self.layout.actors[actor].pc)

    def point(self, words: Words, actor: int) -> Point | None:
        """The point an actor stands at; None if it is done."""
        pc = self.pc(words, actor)
        if pc == self.program.actors[actor].halted:
            return None
        point = self.program.actors[actor].code[self._points[actor][pc]]
        assert isinstance(point, Point)
        return point

    def unpack(self, words: Words) -> View:
        """The state as values."""
        variables = tuple(
            tuple(read_field(words, slots.at(index)) for index in range(slots.length))
            for slots in self.layout.variables
        )
        return View(variables, tuple(self._view(words, a) for a in range(len(self._points))))

    def _view(self, words: Words, actor: int) -> ActorView:
        pc = self.pc(words, actor)
        if pc == len(self._points[actor]):
            return ActorView(pc, None, ())
        row = self.layout.actors[actor].registers[pc]
        registers = tuple((register, read_field(words, field)) for register, field in row)
        return ActorView(pc, self._points[actor][pc], registers)

    def step(self, words: Words, actor: int, choices: tuple[int, ...] = ()) -> Outcome:
        """Try one step of an actor that has not halted; choices not given are 0."""
        pc = self.pc(words, actor)
        registers = [0] * len(self.program.actors[actor].registers)
        for register, field in self.layout.actors[actor].registers[pc]:
            registers[register] = read_field(words, field)
        memory, chooser = _Packed(self.layout, words), _Choices(choices)
        execution = Execution(self.program, actor, registers, memory, chooser, fuel=FUEL)
        ending, index = execution.run(self._points[actor][pc])
        if ending in (Ending.ARRIVED, Ending.HALTED):
            self._put(memory.words, actor, pc, index, registers)
        undone = ending in (Ending.BLOCKED, Ending.KNOWN)
        return Outcome(
            not undone,
            words if undone else tuple(memory.words),
            execution.checked[-1] if ending is Ending.BROKEN else None,
            tuple(chooser.taken),
            tuple(chooser.radices),
            tuple(execution.reached),
            tuple(execution.checked),
            tuple(execution.counts),
            ending is Ending.KNOWN,
            execution.progressed,
        )

    def only_step(self, words: Words, actor: int) -> Outcome:
        """The step of an actor that does not choose."""
        return self._only_step(words, actor)

    def _put(self, words: list[int], actor: int, pc: int, index: int, registers: list[int]) -> None:
        """The actor leaves point number `pc` and stands at the operation `index`."""
        frame = self.layout.actors[actor]
        for _, field in frame.registers[pc]:
            write_field(words, field, field.low)
        if not isinstance(self.program.actors[actor].code[index], Point):
            write_field(words, frame.pc, len(self._points[actor]))
            return
        arrived = self._points[actor].index(index)
        write_field(words, frame.pc, arrived)
        for register, field in frame.registers[arrived]:
            write_field(words, field, registers[register])

    def attempts(self, words: Words, actor: int) -> Iterator[Outcome]:
        """Every step of one actor, in odometer order: the last Choose turns fastest."""
        if self.point(words, actor) is None:
            return
        choices: tuple[int, ...] | None = ()
        while choices is not None:
            outcome = self.step(words, actor, choices)
            yield outcome
            choices = _following(outcome.choices, outcome.radices)

    def expand(self, words: Words) -> Expansion:
        """Every step of every actor, in order, until one breaks a rule."""
        successors: list[Successor] = []
        attempts: list[tuple[int, Outcome]] = []
        goes_on = stuck = False
        for actor in range(len(self._points)):
            moves, found = False, list[Successor]()
            for outcome in self.attempts(words, actor):
                attempts.append((actor, outcome))
                moves |= outcome.enabled or outcome.leads_nowhere
                if not outcome.enabled:
                    continue
                step = StepTaken(actor, outcome.choices)
                found.append(Successor(step, outcome.words, outcome.broken, outcome.progressed))
                if outcome.broken is not None:
                    break
            for successor in found:
                successors.append(self._settled(successor, attempts))
                if successors[-1].broken is not None:
                    return Expansion(tuple(successors), tuple(attempts), False)
            point = self.point(words, actor)
            goes_on |= moves and point is not None and point.patience is not Patience.REST
            stuck |= not moves and point is not None and point.patience is Patience.MUST
        return Expansion(tuple(successors), tuple(attempts), stuck and not goes_on)

    def _settled(self, successor: Successor, attempts: list[tuple[int, Outcome]]) -> Successor:
        """A successor after all that is taken at once behind it; `attempts` grows by that."""
        if self.independence is None or successor.broken is not None:
            return successor
        words, broken, through = self.form(successor.words), None, []
        for actor, outcome in eager_attempts(self, self.independence, words):
            attempts.append((actor, outcome))
            if outcome.enabled:
                through.append(words)
                words, broken = self.form(outcome.words), outcome.broken
        return replace(successor, words=words, broken=broken, through=tuple(through))

    def steps(self, words: Words) -> Iterator[Successor]:
        """Every step that can be taken, in order, also behind one that breaks a rule; and nothing
        that is taken at once after it."""
        for actor in range(len(self._points)):
            for outcome in self.attempts(words, actor):
                if outcome.enabled:
                    step = StepTaken(actor, outcome.choices)
                    yield Successor(step, outcome.words, outcome.broken, outcome.progressed)

    def successors(self, words: Words) -> list[Successor]:
        """The steps that can be taken, in order."""
        return list(self.expand(words).successors)


def _following(choices: tuple[int, ...], radices: tuple[int, ...]) -> tuple[int, ...] | None:
    """The next choices of the odometer, as far as they are decided; None after the last."""
    for position in range(len(choices) - 1, -1, -1):
        if choices[position] + 1 < radices[position]:
            return (*choices[:position], choices[position] + 1)
    return None
