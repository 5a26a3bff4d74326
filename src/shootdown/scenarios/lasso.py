"""A run that gets nowhere, in words: which rule, and who stands by and why that is fair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.liveness.fairness import Stay, stays_of
from shootdown.machine.result import SearchResult
from shootdown.machine.trace import Trace
from shootdown.program.operation import Progress
from shootdown.program.program import Program
from shootdown.scenarios.waiting import Ledger, say_wait


def sentence_of(program: Program, result: SearchResult) -> str:
    """What should have held."""
    if result.starved is None:
        return "a run that goes on for ever gets something done again and again"
    name = program.actors[result.starved].name
    return f"{name} gets something done in the end, however busy the others are"


def who_stands_by(
    interpreter: Interpreter, traces: Sequence[Trace], states: Sequence[Words]
) -> Iterator[str]:
    """The actors that take no step in the loop, which goes through these states; its steps are the
    last of the run."""
    loop = traces[len(traces) - len(states) :]
    movers = {trace.actor for trace in loop}
    for number, actor in enumerate(interpreter.program.actors):
        pc = interpreter.pc(states[0], number)
        if number in movers or pc == actor.halted:
            continue
        if stays_of(actor)[pc] is Stay.FREE:
            yield f"{actor.name} rests, as it may"
            continue
        stopped = [at for at, words in enumerate(states) if not _can(interpreter, words, number)]
        second_round = loop[: stopped[0]]
        ledger = Ledger(interpreter, (*traces, *second_round))
        text = say_wait(ledger, states[stopped[0]], number)
        yield text if len(stopped) == len(states) else f"{text}, and could go on only at times"


def _can(interpreter: Interpreter, words: Words, actor: int) -> bool:
    return any(outcome.enabled for outcome in interpreter.attempts(words, actor))


def remarks(program: Program) -> Iterator[str]:
    """What may explain that nothing gets done."""
    operations = (operation for actor in program.actors for operation in actor.code)
    if not any(isinstance(operation, Progress) for operation in operations):
        yield "no thread ever says progress(), so only ending counts as getting something done"
