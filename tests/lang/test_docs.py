"""docs/language.md: its examples are models, its tables are true and leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

import shootdown
from shootdown.lang.compile import compile_system
from shootdown.lang.geometry import Geometry
from shootdown.lang.tables import Options
from shootdown.machine.interpreter import Interpreter
from shootdown.program.program import Program
from shootdown.scenarios.model_request import entries_of

from .models import counts, load, program_of

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
TALLY, POLLER = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_example() -> None:
    """The example compiles; under its lock it is one step."""
    tally = load(TALLY)["Tally"]()
    assert counts(program_of(tally.run, tally.run)) == ("holds", 4, 4)


def test_work_example() -> None:
    """It holds, and the comment in it is true."""
    broken = POLLER.replace("cancel_work_sync", "flush_work")
    models = [load(text)["Poller"]() for text in (POLLER, broken)]
    programs = [compile_system(entries_of(model), Options(Geometry())) for model in models]
    assert [counts(program) for program in programs] == [("holds", 11, 14), ("violated", 19, 26)]


def test_every_builtin_is_named() -> None:
    """The builtins that Python computes are those the document lists."""
    from shootdown.lang.builtins import STATIC_CALLS

    listed = re.search(r"Python itself computes `(.*?)`", TEXT, re.DOTALL)
    assert listed is not None
    assert listed[1].split() == [builtin.__name__ for builtin in STATIC_CALLS]


NOT_OF_THE_LANGUAGE = {
    "Driver",
    "Iommu",
    "ShadowMmu",
    "INVALID",
    "SUCCESS",
    "Model",
    "thread",
    "Part",
}
"""documented in docs/models.md and with the drivers"""


def test_every_name_is_documented() -> None:
    """What shootdown exports for models stands in the document."""
    source = Path(shootdown.__file__).read_text(encoding="utf-8")
    names = set()
    for home, block in re.findall(r'"shootdown\.(\w+)[\w.]*": \((.*?)\)', source, re.DOTALL):
        if home == "lang":
            names |= set(re.findall(r'"(\w+)"', block))
    missing = [name for name in names if not re.search(rf"\b{name}\b", TEXT)]
    assert sorted(set(missing) - NOT_OF_THE_LANGUAGE - {"ModelError"}) == []


STEPS = re.findall(
    r"^\| `(.*?)`(.*?) \| (\d+) \|$", TEXT.partition("| statement | steps |")[2], re.MULTILINE
)

MODEL = """
from shootdown import Rcu, Queue, Work, cancel_work_sync, schedule_work
class Model(Part):
    def __init__(self):
        self.lock = Mutex()
        self.a, self.b, self.i = (Int(0, 1) for _ in range(3))
        self.guarded = Int(0, 1)
        self.t = Array(Int(0, 1), 2)
        self.queue = Queue(Int(0, 1), 2)
        self.work = Work(self.nothing)
        self.rcu = Rcu()

    def nothing(self):
        pass

    @indivisible
    def both(self):
        self.a += 1
        self.b += 1

    def other(self):
        self.a = self.b = self.i = 1
        self.t[0] = self.a
        with self.lock:
            self.guarded = 1
        self.queue.get()
        schedule_work(self.work)
        with self.rcu.read():
            pass

    def run(self):
"""


def steps_of_first(program: Program) -> int:
    """How many steps the first actor takes when the others stand still."""
    interpreter = Interpreter(program)
    words, steps = interpreter.initial_states()[0], 0
    while interpreter.point(words, 0) is not None:
        words = interpreter.step(words, 0, ()).words
        steps += 1
    return steps


def test_steps_are_promised() -> None:
    """The table is found."""
    assert len(STEPS) == 16


@pytest.mark.parametrize(("statement", "more", "steps"), STEPS)
def test_steps(statement: str, more: str, steps: str) -> None:
    """What the document says in numbers. The start of an actor is no step of its own."""
    body = f"with self.lock:\n    {statement}" if "with self.lock" in more else statement
    model = load(MODEL + indent(body, " " * 8) + "\n")["Model"]()
    assert steps_of_first(program_of(model.run, model.other)) == int(steps)
