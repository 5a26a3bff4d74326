"""Runs taken again without the steps that do not matter, in two ways."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from shootdown.machine.execution import Execution
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.result import StepTaken
from shootdown.machine.trace import Trace, Write, trace_step
from shootdown.program.operation import Acquire, Downgrade, Release, writes
from shootdown.program.program import Program
from shootdown.scenarios.relevance import relevant_steps

MOST_STEPS = 60


@dataclass
class Recorded:
    """A run with everything that was seen on the way."""

    program: Program
    start: Words
    steps: list[StepTaken]
    traces: list[Trace]
    points: list[int]
    """where the actor stood before each step"""


def record(interpreter: Interpreter, start: Words, steps: list[StepTaken]) -> Recorded:
    """Take the steps of a run."""
    words, traces, points = start, [], []
    for step in steps:
        point = interpreter.unpack(words).actors[step.actor].point
        assert point is not None
        points.append(point)
        traces.append(trace_step(interpreter, words, step.actor, step.choices))
        words = interpreter.step(words, step.actor, step.choices).words
    return Recorded(interpreter.program, start, steps, traces, points)


def wander(program: Program, random: Random) -> Recorded:
    """A random run, up to a broken rule or to any other step: slicing asks what led there."""
    interpreter = Interpreter(program)
    start = words = random.choice(interpreter.initial_states())
    steps: list[StepTaken] = []
    for _ in range(random.randint(1, MOST_STEPS)):
        ways = [
            (StepTaken(actor, outcome.choices), outcome)
            for actor in range(len(program.actors))
            for outcome in interpreter.attempts(words, actor)
            if outcome.enabled
        ]
        if not ways:
            break
        step, outcome = random.choice(ways)
        steps.append(step)
        words = outcome.words
        if outcome.broken is not None:
            break
    return record(interpreter, start, steps)


class _Values:
    """Shared state without packing, so that any value can be put anywhere."""

    def __init__(self, interpreter: Interpreter, words: Words) -> None:
        self.rows = [list(row) for row in interpreter.unpack(words).variables]

    def load(self, variable: int, index: int) -> int:
        return self.rows[variable][index]

    def store(self, variable: int, index: int, value: int) -> None:
        self.rows[variable][index] = value


def take_again(run: Recorded, kept: frozenset[int], random: Random) -> list[int]:
    """Take the steps that matter; of the others only that their actor has moved on is true, and
    whatever they wrote is anything. The numbers of the steps that went another way than before."""
    program = run.program
    memory = _Values(Interpreter(program), run.start)
    registers = [[0] * len(actor.registers) for actor in program.actors]
    other = []
    for number, (step, trace) in enumerate(zip(run.steps, run.traces, strict=True)):
        own = registers[step.actor]
        if number not in kept:
            _pretend(program, trace, memory, own, random)
            continue
        given = iter(step.choices)
        execution = Execution(program, step.actor, own, memory, lambda bound, g=given: next(g, 0))
        ending, _ = execution.run(run.points[number])
        if (tuple(execution.reached), ending) != (trace.operations, trace.ending):
            other.append(number)
    return other


def _pretend(
    program: Program, trace: Trace, memory: _Values, registers: list[int], random: Random
) -> None:
    """A step that does not matter: whatever it would have written, but for locks, is at random."""
    code = program.actors[trace.actor].code
    for access in trace.accesses:
        lock = isinstance(code[access.operation], Acquire | Release | Downgrade)
        if isinstance(access, Write) and not lock:
            kind = program.variables[access.variable].kind
            memory.store(access.variable, access.index, random.randint(kind.low, kind.high))
    for index in trace.operations:
        register = writes(code[index])
        if register is not None:
            kind = program.actors[trace.actor].registers[register].kind
            registers[register] = random.randint(kind.low, kind.high)


def shorten(run: Recorded) -> list[StepTaken]:
    """The steps that matter, those before them that their actors cannot skip, and what these need:
    a run of the program by itself."""
    kept = relevant_steps(run.program, run.traces)
    while True:
        last = {run.traces[number].actor: number for number in sorted(kept)}
        ends = [
            number for number, trace in enumerate(run.traces) if number <= last.get(trace.actor, -1)
        ]
        more = relevant_steps(run.program, run.traces, ends=ends)
        if more == kept:
            return [run.steps[number] for number in sorted(kept)]
        kept = more


def ends_alike(run: Recorded, steps: list[StepTaken]) -> bool:
    """Whether the interpreter can take these steps, and the last one does what it did in the run,
    up to the rule it breaks."""
    interpreter = Interpreter(run.program)
    words = run.start
    for step in steps[:-1]:
        outcome = interpreter.step(words, step.actor, step.choices)
        if not outcome.enabled or outcome.broken is not None:
            return False
        words = outcome.words
    last = trace_step(interpreter, words, steps[-1].actor, steps[-1].choices)
    return (last.operations, last.ending) == (run.traces[-1].operations, run.traces[-1].ending)
