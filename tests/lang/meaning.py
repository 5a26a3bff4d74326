"""A model with a bit of everything, and what its methods do: for tests of what models mean."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

from shootdown.lang.geometry import Geometry
from shootdown.program.program import Program

from .models import check, final_states, load, program_of, run_alone

HEAD = """
class Model(Part):
    def __init__(self):
        self.lock = Mutex()
        self.sem = RwSemaphore()
        self.n = Int(0, 7)
        self.m = Int(0, 7)
        self.flag = Flag()
        self.seq = Counter()
        self.table = PerPage(Pte)
        self.seen = Ghost(Int(0, 7))
        self.phase = EnumState(Phase)
        self.rw = RwLock()
        self.count = SeqCount()
        self.srcu = Srcu()
        self.units = [1, 2, 4]
        self.pages = 3
"""


def model(methods: str) -> Any:
    """An instance of a class with this state and these methods."""
    return load(HEAD + indent(dedent(methods), "    "))["Model"]()


def alone(methods: str, geometry: Geometry | None = None) -> dict[str, Any]:
    """The end of a run of `run`, with nobody else there."""
    return run_alone(program_of(model(methods).run, geometry=geometry))


def together(methods: str, *names: str) -> Program:
    """The program in which these methods of one model run at the same time."""
    instance = model(methods)
    return program_of(*(getattr(instance, name) for name in names))


def ends(program: Program, *names: str) -> set[tuple[Any, ...]]:
    """What the variables may hold when everybody is done."""
    return {tuple(state[f"model.{name}"] for name in names) for state in final_states(program)}


def broken(methods: str, bits: int = 3) -> tuple[str, str | None, str]:
    """Verdict, rule and sentence of a model in which one actor breaks something."""
    program = program_of(model(methods).run, counter_bits=bits)
    result = check(program)
    sentence = next((r.sentence for r in program.rules if r.name == result.rule), "")
    return result.verdict, result.rule, sentence
