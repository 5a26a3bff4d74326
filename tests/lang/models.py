"""Models from source text or classes, compiled and searched."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.geometry import Geometry
from shootdown.lang.tables import Options
from shootdown.machine.interpreter import Interpreter
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import SearchResult
from shootdown.machine.search import search
from shootdown.program.program import Program

FOLDER = tempfile.TemporaryDirectory(prefix="shootdown-models-")
NUMBERS = itertools.count()

HEADER = """\
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from shootdown.lang.declare import *
from shootdown.lang.declare import Flag, Int
from shootdown.lang.part import Part
from shootdown.lang.sections import SeqCount, Srcu
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE
@dataclass(frozen=True)
class Point:
    x: int
    y: int
    z: int = field(default=7, kw_only=True)
WORDS = frozenset({"a", "b"})
LIMIT = 3
Phase = Enum("Phase", ["IDLE", "BUSY", "DONE"])
Other = Enum("Other", ["IDLE", "BUSY", "DONE"])
"""
HEADER_LINES = HEADER.count("\n")


def write(text: str) -> Path:
    """A new file with this text; no two are the same, as sources are read once per process."""
    path = Path(FOLDER.name) / f"model{next(NUMBERS)}.py"
    path.write_text(text, encoding="utf-8")
    return path


def load(text: str) -> dict[str, Any]:
    """The names of a module with this text below `HEADER`."""
    text = HEADER + dedent(text)
    path = write(text)
    module = sys.modules[path.stem] = ModuleType(path.stem)
    exec(compile(text, str(path), "exec"), vars(module))
    return vars(module)


def program_of(
    *methods: Callable[[], None],
    geometry: Geometry | None = None,
    counter_bits: int = 3,
    daemons: bool = False,
) -> Program:
    """The program in which each method is an actor."""
    entries = [Entry(f"actor{n}", method, daemons) for n, method in enumerate(methods)]
    return compile_system(entries, Options(geometry or Geometry(), counter_bits))


def run_alone(program: Program, choices: tuple[int, ...] = ()) -> dict[str, Any]:
    """The final state of a program with one actor: variables by name, and the steps it took.

    Raises:
        AssertionError: if it breaks a rule or gets stuck.
    """
    interpreter = Interpreter(program)
    words = interpreter.initial_states()[0]
    steps = 0
    while interpreter.point(words, 0) is not None:
        outcome = interpreter.step(words, 0, choices)
        assert outcome.enabled
        assert outcome.broken is None, program.rules[outcome.broken].name
        words = outcome.words
        choices = choices[len(outcome.choices) :]
        steps += 1
    found = variables(program, words)
    return {**found, "steps": steps}


def variables(program: Program, words: tuple[int, ...]) -> dict[str, Any]:
    """Every variable of a state by name: a number, or a tuple for an array."""
    view = Interpreter(program).unpack(words)
    return {
        variable.name: values if variable.array else values[0]
        for variable, values in zip(program.variables, view.variables, strict=True)
    }


def final_states(program: Program) -> list[dict[str, Any]]:
    """The different states in which every actor is done, in the order of finding."""
    interpreter = Interpreter(program)
    found: dict[tuple[int, ...], None] = {}
    seen = set(queue := interpreter.initial_states())
    for words in queue:
        successors = interpreter.successors(words)
        if all(interpreter.point(words, n) is None for n in range(len(program.actors))):
            found[words] = None
        for successor in successors:
            assert successor.broken is None
            if successor.words not in seen:
                seen.add(successor.words)
                queue.append(successor.words)
    return [variables(program, words) for words in found]


def counts(program: Program) -> tuple[str, int, int]:
    """Verdict, states and transitions of a full search."""
    result = check(program)
    return result.verdict, result.states, result.transitions


def check(program: Program) -> SearchResult:
    """A full search in plain Python; only dead registers do not tell states apart."""
    full = replace(Reductions.none(), dead_variables=True)
    return search(program, engine="python", reductions=full)
