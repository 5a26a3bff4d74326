"""Who waits for what, and who could end the waiting: at a deadlock, and beside a loop.

A state tells who holds a lock for writing, but not who reads under it, nor who made a condition
false. The run that led there tells both: it is gone through once, noting who took locks and did not
give them back, and who changed what last. Where a number is not 0 because somebody counted
it up and did not count it down again, as the readers of an Srcu do, that is who is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.trace import Read, Trace, Write, trace_step
from shootdown.program.kind import Family
from shootdown.program.operation import Acquire, Patience, Release
from shootdown.program.where import Where
from shootdown.scenarios.hindsight import show_value

LANGUAGE, HARDWARE = "shootdown/lang/", "shootdown/devices/"

Element = tuple[int, int]
"""a variable and an index"""


class Ledger:
    """What a run has left behind: locks held, and who changed what."""

    def __init__(self, interpreter: Interpreter, traces: Iterable[Trace]) -> None:
        self.interpreter = interpreter
        self._names = [actor.name for actor in interpreter.program.actors]
        self._held: dict[int, list[int]] = defaultdict(list)
        """of each lock the actors that hold it, in the order of taking it"""
        self._raised: dict[Element, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._last: dict[Element, int] = {}
        for trace in traces:
            self._add(trace)

    def _add(self, trace: Trace) -> None:
        code = self.interpreter.program.actors[trace.actor].code
        for index in trace.operations:
            operation = code[index]
            if isinstance(operation, Acquire):
                self._held[operation.variable].append(trace.actor)
            elif isinstance(operation, Release):
                self._held[operation.variable].remove(trace.actor)
        for access in trace.accesses:
            if isinstance(access, Write):
                place = access.variable, access.index
                self._raised[place][trace.actor] += access.after - access.before
                self._last[place] = trace.actor

    def lock(self, variable: int, words: Words) -> str:
        """`mm.mmap_lock (read-held by task1 and worker0)`."""
        row = self.interpreter.program.variables[variable]
        value = self.interpreter.unpack(words).variables[variable][0]
        state = row.kind.show(value)
        if row.kind.family is Family.RWLOCK and 0 < value <= row.kind.readers:
            state = f"read-held by {_listed(self._names[actor] for actor in self._held[variable])}"
        return f"{row.name} ({state})"

    def element(self, read: Read) -> str:
        """`srcu.readers[0] (1, counted up by reader0)`."""
        row = self.interpreter.program.variables[read.variable]
        place, said = (read.variable, read.index), show_value(row, read.value)
        raised = [actor for actor, by in self._raised[place].items() if by > 0]
        if row.kind.family is Family.COUNTER and read.value and raised:
            said += f", counted up by {_listed(self._names[actor] for actor in sorted(raised))}"
        elif place in self._last:
            said += f", set by {self._names[self._last[place]]}"
        return f"{row.label(read.index)} ({said})"


def who_waits(ledger: Ledger, words: Words) -> Iterator[str]:
    """Whoever must go on and cannot: `task0 waits for driver.mutex (held by device0) at …`"""
    interpreter = ledger.interpreter
    for actor in range(len(interpreter.program.actors)):
        point = interpreter.point(words, actor)
        if point is not None and point.patience is Patience.MUST:
            yield say_wait(ledger, words, actor)


def say_wait(ledger: Ledger, words: Words, actor: int) -> str:
    """What an actor that stands at a point and cannot go on waits for."""
    interpreter = ledger.interpreter
    row = interpreter.program.actors[actor]
    point = interpreter.point(words, actor)
    assert point is not None
    after = row.code[row.points[interpreter.pc(words, actor)] + 1]
    what = "a condition"
    if isinstance(after, Acquire):
        what = ledger.lock(after.variable, words)
    else:
        seen = dict.fromkeys(ledger.element(read) for read in _looked_at(ledger, words, actor))
        what = _listed(seen) or what
    return f"{row.name} waits for {what} at {_place(point.where)}"


def _looked_at(ledger: Ledger, words: Words, actor: int) -> Iterator[Read]:
    """What the system reads before it is stopped, whatever is chosen."""
    program = ledger.interpreter.program
    for outcome in ledger.interpreter.attempts(words, actor):
        for access in trace_step(ledger.interpreter, words, actor, outcome.choices).accesses:
            if isinstance(access, Read) and not program.variables[access.variable].ghost:
                yield access


def _place(where: Where) -> Where:
    """The line whose author can do something about it: not one inside the language or hardware."""
    own = (place for place in where.chain if not place.file.startswith((LANGUAGE, HARDWARE)))
    return next(own, where)


def _listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *rest, last = list(names) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last
